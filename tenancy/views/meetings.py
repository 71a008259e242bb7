"""面談記録: written by the firm; what is shared is read at the same address by the company's own people."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from tenancy import records
from tenancy.door import Visit
from tenancy.editing import ChangedMeanwhile
from tenancy.forms_records import MeetingForm, handed_to
from tenancy.middleware import member_of, visit_of
from tenancy.models import Attachment, Company, Meeting, Membership
from tenancy.permissions import access
from tenancy.trail_reading import history_of
from tenancy.views.shared import company_of, screen

PER_PAGE = 20


@access("meetings.read")
@require_safe
def meetings(request: HttpRequest, firm: str, company: int) -> HttpResponse:
    """The company's meetings, newest first; for its own people those that are shared with them."""
    visit, its = visit_of(request), company_of(company)
    rows = Meeting.objects.visible_to(member_of(request)).filter(company=its).newest_first()
    page = Paginator(rows.select_related("created_by__user"), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "tenancy/meetings.html", screen(visit, its, "meetings") | {"page_obj": page})


@access("meetings.read")
@require_safe
def meeting(request: HttpRequest, firm: str, company: int, meeting: UUID) -> HttpResponse:
    """One meeting with its files; for the firm also who may read it, and who changed it when."""
    visit, row = visit_of(request), _meeting(request, company, meeting)
    files = Attachment.objects.visible_to(member_of(request)).filter(meeting=row).newest_first()
    context = {
        "row": row,
        "page_obj": Paginator(files, PER_PAGE).get_page(request.GET.get("page")),
        "partners": _partners(visit, row),
        "events": history_of(row) if visit.may("meetings.edit") else [],
    }
    return render(request, "tenancy/meeting.html", screen(visit, row.company, "meetings") | context)


@access("meetings.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def meeting_new(request: HttpRequest, firm: str, company: int) -> HttpResponse:
    """Write one."""
    visit, its = visit_of(request), company_of(company)
    form = MeetingForm(request.POST if request.method == "POST" else None, company=its)
    if not form.is_valid():
        return _form(request, its, form, status=422 if form.is_bound else 200)
    try:
        made = records.write_meeting(
            company=its,
            values=form.values(),
            hands=form.hands(),
            actor=visit.membership,
            once=form.cleaned_data["once"],
        )
    except records.AlreadyWritten as there:
        return _already_written(request, there)
    messages.success(request, "面談記録を保存しました。")
    return redirect("tenancy:meeting", firm, company, made.pk)


def _already_written(request: HttpRequest, there: records.AlreadyWritten) -> HttpResponse:
    """To the one there is; what was chosen otherwise this time is left to the person, and said."""
    row = there.meeting
    if there.as_chosen:
        messages.success(request, "この面談記録は、すでに保存されています。同じものは増やしていません。")
    else:
        messages.warning(
            request,
            "同じ内容の面談記録が、すでに保存されています。見られる人は、はじめに保存したときのままです。"
            "変えるときは「記録を直す」からお進みください。",
        )
    return redirect("tenancy:meeting", visit_of(request).firm.slug, row.company_id, row.pk)


@access("meetings.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def meeting_edit(request: HttpRequest, firm: str, company: int, meeting: UUID) -> HttpResponse:
    """Change one; somebody who changed it meanwhile is named, and what was typed stays."""
    row = _meeting(request, company, meeting)
    handed = handed_to(row)
    if request.method != "POST":
        form = MeetingForm(instance=row, company=row.company, handed=handed)
        return _form(request, row.company, form, row=row)
    form = MeetingForm(request.POST, instance=row, company=row.company, handed=handed)
    if not form.is_valid():
        return _form(request, row.company, form, row=row, status=422)
    try:
        records.update_meeting(
            meeting=row,
            values=form.values(),
            seen=form.cleaned_data["seen"],
            hands=form.hands(),
            actor=visit_of(request).membership,
        )
    except ChangedMeanwhile as meanwhile:
        fresh = _meeting(request, company, meeting)
        again = form.again(fresh)
        return _form(request, fresh.company, again, row=fresh, meanwhile=meanwhile, status=409)
    except Meeting.DoesNotExist as gone:
        raise Http404 from gone
    messages.success(request, "保存しました。")
    return redirect("tenancy:meeting", firm, company, meeting)


@access("meetings.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def meeting_remove(request: HttpRequest, firm: str, company: int, meeting: UUID) -> HttpResponse:
    """Delete one, after saying what is lost."""
    visit, row = visit_of(request), _meeting(request, company, meeting)
    if request.method != "POST":
        files = Attachment.objects.filter(meeting=row).count()
        context = screen(visit, row.company, "meetings") | {"row": row, "files": files}
        return render(request, "tenancy/meeting_remove.html", context)
    records.remove_meeting(meeting=row, actor=visit.membership)
    messages.success(request, "面談記録を削除しました。")
    return redirect("tenancy:meetings", firm, company)


def _meeting(request: HttpRequest, company: int, pk: UUID) -> Meeting:
    rows = Meeting.objects.visible_to(member_of(request))
    found: Meeting = get_object_or_404(
        rows.select_related("company", "created_by__user"), pk=pk, company_id=company
    )
    return found


def _partners(visit: Visit, row: Meeting) -> list[Membership]:
    """For the firm: to which external partners the meeting is handed. One query."""
    if not visit.may("meetings.edit"):
        return []
    handed = Membership.objects.filter(pk__in=row.handings.values("membership")).select_related("user")
    return list(handed.order_by("user__name", "pk"))


def _form(
    request: HttpRequest, company: Company, form: MeetingForm, *, status: int = 200, **context: Any
) -> HttpResponse:
    visit = visit_of(request)
    context = screen(visit, company, "meetings") | {"form": form} | context
    return render(request, "tenancy/meeting_form.html", context, status=status)
