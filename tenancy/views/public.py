"""What everybody sees of a firm."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from tenancy.context import site_of
from tenancy.extensions import public_panels
from tenancy.middleware import visit_of
from tenancy.models import PrivacyNotice, PublicPerson
from tenancy.passages import blocks, headline
from tenancy.permissions import VISITOR, access


@access(VISITOR)
@require_safe
def public_page(request: HttpRequest, firm: str) -> HttpResponse:
    """The firm's own page: its conviction, who you will talk to, the way into the 簡易診断. Sets no cookie."""
    visit = visit_of(request)
    site = site_of(visit)
    context = {
        "site": site,
        "headline": headline(site.headline if site else ""),
        "conviction": blocks(site.conviction if site else ""),
        "people": PublicPerson.objects.all(),
        "panels": public_panels(visit),
    }
    return render(request, "tenancy/public_page.html", context)


@access(VISITOR)
@require_safe
def privacy(request: HttpRequest, firm: str) -> HttpResponse:
    """The firm's present 個人情報の取扱い, in full, with its version and date."""
    notice = PrivacyNotice.objects.first()
    return render(
        request, "tenancy/privacy.html", {"notice": notice, "blocks": blocks(notice.text if notice else "")}
    )
