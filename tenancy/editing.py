"""Two people at one form: the second is told what changed, and keeps what was typed.

A form carries what it showed (`seen`, texts by field). At saving, under a lock, three states are compared: what was
seen, what is stored now, what was typed. Values and not a version number, so that a change somebody took back, and the
second of two clicks, disturb nobody.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import models

from tenancy.models import Trail, User


@dataclass(frozen=True)
class Change:
    """A field that somebody else changed, and what is stored in it now."""

    label: str
    now: str


class ChangedMeanwhile(Exception):
    """Somebody else saved other values since the form was shown. Nothing was written."""

    def __init__(self, row: models.Model, names: list[str]) -> None:
        super().__init__(", ".join(names))
        self.changes = [Change(_label(row, name), shown(row, name)) for name in names]
        last = Trail.objects.of(row).newest_first().first()
        self.at: datetime | None = last.at if last else None
        self.who = str(User.objects.filter(pk=last.user_id).first() or "") if last and last.user_id else ""


def texts_of(row: models.Model, names: Iterable[str]) -> dict[str, str]:
    """The stored values as texts, '' for None; what a form keeps as `seen`."""
    values = {name: row.serializable_value(name) for name in names}
    return {name: "" if value is None else str(value) for name, value in values.items()}


def shown(row: models.Model, name: str) -> str:
    """A field's value as people read it."""
    display = getattr(row, f"get_{name}_display", None)
    value = display() if display else getattr(row, name)
    return "" if value is None else str(value)


def apply(
    row: models.Model, values: Mapping[str, object], seen: Mapping[str, str] | None
) -> dict[str, object]:
    """Set `values` on the locked `row`, without saving; what stood in the fields that differ now, for `save` (their
    names) and for the trail (`before`).

    `seen` None: no form was shown (API, commands), the last one wins. Raises ChangedMeanwhile.
    """
    stored = texts_of(row, values)
    before = type(row)(**{field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields})
    for name, value in values.items():
        setattr(row, name, value)
    typed = texts_of(row, values)
    if seen is not None and typed != stored:
        theirs = [name for name in values if stored[name] != seen.get(name, "")]
        if theirs:
            raise ChangedMeanwhile(before, theirs)
    return {name: before.serializable_value(name) for name in values if typed[name] != stored[name]}


def _label(row: models.Model, name: str) -> str:
    return str(getattr(row._meta.get_field(name), "verbose_name", name))
