"""Addresses under a signed link, as a business app has them, to try the helpers of reports.views."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path, reverse

from config.urls import urlpatterns as product
from reports.models import Job
from reports.views import file_response, progress_of
from tenancy.middleware import visit_of
from tenancy.permissions import VISITOR, access


def job_of(request: HttpRequest) -> Job:
    link = visit_of(request).link
    return get_object_or_404(Job, name="test_paper", subject=link.id if link else None)


@access(VISITOR, link="test.paper")
def watch(request: HttpRequest, firm: str, token: str) -> HttpResponse:
    job = job_of(request)
    return progress_of(request, job, request.path, reverse("paper_file", args=[firm, token]))


@access(VISITOR, link="test.paper")
def fetch(request: HttpRequest, firm: str, token: str) -> HttpResponse:
    return file_response(job_of(request), HttpResponse(status=404))


urlpatterns = [
    path("<slug:firm>/paper/<str:token>/", watch, name="paper"),
    path("<slug:firm>/paper/<str:token>/file/", fetch, name="paper_file"),
    *product,
]
handler404 = "tenancy.views.not_found"
