"""The queue for full months: joining, leaving, passing on an offer; and being told when a month opens."""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from django.db import IntegrityError, transaction

from consultations import mails
from consultations.actions.asking import Asked, require_first, require_welcome, same_company
from consultations.actions.places import (
    Places,
    fill,
    freed,
    locked_consultation,
    locked_months,
    locked_turn,
    move,
    to_the_end,
)
from consultations.actions.refusals import AlreadyWaiting, Lapsed, QueueFull, Refused, StillFree
from consultations.calc import months
from consultations.free_times import has_time, month_view, offerable
from consultations.models import OPENING, OVER, Consultation, OpeningWish, WaitlistEntry
from consultations.office import in_the_office
from consultations.states import CLIENT, State
from notices.actions import withdraw_mails
from tenancy import clock, due, trail
from tenancy.locks import lock_company


def join(*, id: UUID, wanted: Iterable[date], asked: Asked) -> WaitlistEntry:
    """Into the queue for these months, at its end. With an `id` that has joined already, that entry.

    Raises StillFree, QueueFull, AlreadyWaiting, AlreadyThisMonth, NotWelcome, CompanyGone.
    """
    with in_the_office():
        if (known := _known(id)) is not None:
            return known
        if asked.company is not None:
            lock_company(asked.company.pk)
        try:
            return _joined(id, wanted, asked)
        except (Refused, IntegrityError):
            # The same form at the same moment has made the entry that is in the way.
            if (known := _known(id)) is not None:
                return known
            raise


def _known(id: UUID) -> WaitlistEntry | None:
    found: WaitlistEntry | None = WaitlistEntry.objects.select_related("firm").filter(pk=id).first()
    return found


def _joined(id: UUID, wanted: Iterable[date], asked: Asked) -> WaitlistEntry:
    require_welcome(asked.email)
    held = locked_months(wanted)
    for month, places in held.items():
        _require_full(month, places)
        require_first(asked, month)
    for known in WaitlistEntry.objects.waiting().filter(same_company(asked)):
        # Where its months are over and no worker has been there yet, it stands in nobody's way.
        if not end_waiting(entry=known):
            raise AlreadyWaiting(known)
    entry = WaitlistEntry(id=id, months=[month.isoformat() for month in held], **asked.columns())
    try:
        with transaction.atomic():
            entry.save(force_insert=True)
    except IntegrityError as problem:
        raise _whose(problem, asked) from problem
    due.put(OVER, entry.firm_id, entry.pk, at=months.over_at(max(held)))
    first = min(held)
    sent = mails.send_waitlisted(entry, position_in(entry, first), held[first].cap)
    trail.record("join.waitlist", entry, company_id=entry.company_id, rows=sent)
    return entry


def _require_full(month: date, places: Places) -> None:
    waiting = WaitlistEntry.objects.for_month(month)
    if places.left and month_view(month).direct and has_time(month):
        raise StillFree(month)
    if waiting.count() >= places.desk.waiting_most or offerable(month, places.desk, also_booked=True) is None:
        raise QueueFull(month)


def _whose(problem: IntegrityError, asked: Asked) -> Exception:
    if "consultations_waitlist_mail" not in str(problem):
        return problem
    entry = WaitlistEntry.objects.waiting().filter(email=asked.email).first()
    return AlreadyWaiting(entry) if entry else problem


def position_in(entry: WaitlistEntry, month: date) -> int:
    """Which in the queue of the month, from 1; those with an offer stand before the others."""
    with in_the_office():
        order = list(WaitlistEntry.objects.for_month(month).values_list("pk", flat=True))
    return order.index(entry.pk) + 1 if entry.pk in order else len(order) + 1


def leave(*, entry: WaitlistEntry) -> WaitlistEntry:
    """Out of the queue; what was offered goes to the next. Twice is once."""
    with in_the_office():
        locked_months(entry.wanted)
        row = WaitlistEntry.objects.select_for_update(of=("self",), no_key=True).get(pk=entry.pk)
        if row.state != WaitlistEntry.State.WAITING:
            return row
        offers = list(Consultation.objects.filter(entry=row, state=State.OFFERED).order_by("month"))
        before = {"state": row.state}
        row.state = WaitlistEntry.State.LEFT
        row.save(update_fields=["state"])
        withdrawn = withdraw_mails(link=row.pk)
        trail.record("leave.waitlist", row, company_id=row.company_id, before=before, rows=withdrawn)
        for offer in offers:  # two at most for a moment: of months that became free at once
            _give_on(offer)
        return row


def end_waiting(*, entry: WaitlistEntry) -> bool:
    """The last of its months is over and no place came: a mail says so. False where it does not wait any more."""
    with in_the_office():
        row = WaitlistEntry.objects.select_for_update(of=("self",), no_key=True).get(pk=entry.pk)
        is_over = all(months.last_day(month) < clock.today() for month in row.wanted)
        if row.state != WaitlistEntry.State.WAITING or not is_over:
            return False
        before = {"state": row.state}
        row.state = WaitlistEntry.State.ENDED
        row.save(update_fields=["state"])
        sent = mails.send_waiting_over(row)
        trail.record("end.waitlist", row, company_id=row.company_id, before=before, rows=sent)
        return True


def decline(*, consultation: Consultation, keep: bool) -> Consultation:
    """Not this one: the place goes to the next. `keep`: the entry goes on, at the end of the queue, and is asked when a
    place becomes free again; otherwise it leaves. Raises Lapsed. Twice is once."""
    with in_the_office():
        row, places = locked_consultation(consultation.pk)
        if row.state == State.CANCELLED:
            return row
        if row.state != State.OFFERED:
            raise Lapsed
        return _declined(row, places, keep=keep)


def _declined(row: Consultation, places: Places, *, keep: bool) -> Consultation:
    before = move(row, State.CANCELLED, by=CLIENT)
    freed(places.row)
    entry = locked_turn(row.entry_id)
    if entry is not None and keep:
        to_the_end(entry, places.row)
    elif entry is not None:
        entry.state = WaitlistEntry.State.LEFT
        entry.save(update_fields=["state"])
    withdrawn = withdraw_mails(link=row.pk)
    rows = [places.row, *withdrawn, *([entry] if entry else [])]
    trail.record("decline.consultation", row, company_id=row.company_id, before=before, rows=rows)
    fill(places.row, places.desk)
    return row


def _give_on(offer: Consultation) -> None:
    """The offer of somebody who has left the queue."""
    row, places = locked_consultation(offer.pk)
    if row.state == State.OFFERED:
        _declined(row, places, keep=False)


# ── Being told when a month opens ──


def tell_full(*, month: date, asked: Asked) -> OpeningWish:
    """The queue is full too: a mail says so, and has the link by which they ask to be told when the next month opens.
    Once for each address and month."""
    with in_the_office():
        require_welcome(asked.email)
        about = {"company_name": asked.company_name, "contact_name": asked.contact_name}
        wish, new = OpeningWish.objects.get_or_create(
            month=months.after(month), email=asked.email, defaults=about
        )
        sent = mails.send_full(wish, month_view(month).cap)
        if new:
            trail.record("tell.full", wish, rows=sent)
        return wish


def want_opening(*, wish: OpeningWish) -> OpeningWish:
    """They opened the link and want to be told. Twice is once."""
    with in_the_office():
        row = OpeningWish.objects.select_for_update(of=("self",), no_key=True).get(pk=wish.pk)
        if not row.wanted:
            row.wanted = True
            row.save(update_fields=["wanted"])
            opens_at = month_view(row.month).opens_at
            due.put(OPENING, row.firm_id, row.pk, at=opens_at)
            trail.record("want.opening", row, before={"wanted": False})
        return row


def tell_opening(*, wish: OpeningWish) -> bool:
    """The month can be booked: the mail to who wanted it, once. False where it cannot (any more), or was said."""
    with in_the_office():
        row = OpeningWish.objects.select_for_update(of=("self",), no_key=True).get(pk=wish.pk)
        view = month_view(row.month)
        if row.told_at is None and row.wanted and view.opens_at > clock.now():
            due.put(OPENING, row.firm_id, row.pk, at=view.opens_at)  # it opens later than was said
        if row.told_at is not None or not row.wanted or not view.is_open:
            return False
        row.told_at = clock.now()
        row.save(update_fields=["told_at"])
        trail.record("tell.opening", row, rows=mails.send_month_open(row, view.cap))
        return True
