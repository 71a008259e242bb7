"""The firm's desk."""

from django.http import Http404, HttpRequest, HttpResponse

from tenancy.permissions import access


@access("firm.settings")
def desk(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access("firm.settings")
def people(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access("firm.settings")
def month_cap(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access("firm.settings")
def closed_add(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access("firm.settings")
def closed_remove(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access("firm.settings")
def blocked_add(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access("firm.settings")
def blocked_remove(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404
