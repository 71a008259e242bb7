"""The free times in a frame on the firm's own site."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from consultations.models import Desk
from consultations.models.desk import ORIGIN
from consultations.screens import what_is_free
from tenancy.middleware import visit_of
from tenancy.permissions import VISITOR, access

DAYS_AT_MOST = 12  # the page that opens shows the rest


@access(VISITOR)
@never_cache
@require_safe
def embed(request: HttpRequest, firm: str) -> HttpResponse:
    """How many companies can still come, and the next free times; each opens the firm's own page in a new tab.

    Sets no cookie, and only the firm's own sites may show it in a frame.
    """
    free = what_is_free()
    days = [day for month in free.months for week in month.weeks for day in week if day and day.times]
    context = {
        "free": free,
        "days": days[:DAYS_AT_MOST],
        "more": len(days) > DAYS_AT_MOST,
        "slug": visit_of(request).firm.slug,
    }
    return _framed(render(request, "consultations/embed.html", context), free.desk)


def _framed(response: HttpResponse, desk: Desk) -> HttpResponse:
    """The policy of every page, but for who may show it. X-Frame-Options knows no list: it would forbid them all."""
    sites = [each for each in desk.sites if ORIGIN.fullmatch(each)]
    if sites:
        # Two settings of django-csp and Django for one response, as their decorators make them.
        response._csp_replace = {"frame-ancestors": sites}  # type: ignore[attr-defined]
    response.xframe_options_exempt = True
    return response
