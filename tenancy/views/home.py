"""The consultants' home: today, what needs attention, how many companies."""

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from tenancy import clock
from tenancy.door import Visit
from tenancy.extensions import home_panels
from tenancy.middleware import visit_of
from tenancy.models import Company, FirmProfile, PublicPerson
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
        "steps": first_steps(visit, total),
    }
    return render(request, "tenancy/home.html", context)


def by_support() -> list[tuple[str, str, int]]:
    """(key, label, number of companies) for each 支援状況, also those without any. One query."""
    found = dict(Company.objects.in_use().values_list("support_status").annotate(Count("pk")).order_by())
    return [(value, str(label), found.get(value, 0)) for value, label in Company.Support.choices]


def first_steps(visit: Visit, companies: int) -> list[dict[str, object]]:
    """The three steps of a new firm, for its admin, until the third is done; else nothing. At most two queries."""
    if companies or not visit.may("firm.settings"):
        return []
    profile, slug = FirmProfile.objects.first(), visit.firm.slug
    return [
        {
            "title": "公開ページを書く",
            "body": "どのような考えで支援しているか、電話番号と受付時間を書きます。",
            "url": reverse("tenancy:settings_public", args=[slug]),
            "done": bool(profile and profile.headline and profile.conviction),
        },
        {
            "title": "お話しする人を載せる",
            "body": "だれと話すのかが分かると、相談しやすくなります。",
            "url": reverse("tenancy:person_new", args=[slug]),
            "done": PublicPerson.objects.exists(),
        },
        {
            "title": "最初の企業を登録する",
            "body": "登録すると、診断・戦略・4段階の数字をまとめて管理できます。",
            "url": reverse("tenancy:company_new", args=[slug]),
            "done": False,
        },
    ]
