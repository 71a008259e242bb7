"""Booking a session: asked for, held, confirmed, moved, given back. All of it under the month's lock (`places`).

Actions run in the transaction of their caller, in whatever scope: what decides is done in the firm's office.
"""

from collections.abc import Mapping
from datetime import date
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Model, Q
from django.urls import reverse

from consultations import addresses, labels, mails
from consultations.actions.asking import Asked, asked_of, require_first, require_welcome, same_company
from consultations.actions.places import (
    GIVE_ON,
    LAPSE,
    Places,
    fill,
    freed,
    locked_consultation,
    locked_months,
    move,
    placed_at,
    put_task,
)
from consultations.actions.refusals import (
    AlreadyThisMonth,
    Full,
    Lapsed,
    MailsEnough,
    Refused,
    TimeTaken,
    TooLate,
)
from consultations.calc import months
from consultations.free_times import FreeTime, desk_of_firm, free_time, seems_full
from consultations.models import (
    REMIND,
    Consultation,
    DayException,
    Desk,
    Task,
    WaitlistEntry,
)
from consultations.office import in_the_office
from consultations.slots import Slot
from consultations.states import CLIENT, FIRM, NotFromHere, State
from notices.actions import notify_firm, withdraw_mails
from tenancy import clock, due, trail
from tenancy.locks import lock_company
from tenancy.models import Membership

HOLDS_SENT_AT_MOST = 5


# ── Asking and confirming ──


def book(
    *,
    id: UUID,
    slot: Slot,
    asked: Asked,
    origin: Consultation.Origin = Consultation.Origin.VISITOR,
    actor: Membership | None = None,
    confirmed: bool = False,
) -> Consultation:
    """A place and a time for the company: held for 30 minutes until the mail is confirmed, or `confirmed` at once for
    who is signed in. With an `id` that has booked already, that booking: the same form sent twice books once.

    Raises Full, TimeTaken, AlreadyThisMonth, NotWelcome, CompanyGone; LockNotAvailable after three seconds;
    and IntegrityError for an `id` that was used in another firm.
    """
    with in_the_office():
        if (known := _known(id)) is not None:
            return known
        if asked.company is not None:
            lock_company(asked.company.pk)
        try:
            return _booked(id, slot, asked, origin, actor, confirmed)
        except (Refused, IntegrityError) as problem:
            # The same form at the same moment: what is in the way is the booking that it has made.
            if (known := _known(id)) is not None:
                return known
            if isinstance(problem, Full | TimeTaken):
                # It may be their own booking, made in another window, that is in the way.
                require_first(asked, months.month_of(slot.starts))
            raise


def _known(id: UUID) -> Consultation | None:
    """Most are new: that is asked without the people, who are four tables more."""
    if not Consultation.objects.filter(pk=id).exists():
        return None
    found: Consultation | None = Consultation.objects.with_people().filter(pk=id).first()
    return found


def _booked(
    id: UUID,
    slot: Slot,
    asked: Asked,
    origin: Consultation.Origin,
    actor: Membership | None,
    confirmed: bool,
) -> Consultation:
    require_welcome(asked.email)
    month = months.month_of(slot.starts)
    _require_some_left(month)
    desk = desk_of_firm()
    if (seen := free_time(slot, desk=desk)) is None:
        raise TimeTaken
    # At a month's edge also the month beside it: what has run out there lapses, too, and stands in nobody's way.
    places = locked_months(months.around(slot.starts))[month]
    time, number = _still_free(seen, desk, places), _direct_number(places)
    require_first(asked, month)
    booked = Consultation(
        id=id,
        state=State.CONFIRMED if confirmed else State.HELD,
        origin=origin,
        number=number,
        booked_by=actor,
        expires_at=None if confirmed else clock.now() + months.HOLD,
        holds_sent=0 if confirmed else 1,
        **asked.columns(),
        **placed_at(time),
    )
    return _inserted(booked, confirmed=confirmed)


def _inserted(booked: Consultation, *, confirmed: bool) -> Consultation:
    """Written, and told. What the database refuses although the lock was held is what another path wrote."""
    booked.taken_by = booked.company_key
    try:
        with transaction.atomic():
            booked.save(force_insert=True)
    except IntegrityError as problem:
        raise _meaning(problem, booked) from problem
    if confirmed:
        rows = _settle(booked)
    else:
        due.put(LAPSE, booked.firm_id, booked.pk, at=booked.expires_at)
        rows = mails.send_hold(booked)
    trail.record(
        "book.consultation",
        booked,
        company_id=booked.company_id,
        rows=rows,
        origin=booked.origin,
        confirmed=confirmed,
    )
    return booked


def _meaning(problem: IntegrityError, booked: Consultation) -> Exception:
    """What a constraint's name says to the person."""
    name = str(problem)
    if "consultations_time_once" in name:
        return TimeTaken()
    if "consultations_place_once" in name:
        return Full(booked.month)
    if "consultations_company_once" in name:
        first = Consultation.objects.taking(booked.month).filter(taken_by=booked.taken_by).first()
        return AlreadyThisMonth(first) if first else Full(booked.month)
    return problem


def _require_some_left(month: date) -> None:
    """Without the lock: of many who come too late, none waits for it. What it says is asked again under the lock."""
    if seems_full(month):
        raise Full(month)


def _chosen(slot: Slot, places: Places, but: UUID | None = None) -> FreeTime:
    """The time, if it is free and its month can be booked. Raises TimeTaken."""
    if months.opens_at(places.row.month, places.desk.opens_on) > clock.now():
        raise TimeTaken
    time = free_time(slot, but=but, desk=places.desk)
    if time is None:
        raise TimeTaken
    return time


def _still_free(seen: FreeTime, desk: Desk, places: Places) -> FreeTime:
    """The time that was free before the lock, if nobody has taken it meanwhile. Hours, closings and calendars are not
    what the lock guards: of many who book, none waits for another's reading them. Raises TimeTaken."""
    if (desk.is_open, desk.minutes, desk.step) != (
        places.desk.is_open,
        places.desk.minutes,
        places.desk.step,
    ):
        return _chosen(seen.slot, places)
    if months.opens_at(places.row.month, places.desk.opens_on) > clock.now():
        raise TimeTaken
    busy = Consultation.objects.busy().filter(consultant=seen.member_id)
    if busy.filter(starts_at__lt=seen.busy_until, busy_until__gt=seen.starts).exists():
        raise TimeTaken
    return seen


def _direct_number(places: Places) -> int:
    """The place to give to who did not wait. Who waits was offered what there is when the month was locked: what is
    left now could not be offered. Raises Full."""
    if (number := places.next_number) is None:
        raise Full(places.row.month)
    return number


def confirm(*, consultation: Consultation, by: str = CLIENT, slot: Slot | None = None) -> Consultation:
    """The hold is confirmed, or the offer accepted; an offer also at another free time of its month (`slot`). Twice is
    once. Raises Lapsed, TimeTaken, NotFromHere."""
    with in_the_office():
        row, places = locked_consultation(consultation.pk)
        if row.state == State.CONFIRMED:
            return row
        if row.has_lapsed:
            raise Lapsed
        changes = _other_time(row, slot, places) if slot and row.state == State.OFFERED else {}
        try:
            with transaction.atomic():
                before = move(row, State.CONFIRMED, by=by, **changes)
        except IntegrityError as problem:
            raise _meaning(problem, row) from problem
        rows = _settle(row)
        trail.record("confirm.consultation", row, company_id=row.company_id, before=before, rows=rows)
        return row


def _other_time(row: Consultation, slot: Slot, places: Places) -> dict[str, object]:
    """The columns of another time in the same month. Raises TimeTaken."""
    time = free_time(slot, but=row.pk, desk=places.desk)
    if time is None or months.month_of(time.starts) != row.month:
        raise TimeTaken
    return placed_at(time)


def _settle(row: Consultation) -> list[Model]:
    """What follows from a session that stands: mail, reminder, the queue left, the firm told. The rows written."""
    row.confirmed_at = clock.now()
    row.save(update_fields=["confirmed_at"])
    _put_reminder(row)
    return [*mails.send_confirmed(row), *ask_where(row), *_leave_queue(row), _tell_firm(row)]


def _put_reminder(row: Consultation) -> None:
    due.drop(REMIND, row.pk)
    if (moment := row.reminded_at) is not None:
        due.put(REMIND, row.firm_id, row.pk, at=moment)


def ask_where(row: Consultation) -> list[Task]:
    """A session of which nobody has said how to take part is a task."""
    if labels.has_a_way(row, mails.schedule_of(row)):
        return []
    key = f"say_where:{row.pk}:{row.sequence}"
    return put_task(Task.Kind.SAY_WHERE, key, consultation=row, member_id=row.consultant_id)


def _leave_queue(row: Consultation) -> list[Model]:
    """Who has a session does not wait any more. An offer that stands beside it, in another month, is ended by a worker:
    nothing of a month is written without its lock, and this one's comes too late for an earlier month's."""
    entries = WaitlistEntry.objects.waiting().filter(same_company(asked_of(row)))
    left: list[Model] = []
    for entry in entries.select_for_update(of=("self",), no_key=True):
        entry.state = WaitlistEntry.State.BOOKED
        entry.save(update_fields=["state"])
        due.put(GIVE_ON, entry.firm_id, entry.pk)
        left.append(entry)
    return left


def _tell_firm(row: Consultation) -> Model:
    """A notice for who works there, and the mail of it, but for whoever booked it."""
    told = {
        "company_name": row.company_name,
        "kind_label": row.get_kind_display(),
        **labels.when(row),
        "consultant_name": str(row.consultant.user),
        "detail_url": addresses.detail_url(row.firm.slug, row),
    }
    return notify_firm(
        key=f"consultation:{row.pk}:confirmed",
        title="オンライン相談・壁打ちのご予約が入りました",
        body=f"{row.company_name}({told['date_label']} {told['time_label']}、担当 {told['consultant_name']})",
        url=reverse("consultations:detail", args=[row.firm.slug, row.pk]),
        mail="new_consultation",
        context=told,
        company_id=row.company_id,
        but=row.booked_by,
    )


def send_hold_again(*, consultation: Consultation, email: str = "") -> Consultation:
    """The mail with the link once more, perhaps to a corrected address; the hold does not last longer for it.

    A link sent to the address before opens nothing any more once it is corrected. Raises Lapsed, MailsEnough,
    AlreadyThisMonth, NotWelcome.
    """
    with in_the_office():
        row, _ = locked_consultation(consultation.pk)
        if row.state != State.HELD:
            raise Lapsed
        if row.holds_sent >= HOLDS_SENT_AT_MOST:
            raise MailsEnough
        before = {"holds_sent": row.holds_sent, **_corrected(row, email or row.email)}
        row.holds_sent += 1
        row.save(update_fields=["holds_sent", "email", "taken_by", "link_version"])
        withdrawn = withdraw_mails(link=row.pk) if "email" in before else []
        rows = [*mails.send_hold(row), *withdrawn]
        trail.record("mail.hold", row, company_id=row.company_id, before=before, rows=rows)
        return row


def _corrected(row: Consultation, email: str) -> dict[str, object]:
    """Put the address right; what stood there before."""
    if email == row.email:
        return {}
    require_welcome(email)
    before = {"email": row.email, "link_version": row.link_version}
    row.email = email
    require_first(asked_of(row), row.month, but=row.pk)
    row.taken_by, row.link_version = row.company_key, row.link_version + 1
    return before


# ── Changing ──


def change(*, consultation: Consultation, slot: Slot, by: str = CLIENT) -> Consultation:
    """Another time, of whatever consultant. Within the month the place stays; into another month a place of that one is
    needed, and the old one becomes free. Clients until 17:00 of the day before.

    Raises TooLate, TimeTaken, Full, AlreadyThisMonth, NotFromHere.
    """
    with in_the_office():
        wanted = months.month_of(slot.starts)
        now = Consultation.objects.values_list("month", flat=True).get(pk=consultation.pk)
        held = locked_months({now, *months.around(slot.starts)})
        row, here = locked_consultation(consultation.pk)
        _require_changeable(row, by)
        time = _chosen(slot, held[wanted], but=row.pk)
        if (time.starts, time.member_id) == (row.starts_at, row.consultant_id):
            return row
        number = _number_for(row, held[wanted])
        return _moved(row, time, number, here)


def _require_changeable(row: Consultation, by: str) -> None:
    if row.state != State.CONFIRMED:
        raise Lapsed
    if by == CLIENT and clock.now() > row.free_until:
        raise TooLate
    if row.starts_at <= clock.now():
        raise TooLate


def _number_for(row: Consultation, places: Places) -> int | None:
    """Its number in the month it goes to; a replacement has none anywhere."""
    if row.is_replacement or places.row.month == row.month:
        return row.number
    number = _direct_number(places)
    require_first(asked_of(row), places.row.month, but=row.pk)
    return number


def _moved(row: Consultation, time: FreeTime, number: int | None, here: Places) -> Consultation:
    was, old_month = (row.starts_at, row.ends_at), row.month
    values = {
        **placed_at(time),
        "number": number,
        "sequence": row.sequence + 1,
        "meeting_url": row.meeting_url if time.member_id == row.consultant_id else "",
        "meeting_phone": row.meeting_phone if time.member_id == row.consultant_id else "",
    }
    before = {name: getattr(row, name) for name in values}
    for name, value in values.items():
        setattr(row, name, value)
    try:
        with transaction.atomic():
            row.save(update_fields=[Consultation._meta.get_field(name).name for name in values])
    except IntegrityError as problem:
        raise _meaning(problem, row) from problem
    row = Consultation.objects.with_people().get(pk=row.pk)
    _put_reminder(row)
    withdrawn = withdraw_mails(link=row.pk)  # what waits to be sent says the time before
    rows: list[Model] = [*mails.send_changed(row, was), *ask_where(row), *withdrawn]
    if old_month != row.month and not row.is_replacement:
        freed(here.row)
        fill(here.row, here.desk)
        rows.append(here.row)
    changed = {name: value for name, value in before.items() if value != values[name]}
    trail.record("change.consultation", row, company_id=row.company_id, before=changed, rows=rows)
    return row


# ── Cancelling ──


def cancel(*, consultation: Consultation, by: str = CLIENT, reason: str = "") -> Consultation:
    """The client does not come: until 17:00 of the day before the place is free again and goes to the next in the
    queue, later it stays taken. `by` FIRM: somebody of the firm writes down what the client said. Twice is once.

    Raises TooLate once it has begun, Lapsed, and NotFromHere for what is over. An offer is declined, not cancelled.
    """
    with in_the_office():
        row, places = locked_consultation(consultation.pk)
        if row.state in (State.CANCELLED, State.CANCELLED_LATE):
            return row
        if row.has_lapsed:
            raise Lapsed
        if by == CLIENT and row.state == State.CONFIRMED and row.starts_at <= clock.now():
            raise TooLate
        if row.state == State.OFFERED:
            raise NotFromHere(row.state, State.CANCELLED)
        late = row.state == State.CONFIRMED and clock.now() > row.free_until
        after = State.CANCELLED_LATE if late else State.CANCELLED
        before = move(row, after, by=by, cancel_reason=reason, sequence=row.sequence + 1)
        rows = _given_back(row, places, told=before["state"] == State.CONFIRMED)
        trail.record("cancel.consultation", row, company_id=row.company_id, before=before, rows=rows)
        return row


def _given_back(row: Consultation, places: Places, *, told: bool) -> list[Model]:
    """Nothing of it is mailed any more but that it is cancelled; the place goes on. The rows written."""
    rows: list[Model] = list(withdraw_mails(link=row.pk))
    if told:
        rows += [*mails.send_cancelled(row), _tell_firm_of_end(row)]
    if row.number is None and not row.is_replacement:
        freed(places.row)
        rows.append(places.row)
        fill(places.row, places.desk)
    return rows


def _tell_firm_of_end(row: Consultation) -> Model:
    when = labels.when(row)
    return notify_firm(
        key=f"consultation:{row.pk}:cancelled",
        title="オンライン相談・壁打ちのご予約が取り消されました",
        body=f"{row.company_name}({when['date_label']} {when['time_label']})",
        url=reverse("consultations:detail", args=[row.firm.slug, row.pk]),
        company_id=row.company_id,
    )


def put_off(*, consultation: Consultation, reason: str, actor: Membership) -> Consultation:
    """The firm cannot hold the session, or has not: it says why, and the client chooses another time outside the
    month's places. The consultant's time stays closed, whatever the queue. Twice is once. Raises NotFromHere, also for
    what nobody has confirmed: whoever holds a time with somebody else's address gets no other one for it."""
    with in_the_office():
        row, places = locked_consultation(consultation.pk)
        if row.state == State.CANCELLED and row.cancelled_by_firm:
            return row
        if row.state != State.CONFIRMED:
            raise NotFromHere(row.state, State.CANCELLED)
        changes = {"cancelled_by_firm": True, "cancel_reason": reason, "sequence": row.sequence + 1}
        closed = _close_time(row)
        before = move(row, State.CANCELLED, by=FIRM, **changes)
        rows: list[Model] = [*withdraw_mails(link=row.pk), *mails.send_put_off(row), *closed]
        if not row.is_replacement:
            freed(places.row)
            rows.append(places.row)
            fill(places.row, places.desk)
        trail.record("put_off.consultation", row, company_id=row.company_id, before=before, rows=rows)
        return row


def _close_time(row: Consultation) -> list[Model]:
    """Whoever cannot come then cannot come for somebody else either."""
    schedule = mails.schedule_of(row)
    if schedule is None or row.starts_at <= clock.now():
        return []
    starts, ends = (each.astimezone(months.TOKYO) for each in (row.starts_at, row.ends_at))
    closed = DayException(
        schedule=schedule,
        first_day=starts.date(),
        last_day=starts.date(),
        starts=starts.time(),
        ends=ends.time(),
        reason="実施できなくなった相談の時間",
    )
    closed.save(force_insert=True)
    return [closed]


def rebook(*, consultation: Consultation, id: UUID, slot: Slot) -> Consultation:
    """The replacement of a session that the firm put off: any free time, outside the cap, confirmed at once. One for
    each session. Raises TimeTaken, CompanyGone, and Lapsed where there is nothing to replace, or it has been."""
    with in_the_office():
        its = Consultation.objects.filter(pk=consultation.pk).exclude(company=None)
        for company_id in its.values_list("company", flat=True):
            lock_company(company_id)
        try:
            return _known(id) or _rebooked(consultation, id, slot)
        except (Refused, IntegrityError):
            if (known := _known(id)) is not None:
                return known
            raise


def _rebooked(consultation: Consultation, id: UUID, slot: Slot) -> Consultation:
    held = locked_months({consultation.month, *months.around(slot.starts)})
    old = Consultation.objects.with_people().get(pk=consultation.pk)
    # One that the client gave back is as if it had not been; one that the firm put off has a replacement of its own.
    given_back = Q(state=State.CANCELLED, cancelled_by_firm=False)
    taken = Consultation.objects.filter(replaces=old).exclude(given_back).exists()
    if not old.cancelled_by_firm or taken:
        raise Lapsed
    time = _chosen(slot, held[months.month_of(slot.starts)])
    replacement = Consultation(
        id=id,
        state=State.CONFIRMED,
        origin=old.origin,
        replaces=old,
        **asked_of(old).columns(),
        **placed_at(time),
    )
    return _inserted(replacement, confirmed=True)


# ── In their own words, later ──


def add_details(*, consultation: Consultation, values: Mapping[str, object]) -> Consultation:
    """What the client adds: `phone`, `by_phone`, `topic`, `diagnosis`. Who takes part in another way from now on gets
    the mail and the calendar event that say so. Raises Lapsed for what nobody reckons with."""
    with in_the_office():
        row, _ = locked_consultation(consultation.pk)
        if not row.is_live:
            raise Lapsed
        before = {name: getattr(row, name) for name, value in values.items() if getattr(row, name) != value}
        if not before:
            return row
        schedule = mails.schedule_of(row)
        way = labels.meeting_label(row, schedule)
        for name in before:
            setattr(row, name, values[name])
        rows: list[Model] = []
        if row.state == State.CONFIRMED and labels.meeting_label(row, schedule) != way:
            before |= {"sequence": row.sequence}
            row.sequence += 1
            rows = [*mails.send_meeting(row), *ask_where(row)]
        row.save(update_fields=list(before))
        trail.record("details.consultation", row, company_id=row.company_id, before=before, rows=rows)
        return row
