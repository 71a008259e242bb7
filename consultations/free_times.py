"""What is free: times of the consultants, places of the months. Computed when asked, never kept.

Everything here reads the whole firm (`office`) and answers with times, names and numbers: no word of anybody's booking.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import Count

from consultations.calc import months
from consultations.calc.openings import Closing, Opening, Rules, Span, openings, windows
from consultations.calc.places import left
from consultations.models import (
    Closed,
    Consultation,
    ConsultationMonth,
    DayException,
    Desk,
    OutsideBusy,
    Schedule,
    WaitlistEntry,
    Weekly,
)
from consultations.models.booking import ConsultationQuerySet
from consultations.office import in_the_office
from consultations.slots import Slot
from consultations.states import TAKES_PLACE
from tenancy import clock


@dataclass(frozen=True)
class FreeTime:
    """A time of a consultant that nobody has. `member_id`: the consultant's place in the firm."""

    slot: Slot
    starts: datetime
    ends: datetime
    busy_until: datetime
    member_id: int
    consultant: str
    fields_of_work: str

    @property
    def day(self) -> date:
        return months.day_of(self.starts)


@dataclass(frozen=True)
class MonthView:
    """A month as everybody may know it. `direct`: how many can be booked now without waiting; `waiting`: companies in
    the queue; `opens_at`: from when it can be booked."""

    month: date
    cap: int
    taken: int
    waiting: int
    direct: int
    opens_at: datetime
    is_open: bool

    @property
    def left(self) -> int:
        return left(self.cap, self.taken)


def desk_of_firm() -> Desk:
    """The firm's desk; the defaults, not saved, where it has not said anything yet. One query."""
    return Desk.objects.first() or Desk()


def closings_of_firm() -> list[Closing]:
    """When the whole firm is closed. Two queries at most."""
    rows = list(Closed.objects.all())
    if not rows and not Desk.objects.exists():
        rows = Closed.usual()
    return [row.as_closing() for row in rows]


def free_times(
    first_day: date,
    last_day: date,
    *,
    desk: Desk | None = None,
    closings: Sequence[Closing] | None = None,
    schedule_id: UUID | None = None,
    but: UUID | None = None,
    also_booked: bool = False,
) -> list[FreeTime]:
    """The free times of these days, by start. `schedule_id`: of this consultant only; `but`: a consultation whose own
    time counts as free, because it is about to move; `also_booked`: those of all, as if each were cancelled. Eight
    queries at most, whatever there is."""
    with in_the_office():
        desk = desk or desk_of_firm()
        schedules = [each for each in Schedule.objects.offered() if schedule_id in (None, each.pk)]
        if not schedules or not desk.is_open:
            return []
        rules = _rules_of(schedules, first_day)
        booked = Consultation.objects.none() if also_booked else Consultation.objects.busy().but(but)
        busy = _busy_of(schedules, first_day, last_day, booked)
        closings = closings_of_firm() if closings is None else closings
    found = []
    for schedule in schedules:
        found += _of_schedule(
            schedule, rules[schedule.pk], busy[schedule.pk], closings, desk, first_day, last_day
        )
    return sorted(found, key=lambda each: (each.starts, str(each.slot.schedule_id)))


def _of_schedule(
    schedule: Schedule,
    rules: Rules,
    busy: list[Span],
    closings: Sequence[Closing],
    desk: Desk,
    first_day: date,
    last_day: date,
) -> list[FreeTime]:
    times = openings(
        rules,
        first_day=first_day,
        last_day=last_day,
        length=timedelta(minutes=desk.minutes),
        step=timedelta(minutes=desk.step),
        closings=closings,
        busy=busy,
        now=clock.now(),
    )
    return [_free_time(schedule, each, rules.buffer) for each in times]


def _free_time(schedule: Schedule, opening: Opening, buffer: timedelta) -> FreeTime:
    return FreeTime(
        slot=Slot(schedule.pk, opening.starts),
        starts=opening.starts,
        ends=opening.ends,
        busy_until=opening.ends + buffer,
        member_id=schedule.membership_id,
        consultant=str(schedule.membership.user),
        fields_of_work=schedule.fields_of_work,
    )


def _rules_of(schedules: Iterable[Schedule], first_day: date) -> dict[UUID, Rules]:
    weekly, exceptions = defaultdict(list), defaultdict(list)
    for hours in Weekly.objects.filter(schedule__in=schedules):
        weekly[hours.schedule_id].append(hours.as_hours())
    for rule in DayException.objects.filter(schedule__in=schedules, last_day__gte=first_day):
        exceptions[rule.schedule_id].append(rule.as_rule())
    return {
        each.pk: Rules(
            consultant_id=each.membership_id,
            weekly=tuple(weekly[each.pk]),
            exceptions=tuple(exceptions[each.pk]),
            buffer=timedelta(minutes=each.buffer),
            minimum_notice=timedelta(hours=each.notice_hours),
            horizon_days=each.horizon_days,
            closed_on_holidays=each.closed_on_holidays,
        )
        for each in schedules
    }


def _busy_of(
    schedules: Collection[Schedule], first_day: date, last_day: date, booked: ConsultationQuerySet
) -> dict[UUID, list[Span]]:
    """The times of what is booked, with the buffer after them, and what the outside calendars say."""
    of_member = {each.membership_id: each.pk for each in schedules}
    begins, ends = (
        months.at(first_day, months.MIDNIGHT),
        months.at(last_day + timedelta(days=2), months.MIDNIGHT),
    )
    booked = booked.filter(consultant__in=of_member)
    booked = booked.filter(starts_at__lt=ends, starts_at__gte=begins - timedelta(days=1))
    outside = OutsideBusy.objects.filter(schedule__in=schedules, ends_at__gt=begins, starts_at__lt=ends)
    busy = defaultdict(list)
    for member_id, starts, until in booked.values_list("consultant", "starts_at", "busy_until"):
        busy[of_member[member_id]].append(Span(starts, until))
    for schedule_id, starts, until in outside.values_list("schedule", "starts_at", "ends_at"):
        busy[schedule_id].append(Span(starts, until))
    return busy


def booked_in(closing: Closing) -> int:
    """How many sessions to come stand on days on which the firm is closed. One query."""
    with in_the_office():
        starts = (
            Consultation.objects.live().filter(starts_at__gt=clock.now()).values_list("starts_at", flat=True)
        )
        return sum(closing.covers(months.day_of(each)) for each in starts)


def outside_hours(schedule: Schedule) -> list[Consultation]:
    """The consultant's sessions to come that stand where the hours do not reach any more: they were booked when these
    were others, and stay. Six queries at most."""
    with in_the_office():
        ahead = Consultation.objects.live().filter(consultant=schedule.membership_id, ends_at__gt=clock.now())
        rows = list(ahead.order_by("starts_at"))
        rules, closings = _rules_of([schedule], clock.today())[schedule.pk], closings_of_firm()
    return [row for row in rows if not _within(Span(row.starts_at, row.ends_at), rules, closings)]


def _within(span: Span, rules: Rules, closings: list[Closing]) -> bool:
    open_then = windows(rules, months.day_of(span.starts), closings)
    return any(each.starts <= span.starts and span.ends <= each.ends for each in open_then)


def free_time(slot: Slot, *, but: UUID | None = None, desk: Desk | None = None) -> FreeTime | None:
    """The time that was chosen, if it is still there: also whether its month, its notice and its horizon allow it."""
    day = months.day_of(slot.starts)
    times = free_times(day, day, schedule_id=slot.schedule_id, but=but, desk=desk)
    return next((each for each in times if each.slot == slot), None)


def offerable(month: date, desk: Desk, *, also_booked: bool = False) -> FreeTime | None:
    """The earliest free time of the month that lies far enough ahead to be offered, whoever has it; `also_booked` as in
    `free_times`."""
    earliest = clock.now() + months.OFFER_AHEAD
    first = max(month, months.day_of(earliest))
    if first > months.last_day(month):
        return None
    times = free_times(first, months.last_day(month), desk=desk, also_booked=also_booked)
    return next((each for each in times if each.starts >= earliest), None)


def worth_waiting_for(view: MonthView, desk: Desk, free: Iterable[FreeTime] = ()) -> bool:
    """Whether the month is full, and whoever cancelled could still make room for somebody: towards its end nobody gives
    sessions late enough to be offered. No query where it is not full, nor where one of the `free` times would do."""
    if view.direct:
        return False
    earliest = clock.now() + months.OFFER_AHEAD
    if any(each.starts >= earliest and months.month_of(each.starts) == view.month for each in free):
        return True
    return offerable(view.month, desk, also_booked=True) is not None


def has_time(month: date) -> bool:
    """Whether anything of the month is free, however soon."""
    first, last = max(month, clock.today()), months.last_day(month)
    return first <= last and bool(free_times(first, last))


# ── Places ──


def eligible(entries: Iterable[WaitlistEntry], row: ConsultationMonth) -> list[WaitlistEntry]:
    """Those who have not passed on what there is: who has waits until a place becomes free again."""
    month = row.month.isoformat()
    return [each for each in entries if each.passed.get(month, -1) < row.freed]


def month_views(wanted: Iterable[date], *, desk: Desk | None = None) -> list[MonthView]:
    """These months, each as everybody may know it. Five queries, eight more where somebody waits for a place that is
    free."""
    firsts = sorted(wanted)
    with in_the_office():
        desk = desk or desk_of_firm()
        rows = {row.month: row for row in ConsultationMonth.objects.filter(month__in=firsts)}
        taking = Consultation.objects.not_lapsed().filter(
            month__in=firsts, state__in=TAKES_PLACE, number__isnull=False
        )
        taken = dict(taking.values_list("month").annotate(Count("pk")).order_by())
        entries = list(WaitlistEntry.objects.waiting())
        offered = set(Consultation.objects.live().filter(entry__in=entries).values_list("entry", flat=True))
        return [
            _view(month, desk, rows.get(month) or ConsultationMonth(month=month), taken, entries, offered)
            for month in firsts
        ]


def _view(
    month: date,
    desk: Desk,
    row: ConsultationMonth,
    taken: dict[date, int],
    entries: list[WaitlistEntry],
    offered: set[UUID],
) -> MonthView:
    here = [each for each in entries if month.isoformat() in each.months]
    cap = cap_of(row, desk)
    free = left(cap, taken.get(month, 0))
    queue = len(eligible([each for each in here if each.pk not in offered], row)) if free else 0
    opens_at = months.opens_at(month, desk.opens_on)
    return MonthView(
        month=month,
        cap=cap,
        taken=taken.get(month, 0),
        waiting=len(here),
        direct=free if not queue or offerable(month, desk) is None else max(0, free - queue),
        opens_at=opens_at,
        is_open=desk.is_open and opens_at <= clock.now() and months.last_day(month) >= clock.today(),
    )


def month_view(month: date) -> MonthView:
    """One month."""
    return month_views([month])[0]


def seems_full(month: date) -> bool:
    """Whether the month has no place left at this moment, as far as can be said without its lock. Three queries."""
    with in_the_office():
        row = ConsultationMonth.objects.filter(month=month).first() or ConsultationMonth(month=month)
        return Consultation.objects.taking(month).count() >= cap_of(row, desk_of_firm())


def cap_of(row: ConsultationMonth, desk: Desk) -> int:
    """How many companies the month takes."""
    return desk.cap if row.cap is None else row.cap


def this_and_next() -> tuple[date, date]:
    """The two months that everybody sees."""
    month = clock.today().replace(day=1)
    return month, months.after(month)
