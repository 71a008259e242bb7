"""What is read elsewhere: the summary by link, the private calendar feed."""

from django.http import Http404, HttpRequest, HttpResponse

from consultations.addresses import FEED, SUMMARY
from tenancy.permissions import VISITOR, access


@access(VISITOR, link=SUMMARY)
def summary(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404


@access(VISITOR, link=FEED)
def feed(request: HttpRequest, firm: str, **named: object) -> HttpResponse:
    raise Http404
