"""自社のホーム: what an owner, their staff and their external partners see first."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from tenancy import clock
from tenancy.extensions import company_home_panels
from tenancy.middleware import visit_of
from tenancy.permissions import access
from tenancy.views.shared import company_of


@access("company.read")
@require_safe
def company_home(request: HttpRequest, firm: str, company: int) -> HttpResponse:
    """A greeting, and what the apps have to say to this member."""
    visit = visit_of(request)
    its = company_of(company)
    panels = company_home_panels(visit, its)
    context = {
        "company": its,
        "today": clock.today(),
        "main_panels": [panel for panel in panels if panel.place == "main"],
        "side_panels": [panel for panel in panels if panel.place == "side"],
    }
    return render(request, "tenancy/company_home.html", context)
