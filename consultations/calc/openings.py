"""When a consultant has time: weekly hours, exceptions, holidays and closings, less what is busy.

Days and hours are Tokyo's. A window never crosses midnight; one that ends at 00:00 ends with its day. In this order:

1. A closing of the firm takes the whole day, whatever else stands.
2. The windows of a day are its weekly hours (none on a holiday, where the consultant is closed on holidays) and what an
   exception opens besides; those that touch or overlap are one.
3. An exception that closes takes its part out of them, also of what another exception opened.
4. In each window that is left, a session may start every `step` from the window's start, as long as it ends within.
5. The session and the buffer behind it must not meet anything busy; the buffer may reach beyond the window.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from consultations.calc.holidays import holiday_name

TOKYO = ZoneInfo("Asia/Tokyo")
MIDNIGHT = time(0)
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Span:
    """A stretch of time, half-open: `ends` does not belong to it. Both aware."""

    starts: datetime
    ends: datetime

    def overlaps(self, other: "Span") -> bool:
        """Whether some moment is in both. An empty span has no moment."""
        return max(self.starts, other.starts) < min(self.ends, other.ends)


@dataclass(frozen=True)
class WeeklyHours:
    """Open on every such weekday (0 is Monday), in Tokyo; `ends` 00:00 is the end of the day."""

    weekday: int
    starts: time
    ends: time


@dataclass(frozen=True)
class DayRule:
    """An exception to the weekly hours on these days, last one included.

    Closed, all day or from `starts` to `ends` of each day (a side left out is the day's edge); or open besides the
    weekly hours, holidays included. Raises ValueError for one that opens without saying when.
    """

    first_day: date
    last_day: date
    is_open: bool
    starts: time | None = None
    ends: time | None = None

    def __post_init__(self) -> None:
        if self.is_open and (self.starts is None or self.ends is None):
            raise ValueError("An exception that opens a day says from when to when.")

    def covers(self, day: date) -> bool:
        """Whether the exception is about this day."""
        return self.first_day <= day <= self.last_day


@dataclass(frozen=True)
class Closing:
    """Days on which the whole firm is closed, last one included. With `every_year` the years do not count, and the
    days may go over the year's end (12-29 to 01-03)."""

    first_day: date
    last_day: date
    every_year: bool

    def covers(self, day: date) -> bool:
        """Whether the firm is closed on this day. As month and day, so that 29 February needs no year that has one."""
        if not self.every_year:
            return self.first_day <= day <= self.last_day
        first, last, this = (_month_day(each) for each in (self.first_day, self.last_day, day))
        return first <= this <= last if first <= last else this >= first or this <= last


@dataclass(frozen=True)
class Rules:
    """What one consultant has set."""

    consultant_id: int
    weekly: tuple[WeeklyHours, ...]
    exceptions: tuple[DayRule, ...]
    buffer: timedelta
    minimum_notice: timedelta
    horizon_days: int
    closed_on_holidays: bool


@dataclass(frozen=True)
class Opening:
    """A session could take place then. The buffer behind it is free, too, and not part of it."""

    consultant_id: int
    starts: datetime
    ends: datetime


def openings(
    rules: Rules,
    *,
    first_day: date,
    last_day: date,
    length: timedelta,
    step: timedelta,
    closings: Sequence[Closing],
    busy: Sequence[Span],
    now: datetime,
) -> list[Opening]:
    """Every time at which a session of `length` could start from `first_day` to `last_day`, sorted, in Tokyo's time.

    Not sooner than the minimum notice, not on a day beyond the horizon. `busy` in any order, overlapping or not; each
    must contain its own buffer, if it has one. Raises ValueError for a length or step of nothing.
    """
    if length <= timedelta(0) or step <= timedelta(0):
        raise ValueError("A session takes some time, and so does the way to the next possible start.")
    earliest = (now + rules.minimum_notice).astimezone(TOKYO)
    horizon = now.astimezone(TOKYO).date() + timedelta(days=rules.horizon_days)
    taken = _Taken(busy)
    return [
        Opening(rules.consultant_id, start, start + length)
        for day in _days(max(first_day, earliest.date()), min(last_day, horizon))
        for window in windows(rules, day, closings)
        for start in _starts(window, length, step)
        if start >= earliest and taken.leaves(start, start + length + rules.buffer)
    ]


def windows(rules: Rules, day: date, closings: Sequence[Closing]) -> list[Span]:
    """The hours of the day that the consultant's and the firm's rules leave, sorted and apart from each other."""
    if any(closing.covers(day) for closing in closings):
        return []
    special = [rule for rule in rules.exceptions if rule.covers(day)]
    closed = [_span(day, rule.starts, rule.ends) for rule in special if not rule.is_open]
    opened = [_span(day, rule.starts, rule.ends) for rule in special if rule.is_open]
    if not (rules.closed_on_holidays and holiday_name(day)):
        opened += [
            _span(day, each.starts, each.ends) for each in rules.weekly if each.weekday == day.weekday()
        ]
    return _without(merged(opened), merged(closed))


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same time as spans that are sorted and do not even touch. Empty ones fall away."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda each: each.starts):
        if span.ends <= span.starts:
            continue
        if found and span.starts <= found[-1].ends:
            found[-1] = Span(found[-1].starts, max(found[-1].ends, span.ends))
        else:
            found.append(span)
    return found


class _Taken:
    """Busy time, made ready to be asked thousands of times: one bisection each."""

    def __init__(self, busy: Iterable[Span]) -> None:
        # In one zone, because comparing across zones asks both for their offset each time.
        spans = merged(Span(each.starts.astimezone(TOKYO), each.ends.astimezone(TOKYO)) for each in busy)
        self.starts = [span.starts for span in spans]
        self.ends = [span.ends for span in spans]

    def leaves(self, starts: datetime, ends: datetime) -> bool:
        """Whether nothing busy meets this time."""
        first = bisect_right(self.ends, starts)  # the first one that ends later than this begins
        return first == len(self.starts) or self.starts[first] >= ends


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=each) for each in range((last - first).days + 1))


def _starts(window: Span, length: timedelta, step: timedelta) -> Iterator[datetime]:
    fitting = (window.ends - window.starts - length) // step + 1
    return (window.starts + step * each for each in range(fitting))


def _span(day: date, starts: time | None, ends: time | None) -> Span:
    until = datetime.combine(day, ends or MIDNIGHT, TOKYO)
    if until.time() == MIDNIGHT:
        until += ONE_DAY
    return Span(datetime.combine(day, starts or MIDNIGHT, TOKYO), until)


def _without(spans: Sequence[Span], gone: Sequence[Span]) -> list[Span]:
    """What is left of `spans` without `gone`; both sorted and apart."""
    for hole in gone:
        spans = [part for span in spans for part in _around(span, hole)]
    return list(spans)


def _around(span: Span, hole: Span) -> Iterator[Span]:
    if not span.overlaps(hole):
        yield span
        return
    if span.starts < hole.starts:
        yield Span(span.starts, hole.starts)
    if hole.ends < span.ends:
        yield Span(hole.ends, span.ends)


def _month_day(day: date) -> tuple[int, int]:
    return day.month, day.day
