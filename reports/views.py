"""A job's progress and its file; the same two for members here and, through the helpers, for holders of a link."""

from typing import cast
from uuid import UUID

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_POST, require_safe
from django_htmx.middleware import HtmxDetails

from reports.actions import begin_again, make_anew
from reports.models import Bar, Job
from reports.registry import Document, known
from tenancy import clock, trail
from tenancy.door import Visit
from tenancy.middleware import visit_of
from tenancy.permissions import access
from tenancy.responses import lead_to
from tenancy.sessions import is_fresh


@access("companies.read")
@require_safe
def job_fragment(request: HttpRequest, firm: str, job: UUID) -> HttpResponse:
    """How far a member's job is: the page, or to htmx its bar."""
    found = job_for(visit_of(request), job)
    return progress_of(
        request, found, reverse("reports:job", args=[firm, job]), reverse("reports:file", args=[firm, job])
    )


@access("companies.read")
@require_safe
def download(request: HttpRequest, firm: str, job: UUID) -> HttpResponse:
    """A member's finished document; while there is none, how far it is."""
    found = job_for(visit_of(request), job)
    kind = known(found.name)
    if kind is not None and kind.fresh and not is_fresh(request):
        return lead_to(request, "account_reauthenticate")
    if kind is not None and kind.write is not None and found.is_done:
        trail.record("download.document", found, company_id=found.company_id, name=found.name)
    return file_response(found, redirect("reports:job", firm, job))


@access("companies.read")
@require_POST
def again(request: HttpRequest, firm: str, job: UUID) -> HttpResponse:
    """Begin a job that failed once more; a second click finds it queued."""
    begin_again(job=job_for(visit_of(request), job))
    return redirect("reports:job", firm, job)


def job_for(visit: Visit, pk: UUID) -> Job:
    """The job, for who may see its kind of document; Http404 for everybody else, and once its time is over."""
    job: Job = get_object_or_404(Job, pk=pk)
    kind = known(job.name)
    over = job.keeps_until is not None and job.keeps_until <= clock.now()
    if over or (kind is not None and not visit.may(kind.permission)):
        raise Http404
    return job


def progress_of(
    request: HttpRequest, job: Job, poll_url: str, file_url: str, *, again_url: str = "", back_url: str = ""
) -> HttpResponse:
    """How far `job` is: a page in the shell of whoever asks, or to htmx only its bar. `poll_url` leads to the view that
    calls this, `file_url` to the one that calls `file_response`; `again_url` takes a POST after a failure. No query."""
    htmx: HtmxDetails = request.htmx  # type: ignore[attr-defined]
    visit, kind = visit_of(request), known(job.name)
    if visit.membership and not again_url and not (kind and kind.begins_at):
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
        "file_label": kind.label if kind else "",
        **_leads_on(kind, job, visit.firm.slug),
    }
    response = render(request, "reports/_job.html" if htmx else page, context)
    patch_vary_headers(response, ["HX-Request"])
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _leads_on(kind: Document | None, job: Job, slug: str) -> dict[str, str]:
    """The page where one goes on, and what its button says; nothing where the job's own page is the end."""
    if kind is None or job.is_underway or not (leads := kind.leads_to if job.is_done else kind.begins_at):
        return {}
    return {"next_url": reverse(leads[0], args=[slug]), "next_label": leads[1]}


def file_response(job: Job, otherwise: HttpResponse, *, queue: str = "reports") -> HttpResponse:
    """The finished document, to be saved under its Japanese name; `otherwise` while there is none. A PDF is answered
    whole; what may be of any size is sent piece by piece.

    One that is gone from the storage (a database restored without its files) is made anew.
    """
    if not job.is_done:
        return otherwise
    kind = known(job.name)
    response = _whole(job) if kind is None or kind.write is None else _in_pieces(job, kind.content_type)
    if response is None:
        make_anew(job=job, queue=queue)
        return otherwise
    name = job.filename or f"{job.pk}.pdf"
    response.headers["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "private, no-store"
    return cast("HttpResponse", response)  # both are answers; Django's own bases differ


def _whole(job: Job) -> HttpResponse | None:
    """The PDF; None if it is gone."""
    try:
        with default_storage.open(job.file) as file:
            return HttpResponse(bytes(file.read()), content_type="application/pdf")
    except FileNotFoundError:
        return None


def _in_pieces(job: Job, content_type: str) -> FileResponse | None:
    """A file that may not fit into memory; None if it is gone."""
    try:
        return FileResponse(default_storage.open(job.file), content_type=content_type)
    except FileNotFoundError:
        return None
