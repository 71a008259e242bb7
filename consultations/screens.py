"""What is free, as the pages of visitors show it: months as calendars, days with their times."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from consultations.calc import months
from consultations.calc.holidays import holiday_name
from consultations.calc.openings import Closing
from consultations.forms import by_day
from consultations.free_times import (
    FreeTime,
    MonthView,
    closings_of_firm,
    desk_of_firm,
    free_times,
    month_views,
    this_and_next,
    worth_waiting_for,
)
from consultations.models import Desk
from consultations.office import in_the_office
from consultations.slots import Slot
from tenancy import clock
from tenancy.templatetags.michisuji import jtime

AT_MOST = 3  # times that fit into a day of the calendar
WEEK = 7


class MonthState(StrEnum):
    """What can be done with a month."""

    OPEN = "open"
    FULL = "full"
    TOO_LATE = "too_late"  # full, and no place that became free could still be offered
    NO_TIME = "no_time"  # a place, but no day on which anybody has time
    LATER = "later"  # not to be booked yet


@dataclass(frozen=True)
class Day:
    """A day of the calendar. `words`: why nothing is free, where there is a name for it."""

    day: date
    words: str
    times: tuple[FreeTime, ...]
    is_today: bool
    is_chosen: bool = False

    @property
    def starts(self) -> list[str]:
        """When something begins, each once, as many as fit."""
        return self._starts[:AT_MOST]

    @property
    def more(self) -> int:
        return len(self._starts[AT_MOST:])

    @property
    def _starts(self) -> list[str]:
        return list(dict.fromkeys(jtime(each.starts) for each in self.times))


@dataclass(frozen=True)
class Month:
    """A month as a calendar, Sunday first; None where a week reaches into another month. `next_opens`: when the month
    after it can be booked; None where it can be now."""

    view: MonthView
    state: MonthState
    weeks: tuple[tuple[Day | None, ...], ...]
    next_opens: datetime | None = None

    @property
    def month(self) -> date:
        return self.view.month

    @property
    def after(self) -> date:
        """The first day of the month after it."""
        return months.after(self.view.month)

    @property
    def is_open(self) -> bool:
        return self.state == MonthState.OPEN

    @property
    def is_full(self) -> bool:
        return self.state in (MonthState.FULL, MonthState.TOO_LATE)

    @property
    def marks(self) -> list[bool]:
        """One for each place: whether it is free. As many as can be told apart."""
        return [number > self.view.cap - self.direct for number in range(1, self.view.cap + 1)][:12]

    @property
    def direct(self) -> int:
        """How many companies can book now: none of a month that is not open."""
        return self.view.direct if self.view.is_open else 0


@dataclass(frozen=True)
class Free:
    """What is free in this and the next month."""

    desk: Desk
    months: tuple[Month, ...]
    times: tuple[FreeTime, ...]

    @property
    def first(self) -> Month:
        """The month to speak of first: the present one, unless it has no day left."""
        has_some = [each for each in self.months if each.is_open or each.is_full]
        return next(iter(has_some), self.months[0])

    @property
    def full(self) -> list[Month]:
        """Those that can be waited for."""
        return [each for each in self.months if each.state == MonthState.FULL]

    @property
    def open(self) -> list[Month]:
        return [each for each in self.months if each.is_open]

    def time(self, slot: Slot | None) -> FreeTime | None:
        return next((each for each in self.times if each.slot == slot), None)

    def nearest(self, wanted: date | None) -> date | None:
        """That day if anything of it is free, else the next one that has something, else the first."""
        days = sorted({each.day for each in self.times})
        later = [day for day in days if wanted is not None and day >= wanted]
        return next(iter(later or days), None)

    def at(self, chosen: date | None) -> tuple[FreeTime, ...]:
        return tuple(each for each in self.times if each.day == chosen)

    def choosing(self, chosen: date | None) -> "Free":
        """The same with a day marked as chosen."""
        return replace(self, months=tuple(_choosing(each, chosen) for each in self.months))


def _choosing(month: Month, chosen: date | None) -> Month:
    def mark(each: Day | None) -> Day | None:
        return replace(each, is_chosen=each.day == chosen) if each else None

    return replace(month, weeks=tuple(tuple(mark(each) for each in week) for week in month.weeks))


def what_is_free() -> Free:
    """This month and the next, as everybody may know them. A fixed number of queries, more only where somebody waits
    for a place that is free."""
    wanted = this_and_next()
    with in_the_office():
        desk, closings = desk_of_firm(), closings_of_firm()
        views = month_views(wanted, desk=desk)
        last_day = months.last_day(wanted[-1])
        found = free_times(clock.today(), last_day, desk=desk, closings=closings)
    bookable = {each.month for each in views if each.is_open and each.direct}
    times = tuple(each for each in found if months.month_of(each.starts) in bookable)
    return Free(desk, tuple(_month(each, found, closings, desk) for each in views), times)


def _month(view: MonthView, found: Iterable[FreeTime], closings: Sequence[Closing], desk: Desk) -> Month:
    """`found`: what is free in all months, of which one that is full shows nothing."""
    here = [each for each in found if months.month_of(each.starts) == view.month]
    shown = by_day(here if view.is_open and view.direct else [])
    opens = months.opens_at(months.after(view.month), desk.opens_on)
    weeks = _weeks(view.month, shown, closings)
    return Month(view, _state(view, desk, here), weeks, opens if opens > clock.now() else None)


def _state(view: MonthView, desk: Desk, here: Sequence[FreeTime]) -> MonthState:
    if not view.is_open:
        return MonthState.LATER
    if not view.direct:
        return MonthState.FULL if worth_waiting_for(view, desk, here) else MonthState.TOO_LATE
    return MonthState.OPEN if here else MonthState.NO_TIME


def _weeks(
    month: date, here: dict[date, list[FreeTime]], closings: Sequence[Closing]
) -> tuple[tuple[Day | None, ...], ...]:
    today = clock.today()
    before: list[Day | None] = [None] * (month.isoweekday() % WEEK)
    days: list[Day | None] = [
        Day(day, _words(day, closings), tuple(here.get(day, ())), day == today) for day in _days(month)
    ]
    cells = before + days
    cells += [None] * (-len(cells) % WEEK)
    return tuple(tuple(cells[first : first + WEEK]) for first in range(0, len(cells), WEEK))


def _days(month: date) -> Iterable[date]:
    count = (months.last_day(month) - month).days + 1
    return (month + timedelta(days=number) for number in range(count))


def _words(day: date, closings: Sequence[Closing]) -> str:
    closed = any(each.covers(day) for each in closings)
    return "休業" if closed else holiday_name(day)
