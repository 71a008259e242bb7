"""Doors without a business: health, the entrance after sign-in, the theme; the firm's public page."""

from django.conf import settings
from django.core.exceptions import BadRequest, RequestDataTooBig, TooManyFieldsSent
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from tenancy import queues
from tenancy.context import THEMES
from tenancy.face import face_of
from tenancy.models import Membership
from tenancy.permissions import OPEN, SIGNED_IN, access
from tenancy.readiness import database_state
from tenancy.responses import refusal

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
    """After sign-in: straight into the only firm, or the choice between several."""
    places = list(Membership.objects.active().select_related("firm").order_by("firm__name", "pk"))
    if len(places) == 1:
        return redirect("tenancy:home", places[0].firm.slug)
    return render(request, "tenancy/entrance.html", {"places": places})


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    too_large = isinstance(exception, RequestDataTooBig | TooManyFieldsSent)
    return refusal(request, 413 if too_large else 400, site=face_of(request))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return refusal(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return refusal(request, 404, site=face_of(request))


def server_error(request: HttpRequest) -> HttpResponse:
    return refusal(request, 500)
