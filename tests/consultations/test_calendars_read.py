"""What an outside calendar says about when somebody is busy."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import pytest

from consultations.calc.openings import TOKYO, Span
from consultations.calendars.expanding import MOST_EVENTS, MOST_MEMORY
from consultations.calendars.reading import MOST_BYTES, ROOT, CalendarNotRead, Reason, busy_spans
from consultations.calendars.writing import Event, feed_text

FIRST = datetime(2026, 10, 1, tzinfo=TOKYO)
LAST = datetime(2026, 12, 1, tzinfo=TOKYO)
# A zone that no computer knows by its name, as Outlook writes them: an hour behind Tokyo.
OWN_ZONE = (
    "BEGIN:VTIMEZONE|TZID:Customized Time Zone|BEGIN:STANDARD|DTSTART:16010101T000000|TZOFFSETFROM:+0800"
    "|TZOFFSETTO:+0800|END:STANDARD|END:VTIMEZONE"
)


def calendar(*events: str, head: str = "") -> bytes:
    """A calendar of events, their lines apart by `|`."""
    parts = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", *([head] if head else [])]
    for number, event in enumerate(events):
        uid = "" if "UID:" in event else f"|UID:{number}@x.example"
        parts.append(f"BEGIN:VEVENT|DTSTAMP:20260901T000000Z{uid}|{event}|END:VEVENT")
    return "|".join([*parts, "END:VCALENDAR", ""]).replace("|", "\r\n").encode()


def read(content: bytes, first: datetime = FIRST, last: datetime = LAST) -> list[str]:
    """The busy spans in Tokyo's time, in short."""
    return [
        f"{each.starts:%m-%d %H:%M}/{each.ends:%m-%d %H:%M}"
        for each in busy_spans(content, first=first, last=last)
    ]


def numbers(top: int) -> str:
    return ",".join(map(str, range(top)))


def reason_of(content: bytes, cpu_seconds: int = 4) -> Reason:
    with pytest.raises(CalendarNotRead) as refused:
        busy_spans(content, first=FIRST, last=LAST, cpu_seconds=cpu_seconds)
    return refused.value.reason


TEN = "DTSTART;TZID=Asia/Tokyo:20261005T100000|DTEND;TZID=Asia/Tokyo:20261005T110000"  # a Monday


# ── What is busy ──


def test_an_event_is_busy_from_start_to_end_in_tokyos_time() -> None:
    (span,) = busy_spans(calendar(TEN), first=FIRST, last=LAST)
    start = datetime(2026, 10, 5, 10, tzinfo=TOKYO)
    assert span == Span(start, start + timedelta(hours=1))
    assert span.starts.tzinfo is TOKYO


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("DTSTART:20261005T010000Z|DTEND:20261005T020000Z", ["10-05 10:00/10-05 11:00"]),
        ("DTSTART:20261005T100000|DTEND:20261005T110000", ["10-05 10:00/10-05 11:00"]),
        (
            "DTSTART;TZID=Tokyo Standard Time:20261005T100000|DTEND;TZID=Tokyo Standard Time:20261005T110000",
            ["10-05 10:00/10-05 11:00"],
        ),
        (
            "DTSTART;TZID=America/New_York:20261031T210000|DTEND;TZID=America/New_York:20261031T220000",
            ["11-01 10:00/11-01 11:00"],
        ),
        ("DTSTART:20261005T100000|DURATION:PT90M", ["10-05 10:00/10-05 11:30"]),
        ("DTSTART:20261031T233000|DTEND:20261101T001500", ["10-31 23:30/11-01 00:15"]),
        ("DTSTART;VALUE=DATE:20261005|DTEND;VALUE=DATE:20261007", ["10-05 00:00/10-07 00:00"]),
        ("DTSTART;VALUE=DATE:20261005", ["10-05 00:00/10-06 00:00"]),
        ("DTSTART;VALUE=DATE:20261005|DTEND;VALUE=DATE:20261005", ["10-05 00:00/10-06 00:00"]),
        ("DTSTART:20261005T100000", []),
        (f"{TEN}|TRANSP:TRANSPARENT", []),
        (f"{TEN}|STATUS:CANCELLED", []),
        (f"{TEN}|TRANSP:OPAQUE|STATUS:TENTATIVE", ["10-05 10:00/10-05 11:00"]),
        ("DTSTART:20260901T100000|DTEND:20270101T100000", ["10-01 00:00/12-01 00:00"]),
        ("DTSTART:20260930T233000|DTEND:20261001T003000", ["10-01 00:00/10-01 00:30"]),
        ("DTSTART:20260930T233000|DTEND:20261001T000000", []),
        ("DTSTART:20261201T000000|DTEND:20261201T010000", []),
    ],
)
def test_what_an_event_says_is_busy_time(event: str, expected: list[str]) -> None:
    assert read(calendar(event)) == expected


def test_a_zone_that_the_calendar_brings_along_counts() -> None:
    event = (
        "DTSTART;TZID=Customized Time Zone:20261005T090000|DTEND;TZID=Customized Time Zone:20261005T100000"
    )
    assert read(calendar(event, head=OWN_ZONE)) == ["10-05 10:00/10-05 11:00"]


def test_spans_are_sorted_and_those_that_touch_or_overlap_are_one() -> None:
    later, earlier, touching = (
        f"DTSTART:20261005T{starts}00|DTEND:20261005T{ends}00"
        for starts, ends in (("1400", "1500"), ("1000", "1100"), ("1100", "1200"))
    )
    assert read(calendar(later, touching, earlier)) == ["10-05 10:00/10-05 12:00", "10-05 14:00/10-05 15:00"]


# ── Repetitions ──


def test_a_repetition_counts_each_time_from_long_ago_on() -> None:
    weekly = "DTSTART;TZID=Asia/Tokyo:20200106T100000|DTEND;TZID=Asia/Tokyo:20200106T110000|RRULE:FREQ=WEEKLY"
    found = read(calendar(weekly), last=datetime(2026, 10, 20, tzinfo=TOKYO))
    assert found == [f"10-{day} 10:00/10-{day} 11:00" for day in ("05", "12", "19")]


def test_an_hour_of_new_york_is_another_one_here_after_its_summer() -> None:
    daily = (
        "DTSTART;TZID=America/New_York:20261031T200000|DTEND;TZID=America/New_York:20261031T210000"
        "|RRULE:FREQ=DAILY;COUNT=2"
    )
    assert read(calendar(daily)) == ["11-01 09:00/11-01 10:00", "11-02 10:00/11-02 11:00"]


def test_days_that_are_excepted_moved_cancelled_or_made_free_do_not_count_where_they_stood() -> None:
    daily = f"UID:d|{TEN}|RRULE:FREQ=DAILY;COUNT=5|EXDATE;TZID=Asia/Tokyo:20261006T100000"
    moved, cancelled, free = (
        f"UID:d|RECURRENCE-ID;TZID=Asia/Tokyo:202610{day}T100000|DTSTART;TZID=Asia/Tokyo:202610{day}T{hour}0000"
        f"|DURATION:PT1H|{more}"
        for day, hour, more in (
            ("07", "15", "SEQUENCE:1"),
            ("08", "10", "STATUS:CANCELLED"),
            ("09", "10", "TRANSP:TRANSPARENT"),
        )
    )
    assert read(calendar(daily, moved, cancelled, free)) == [
        "10-05 10:00/10-05 11:00",
        "10-07 15:00/10-07 16:00",
    ]


def test_a_yearly_day_and_a_leap_day_stand_where_they_belong() -> None:
    birthday = "DTSTART;VALUE=DATE:19601105|RRULE:FREQ=YEARLY"
    assert read(calendar(birthday)) == ["11-05 00:00/11-06 00:00"]
    leap = calendar("DTSTART;VALUE=DATE:20240229|RRULE:FREQ=YEARLY")
    for year, expected in ((2027, []), (2028, ["02-29 00:00/03-01 00:00"])):
        assert read(leap, datetime(year, 2, 1, tzinfo=TOKYO), datetime(year, 4, 1, tzinfo=TOKYO)) == expected


def test_our_own_feed_reads_back_without_what_was_cancelled() -> None:
    start = datetime(2026, 10, 5, 1, tzinfo=UTC)
    kept, cancelled = (
        Event(
            uid=f"{number}@x.example",
            sequence=0,
            starts=start + timedelta(days=number),
            ends=start + timedelta(days=number, hours=1),
            summary="相談",
            description="",
            location="",
            url="",
            stamp=start,
            organizer_name="x",
            organizer_email="x@x.example",
            cancelled=bool(number),
        )
        for number in (0, 1)
    )
    assert read(feed_text([kept, cancelled], name="x").encode()) == ["10-05 10:00/10-05 11:00"]


def test_our_own_sessions_in_a_calendar_elsewhere_close_nothing() -> None:
    assert read(calendar(f"{TEN}|UID:5c1f@michisuji")) == []


# ── How it may be written ──


def test_a_calendar_without_events_is_never_busy() -> None:
    assert read(calendar()) == []


def test_other_line_ends_a_byte_order_mark_and_foreign_letters_do_no_harm() -> None:
    written = calendar(f"{TEN}|SUMMARY:打合せ")
    for content in (
        written.replace(b"\r\n", b"\n"),
        b"\xef\xbb\xbf" + written,
        written.decode().encode("cp932"),
    ):
        assert read(content) == ["10-05 10:00/10-05 11:00"]


def test_two_calendars_in_one_file_count_both() -> None:
    other = TEN.replace("T10", "T15").replace("T11", "T16")
    assert read(calendar(TEN) + calendar(other)) == ["10-05 10:00/10-05 11:00", "10-05 15:00/10-05 16:00"]


# ── Rubbish and bombs ──


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<!doctype html><title>Sign in</title>",
        b"\x00\xff" * 500,
        b"BEGIN:VCALENDAR\r\n",
        calendar(TEN)[:-40],
        calendar("SUMMARY:without a start"),
        calendar("DTSTART:rubbish|DTEND:20261005T110000Z"),
        calendar(f"{TEN}|RRULE:FREQ=NEVER"),
        b"BEGIN:VCALENDAR\r\n" + b"BEGIN:VEVENT\r\n" * 5_000 + b"END:VCALENDAR\r\n",
    ],
)
def test_what_is_no_whole_calendar_is_not_taken_for_an_empty_one(content: bytes) -> None:
    assert reason_of(content) == Reason.NOT_A_CALENDAR


def test_a_calendar_of_more_than_one_megabyte_is_not_read() -> None:
    assert reason_of(b"x" * (MOST_BYTES + 1)) == Reason.TOO_LARGE


@pytest.mark.parametrize("frequency", ["SECONDLY", "MINUTELY", "secondly", "SECO|\tNDLY"])
def test_repetitions_within_the_hour_are_refused_before_they_are_counted(frequency: str) -> None:
    assert reason_of(calendar(f"{TEN}|RRULE:INTERVAL=7;FREQ={frequency}")) == Reason.TOO_MUCH


def test_a_zone_may_not_change_every_second_either() -> None:
    zone = OWN_ZONE.replace("|END:STANDARD", "|RRULE:FREQ=SECONDLY|END:STANDARD")
    assert reason_of(calendar(TEN, head=zone)) == Reason.TOO_MUCH


def test_a_description_may_speak_of_seconds() -> None:
    assert read(calendar(f"{TEN}|DESCRIPTION:RRULE:FREQ=SECONDLY")) == ["10-05 10:00/10-05 11:00"]


def test_more_events_than_anybody_has_are_refused() -> None:
    days = (LAST.date() - date(2026, 10, 1)).days
    hourly = "DTSTART:20260901T000000|DTEND:20260901T000100|RRULE:FREQ=HOURLY"
    few = MOST_EVENTS // (24 * days + 48)
    assert read(calendar(*[hourly] * few))[:1] == ["10-01 00:00/10-01 00:01"]
    assert reason_of(calendar(*[hourly] * (few + 2))) == Reason.TOO_MUCH


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",  # looked for up to the year 9999
        "FREQ=DAILY;BYHOUR=0,6,12,18;BYMINUTE=0,20,40;BYSECOND=0,10,20,30,40,50;BYMONTH=2;BYMONTHDAY=30",
        f"FREQ=DAILY;BYHOUR={numbers(24)};BYMINUTE={numbers(60)};BYSECOND={numbers(60)}",
    ],
)
def test_what_never_ends_is_ended_by_the_system(rule: str) -> None:
    assert reason_of(calendar(*[f"{TEN}|RRULE:{rule}"] * 50), cpu_seconds=1) == Reason.TOO_MUCH


def test_the_process_that_reads_has_limits_no_secrets_and_no_django() -> None:
    code = (
        "import resource, sys\n"
        "from consultations.calendars.expanding import main\n"
        "main('2026-10-01T00:00:00+09:00', '2026-12-01T00:00:00+09:00', '2')\n"
        "limits = [resource.getrlimit(each)[0] for each in (resource.RLIMIT_CPU, resource.RLIMIT_AS)]\n"
        "print('', limits, 'django' in sys.modules)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, input=calendar(TEN), stdout=subprocess.PIPE, cwd=ROOT, env={}, check=True)
    assert done.stdout.decode().split("] ", 1)[1].strip().endswith(f"[2, {MOST_MEMORY}] False")
