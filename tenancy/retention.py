"""What is kept for how long, as data, and the nightly work that holds to it.

Each app declares its kinds of data where it is imported at start-up (its `retention.py`):

    kept("notices", [Notice, NoticeRead], "1 year", days=365, old=lambda before: Notice.objects.filter(…__lt=before))
    stays("companies", [Company, Site], "as long as the firm keeps them", ends_by="people of the firm")

docs/retention.md shows the declarations; a test holds the two together and finds a tenant model that nobody declared.

Each firm that is not closed has one due row, always: the night's work puts the next night's, `start` the first one, and
the sweep one for a firm that has none. The moment is spread over three hours by the firm's id, so that many firms do
not forget at once.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid5

from django.db import models
from django.utils import timezone

from tenancy import clock, due, trail
from tenancy.due import Claim
from tenancy.models import (
    ApiToken,
    Attachment,
    Company,
    CompanyMerge,
    Due,
    Firm,
    FirmDeletion,
    FirmProfile,
    Handing,
    IdempotencyKey,
    Invitation,
    Meeting,
    Membership,
    PersonKey,
    PrivacyNotice,
    PublicPerson,
    Site,
    Trail,
    User,
)
from tenancy.models.trail import KEPT_YEARS
from tenancy.scope import Scope, open_scope

RETENTION = "tenancy.retention"
NIGHT = time(2)  # in Asia/Tokyo
NIGHT_SECONDS = 3 * 3600
AT_ONCE = 2_000  # rows in one statement and transaction
MISSING_AT_MOST = 100  # firms started by one sweep
BY_NIGHT = "the nightly job"
_FIRMS = UUID("b1b6f3a0-9d1e-5c1b-8a55-77c1f1a4d2e7")  # a namespace: one due row per firm

due.kind(RETENTION, task=RETENTION, queue="mail")

Models = Iterable[type[models.Model]]
Old = Callable[[datetime], "models.QuerySet[Any]"]


@dataclass(frozen=True)
class Kept:
    """A kind of data: its tables, for how long, by what it goes, in the words of docs/retention.md. `days` and `old`
    are for the nightly work: `old` names the rows that are older than a moment; `blank`: the fields that are emptied
    instead of deleting the row."""

    what: str
    labels: tuple[str, ...]
    period: str
    ends_by: str
    days: int = 0
    old: Old | None = None
    blank: tuple[str, ...] = ()


DECLARED: dict[str, Kept] = {}


def kept(what: str, tables: Models, period: str, *, days: int, old: Old, blank: tuple[str, ...] = ()) -> None:
    """Declare what the nightly work ends `days` after the moment that `old` compares with."""
    DECLARED[what] = Kept(what, _labels(tables), period, BY_NIGHT, days, old, blank)


def stays(what: str, tables: Models, period: str, *, ends_by: str) -> None:
    """Declare what something else ends, or nothing."""
    DECLARED[what] = Kept(what, _labels(tables), period, ends_by)


def _labels(tables: Models) -> tuple[str, ...]:
    return tuple(table._meta.label_lower for table in tables)


# ── The night ──


def start(firm_id: int) -> None:
    """Have the firm's nightly work done from the next night on. Twice is once."""
    due.put(RETENTION, firm_id, uuid5(_FIRMS, str(firm_id)), at=next_night(firm_id))


def start_missing() -> None:
    """For firms that have no night yet: those that are older than this work, and never one that is closed or being
    deleted. One query where none is missing."""
    known = Due.objects.filter(kind=RETENTION, firm=models.OuterRef("pk"))
    missing = Firm.objects.filter(state=Firm.State.ACTIVE).exclude(models.Exists(known))
    for firm_id in missing.values_list("pk", flat=True)[:MISSING_AT_MOST]:
        start(firm_id)


def next_night(firm_id: int) -> datetime:
    """The firm's own moment between two and five o'clock, tomorrow."""
    spread = int.from_bytes(sha256(str(firm_id).encode()).digest()[:4]) % NIGHT_SECONDS
    tomorrow = datetime.combine(clock.today() + timedelta(days=1), NIGHT)
    return timezone.make_aware(tomorrow) + timedelta(seconds=spread)


def run(firm_id: int, claim: Claim) -> None:
    """Forget what is over, a few thousand rows at a time, each time in a transaction of its own; then the night is
    done and the next one due, in one transaction. Killed anywhere and run again, it goes on. A firm that was closed
    has no next one."""
    counts = {what: count for what, each in DECLARED.items() if (count := _forget(firm_id, each))}
    with open_scope(Scope.of_firm(firm_id)):
        claim.finish()
        firm = Firm.objects.get(pk=firm_id)
        if firm.state == Firm.State.ACTIVE:
            start(firm_id)
        if counts:
            trail.record("forget.old", firm, counts=counts)


def _forget(firm_id: int, each: Kept) -> int:
    if each.old is None:
        return 0
    before, count = clock.now() - timedelta(days=each.days), 0
    while done := _some(firm_id, each, before):
        count += done
        if done < AT_ONCE:
            break
    return count


def _some(firm_id: int, each: Kept, before: datetime) -> int:
    """At most AT_ONCE rows; how many there were."""
    assert each.old is not None  # the caller has asked
    with open_scope(Scope.of_firm(firm_id)):
        rows = each.old(before)
        ids = list(rows.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
        chosen = rows.model._default_manager.filter(pk__in=ids)
        if each.blank:
            chosen.update(**dict.fromkeys(each.blank, ""))
        else:
            chosen.delete()
    return len(ids)


# ── The house's own ──


stays(
    "the firm, its public page, its versions of the 個人情報の取扱い",
    [Firm, FirmProfile, PublicPerson, PrivacyNotice, FirmDeletion],
    "as long as the firm",
    ends_by="deletion of the firm",
)
stays(
    "people and memberships, also those that have ended",
    [User, Membership],
    "as long as the firm, so that the trail can name who it was",
    ends_by="deletion of the firm, erasure of the person",
)
stays(
    "companies, sites, merges",
    [Company, Site, CompanyMerge],
    "as long as the firm keeps them; what a merge filled only while it can be taken back",
    ends_by="people of the firm",
)
stays(
    "面談記録, files, what was handed to partners",
    [Meeting, Attachment, Handing],
    "as long as the firm keeps them",
    ends_by="people of the firm",
)
stays(
    "API tokens, as hashes, also revoked ones",
    [ApiToken],
    "as long as the firm",
    ends_by="deletion of the firm",
)
stays(
    "answers kept for an `Idempotency-Key`",
    [IdempotencyKey],
    "24 hours",
    ends_by="a due job of their own, within the hour",
)
kept(
    "invitations that are over: accepted, revoked or not answered",
    [Invitation],
    "90 days after their link's last day",
    days=90,
    old=lambda before: Invitation.objects.filter(expires_at__lt=before),
)
kept(
    "the audit trail",
    [Trail],
    f"{KEPT_YEARS} years",
    days=365 * KEPT_YEARS + KEPT_YEARS // 4 + 2,  # never before PostgreSQL's own count of the years is full
    old=lambda before: Trail.objects.filter(at__lt=before),
)
stays(
    "keys to the personal values in the trail",
    [PersonKey],
    "as long as the person's values may be read",
    ends_by="erasure of the person, deletion of the firm",
)
