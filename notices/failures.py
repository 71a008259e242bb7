"""What of this app's work failed for good, for the operator: counts and types of errors."""

from django.db.models import Count, Max

from notices.models import Mail
from tenancy.operating import Failed, failures


def failed_mails() -> Failed:
    """Mails of the scope's firm that could not be sent. Two queries."""
    rows = Mail.objects.filter(state=Mail.State.FAILED)
    found = rows.aggregate(count=Count("pk"), latest=Max("created_at"))
    errors = (
        rows.exclude(last_error="").order_by("last_error").values_list("last_error", flat=True).distinct()[:5]
    )
    return Failed(found["count"], found["latest"], tuple(errors) if found["count"] else ())


failures("メール", failed_mails)
