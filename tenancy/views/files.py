"""Files of a company: put there, shared, handed over, fetched and deleted.

Uploading and fetching have transactions of their own: neither a slow line nor a slow storage holds one open.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_http_methods, require_safe

from tenancy import filing, uploads
from tenancy.door import sees_company
from tenancy.due import LeaseLost
from tenancy.editing import ChangedMeanwhile
from tenancy.filing import Filing, Upload
from tenancy.forms_records import FileForm, UploadForm, handed_to
from tenancy.middleware import member_of, visit_of
from tenancy.models import Attachment, Company, Membership
from tenancy.permissions import access
from tenancy.scope import open_scope
from tenancy.trail_reading import history_of
from tenancy.views.shared import company_of, screen

PER_PAGE = 20


@access("files.read")
@require_safe
def files(request: HttpRequest, firm: str, company: int) -> HttpResponse:
    """The company's files, newest first; for its own people those that are shared with them."""
    visit, its = visit_of(request), company_of(company)
    rows = Attachment.objects.visible_to(member_of(request)).filter(company=its).newest_first()
    rows = rows.select_related("meeting", "created_by__user")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    for row in page:
        row.label = uploads.LABELS.get(row.content_type, "")
    return render(request, "tenancy/files.html", screen(visit, its, "files") | {"page_obj": page})


@access("files.edit", own_transactions=True)
@require_http_methods(["GET", "HEAD", "POST"])
def file_new(request: HttpRequest, firm: str, company: int) -> HttpResponse:
    """Put files with the company. Those that cannot be kept are named, each with what to do; the others are kept."""
    visit = visit_of(request)
    typed, sent = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    with open_scope(visit.scope):
        its = company_of(company)
        form = UploadForm(typed, sent, company=its, initial={"meeting": request.GET.get("meeting", "")})
        if not form.is_valid():
            return _upload_form(request, its, form, status=422 if form.is_bound else 200)
    chosen, refused = _recognized(form, its)
    kept, failed = _put(request, its, chosen, form)
    refused += [f"「{each.what.name}」を保存できませんでした。もう一度お選びください。" for each in failed]
    _say(request, kept, {each.id for each in chosen})
    if not refused:
        return redirect("tenancy:files", firm, company)
    with open_scope(visit.scope):
        return _upload_form(request, its, form.again(its, refused), status=422)


def _say(request: HttpRequest, kept: Sequence[Attachment], sent: set[UUID]) -> None:
    """What was kept, and what had been kept by an earlier form."""
    for rows, done in (
        ([row for row in kept if row.pk in sent], "を保存しました。"),
        (
            [row for row in kept if row.pk not in sent],
            "は、すでに保存されています。同じものは増やしていません。",
        ),
    ):
        if rows:
            messages.success(request, f"{'、'.join(f'「{row.name}」' for row in rows)}{done}")


def _recognized(form: UploadForm, company: Company) -> tuple[list[Upload], list[str]]:
    """What can be kept, and what is said about the rest."""
    chosen: list[Upload] = []
    refused: list[str] = []
    for file in form.cleaned_data["files"]:
        try:
            what = uploads.recognize(*_opened(file))
        except uploads.NotTaken as problem:
            refused.append(str(problem))
        else:
            chosen.append(Upload.of(what, file, company=company, once=form.act()))
    return chosen, refused


def _opened(file: UploadedFile) -> tuple[str, Any, int]:
    return file.name or "", file, file.size or 0


def _put(
    request: HttpRequest, company: Company, chosen: Sequence[Upload], form: UploadForm
) -> tuple[list[Attachment], list[Upload]]:
    """Note, store, keep; returns the rows and what was not stored."""
    visit, clean = visit_of(request), form.cleaned_data
    with open_scope(visit.scope):
        filing.note(company.firm_id, chosen)
    stored, failed = filing.store(company.firm_id, chosen)
    try:
        with open_scope(visit.scope):
            _still_here(member_of(request), company)
            rows = filing.keep_files(
                company=company,
                uploads=stored,
                filing=Filing(shared=clean["shared"], meeting=clean["meeting"], hands=form.hands()),
                actor=visit.membership,
            )
    except LeaseLost:
        return [], list(chosen)
    return rows, failed


def _still_here(member: Membership, company: Company) -> None:
    """A body may take minutes: who was shown the door meanwhile, or is not in charge of the company any more, writes
    nothing. Raises PermissionDenied."""
    found = Membership.objects.active().filter(pk=member.pk, role=member.role).select_related("firm").first()
    if found is None or not sees_company(found, company.pk):
        raise PermissionDenied


def _upload_form(request: HttpRequest, company: Company, form: UploadForm, *, status: int) -> HttpResponse:
    context = screen(visit_of(request), company, "files") | {"form": form}
    return render(request, "tenancy/file_new.html", context, status=status)


@access("files.read", own_transactions=True)
@require_safe
def file(request: HttpRequest, firm: str, company: int, file: UUID) -> HttpResponse:
    """The file itself, to be saved under its own name: whatever it contains, no browser shows or runs it here."""
    visit = visit_of(request)
    with open_scope(visit.scope):
        row = _file(request, company, file)
    content = filing.content_of(row.key)
    if content is None:
        with open_scope(visit.scope):
            context = screen(visit, row.company, "files") | {"row": row}
            return render(request, "tenancy/file_gone.html", context, status=404)
    response = HttpResponse(content, content_type=row.content_type)
    response.headers["Content-Disposition"] = content_disposition_header(True, row.name) or "attachment"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


@access("files.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def file_edit(request: HttpRequest, firm: str, company: int, file: UUID) -> HttpResponse:
    """Share it or not, hand it over, hang it on a meeting."""
    visit = visit_of(request)
    row = _file(request, company, file)
    handed = handed_to(row)
    if request.method != "POST":
        return _edit_form(request, row, FileForm(instance=row, handed=handed))
    form = FileForm(request.POST, instance=row, handed=handed)
    if not form.is_valid():
        return _edit_form(request, row, form, status=422)
    try:
        filing.update_file(
            file=row,
            values=form.values(),
            seen=form.cleaned_data["seen"],
            hands=form.hands(),
            actor=visit.membership,
        )
    except ChangedMeanwhile as meanwhile:
        fresh = _file(request, company, file)
        return _edit_form(request, fresh, form.again(fresh), meanwhile=meanwhile, status=409)
    except Attachment.DoesNotExist as gone:
        raise Http404 from gone
    messages.success(request, f"「{row.name}」の設定を保存しました。")
    return redirect("tenancy:files", firm, company)


@access("files.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def file_remove(request: HttpRequest, firm: str, company: int, file: UUID) -> HttpResponse:
    """Delete it, after saying so."""
    visit = visit_of(request)
    row = _file(request, company, file)
    if request.method != "POST":
        context = screen(visit, row.company, "files") | {"row": row}
        return render(request, "tenancy/file_remove.html", context)
    filing.remove_file(file=row, actor=visit.membership)
    messages.success(request, f"「{row.name}」を削除しました。")
    return redirect("tenancy:files", firm, company)


def _file(request: HttpRequest, company: int, pk: UUID) -> Attachment:
    rows = Attachment.objects.visible_to(member_of(request)).select_related("company", "meeting")
    found: Attachment = get_object_or_404(rows, pk=pk, company_id=company)
    return found


def _edit_form(
    request: HttpRequest, row: Attachment, form: FileForm, *, status: int = 200, **context: Any
) -> HttpResponse:
    shown = {"form": form, "row": row, "events": history_of(row)}
    context = screen(visit_of(request), row.company, "files") | shown | context
    return render(request, "tenancy/file_form.html", context, status=status)
