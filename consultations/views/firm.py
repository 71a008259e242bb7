"""Sessions, as the firm sees them: the month at a glance, the table, what waits for somebody, a session for somebody.

One session's sheet and all that is done on it stand in `sheet`.
"""

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import OperationalError, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from consultations import choosing, labels
from consultations.actions.booking import book
from consultations.actions.firm import do_task
from consultations.actions.refusals import (
    AlreadyThisMonth,
    AlreadyWaiting,
    Full,
    NotWelcome,
    QueueFull,
    Refused,
    StillFree,
    TimeTaken,
)
from consultations.actions.waiting import join, position_in
from consultations.forms_firm import ListForm, OnBehalfForm
from consultations.free_times import desk_of_firm, worth_waiting_for
from consultations.glance import coming, glance_of, may_see, open_tasks
from consultations.models import Consultation, Task
from consultations.office import in_the_office
from consultations.slots import Slot
from consultations.views.shared import actor_of, days_wanted, only_looks, typed_so_far
from tenancy.locks import CompanyGone, is_busy
from tenancy.models import Company, Membership, PrivacyNotice
from tenancy.permissions import OWNER, access
from tenancy.scope import Scope, current_scope
from tenancy.tables import csv_response, xlsx_response
from tenancy.views.shared import RETRY_AFTER

ROWS = 50
NEXT = 5
HEADS = (
    *("日時", "終わり", "会社名", "お名前", "メールアドレス", "お電話番号", "ご利用内容", "担当", "状態"),
    *("枠", "入口", "気になること", "お申し込み"),
)
BUSY = "ただいま予約の手続きが重なっています。数秒おいて、もう一度お試しください。"


# ── The list ──


@access("consultations.read")
@never_cache
@require_safe
def list_(request: HttpRequest, firm: str) -> HttpResponse:
    """Who comes next, what waits for somebody, and a month: its places, its queue and its sessions, 50 a page."""
    form, scope = ListForm(request.GET), current_scope()
    with in_the_office():
        page = Paginator(_rows(form, scope), ROWS).get_page(request.GET.get("page"))
        page.object_list = list(page.object_list)
        upcoming, tasks = coming(scope, NEXT), open_tasks(scope)
    context = {
        "form": form,
        "page_obj": page,
        "coming": upcoming,
        "tasks": tasks,
        "glance": glance_of(form.shown_month),
        "month_label": labels.month_label(form.shown_month),
        "month_url": f"{reverse('consultations:list', args=[firm])}?month={form.shown_month:%Y-%m}",
    }
    return render(request, "consultations/firm_list.html", context)


def _rows(form: ListForm, scope: Scope) -> Any:
    return form.narrow(Consultation.objects.visible_to(scope)).select_related("consultant__user")


@access("consultations.edit")
@require_safe
def list_csv(request: HttpRequest, firm: str) -> HttpResponse:
    """What the list's address asks for, all pages of it, as CSV."""
    return _file(request, csv_response)


@access("consultations.edit")
@require_safe
def list_excel(request: HttpRequest, firm: str) -> HttpResponse:
    """The same as an Excel file."""
    return _file(request, xlsx_response)


def _file(request: HttpRequest, respond: Callable[..., HttpResponse]) -> HttpResponse:
    form, scope = ListForm(request.GET), current_scope()
    with in_the_office():
        lines = [_line(row) for row in _rows(form, scope)]
    return respond(f"相談の予約_{form.shown_month:%Y%m}", HEADS, lines)


def _line(row: Consultation) -> list[object]:
    return [
        *(row.starts_at, row.ends_at, row.company_name, row.contact_name, row.email, row.phone),
        *(row.get_kind_display(), str(row.consultant.user), labels.state_label(row)),
        *("枠外" if row.is_replacement else row.number, row.get_origin_display(), row.topic),
        timezone.localdate(row.created_at),
    ]


@access("consultations.edit")
@require_POST
def task_done(request: HttpRequest, firm: str, task: UUID) -> HttpResponse:
    """Somebody has seen to it."""
    scope = current_scope()
    with in_the_office():
        found = next((each for each in open_tasks(scope) if each.pk == task), None)
        if found is not None:
            do_task(task=found, actor=actor_of(request))
            messages.success(request, "対応済みにしました。")
        elif not _was_done(task, scope):
            raise Http404
    return redirect("consultations:list", firm)


def _was_done(task: UUID, scope: Scope) -> bool:
    row = Task.objects.select_related("consultation", "entry").filter(pk=task).first()
    about = (row.consultation or row.entry) if row else None
    return row is not None and (about is None or may_see(about, scope))


# ── 代理入力 ──


@access("consultations.edit")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, firm: str) -> HttpResponse:
    """A session for who calls: confirmed at once. A month that is full offers its queue; what was typed stays. `look`:
    only at other days."""
    choices = _companies()
    if request.method != "POST":
        return _form(request, OnBehalfForm(companies=choices, initial=_known(request, dict(choices))))
    if only_looks(request):
        typed = typed_so_far(request, OnBehalfForm.base_fields)
        return _form(request, OnBehalfForm(companies=choices, initial=typed))
    form = OnBehalfForm(request.POST, companies=choices)
    if not form.is_valid():
        return _form(request, form, 422)
    try:
        with transaction.atomic():
            return _done(request, firm, form)
    except Refused as refused:
        return _refused(request, form, refused)
    except CompanyGone:
        form.add_error(
            "company", "この企業は、ほかの企業に統合されたか、削除されました。もう一度お選びください。"
        )
        return _form(request, form, 409)
    except OperationalError as problem:
        if not is_busy(problem):
            raise
    form.add_error(None, BUSY)
    answer = _form(request, form, 503)
    answer.headers["Retry-After"] = str(RETRY_AFTER)
    return answer


def _companies() -> list[tuple[int, str]]:
    """Those that can be chosen. One query."""
    return list(Company.objects.in_use().order_by("kana", "name", "pk").values_list("pk", "name"))


def _known(request: HttpRequest, names: dict[int, str]) -> dict[str, object]:
    """What is known of the company in the address: who came last, else its owner. Two queries."""
    asked = request.GET.get("company", "")
    pk = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 19 else 0
    if pk not in names:
        return {}
    known: dict[str, object] = {"company": pk, "company_name": names[pk]}
    latest = Consultation.objects.filter(company=pk).order_by("-created_at").first()
    if latest is not None:
        return known | {name: getattr(latest, name) for name in ("contact_name", "email", "phone")}
    owner = Membership.objects.own().active().filter(company=pk, role=OWNER).select_related("user").first()
    return known | ({"contact_name": owner.user.name, "email": owner.user.email} if owner else {})


def _done(request: HttpRequest, firm: str, form: OnBehalfForm) -> HttpResponse:
    company_id, notice = form.cleaned_data["company"], PrivacyNotice.objects.first()
    company = Company.objects.in_use().filter(pk=company_id).first() if company_id else None
    asked = form.asked(company=company, privacy_version=notice.version if notice else None)
    if (month := form.waits_for) is not None:
        entry = join(id=form.seed_id, wanted=[month], asked=asked)
        turn = position_in(entry, month)
        messages.success(request, f"キャンセル待ちに登録しました({labels.month_label(month)}、{turn}番目)。")
        return redirect(f"{reverse('consultations:list', args=[firm])}?month={month:%Y-%m}")
    booked = book(
        id=form.seed_id,
        slot=form.cleaned_data["slot"],
        asked=asked,
        origin=Consultation.Origin.ON_BEHALF,
        actor=actor_of(request),
        confirmed=True,
    )
    messages.success(request, f"予約を確定し、{booked.email} へご案内のメールをお送りします。")
    return redirect("consultations:detail", firm, booked.pk)


def _refused(request: HttpRequest, form: OnBehalfForm, refused: Refused) -> HttpResponse:
    """Why not, beside what was typed; a full month offers its queue."""
    scope, field, first = current_scope(), None, None
    match refused:
        case Full():
            field, words = "slot", f"{labels.month_label(refused.month)}は満席になりました。"
        case TimeTaken():
            field, words = "slot", "その日時は、たったいま埋まりました。ほかの日時をお選びください。"
        case AlreadyThisMonth():
            first = refused.first if may_see(refused.first, scope) else None
            words = "この会社には、その月のご予約がすでにあります。"
        case NotWelcome():
            field, words = "email", "このメールアドレスからの受付は止められています。"
        case AlreadyWaiting():
            words = "この会社は、すでにキャンセル待ちに登録されています。"
        case QueueFull():
            month = labels.month_label(refused.month)
            words = f"{month}は、キャンセル待ちを承れません(上限に達したか、月末が近いためです)。"
        case StillFree():
            words = f"{labels.month_label(refused.month)}には空きがあります。日時をお選びください。"
        case _:
            raise refused
    form.add_error(field, words)
    return _form(request, form, 409, first=first)


def _form(
    request: HttpRequest, form: OnBehalfForm, status: int = 200, first: Consultation | None = None
) -> HttpResponse:
    wanted, full = _months()
    context = {
        "form": form,
        "first": first,
        "choice": choosing.choice(
            wanted, days_wanted(request), chosen=Slot.read(request.POST.get("slot", ""))
        ),
        "full": [(f"{each:%Y-%m}", labels.month_label(each)) for each in full],
        "is_typed": form.is_bound or only_looks(request),
    }
    return render(request, "consultations/firm_new.html", context, status=status)


def _months() -> tuple[list[date], list[date]]:
    """Of this month and the next, those in which something can be booked directly, and those that can be waited for."""
    views, desk = choosing.open_views(), desk_of_firm()
    full = [each.month for each in views if worth_waiting_for(each, desk)]
    return [each.month for each in views if each.direct], full
