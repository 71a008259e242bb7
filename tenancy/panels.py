"""What the house itself shows on a company's pages: who changed the company, and when."""

from tenancy.door import Visit
from tenancy.extensions import Content, company_home_panel, company_panel
from tenancy.models import Company
from tenancy.trail_reading import history_of

LAST = 900  # below what the business apps have to say


def who_changed(visit: Visit, company: Company) -> Content:
    """The latest changes of the company's own facts, for the firm and for the company. Two queries."""
    return Content({"events": history_of(company)})


company_panel(
    "changed",
    permission="companies.read",
    template="tenancy/_changed_panel.html",
    build=who_changed,
    place="side",
    order=LAST,
)
# An external partner sees only what is handed over: members.read leaves them out.
company_home_panel(
    "changed",
    permission="members.read",
    template="tenancy/_changed_panel.html",
    build=who_changed,
    place="side",
    order=LAST,
)
