"""What is due: claimed once, renewed, fenced, and rung for again; the broker is only a bell."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from celery import current_app
from django.db import connection, transaction

from tenancy import clock, due
from tenancy.due import Claim, LeaseLost
from tenancy.models import Due, Firm
from tenancy.sessions import SessionStore
from tenancy.tasks import sweep

KIND = "tests.work"


@pytest.fixture(autouse=True)
def _kind() -> Iterator[None]:
    due.kind(KIND, task="tests.nobody_listens", queue="tests")
    yield
    due.KINDS.pop(KIND)


@pytest.fixture
def firm(db: None) -> Firm:
    return Firm.objects.create(slug="due", name="期日")


def put(firm: Firm) -> UUID:
    thing = uuid4()
    due.put(KIND, firm.pk, thing)
    return thing


def claimed(thing: UUID) -> Claim:
    claim = due.claim(KIND, thing)
    assert claim is not None
    return claim


def test_the_same_thing_is_due_once(firm: Firm) -> None:
    thing = put(firm)
    due.put(KIND, firm.pk, thing)
    assert Due.objects.filter(object_id=thing).count() == 1


def test_a_claimed_row_cannot_be_claimed_again_until_its_lease_has_run_out(firm: Firm) -> None:
    thing = put(firm)
    assert claimed(thing).attempt == 1
    assert due.claim(KIND, thing) is None
    with clock.stopped_at(clock.now() + due.LEASE + timedelta(seconds=1)):
        assert claimed(thing).attempt == 2


def test_what_lies_in_the_future_is_not_claimed(firm: Firm) -> None:
    thing = uuid4()
    due.put(KIND, firm.pk, thing, at=clock.now() + timedelta(hours=1))
    assert due.claim(KIND, thing) is None
    with clock.stopped_at(clock.now() + timedelta(hours=2)):
        assert due.claim(KIND, thing)


@pytest.mark.guard("due.fence")
def test_a_worker_that_lost_its_lease_cannot_write_its_result(firm: Firm) -> None:
    thing = put(firm)
    slow = claimed(thing)
    with clock.stopped_at(clock.now() + due.LEASE + timedelta(seconds=1)):
        quick = claimed(thing)
    with pytest.raises(LeaseLost):
        slow.finish()
    quick.finish()
    assert not Due.objects.filter(object_id=thing).exists()


def test_work_that_fails_comes_back_later_and_later(firm: Firm) -> None:
    thing = put(firm)

    def fail(_: Claim) -> None:
        raise ZeroDivisionError

    due.run(KIND, str(thing), fail)
    row = Due.objects.get(object_id=thing)
    assert row.lease_until is None
    assert timedelta(seconds=5) < row.due_at - clock.now() <= timedelta(seconds=10)
    assert [due.backoff(n).total_seconds() for n in (1, 2, 3, 12, 10_000)] == [10, 20, 40, 3600, 3600]


def test_twice_is_once_and_gone_is_fine(firm: Firm) -> None:
    thing, seen = put(firm), []

    def work(claim: Claim) -> None:
        seen.append(claim.attempt)
        claim.finish()

    due.run(KIND, str(thing), work)
    due.run(KIND, str(thing), work)
    due.run(KIND, str(uuid4()), work)
    assert seen == [1]


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_that_claim_at_once_one_gets_it() -> None:
    firm = Firm.objects.create(slug="race", name="競争")
    thing = put(firm)
    start, claims = threading.Barrier(12), []

    def race() -> None:
        start.wait()
        claims.append(due.claim(KIND, thing))
        connection.close()

    threads = [threading.Thread(target=race) for _ in range(12)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [each.attempt for each in claims if each] == [1]


@contextmanager
def broker_at(url: str) -> Iterator[None]:
    """Celery with another broker: its settings and the connections it keeps."""
    names = ("broker_url", "broker_write_url", "broker_read_url")
    app: Any = current_app  # what it keeps is not in its published types
    before = {name: current_app.conf[name] for name in names}
    try:
        app.conf.update(dict.fromkeys(names, url))
        app._pool = app.amqp._producer_pool = None
        yield
    finally:
        app.conf.update(before)
        app._pool = app.amqp._producer_pool = None


@pytest.mark.django_db(transaction=True)
def test_without_a_broker_nobody_sees_an_error_and_the_sweep_rings_when_it_is_back() -> None:
    firm = Firm.objects.create(slug="bell", name="呼び鈴")
    with broker_at(f"redis+socket:///tmp/michisuji-nobody-{uuid4().hex}.sock"):
        with transaction.atomic():
            thing = put(firm)
        assert Due.objects.filter(object_id=thing).exists()
        assert due.sweep() == 0
    assert due.sweep() == 1


def test_the_sweep_forgets_sessions_that_ended_and_keeps_the_others(db: None) -> None:
    kept, ended = SessionStore(), SessionStore()
    for session, age in ((kept, 60), (ended, -60)):
        session.set_expiry(age)
        session.create()
    sweep()
    assert SessionStore().exists(str(kept.session_key))
    assert not SessionStore().exists(str(ended.session_key))
