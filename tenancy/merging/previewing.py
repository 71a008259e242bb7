"""What a merge would do, before it is done."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import models

from tenancy.editing import shown
from tenancy.keeping import Moves, shown_name, with_shown
from tenancy.merging.moving import movable, twins_of
from tenancy.models import Company, Membership

SHOWN_AT_MOST = 20
# The kept company's own values stand; where it has none it takes the other one's.
FILLED = ("kana", "corporate_number", "industry", "employees", "location", "representative", "consultant_id")


@dataclass(frozen=True)
class Group:
    """Rows of one kind that will move: `shown` are the first of them, `more` how many there are beyond, on the pages of
    `kind`."""

    kind: str
    label: str
    count: int
    shown: list[str]
    more: int


@dataclass(frozen=True)
class Conflict:
    """Something that is in both companies and will be one."""

    label: str
    name: str
    outcome: str


@dataclass(frozen=True)
class Preview:
    """What a merge would do. `filled`: the kept company's empty fields and what they will hold; `left`: what the other
    one says differently and nobody takes over."""

    groups: list[Group]
    conflicts: list[Conflict]
    filled: list[dict[str, object]]
    left: list[dict[str, object]]


def preview(kept: Company, gone: Company) -> Preview:
    """What merging `gone` into `kept` does to each row. Queries: two or three for each kind of row, never one a row."""
    groups, conflicts = [], list[Conflict]()
    for model in movable():
        told: Moves = model.on_merge
        twins = twins_of(model, kept, gone, {})
        rows = _moving(model, gone, twins)
        count = rows.count()
        if count:
            first = [shown_name(row, told.shown) for row in rows[:SHOWN_AT_MOST]]
            groups.append(Group(model._meta.label_lower, told.label, count, first, count - len(first)))
        named = with_shown(model.objects.filter(pk__in=twins).order_by("pk"), told.shown)
        conflicts += [Conflict(told.label, shown_name(row, told.shown), _outcome(model)) for row in named]
    to_fill = fields_to_fill(kept, gone)
    left = [
        name
        for name in ("name", "support_status", *FILLED)
        if name not in to_fill and _differs(kept, gone, name)
    ]
    return Preview(groups, conflicts, _words(gone, to_fill), _words(gone, left))


def rows_of(kind: str, kept: Company, gone: Company) -> tuple[str, models.QuerySet[Any]] | None:
    """What people call rows of this kind, and all of them that will move; None for a kind that does not move."""
    model = next((each for each in movable() if each._meta.label_lower == kind), None)
    if model is None:
        return None
    return model.on_merge.label, _moving(model, gone, twins_of(model, kept, gone, {}))


def _moving(model: Any, gone: Company, twins: Mapping[Any, Any]) -> models.QuerySet[Any]:
    rows = model.objects.filter(company=gone).exclude(pk__in=twins).order_by("pk")
    return with_shown(rows, model.on_merge.shown)


def _differs(kept: Company, gone: Company, name: str) -> bool:
    return getattr(gone, name) not in (None, "", getattr(kept, name))


def _outcome(model: Any) -> str:
    if model is Membership:
        return "お一人にまとめ、強いほうの役割を残します"
    return "一つにまとめ、ひも付いたものを引き継ぎます"


def _words(gone: Company, names: list[str]) -> list[dict[str, object]]:
    words = []
    for name in names:
        column: Any = Company._meta.get_field(name)
        value = gone.consultant.user if name == "consultant_id" and gone.consultant else shown(gone, name)
        words.append({"label": column.verbose_name, "value": value})
    return words


def fields_to_fill(kept: Company, gone: Company) -> list[str]:
    empty = (None, "")
    filled = [name for name in FILLED if getattr(kept, name) in empty and getattr(gone, name) not in empty]
    # 見込み is what nobody has decided yet: a company that is supported stays so.
    new = kept.support_status == Company.Support.LEAD != gone.support_status
    return [*filled, "support_status"] if new else filled
