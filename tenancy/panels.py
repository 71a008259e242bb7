"""The house's own panels on a company's 概要."""

from tenancy import merging
from tenancy.door import Visit
from tenancy.extensions import Content, company_panel
from tenancy.models import Company


def just_merged(visit: Visit, company: Company) -> Content | None:
    """The merge that can still be taken back. One query."""
    done = merging.latest(company)
    return Content({"done": done}) if done else None


company_panel(
    "merge", permission="companies.edit", template="tenancy/_merged.html", build=just_merged, order=0
)
