"""Sessions of one company: for its own people, and for the firm."""

from django.http import Http404, HttpRequest, HttpResponse

from tenancy.permissions import access


@access("company_consultations.read")
def of_company(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access("company_consultations.book")
def book(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access("company_consultations.read")
def detail(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404
