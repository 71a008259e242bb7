"""Doors without a business: health, the entrance after sign-in, the theme; the firm's public page."""

from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import BadRequest, RequestDataTooBig, TooManyFieldsSent
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from tenancy import queues
from tenancy.context import THEMES
from tenancy.face import face_of
from tenancy.models import Company, Membership
from tenancy.permissions import OPEN, SIGNED_IN, access
from tenancy.readiness import database_state
from tenancy.responses import refusal
from tenancy.scope import Scope, open_scope

A_YEAR = 365 * 24 * 60 * 60


@access(OPEN)
@require_safe
def product(request: HttpRequest) -> HttpResponse:
    """`/`: what it is, and the way to sign in."""
    return render(request, "home.html")


@access(OPEN)
@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process lives."""
    return HttpResponse("ok", content_type="text/plain")


@access(OPEN)
@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """503 and which: database or migrations. 200 with the broker's state otherwise: without it only jobs wait."""
    state = database_state()
    if state != {"database": "up"}:
        return JsonResponse(state, status=503)
    return JsonResponse(state | {"broker": "up" if queues.broker_is_up() else "down"})


@access(OPEN)
@csrf_exempt  # changes nothing but a colour; a token would set a cookie on every public page
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Keep light, dark or auto in a cookie and go back."""
    chosen, target = request.POST.get("theme", ""), request.POST.get("next", "/")
    if chosen not in THEMES:
        raise BadRequest
    safe = url_has_allowed_host_and_scheme(target, allowed_hosts=None)
    response = redirect(target if safe and target.startswith("/") else "/")
    response.set_cookie("theme", chosen, max_age=A_YEAR, samesite="Lax", secure=settings.HTTPS, httponly=True)
    return response


@access(SIGNED_IN)
@require_safe
def entrance(request: HttpRequest) -> HttpResponse:
    """After sign-in: straight into the only place, or the choice between several; `?choose` always shows the choice."""
    members = Membership.objects.active().select_related("firm").order_by("firm__name", "pk")
    places = [Place.of_member(member) for member in members]
    if len(places) == 1 and "choose" not in request.GET:
        return redirect(places[0].url)
    return render(request, "tenancy/entrance.html", {"places": places})


@dataclass(frozen=True)
class Place:
    """Where a person belongs: a firm, or a company that a firm helps."""

    url: str
    name: str
    of: str
    role: str

    @classmethod
    def of_member(cls, member: Membership) -> "Place":
        """Two statements more for a company's name, which only its own scope may read."""
        firm = member.firm
        role = member.title or member.get_role_display()
        if member.company_id is None:
            return cls(reverse("tenancy:home", args=[firm.slug]), firm.name, "", role)
        url = reverse("tenancy:company_home", args=[firm.slug, member.company_id])
        inside = Scope(firm.pk, member.user_id, frozenset({member.company_id}), "company")
        with open_scope(inside):
            return cls(url, Company.objects.get(pk=member.company_id).name, firm.name, role)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler400: what cannot be read; 413 for what is too large to be."""
    too_large = isinstance(exception, RequestDataTooBig | TooManyFieldsSent)
    return refusal(request, 413 if too_large else 400, site=face_of(request))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler403: the same words as the door's own."""
    return refusal(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler404: in the face of the firm in the address, where there is one; a query then."""
    return refusal(request, 404, site=face_of(request))


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500: asks no table, because the database may be what failed."""
    return refusal(request, 500)
