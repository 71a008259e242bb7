"""A consultant's way: sign in, read the new diagnosis, comment, take the company over, type for somebody, compare."""

from collections.abc import Callable
from typing import Any

import pytest

from config.processes import Child
from reports.models import Job
from tenancy.scope import open_scope
from tests.conftest import PASSWORD, House
from tests.journeys.conftest import DESK, PHONE, Person, eventually
from tests.journeys.test_visitor import answer_everything
from tests.test_matrix import ROUTES, address
from tests.things import answered, plant, result_token

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Someone = Callable[..., Person]


@pytest.fixture
def known(michisuji: House) -> House:
    """The firm, with passwords to sign in with."""
    for person in michisuji.people.values():
        person.set_password(PASSWORD)
        person.save(update_fields=["password"])
    return michisuji


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_a_consultant_reads_comments_and_takes_the_company_over(
    someone: Someone, known: House, worker: Child, width: int
) -> None:
    with open_scope(known.scope):
        diagnosis = answered(known, "合同会社みずうみ企画")
    consultant = someone(width)
    consultant.enter(known.people["馬場"])
    consultant.open("/michisuji/home/")
    assert consultant.reads("合同会社みずうみ企画")
    consultant.press("合同会社みずうみ企画")
    consultant.page.get_by_role("textbox", name="お客様にお伝えする文章").fill(
        "出会いの前に、誰にを決めましょう。"
    )
    consultant.press("コメントを保存する")
    consultant.press("支援先企業にする")
    assert consultant.reads("支援先")
    with open_scope(known.scope):
        diagnosis.refresh_from_db()
        assert (diagnosis.company_id, diagnosis.comment_version) != (None, 1)
    eventually(lambda: all(state == "done" for state in states(known)))

    consultant.open(f"/michisuji/companies/{diagnosis.company_id}/diagnoses/")
    consultant.press("代理で入力する")
    answer_everything(consultant)
    consultant.page.locator("input[name=consent]").check()
    consultant.press("結果を見る")
    consultant.open(f"/michisuji/companies/{diagnosis.company_id}/diagnoses/compare/")
    assert consultant.reads("51.8")


def test_every_page_is_accessible_valid_and_fits(someone: Someone, known: House) -> None:
    things = plant(known)
    windows = [someone(PHONE, dark=True), someone(DESK)]
    for path in (
        "/",
        "/accounts/password/reset/",
        "/michisuji/",
        "/michisuji/privacy/",
        "/michisuji/diagnosis/code/",
        f"/michisuji/diagnosis/r/{result_token(things.diagnosis)}/",
        "/michisuji/diagnosis/r/altered/",
        "/nowhere/",
    ):
        for person in windows:
            person.open(path)
    for person in windows:
        person.sign_in("aoki@michisuji.example", PASSWORD)
    for route in ROUTES:
        path = address(route, "michisuji", things.ids)
        answer = windows[0].page.context.request.get(windows[0].site + path)
        # Neither files nor the fragments that a page asks for.
        if answer.status == 200 and answer.body()[:9].lower() == b"<!doctype":
            for person in windows:
                person.open(path)


def states(house: House) -> list[Any]:
    with open_scope(house.scope):
        return list(Job.objects.values_list("state", flat=True))
