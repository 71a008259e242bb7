"""Files of a company: into the private storage, into the table, and out of both, so that a crash loses nothing.

1. `note`: a due row for each new key is committed before its first byte is written; it falls due in an hour.
2. `store`: the bytes, without a transaction.
3. `keep_files`: the rows; in the same transaction the due rows go. A key that the sweep has taken meanwhile is refused.
4. The due work (`forget`) deletes the bytes of a key without a row: what a killed request left behind, what a second
   click stored again, and, put by `remove_file` in the transaction that deletes the row, what somebody has removed.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import BinaryIO
from uuid import UUID, uuid4, uuid5

from django.core.files import File
from django.core.files.storage import default_storage

from tenancy import clock, due, trail
from tenancy.due import Claim
from tenancy.editing import apply
from tenancy.locks import lock_company
from tenancy.models import Attachment, Company, Due, Handing, Meeting, Membership, Trail
from tenancy.records import NO_HANDS, SAME_FOR, Hands, hand, tell_files, tell_shared
from tenancy.scope import Scope, open_scope
from tenancy.uploads import Recognized

FILE = "file"  # the due work; its object is the key's UUID
LEFT_BEHIND = timedelta(hours=1)  # far longer than an upload may take

due.kind(FILE, task="tenancy.forget_file", queue="mail")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Upload:
    """A recognized file on its way. `id` will be its row's, `key_id` is the random part of its key."""

    what: Recognized
    content: BinaryIO
    id: UUID
    key_id: UUID

    @classmethod
    def of(cls, what: Recognized, content: BinaryIO, *, company: Company, once: UUID | None) -> "Upload":
        """`once`: what one act is known by; the same file sent twice with it gets the same row."""
        same = f"file:{company.firm_id}:{company.pk}:{what.sha256}:{what.name}"
        return cls(what, content, uuid5(once, same) if once else uuid4(), uuid4())


@dataclass(frozen=True)
class Filing:
    """What was chosen for all files of one upload."""

    shared: bool = False
    meeting: Meeting | None = None
    hands: Hands = NO_HANDS


def key_of(firm_id: int, key_id: UUID) -> str:
    """Where the bytes stand in the storage: below the firm's folder, and saying nothing about the file."""
    return f"firm/{firm_id}/files/{key_id}"


def note(firm_id: int, uploads: Sequence[Upload]) -> None:
    """Remember the keys before they are written. Must be committed before `store`."""
    later = clock.now() + LEFT_BEHIND
    for upload in uploads:
        due.put(FILE, firm_id, upload.key_id, at=later)


def store(firm_id: int, uploads: Sequence[Upload]) -> tuple[list[Upload], list[Upload]]:
    """Write the bytes, outside any transaction. Returns what is stored and what the storage did not take."""
    stored: list[Upload] = []
    failed: list[Upload] = []
    for upload in uploads:
        try:
            default_storage.save(key_of(firm_id, upload.key_id), File(upload.content))
            stored.append(upload)
        except Exception as problem:  # whatever the storage raises: the other files must not suffer from it
            log.warning("file not stored", extra={"problem": type(problem).__name__})
            failed.append(upload)
    return stored, failed


def keep_files(
    *, company: Company, uploads: Sequence[Upload], filing: Filing, actor: Membership | None
) -> list[Attachment]:
    """The rows of what is stored. A file that the other of two clicks has kept already stays that one, and so does one
    that the same person has put there a moment ago: a row with another id than the upload's.

    A meeting or a partner that went away meanwhile is left out. Whoever hears of them hears of all of them at once.
    Raises due.LeaseLost when a key was taken by the sweep.
    """
    lock_company(company.pk)
    meeting = filing.meeting and Meeting.objects.filter(pk=filing.meeting.pk).first()
    filing = replace(filing, meeting=meeting)
    kept = _there(company, uploads, filing, actor)
    made = []
    for upload in uploads:
        if upload.id not in kept:  # else its due row stays and deletes the second copy
            kept[upload.id] = _keep(company, upload, filing, actor)
            made.append(kept[upload.id])
    told, now = tell_files(made if filing.shared else [], actor=actor), clock.now()
    for row in made:
        rows = [*hand(row, filing.hands, at=now), *(told if row is made[0] else [])]
        trail.record("add.file", row, company_id=company.pk, rows=rows, bytes=row.bytes, shared=row.shared)
    return [kept[upload.id] for upload in uploads]


def _there(
    company: Company, uploads: Sequence[Upload], filing: Filing, actor: Membership | None
) -> dict[UUID, Attachment]:
    """By the upload's id what is kept already: by the same form, or, where a browser's way back has fetched the form
    anew, the same file with the same choices by the same person."""
    kept: dict[UUID, Attachment] = Attachment.objects.in_bulk([upload.id for upload in uploads])
    lately = Attachment.objects.filter(
        company=company, created_by=actor, created_at__gte=clock.now() - SAME_FOR
    )
    alike = lately.filter(meeting=filing.meeting, shared=filing.shared).prefetch_related("handings")
    to_whom = filing.hands.add if filing.shared else frozenset()
    there = {
        (row.name, row.sha256): row
        for row in alike.filter(sha256__in={upload.what.sha256 for upload in uploads})
        if to_whom == {handing.membership_id for handing in row.handings.all()}
    }
    same = {upload.id: there.get((upload.what.name, upload.what.sha256)) for upload in uploads}
    return {id: row for id, row in same.items() if row is not None} | kept


def _keep(company: Company, upload: Upload, filing: Filing, actor: Membership | None) -> Attachment:
    if not Due.objects.filter(kind=FILE, object_id=upload.key_id, lease_until=None).delete()[0]:
        raise due.LeaseLost
    return Attachment.objects.create(
        id=upload.id,
        company=company,
        meeting=filing.meeting,
        name=upload.what.name,
        content_type=upload.what.content_type,
        bytes=upload.what.size,
        sha256=upload.what.sha256,
        key=key_of(company.firm_id, upload.key_id),
        shared=filing.shared,
        created_by=actor,
    )


def update_file(
    *,
    file: Attachment,
    values: dict[str, object],
    seen: dict[str, str] | None,
    hands: Hands,
    actor: Membership | None,
) -> Attachment:
    """Share, hand over, hang on a meeting. Raises ChangedMeanwhile, Attachment.DoesNotExist."""
    lock_company(file.company_id)
    row: Attachment = Attachment.objects.select_for_update(of=("self",), no_key=True).get(pk=file.pk)
    meeting = values.get("meeting")
    if isinstance(meeting, Meeting) and not Meeting.objects.filter(pk=meeting.pk).exists():
        values = {**values, "meeting": None}  # deleted while the form was open
    was = row.shared
    before = apply(row, values, seen)
    if before:
        row.save(update_fields=list(before))
    rows = [*hand(row, hands), *tell_shared(row, was=was or _told_when_added(row), actor=actor)]
    if before or rows:
        trail.record("update.file", row, company_id=row.company_id, before=before, rows=rows)
    return row


def _told_when_added(file: Attachment) -> bool:
    """Whether the notice of the act that put it there has named it, perhaps with others: then it is no news."""
    return file.shared and Trail.objects.of(file).filter(act="add.file", details__shared=True).exists()


def remove_file(*, file: Attachment, actor: Membership | None) -> None:
    """Delete the row now and its bytes after the commit, by a due row of the same transaction. Twice is once."""
    lock_company(file.company_id)
    row = Attachment.objects.filter(pk=file.pk).first()
    if row is None:
        return
    handed = Handing.objects.filter(attachment=row)
    trail.record_gone("remove.file", row, company_id=row.company_id, rows=handed)
    forget_later(row)
    row.delete()


def forget_later(file: Attachment) -> None:
    """Have the bytes deleted once the row is gone; for whatever deletes rows of files."""
    due.put(FILE, file.firm_id, UUID(file.key.rsplit("/", 1)[-1]))


def content_of(key: str) -> bytes | None:
    """The file's bytes; None if the storage has it no more. Call it outside a transaction."""
    try:
        with default_storage.open(key) as file:
            return bytes(file.read())
    except FileNotFoundError:
        log.warning("a file is gone from the storage", extra={"key": key})
        return None


def forget(firm_id: int, key_id: UUID, claim: Claim) -> None:
    """The due work: delete the bytes of a key that no row has. With a row, nothing: it was kept after all."""
    key = key_of(firm_id, key_id)
    with open_scope(Scope.of_firm(firm_id)):
        needed = Attachment.objects.filter(key=key).exists()
    if not needed:
        default_storage.delete(key)
    claim.finish()
