"""What whoever has the mail does with a booking."""

from django.http import Http404, HttpRequest, HttpResponse

from consultations.addresses import MANAGE
from tenancy.permissions import VISITOR, access


@access(VISITOR, link=MANAGE)
def manage(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access(VISITOR, link=MANAGE)
def confirm(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access(VISITOR, link=MANAGE)
def change(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access(VISITOR, link=MANAGE)
def cancel(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access(VISITOR, link=MANAGE)
def details(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access(VISITOR, link=MANAGE)
def answer(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access(VISITOR, link=MANAGE)
def again(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access(VISITOR, link=MANAGE)
def rebook(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access(VISITOR, link=MANAGE)
def event(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404
