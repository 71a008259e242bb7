"""Business time: one function, so that tests and the demo can stand at another moment."""

from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

if TYPE_CHECKING:
    from collections.abc import Iterator

_stopped_at: ContextVar[datetime | None] = ContextVar("clock", default=None)


def now() -> datetime:
    """The present moment, aware."""
    return _stopped_at.get() or timezone.now()


def today() -> date:
    """Today in Asia/Tokyo."""
    return timezone.localdate(now())


def end_of(day: date) -> datetime:
    """The moment at which that day is over in Tokyo: what is promised until a day lasts until then."""
    return timezone.make_aware(datetime.combine(day + timedelta(days=1), datetime.min.time()))


def last_day_before(moment: datetime) -> date:
    """The last day in Tokyo of what ends at `moment`: with `end_of` there and back."""
    return timezone.localdate(moment - timedelta(seconds=1))


def weekdays_later(days: int) -> date:
    """The day that is `days` weekdays after today: what is promised by then falls on no Saturday or Sunday."""
    day = today()
    while days:
        day += timedelta(days=1)
        days -= day.weekday() < 5
    return day


@contextmanager
def stopped_at(moment: datetime) -> "Iterator[None]":
    """Inside, `now()` is `moment`. For tests and for demo data that lies in the past."""
    token = _stopped_at.set(moment)
    try:
        yield
    finally:
        _stopped_at.reset(token)
