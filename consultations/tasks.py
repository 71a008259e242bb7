"""What becomes due: holds and offers run out, reminders go out, months open, calendars elsewhere are read."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from celery import shared_task

from consultations import mails
from consultations.actions.desk import CALENDAR, keep_busy, tell_who_waits
from consultations.actions.places import (
    GIVE_ON,
    LAPSE,
    give_on,
    lock_month,
    locked_consultation,
)
from consultations.actions.waiting import end_waiting, tell_opening
from consultations.models import (
    OPENING,
    OVER,
    REMIND,
    Consultation,
    OpeningWish,
    OutsideCalendar,
    WaitlistEntry,
)
from consultations.states import State
from tenancy import clock, due, trail
from tenancy.due import Claim
from tenancy.scope import Scope, open_scope

due.kind(LAPSE, task="consultations.lapse", queue="mail")
due.kind(REMIND, task="consultations.remind", queue="mail")
due.kind(GIVE_ON, task="consultations.give_on", queue="mail")
due.kind(OPENING, task="consultations.opening", queue="mail")
due.kind(OVER, task="consultations.over", queue="mail")
due.kind(CALENDAR, task="consultations.calendar", queue="kpi")

READ_EVERY = timedelta(minutes=15)
READ_AHEAD = timedelta(days=200)

log = logging.getLogger(__name__)


def _in_one_go(
    kind: str, firm_id: int, object_id: str, work: Callable[[], None], month: bool = False
) -> None:
    """Claim, and do it in the transaction that ends the claim: killed before it commits, it is done again; after, it is
    done. `month`: the month of this consultation is locked first, as by everybody who drops its due rows."""

    def once(claim: Claim) -> None:
        with open_scope(Scope.of_firm(firm_id)):
            found = Consultation.objects.filter(pk=object_id).values_list("month", flat=True) if month else ()
            for each in found:
                lock_month(each)
            claim.finish()
            work()

    due.run(kind, object_id, once)


@shared_task(name="consultations.lapse")
def lapse(firm_id: int, object_id: str) -> None:
    """A hold or an offer has run out: under the lock of its month it lapses, and the place goes on."""

    def work() -> None:
        if Consultation.objects.filter(pk=object_id).exists():
            locked_consultation(object_id)  # type: ignore[arg-type]

    _in_one_go(LAPSE, firm_id, object_id, work, month=True)


@shared_task(name="consultations.give_on")
def give_on_offers(firm_id: int, object_id: str) -> None:
    """Somebody has a session now, and may have had an offer for another month: it goes to the next."""

    def work() -> None:
        entry = WaitlistEntry.objects.filter(pk=object_id).first()
        if entry is not None:
            give_on(entry)

    _in_one_go(GIVE_ON, firm_id, object_id, work)


@shared_task(name="consultations.remind")
def remind(firm_id: int, object_id: str) -> None:
    """The reminder, if the session still stands and this is still its moment."""

    def work() -> None:
        found = Consultation.objects.filter(pk=object_id).exists()
        row = locked_consultation(object_id)[0] if found else None  # type: ignore[arg-type]
        if row is not None and row.state == State.CONFIRMED and row.starts_at > clock.now():
            trail.record("mail.reminder", row, company_id=row.company_id, rows=mails.send_reminder(row))

    _in_one_go(REMIND, firm_id, object_id, work, month=True)


@shared_task(name="consultations.opening")
def opening(firm_id: int, object_id: str) -> None:
    """A month has opened: the mail to one of those who wanted to be told."""

    def work() -> None:
        wish = OpeningWish.objects.filter(pk=object_id).first()
        if wish is not None:
            tell_opening(wish=wish)

    _in_one_go(OPENING, firm_id, object_id, work)


@shared_task(name="consultations.over")
def over(firm_id: int, object_id: str) -> None:
    """The months that somebody waited for are over."""

    def work() -> None:
        entry = WaitlistEntry.objects.filter(pk=object_id).first()
        if entry is not None:
            end_waiting(entry=entry)

    _in_one_go(OVER, firm_id, object_id, work)


@shared_task(name="consultations.calendar")
def calendar(firm_id: int, object_id: str) -> None:
    """Read a calendar elsewhere; between looking it up and keeping what it says, no transaction is open."""

    def work(claim: Claim) -> None:
        with open_scope(Scope.of_firm(firm_id)):
            row = OutsideCalendar.objects.filter(pk=object_id).first()
            if row is None:
                claim.finish()
                return
        spans, problem = _read(row.url)
        with open_scope(Scope.of_firm(firm_id)):
            _keep(object_id, spans, problem)
            claim.finish()  # after the calendar's lock: who ends a subscription has that, and drops the due row
            due.put(CALENDAR, firm_id, row.pk, at=clock.now() + READ_EVERY)

    due.run(CALENDAR, object_id, work)


def _read(url: str) -> tuple[list[tuple[Any, Any]], str]:
    """The busy times, or why there are none to be had."""
    from consultations.calendars.fetching import CalendarNotRead, fetch
    from consultations.calendars.reading import busy_spans

    now = clock.now()
    try:
        spans = busy_spans(fetch(url), first=now - timedelta(days=1), last=now + READ_AHEAD)
    except CalendarNotRead as problem:
        log.info("calendar not read", extra={"reason": problem.reason.name})
        return [], problem.reason.name
    return [(each.starts, each.ends) for each in spans], ""


def _keep(object_id: str, spans: list[tuple[Any, Any]], problem: str) -> None:
    """A calendar that cannot be read leaves closed what was closed."""
    row = OutsideCalendar.objects.select_for_update(of=("self",), no_key=True).filter(pk=object_id).first()
    if row is None:
        return
    row.asked_at = clock.now()
    if problem:
        row.problem = problem[:20]
        row.save(update_fields=["asked_at", "problem"])
        return
    row.save(update_fields=["asked_at"])
    if keep_busy(calendar=row, spans=spans):
        tell_who_waits()
