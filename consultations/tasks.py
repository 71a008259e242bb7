"""What becomes due: holds and offers run out, reminders go out, months open, calendars elsewhere are read."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

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
from tenancy.walls import FirmModel

due.kind(LAPSE, task="consultations.lapse", queue="mail")
due.kind(REMIND, task="consultations.remind", queue="mail")
due.kind(GIVE_ON, task="consultations.give_on", queue="mail")
due.kind(OPENING, task="consultations.opening", queue="mail")
due.kind(OVER, task="consultations.over", queue="mail")
due.kind(CALENDAR, task="consultations.calendar", queue="kpi")

READ_EVERY = timedelta(minutes=15)
READ_AHEAD = timedelta(days=200)

Row = TypeVar("Row", bound=FirmModel)

log = logging.getLogger(__name__)


def _in_one_go(
    kind: str, firm_id: int, object_id: str, model: type[Row], work: Callable[[Row], object]
) -> None:
    """Claim, and do it with the row, if it is still there, in the transaction that ends the claim: killed before it
    commits, it is done again; after, it is done. The month of a consultation is locked first, as by everybody who drops
    its due rows."""

    def once(claim: Claim) -> None:
        with open_scope(Scope.of_firm(firm_id)):
            row = model.objects.filter(pk=object_id).first()
            if isinstance(row, Consultation):
                lock_month(row.month)
            claim.finish()
            if row is not None:
                work(row)

    due.run(kind, object_id, once)


@shared_task(name="consultations.lapse")
def lapse(firm_id: int, object_id: str) -> None:
    """A hold or an offer has run out: under the lock of its month it lapses, and the place goes on."""
    _in_one_go(LAPSE, firm_id, object_id, Consultation, lambda row: locked_consultation(row.pk))


@shared_task(name="consultations.give_on")
def give_on_offers(firm_id: int, object_id: str) -> None:
    """Somebody has a session now, and may have had an offer for another month: it goes to the next."""
    _in_one_go(GIVE_ON, firm_id, object_id, WaitlistEntry, give_on)


@shared_task(name="consultations.remind")
def remind(firm_id: int, object_id: str) -> None:
    """The reminder, if the session still stands and this is still its moment."""
    _in_one_go(REMIND, firm_id, object_id, Consultation, _remind)


def _remind(consultation: Consultation) -> None:
    row, _ = locked_consultation(consultation.pk)
    if row.state == State.CONFIRMED and row.starts_at > clock.now():
        trail.record("mail.reminder", row, company_id=row.company_id, rows=mails.send_reminder(row))


@shared_task(name="consultations.opening")
def opening(firm_id: int, object_id: str) -> None:
    """A month has opened: the mail to one of those who wanted to be told."""
    _in_one_go(OPENING, firm_id, object_id, OpeningWish, lambda row: tell_opening(wish=row))


@shared_task(name="consultations.over")
def over(firm_id: int, object_id: str) -> None:
    """The months that somebody waited for are over."""
    _in_one_go(OVER, firm_id, object_id, WaitlistEntry, lambda row: end_waiting(entry=row))


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
