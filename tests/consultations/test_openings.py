"""When a consultant has time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consultations.calc.holidays import holiday_name
from consultations.calc.openings import (
    TOKYO,
    Closing,
    DayRule,
    Opening,
    Rules,
    Span,
    WeeklyHours,
    merged,
    openings,
    windows,
)

HOUR, HALF_HOUR = timedelta(hours=1), timedelta(minutes=30)
NINE, TEN, NOON, FIVE = time(9), time(10), time(12), time(17)
EVERY_DAY = tuple(WeeklyHours(weekday, NINE, NOON) for weekday in range(7))
RULES = Rules(
    consultant_id=7,
    weekly=EVERY_DAY,
    exceptions=(),
    buffer=timedelta(0),
    minimum_notice=timedelta(0),
    horizon_days=4000,
    closed_on_holidays=True,
)
DAY = date(2026, 6, 1)  # a Monday without a name


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=TOKYO)


NEW_YEAR = at(date(2026, 1, 1), 0)


def found(
    rules: Rules = RULES,
    first_day: date = DAY,
    last_day: date | None = None,
    *,
    length: timedelta = HOUR,
    step: timedelta = HOUR,
    closings: tuple[Closing, ...] = (),
    busy: tuple[Span, ...] = (),
    now: datetime = NEW_YEAR,
) -> list[Opening]:
    return openings(
        rules,
        first_day=first_day,
        last_day=last_day or first_day,
        length=length,
        step=step,
        closings=closings,
        busy=busy,
        now=now,
    )


def words(each: list[Opening]) -> list[str]:
    return [f"{one.starts:%H:%M}" for one in each]


# ── Windows ──


def test_a_session_may_start_every_step_as_long_as_it_ends_within_the_hours() -> None:
    assert words(found()) == ["09:00", "10:00", "11:00"]
    assert words(found(step=HALF_HOUR)) == ["09:00", "09:30", "10:00", "10:30", "11:00"]
    assert words(found(length=3 * HOUR, step=HALF_HOUR)) == ["09:00"]
    assert words(found(length=3 * HOUR + timedelta(seconds=1))) == []
    assert found()[0] == Opening(7, at(DAY, 9), at(DAY, 10))


def test_hours_that_touch_or_overlap_are_one_window() -> None:
    weekly = (
        WeeklyHours(0, NINE, NOON),
        WeeklyHours(0, NOON, time(13)),
        WeeklyHours(0, time(12, 30), time(14)),
    )
    rules = replace(RULES, weekly=weekly)
    assert windows(rules, DAY, []) == [Span(at(DAY, 9), at(DAY, 14))]
    assert words(found(rules, length=2 * HOUR, step=2 * HOUR + HALF_HOUR)) == ["09:00", "11:30"]


@pytest.mark.parametrize(("length", "step"), [(timedelta(0), HOUR), (HOUR, timedelta(0)), (HOUR, -HOUR)])
def test_a_length_or_a_step_of_nothing_is_refused(length: timedelta, step: timedelta) -> None:
    with pytest.raises(ValueError, match="some time"):
        found(length=length, step=step)


def test_no_weekly_hours_no_times_and_a_last_day_before_the_first_has_none() -> None:
    assert found(replace(RULES, weekly=())) == []
    assert found(RULES, DAY, DAY - timedelta(days=1)) == []


def test_hours_that_end_at_midnight_end_with_their_day_and_hours_never_go_over_it() -> None:
    late = tuple(WeeklyHours(weekday, time(23, 30), time(0)) for weekday in range(7))
    early = tuple(WeeklyHours(weekday, time(0, 15), time(1)) for weekday in range(7))
    rules = replace(RULES, weekly=late + early, closed_on_holidays=False)
    both = found(rules, date(2026, 7, 31), date(2026, 8, 1), length=HALF_HOUR, step=timedelta(minutes=15))
    starts = [f"{each.starts:%m-%d %H:%M}" for each in both]
    assert starts == [
        "07-31 00:15",
        "07-31 00:30",
        "07-31 23:30",
        "08-01 00:15",
        "08-01 00:30",
        "08-01 23:30",
    ]
    assert both[2].ends == at(date(2026, 8, 1), 0)
    assert found(rules, date(2026, 7, 31), length=HOUR, step=HOUR) == []


def test_all_day_is_from_midnight_to_midnight() -> None:
    rules = replace(RULES, weekly=(WeeklyHours(0, time(0), time(0)),))
    assert len(found(rules)) == 24


# ── Exceptions, holidays, closings ──


def test_an_exception_opens_hours_besides_the_weekly_ones() -> None:
    extra = DayRule(DAY, DAY + timedelta(days=1), True, time(15), FIVE)
    rules = replace(RULES, exceptions=(extra,))
    assert words(found(rules)) == ["09:00", "10:00", "11:00", "15:00", "16:00"]
    assert words(found(rules, DAY + timedelta(days=2))) == ["09:00", "10:00", "11:00"]


def test_an_exception_that_opens_without_saying_when_is_refused() -> None:
    with pytest.raises(ValueError, match="from when to when"):
        DayRule(DAY, DAY, True, NINE)


@pytest.mark.parametrize(
    ("starts", "ends", "left"),
    [
        (None, None, []),
        (TEN, time(11), ["09:00", "11:00"]),
        (None, TEN, ["10:00", "11:00"]),
        (time(10, 30), None, ["09:00"]),
        (time(9, 20), time(9, 40), ["09:40", "10:40"]),
        (time(13), FIVE, ["09:00", "10:00", "11:00"]),
        (time(11), time(0), ["09:00", "10:00"]),
    ],
)
def test_an_exception_closes_a_day_or_a_part_of_it(
    starts: time | None, ends: time | None, left: list[str]
) -> None:
    rules = replace(RULES, exceptions=(DayRule(DAY, DAY, False, starts, ends),))
    assert words(found(rules)) == left
    assert words(found(rules, DAY + timedelta(days=1))) == ["09:00", "10:00", "11:00"]


def test_what_one_exception_closes_another_one_does_not_open() -> None:
    rules = replace(RULES, exceptions=(DayRule(DAY, DAY, True, NOON, FIVE), DayRule(DAY, DAY, False)))
    assert found(rules) == []


@pytest.mark.parametrize(
    ("day", "name"),
    [
        (date(2026, 5, 6), "振替休日"),
        (date(2026, 9, 22), "国民の休日"),
        (date(2026, 11, 3), "文化の日"),
        (date(2026, 6, 1), ""),
        (date(2028, 2, 29), ""),
        (date(1900, 1, 1), ""),
        (date(2300, 1, 1), ""),
    ],
)
def test_a_holiday_is_closed_for_whom_holidays_are_closed(day: date, name: str) -> None:
    assert holiday_name(day) == name
    long_ago = datetime(1890, 1, 1, tzinfo=UTC)
    rules = replace(RULES, horizon_days=200_000)
    assert bool(found(rules, day, now=long_ago)) == (not name)
    assert found(replace(rules, closed_on_holidays=False), day, now=long_ago)


def test_an_exception_that_opens_a_day_wins_over_a_holiday_and_not_over_a_closing_of_the_firm() -> None:
    day = date(2026, 9, 22)
    rules = replace(RULES, exceptions=(DayRule(day, day, True, TEN, NOON),))
    assert words(found(rules, day)) == ["10:00", "11:00"]
    assert found(rules, day, closings=(Closing(day, day, False),)) == []


def test_a_closing_at_the_years_end_comes_every_year_and_goes_over_it() -> None:
    closing = Closing(date(2020, 12, 29), date(2021, 1, 3), every_year=True)
    rules = replace(RULES, closed_on_holidays=False)
    left = found(rules, date(2026, 12, 26), date(2027, 1, 5), length=3 * HOUR, closings=(closing,))
    assert [each.starts.date() for each in left] == [
        date(2026, 12, 26),
        date(2026, 12, 27),
        date(2026, 12, 28),
        date(2027, 1, 4),
        date(2027, 1, 5),
    ]


def test_a_closing_of_one_year_is_over_the_next_year() -> None:
    closing = Closing(date(2026, 6, 1), date(2026, 6, 1), every_year=False)
    assert found(closings=(closing,)) == []
    assert found(RULES, date(2027, 6, 1), closings=(closing,))


def test_a_leap_day_is_a_day_like_others_and_a_yearly_closing_on_it_needs_no_leap_year() -> None:
    leap_day = date(2028, 2, 29)
    closing = Closing(leap_day, leap_day, every_year=True)
    assert len(found(RULES, leap_day)) == 3
    assert found(RULES, leap_day, closings=(closing,)) == []
    assert len(found(RULES, date(2027, 2, 28), date(2027, 3, 1), closings=(closing,))) == 6
    until_march = Closing(leap_day, date(2028, 3, 2), every_year=True)
    days = [
        each.starts.day for each in found(RULES, date(2027, 2, 28), date(2027, 3, 3), closings=(until_march,))
    ]
    assert days == [28, 28, 28, 3, 3, 3]


# ── Notice and horizon ──


def test_a_session_starts_no_sooner_than_the_minimum_notice() -> None:
    rules = replace(RULES, minimum_notice=timedelta(hours=24))
    yesterday = DAY - timedelta(days=1)
    assert words(found(rules, now=at(yesterday, 10))) == ["10:00", "11:00"]
    assert words(found(rules, now=at(yesterday, 10) + timedelta(microseconds=1))) == ["11:00"]
    assert found(rules, now=at(DAY, 9)) == []


def test_the_horizon_counts_days_of_tokyo_whatever_zone_now_is_said_in() -> None:
    rules = replace(RULES, horizon_days=1)
    eve = datetime(2026, 5, 30, 15, 0, tzinfo=UTC)  # 0:00 of the 31st in Tokyo
    assert {each.starts.date() for each in found(rules, date(2026, 5, 1), date(2026, 7, 1), now=eve)} == {
        date(2026, 5, 31),
        date(2026, 6, 1),
    }
    before = eve - timedelta(seconds=1)
    assert {each.starts.date() for each in found(rules, date(2026, 5, 31), date(2026, 7, 1), now=before)} == {
        date(2026, 5, 31)
    }


# ── Busy ──


def test_what_is_busy_is_not_free_and_edges_may_touch() -> None:
    assert words(found(busy=(Span(at(DAY, 10), at(DAY, 11)),))) == ["09:00", "11:00"]
    assert words(found(busy=(Span(at(DAY, 10, 59), at(DAY, 11, 1)),))) == ["09:00"]
    assert words(found(busy=(Span(at(DAY, 10), at(DAY, 10)),))) == ["09:00", "10:00", "11:00"]


def test_what_is_busy_may_be_said_in_another_zone_out_of_order_and_twice() -> None:
    ten = datetime(2026, 6, 1, 1, 0, tzinfo=UTC)
    busy = (Span(at(DAY, 11), at(DAY, 12)), Span(ten, ten + HOUR), Span(ten, ten + HALF_HOUR))
    assert words(found(busy=busy)) == ["09:00"]


def test_the_buffer_behind_a_session_must_be_free_too_but_may_reach_beyond_the_hours() -> None:
    rules = replace(RULES, buffer=HALF_HOUR)
    assert words(found(rules)) == ["09:00", "10:00", "11:00"]
    assert words(found(rules, busy=(Span(at(DAY, 11, 15), at(DAY, 12)),))) == ["09:00"]
    assert words(found(rules, busy=(Span(at(DAY, 12, 29), at(DAY, 13)),))) == ["09:00", "10:00"]


def test_two_spans_that_touch_do_not_overlap_and_an_empty_one_overlaps_nothing() -> None:
    span = Span(at(DAY, 9), at(DAY, 10))
    assert not span.overlaps(Span(at(DAY, 10), at(DAY, 11)))
    assert not span.overlaps(Span(at(DAY, 9, 30), at(DAY, 9, 30)))
    assert span.overlaps(Span(at(DAY, 9, 59), at(DAY, 11)))
    assert span.overlaps(span)


# ── Whatever is set ──

quarters = st.integers(0, 95).map(lambda each: time(each // 4, each % 4 * 15))
near_days = st.integers(0, 20).map(lambda each: date(2026, 4, 25) + timedelta(days=each))
spans = st.builds(
    lambda start, minutes: Span(start, start + timedelta(minutes=minutes)),
    st.datetimes(datetime(2026, 4, 24), datetime(2026, 5, 17), timezones=st.sampled_from([UTC, TOKYO])),
    st.integers(0, 3000),
)
exceptions = st.builds(
    DayRule, first_day=near_days, last_day=near_days, is_open=st.booleans(), starts=quarters, ends=quarters
)
all_rules = st.builds(
    Rules,
    consultant_id=st.just(1),
    weekly=st.lists(st.builds(WeeklyHours, st.integers(0, 6), quarters, quarters), max_size=12).map(tuple),
    exceptions=st.lists(exceptions, max_size=4).map(tuple),
    buffer=st.integers(0, 60).map(lambda each: timedelta(minutes=each)),
    minimum_notice=st.integers(0, 100).map(lambda each: timedelta(hours=each)),
    horizon_days=st.integers(0, 30),
    closed_on_holidays=st.booleans(),
)
closed = st.lists(st.builds(Closing, near_days, near_days, st.booleans()), max_size=2)
lengths = st.integers(1, 8).map(lambda each: timedelta(minutes=each * 15))
NOW = datetime(2026, 4, 24, 20, 0, tzinfo=UTC)


@given(all_rules, closed, st.lists(spans, max_size=30), lengths, lengths)
def test_every_opening_is_free_inside_a_window_and_none_is_missing(
    rules: Rules, closings: list[Closing], busy: list[Span], length: timedelta, step: timedelta
) -> None:
    first, last = date(2026, 4, 25), date(2026, 5, 15)
    given_times = openings(
        rules, first_day=first, last_day=last, length=length, step=step, closings=closings, busy=busy, now=NOW
    )
    expected = []
    for number in range((last - first).days + 1):
        for window in windows(rules, first + timedelta(days=number), closings):
            start = window.starts
            while start + length <= window.ends:
                kept = Span(start, start + length + rules.buffer)
                soon = start < NOW + rules.minimum_notice
                far = start.date() > NOW.astimezone(TOKYO).date() + timedelta(days=rules.horizon_days)
                if not (soon or far or any(kept.overlaps(each) for each in busy)):
                    expected.append(Opening(1, start, start + length))
                start += step
    assert given_times == expected


@given(all_rules, closed, near_days)
def test_every_quarter_of_an_hour_is_in_a_window_exactly_when_the_rules_say_so(
    rules: Rules, closings: list[Closing], day: date
) -> None:
    def within(moment: time, starts: time, ends: time) -> bool:
        return starts <= moment and (moment < ends or ends == time(0))

    of_day = [each for each in rules.exceptions if each.first_day <= day <= each.last_day]
    found_windows = windows(rules, day, closings)
    for number in range(96):
        moment = time(number // 4, number % 4 * 15)
        holiday = rules.closed_on_holidays and holiday_name(day)
        weekly = any(
            within(moment, each.starts, each.ends) and not holiday
            for each in rules.weekly
            if each.weekday == day.weekday()
        )
        said = [
            each.is_open for each in of_day if within(moment, each.starts or time(0), each.ends or time(0))
        ]
        is_open = (weekly or True in said) and False not in said and not any(c.covers(day) for c in closings)
        start = datetime.combine(day, moment, TOKYO)
        assert is_open == any(window.starts <= start < window.ends for window in found_windows)
    assert all(one.ends < other.starts for one, other in pairwise(found_windows))


@given(st.lists(spans, max_size=30))
def test_merged_spans_are_sorted_apart_and_the_same_time(each: list[Span]) -> None:
    result = merged(each)
    assert all(one.ends < other.starts for one, other in pairwise(result))
    for span in each:
        inside = [one for one in result if one.starts <= span.starts and span.ends <= one.ends]
        assert len(inside) == 1 or span.starts == span.ends
    edges = {moment for span in each for moment in (span.starts, span.ends)}
    assert all(one.starts in edges and one.ends in edges for one in result)
