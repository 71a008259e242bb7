"""設定: all of the firm's data out, and into an empty firm."""

from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from reports.archive import jobs
from reports.archive.reading import is_empty
from reports.forms import ArchiveForm
from tenancy.middleware import visit_of
from tenancy.permissions import access


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


@access("firm.export", fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def bring_in(request: HttpRequest, firm: str) -> HttpResponse:
    """Bring an archive into a firm that has nothing yet. `once` makes one of two clicks."""
    form = ArchiveForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        actor = visit_of(request).membership
        job = jobs.request_import(
            upload=form.cleaned_data["archive"], once=form.cleaned_data["once"], actor=actor
        )
        return redirect("reports:job", firm, job.pk)
    context = {"form": form, "is_empty": is_empty()}
    status = 422 if request.method == "POST" else 200
    return render(request, "reports/import.html", context, status=status)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
