"""Many at once, with real threads and real transactions: four places are never five, and no form books twice.

What is proved here is proved against a run in which the guards are gone: without the month's lock and without the
constraint the same race oversells nearly every time (`test_without_lock_and_constraint…`).
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import replace
from datetime import datetime, time, timedelta
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.test import RequestFactory

from consultations.actions.booking import book, cancel, change, confirm
from consultations.actions.desk import set_cap
from consultations.actions.firm import agree, take_over_company
from consultations.actions.places import LAPSE
from consultations.actions.refusals import Full, Lapsed, Refused
from consultations.actions.waiting import decline, join, leave
from consultations.forms import SEED
from consultations.free_times import FreeTime
from consultations.models import Consultation, NextAction, WaitlistEntry
from consultations.office import office_of
from consultations.slots import Slot
from consultations.states import TAKES_PLACE, NotFromHere, State
from consultations.tasks import lapse
from notices.models import Mail
from tenancy import clock
from tenancy.links import make_token
from tenancy.models import Due
from tenancy.scope import Scope, open_scope
from tests.conftest import House, as_owner
from tests.consultations.office import DECEMBER, JANUARY, NOW, booked, company, opens, times

HOURS = tuple((weekday, time(10), time(17)) for weekday in (1, 3))  # few: each refusal shows them all

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS, BOOKERS, PLACES = 20, 30, 4
BOOK = "/michisuji/consultation/"
SECRET = "r" * 32  # of the form, against other sites
PLACE_ONCE = (
    "CREATE UNIQUE INDEX consultations_place_once ON consultations_consultation (firm_id, month, number)"
    " WHERE state IN ('held', 'offered', 'confirmed', 'completed', 'no_show', 'cancelled_late')"
)


@pytest.fixture
def office(michisuji: House) -> House:
    opens(michisuji, hours=HOURS)
    return michisuji


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """All of them at the same moment, each in a thread of its own; what each answered or raised."""
    start = threading.Barrier(len(acts))
    answers: list[Any] = [None] * len(acts)

    def run(at: int, act: Callable[[], Any]) -> None:
        try:
            connection.ensure_connection()
            start.wait()
            answers[at] = act()
        except Exception as problem:
            answers[at] = problem
        finally:
            connection.close()

    threads = [
        threading.Thread(target=copy_context().run, args=(run, at, act)) for at, act in enumerate(acts)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return answers


def in_office(house: House, act: Callable[[], Any]) -> Callable[[], Any]:
    """In a visitor's transaction, as the public views do it."""

    def opened() -> Any:
        with open_scope(office_of(Scope(firm_id=house.firm.pk))):
            return act()

    return opened


def unexpected(answers: Sequence[Any]) -> list[Any]:
    """What is neither an answer nor a kind refusal."""
    kind = (Refused, NotFromHere)
    return [each for each in answers if isinstance(each, Exception) and not isinstance(each, kind)]


def taken(house: House) -> list[Consultation]:
    with open_scope(house.scope):
        return list(Consultation.objects.filter(state__in=TAKES_PLACE, number__isnull=False))


def forget_the_round(house: House) -> None:
    """Every round begins with an empty month."""
    with open_scope(house.scope):
        Consultation.objects.all().delete()
    Due.objects.all().delete()


def form(number: int, slot: Slot, id: UUID) -> dict[str, Any]:
    asked = company(number)
    return {
        "go": "book",
        "slot": str(slot),
        "kind": "advice",
        "company_name": asked.company_name,
        "contact_name": asked.contact_name,
        "email": asked.email,
        "topic": asked.topic,
        "consent": "on",
        "privacy_version": 1,
        "seed": make_token(SEED, id, 1, since=NOW - timedelta(hours=1)),
    }


@cache
def the_site() -> WSGIHandler:
    """The whole of it, as a web server calls it: Django's test client watches each template and is slow in threads."""
    return WSGIHandler()


def posted(number: int, slot: Slot, id: UUID) -> Callable[[], int]:
    """Somebody with an address of their own sends the form of the public page; the status of the answer."""
    address = f"10.{number // 62_500}.{number // 250 % 250}.{number % 250 + 1}"
    asked = RequestFactory().post(
        BOOK,
        form(number, slot, id) | {"csrfmiddlewaretoken": SECRET},
        SERVER_NAME="localhost",
        REMOTE_ADDR=address,
        HTTP_COOKIE=f"{settings.CSRF_COOKIE_NAME}={SECRET}",
    )

    def send() -> int:
        told: list[str] = []
        answer = the_site()(asked.environ, lambda status, headers, problem=None: told.append(status))  # type: ignore[arg-type]
        answer.close()
        return int(told[0][:3])

    return send


def a_round(free: Sequence[FreeTime], first: int) -> list[int]:
    """Thirty companies ask for thirty different times, so that only the places are scarce."""
    return at_once(*(posted(first + at, free[at].slot, uuid4()) for at in range(BOOKERS)))


# ── Places ──


@pytest.mark.guard("month.cap")
def test_of_thirty_who_book_four_places_at_once_four_get_one_in_every_round(office: House) -> None:
    free, sold = times(office)[:BOOKERS], []
    for each in range(ROUNDS):
        statuses = Counter(a_round(free, 1000 + each * BOOKERS))
        rows = taken(office)
        sold.append(len(rows))
        assert set(statuses) <= {302, 409, 503}, statuses
        assert statuses[302] == len(rows)
        assert sorted(row.number or 0 for row in rows) == list(range(1, PLACES + 1))
        forget_the_round(office)
    assert sold == [PLACES] * ROUNDS


@contextmanager
def without_guards(switches: Any) -> Iterator[None]:
    """Neither the month's lock nor the constraint."""
    switches.WITHOUT_GUARD = "month.cap"
    database = connection.settings_dict["NAME"]
    try:
        _as_owner(database, "DROP INDEX IF EXISTS consultations_place_once")
        yield
    finally:
        switches.WITHOUT_GUARD = ""
        _as_owner(database, "TRUNCATE consultations_consultation CASCADE")
        _as_owner(database, PLACE_ONCE)


def _as_owner(database: str, statement: str) -> None:
    connection.close()
    owner = as_owner(database)
    with owner, owner.cursor() as cursor:
        cursor.execute(statement)
    owner.close()


def test_without_lock_and_constraint_the_same_race_oversells_nearly_every_time(
    office: House, settings: Any
) -> None:
    """Else the test before proves nothing."""
    free, oversold = times(office)[:BOOKERS], 0
    with without_guards(settings):
        for each in range(ROUNDS):
            a_round(free, 3000 + each * BOOKERS)
            oversold += len(taken(office)) > PLACES
            forget_the_round(office)
    assert oversold >= 0.95 * ROUNDS


def test_the_constraint_that_is_put_back_is_the_one_that_was_there(office: House) -> None:
    def definition() -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'consultations_place_once'")
            return cursor.fetchone()

    database, before = connection.settings_dict["NAME"], definition()
    _as_owner(database, "DROP INDEX consultations_place_once")
    _as_owner(database, PLACE_ONCE)
    assert before == definition()


# ── Times and forms ──


def books(house: House, number: int, chosen: FreeTime, id: UUID | None = None) -> Callable[[], Consultation]:
    return in_office(house, lambda: book(id=id or uuid4(), slot=chosen.slot, asked=company(number)))


def test_one_of_ten_gets_the_same_time(office: House) -> None:
    chosen = times(office)[10]
    answers = at_once(*(books(office, number, chosen) for number in range(10)))
    assert unexpected(answers) == []
    assert len(taken(office)) == 1


def test_the_same_form_six_times_at_once_books_once_and_everybody_sees_the_booking(office: House) -> None:
    chosen = times(office)
    for each in range(PLACES):  # the last one also takes the month's last place
        id = uuid4()
        answers = at_once(*(books(office, each, chosen[each], id) for _ in range(6)))
        assert unexpected(answers) == []
        assert {row.pk for row in answers} == {id}
        assert len(taken(office)) == each + 1


def test_the_same_form_sent_five_times_at_once_leads_five_times_to_the_booking(office: House) -> None:
    """Five: more mails a day nobody gets at one address, and each counts until it is known that nothing was made."""
    chosen, id = times(office)[0], uuid4()
    assert at_once(*(posted(1, chosen.slot, id) for _ in range(5))) == [302] * 5
    assert len(taken(office)) == 1


def test_the_same_form_for_the_queue_six_times_at_once_joins_once(office: House) -> None:
    full(office)
    id = uuid4()
    joins = in_office(office, lambda: join(id=id, wanted=[DECEMBER], asked=company(9)))
    answers = at_once(*[joins] * 6)
    assert unexpected(answers) == []
    assert {each.pk for each in answers} == {id}


def full(house: House) -> list[Consultation]:
    return [booked(house, number, time=each) for number, each in enumerate(times(house)[8:12])]


# ── Two that undo each other ──


def at_moment(moment: datetime, act: Callable[[], Any]) -> Callable[[], Any]:
    """With a clock of its own."""

    def acts() -> Any:
        with clock.stopped_at(moment):
            return act()

    return acts


def test_a_hold_is_confirmed_or_lapses_and_never_both(office: House) -> None:
    for each in range(6):
        held = booked(office, each, confirmed=False, time=times(office)[each])
        late = NOW + timedelta(minutes=31)
        confirms = in_office(office, lambda held=held: confirm(consultation=held))  # type: ignore[misc]
        worker = at_moment(late, lambda held=held: lapse(office.firm.pk, str(held.pk)))  # type: ignore[misc]
        answers = at_once(confirms, worker)
        with open_scope(office.scope):
            held.refresh_from_db()
        assert answers[1] is None
        if held.state == State.CONFIRMED:
            assert not isinstance(answers[0], Exception)
        else:
            assert (held.state, type(answers[0])) == (State.EXPIRED, Lapsed)
        assert not due_of(held)
        forget_the_round(office)


def due_of(row: Consultation) -> bool:
    return Due.objects.filter(kind=LAPSE, object_id=row.pk).exists()


def test_a_worker_and_those_who_book_stand_in_nobodys_way(
    office: House, caplog: pytest.LogCaptureFixture
) -> None:
    """Both end the hold that has run out and its due row; they take month and row in the same order."""
    for each in range(6):
        held = booked(office, each, confirmed=False, time=times(office)[0])
        late, free = NOW + timedelta(minutes=31), times(office)[1:6]
        worker = at_moment(late, lambda held=held: lapse(office.firm.pk, str(held.pk)))  # type: ignore[misc]
        others = [at_moment(late, books(office, 10 + at, free[at])) for at in range(5)]
        answers = at_once(worker, *others)
        assert unexpected(answers) == []
        with open_scope(office.scope):
            held.refresh_from_db()
        assert (held.state, due_of(held)) == (State.EXPIRED, False)
        assert len(taken(office)) == PLACES
        forget_the_round(office)
    assert "due work failed" not in caplog.text


def test_an_offer_is_accepted_or_given_on_while_another_place_becomes_free(office: House) -> None:
    rows = full(office)
    entries = [waits(office, number) for number in (10, 11, 12)]
    with open_scope(office.scope):
        cancel(consultation=rows[0])
        offer = Consultation.objects.get(entry=entries[0], state=State.OFFERED)
    answers = at_once(
        in_office(office, lambda: confirm(consultation=offer)),
        in_office(office, lambda: decline(consultation=offer, keep=False)),
        in_office(office, lambda: leave(entry=entries[0])),
        in_office(office, lambda: cancel(consultation=rows[1])),
    )
    assert unexpected(answers) == []
    here = taken(office)
    assert len(here) == PLACES
    waiting = [row.entry_id for row in here if row.state == State.OFFERED]
    assert entries[1].pk in waiting
    assert (entries[2].pk in waiting) == (entries[0].pk not in {row.entry_id for row in here})


def waits(house: House, number: int) -> WaitlistEntry:
    with clock.stopped_at(NOW + timedelta(seconds=number)), open_scope(house.scope):
        return join(id=uuid4(), wanted=[DECEMBER], asked=company(number))


def test_whoever_books_while_the_number_of_places_is_lowered_books_before_or_not_at_all(
    office: House,
) -> None:
    free = times(office)
    for each in range(5):
        acts = [books(office, 20 + at, free[at]) for at in range(8)]
        lowers = in_office(office, lambda: set_cap(month=DECEMBER, cap=2, actor=None))
        answers = at_once(*acts, lowers)
        assert unexpected(answers) == []
        assert 2 <= len(taken(office)) <= PLACES
        with pytest.raises(Full):
            books(office, 40 + each, free[20])()
        with open_scope(office.scope):
            set_cap(month=DECEMBER, cap=None, actor=None)
        forget_the_round(office)


def test_sessions_that_change_their_months_in_both_directions_do_not_wait_for_each_other(
    office: House,
) -> None:
    december, january = times(office), times(office, JANUARY)
    here = [booked(office, number, time=december[number]) for number in range(3)]
    there = [booked(office, 10 + number, time=january[number]) for number in range(3)]
    moves = [(row, january[10 + at]) for at, row in enumerate(here)]
    moves += [(row, december[10 + at]) for at, row in enumerate(there)]
    answers = at_once(
        *(
            in_office(office, lambda row=row, to=to: change(consultation=row, slot=to.slot))  # type: ignore[misc]
            for row, to in moves
        )
    )
    assert unexpected(answers) == []
    rows = taken(office)
    assert len(rows) == 6
    assert max(Counter(row.month for row in rows).values()) <= PLACES


def test_an_offer_accepted_in_one_month_while_a_hold_is_confirmed_in_another_ends_in_one_answer_each(
    office: House,
) -> None:
    """The entry of the queue belongs to both."""
    rows = full(office)
    later = [booked(office, 20 + at, time=each) for at, each in enumerate(times(office, JANUARY)[:4])]
    with open_scope(office.scope):
        entry = join(id=uuid4(), wanted=[DECEMBER, JANUARY], asked=company(10))
        cancel(consultation=rows[0])
        offer = Consultation.objects.get(entry=entry, state=State.OFFERED)
        set_cap(month=JANUARY, cap=len(later) + 1, actor=None)
    held = booked(office, 10, confirmed=False, time=times(office, JANUARY)[6])
    answers = at_once(
        in_office(office, lambda: confirm(consultation=offer)),
        in_office(office, lambda: confirm(consultation=held)),
    )
    assert unexpected(answers) == []
    with open_scope(office.scope):
        entry.refresh_from_db()
    assert entry.state == WaitlistEntry.State.BOOKED


def test_booking_for_a_company_and_taking_it_over_do_not_wait_for_each_other(
    office: House,
) -> None:
    """Both want the company and the month, and take them in the same order."""
    owned, free = office.companies["株式会社ア"], times(office)
    for each in range(5):
        row = booked(office, 30 + each, time=free[0])
        asked = replace(company(each), company=owned)
        books_it = in_office(
            office,
            lambda asked=asked: book(id=uuid4(), slot=free[5].slot, asked=asked),  # type: ignore[misc]
        )
        takes_over = in_office(
            office,
            lambda row=row: take_over_company(  # type: ignore[misc]
                consultation=row, company=owned, values={}, actor=office.members["馬場"]
            ),
        )
        assert unexpected(at_once(books_it, takes_over)) == []
        forget_the_round(office)


def test_what_is_agreed_in_two_windows_at_once_is_agreed_once(office: House) -> None:
    row, id = booked(office, 1), uuid4()
    agrees = in_office(
        office,
        lambda: agree(
            consultation=row,
            id=id,
            text="試算表を作る",
            who="佐藤",
            due_on=None,
            actor=office.members["馬場"],
        ),
    )
    assert unexpected(at_once(*[agrees] * 4)) == []
    with open_scope(office.scope):
        assert NextAction.objects.count() == 1


def test_of_many_workers_that_end_the_same_hold_one_mail_goes_out(office: House) -> None:
    held = booked(office, 1, confirmed=False)
    late = NOW + timedelta(minutes=31)
    at_once(*[at_moment(late, lambda: lapse(office.firm.pk, str(held.pk)))] * 6)
    with open_scope(office.scope):
        assert Mail.objects.filter(template="hold_lapsed").count() == 1
