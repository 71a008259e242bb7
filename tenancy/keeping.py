"""What becomes of rows: when the firm's data are exported, two companies are merged, a person is erased.

Every tenant model declares `on_export`, `on_merge` and `on_erase`; `tests/tenancy/test_keeping.py` walks the models.
The declarations are data: `reports.archive`, `tenancy.merging`, `tenancy.leaving` and `tenancy.erasing` carry them out
for models they do not know.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db import models

# ── Export ──


@dataclass(frozen=True)
class Follows:
    """Of a row with the values `where` follows, `at` that moment (None: nothing), the due work of the kind `due`."""

    due: str
    where: Mapping[str, Any]
    at: Callable[[Any], datetime | None]


@dataclass(frozen=True)
class Exported:
    """The rows are part of the archive and can be imported.

    `where`: only these; an import refuses others. `files`: the column with the key of a file in the storage, which the
    archive contains. `later`: foreign keys that are set once all rows stand, because they point in a circle. `ids`:
    columns of text or JSON in which ids and addresses of other rows stand. `replaces`: an import deletes what the empty
    firm had. `twins`: an imported row that has these columns in common with one that is there already is that one;
    of rows with the values `twins_where` only. `follows`: what becomes due of a row here too. `cut`: columns of text in
    which links stand that open something here; an archive has them without. `needs`: keys that may be empty, but not
    because their row is missing in the archive: then this one stays out.
    """

    where: models.Q = field(default_factory=models.Q)
    files: str = ""
    later: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    replaces: bool = False
    twins: tuple[str, ...] = ()
    twins_where: Mapping[str, str] = field(default_factory=dict)
    follows: Follows | None = None
    cut: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class NotExported:
    """The rows stay: `why`."""

    why: str


# ── Merge ──


@dataclass(frozen=True)
class Twin:
    """Rows of the two companies that are one thing because `fields` are equal, among those that match `where`.

    The kept company's row stays; what hung on the other one hangs on it; the other one gets the values `left` and stays
    with the company that is gone.
    """

    fields: tuple[str, ...]
    where: Mapping[str, str] = field(default_factory=dict)
    left: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Moves:
    """The rows go to the kept company. `label`: what people call them; `shown`: the path to what names one (itself by
    default). `follows`: columns that name the thing a row hangs on: when that goes back, the row goes along.
    `addresses`: columns with an address of the company's pages, which changes along with the company. `mark`: a row
    only says something of another one, and nobody counts it."""

    label: str
    shown: str = ""
    twin: Twin | None = None
    follows: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    mark: bool = False


@dataclass(frozen=True)
class Stays:
    """The rows stay as they are: `why`."""

    why: str


# ── Erasing a person ──


@dataclass(frozen=True)
class Blanks:
    """A person's rows stay, without `fields`. A person is known by `email` (the column with the address) or, less
    surely, by `name` (the columns in which the name may stand)."""

    label: str
    fields: tuple[str, ...]
    email: str = ""
    name: tuple[str, ...] = ()
    shown: str = ""


@dataclass(frozen=True)
class Deletes:
    """A person's rows are deleted; found as in Blanks. `made_of`: the column with the id of what a row was made from;
    it goes with that."""

    label: str
    email: str = ""
    name: tuple[str, ...] = ()
    shown: str = ""
    made_of: str = ""


@dataclass(frozen=True)
class Keeps:
    """No person is erased here: `why`."""

    why: str


OnExport = Exported | NotExported
OnMerge = Moves | Stays
OnErase = Blanks | Deletes | Keeps


# ── The walk over the models ──


def tenant_models() -> list[Any]:
    """Every tenant model of every app."""
    from tenancy.walls import FirmModel  # the models' own base: it names the declarations above

    return [model for model in apps.get_models() if issubclass(model, FirmModel)]


def foreign_keys(model: type[models.Model]) -> list[Any]:
    """The model's foreign keys to tenant models (the firm and the user are none)."""
    known = set(tenant_models())
    return [each for each in model._meta.concrete_fields if each.is_relation and each.related_model in known]


def parents_first() -> list[Any]:
    """Every tenant model, each after those that it points to; keys to be set `later` do not count.

    Raises ValueError for a circle that nobody has declared.
    """
    left, done = tenant_models(), list[Any]()
    while left:
        ready = [model for model in left if _needs(model) <= set(done)]
        if not ready:
            raise ValueError(f"These models point in a circle: {left}. Say which key comes later.")
        done += ready
        left = [model for model in left if model not in ready]
    return done


def later_keys(model: Any) -> tuple[str, ...]:
    """The model's foreign keys that are set once all rows stand."""
    return model.on_export.later if isinstance(model.on_export, Exported) else ()


def _needs(model: Any) -> set[Any]:
    later = later_keys(model)
    return {key.related_model for key in foreign_keys(model) if key.name not in later} - {model}


def shown_name(row: models.Model, path: str) -> str:
    """What people call the row: what stands at the end of `path` (`membership__user`), or the row itself."""
    found: Any = row
    for step in path.split("__") if path else ():
        found = getattr(found, step, None)
    return str(found) if found is not None and str(found) else "—"


def with_shown(rows: models.QuerySet[Any], path: str) -> models.QuerySet[Any]:
    """The rows with what `shown_name` asks for, in one query."""
    steps, model, relations = path.split("__") if path else [], rows.model, []
    for step in steps:
        column = model._meta.get_field(step)
        if not column.is_relation:
            break
        relations.append(step)
        model = column.related_model
    return rows.select_related("__".join(relations)) if relations else rows


def ids_of(rows: Iterable[models.Model]) -> list[str]:
    """Primary keys as JSON keeps them."""
    return [str(row.pk) for row in rows]
