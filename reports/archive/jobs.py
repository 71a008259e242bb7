"""Asking for an archive or an import, and what becomes of it: kept for seven days, for admins alone.

An archive that is sent goes the way of a company's files (`tenancy.filing`): `note_upload` commits a due row, then
`store_upload` writes the bytes without a transaction, then `request_import` makes the job and takes the due row back.
What has no job an hour later is deleted (`forget_upload`): nothing of a firm's data is left behind.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import IO
from uuid import UUID, uuid4

from django.core.exceptions import PermissionDenied
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import models, transaction
from django.utils import timezone

from reports.actions import request_document
from reports.archive.reading import bring_in, open_archive, require_empty
from reports.archive.writing import write_archive
from reports.models import Job
from reports.registry import NotMade
from tenancy import clock, due
from tenancy.due import Claim
from tenancy.models import Due, Firm, Membership
from tenancy.permissions import may
from tenancy.scope import Scope, open_scope

EXPORT, IMPORT = "firm_export", "firm_import"
EXPIRE = "expire_job"  # the kind of due work, declared in reports.tasks
UPLOAD = "import_upload"  # the kind of due work; its object is the upload's id
KEPT_FOR = timedelta(days=7)
LEFT_BEHIND = timedelta(hours=1)  # far longer than storing may take

log = logging.getLogger(__name__)


def request_export(*, once: UUID, actor: Membership | None) -> Job:
    """Have all of the firm's data written into an archive. `once`: the form's own id; twice is one archive."""
    return request_document(name=EXPORT, subject=once, version="1", company_id=None, link=None, actor=actor)


def archives() -> models.QuerySet[Job]:
    """The firm's archives that are kept or being made, newest first."""
    kept = models.Q(keeps_until=None) | models.Q(keeps_until__gt=clock.now())
    found: models.QuerySet[Job] = Job.objects.filter(kept, name=EXPORT).order_by("-created_at")
    return found


def require_admin(job: Job) -> Membership:
    """Who asked, and must still be one who may. Needs the firm's scope. Raises NotMade."""
    member: Membership | None = Membership.objects.active().filter(pk=job.created_by_id or 0).first()
    if member is None or not may(member.role, "firm.export"):
        raise NotMade("お申し込みになった方が、いまは管理者ではないため、中止しました。")
    return member


def write(job: Job, file: IO[bytes]) -> None:
    """The archive itself."""
    with open_scope(Scope.of_firm(job.firm_id)):
        require_admin(job)
    write_archive(job.firm_id, file)


def filename(subject: UUID) -> str:
    """道筋_2026-11-26.zip"""
    return f"道筋_{timezone.localdate(clock.now()):%Y-%m-%d}.zip"


def keep_for_a_week(job: Job) -> None:
    """In the transaction that ends the job."""
    until = clock.now() + KEPT_FOR
    Job.objects.filter(pk=job.pk).update(keeps_until=until)
    due.put(EXPIRE, job.firm_id, job.pk, at=until)


# ── Import ──


def note_upload(firm_id: int) -> UUID:
    """The id of an archive that is about to be stored, remembered. Must be committed before `store_upload`."""
    upload_id = uuid4()
    due.put(UPLOAD, firm_id, upload_id, at=clock.now() + LEFT_BEHIND)
    return upload_id


def store_upload(firm_id: int, upload_id: UUID, upload: "File[bytes]") -> bool:
    """Write the bytes, outside any transaction. False when the storage did not take them."""
    try:
        default_storage.save(_upload_key(firm_id, upload_id), upload)
    except Exception as problem:  # whatever the storage raises
        log.warning("archive not stored", extra={"problem": type(problem).__name__})
        return False
    return True


def request_import(*, upload_id: UUID, once: UUID, actor: Membership) -> Job:
    """Have the stored archive brought into the firm. `once`: the form's own id; of two clicks the first one counts, and
    the other one's archive is forgotten. Raises PermissionDenied for who may not any more, due.LeaseLost when the
    sweep has taken the archive."""
    Firm.objects.select_for_update(no_key=True).get(pk=actor.firm_id)  # two clicks meet here
    if not Membership.objects.active().filter(pk=actor.pk, role=actor.role).exists():
        raise PermissionDenied
    known: Job | None = Job.objects.filter(name=IMPORT, version=str(once)).first()
    if known is not None:
        return known
    if not Due.objects.filter(kind=UPLOAD, object_id=upload_id, lease_until=None).delete()[0]:
        raise due.LeaseLost
    return request_document(
        name=IMPORT, subject=upload_id, version=str(once), company_id=None, link=None, actor=actor
    )


def forget_upload(firm_id: int, upload_id: UUID, claim: Claim) -> None:
    """The due work: delete an archive that has no job."""
    with open_scope(Scope.of_firm(firm_id)):
        needed = Job.objects.filter(name=IMPORT, subject=upload_id).exists()
    if not needed:
        default_storage.delete(_upload_key(firm_id, upload_id))
    claim.finish()


def look_at(job: Job, file: IO[bytes]) -> None:
    """Look at the whole archive before anything is written; the job's own file says what is in it."""
    with open_scope(Scope.of_firm(job.firm_id)):
        require_admin(job)
        require_empty()
    with _upload(job) as upload:
        counts = open_archive(upload).manifest["counts"]
    lines = [f"{name}\t{count}" for name, count in counts.items()]
    file.write("\n".join(["取り込んだ件数", *lines, ""]).encode("utf-8-sig"))


def bring_in_once(job: Job) -> None:
    """In the transaction that ends the job: what is brought in stands exactly once, and all of it or nothing. In the
    scope of who asked for it, whom the trail names."""
    admin = require_admin(job)
    theirs = replace(Scope.of_firm(job.firm_id), user_id=admin.user_id, role=admin.role)
    with _upload(job) as upload, open_scope(theirs):
        bring_in(open_archive(upload), Firm.objects.get(pk=job.firm_id), job.pk)
    keep_for_a_week(job)
    drop_upload(job)


def drop_upload(job: Job) -> None:
    """The archive that was sent, once its import has ended either way."""
    key = _upload_key(job.firm_id, job.subject)
    transaction.on_commit(lambda: default_storage.delete(key))


def import_failed(job: Job) -> None:
    """The next attempt needs the archive again."""
    keep_for_a_week(job)
    drop_upload(job)


def _upload_key(firm_id: int, upload_id: UUID) -> str:
    return f"firm/{firm_id}/imports/{upload_id}.zip"


@contextmanager
def _upload(job: Job) -> Iterator[IO[bytes]]:
    try:
        with default_storage.open(_upload_key(job.firm_id, job.subject)) as file:
            yield file
    except FileNotFoundError as gone:
        raise NotMade("お送りいただいたファイルがありません。もう一度お送りください。") from gone


def import_filename(subject: UUID) -> str:
    """What the list of counts is saved as."""
    return "取り込みの記録.txt"


# ── What both need ──


def no_page(subject: UUID) -> str:
    """There is no page to print."""
    raise NotImplementedError


def expire(firm_id: int, object_id: str, claim: Claim) -> None:
    """Delete the files and then their job; killed in between, the next attempt finds no file and goes on."""
    with open_scope(Scope.of_firm(firm_id)):
        job = Job.objects.filter(pk=object_id).first()
    if (
        job is not None and job.keeps_until is not None and job.keeps_until > clock.now()
    ):  # begun again meanwhile
        claim.again_at(job.keeps_until)
        return
    if job is not None:
        for key in filter(None, (job.file, _upload_key(firm_id, job.subject))):
            default_storage.delete(key)
    with open_scope(Scope.of_firm(firm_id)):
        claim.finish()
        Job.objects.filter(pk=object_id).delete()
