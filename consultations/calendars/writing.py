"""Sessions as other calendars take them (RFC 5545): one as a file in a mail, many as a calendar to subscribe to.

Times are written in UTC. Outlook, Google and Apple all show them in the reader's own zone, and there is no VTIMEZONE
that one of them could read in its own way.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from icalendar import Calendar
    from icalendar import Event as Component

PRODID = "-//Michisuji//Consultations//JA"
PUBLISH, CANCEL = "PUBLISH", "CANCEL"
OURS = (
    "@michisuji"  # how the UID of each session ends: a calendar that we read again tells us nothing new by it
)
# How often a calendar that subscribes may ask again; Google asks when it likes.
REFRESH = timedelta(hours=1)


@dataclass(frozen=True)
class Event:
    """One session as a calendar shows it.

    `uid` stays the same for the life of the session; `sequence` grows with every change that its people are told of;
    `stamp` is when this was worded. Times are aware.
    """

    uid: str
    sequence: int
    starts: datetime
    ends: datetime
    summary: str
    description: str
    location: str
    url: str
    stamp: datetime
    organizer_name: str
    organizer_email: str
    cancelled: bool = False


def file_text(event: Event) -> str:
    """What stands in the .ics that goes along with a mail about one session. Lines end with CRLF.

    METHOD is PUBLISH, not REQUEST: nobody is asked to answer, the page of the session is where it is changed. A
    `cancelled` one takes the event out of the calendar again (CANCEL). Raises ValueError for times without a zone.
    """
    return _text(_calendar(CANCEL if event.cancelled else PUBLISH, [event]))


def feed_text(events: Iterable[Event], *, name: str) -> str:
    """What a calendar that subscribes gets: all of them, under the name that it shows. A cancelled one is told apart
    by its STATUS, since a feed has one METHOD."""
    from icalendar import vText

    calendar = _calendar(PUBLISH, events)
    for named in ("NAME", "X-WR-CALNAME"):  # RFC 7986, and what everybody wrote before it
        calendar.add(named, vText(_line(name)))
    calendar.add("REFRESH-INTERVAL", REFRESH, {"VALUE": "DURATION"})
    calendar.add("X-PUBLISHED-TTL", f"PT{REFRESH // timedelta(hours=1)}H")
    return _text(calendar)


def _calendar(method: str, events: Iterable[Event]) -> "Calendar":
    # Inside: 50 ms to import (measured by importtime), and most processes never write a calendar.
    from icalendar import Calendar

    calendar = Calendar()
    calendar.add("VERSION", "2.0")
    calendar.add("PRODID", PRODID)
    calendar.add("CALSCALE", "GREGORIAN")
    calendar.add("METHOD", method)
    for event in events:
        calendar.add_component(_component(event))
    return calendar


def _component(event: Event) -> "Component":
    from icalendar import Event as Component
    from icalendar import vCalAddress

    organizer = vCalAddress(f"mailto:{event.organizer_email}", params={"CN": _quotable(event.organizer_name)})
    component = Component()
    component.add("UID", event.uid)
    component.add("SEQUENCE", event.sequence)
    component.add("DTSTAMP", _utc(event.stamp))
    component.add("LAST-MODIFIED", _utc(event.stamp))
    component.add("DTSTART", _utc(event.starts))
    component.add("DTEND", _utc(event.ends))
    component.add("SUMMARY", _line(event.summary))
    component.add("STATUS", "CANCELLED" if event.cancelled else "CONFIRMED")
    component.add("TRANSP", "TRANSPARENT" if event.cancelled else "OPAQUE")
    component.add("ORGANIZER", organizer)
    for name, said in (("DESCRIPTION", _lines(event.description)), ("LOCATION", _line(event.location))):
        if said:
            component.add(name, said)
    if event.url:
        component.add("URL", _line(event.url))
    return component


def _text(calendar: "Calendar") -> str:
    text: str = calendar.to_ical().decode()
    return text


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("A moment in a calendar has a zone.")
    return moment.astimezone(UTC)


def _lines(text: str) -> str:
    """Without what a calendar's text may not contain: other control characters than line breaks and tabs."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(each for each in text if each in "\n\t" or unicodedata.category(each) not in ("Cc", "Cs"))


def _line(text: str) -> str:
    return " ".join(_lines(text).split())


def _quotable(name: str) -> str:
    """A name between quotation marks cannot contain one; RFC 6868's way around it is not read everywhere. A backslash
    is taken for the beginning of an escape by some."""
    return _line(name).replace('"', "'").replace("\\", "\uff3c")
