"""Asking for an archive, and what becomes of it: kept for seven days, for admins alone."""

from datetime import timedelta
from typing import IO
from uuid import UUID

from django.core.files.storage import default_storage
from django.db import models
from django.utils import timezone

from reports.actions import request_document
from reports.archive.writing import write_archive
from reports.models import Job
from reports.registry import NotMade
from tenancy import clock, due
from tenancy.due import Claim
from tenancy.models import Membership
from tenancy.permissions import may
from tenancy.scope import Scope, open_scope

EXPORT = "firm_export"
EXPIRE = "expire_job"  # the kind of due work, declared in reports.tasks
KEPT_FOR = timedelta(days=7)


def request_export(*, once: UUID, actor: Membership | None) -> Job:
    """Have all of the firm's data written into an archive. `once`: the form's own id; twice is one archive."""
    return request_document(name=EXPORT, subject=once, version="1", company_id=None, link=None, actor=actor)


def archives() -> models.QuerySet[Job]:
    """The firm's archives that are kept or being made, newest first."""
    kept = models.Q(keeps_until=None) | models.Q(keeps_until__gt=clock.now())
    found: models.QuerySet[Job] = Job.objects.filter(kept, name=EXPORT).order_by("-created_at")
    return found


def require_admin(job: Job) -> None:
    """Who asked must still be one who may. Needs the firm's scope. Raises NotMade."""
    member = Membership.objects.active().filter(pk=job.created_by_id or 0).first()
    if member is None or not may(member.role, "firm.export"):
        raise NotMade("お申し込みになった方が、いまは管理者ではないため、中止しました。")


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


def nothing(job: Job) -> None:
    """A job that failed is seen by who asked for it."""


def no_page(subject: UUID) -> str:
    """There is no page to print."""
    raise NotImplementedError


def expire(firm_id: int, object_id: str, claim: Claim) -> None:
    """Delete the file and then its job; killed in between, the next attempt finds no file and goes on."""
    with open_scope(Scope.of_firm(firm_id)):
        job = Job.objects.filter(pk=object_id).first()
    if job is not None and job.file:
        default_storage.delete(job.file)
    with open_scope(Scope.of_firm(firm_id)):
        claim.finish()
        Job.objects.filter(pk=object_id).delete()
