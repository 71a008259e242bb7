"""A month that somebody else has locked: the firm's pages say so and lose nothing."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client

from consultations.actions.booking import cancel
from consultations.actions.places import GIVE_ON
from consultations.actions.waiting import join
from consultations.models import Consultation, ConsultationMonth, DayException
from consultations.states import State
from consultations.tasks import give_on_offers
from tenancy import clock
from tenancy.models import Due
from tenancy.scope import open_scope
from tests.conftest import House, as_owner
from tests.consultations.firm_help import NEW, by_telephone, fresh, sheet
from tests.consultations.office import DECEMBER, booked, company, times

pytestmark = pytest.mark.django_db(transaction=True)
As = Callable[[str], Client]


@pytest.fixture
def elsewhere() -> Iterator[Any]:
    """Somebody else's connection. Nobody waits three seconds for what it has locked."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '50ms'")
    other = as_owner(str(connection.settings_dict["NAME"]))
    yield other
    other.rollback()
    other.close()
    connection.close()  # the next one waits as long as ever


@pytest.fixture
def somebody_else(elsewhere: Any) -> Callable[[], None]:
    """Takes the lock of all months and keeps it."""

    def takes() -> None:
        with elsewhere.cursor() as cursor:
            cursor.execute("LOCK TABLE consultations_consultationmonth IN EXCLUSIVE MODE")

    return takes


def test_a_busy_month_is_said_and_nothing_is_written(
    as_: As, office: House, somebody_else: Callable[[], None]
) -> None:
    row, baba = booked(office, 1), as_("馬場")
    somebody_else()
    answer = baba.post(sheet(row, "cancel/"), {"whose": "client"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert fresh(office, row).state == State.CONFIRMED


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("settings/consultations/months/", {"month": "2026-12", "cap": "6"}),
        (
            "consultations/schedule/exceptions/",
            {
                "exception-first_day": "2026-12-10",
                "exception-is_open": "open",
                "exception-starts": "18:00",
                "exception-ends": "20:00",
            },
        ),
    ],
)
def test_what_may_free_a_place_or_a_time_waits_for_a_busy_month(
    as_: As, office: House, somebody_else: Callable[[], None], path: str, sent: dict[str, str]
) -> None:
    for number in range(4):
        booked(office, number)
    with open_scope(office.scope):
        join(id=uuid4(), wanted=[DECEMBER], asked=company(9))
    aoki = as_("青木")
    somebody_else()
    answer = aoki.post(f"/michisuji/{path}", sent)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    with open_scope(office.scope):
        assert not DayException.objects.exists()
        assert ConsultationMonth.objects.get().cap is None


def test_who_is_handed_over_while_a_month_is_busy_stays_where_they_are(
    as_: As, office: House, somebody_else: Callable[[], None]
) -> None:
    row, aoki = booked(office, 1), as_("青木")
    url = f"/michisuji/settings/members/{office.members['馬場'].pk}/hand-over/"
    aoki.get(url)
    somebody_else()
    answer = aoki.post(url, {"to": office.members["青木"].pk, "end": "on"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert fresh(office, row).consultant == office.members["馬場"]


def test_a_company_that_somebody_writes_into_is_offered_the_place_by_a_worker_right_after(
    office: House, elsewhere: Any
) -> None:
    """Its lock stands before the month's: under that one nobody waits for it."""
    rows = [booked(office, number) for number in range(4)]
    its = office.companies["株式会社ア"]
    with open_scope(office.scope):
        entry = join(id=uuid4(), wanted=[DECEMBER], asked=replace(company(9), company=its))
    with elsewhere.cursor() as cursor:
        for name, value in zip(
            ("user", "firm", "companies", "side", "link"), office.scope.settings(), strict=True
        ):
            cursor.execute("SELECT set_config(%s, %s, true)", [f"app.{name}", value])
        cursor.execute("SELECT id FROM tenancy_company WHERE id = %s FOR NO KEY UPDATE", [its.pk])
        assert cursor.fetchall() == [(its.pk,)]
    with open_scope(office.scope):
        cancel(consultation=rows[0])
        assert not Consultation.objects.filter(entry=entry).exists()
    elsewhere.rollback()
    due = Due.objects.get(kind=GIVE_ON)
    with clock.stopped_at(due.due_at):
        give_on_offers(office.firm.pk, str(due.object_id))
    with open_scope(office.scope):
        assert Consultation.objects.get(entry=entry).state == State.OFFERED


def test_notes_and_what_is_agreed_wait_for_nobody_who_books(
    as_: As, office: House, somebody_else: Callable[[], None]
) -> None:
    row, baba = booked(office, 1), as_("馬場")
    somebody_else()
    assert baba.post(sheet(row, "note/"), {"text": "社内だけ"}).status_code == 302
    step = {"id": uuid4(), "text": "名簿を作る", "who": "社長"}
    assert baba.post(sheet(row, "actions/"), step).status_code == 302


def test_what_was_typed_for_who_calls_is_still_there(
    as_: As, office: House, somebody_else: Callable[[], None]
) -> None:
    booked(office, 1)
    baba, slot = as_("馬場"), str(times(office)[5].slot)
    somebody_else()
    answer = baba.post(NEW, by_telephone(slot=slot))
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    page = answer.content.decode()
    assert "数秒おいて、もう一度お試しください。" in page
    assert "後継ぎのこと" in page
    assert f'value="{slot}" required checked' in page
