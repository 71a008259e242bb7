"""操作の記録: who did what, to what, and what stood there before."""

from collections.abc import Callable
from itertools import islice
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import cached_property
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
Line = tuple[Any, ...]
HEADS = ("日時", "だれが", "役割", "方法", "何を", "対象", "名前", "支援先企業", "変わった内容")


@access("firm.trail")
@require_safe
def trail_list(request: HttpRequest, firm: str) -> HttpResponse:
    """The trail, newest first, narrowed down by its address. As many queries for 50 rows as for 5 of the same kinds."""
    form = TrailFilter(request.GET)
    pages = NewestPaginator(form.rows(), PER_PAGE)
    page = pages.get_page(request.GET.get("page"))
    context = {
        "form": form,
        "page_obj": page,
        "entries": entries_of(page.object_list, firm),
        "active": form.active,
        "too_many": pages.is_capped,
        "most": MOST,
    }
    return render(request, "tenancy/trail.html", context)


class NewestPaginator(Paginator):  # type: ignore[type-arg]
    """Pages of the newest 10,000: years of a firm are not counted for a number that nobody reads."""

    @cached_property
    def is_capped(self) -> bool:
        """Whether there are more than the pages show."""
        return self._reached > MOST

    @cached_property
    def count(self) -> int:
        return min(self._reached, MOST)

    @cached_property
    def _reached(self) -> int:
        found: TrailQuerySet = self.object_list[: MOST + 1]  # type: ignore[assignment]
        return found.count()


@access("firm.trail")
@require_safe
def trail_csv(request: HttpRequest, firm: str) -> HttpResponse:
    """What is filtered, as CSV."""
    return _noted(request, csv_response, _lines(TrailFilter(request.GET).rows(), firm))


@access("firm.trail")
@require_safe
def trail_excel(request: HttpRequest, firm: str) -> HttpResponse:
    """What is filtered, for Excel."""
    return _noted(request, xlsx_response, _lines(TrailFilter(request.GET).rows(), firm))


def _noted(request: HttpRequest, respond: Callable[..., HttpResponse], lines: list[Line]) -> HttpResponse:
    """The file. Who takes the trail out of the house stands in the trail."""
    if request.method == "GET":
        trail.record("export.trail", visit_of(request).firm, count=min(len(lines), MOST))
    told = [(f"新しい順に{MOST:,}件までを書き出しました。それより前は、期間を絞ってお試しください。",)]
    return respond(_name(), HEADS, lines[:MOST] + told * (len(lines) > MOST))


def _name() -> str:
    return f"操作の記録_{timezone.localdate(clock.now()):%Y-%m-%d}"


def _lines(rows: TrailQuerySet, firm: str) -> list[Line]:
    """The newest 10,000, and one more where there are more; a thousand at a time of one statement. Pages of an OFFSET
    would shift with every act that is written meanwhile."""
    found, lines = rows[: MOST + 1].iterator(_CHUNK), []
    while chunk := list(islice(found, _CHUNK)):
        lines += [_line(entry) for entry in entries_of(chunk, firm)]
    return lines


def _line(entry: Entry) -> Line:
    changed = "\n".join(f"{each.label}:{each.before} → {each.after}" for each in entry.changes)
    how, kind = "・".join(entry.how), entry.kind
    return entry.at, entry.who, entry.role, how, entry.what, kind, entry.name, entry.company, changed
