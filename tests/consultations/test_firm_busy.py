"""A month that somebody else has locked: the firm's pages say so and lose nothing."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client

from consultations.actions.waiting import join
from consultations.models import ConsultationMonth, DayException
from consultations.states import State
from tenancy.scope import open_scope
from tests.conftest import House, as_owner
from tests.consultations.firm_help import NEW, by_telephone, fresh, sheet
from tests.consultations.office import DECEMBER, booked, company, times

pytestmark = pytest.mark.django_db(transaction=True)
As = Callable[[str], Client]


@pytest.fixture
def somebody_else() -> Iterator[Callable[[], None]]:
    """Takes the lock of all months and keeps it. Nobody waits three seconds for that here."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '50ms'")
    other = as_owner(str(connection.settings_dict["NAME"]))

    def takes() -> None:
        with other.cursor() as cursor:
            cursor.execute("LOCK TABLE consultations_consultationmonth IN EXCLUSIVE MODE")

    yield takes
    other.rollback()
    other.close()
    connection.close()  # the next one waits as long as ever


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
    assert f'value="{slot}" checked' in page
