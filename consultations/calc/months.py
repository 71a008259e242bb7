"""Months, and the moments that follow from a session's start (domain.md §8). All of it in Asia/Tokyo."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

TOKYO = ZoneInfo("Asia/Tokyo")
FREE_UNTIL = time(17)  # of the day before: until then a cancellation frees the place
REMINDED_AT = time(16)  # two days before, so that the free cancellation is still possible
OPENS_AT = time(9)  # of the day on which a month opens
MIDNIGHT = time(0)

HOLD = timedelta(minutes=30)
OFFER_AHEAD = timedelta(hours=50)  # an offered time lies at least so far ahead
ANSWER_AT_MOST = timedelta(hours=24)
ANSWER_BEFORE = timedelta(hours=48)  # … and the answer is due so long before it
ANSWER_AT_LEAST = timedelta(hours=2)

REACH = timedelta(hours=8)  # the longest session with the longest pause after it


def day_of(moment: datetime) -> date:
    """The day in Tokyo."""
    return moment.astimezone(TOKYO).date()


def at(day: date, clock: time) -> datetime:
    """That time of that day in Tokyo, as UTC: what Django gives back after storing it."""
    return datetime.combine(day, clock, TOKYO).astimezone(UTC)


def month_of(moment: datetime) -> date:
    """The month of a session that starts at `moment`, by its first day."""
    return day_of(moment).replace(day=1)


def around(moment: datetime) -> set[date]:
    """The month of a session that starts at `moment`, and the one beside it whose sessions may reach into its time."""
    return {month_of(moment + reach) for reach in (-REACH, timedelta(0), REACH)}


def after(month: date, months: int = 1) -> date:
    """The first day of the month that is so many later (negative: earlier)."""
    count = month.year * 12 + month.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)


def last_day(month: date) -> date:
    return after(month) - timedelta(days=1)


def free_until(starts: datetime) -> datetime:
    """Until when a change or a cancellation is free: 17:00 of the day before."""
    return at(day_of(starts) - timedelta(days=1), FREE_UNTIL)


def reminded_at(starts: datetime) -> datetime:
    """When the reminder goes: 16:00, two days before."""
    return at(day_of(starts) - timedelta(days=2), REMINDED_AT)


def over_at(month: date) -> datetime:
    """When a month has just ended."""
    return at(after(month), MIDNIGHT)


def opens_at(month: date, day: int) -> datetime:
    """When a month can be booked: at 9:00 of `day` (1–28) of the month before."""
    return at(after(month, -1).replace(day=day), OPENS_AT)


def answer_by(starts: datetime, now: datetime) -> datetime:
    """Until when an offer stands: 24 hours, or 48 hours before the session if that is sooner; never less than 2."""
    return max(min(now + ANSWER_AT_MOST, starts - ANSWER_BEFORE), now + ANSWER_AT_LEAST)
