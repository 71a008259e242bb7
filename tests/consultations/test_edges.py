"""Edges of months and years: a session belongs to the month in which it starts in Tokyo."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import uuid4

import pytest

from consultations.actions.booking import book, cancel
from consultations.actions.desk import add_exception, update_desk
from consultations.actions.refusals import Full, TimeTaken
from consultations.calc import months
from consultations.calc.holidays import holiday_name
from consultations.free_times import FreeTime, free_times, month_view
from consultations.models import Consultation, Schedule
from consultations.slots import Slot
from tenancy import clock
from tenancy.scope import open_scope
from tests.conftest import House
from tests.consultations.office import company, opens

AUTUMN = datetime(2026, 10, 26, 0, 0, tzinfo=UTC)  # a Monday; 31 October is a Saturday
OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)


def open_on(house: House, day: date, starts: time, ends: time) -> None:
    with open_scope(house.scope):
        add_exception(
            schedule=Schedule.objects.get(),
            first_day=day,
            last_day=day,
            is_open=True,
            starts=starts,
            ends=ends,
            reason="",
            actor=None,
        )


def rules(house: House, **values: object) -> None:
    with open_scope(house.scope):
        update_desk(values=values, seen=None, actor=None)


def the_times(house: House, day: date) -> list[FreeTime]:
    with open_scope(house.scope):
        return free_times(day, day)


def books(house: House, number: int, chosen: FreeTime) -> Consultation:
    with open_scope(house.scope):
        return book(id=uuid4(), slot=chosen.slot, asked=company(number), confirmed=True)


@pytest.fixture
def at_the_edge(office: House) -> House:
    """One company a month; sessions of half an hour late on the 31st and early on the 1st."""
    rules(office, cap=1, minutes=30, step=15)
    open_on(office, date(2026, 10, 31), time(23, 30), time(0))
    open_on(office, date(2026, 11, 1), time(0, 15), time(0, 45))
    return office


def test_the_last_half_hour_of_a_month_and_the_first_of_the_next_are_two_months(at_the_edge: House) -> None:
    with clock.stopped_at(AUTUMN):
        (late,) = the_times(at_the_edge, date(2026, 10, 31))
        (early,) = the_times(at_the_edge, date(2026, 11, 1))
        assert late.starts == datetime(2026, 10, 31, 14, 30, tzinfo=UTC)
        assert early.starts == datetime(2026, 10, 31, 15, 15, tzinfo=UTC)  # still October in London
        assert books(at_the_edge, 1, late).month == OCTOBER
        assert books(at_the_edge, 1, early).month == NOVEMBER
        with open_scope(at_the_edge.scope):
            assert [month_view(each).left for each in (OCTOBER, NOVEMBER)] == [0, 0]


def test_a_place_of_the_one_month_is_none_of_the_other(at_the_edge: House) -> None:
    with clock.stopped_at(AUTUMN):
        (late,) = the_times(at_the_edge, date(2026, 10, 31))
        row = books(at_the_edge, 1, late)
        thirtieth = the_times(at_the_edge, date(2026, 10, 30))[0]
        with pytest.raises(Full):
            books(at_the_edge, 2, thirtieth)
        books(at_the_edge, 2, the_times(at_the_edge, date(2026, 11, 1))[0])
        with open_scope(at_the_edge.scope):
            cancel(consultation=row)
        books(at_the_edge, 3, thirtieth)


def test_the_pause_after_a_session_reaches_over_the_edge(at_the_edge: House) -> None:
    """23:30–24:00 with half an hour's pause: 0:15 is not free any more."""
    with open_scope(at_the_edge.scope):
        Schedule.objects.update(buffer=30)
    with clock.stopped_at(AUTUMN):
        (late,) = the_times(at_the_edge, date(2026, 10, 31))
        (early,) = the_times(at_the_edge, date(2026, 11, 1))
        books(at_the_edge, 1, late)
        with pytest.raises(TimeTaken):
            books(at_the_edge, 2, early)


def test_a_hold_that_ran_out_over_the_edge_stops_nobody_in_the_next_month(at_the_edge: House) -> None:
    """Whoever books has the next month's lock; the hold is the last month's, and no worker has been there yet."""
    with open_scope(at_the_edge.scope):
        Schedule.objects.update(buffer=30)
    with clock.stopped_at(AUTUMN):
        (late,) = the_times(at_the_edge, date(2026, 10, 31))
        with open_scope(at_the_edge.scope):
            book(id=uuid4(), slot=late.slot, asked=company(1))
    with clock.stopped_at(AUTUMN + timedelta(minutes=31)):
        (early,) = the_times(at_the_edge, date(2026, 11, 1))
        assert books(at_the_edge, 2, early).month == NOVEMBER


def test_the_day_that_there_is_every_four_years(michisuji: House) -> None:
    opens(michisuji)
    with clock.stopped_at(datetime(2028, 2, 14, 0, 0, tzinfo=UTC)):
        row = books(michisuji, 1, the_times(michisuji, date(2028, 2, 29))[0])
        assert row.month == date(2028, 2, 1)
        assert months.reminded_at(row.starts_at) == months.at(date(2028, 2, 27), time(16))
        assert row.free_until == months.at(date(2028, 2, 28), time(17))
        with open_scope(michisuji.scope):
            assert month_view(date(2028, 2, 1)).left == 3
    assert months.last_day(date(2028, 2, 1)) == date(2028, 2, 29)


@pytest.mark.parametrize(
    ("day", "why"),
    [
        (date(2026, 5, 6), "the third of May was a Sunday: the day after the holidays is one"),
        (date(2026, 9, 22), "between two holidays"),
        (date(2027, 3, 22), "the equinox is a Sunday"),
        (date(2027, 1, 11), "the second Monday of January"),
    ],
)
def test_holidays_in_lieu_and_between_holidays_have_no_times(michisuji: House, day: date, why: str) -> None:
    opens(michisuji)
    with clock.stopped_at(months.at(day - timedelta(days=14), time(9))):
        assert holiday_name(day), why
        assert the_times(michisuji, day) == []
        with open_scope(michisuji.scope):
            Schedule.objects.update(closed_on_holidays=False)
        assert the_times(michisuji, day)


def test_a_time_that_only_another_zone_would_allow_is_none(office: House) -> None:
    """17:00 in Tokyo is 8:00 in London, and 10:00 there would be 19:00 here."""
    with open_scope(office.scope):
        schedule = Schedule.objects.get()
        slot = Slot(schedule.pk, datetime(2026, 12, 17, 10, 0, tzinfo=UTC))
        with pytest.raises(TimeTaken):
            book(id=uuid4(), slot=slot, asked=company(1))
