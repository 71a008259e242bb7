"""What a visitor does before there is a booking."""

from django.http import Http404, HttpRequest, HttpResponse

from consultations.addresses import SENT
from tenancy.permissions import VISITOR, access


@access(VISITOR)
def book(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access(VISITOR)
def waitlist(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access(VISITOR, link=SENT)
def sent(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access(VISITOR, link=SENT)
def sent_again(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404
