"""How long documents are kept."""

from reports.models import Job
from tenancy.retention import stays

stays(
    "reports and their files", [Job], "as long as the firm keeps their subject", ends_by="people of the firm"
)
