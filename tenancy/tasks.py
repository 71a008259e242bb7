"""The sweep that beat asks for every 15 seconds. The lead text of `tenancy.due` says how the pieces fit."""

from functools import partial
from uuid import UUID

from celery import shared_task

from tenancy import due, filing, leaving, limits, merging, retention
from tenancy.api import idempotency
from tenancy.due import Claim
from tenancy.scope import Scope, open_scope
from tenancy.sessions import SessionStore


@shared_task(name="tenancy.sweep", expires=15)
def sweep() -> None:
    """Ring for what is due; forget the counters of past days and the sessions that ended; see that each firm has its
    nightly work."""
    due.sweep()
    retention.start_missing()
    limits.forget_old()
    SessionStore.clear_expired()


@shared_task(name="tenancy.forget_idempotency_keys")
def forget_idempotency_keys(firm_id: int, object_id: str) -> None:
    """Delete the kept answers of the API that have ended."""
    idempotency.forget(firm_id, object_id)


@shared_task(name="tenancy.remove_shell")
def remove_shell(firm_id: int, object_id: str) -> None:
    """Delete what is left of a company, 30 days after it became part of another one."""

    def work(claim: Claim) -> None:
        with open_scope(Scope.of_firm(firm_id)):
            claim.finish()
            merging.remove_shell(UUID(object_id))

    due.run(merging.SHELL, object_id, work)


@shared_task(name="tenancy.delete_firm")
def delete_firm(firm_id: int, object_id: str) -> None:
    """Delete a firm with all it has, 14 days after it was ordered."""
    due.run(leaving.DELETION, object_id, partial(leaving.carry_out, firm_id))


@shared_task(name=retention.RETENTION)
def forget_what_is_over(firm_id: int, object_id: str) -> None:
    """A firm's night: delete what was kept long enough."""
    due.run(retention.RETENTION, object_id, partial(retention.run, firm_id))


@shared_task(name="tenancy.forget_file")
def forget_file(firm_id: int, object_id: str) -> None:
    """Delete the stored bytes of a file that no row has."""
    due.run(filing.FILE, object_id, partial(filing.forget, firm_id, UUID(object_id)))
