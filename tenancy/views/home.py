"""The consultants' home: today, what needs attention, how many companies."""

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from tenancy import clock
from tenancy.door import Visit
from tenancy.extensions import first_steps, home_panels
from tenancy.middleware import visit_of
from tenancy.models import Company
from tenancy.permissions import access


@access("home.read")
@require_safe
def home(request: HttpRequest, firm: str) -> HttpResponse:
    """A company's own people are sent to their own home. For the firm: today's date, the thought of the day, the apps'
    panels, companies by 支援状況; for a new firm the first steps."""
    visit = visit_of(request)
    if visit.membership and visit.membership.company_id:
        return redirect("tenancy:company_home", firm, visit.membership.company_id)
    panels, counts = home_panels(visit), by_support()
    total = sum(count for _, _, count in counts)
    thoughts = [panel.thought for panel in panels if panel.thought]
    context = {
        "today": clock.today(),
        "thoughts": thoughts or ["今日、急ぎのものはありません。"],
        "main_panels": [panel for panel in panels if panel.place == "main"],
        "side_panels": [panel for panel in panels if panel.place == "side"],
        "counts": counts,
        "total": total,
        "steps": steps_of(visit, total),
    }
    return render(request, "tenancy/home.html", context)


def by_support() -> list[tuple[str, str, int]]:
    """(key, label, number of companies) for each 支援状況, also those without any. One query."""
    found = dict(Company.objects.in_use().values_list("support_status").annotate(Count("pk")).order_by())
    return [(value, str(label), found.get(value, 0)) for value, label in Company.Support.choices]


def steps_of(visit: Visit, companies: int) -> list[dict[str, object]]:
    """The first steps of a new firm, for its admin, until it has a company; else nothing. A query for each at most."""
    if companies or not visit.may("firm.settings"):
        return []
    return [
        {
            "title": step.title,
            "body": step.body,
            "url": reverse(step.url_name, args=[visit.firm.slug]),
            "done": step.done(),
        }
        for step in first_steps()
    ]
