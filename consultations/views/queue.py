"""One's own entry in the queue; being told when a month opens."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from consultations import addresses
from consultations.actions import waiting
from consultations.addresses import QUEUE, WISH
from consultations.calc import months
from consultations.free_times import MonthView, desk_of_firm, eligible, month_views
from consultations.models import Consultation, ConsultationMonth, OpeningWish, WaitlistEntry
from consultations.office import in_the_office
from consultations.states import State
from consultations.views.acting import POSTS, Gone, answered, by_link, writing
from consultations.views.saying import NOT_DONE, Said, words_for
from tenancy import clock
from tenancy.middleware import visit_of
from tenancy.permissions import VISITOR, access

METHODS = ["GET", "HEAD", "POST"]
T = TypeVar("T")


@dataclass(frozen=True)
class Turn:
    """Where the entry stands in a month's queue, and why."""

    month: date
    position: int
    of: int
    cap: int
    taken: int
    passed: bool  # it let one go by, and waits for the next place that becomes free
    offered: bool  # a place of the month is held for it now


@dataclass(frozen=True)
class Offer:
    """A place that is held for the entry until `until`."""

    row: Consultation
    url: str
    until: datetime | None


@contextmanager
def the_entry(request: HttpRequest) -> Iterator[WaitlistEntry]:
    """The entry of the link, in the office. Raises Gone, Busy."""
    visit = visit_of(request)
    with writing(visit.scope):
        found = WaitlistEntry.objects.opened_by(visit.link)
        if found is None:
            raise Gone
        with in_the_office():
            yield found


@access(VISITOR, link=QUEUE)
@never_cache
@require_safe
@by_link
def queue(request: HttpRequest, firm: str, token: str) -> HttpResponse:
    """The months, the turn in each and why, what is offered now, and the way out."""
    with the_entry(request) as entry:
        return _page(request, token, entry)


def _page(request: HttpRequest, token: str, entry: WaitlistEntry, said: Said | None = None) -> HttpResponse:
    context = {
        "entry": entry,
        "token": token,
        "said": said,
        "is_waiting": entry.state == WaitlistEntry.State.WAITING,
        "turns": turns_of(entry),
        "offers": _offers(entry, visit_of(request).firm.slug),
        "hours": int(months.ANSWER_AT_MOST.total_seconds() // 3600),
    }
    return render(request, "consultations/queue.html", context)


def turns_of(entry: WaitlistEntry) -> list[Turn]:
    """Its turn in each month that is not over. In the office; the same number of queries for any number of months."""
    if entry.state != WaitlistEntry.State.WAITING:
        return []
    wanted = [each for each in entry.wanted if months.last_day(each) >= clock.today()]
    everybody = list(WaitlistEntry.objects.waiting())
    rows = {row.month: row for row in ConsultationMonth.objects.filter(month__in=wanted)}
    offers = Consultation.objects.live().filter(entry=entry, state=State.OFFERED)
    offered = set(offers.values_list("month", flat=True))
    return [
        _turn(entry, view, everybody, rows.get(view.month), view.month in offered)
        for view in month_views(wanted)
    ]


def _turn(
    entry: WaitlistEntry,
    view: MonthView,
    everybody: list[WaitlistEntry],
    row: ConsultationMonth | None,
    offered: bool,
) -> Turn:
    here = [each.pk for each in everybody if view.month.isoformat() in each.months]
    passed = row is not None and not eligible([entry], row)
    return Turn(view.month, here.index(entry.pk) + 1, len(here), view.cap, view.taken, passed, offered)


def _offers(entry: WaitlistEntry, slug: str) -> list[Offer]:
    """What is held for it now."""
    rows = Consultation.objects.with_people().live().filter(entry=entry, state=State.OFFERED)
    return [
        Offer(row, reverse("consultations:manage", args=[slug, addresses.manage_token(row)]), row.expires_at)
        for row in rows.order_by("starts_at")
    ]


@access(VISITOR, link=QUEUE, limits=POSTS, own_transactions=True)
@never_cache
@require_http_methods(METHODS)
@by_link
def leave(request: HttpRequest, firm: str, token: str) -> HttpResponse:
    """Out of the queue, after asking."""
    if request.method != "POST":
        with the_entry(request) as entry:
            if entry.state != WaitlistEntry.State.WAITING:
                return _page(request, token, entry)
            offers = _offers(entry, visit_of(request).firm.slug)
            context = {"entry": entry, "token": token, "offers": offers}
            return render(request, "consultations/queue_leave.html", context)
    try:
        with the_entry(request) as entry:
            waiting.leave(entry=entry)
    except NOT_DONE as problem:
        said = words_for(problem)
        with the_entry(request) as entry:
            return answered(_page(request, token, entry, said), said)
    messages.success(request, "キャンセル待ちを取り消しました。")
    return redirect("consultations:queue", firm, token)


@access(VISITOR, link=WISH, limits=POSTS, own_transactions=True)
@never_cache
@require_http_methods(METHODS)
@by_link
def wish(request: HttpRequest, firm: str, token: str) -> HttpResponse:
    """「受付開始をメールで受け取る」: nobody is put on a list by opening a link."""
    if request.method == "POST":
        _with_wish(request, lambda row: waiting.want_opening(wish=row))
        return redirect("consultations:wish", firm, token)
    return _with_wish(request, lambda row: _wish_page(request, token, row))


def _with_wish(request: HttpRequest, do: Callable[[OpeningWish], T]) -> T:
    """With the wish of the link, in the office. Raises Gone."""
    visit = visit_of(request)
    with writing(visit.scope):
        found = OpeningWish.objects.filter(pk=visit.link.id).first() if visit.link else None
        if found is None:
            raise Gone
        with in_the_office():
            return do(found)


def _wish_page(request: HttpRequest, token: str, row: OpeningWish) -> HttpResponse:
    opens_at = months.opens_at(row.month, desk_of_firm().opens_on)
    context = {"wish": row, "token": token, "opens_at": opens_at, "is_open": opens_at <= clock.now()}
    return render(request, "consultations/wish.html", context)
