"""The firm's desk: how many companies, how long, who, and when nobody."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from consultations.actions import desk as actions
from consultations.calc import months
from consultations.forms_desk import BlockedForm, CapForm, ClosedForm, DeskForm
from consultations.free_times import MonthView, booked_in, desk_of_firm, month_views
from consultations.labels import month_label
from consultations.models import Blocked, Closed, ConsultationMonth, Desk, Schedule, Weekly
from tenancy import clock
from tenancy.editing import ChangedMeanwhile
from tenancy.middleware import visit_of
from tenancy.models import Membership
from tenancy.permissions import access
from tenancy.trail_reading import history_of
from tenancy.views.shared import says_when_busy

BLOCKED_AT_MOST = 20  # others are searched for
MONTHS = 6  # this one and the next five
HOME = "consultations:settings"


@dataclass(frozen=True)
class MonthRow:
    """A month with the form for its own cap."""

    view: MonthView
    form: CapForm

    @property
    def over(self) -> int:
        """How many more are taken than the month would take now."""
        return max(0, self.view.taken - self.view.cap)


@dataclass(frozen=True)
class BlockedList:
    """Of the blocked addresses that were looked for (`words`, '' for all) the newest. `found`: how many these are;
    `has_many`: there are more than stand on the page, looked for or not."""

    words: str
    rows: Sequence[Blocked]
    found: int
    has_many: bool


@dataclass(frozen=True)
class Person:
    """Somebody of the firm, and whether they give sessions."""

    member: Membership
    gives: bool
    has_hours: bool


# ── The rules ──


@access("firm.settings")
@says_when_busy
@require_http_methods(["GET", "HEAD", "POST"])
def desk(request: HttpRequest, firm: str) -> HttpResponse:
    """The rules, and all else that belongs to the desk."""
    row = Desk.objects.first() or Desk()
    form = DeskForm(request.POST if request.method == "POST" else None, instance=row)
    if request.method != "POST" or not form.is_valid():
        return _page(request, status=422 if form.errors else 200, form=form)
    try:
        actions.update_desk(
            values=form.values(), seen=form.cleaned_data["seen"], actor=visit_of(request).membership
        )
    except ChangedMeanwhile as meanwhile:
        again = form.again(desk_of_firm())
        return _page(request, status=409, form=again, meanwhile=meanwhile)
    messages.success(request, "相談の受付を保存しました。")
    for view in month_views(offered_months()):
        _say_nothing_is_cancelled(request, view)
    return redirect(HOME, firm)


def _say_nothing_is_cancelled(request: HttpRequest, view: MonthView) -> None:
    """After a cap was lowered below what is taken."""
    if view.taken > view.cap:
        messages.info(
            request,
            f"{month_label(view.month)}は、すでに{view.taken}社の枠が埋まっています。"
            "いまあるご予約は取り消されません。新しい受付だけが止まります。",
        )


def _page(request: HttpRequest, *, status: int = 200, **context: Any) -> HttpResponse:
    """The whole page; a form in `context` stands for the one that would be there."""
    row = desk_of_firm()
    closed, newest = list(Closed.objects.all()), list(Blocked.objects.newest_first()[: BLOCKED_AT_MOST + 1])
    context = {
        "form": DeskForm(instance=row),
        "closed_form": ClosedForm(prefix="closed"),
        "blocked_form": BlockedForm(prefix="blocked"),
        "desk": row,
        "rows": _month_rows(context.pop("cap_form", None)),
        "people": _people(),
        "closed": closed if closed or row.pk else Closed.usual(),
        "blocked": _blocked(request.GET.get("blocked", ""), newest),
        "embed_code": embed_code(visit_of(request).firm.slug),
        "events": _events(closed, newest),
        **context,
    }
    return render(request, "consultations/settings.html", context, status=status)


def _events(closed: list[Closed], blocked: list[Blocked]) -> Any:
    """What was changed lately of all that stands on the page."""
    rows = [*Desk.objects.all(), *closed, *blocked, *Schedule.objects.all()]
    rows += ConsultationMonth.objects.filter(month__in=offered_months())
    return history_of(*rows) if rows else []


def embed_code(slug: str) -> str:
    """What the firm puts into a page of its own."""
    url = f"{settings.PUBLIC_URL}{reverse('embed', args=[slug])}"
    return (
        f'<iframe src="{url}" title="オンライン相談・壁打ちの空き時間" width="100%" height="640"'
        ' style="border:0" loading="lazy"></iframe>'
    )


# ── Months ──


def offered_months() -> list[date]:
    """Those whose cap can be set."""
    this = clock.today().replace(day=1)
    return [months.after(this, number) for number in range(MONTHS)]


def _month_rows(sent: CapForm | None) -> list[MonthRow]:
    """Each month with its form; `sent`: the one that came back with errors."""
    wanted = offered_months()
    own = dict(ConsultationMonth.objects.filter(month__in=wanted).values_list("month", "cap"))
    return [MonthRow(view, _cap_form(view.month, own.get(view.month), sent)) for view in month_views(wanted)]


def _cap_form(month: date, cap: int | None, sent: CapForm | None) -> CapForm:
    if sent is not None and sent.data.get("month") == f"{month:%Y-%m}":
        return sent
    initial = {"month": f"{month:%Y-%m}", "cap": cap, "seen": cap}
    return CapForm(offered=[month], initial=initial, auto_id=f"id_{month:%Y-%m}_%s")


@access("firm.settings")
@says_when_busy
@require_http_methods(["GET", "HEAD", "POST"])
def month_cap(request: HttpRequest, firm: str) -> HttpResponse:
    """How many companies one month takes (`month`, `cap`; empty: as many as every month)."""
    if request.method != "POST":
        return redirect(HOME, firm)
    form = CapForm(
        request.POST, offered=offered_months(), auto_id=f"id_{request.POST.get('month', '')[:7]}_%s"
    )
    if not form.is_valid():
        return _page(request, status=422, cap_form=form)
    month, cap = form.cleaned_data["month"], form.cleaned_data["cap"]
    try:
        actions.set_cap(
            month=month, cap=cap, seen=form.cleaned_data["seen"], actor=visit_of(request).membership
        )
    except actions.CapMoved as moved:
        return _page(request, status=409, cap_form=form.again(moved.cap))
    said = "毎月の定員と同じ" if cap is None else f"{cap}社"
    messages.success(request, f"{month_label(month)}の定員を、{said}にしました。")
    _say_nothing_is_cancelled(request, month_views([month])[0])
    return redirect(HOME, firm)


# ── People ──


def _people() -> list[Person]:
    """Those who work for the firm. Three queries."""
    gives = {each.membership_id: each for each in Schedule.objects.all()}
    with_hours = set(Weekly.objects.values_list("schedule", flat=True))
    return [
        Person(
            member,
            member.pk in gives and gives[member.pk].gives,
            member.pk in gives and gives[member.pk].pk in with_hours,
        )
        for member in Membership.objects.consulting()
    ]


@access("firm.settings")
@says_when_busy
@require_http_methods(["GET", "HEAD", "POST"])
def people(request: HttpRequest, firm: str) -> HttpResponse:
    """Who gives sessions (`gives`), of those who did when the page was shown (`gave`): what somebody else has chosen
    since then stays."""
    if request.method != "POST":
        return redirect(HOME, firm)
    chosen, before = set(request.POST.getlist("gives")), set(request.POST.getlist("gave"))
    changed = chosen ^ before
    for member in Membership.objects.consulting():
        if str(member.pk) in changed:
            actions.let_consult(
                member=member, gives=str(member.pk) in chosen, actor=visit_of(request).membership
            )
    messages.success(request, "相談を受ける人を保存しました。")
    return redirect(HOME, firm)


# ── Closed days, blocked addresses ──


def _blocked(asked: str, newest: list[Blocked]) -> BlockedList:
    """`newest`: one more of them than stand on the page, where there are so many. Two queries at most."""
    words, has_many = asked.replace("\0", "").strip()[:100], len(newest) > BLOCKED_AT_MOST
    if not words and not has_many:
        return BlockedList("", newest, len(newest), has_many)
    found = Blocked.objects.search(words)
    rows = list(found.newest_first()[:BLOCKED_AT_MOST]) if words else newest[:BLOCKED_AT_MOST]
    return BlockedList(words, rows, found.count(), has_many)


@access("firm.settings")
@says_when_busy
@require_http_methods(["GET", "HEAD", "POST"])
def closed_add(request: HttpRequest, firm: str) -> HttpResponse:
    """Days on which the whole firm gives no sessions."""
    if request.method != "POST":
        return redirect(HOME, firm)
    form = ClosedForm(request.POST, prefix="closed")
    if not form.is_valid():
        return _page(request, status=422, closed_form=form)
    row = actions.close_days(**form.cleaned_data, actor=visit_of(request).membership)
    messages.success(request, f"「{row.name}」を休業日に加えました。")
    if standing := booked_in(row.as_closing()):
        messages.warning(
            request,
            f"この休業日には、すでにご予約が{standing}件あります。ご予約は取り消されません。"
            "お断りするときは、それぞれの準備シートから、当社の都合で取り消してください。",
        )
    return redirect(HOME, firm)


@access("firm.settings")
@says_when_busy
@require_POST
def closed_remove(request: HttpRequest, firm: str, closed: int) -> HttpResponse:
    """The firm is not closed then after all."""
    row = get_object_or_404(Closed, pk=closed)
    name = row.name
    actions.reopen_days(closed=row, actor=visit_of(request).membership)
    messages.success(request, f"「{name}」を休業日から外しました。")
    return redirect(HOME, firm)


@access("firm.settings")
@require_http_methods(["GET", "HEAD", "POST"])
def blocked_add(request: HttpRequest, firm: str) -> HttpResponse:
    """No bookings from this address, or from anybody at this domain."""
    if request.method != "POST":
        return redirect(HOME, firm)
    form = BlockedForm(request.POST, prefix="blocked")
    if not form.is_valid():
        return _page(request, status=422, blocked_form=form)
    row = actions.block(**form.cleaned_data, actor=visit_of(request).membership)
    messages.success(request, f"{row.address} からの受付を止めました。")
    return redirect(HOME, firm)


@access("firm.settings")
@require_POST
def blocked_remove(request: HttpRequest, firm: str, blocked: int) -> HttpResponse:
    """Bookings from there are taken again."""
    row = get_object_or_404(Blocked, pk=blocked)
    address = row.address
    actions.unblock(blocked=row, actor=visit_of(request).membership)
    messages.success(request, f"{address} からの受付を再開しました。")
    return redirect(HOME, firm)
