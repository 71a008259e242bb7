"""The worker that makes documents. See `tenancy.due` for claims and retries, `reports.making` for the steps."""

from functools import partial
from uuid import UUID

from celery import shared_task

from reports.actions import REPORT
from reports.archive import jobs
from reports.making import make
from tenancy import due

due.kind(REPORT, task="reports.render", queue="reports")
due.kind(jobs.EXPIRE, task="reports.expire", queue="mail")
due.kind(jobs.UPLOAD, task="reports.forget_upload", queue="mail")


@shared_task(name="reports.render")
def render(firm_id: int, object_id: str) -> None:
    """Make a job's document."""
    due.run(REPORT, object_id, partial(make, firm_id, UUID(object_id)))


@shared_task(name="reports.expire")
def expire(firm_id: int, object_id: str) -> None:
    """Delete a job and its file, whose time is over."""
    due.run(jobs.EXPIRE, object_id, partial(jobs.expire, firm_id, object_id))


@shared_task(name="reports.forget_upload")
def forget_upload(firm_id: int, object_id: str) -> None:
    """Delete an archive that was sent and has no job."""
    due.run(jobs.UPLOAD, object_id, partial(jobs.forget_upload, firm_id, UUID(object_id)))
