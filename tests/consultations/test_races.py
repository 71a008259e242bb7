"""Many at once, with real threads and real transactions: four places are never five, and no form books twice.

What is proved here is proved against a run in which the guards are gone: without the month's lock and without the
constraint the same race oversells nearly every time (`test_without_lock_and_constraint…`).
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import OperationalError, connection
from django.test import Client

from consultations.actions.booking import book, cancel, change, confirm
from consultations.actions.desk import set_cap
from consultations.actions.places import LAPSE
from consultations.actions.refusals import Lapsed, Refused
from consultations.actions.waiting import join
from consultations.forms import SEED
from consultations.free_times import FreeTime
from consultations.models import Consultation, WaitlistEntry
from consultations.office import office_of
from consultations.slots import Slot
from consultations.states import TAKES_PLACE, NotFromHere, State
from consultations.tasks import lapse
from tenancy import clock, due
from tenancy.links import make_token
from tenancy.models import Due
from tenancy.scope import Scope, open_scope
from tests.conftest import House, as_owner
from tests.consultations.office import DECEMBER, JANUARY, NOW, booked, company, times

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS, BOOKERS, PLACES = 20, 30, 4
BOOK = "/michisuji/consultation/"
PLACE_ONCE = (
    "CREATE UNIQUE INDEX consultations_place_once ON consultations_consultation (firm_id, month, number)"
    " WHERE state IN ('held', 'offered', 'confirmed', 'completed', 'no_show', 'cancelled_late')"
)


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


def posted(number: int, slot: Slot, id: UUID) -> Callable[[], int]:
    """Somebody with an address of their own sends the form of the public page; the status of the answer."""
    client = Client(SERVER_NAME="localhost", REMOTE_ADDR=f"10.9.{number // 250}.{number % 250 + 1}")
    return lambda: client.post(BOOK, form(number, slot, id)).status_code


def a_round(free: Sequence[FreeTime], first: int) -> list[int]:
    """Thirty companies ask for thirty different times, so that only the places are scarce."""
    return at_once(*(posted(first + at, free[at].slot, uuid4()) for at in range(BOOKERS)))


# ── Places ──


@pytest.mark.guard("month.cap")
def test_of_thirty_who_book_four_places_at_once_four_get_one_in_every_round(office: House) -> None:
    free, sold = times(office)[30 : 30 + BOOKERS], []
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
def without_guards(settings: Any) -> Iterator[None]:
    """Neither the month's lock nor the constraint."""
    settings.WITHOUT_GUARD = "month.cap"
    database = connection.settings_dict["NAME"]
    try:
        _as_owner(database, "DROP INDEX IF EXISTS consultations_place_once")
        yield
    finally:
        settings.WITHOUT_GUARD = ""
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
    free, oversold = times(office)[30 : 30 + BOOKERS], 0
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
