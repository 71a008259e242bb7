"""Free times as a page lets somebody choose one: a month at a time, day by day, never an endless list."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from consultations.calc import months
from consultations.free_times import FreeTime, MonthView, free_times, month_views, this_and_next
from consultations.models import Consultation
from consultations.slots import Slot
from tenancy import clock

MOST = 40  # times on one page


@dataclass(frozen=True)
class MonthLink:
    """A month that can be looked at; `query` leads to it."""

    month: date
    query: str
    current: bool


@dataclass(frozen=True)
class Choice:
    """What can be chosen. `earlier` and `later` lead to further days, '' where there are none."""

    days: Mapping[date, Sequence[FreeTime]] = field(default_factory=dict)
    months: Sequence[MonthLink] = ()
    chosen: str = ""
    earlier: str = ""
    later: str = ""


def choice(
    wanted: Sequence[date],
    query: Mapping[str, str],
    *,
    chosen: Slot | None = None,
    but: Consultation | None = None,
    passes_over: datetime | None = None,
) -> Choice:
    """The free times of one of the months `wanted`: of the one that `query` or what was chosen names, else of the one
    in which `but` lies, else of the first.

    `but`: its own time counts as free; `passes_over`: a start that is not to be chosen again.
    """
    if not wanted:
        return Choice()
    near = months.month_of(chosen.starts) if chosen else but.month if but else wanted[0]
    month = _month(wanted, query.get("month") or f"{near:%Y-%m}")
    times = _times(month, but.pk if but else None, passes_over)
    first = _first_day(times, query, chosen)
    shown, later = _days(times, first)
    return Choice(
        days=shown,
        months=[MonthLink(each, f"?month={each:%Y-%m}", each == month) for each in wanted],
        chosen=str(chosen or ""),
        earlier=f"?month={month:%Y-%m}" if times and times[0].day < first else "",
        later=f"?month={month:%Y-%m}&from={later}" if later else "",
    )


def _times(month: date, but: UUID | None, passes_over: datetime | None) -> list[FreeTime]:
    first, last = max(month, clock.today()), months.last_day(month)
    times = free_times(first, last, but=but) if first <= last else []
    return [each for each in times if each.starts != passes_over]


def _month(wanted: Sequence[date], named: str) -> date:
    return next((each for each in wanted if f"{each:%Y-%m}" == named), wanted[0])


def _first_day(times: Sequence[FreeTime], query: Mapping[str, str], chosen: Slot | None) -> date:
    """From which day on: the one asked for; or that of what was chosen, gone or not, where it is on a later page."""
    try:
        return date.fromisoformat(query.get("from", ""))
    except ValueError:
        pass
    day, beyond = months.day_of(chosen.starts) if chosen else date.min, times[MOST:]
    return day if beyond and beyond[0].day <= day <= beyond[-1].day else date.min


def _days(times: Sequence[FreeTime], first: date) -> tuple[dict[date, list[FreeTime]], date | None]:
    """Whole days, as many as fit on a page and one at least; and the day on which the next page begins."""
    by_day: dict[date, list[FreeTime]] = {}
    for each in times:
        if each.day >= first:
            by_day.setdefault(each.day, []).append(each)
    shown: dict[date, list[FreeTime]] = {}
    for day, its in by_day.items():
        if shown and sum(map(len, shown.values())) + len(its) > MOST:
            return shown, day
        shown[day] = its
    return shown, None


# ── Which months ──


def open_views() -> list[MonthView]:
    """This month and the next, where they can be booked, whether they have a place or not."""
    return [each for each in month_views(this_and_next()) if each.is_open]


def open_months() -> list[date]:
    """The same, without more about them."""
    return [each.month for each in open_views()]


def months_to_move_to(row: Consultation, views: Iterable[MonthView]) -> list[date]:
    """Its own month, in which the place is kept; of the others those where one is left. A replacement needs none."""
    others = [each.month for each in views if each.direct or row.is_replacement]
    return sorted({row.month, *others})
