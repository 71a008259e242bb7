"""What becomes due: lapsed, reminded, opened, read; once, also by a worker that dies or a broker that is away."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core import mail as django_mail
from django.db import connection, transaction

from consultations import tasks
from consultations.actions.booking import cancel, change, confirm
from consultations.actions.desk import CALENDAR, keep_busy, subscribe, tell_who_waits, update_desk
from consultations.actions.places import LAPSE
from consultations.actions.waiting import decline, join, tell_full, want_opening
from consultations.calc import months
from consultations.free_times import month_view
from consultations.models import (
    OPENING,
    OVER,
    REMIND,
    Consultation,
    OpeningWish,
    OutsideBusy,
    OutsideCalendar,
    Schedule,
    WaitlistEntry,
)
from consultations.states import State
from notices.models import Mail
from notices.tasks import send_mail
from tenancy import clock, due, retention
from tenancy.models import Due
from tenancy.scope import open_scope
from tests.conftest import House
from tests.consultations.office import DECEMBER, JANUARY, NOW, a_time, booked, company, times
from tests.tenancy.test_due import broker_at
from tests.tenancy.test_retention import sleep

LATE = NOW + timedelta(minutes=31)
TASK: dict[str, Callable[[int, str], None]] = {
    LAPSE: tasks.lapse,
    REMIND: tasks.remind,
    OPENING: tasks.opening,
    OVER: tasks.over,
    CALENDAR: tasks.calendar,
}


def works(kind: str) -> int:
    """What a worker does with everything of this kind that is due now; how much that was."""
    rows = list(Due.objects.filter(kind=kind, due_at__lte=clock.now()))
    for row in rows:
        TASK[kind](row.firm_id, str(row.object_id))
    return len(rows)


def is_due(kind: str, id: UUID) -> datetime | None:
    found: datetime | None = (
        Due.objects.filter(kind=kind, object_id=id).values_list("due_at", flat=True).first()
    )
    return found


def state(house: House, row: Consultation) -> str:
    with open_scope(house.scope):
        row.refresh_from_db()
    return row.state


def mails(house: House, template: str) -> list[Mail]:
    with open_scope(house.scope):
        return list(Mail.objects.filter(template=template))


# ── Holds and offers ──


def test_a_worker_ends_a_hold_that_nobody_confirmed(office: House) -> None:
    held = booked(office, 1, confirmed=False)
    assert is_due(LAPSE, held.pk) == NOW + months.HOLD
    assert works(LAPSE) == 0
    with clock.stopped_at(LATE):
        assert works(LAPSE) == 1
        assert state(office, held) == State.EXPIRED
        assert is_due(LAPSE, held.pk) is None
    assert len(mails(office, "hold_lapsed")) == 1


def test_a_worker_that_comes_too_late_finds_nothing_to_do(office: House) -> None:
    held = booked(office, 1, confirmed=False)
    with open_scope(office.scope):
        confirm(consultation=held)
    assert is_due(LAPSE, held.pk) is None
    with clock.stopped_at(LATE):
        tasks.lapse(office.firm.pk, str(held.pk))
    assert state(office, held) == State.CONFIRMED


def test_a_worker_gives_an_offer_that_ran_out_to_the_next(office: House) -> None:
    rows = [booked(office, number) for number in range(4)]
    with open_scope(office.scope):
        first = join(id=uuid4(), wanted=[DECEMBER], asked=company(10))
        with clock.stopped_at(NOW + timedelta(seconds=1)):
            second = join(id=uuid4(), wanted=[DECEMBER], asked=company(11))
        cancel(consultation=rows[0])
    with clock.stopped_at(NOW + timedelta(hours=24)):
        assert works(LAPSE) == 1
    with open_scope(office.scope):
        assert Consultation.objects.get(entry=first).state == State.EXPIRED
        assert Consultation.objects.get(entry=second).state == State.OFFERED


class Killed(BaseException):
    """In place of kill -9: nobody catches it."""


@pytest.mark.django_db(transaction=True)
def test_killed_between_state_and_mail_the_worker_leaves_nothing_and_the_next_one_does_it_once(
    office: House,
) -> None:
    held = booked(office, 1, confirmed=False)

    def dies(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if 'INSERT INTO "notices_mail"' in sql:
            raise Killed
        return execute(sql, params, many, context)

    with clock.stopped_at(LATE), connection.execute_wrapper(dies), pytest.raises(Killed):
        tasks.lapse(office.firm.pk, str(held.pk))
    assert state(office, held) == State.HELD
    assert mails(office, "hold_lapsed") == []
    with clock.stopped_at(LATE + due.LEASE + timedelta(seconds=1)):  # the lease of the dead one has run out
        assert works(LAPSE) == 1
        assert works(LAPSE) == 0
        tasks.lapse(office.firm.pk, str(held.pk))
    assert state(office, held) == State.EXPIRED
    (said,) = mails(office, "hold_lapsed")
    _mail_goes_out_once(said)


def _mail_goes_out_once(said: Mail) -> None:
    """Two workers get the same bell."""
    with clock.stopped_at(LATE + timedelta(hours=1)):
        send_mail(said.firm_id, str(said.pk))
        send_mail(said.firm_id, str(said.pk))
    assert [each.to for each in django_mail.outbox] == [[said.to]]


@pytest.mark.django_db(transaction=True)
def test_without_a_broker_people_book_and_the_mails_follow(office: House) -> None:
    with broker_at(f"redis+socket:///tmp/michisuji-nobody-{uuid4().hex}.sock"):
        held = booked(office, 1, confirmed=False)
        with open_scope(office.scope), transaction.atomic():
            confirm(consultation=held)
        assert due.sweep() == 0
    assert state(office, held) == State.CONFIRMED
    waiting = Due.objects.filter(kind="mail", due_at__lte=NOW).count()
    assert waiting == 2  # the hold's and the confirmation
    assert due.sweep() >= waiting
    (said,) = mails(office, "booking_confirmed")
    _mail_goes_out_once(said)


# ── Reminders ──


def test_the_reminder_goes_two_days_before_at_four(office: House) -> None:
    row = booked(office, 1, time=a_time(office, date(2026, 12, 17), 14))
    moment = months.at(date(2026, 12, 15), time(16))
    assert is_due(REMIND, row.pk) == moment
    with clock.stopped_at(moment):
        assert works(REMIND) == 1
        tasks.remind(office.firm.pk, str(row.pk))
    assert len(mails(office, "booking_reminder")) == 1
    assert moment < row.free_until  # it can still be cancelled


def test_the_reminder_moves_with_the_session(office: House) -> None:
    row = booked(office, 1, time=a_time(office, date(2026, 12, 17), 14))
    with open_scope(office.scope):
        change(consultation=row, slot=a_time(office, date(2026, 12, 22), 14).slot)
    with clock.stopped_at(months.at(date(2026, 12, 15), time(16))):
        assert works(REMIND) == 0
    assert is_due(REMIND, row.pk) == months.at(date(2026, 12, 20), time(16))


def test_no_reminder_of_what_was_cancelled(office: House) -> None:
    row = booked(office, 1, time=a_time(office, date(2026, 12, 17), 14))
    with open_scope(office.scope):
        cancel(consultation=row)
    assert is_due(REMIND, row.pk) is None
    with clock.stopped_at(months.at(date(2026, 12, 15), time(16))):
        tasks.remind(office.firm.pk, str(row.pk))
    assert mails(office, "booking_reminder") == []


def test_who_books_later_than_the_reminder_gets_none(office: House) -> None:
    row = booked(office, 1, time=a_time(office, date(2026, 12, 8), 14))
    assert is_due(REMIND, row.pk) is None


# ── Months that open, months that are over ──


def wishes(house: House) -> OpeningWish:
    with open_scope(house.scope):
        for number in range(4):
            booked(house, number)
        wish = tell_full(month=JANUARY, asked=company(10))
        return want_opening(wish=wish)


def test_a_month_that_opens_is_said_once(office: House) -> None:
    wish = wishes(office)
    opens = months.at(JANUARY, time(9))
    assert is_due(OPENING, wish.pk) == opens
    with clock.stopped_at(opens):
        assert works(OPENING) == 1
        tasks.opening(office.firm.pk, str(wish.pk))
    assert len(mails(office, "month_open")) == 1


def test_a_month_that_opens_later_than_was_said_is_said_then(office: House) -> None:
    wish = wishes(office)
    with open_scope(office.scope):
        update_desk(values={"opens_on": 5}, seen=None, actor=None)
    with clock.stopped_at(months.at(JANUARY, time(9))):
        works(OPENING)
    assert mails(office, "month_open") == []
    later = months.at(date(2027, 1, 5), time(9))
    assert is_due(OPENING, wish.pk) == later
    with clock.stopped_at(later):
        works(OPENING)
    assert len(mails(office, "month_open")) == 1


def test_waiting_ends_with_the_month(office: House) -> None:
    for number in range(4):
        booked(office, number)
    with open_scope(office.scope):
        entry = join(id=uuid4(), wanted=[DECEMBER], asked=company(10))
    assert is_due(OVER, entry.pk) == months.at(JANUARY, months.MIDNIGHT)
    with clock.stopped_at(months.at(JANUARY, months.MIDNIGHT)):
        assert works(OVER) == 1
    with open_scope(office.scope):
        entry.refresh_from_db()
        assert entry.state == WaitlistEntry.State.ENDED


# ── Nights ──


def test_what_was_never_confirmed_is_forgotten_after_90_days_however_it_ended(office: House) -> None:
    booked(office, 0, confirmed=False)  # runs out
    given_back = booked(office, 1, confirmed=False)
    held, called_off = booked(office, 2), booked(office, 3)
    with open_scope(office.scope):
        cancel(consultation=given_back)
        cancel(consultation=called_off)
    with clock.stopped_at(LATE):
        works(LAPSE)
    with clock.stopped_at(NOW + timedelta(days=91)):
        retention.start(office.firm.pk)
        sleep(office.firm)
    with open_scope(office.scope):
        assert set(Consultation.objects.values_list("pk", flat=True)) == {held.pk, called_off.pk}


# ── Calendars elsewhere ──


def subscribed(house: House, url: str) -> OutsideCalendar:
    with open_scope(house.scope):
        row = subscribe(schedule=Schedule.objects.get(), url=url, actor=None)
    assert row
    return row


def test_a_calendar_that_cannot_be_read_keeps_closed_what_was_closed(office: House) -> None:
    row = subscribed(office, "https://127.0.0.1/a.ics")  # no public address: never asked
    busy = a_time(office, date(2026, 12, 17), 14)
    with open_scope(office.scope):
        keep_busy(calendar=row, spans=[(busy.starts, busy.ends)])
    assert works(CALENDAR) == 1
    with open_scope(office.scope):
        row.refresh_from_db()
        assert OutsideBusy.objects.count() == 1
    assert (row.problem, row.asked_at) == ("NOT_PUBLIC", NOW)
    assert busy not in times(office)
    assert is_due(CALENDAR, row.pk) == NOW + tasks.READ_EVERY


def test_a_calendar_that_is_not_subscribed_any_more_is_not_read(office: House) -> None:
    row = subscribed(office, "https://127.0.0.1/a.ics")
    subscribed_to_none(office)
    assert is_due(CALENDAR, row.pk) is None
    tasks.calendar(office.firm.pk, str(row.pk))
    assert is_due(CALENDAR, row.pk) is None


def subscribed_to_none(house: House) -> None:
    with open_scope(house.scope):
        assert subscribe(schedule=Schedule.objects.get(), url="", actor=None) is None


def test_a_time_that_a_calendar_gives_back_is_offered_to_who_waits(office: House) -> None:
    """Everything is busy elsewhere; a place becomes free, but no time. Then one does."""
    rows = [booked(office, number) for number in range(4)]
    row = subscribed(office, "https://127.0.0.1/a.ics")
    until = months.at(JANUARY, months.MIDNIGHT)
    with open_scope(office.scope):
        entry = join(id=uuid4(), wanted=[DECEMBER], asked=company(10))
        keep_busy(calendar=row, spans=[(NOW, until)])
        cancel(consultation=rows[0])
        assert not Consultation.objects.filter(entry=entry).exists()
        assert month_view(DECEMBER).direct == 1
        if keep_busy(calendar=row, spans=[(NOW, until - timedelta(days=8))]):
            tell_who_waits()
        offer = Consultation.objects.get(entry=entry)
        decline(consultation=offer, keep=False)
    assert offer.starts_at >= until - timedelta(days=8)
