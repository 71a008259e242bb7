"""The operator's pages: a handful, to see how the installation is and to help a firm. Not there for anybody else."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tenancy import actions, clock, operating
from tenancy.account import password_link
from tenancy.forms_operator import EnterForm, FirmForm
from tenancy.models import Firm, RateLimit, User
from tenancy.navigation import Entry
from tenancy.operator_words import limit_called
from tenancy.permissions import OPERATING, access

PER_PAGE = 20
_PAGES = {"firms": "会社", "health": "稼働状況", "queues": "処理待ち"}
_PAGES |= {"failures": "失敗した処理", "limits": "回数の制限"}


def _page(request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """A page in the operator's shell: the rail of a firm's shell, with the installation in the firm's place."""
    here = [(key, label, reverse(f"operator:{key}")) for key, label in _PAGES.items()]
    nav = [Entry(key, label, url, request.path == url) for key, label, url in here]
    shell = {"nav": nav, "firm": {"name": "運用"}}
    return render(request, f"operator/{template}.html", shell | context, status=status)


def _operator(request: HttpRequest) -> User:
    return request.user  # type: ignore[return-value]


@access(OPERATING)
@require_safe
def firms(request: HttpRequest) -> HttpResponse:
    """All firms, with how many members and companies they have."""
    page = Paginator(Firm.objects.order_by("name", "pk"), PER_PAGE).get_page(request.GET.get("page"))
    rows = operating.firm_rows(page.object_list, _operator(request))
    return _page(request, "firms", {"page_obj": page, "rows": rows})


@access(OPERATING, fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def firm_new(request: HttpRequest) -> HttpResponse:
    """A new firm; its admin's link to a password is shown in this answer only."""
    form = FirmForm(request.POST if request.method == "POST" else None)
    made = None
    if form.is_valid():
        try:
            made = actions.create_firm(**form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
    link = password_link(made.admin.user) if made and made.user_is_new else ""
    context = {"form": form, "made": made, "link": link, "public_url": settings.PUBLIC_URL}
    return _page(request, "firm_new", context, status=422 if form.errors else 200)


@access(OPERATING, fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def firm_enter(request: HttpRequest, firm_id: int) -> HttpResponse:
    """Enter a firm for an hour, with a reason that its people can read."""
    firm = get_object_or_404(Firm, pk=firm_id, state=Firm.State.ACTIVE)
    form = EnterForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            operating.enter_firm(operator=_operator(request), firm=firm, **form.cleaned_data)
            return redirect("tenancy:home", firm.slug)
        except operating.WorksHere:
            form.add_error(None, "この会社のメンバーですので、運用担当として入る必要はありません。")
    return _page(request, "firm_enter", {"form": form, "entered": firm}, status=422 if form.errors else 200)


@access(OPERATING)
@require_POST
def firm_leave(request: HttpRequest, firm_id: int) -> HttpResponse:
    """Leave before the hour is over. Twice is once."""
    firm = get_object_or_404(Firm, pk=firm_id)
    if operating.leave_firm(operator=_operator(request), firm=firm):
        messages.success(request, f"{firm.name}から退出しました。")
    return redirect("operator:firms")


@access(OPERATING)
@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """Database, migrations, broker, versions."""
    return _page(request, "health", {"health": operating.health()})


@access(OPERATING)
@require_safe
def queues(request: HttpRequest) -> HttpResponse:
    """What is due, by kind."""
    return _page(request, "queues", {"rows": operating.due_rows(), "now": clock.now()})


@access(OPERATING)
@require_safe
def failures(request: HttpRequest) -> HttpResponse:
    """Jobs and mails that failed for good, by firm, without personal data.

    All firms are asked before anything is paged: a page of firms without failures would read as if there were none.
    """
    rows = operating.failed_rows(Firm.objects.order_by("name", "pk"))
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    return _page(request, "failures", {"page_obj": page})


@access(OPERATING)
@require_safe
def limits(request: HttpRequest) -> HttpResponse:
    """The counters of the present windows, the highest on top; whose they are is a keyed hash."""
    page = Paginator(RateLimit.objects.order_by("-count", "key"), 50).get_page(request.GET.get("page"))
    parts = [(*row.key.partition(":")[::2], row) for row in page.object_list]
    rows = [(limit_called(name), who[:8], row) for name, who, row in parts]
    return _page(request, "limits", {"page_obj": page, "rows": rows})
