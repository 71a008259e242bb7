"""What is due, and who is at it. The broker is a bell; PostgreSQL is the memory.

1. `put` writes a row in the same transaction as what has to be done and rings the bell after the commit.
2. A worker `claim`s the row by compare-and-set: it gets a lease of 30 s and an attempt number, its fencing token.
3. While it works without a transaction, `kept_alive` renews the lease every 10 s from a thread of its own.
4. It writes its result in one transaction that begins with `finish`: the row is deleted if the token still fits; if
   another worker has taken over, the write is refused and rolled back.
5. The sweep rings again for rows that are due and not leased, or whose lease has run out: a killed worker, a lost
   message and a broker that was away all come to the same.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from celery import current_app
from django.conf import settings
from django.db import connection, models, transaction

from tenancy import clock, guards
from tenancy.models import Due

LEASE = timedelta(seconds=settings.DUE_LEASE_SECONDS)
RENEW_EVERY_SECONDS = settings.DUE_LEASE_SECONDS / 3
SWEEP_AT_MOST = 500
ANSWER_SECONDS = 0.5  # how long a bell waits for the broker
QUIET_SECONDS = 15  # how long this process rings no more after one that failed
BELL_SECONDS = 300

log = logging.getLogger(__name__)


@dataclass
class Quiet:
    """Until when (monotonic seconds) this process rings no more."""

    until: float = 0.0


_quiet = Quiet()


class LeaseLost(RuntimeError):
    """Another worker has taken over; what this one made is thrown away."""


@dataclass(frozen=True)
class Kind:
    """A kind of due work: its Celery task (called with firm_id and object_id as text) and its queue."""

    name: str
    task: str
    queue: str


KINDS: dict[str, Kind] = {}


def kind(name: str, *, task: str, queue: str) -> Kind:
    """Declare a kind of due work, in the tasks module of the app that does it."""
    return KINDS.setdefault(name, Kind(name, task, queue))


@dataclass(frozen=True)
class Claim:
    """A worker's hold on one due row. `attempt` counts from 1 and is the fencing token."""

    due_id: int
    attempt: int

    def finish(self) -> None:
        """The first statement of the transaction that writes the result. Raises LeaseLost."""
        rows = Due.objects.filter(pk=self.due_id)
        if guards.stands("due.fence"):
            rows = rows.filter(attempts=self.attempt)
        if not rows.delete()[0]:
            raise LeaseLost

    def again_at(self, moment: datetime) -> None:
        """Give the row back, to be done at `moment`. Does nothing when the lease was lost."""
        Due.objects.filter(pk=self.due_id, attempts=self.attempt).update(lease_until=None, due_at=moment)


def put(name: str, firm_id: int, object_id: UUID, *, at: datetime | None = None, queue: str = "") -> None:
    """Make `object_id` due, once per kind and object: an existing row keeps its time. Rings after the commit."""
    declared = KINDS[name]
    moment = at or clock.now()
    row = Due(kind=name, firm_id=firm_id, object_id=object_id, queue=queue or declared.queue, due_at=moment)
    Due.objects.bulk_create([row], ignore_conflicts=True)
    if moment <= clock.now():
        transaction.on_commit(partial(_ring_unless_quiet, name, firm_id, object_id, row.queue), robust=True)


def drop(name: str, object_id: UUID) -> None:
    """It need not be done any more."""
    Due.objects.filter(kind=name, object_id=object_id).delete()


def ring(name: str, firm_id: int, object_id: UUID, queue: str) -> bool:
    """Send the message, without waiting: a broker that is away is logged, and the sweep makes up for it.

    A bell that nobody heard in five minutes is thrown away unread: it has long been rung again, and bells that pile up
    while no worker is there must not keep it busy afterwards.
    """
    try:
        with current_app.connection_for_write(transport_options={"socket_timeout": ANSWER_SECONDS}) as broker:
            current_app.send_task(
                KINDS[name].task,
                args=[firm_id, str(object_id)],
                queue=queue,
                connection=broker,
                retry=False,
                ignore_result=True,
                expires=BELL_SECONDS,
            )
    except Exception as problem:  # whatever the transport raises, a person must not see it
        log.warning("bell not rung", extra={"kind": name, "problem": type(problem).__name__})
        _quiet.until = time.monotonic() + QUIET_SECONDS
        return False
    return True


def _ring_unless_quiet(name: str, firm_id: int, object_id: UUID, queue: str) -> None:
    """A broker that hangs costs one person half a second, and those after it nothing: the sweep rings anyway."""
    if time.monotonic() >= _quiet.until:
        ring(name, firm_id, object_id, queue)


def claim(name: str, object_id: UUID) -> Claim | None:
    """Take the row if it is due and free; None otherwise (done, taken, not yet). One statement, safe against itself."""
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE tenancy_due SET lease_until = %s, attempts = attempts + 1 WHERE kind = %s AND object_id = %s"
            " AND due_at <= %s AND (lease_until IS NULL OR lease_until < %s) RETURNING id, attempts",
            [now + LEASE, name, object_id, now, now],
        )
        row = cursor.fetchone()
    return Claim(*row) if row else None


@contextmanager
def kept_alive(claimed: Claim) -> Iterator[None]:
    """Renew the lease while the block works, from a thread with a connection of its own."""
    done = threading.Event()
    thread = threading.Thread(target=_renew, args=(claimed, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _renew(claimed: Claim, done: threading.Event) -> None:
    try:
        while not done.wait(RENEW_EVERY_SECONDS):
            Due.objects.filter(pk=claimed.due_id, attempts=claimed.attempt).update(
                lease_until=clock.now() + LEASE
            )
    finally:
        connection.close()


def run(name: str, object_id: str, work: Callable[[Claim], None]) -> None:
    """Claim and work, for a task's body: twice is once, gone is fine, a lost lease is no error."""
    claimed = claim(name, UUID(object_id))
    if claimed is None:
        return
    try:
        with kept_alive(claimed):
            work(claimed)
    except LeaseLost:
        log.info("lease lost", extra={"kind": name, "object": object_id})
    except Exception:
        log.exception(
            "due work failed", extra={"kind": name, "object": object_id, "attempt": claimed.attempt}
        )
        claimed.again_at(clock.now() + backoff(claimed.attempt))


def backoff(attempt: int) -> timedelta:
    """How long to wait after the attempt that failed: 10 s, 20 s, 40 s … at most an hour."""
    return timedelta(seconds=min(5 * 2 ** min(attempt, 10), 3600))


def sweep() -> int:
    """Ring for everything that is due and free. Returns how many bells were rung; stops at the first that fails."""
    now = clock.now()
    free = models.Q(lease_until=None) | models.Q(lease_until__lt=now)
    rows = Due.objects.filter(free, due_at__lte=now).order_by("due_at")[:SWEEP_AT_MOST]
    rung = 0
    for row in rows:
        if row.kind in KINDS and not ring(row.kind, row.firm_id, row.object_id, row.queue):
            break
        rung += 1
    return rung
