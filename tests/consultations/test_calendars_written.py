"""Sessions as other calendars take them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from consultations.calendars.writing import Event, feed_text, file_text

TOKYO = ZoneInfo("Asia/Tokyo")
EVENT = Event(
    uid="5c1f@michisuji.example",
    sequence=0,
    starts=datetime(2026, 10, 31, 23, 30, tzinfo=TOKYO),
    ends=datetime(2026, 11, 1, 0, 30, tzinfo=TOKYO),
    summary="オンライン相談(みちすじ経営パートナーズ)",
    description="参加方法\nhttps://meet.example/abc\n\n変更・取消はこちら",
    location="https://meet.example/abc",
    url="https://michisuji.example/m/consultations/s/~a_b/?x=1&y=2",
    stamp=datetime(2026, 10, 1, 9, 0, tzinfo=TOKYO),
    organizer_name="みちすじ経営パートナーズ",
    organizer_email="soudan@michisuji.example",
)


def only(text: str) -> Any:
    (event,) = Calendar.from_ical(text).walk("VEVENT")
    return event


def test_a_session_reads_back_as_it_was_written() -> None:
    text = file_text(EVENT)
    assert text == file_text(EVENT)
    calendar, event = Calendar.from_ical(text), only(text)
    assert str(calendar["METHOD"]) == "PUBLISH"
    assert str(calendar["VERSION"]) == "2.0"
    assert "Michisuji" in str(calendar["PRODID"])
    assert (event["DTSTART"].dt, event["DTEND"].dt) == (EVENT.starts, EVENT.ends)
    assert event["DTSTAMP"].dt == EVENT.stamp
    assert (str(event["UID"]), int(event["SEQUENCE"])) == (EVENT.uid, 0)
    assert str(event["SUMMARY"]) == EVENT.summary
    assert str(event["DESCRIPTION"]) == EVENT.description
    assert (str(event["LOCATION"]), str(event["URL"])) == (EVENT.location, EVENT.url)
    assert str(event["ORGANIZER"]) == "mailto:soudan@michisuji.example"
    assert event["ORGANIZER"].params["CN"] == EVENT.organizer_name
    assert (str(event["STATUS"]), str(event["TRANSP"])) == ("CONFIRMED", "OPAQUE")


def test_lines_end_as_the_standard_has_it_and_none_is_longer_than_75_bytes() -> None:
    text = file_text(EVENT)
    assert text.count("\n") == text.count("\r\n")
    assert text.endswith("END:VCALENDAR\r\n")
    assert max(len(line.encode()) for line in text.split("\r\n")) <= 75


def test_times_are_written_in_utc_whatever_zone_they_are_said_in() -> None:
    text = file_text(EVENT)
    assert "\r\nDTSTART:20261031T143000Z\r\n" in text
    assert "\r\nDTEND:20261031T153000Z\r\n" in text
    assert "TZID" not in text


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        file_text(replace(EVENT, starts=datetime(2026, 10, 31, 23, 30)))


def test_a_change_has_the_same_uid_and_a_higher_number() -> None:
    later = only(file_text(replace(EVENT, sequence=3, starts=EVENT.starts - timedelta(hours=2))))
    assert (str(later["UID"]), int(later["SEQUENCE"])) == (EVENT.uid, 3)


def test_a_cancelled_session_is_taken_out_of_the_calendar_again() -> None:
    text = file_text(replace(EVENT, cancelled=True, sequence=1))
    assert str(Calendar.from_ical(text)["METHOD"]) == "CANCEL"
    event = only(text)
    assert (str(event["STATUS"]), str(event["UID"])) == ("CANCELLED", EVENT.uid)
    assert event["ORGANIZER"]


def test_what_is_not_known_is_not_written() -> None:
    event = only(file_text(replace(EVENT, description="", location="", url="")))
    assert not {"DESCRIPTION", "LOCATION", "URL"} & set(event)


def test_nothing_typed_becomes_a_line_of_its_own() -> None:
    evil = 'x\r\nATTENDEE:mailto:evil@evil.example\rX-A:1\nX-B:2\x00\x85"'
    event = replace(EVENT, summary=evil, description=evil, location=evil, url=evil, organizer_name=evil)
    text = file_text(event) + feed_text([event], name=evil)
    for line in text.replace("\r\n ", "").split("\r\n"):
        assert not line.startswith(("ATTENDEE", "X-A", "X-B"))
    assert "\x00" not in text


@given(st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\t"), max_size=200))
def test_whatever_is_typed_reads_back(words: str) -> None:
    event = only(file_text(replace(EVENT, summary=words, description=f"一{words}二", organizer_name=words)))
    assert str(event["SUMMARY"]) == " ".join(words.split())
    assert str(event["DESCRIPTION"]) == f"一{words}二"
    name = " ".join(words.split()).replace('"', "'").replace("\\", "\uff3c")
    assert event["ORGANIZER"].params["CN"] == name


# ── A calendar to subscribe to ──


def test_a_feed_has_a_name_and_says_how_often_to_ask() -> None:
    second = replace(EVENT, uid="second@michisuji.example", cancelled=True)
    text = feed_text([EVENT, second], name="相談の予定, みちすじ")
    calendar = Calendar.from_ical(text)
    for name in ("NAME", "X-WR-CALNAME"):
        assert f"\r\n{name}:相談の予定\\, みちすじ\r\n" in text
    assert "\r\nREFRESH-INTERVAL;VALUE=DURATION:PT1H\r\n" in text
    assert "\r\nX-PUBLISHED-TTL:PT1H\r\n" in text
    assert str(calendar["METHOD"]) == "PUBLISH"
    states = {str(event["UID"]): str(event["STATUS"]) for event in calendar.walk("VEVENT")}
    assert states == {EVENT.uid: "CONFIRMED", second.uid: "CANCELLED"}


def test_a_feed_of_nothing_is_a_calendar_all_the_same() -> None:
    assert Calendar.from_ical(feed_text([], name="空")).walk("VEVENT") == []
