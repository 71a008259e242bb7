"""Writing 面談記録, and handing what is shared to external partners.

Every act locks the company's row first: what is derived from its records (最後の面談) and what hangs on them (files
of a meeting) is then written by one at a time. Actions run in the scope and the transaction of their caller.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID, uuid5

from django.db import IntegrityError, transaction
from django.db.models import Max

from tenancy import trail
from tenancy.editing import apply
from tenancy.models import Attachment, Company, Handing, Meeting, Membership


@dataclass(frozen=True)
class Hands:
    """To which external partners something is handed, and from whom it is taken back; ids of memberships.

    A difference and not the whole: two people who tick different partners do not undo each other.
    """

    add: frozenset[int] = frozenset()
    drop: frozenset[int] = frozenset()

    @classmethod
    def between(cls, shown: Iterable[int], typed: Iterable[int]) -> "Hands":
        """What has to change so that who saw `shown` gets what was `typed`."""
        before, after = frozenset(shown), frozenset(typed)
        return cls(after - before, before - after)


NO_HANDS = Hands()


def write_meeting(
    *,
    company: Company,
    values: Mapping[str, object],
    hands: Hands,
    actor: Membership | None,
    once: UUID | None = None,
) -> Meeting:
    """A new 面談記録. `once`: the form's own id; sent twice, also at the same moment, it is one."""
    lock_company(company.pk)
    meeting = Meeting(company=company, created_by=actor, **values)
    if once is not None:
        meeting.pk = uuid5(once, f"meeting:{company.firm_id}:{company.pk}")
    try:
        with transaction.atomic():
            meeting.save(force_insert=True)
    except IntegrityError:
        made: Meeting | None = Meeting.objects.filter(pk=meeting.pk).first() if once else None
        if made is None:
            raise
        return made
    handed = hand(meeting, hands)
    keep_last_contact(company.pk)
    trail.record("write.meeting", meeting, company_id=company.pk, shared=meeting.shared, **handed)
    return meeting


def update_meeting(
    *,
    meeting: Meeting,
    values: Mapping[str, object],
    seen: Mapping[str, str] | None,
    hands: Hands,
    actor: Membership | None,
) -> Meeting:
    """Change a 面談記録. Returns the stored row. Raises ChangedMeanwhile, Meeting.DoesNotExist."""
    lock_company(meeting.company_id)
    row: Meeting = Meeting.objects.select_for_update(of=("self",), no_key=True).get(pk=meeting.pk)
    changed = apply(row, values, seen)
    if changed:
        row.save(update_fields=[*changed, "updated_at"])
        keep_last_contact(row.company_id)
    handed = hand(row, hands)
    if changed or handed:
        trail.record("update.meeting", row, company_id=row.company_id, fields=changed, **handed)
    return row


def remove_meeting(*, meeting: Meeting, actor: Membership | None) -> None:
    """Delete a 面談記録; its files stay with the company. Twice is once."""
    lock_company(meeting.company_id)
    row = Meeting.objects.filter(pk=meeting.pk).first()
    if row is None:
        return
    trail.record("remove.meeting", row, company_id=row.company_id)
    row.delete()
    keep_last_contact(meeting.company_id)


def hand(thing: Meeting | Attachment, hands: Hands) -> dict[str, list[int]]:
    """Hand `thing` over and take it back; what is not shared is with nobody. Returns what changed, for the trail:
    `handed` and `taken_back`, each only where there is something to say."""
    column = Handing.COLUMN_OF[type(thing)]
    now = set(Handing.objects.filter(**{column: thing}).values_list("membership_id", flat=True))
    drop = now & hands.drop if thing.shared else now
    add = hands.add - now if thing.shared else frozenset()
    Handing.objects.filter(**{column: thing}, membership_id__in=drop).delete()
    rows = [
        Handing(
            firm_id=thing.firm_id,
            company_id=thing.company_id,
            membership_id=member,
            **{f"{column}_id": thing.pk},
        )
        for member in sorted(add)
    ]
    Handing.objects.bulk_create(rows)
    said = {"handed": sorted(add), "taken_back": sorted(drop)}
    return {name: ids for name, ids in said.items() if ids}


def lock_company(pk: int) -> None:
    """Held until the transaction ends; a row that is gone or out of scope locks nothing."""
    Company.objects.select_for_update(of=("self",), no_key=True).filter(pk=pk).values_list("pk").first()


def keep_last_contact(company_id: int) -> None:
    """最後の面談, from the rows, in the transaction that changed them and behind the company's lock.

    Not a subquery in the UPDATE: it would not see what was committed while it waited.
    """
    newest = Meeting.objects.filter(company_id=company_id).aggregate(day=Max("held_on"))["day"]
    Company.objects.filter(pk=company_id).update(last_contact_on=newest)
