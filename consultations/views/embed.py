"""The free times in a frame on the firm's own site."""

from django.http import Http404, HttpRequest, HttpResponse

from tenancy.permissions import VISITOR, access


@access(VISITOR)
def embed(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404
