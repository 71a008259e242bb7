"""設定: all of the firm's data out, and into an empty firm."""

from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from reports.archive import jobs
from reports.archive.reading import is_empty
from reports.forms import MOST_BYTES, ArchiveForm
from reports.models import Job
from tenancy.door import Visit
from tenancy.due import LeaseLost
from tenancy.middleware import visit_of
from tenancy.permissions import access
from tenancy.scope import open_scope

MOST_BESIDE = 1024 * 1024  # of a request, beside the archive


@access("firm.export", fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def export(request: HttpRequest, firm: str) -> HttpResponse:
    """What an archive holds, those that are there, and a new one. `once` makes one of two clicks."""
    if request.method == "POST":
        once = _uuid(request.POST.get("once", ""))
        if once is not None:
            job = jobs.request_export(once=once, actor=visit_of(request).membership)
            return redirect("reports:job", firm, job.pk)
        messages.error(request, "お手数ですが、もう一度押してください。")
    context = {"once": uuid4(), "archives": jobs.archives()[:20]}
    status = 422 if request.method == "POST" else 200
    return render(request, "reports/export.html", context, status=status)


@access("firm.export", fresh=True, own_transactions=True, most_taken=MOST_BYTES + MOST_BESIDE)
@require_http_methods(["GET", "HEAD", "POST"])
def bring_in(request: HttpRequest, firm: str) -> HttpResponse:
    """Bring an archive into a firm that has nothing yet. `once` makes one of two clicks. Neither a slow line nor a slow
    storage holds a transaction."""
    visit = visit_of(request)
    form = ArchiveForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid() and (job := _sent(visit, form)) is not None:
        return redirect("reports:job", firm, job.pk)
    status = 422 if request.method == "POST" else 200
    with open_scope(visit.scope):
        context = {"form": form, "is_empty": is_empty()}
        return render(request, "reports/import.html", context, status=status)


def _sent(visit: Visit, form: ArchiveForm) -> Job | None:
    """Note, store, ask for the import; None where the archive could not be stored, which the form says then."""
    clean, actor = form.cleaned_data, visit.membership
    assert actor is not None  # the door asks for a permission
    with open_scope(visit.scope):
        upload_id = jobs.note_upload(actor.firm_id)
    if jobs.store_upload(actor.firm_id, upload_id, clean["archive"]):
        try:
            with open_scope(visit.scope):
                return jobs.request_import(upload_id=upload_id, once=clean["once"], actor=actor)
        except LeaseLost:
            pass  # an hour later: the sweep has taken it, as one that was not stored
    form.say_not_stored()
    return None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
