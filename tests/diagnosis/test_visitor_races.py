"""The same visitor twice at once: each test lets real transactions meet."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from diagnosis.models import Diagnosis
from notices.models import Notice
from reports.models import Job
from tenancy.models import Trail
from tenancy.scope import open_scope
from tests.conftest import House
from tests.diagnosis.journey import ANSWERS, FACTS, WHO, Visitor, page_data, sent

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Let all begin at the same moment; their answers in order."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        try:
            barrier.wait(timeout=10)
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def poster(visitor: Visitor, url: str, data: dict[str, Any]) -> Callable[[], Any]:
    return lambda: Client(SERVER_NAME="localhost").post(url, data)


def test_a_double_click_on_the_last_button_submits_once(michisuji: House) -> None:
    visitor = Visitor(michisuji).start().answer_all()
    submit = poster(visitor, visitor.here("who"), WHO)
    answers = at_once(*[submit] * 6)
    assert all(answer.status_code == 302 and "/r/" in answer.url for answer in answers)
    with open_scope(michisuji.scope):
        assert Diagnosis.objects.get().state == "submitted"
        assert (Job.objects.count(), Notice.objects.count()) == (1, 1)
        assert Trail.objects.filter(act="submit.diagnosis").count() == 1


def test_a_double_click_on_the_first_button_starts_once(michisuji: House) -> None:
    visitor = Visitor(michisuji)
    page = visitor.get(visitor.url("start")).content.decode()
    seed = page.split('name="seed" value="')[1].split('"')[0]
    answers = at_once(*[poster(visitor, visitor.url("start"), {"seed": seed})] * 4)
    assert {answer.status_code for answer in answers} == {302}
    with open_scope(michisuji.scope):
        assert Diagnosis.objects.count() == 1
        assert Trail.objects.filter(act="start.diagnosis").count() == 1


def test_choices_made_on_two_devices_at_once_are_all_kept(michisuji: House) -> None:
    visitor = Visitor(michisuji).start()
    numbers = {id: number for number in range(1, 9) for id in page_data(number)}
    given = {**ANSWERS, **FACTS}
    saves = [
        poster(visitor, visitor.here("save", number), {id: sent(id, given)}) for id, number in numbers.items()
    ]
    for half in (saves[:18], saves[18:]):
        assert {answer.status_code for answer in at_once(*half)} == {200}
    row = visitor.row()
    assert (row.answers, row.facts) == (ANSWERS, FACTS)


def test_an_answer_that_meets_the_submission_is_in_it_or_refused(michisuji: House) -> None:
    visitor = Visitor(michisuji).start().answer_all()
    late = poster(visitor, visitor.here("save", 1), {"strategy_target": "0"})
    answers = at_once(poster(visitor, visitor.here("who"), WHO), late)
    assert [answer.status_code for answer in answers] in ([302, 200], [302, 302])
    row = visitor.row()
    kept = row.answers["strategy_target"]
    assert kept == (0 if answers[1].status_code == 200 else ANSWERS["strategy_target"])
    assert row.state == "submitted"
