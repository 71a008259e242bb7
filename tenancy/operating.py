"""What the operator of the installation does and looks at. Everything about a firm is read in that firm's own scope."""

import platform
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import Count, Min, Q

from tenancy import clock, queues, trail
from tenancy.models import Company, Due, Firm, Membership, User
from tenancy.operator_words import queue_called, work_called
from tenancy.permissions import FIRM_ROLES, OPERATOR
from tenancy.readiness import database_state
from tenancy.scope import ALL, Scope, open_scope

STAY = timedelta(hours=1)
LATE_AFTER = timedelta(minutes=5)
PACKAGES = ("Django", "celery", "django-allauth", "weasyprint", "psycopg2-binary")


class WorksHere(Exception):
    """The person has a place in this firm already, and needs no other."""


def make_operator(*, email: str, name: str) -> User:
    """Somebody who runs the installation; an account that exists becomes one and keeps its password."""
    user = User.objects.filter(email=email.lower()).first() or User.objects.create_user(email, None, name)
    user.is_operator = True
    user.save(update_fields=["is_operator"])
    return user


# ── Entering a firm ──


def enter_firm(*, operator: User, firm: Firm, reason: str, once: UUID) -> Membership:
    """A place in the firm that reads for an hour; the reason lands in that firm's trail. `once`: the form's own id, so
    that two clicks are one entry. Raises WorksHere."""
    with open_scope(_scope(operator, firm)):
        place = _place(operator, firm)
        if trail.done("operator.enter", once):
            return place
        if Membership.objects.active().filter(user=operator, role__in=FIRM_ROLES).exists():
            raise WorksHere
        before = {name: getattr(place, name) for name in ("state", "ends_at")}
        place.state, place.ends_at = Membership.State.ACTIVE, clock.now() + STAY
        place.save(update_fields=["state", "ends_at"])
        trail.record("operator.enter", place, before=before, once=once, reason=reason)
    return place


def leave_firm(*, operator: User, firm: Firm) -> bool:
    """End the place before its hour is over. False: there was none (any more)."""
    with open_scope(_scope(operator, firm)):
        place = Membership.objects.active().filter(user=operator, role=OPERATOR).first()
        if place is None:
            return False
        before = {"state": place.state, "ends_at": place.ends_at}
        place.state, place.ends_at = Membership.State.ENDED, clock.now()
        place.save(update_fields=["state", "ends_at"])
        trail.record("operator.leave", place, before=before)
    return True


def _scope(operator: User, firm: Firm) -> Scope:
    return Scope(firm_id=firm.pk, user_id=operator.pk, companies=ALL, side="firm", role=OPERATOR)


def _place(operator: User, firm: Firm) -> Membership:
    """The operator's one row in the firm, locked: an ended one is used again, a new one has ended already. It is a row
    of its own: what somebody was who once worked for the firm stays as it is."""
    ended = {"state": Membership.State.ENDED, "ends_at": clock.now()}
    try:
        with transaction.atomic():
            Membership.objects.get_or_create(firm=firm, user=operator, role=OPERATOR, defaults=ended)
    except IntegrityError:  # made at the same moment by the other of two clicks
        pass
    found: Membership = Membership.objects.select_for_update(of=("self",), no_key=True).get(
        user=operator, role=OPERATOR
    )
    return found


# ── Looking ──


@dataclass(frozen=True)
class FirmRow:
    """A firm as the list shows it. `members`: without operators who look in; `entered`: this operator is inside."""

    firm: Firm
    members: int
    companies: int
    entered: bool


def firm_rows(firms: Iterable[Firm], operator: User) -> list[FirmRow]:
    """Counts of each firm, in a scope of each. For a page of firms: two queries and the scope's statements for each."""
    return [_firm_row(firm, operator) for firm in firms]


def _firm_row(firm: Firm, operator: User) -> FirmRow:
    with open_scope(Scope.of_firm(firm.pk)):
        inside = Q(user=operator, role=OPERATOR)
        counts = Membership.objects.active().aggregate(
            own=Count("pk", filter=~Q(role=OPERATOR)), inside=Count("pk", filter=inside)
        )
        return FirmRow(firm, counts["own"], Company.objects.count(), bool(counts["inside"]))


@dataclass(frozen=True)
class Failed:
    """What could not be done in a firm, without personal data: how many, since when the last, types of errors."""

    count: int
    latest: datetime | None = None
    errors: tuple[str, ...] = ()


@dataclass(frozen=True)
class FailedRow:
    """A firm with what failed in it, by label."""

    firm: Firm
    failed: Mapping[str, Failed]


_FAILURES: dict[str, Callable[[], Failed]] = {}


def failures(label: str, find: Callable[[], Failed]) -> None:
    """Declare something that can fail for good, in an app's `failures.py`; `find` runs in a firm's scope."""
    _FAILURES[label] = find


def failed_rows(firms: Iterable[Firm]) -> list[FailedRow]:
    """Those of the firms in which something failed. Each is asked in its own scope: a few statements a firm."""
    rows = []
    for firm in firms:
        with open_scope(Scope.of_firm(firm.pk)):
            found = {label: find() for label, find in _FAILURES.items()}
        if any(each.count for each in found.values()):
            rows.append(FailedRow(firm, {label: each for label, each in found.items() if each.count}))
    return rows


def due_rows() -> list[dict[str, Any]]:
    """What is due, by kind: waiting now, at work, late (free, and due five minutes ago), later. One query."""
    now = clock.now()
    leased = Q(lease_until__gte=now)
    free = ~leased | Q(lease_until=None)
    found = Due.objects.values("kind", "queue").annotate(
        waiting=Count("pk", filter=free & Q(due_at__lte=now)),
        leased=Count("pk", filter=leased),
        late=Count("pk", filter=free & Q(due_at__lt=now - LATE_AFTER)),
        later=Count("pk", filter=Q(due_at__gt=now)),
        oldest=Min("due_at"),
    )
    rows = list(found.order_by("kind", "queue"))
    for row in rows:
        row |= {"kind": work_called(row["kind"]), "queue": queue_called(row["queue"])}
    return rows


@dataclass(frozen=True)
class Health:
    """How the installation is."""

    database: Mapping[str, str]
    broker: bool
    versions: Mapping[str, str] = field(default_factory=dict)


def health() -> Health:
    """As /readyz, with versions. At most about 2.5 s where something does not answer."""
    found = {"Python": platform.python_version(), "PostgreSQL": _server_version()}
    found |= {name: version(name) for name in PACKAGES}
    return Health(database_state(), queues.broker_is_up(), found)


def _server_version() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        return str(cursor.fetchone()[0])
