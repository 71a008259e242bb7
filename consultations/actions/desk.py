"""Setting up: the firm's desk and months, who consults, and when. Whoever waits hears of what becomes free by it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, time
from types import EllipsisType

from consultations.actions.firm import say_usual_way
from consultations.actions.places import fill, freed, lock_month, locked_month, swept_month
from consultations.calc import months
from consultations.models import (
    Blocked,
    Closed,
    ConsultationMonth,
    DayException,
    Desk,
    OutsideBusy,
    OutsideCalendar,
    Schedule,
    WaitlistEntry,
    Weekly,
)
from consultations.office import in_the_office
from tenancy import clock, due, trail
from tenancy.editing import ChangedMeanwhile, apply
from tenancy.models import Membership

CALENDAR = "consultations.calendar"  # a kind of due work, declared in tasks
# What may make a place or a time free: who has passed on what there was is asked again by it, and by nothing else.
FREES_AT_DESK = frozenset({"is_open", "cap", "minutes", "step", "opens_on"})
FREES_IN_SCHEDULE = frozenset({"buffer", "notice_hours", "horizon_days", "closed_on_holidays"})


# ── The firm ──


def update_desk(
    *, values: Mapping[str, object], seen: Mapping[str, str] | None, actor: Membership | None
) -> Desk:
    """The firm's rules. With the cap, every month that is still open is locked first, so that nobody is given a place
    by a number that is no longer true; lowering it takes nothing away. Raises ChangedMeanwhile."""
    with in_the_office():
        swept = [swept_month(month) for month in _open_months()]
        desk = Desk.objects.select_for_update(of=("self",), no_key=True).first() or Desk()
        is_new = desk.pk is None
        before = apply(desk, values, None if is_new else seen)
        if before or is_new:
            desk.save()
            closings = _write_usual_closings() if is_new else []
            trail.record("update.desk", desk, before=None if is_new else before, rows=closings)
        for places in swept:
            fill(places.row, desk)
        if FREES_AT_DESK & before.keys():
            tell_who_waits()
        return desk


def _open_months() -> list[date]:
    """Those that are not over and that anybody has needed, in the order in which they are locked."""
    this = clock.today().replace(day=1)
    rows = ConsultationMonth.objects.filter(month__gte=this)
    return list(rows.order_by("month").values_list("month", flat=True))


def _write_usual_closings() -> list[Closed]:
    """From now on the firm's closings are rows that it can change."""
    rows = Closed.usual()
    for row in rows:
        row.save(force_insert=True)
    return rows


class CapMoved(ValueError):
    """Somebody else has set the month's `cap` since the page was opened. Nothing was written."""

    def __init__(self, cap: int | None) -> None:
        super().__init__(cap)
        self.cap = cap


def set_cap(
    *, month: date, cap: int | None, actor: Membership | None, seen: int | EllipsisType | None = ...
) -> ConsultationMonth:
    """How many companies this one month takes; None: as many as every month. Lowering it takes nothing away, and no
    place of before is offered any more. `seen`: what the page showed. Raises CapMoved."""
    with in_the_office():
        places = swept_month(month)
        row = places.row
        if seen is not ... and seen != row.cap != cap:
            raise CapMoved(row.cap)
        if row.cap != cap:
            before, row.cap = {"cap": row.cap}, cap
            row.save(update_fields=["cap"])
            freed(row)
            trail.record("set.cap", row, before=before)
        fill(row, places.desk)
        return row


def tell_who_waits() -> None:
    """Times or places may have become free: offer them in every month that somebody waits for. Two queries where
    nobody does."""
    with in_the_office():
        wanted = {each for entry in WaitlistEntry.objects.waiting() for each in entry.wanted}
        for month in sorted(wanted):
            if months.last_day(month) >= clock.today():
                places = locked_month(month)
                if places.left:  # else nothing became free: the number stands on the firm's page
                    freed(places.row)
                    fill(places.row, places.desk)


def close_days(
    *, name: str, first_day: date, last_day: date, every_year: bool, actor: Membership | None
) -> Closed:
    """Days on which nobody of the firm gives sessions. Sessions that stand there already stay; so do the usual
    closings of a firm that has not written any rules yet. The same form twice closes once."""
    if Desk.objects.select_for_update(of=("self",), no_key=True).first() is None:
        update_desk(values={}, seen=None, actor=actor)
    said = {"name": name, "first_day": first_day, "last_day": last_day, "every_year": every_year}
    known: Closed | None = Closed.objects.filter(**said).first()
    if known is not None:
        return known
    row = Closed(**said)
    row.save(force_insert=True)
    trail.record("close.days", row)
    return row


def reopen_days(*, closed: Closed, actor: Membership | None) -> None:
    """The firm is not closed then after all."""
    trail.record_gone("reopen.days", closed)
    closed.delete()
    tell_who_waits()


def block(*, address: str, reason: str, actor: Membership | None) -> Blocked:
    """No bookings from this address, or from anybody at this domain (`@…`). Twice is once; a newer reason counts."""
    known = Blocked.objects.select_for_update(of=("self",), no_key=True)
    row, new = known.get_or_create(address=address.lower(), defaults={"reason": reason})
    if new:
        trail.record("block.address", row)
    elif reason and reason != row.reason:
        before, row.reason = {"reason": row.reason}, reason
        row.save(update_fields=["reason"])
        trail.record("update.blocked", row, before=before)
    return row


def unblock(*, blocked: Blocked, actor: Membership | None) -> None:
    trail.record_gone("unblock.address", blocked)
    blocked.delete()


# ── A consultant ──


def schedule_for(member: Membership) -> Schedule:
    """The consultant's schedule; made when it is first asked for."""
    row, new = Schedule.objects.get_or_create(membership=member)
    if new:
        trail.record("make.schedule", row)
    return row


def let_consult(*, member: Membership, gives: bool, actor: Membership | None) -> Schedule:
    """Whether this member gives sessions. What is booked stays."""
    row = schedule_for(member)
    if row.gives != gives:
        before, row.gives = {"gives": row.gives}, gives
        row.save(update_fields=["gives"])
        trail.record("let_consult.schedule", row, before=before)
        if gives:
            tell_who_waits()
    return row


def update_schedule(
    *,
    schedule: Schedule,
    values: Mapping[str, object],
    seen: Mapping[str, str] | None,
    actor: Membership | None,
) -> Schedule:
    """Notice, horizon, buffer, usual way to meet, which those who come by it are told. Raises ChangedMeanwhile."""
    row: Schedule = Schedule.objects.select_for_update(of=("self",), no_key=True).get(pk=schedule.pk)
    before = apply(row, values, seen)
    if before:
        for month in _open_months():  # what follows wants them twice, each time in order
            lock_month(month)
        row.save(update_fields=list(before))
        trail.record("update.schedule", row, before=before)
    if {"meeting_url", "phone"} & before.keys():
        was = Schedule(**{name: before.get(name, getattr(row, name)) for name in ("meeting_url", "phone")})
        say_usual_way(schedule=row, was=was, actor=actor)
    if FREES_IN_SCHEDULE & before.keys():
        tell_who_waits()
    return row


Hours = tuple[int, time, time]


def set_hours(
    *,
    schedule: Schedule,
    hours: Sequence[Hours],
    actor: Membership | None,
    seen: Collection[Hours] | None = None,
) -> None:
    """The week: (weekday, from, until). The same week again changes nothing. `seen`: the week that the form showed;
    raises ChangedMeanwhile where another window has saved a third one since."""
    Schedule.objects.select_for_update(of=("self",), no_key=True).get(pk=schedule.pk)
    rows = list(Weekly.objects.filter(schedule=schedule))
    wanted, stored = set(hours), {(row.weekday, row.starts, row.ends) for row in rows}
    if seen is not None and stored not in (set(seen), wanted):
        raise ChangedMeanwhile(schedule, [])
    gone = [row for row in rows if (row.weekday, row.starts, row.ends) not in wanted]
    new = [Weekly(schedule=schedule, weekday=w, starts=s, ends=e) for w, s, e in sorted(wanted - stored)]
    if not gone and not new:
        return
    for row in gone:
        trail.record_gone("drop.hours", row)
        row.delete()
    for row in new:
        row.save(force_insert=True)
    trail.record("set.hours", schedule, rows=new)
    if new:
        tell_who_waits()


def add_exception(
    *,
    schedule: Schedule,
    first_day: date,
    last_day: date,
    is_open: bool,
    starts: time | None,
    ends: time | None,
    reason: str,
    actor: Membership | None,
) -> DayException:
    """Days on which the consultant is away, or there besides the week. Sessions that stand there already stay. The
    same form twice adds once."""
    Schedule.objects.select_for_update(of=("self",), no_key=True).get(pk=schedule.pk)
    said = {"first_day": first_day, "last_day": last_day, "is_open": is_open, "starts": starts, "ends": ends}
    same = DayException.objects.filter(schedule=schedule, reason=reason, **said)
    known: DayException | None = same.first()
    if known is not None:
        return known
    row = DayException(schedule=schedule, reason=reason, **said)
    row.save(force_insert=True)
    trail.record("add.exception", row)
    if is_open:
        tell_who_waits()
    return row


def drop_exception(*, exception: DayException, actor: Membership | None) -> None:
    """The days are as the week says."""
    trail.record_gone("drop.exception", exception)
    exception.delete()
    tell_who_waits()


def renew_feed(*, schedule: Schedule, actor: Membership | None) -> Schedule:
    """The private calendar gets another address; the one before shows nothing any more."""
    row: Schedule = Schedule.objects.select_for_update(of=("self",), no_key=True).get(pk=schedule.pk)
    before = {"feed_version": row.feed_version}
    row.feed_version += 1
    row.save(update_fields=["feed_version"])
    trail.record("renew.feed", row, before=before)
    return row


# ── The calendar elsewhere ──


def subscribe(*, schedule: Schedule, url: str, actor: Membership | None) -> OutsideCalendar | None:
    """Busy times of the calendar at `url` are closed here; '' ends it. A worker reads it at once, then every quarter of
    an hour."""
    known = (
        OutsideCalendar.objects.select_for_update(of=("self",), no_key=True).filter(schedule=schedule).first()
    )
    if known is not None and known.url == url:
        return known
    if known is not None:
        trail.record_gone("unsubscribe.calendar", known)
        due.drop(CALENDAR, known.pk)
        OutsideBusy.objects.filter(schedule=schedule).delete()
        known.delete()
    if not url:
        tell_who_waits()
        return None
    row = OutsideCalendar(schedule=schedule, url=url)
    row.save(force_insert=True)
    due.put(CALENDAR, row.firm_id, row.pk)
    trail.record("subscribe.calendar", row)
    return row


def read_again(*, calendar: OutsideCalendar) -> None:
    """A worker reads the calendar now, and not only at its next quarter of an hour."""
    due.drop(CALENDAR, calendar.pk)
    due.put(CALENDAR, calendar.firm_id, calendar.pk)


def keep_busy(*, calendar: OutsideCalendar, spans: Sequence[tuple[datetime, datetime]]) -> bool:
    """What the calendar says now replaces what it said before. Whether a time still to come is free by it: one more
    that is busy gives nobody a time, and must ask nobody again who has passed on what there is."""
    calendar.read_at, calendar.problem = clock.now(), ""
    calendar.save(update_fields=["read_at", "problem"])
    rows = OutsideBusy.objects.filter(schedule=calendar.schedule_id)
    known = set(rows.values_list("starts_at", "ends_at"))
    if known == set(spans):
        return False
    OutsideBusy.objects.filter(schedule=calendar.schedule_id).delete()
    OutsideBusy.objects.bulk_create(
        OutsideBusy(
            firm_id=calendar.firm_id, schedule_id=calendar.schedule_id, starts_at=starts, ends_at=ends
        )
        for starts, ends in spans
    )
    return any(ends > clock.now() for _, ends in known - set(spans))
