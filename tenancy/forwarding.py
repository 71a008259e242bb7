"""Old addresses of a company that became part of another one: they lead on, to those who may see the other one.

Asked only where the answer would be "not found": views and actions know no company that was merged. Whoever may not
see the kept one gets that answer, after the same statements as for a company that never was.
"""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import ResolverMatch, reverse

from tenancy.models import Firm, Membership
from tenancy.permissions import CONSULTANT
from tenancy.scope import Scope, open_scope

# One statement, however many companies lie on the way.
_WAY = """
    WITH RECURSIVE way AS (
        SELECT id, merged_into_id, name, consultant_id FROM tenancy_company WHERE id = %s AND merged_into_id IS NOT NULL
        UNION
        SELECT next.id, next.merged_into_id, next.name, next.consultant_id
        FROM tenancy_company next JOIN way ON next.id = way.merged_into_id
    )
    SELECT id, name, consultant_id FROM way WHERE merged_into_id IS NULL
"""
# What no person types: ids, marks of the form, what it showed.
_NOT_TYPED = re.compile(r"csrfmiddlewaretoken|once|request_id|.*seen")
_TYPED = re.compile(r"[^\x00-\x7f]|\s|@|\d{4}-\d\d-\d\d")


@dataclass(frozen=True)
class Kept:
    """The company that an old address leads to."""

    id: int
    name: str


def forwarded(request: HttpRequest, match: ResolverMatch) -> HttpResponse | None:
    """To the same address of the kept company; what was sent from a form is refused, and shown again to be copied.
    None where the address is no old one, or not for this person."""
    kept = _kept(request.user.pk or 0, match.kwargs["firm"], match.kwargs["company"])
    if kept is None:
        return None
    address = reverse(match.view_name, kwargs={**match.kwargs, "company": kept.id})
    if request.method in ("GET", "HEAD"):
        query = request.META.get("QUERY_STRING", "")
        response: HttpResponse = HttpResponseRedirect(f"{address}?{query}" if query else address)
    else:
        context = {
            "name": kept.name,
            "address": _form_of(request, match, kept) or address,
            "typed": _typed(request),
        }
        response = HttpResponse(render_to_string("tenancy/company_merged.html", context), status=409)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _kept(user_id: int, slug: str, company_id: int) -> Kept | None:
    """Two queries for everybody who belongs to the firm, one for others."""
    with open_scope(Scope(user_id=user_id)):
        active = Membership.objects.active().select_related("firm").filter(user_id=user_id, firm__slug=slug)
        places = list(active)
        if not places:
            return None
        with open_scope(Scope.of_firm(places[0].firm_id)), connection.cursor() as cursor:
            cursor.execute(_WAY, [company_id])
            found = cursor.fetchone()
    if found is None:
        return None
    id, name, consultant_id = found
    return Kept(id, name) if any(_may_see(place, id, consultant_id) for place in places) else None


def _may_see(place: Membership, company_id: int, consultant_id: int | None) -> bool:
    if not place.is_firm_side:
        return place.company_id == company_id
    limited = place.role == CONSULTANT and place.firm.consultants_see == Firm.Sees.ASSIGNED
    return consultant_id == place.pk if limited else True


def _form_of(request: HttpRequest, match: ResolverMatch, kept: Kept) -> str:
    """The kept company's page with the form, '' where it is not known from which page this came."""
    came_from = urlsplit(request.headers.get("Referer", ""))
    if came_from.netloc != request.get_host():
        return ""
    return came_from.path.replace(f"/companies/{match.kwargs['company']}/", f"/companies/{kept.id}/")


def _typed(request: HttpRequest) -> list[str]:
    """The texts that a person typed, in the order of the form."""
    sent = [
        value for name, values in request.POST.lists() if not _NOT_TYPED.fullmatch(name) for value in values
    ]
    return [value for value in sent if _TYPED.search(value)]
