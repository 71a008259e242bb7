"""A month that somebody else has locked: the firm's pages say so and lose nothing."""

from collections.abc import Callable, Iterator

import pytest
from django.db import connection
from django.test import Client

from consultations.states import State
from tests.conftest import House, as_owner
from tests.consultations.firm_help import NEW, by_telephone, fresh, sheet
from tests.consultations.office import booked, times

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
