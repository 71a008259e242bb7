"""What moves when two companies become one, model by model, and what the merge remembers of it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.db import connection, models
from django.db.models.functions import Replace

from tenancy.constraints import SameTenantKey
from tenancy.keeping import Moves, Twin, foreign_keys, parents_first
from tenancy.models import Company, CompanyMerge, Membership

_STRONGEST_FIRST = (Membership.Role.OWNER, Membership.Role.STAFF, Membership.Role.PARTNER)

Ids = dict[type[models.Model], dict[Any, Any]]


class NotMergeable(ValueError):
    """The two cannot be merged (any more), or the merge cannot be taken back; the text says why, for people."""


# ── What is remembered ──


@dataclass
class Moved:
    """What a merge has changed, by model: rows that changed their company, and in which fields of which row what stood
    before and what after it."""

    rows: dict[str, list[str]] = field(default_factory=dict)
    changed: dict[str, dict[str, dict[str, list[Any]]]] = field(default_factory=dict)

    def change(self, row: models.Model, **values: Any) -> None:
        """Write these values into the row, and remember what stood there."""
        self._remember(row, values)
        for name, value in values.items():
            setattr(row, name, value)
        row.save(update_fields=list(values))

    def change_all(self, model: Any, rows: Sequence[models.Model], **values: Any) -> None:
        """The same values into many rows of `model`, in one statement; `rows` themselves stay as they are."""
        for row in rows:
            self._remember(row, values)
        if rows:
            model.objects.filter(pk__in=[row.pk for row in rows]).update(**values)

    def _remember(self, row: models.Model, values: Mapping[str, Any]) -> None:
        kept = self.changed.setdefault(row._meta.label_lower, {}).setdefault(str(row.pk), {})
        kept.update({name: [plain(getattr(row, name)), plain(value)] for name, value in values.items()})

    def as_json(self) -> dict[str, Any]:
        return {"rows": self.rows, "changed": self.changed}

    def named(self) -> list[models.Model]:
        """Every row that was written, by its key alone; no query."""
        ids = {
            name: {*self.rows.get(name, ()), *self.changed.get(name, ())} for name in self.rows | self.changed
        }
        return [apps.get_model(name)(pk=pk) for name, each in ids.items() for pk in sorted(each)]

    @property
    def counts(self) -> dict[str, int]:
        """How many rows of what, in people's words."""
        return {_label(name): len(ids) for name, ids in self.rows.items() if ids}


def _label(name: str) -> str:
    return str(apps.get_model(name).on_merge.label)


def plain(value: Any) -> Any:
    return value if value is None or isinstance(value, int | bool) else str(value)


# ── Rows ──


def movable() -> list[Any]:
    """The models whose rows move, each after those that it points to."""
    return [model for model in parents_first() if isinstance(model.on_merge, Moves)]


def move(kept: Company, gone: Company, moved: Moved) -> None:
    settled: Ids = {}
    for model in movable():
        _repoint(model, gone, settled, moved)
        twins = twins_of(model, kept, gone, settled)
        if twins:
            settled[model] = twins
            _settle(model, twins, moved)
        rows = model.objects.filter(company=gone).exclude(pk__in=twins)
        ids = list(rows.values_list("pk", flat=True))
        rows.filter(pk__in=ids).update(company=kept, **readdressed(model, gone, kept))
        moved.rows.setdefault(model._meta.label_lower, []).extend(map(str, ids))
    for model in parents_first():
        if model not in (Company, CompanyMerge) and not isinstance(model.on_merge, Moves):
            _repoint(model, None, settled, moved)
    for model in movable():
        _repoint(model, None, settled, moved)


def readdressed(model: Any, old: Company, new: Company) -> dict[str, Any]:
    """What an update writes into the columns that hold addresses: they lead to the same page of the new company."""
    paths = models.Value(f"/companies/{old.pk}/"), models.Value(f"/companies/{new.pk}/")
    return {name: Replace(name, *paths) for name in model.on_merge.addresses}


def twins_of(model: Any, kept: Company, gone: Company, settled: Ids) -> dict[Any, Any]:
    """Of `gone`'s rows those that have a twin in `kept`: their key → the twin's."""
    twin: Twin | None = model.on_merge.twin
    if twin is None:
        return {}
    columns = [model._meta.get_field(name).attname for name in twin.fields]
    rows = model.objects.filter(**twin.where).values_list("pk", *columns)
    there = {tuple(values): pk for pk, *values in rows.filter(company=kept)}
    return {pk: there[tuple(values)] for pk, *values in rows.filter(company=gone) if tuple(values) in there}


def _settle(model: Any, twins: Mapping[Any, Any], moved: Moved) -> None:
    """What the declaration says of the rows that are left; of one person's two places the stronger one counts."""
    rows = model.objects.in_bulk([*twins, *twins.values()])
    if model is Membership:
        for gone_id, kept_id in twins.items():
            _strengthen(rows[kept_id], rows[gone_id], moved)
    if left := model.on_merge.twin.left:
        moved.change_all(model, [rows[gone_id] for gone_id in twins], **left)


def _strengthen(kept: Membership, gone: Membership, moved: Moved) -> None:
    """The one person's place in the kept company: what opens more of the two. A place that has ended opens nothing."""
    best = min((gone, kept), key=_strength)
    if best is gone and _strength(gone) < _strength(kept):
        moved.change(
            kept, role=gone.role, state=gone.state, ends_at=gone.ends_at, title=kept.title or gone.title
        )


def _strength(member: Membership) -> tuple[bool, int, bool, float]:
    """Small is strong: in force, role, without an end, the later end."""
    ended = member.state == Membership.State.ENDED
    until = member.ends_at
    role = _STRONGEST_FIRST.index(Membership.Role(member.role))
    return ended, role, until is not None, -until.timestamp() if until else 0.0


def _repoint(model: Any, gone: Company | None, settled: Ids, moved: Moved) -> None:
    """What points to a row that has a twin points to the twin; `gone`: only that company's rows. Queries: one for each
    key and rule, and one for each twin that something points to, never one a row."""
    for key in foreign_keys(model):
        if twins := settled.get(key.related_model):
            rows = model.objects.filter(**{f"{key.name}__in": list(twins)})
            free = _free(model, key, rows.filter(company=gone) if gone else rows, twins)
            for target, each in free.items():
                moved.change_all(model, each, **{key.attname: target})


def _free(
    model: Any, key: Any, rows: Iterable[models.Model], twins: Mapping[Any, Any]
) -> dict[Any, list[models.Model]]:
    """The rows by the twin that they may point to: without those where a rule of the table forbids a second one (both
    have read the same notice)."""
    free: dict[Any, list[models.Model]] = {}
    rules = _rules(model, key)
    there = [
        set(model.objects.filter(**{f"{key.name}__in": set(twins.values())}).values_list(*names))
        for names in rules
    ]
    for row in rows:
        target = twins[getattr(row, key.attname)]
        wanted = [
            tuple(target if name == key.attname else getattr(row, name) for name in names) for names in rules
        ]
        if not any(values in taken for values, taken in zip(wanted, there, strict=True)):
            free.setdefault(target, []).append(row)
            for values, taken in zip(wanted, there, strict=True):
                taken.add(values)
    return free


def _rules(model: Any, key: Any) -> list[list[str]]:
    """The columns of each rule by which only one row may point to something."""
    return [
        [model._meta.get_field(name).attname for name in rule.fields]
        for rule in model._meta.constraints
        if isinstance(rule, models.UniqueConstraint) and key.name in rule.fields and "id" not in rule.fields
    ]


# ── Keys ──


@contextmanager
def keys_checked_at_the_end() -> Iterator[None]:
    """Keys that hold the company are checked when the block ends, inside the caller's try, not at COMMIT."""
    names = ", ".join(connection.ops.quote_name(key.name) for key in _company_keys())
    with connection.cursor() as cursor:
        cursor.execute(f"SET CONSTRAINTS {names} DEFERRED")
    yield
    with connection.cursor() as cursor:
        cursor.execute(f"SET CONSTRAINTS {names} IMMEDIATE")


def _company_keys() -> list[SameTenantKey]:
    return [key for model in parents_first() for key in keys_of(model)]


def keys_of(model: Any) -> list[SameTenantKey]:
    """The model's keys that hold the company besides another column."""
    keys = [key for key in model._meta.constraints if isinstance(key, SameTenantKey)]
    return [key for key in keys if key.deferrable]
