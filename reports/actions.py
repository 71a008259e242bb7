"""Asking for a document."""

from uuid import UUID

from reports.models import Job
from reports.registry import document
from reports.states import move
from tenancy import due, trail
from tenancy.models import Membership
from tenancy.scope import current_scope

REPORT = "report"  # the kind of due work, declared in reports.tasks


def request_document(
    *,
    name: str,
    subject: UUID,
    version: str,
    company_id: int | None,
    link: UUID | None,
    actor: Membership | None,
    queue: str = "reports",
) -> Job:
    """The job for this document, subject and version: the one there is, or a new one; one that failed begins again.

    Safe against itself. Pass the same `company_id` and `link` whoever asks: in a visitor's scope a job that was made
    without the link cannot be seen (Job.DoesNotExist). Raises KeyError for an unknown document.
    """
    which = {"name": name, "subject": subject, "version": version}
    fresh = Job(**which, title=document(name).title, company_id=company_id, link=link, created_by=actor)
    fresh.firm_id = current_scope().firm_id or 0  # 0: the wall refuses it in words
    Job.objects.bulk_create([fresh], ignore_conflicts=True)
    job = Job.objects.get(**which)
    if job.pk == fresh.pk:
        due.put(REPORT, job.firm_id, job.pk, queue=queue)
        trail.record("request.document", job, company_id=job.company_id, version=job.version, name=job.name)
    elif job.is_failed:
        begin_again(job=job, queue=queue)
    return job


def begin_again(*, job: Job, queue: str = "reports") -> bool:
    """Queue a job that failed once more. False when it is not in that state (any more)."""
    return _queue_again(job, queue, Job.State.FAILED)


def make_anew(*, job: Job, queue: str = "reports") -> bool:
    """Queue a job that is done and whose file is gone. False when it has another file by now, or none."""
    return _queue_again(job, queue, Job.State.DONE)


def _queue_again(job: Job, queue: str, only_from: str) -> bool:
    stood = job.state
    again = move(
        job,
        Job.State.QUEUED,
        only_from=only_from,
        its_file=job.file,
        attempts=0,
        progress=0.0,
        error="",
        file="",
        finished_at=None,
        message="もう一度、順番を待っています",
    )
    if again:
        due.put(REPORT, job.firm_id, job.pk, queue=queue)
        before = {"state": stood}
        trail.record(
            "request_again.document",
            job,
            company_id=job.company_id,
            before=before,
            version=job.version,
            name=job.name,
        )
    return again
