"""A firm that gives sessions: 馬場 on weekdays. The clock stands on Monday, 7 December 2026, 9:00 in Tokyo."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID, uuid4

from consultations.actions.asking import Asked
from consultations.actions.booking import book
from consultations.actions.desk import let_consult, set_hours
from consultations.calc import months
from consultations.free_times import FreeTime, free_times
from consultations.models import Consultation, Schedule
from tenancy.scope import open_scope
from tests.conftest import House

NOW = datetime(2026, 12, 7, 0, 0, tzinfo=UTC)  # Monday, 9:00 in Tokyo
DECEMBER, JANUARY = date(2026, 12, 1), date(2027, 1, 1)
WEEKDAYS = tuple((weekday, time(10), time(17)) for weekday in range(5))
MEETING = "https://meet.example/baba"


def opens(house: House, name: str = "馬場", hours: tuple[tuple[int, time, time], ...] = WEEKDAYS) -> Schedule:
    """The consultant gives sessions at these hours, online."""
    with open_scope(house.scope):
        schedule = let_consult(member=house.members[name], gives=True, actor=None)
        set_hours(schedule=schedule, hours=hours, actor=None)
        schedule.meeting_url, schedule.buffer = MEETING, 0
        schedule.save(update_fields=["meeting_url", "buffer"])
    return schedule


def times(house: House, month: date = DECEMBER) -> list[FreeTime]:
    with open_scope(house.scope):
        return free_times(max(month, months.day_of(NOW)), months.last_day(month))


def a_time(house: House, day: date, hour: int) -> FreeTime:
    """The free time of that day and hour."""
    starts = months.at(day, time(hour))
    return next(each for each in times(house, day.replace(day=1)) if each.starts == starts)


def company(number: int) -> Asked:
    """One of many companies that ask."""
    return Asked(
        f"株式会社第{number}", f"社長{number}", f"owner{number}@c{number}.example", topic="気になること"
    )


def booked(
    house: House, number: int, *, confirmed: bool = True, time: FreeTime | None = None, id: UUID | None = None
) -> Consultation:
    """That company has a session at the first free time that lies far ahead, or at `time`."""
    chosen = time or next(each for each in times(house) if each.starts > NOW + timedelta(days=7))
    with open_scope(house.scope):
        return book(id=id or uuid4(), slot=chosen.slot, asked=company(number), confirmed=confirmed)
