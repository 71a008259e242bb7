"""The worker that makes documents. See `tenancy.due` for claims and retries, `reports.making` for the steps."""

from functools import partial
from uuid import UUID

from celery import shared_task

from reports.actions import REPORT
from reports.making import make
from tenancy import due

due.kind(REPORT, task="reports.render", queue="reports")


@shared_task(name="reports.render")
def render(firm_id: int, object_id: str) -> None:
    """Make a job's document."""
    due.run(REPORT, object_id, partial(make, firm_id, UUID(object_id)))
