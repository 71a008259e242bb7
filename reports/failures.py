"""What of this app's work failed for good, for the operator: counts and types of errors."""

from django.db.models import Count, Max

from reports.models import Job
from tenancy.operating import Failed, failures


def failed_jobs() -> Failed:
    """Documents of the scope's firm that could not be made. Two queries."""
    rows = Job.objects.filter(state=Job.State.FAILED)
    found = rows.aggregate(count=Count("pk"), latest=Max("finished_at"))
    errors = rows.exclude(error="").order_by("error").values_list("error", flat=True).distinct()[:5]
    return Failed(found["count"], found["latest"], tuple(errors) if found["count"] else ())


failures("レポート", failed_jobs)
