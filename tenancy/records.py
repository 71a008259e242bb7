"""Writing 面談記録, and handing what is shared to external partners.

Every act locks the company's row first: what is derived from its records (最後の面談) and what hangs on them (files
of a meeting) is then written by one at a time, and never into a company that was merged: they
raise CompanyGone. Actions run in the scope and the transaction of their caller.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from django.db import IntegrityError, transaction
from django.db.models import Max, Model
from django.urls import reverse

from tenancy import clock, letters, trail
from tenancy.editing import apply
from tenancy.locks import lock_company
from tenancy.models import Attachment, Company, Handing, Meeting, Membership
from tenancy.templatetags.michisuji import jdate


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
SAME_FOR = timedelta(hours=1)  # who goes back in the browser and saves once more does it in this time
_SAID = ("held_on", "kind", "attendees", "body", "next_steps")


class AlreadyWritten(Exception):
    """The same person has written the same a moment ago, in `meeting`: nothing was written. `as_chosen`: it is also
    shared with and handed to whom the second attempt names."""

    def __init__(self, meeting: Meeting, *, as_chosen: bool) -> None:
        super().__init__(str(meeting.pk))
        self.meeting, self.as_chosen = meeting, as_chosen


def write_meeting(
    *,
    company: Company,
    values: Mapping[str, object],
    hands: Hands,
    actor: Membership | None,
    once: UUID | None = None,
) -> Meeting:
    """A new 面談記録. `once`: the form's own id; sent twice, also at the same moment, it is one; what was typed into it
    anew meanwhile is another one. Raises AlreadyWritten when another form, such as the one that the browser fetched
    anew on the way back, has said the same, or this one has, and shared it otherwise."""
    lock_company(company.pk)
    meeting = Meeting(company=company, created_by=actor, **values)
    if once is not None:
        said = [str(getattr(meeting, name)) for name in _SAID]
        meeting.pk = uuid5(once, f"meeting:{company.firm_id}:{company.pk}:{said}")
        _refuse_the_same(meeting, hands)
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
    rows = [*handed, *tell_shared(meeting, was=False, actor=actor)]
    trail.record("write.meeting", meeting, company_id=company.pk, rows=rows, shared=meeting.shared)
    return meeting


def _refuse_the_same(meeting: Meeting, hands: Hands) -> None:
    """Behind the company's lock: what another click has written is seen."""
    same = {name: getattr(meeting, name) for name in _SAID}
    lately = Meeting.objects.filter(created_by=meeting.created_by, created_at__gte=clock.now() - SAME_FOR)
    found = lately.filter(company=meeting.company_id, **same).newest_first().first()
    if found is not None:
        handed = found.handings.values_list("membership", flat=True)
        to_whom = hands.add if meeting.shared else frozenset()
        as_chosen = found.shared == meeting.shared and to_whom == frozenset(handed)
        if found.pk != meeting.pk or not as_chosen:  # else the other of two clicks: the row is this one
            raise AlreadyWritten(found, as_chosen=as_chosen)


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
    was = row.shared
    before = apply(row, values, seen)
    if before:
        row.save(update_fields=[*before, "updated_at"])
        keep_last_contact(row.company_id)
    rows = [*hand(row, hands), *tell_shared(row, was=was, actor=actor)]
    if before or rows:
        trail.record("update.meeting", row, company_id=row.company_id, before=before, rows=rows)
    return row


def remove_meeting(*, meeting: Meeting, actor: Membership | None) -> None:
    """Delete a 面談記録; its files stay with the company. Twice is once."""
    lock_company(meeting.company_id)
    row = Meeting.objects.filter(pk=meeting.pk).first()
    if row is None:
        return
    hanging = [*Handing.objects.filter(meeting=row), *Attachment.objects.filter(meeting=row).defer("key")]
    trail.record_gone("remove.meeting", row, company_id=row.company_id, rows=hanging)
    row.delete()
    keep_last_contact(meeting.company_id)


def hand(thing: Meeting | Attachment, hands: Hands, *, at: datetime | None = None) -> list[Handing]:
    """Hand `thing` over and take it back; what is not shared is with nobody. Returns the rows that were made or
    deleted, for the trail. `at`: of several things one moment, by which the partner's mail knows them for one act."""
    column = Handing.COLUMN_OF[type(thing)]
    now = {row.membership_id: row for row in Handing.objects.filter(**{column: thing})}
    drop = [row for member, row in now.items() if not thing.shared or member in hands.drop]
    add = hands.add - now.keys() if thing.shared else frozenset()
    Handing.objects.filter(pk__in=[row.pk for row in drop]).delete()
    rows = [
        Handing(
            firm_id=thing.firm_id,
            company_id=thing.company_id,
            membership_id=member,
            created_at=at or clock.now(),
            **{f"{column}_id": thing.pk},
        )
        for member in sorted(add)
    ]
    made = Handing.objects.bulk_create(rows)
    for row in made:
        letters.tell_partner(row)
    return [*drop, *made]


def tell_shared(thing: Meeting | Attachment, *, was: bool, actor: Membership | None) -> list[Model]:
    """Tell the company's own people of what has become shared with them; once for each thing, however often it is
    shared again. The notice's row, for the trail."""
    if was or not thing.shared:
        return []
    if isinstance(thing, Attachment):
        return tell_files([thing], actor=actor)
    title = f"{jdate(thing.held_on)}の面談記録が共有されました"
    url = reverse("tenancy:meeting", args=[thing.firm.slug, thing.company_id, thing.pk])
    return [_tell(thing, title, "", url, actor)]


def tell_files(files: Sequence[Attachment], *, actor: Membership | None) -> list[Model]:
    """One notice of all files that one act has shared; its row, for the trail."""
    if not files:
        return []
    first, number = files[0], f"{len(files)}件" if len(files) > 1 else ""
    body = f"{letters.in_short([file.name for file in files])}をご覧いただけます。"
    url = reverse("tenancy:files", args=[first.firm.slug, first.company_id])
    return [_tell(first, f"ファイルが{number}共有されました", body, url, actor)]


def _tell(thing: Meeting | Attachment, title: str, body: str, url: str, actor: Membership | None) -> Model:
    key = f"shared:{thing.pk}"
    return letters.tell_company(key=key, company=thing.company, title=title, body=body, url=url, but=actor)


def keep_last_contact(company_id: int) -> None:
    """最後の面談, from the rows, in the transaction that changed them and behind the company's lock.

    Not a subquery in the UPDATE: it would not see what was committed while it waited.
    """
    newest = Meeting.objects.filter(company_id=company_id).aggregate(day=Max("held_on"))["day"]
    Company.objects.filter(pk=company_id).update(last_contact_on=newest)
