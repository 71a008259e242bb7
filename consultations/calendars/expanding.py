"""When somebody's calendar is busy, worked out in a process of its own.

    python -m consultations.calendars.expanding FIRST LAST CPU_SECONDS < calendar.ics

A few bytes of a calendar can keep a computer busy for hours: a 30th of February that is looked for up to the year 9999,
a daily event since the year 1, rules within a zone. Which ones cannot be read off them, the libraries that read them
being what they are. So they are read where the system ends what takes too long or too much, nothing else stops, and no
secret is at hand. Stands alone: no Django. `reading` is who starts it.
"""

import json
import re
import resource
import sys
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from consultations.calc.openings import ONE_DAY, TOKYO, Span, merged
from consultations.calendars.writing import OURS

RUBBISH, TOO_MUCH = 3, 4  # exit codes
MOST_EVENTS = 5_000
MOST_MEMORY = 512 * 1024 * 1024
# Nobody's calendar has them; they are named so that the answer comes at once.
_FINER_THAN_HOURS = re.compile(
    r"^(?:RRULE|EXRULE)\b.*\bFREQ=(?:SECONDLY|MINUTELY)\b", re.IGNORECASE | re.MULTILINE
)


class TooMuch(Exception):
    """More events than anybody has."""


def spans_in(text: str, first: datetime, last: datetime) -> list[Span]:
    """The busy time from `first` to `last` (aware): merged, cut to that time, in Tokyo's.

    Every event counts that is not TRANSPARENT or CANCELLED, all-day ones for their days in Tokyo, times without a
    zone as Tokyo's. Raises ValueError for what is no whole calendar or has an event that cannot be read (who left it
    out would sell its time), TooMuch beyond 5,000 events or for repetitions of less than an hour.
    """
    # Here and not above: only the process that reads needs them.
    from icalendar import Calendar

    text = re.sub(r"\r?\n[ \t]", "", text.strip())  # unfolded
    if _FINER_THAN_HOURS.search(text):
        raise TooMuch
    if not re.search(r"^END:VCALENDAR$", text[-20:], re.IGNORECASE | re.MULTILINE):
        raise ValueError("no calendar, or only its beginning")
    calendars: list[Any] = Calendar.from_ical(text, multiple=True)
    if any(each.name != "VCALENDAR" for each in calendars) or not calendars:  # what began has not ended
        raise ValueError("no whole calendar")
    busy = [span for calendar in calendars for span in _spans_of(calendar, first, last)]
    return merged(Span(max(each.starts, first), min(each.ends, last)) for each in busy)


def _spans_of(calendar: Any, first: datetime, last: datetime) -> Iterator[Span]:
    import recurring_ical_events

    # A day more on both sides: what has no zone may be up to 14 hours off before it gets ours.
    events = recurring_ical_events.of(calendar).between(first - ONE_DAY, last + ONE_DAY)
    if len(events) > MOST_EVENTS:
        raise TooMuch
    return (_span(event) for event in events if _is_busy(event))


def _is_busy(event: Any) -> bool:
    """Not by one of our own sessions, which whoever gives it has put there: it is known here, and may have moved."""
    if str(event.get("UID", "")).endswith(OURS):
        return False
    free = str(event.get("TRANSP", "")).upper() == "TRANSPARENT"
    return not free and str(event.get("STATUS", "")).upper() != "CANCELLED"


def _span(event: Any) -> Span:
    starts, ends = event["DTSTART"].dt, event["DTEND"].dt
    if not isinstance(starts, datetime) and ends <= starts:  # some write the same day as the end
        ends = starts + ONE_DAY
    return Span(_in_tokyo(starts), _in_tokyo(ends))


def _in_tokyo(moment: date) -> datetime:
    if not isinstance(moment, datetime):
        return datetime(moment.year, moment.month, moment.day, tzinfo=TOKYO)
    return moment.astimezone(TOKYO) if moment.tzinfo else moment.replace(tzinfo=TOKYO)


def main(first: str, last: str, cpu_seconds: str) -> int:
    """Write the spans as pairs of seconds since 1970. The exit code says what went wrong; a signal is the limit."""
    seconds = int(cpu_seconds)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    try:
        text = sys.stdin.buffer.read().decode("utf-8-sig", errors="replace")
        spans = spans_in(text, datetime.fromisoformat(first), datetime.fromisoformat(last))
    except (TooMuch, MemoryError, RecursionError):
        return TOO_MUCH
    except Exception:  # whatever a parser raises on whatever it is given
        return RUBBISH
    json.dump([[each.starts.timestamp(), each.ends.timestamp()] for each in spans], sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
