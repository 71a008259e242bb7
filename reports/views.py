"""A job's progress and its file; the same two for members here and, through the helpers, for holders of a link."""

from uuid import UUID

from django.core.files.storage import default_storage
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_POST, require_safe
from django_htmx.middleware import HtmxDetails

from reports.actions import begin_again, make_anew
from reports.models import Bar, Job
from tenancy.middleware import visit_of
from tenancy.permissions import access


@access("companies.read")
@require_safe
def job_fragment(request: HttpRequest, firm: str, job: UUID) -> HttpResponse:
    """How far a member's job is: the page, or to htmx its bar."""
    found = get_object_or_404(Job, pk=job)
    return progress_of(
        request, found, reverse("reports:job", args=[firm, job]), reverse("reports:file", args=[firm, job])
    )


@access("companies.read")
@require_safe
def download(request: HttpRequest, firm: str, job: UUID) -> HttpResponse:
    """A member's finished document; while there is none, how far it is."""
    return file_response(get_object_or_404(Job, pk=job), redirect("reports:job", firm, job))


@access("companies.read")
@require_POST
def again(request: HttpRequest, firm: str, job: UUID) -> HttpResponse:
    """Begin a job that failed once more; a second click finds it queued."""
    begin_again(job=get_object_or_404(Job, pk=job))
    return redirect("reports:job", firm, job)


def progress_of(
    request: HttpRequest, job: Job, poll_url: str, file_url: str, *, again_url: str = "", back_url: str = ""
) -> HttpResponse:
    """How far `job` is: a page in the shell of whoever asks, or to htmx only its bar. `poll_url` leads to the view that
    calls this, `file_url` to the one that calls `file_response`; `again_url` takes a POST after a failure. No query."""
    htmx: HtmxDetails = request.htmx  # type: ignore[attr-defined]
    visit = visit_of(request)
    if visit.membership and not again_url:
        again_url = reverse("reports:again", args=[visit.firm.slug, job.pk])
    page = "reports/job.html" if visit.membership else "reports/job_public.html"
    context = {
        "job": job,
        "bar": Bar.of(job),
        "poll_url": poll_url,
        "page_url": poll_url,
        "file_url": file_url,
        "again_url": again_url,
        # The page itself has the button; the bar alone leads to it.
        "retry_url": poll_url if htmx and again_url else "",
        "back_url": back_url,
    }
    response = render(request, "reports/_job.html" if htmx else page, context)
    patch_vary_headers(response, ["HX-Request"])
    response.headers["Cache-Control"] = "private, no-store"
    return response


def file_response(job: Job, otherwise: HttpResponse, *, queue: str = "reports") -> HttpResponse:
    """The finished document, whole, to be saved under its Japanese name; `otherwise` while there is none.

    One that is gone from the storage (a database restored without its files) is made anew.
    """
    if not job.is_done:
        return otherwise
    content = _content(job)
    if content is None:
        make_anew(job=job, queue=queue)
        return otherwise
    response = HttpResponse(content, content_type="application/pdf")
    name = job.filename or f"{job.pk}.pdf"
    response.headers["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _content(job: Job) -> bytes | None:
    """The file's bytes; None if it is gone."""
    try:
        with default_storage.open(job.file) as file:
            return bytes(file.read())
    except FileNotFoundError:
        return None
