"""A consultant's own times."""

from django.http import Http404, HttpRequest, HttpResponse

from tenancy.permissions import access


@access("consultations.edit")
def schedule(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access("consultations.edit")
def hours(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access("consultations.edit")
def exception_add(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access("consultations.edit")
def exception_remove(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access("consultations.edit")
def calendar(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access("consultations.edit")
def feed_renew(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404
