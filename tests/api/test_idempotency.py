"""`Idempotency-Key`: sent twice is done once."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections

from diagnosis.actions import start_diagnosis
from diagnosis.models import Diagnosis
from tenancy import clock
from tenancy.actions import create_company
from tenancy.api import idempotency
from tenancy.models import Company, Due, IdempotencyKey
from tenancy.scope import Scope, open_scope
from tenancy.tasks import forget_idempotency_keys
from tests.api.conftest import V1, Program, Programs, answered
from tests.conftest import House

pytestmark = pytest.mark.django_db

COMPANIES, DIAGNOSES = f"{V1}/companies/", f"{V1}/diagnoses/"
BODY = {"name": "株式会社エ"}


def count(house: House) -> int:
    with open_scope(house.scope):
        return Company.objects.filter(name="株式会社エ").count()


def test_the_same_key_and_body_get_the_same_answer_again(baba: Program, michisuji: House) -> None:
    first = baba.post(COMPANIES, BODY, Idempotency_Key="k-1")
    second = baba.post(COMPANIES, BODY, Idempotency_Key="k-1")
    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    assert first.headers["Content-Type"] == second.headers["Content-Type"]
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert count(michisuji) == 1


def test_without_a_key_twice_is_twice(baba: Program, michisuji: House) -> None:
    baba.post(COMPANIES, BODY)
    baba.post(COMPANIES, BODY)
    assert count(michisuji) == 2


def test_the_same_key_with_another_body_is_422(baba: Program, michisuji: House) -> None:
    baba.post(COMPANIES, BODY, Idempotency_Key="k")
    refused = baba.post(COMPANIES, {"name": "株式会社オ"}, Idempotency_Key="k")
    assert refused.status_code == 422
    assert refused.headers["Content-Type"] == "application/problem+json"
    with open_scope(michisuji.scope):
        assert not Company.objects.filter(name="株式会社オ").exists()


def test_a_key_counts_for_one_member_and_one_route(program: Programs, michisuji: House) -> None:
    for name in ("青木", "馬場"):
        answer = program(name).post(COMPANIES, BODY, Idempotency_Key="k")
        assert "Idempotency-Replayed" not in answer.headers
    assert count(michisuji) == 2
    assert program("馬場").post(DIAGNOSES, answered(), Idempotency_Key="k").status_code == 201


def test_a_key_counts_for_one_firm(baba: Program, gondo: Program) -> None:
    baba.post(COMPANIES, BODY, Idempotency_Key="k")
    there = gondo.post("/api/v1/firms/aoba/companies/", BODY, Idempotency_Key="k")
    assert (there.status_code, "Idempotency-Replayed" in there.headers) == (201, False)


def test_a_refused_request_may_try_again_with_its_key(baba: Program) -> None:
    assert baba.post(COMPANIES, {}, Idempotency_Key="k").status_code == 400
    assert baba.post(COMPANIES, BODY, Idempotency_Key="k").status_code == 201


def test_a_refusal_that_is_answered_and_not_raised_is_kept_nowhere(baba: Program, michisuji: House) -> None:
    with open_scope(michisuji.scope):
        begun = start_diagnosis()
    answers = [baba.post(f"{V1}/diagnoses/{begun.pk}/report/", Idempotency_Key="k") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [409, 409]
    assert not any("Idempotency-Replayed" in answer.headers for answer in answers)


@pytest.mark.parametrize("key", ["", "k" * 256, "鍵"])
def test_a_key_that_is_none_is_refused(baba: Program, key: str) -> None:
    answer = baba.post(COMPANIES, BODY, Idempotency_Key=key)
    assert (answer.status_code, set(answer.json()["errors"])) == (400, {"Idempotency-Key"})


def test_after_a_day_the_key_is_free_and_the_answer_forgotten(
    baba: Program, michisuji: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    baba.post(COMPANIES, BODY, Idempotency_Key="k")
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(hours=23, minutes=59))
    assert "Idempotency-Replayed" in baba.post(COMPANIES, BODY, Idempotency_Key="k").headers
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(hours=24, minutes=1))
    again = baba.post(COMPANIES, BODY, Idempotency_Key="k")
    assert (again.status_code, "Idempotency-Replayed" in again.headers) == (201, False)
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(hours=50))
    for due in Due.objects.filter(kind=idempotency.FORGET):
        forget_idempotency_keys(due.firm_id, str(due.object_id))
    with open_scope(michisuji.scope):
        assert not IdempotencyKey.objects.exists()
    assert not Due.objects.filter(kind=idempotency.FORGET).exists()


def test_many_keys_of_an_hour_are_forgotten_by_one_task(baba: Program) -> None:
    for number in range(3):
        baba.post(COMPANIES, BODY, Idempotency_Key=f"k{number}")
    assert Due.objects.filter(kind=idempotency.FORGET).count() <= 2  # two where the hour turns just now


# ── Visitors ──


def test_a_visitors_key_works_too(nobody: Program, michisuji: House) -> None:
    first = nobody.post(DIAGNOSES, answered(), Idempotency_Key="k")
    second = nobody.post(DIAGNOSES, answered(), Idempotency_Key="k")
    assert (first.status_code, first.content) == (201, second.content)
    assert second.headers["Idempotency-Replayed"] == "true"
    with open_scope(michisuji.scope):
        assert Diagnosis.objects.count() == 1


def test_a_visitor_at_another_address_does_not_get_it(nobody: Program) -> None:
    first = nobody.post(DIAGNOSES, answered(), Idempotency_Key="k")
    nobody.client.defaults["REMOTE_ADDR"] = "203.0.113.9"
    other = nobody.post(DIAGNOSES, answered(), Idempotency_Key="k")
    assert other.status_code == 201
    assert "Idempotency-Replayed" not in other.headers
    assert other.json()["id"] != first.json()["id"]


def test_no_visitor_sees_a_row_of_what_was_answered(nobody: Program, michisuji: House) -> None:
    nobody.post(DIAGNOSES, answered(), Idempotency_Key="k")
    with open_scope(Scope(firm_id=michisuji.firm.pk)):
        assert not IdempotencyKey.objects.exists()
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM tenancy_idempotencykey")
            assert cursor.fetchone() == (0,)
    with open_scope(michisuji.scope):
        assert IdempotencyKey.objects.count() == 1


# ── At the same moment ──


@pytest.mark.django_db(transaction=True)
def test_the_same_request_at_the_same_moment_is_409_at_once_and_then_the_answer(
    program: Programs, michisuji: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def slowly(**given: Any) -> Any:
        inside.set()
        assert go_on.wait(20)
        return create_company(**given)

    monkeypatch.setattr("tenancy.api.companies.create_company", slowly)
    token = program("馬場").token
    answers: list[Any] = []

    def first() -> None:
        answers.append(Program(token).post(COMPANIES, BODY, Idempotency_Key="k"))
        connections.close_all()

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(20)
    concurrent = Program(token).post(COMPANIES, BODY, Idempotency_Key="k")  # would wait for ever if it waited
    go_on.set()
    thread.join()
    assert concurrent.status_code == 409
    assert int(concurrent.headers["Retry-After"]) >= 1
    after = Program(token).post(COMPANIES, BODY, Idempotency_Key="k")
    assert after.content == answers[0].content
    assert after.headers["Idempotency-Replayed"] == "true"
    assert count(michisuji) == 1


@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_make_one_company(program: Programs, michisuji: House) -> None:
    token = program("馬場").token
    Program(token).get(COMPANIES)
    start, statuses = threading.Barrier(20), []

    def post() -> None:
        caller = Program(token)
        start.wait()
        statuses.append(caller.post(COMPANIES, BODY, Idempotency_Key="k").status_code)
        connections.close_all()

    threads = [threading.Thread(target=post) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    assert count(michisuji) == 1
