"""Sessions, as the firm sees them."""

from django.http import Http404, HttpRequest, HttpResponse

from tenancy.permissions import access


@access("consultations.read")
def list_(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access("consultations.read")
def detail(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access("consultations.edit")
def new(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access("consultations.edit")
def task_done(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access("consultations.edit")
def note(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access("consultations.edit")
def summary(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access("consultations.edit")
def action_add(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access("consultations.edit")
def action_tick(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access("consultations.edit")
def mark(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access("consultations.edit")
def where(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access("consultations.edit")
def move(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access("consultations.edit")
def cancel(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access("consultations.edit")
def take_over(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404
