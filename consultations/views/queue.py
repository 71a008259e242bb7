"""One's own entry in the queue; being told when a month opens."""

from django.http import Http404, HttpRequest, HttpResponse

from consultations.addresses import QUEUE, WISH
from tenancy.permissions import VISITOR, access


@access(VISITOR, link=QUEUE)
def queue(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access(VISITOR, link=QUEUE)
def leave(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access(VISITOR, link=WISH)
def wish(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404
