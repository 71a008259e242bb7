"""操作の記録: who did what, to what, and what stood there before."""

from collections.abc import Iterator
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from tenancy import clock, trail
from tenancy.forms_trail import TrailFilter
from tenancy.middleware import visit_of
from tenancy.models.trail import TrailQuerySet
from tenancy.permissions import access
from tenancy.tables import csv_response, xlsx_response
from tenancy.trail_reading import Entry, entries_of

PER_PAGE = 50
MOST = 10_000
_CHUNK = 1_000
HEADS = ("日時", "だれが", "役割", "方法", "何を", "対象", "名前", "支援先企業", "変わった内容")


@access("firm.trail")
@require_safe
def trail_list(request: HttpRequest, firm: str) -> HttpResponse:
    """The trail, newest first, narrowed down by its address. As many queries for 50 rows as for 5 of the same kinds."""
    form = TrailFilter(request.GET)
    page = Paginator(form.rows(), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "page_obj": page,
        "entries": entries_of(page.object_list, firm),
        "active": form.active,
        "too_many": page.paginator.count > MOST,
        "most": MOST,
    }
    return render(request, "tenancy/trail.html", context)


@access("firm.trail")
@require_safe
def trail_csv(request: HttpRequest, firm: str) -> HttpResponse:
    """What is filtered, as CSV."""
    rows, count = _wanted(request)
    answer = csv_response(_name(), HEADS, _table(rows, count, firm))
    return _noted(request, answer, count)


@access("firm.trail")
@require_safe
def trail_excel(request: HttpRequest, firm: str) -> HttpResponse:
    """What is filtered, for Excel."""
    rows, count = _wanted(request)
    answer = xlsx_response(_name(), HEADS, _table(rows, count, firm))
    return _noted(request, answer, count)


def _wanted(request: HttpRequest) -> tuple[TrailQuerySet, int]:
    rows = TrailFilter(request.GET).rows()
    return rows, rows.count()


def _noted(request: HttpRequest, answer: HttpResponse, count: int) -> HttpResponse:
    """Who takes the trail out of the house stands in the trail."""
    if request.method == "GET":
        trail.record("export.trail", visit_of(request).firm, count=min(count, MOST))
    return answer


def _name() -> str:
    return f"操作の記録_{timezone.localdate(clock.now()):%Y-%m-%d}"


def _table(rows: TrailQuerySet, count: int, firm: str) -> Iterator[tuple[Any, ...]]:
    """The newest 10,000, a thousand at a time; the last line says so where there are more."""
    for start in range(0, min(count, MOST), _CHUNK):
        for entry in entries_of(rows[start : min(start + _CHUNK, MOST)], firm):
            yield _line(entry)
    if count > MOST:
        yield (f"新しい順に{MOST:,}件までを書き出しました(全{count:,}件)。期間を絞ってお試しください。",)


def _line(entry: Entry) -> tuple[Any, ...]:
    changed = "\n".join(f"{each.label}:{each.before} → {each.after}" for each in entry.changes)
    how, kind = "・".join(entry.how), entry.kind
    return entry.at, entry.who, entry.role, how, entry.what, kind, entry.name, entry.company, changed
