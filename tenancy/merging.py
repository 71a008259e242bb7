"""Two companies that are the same become one: preview, merge, and taking it back for 30 days.

Generic: which rows move is said by the models (`on_merge`), also by those of apps that this module does not know.

1. Both companies are locked in the order of their keys, then looked at again: of two who merge A into B and B into A
   at once, the second finds a company that is gone.
2. Twins (one site, one person in both companies) are settled: the kept company's row stays, what hung on the other one
   hangs on it.
3. All other rows change their company, model by model. Keys that hold the company wait until all have moved.
4. What was changed is noted in CompanyMerge.moved, from which `take_back` puts everything that still exists back.
5. After 30 days `remove_shell` moves what still reached the company that is gone, and deletes it.

Where a merge touches rows that a limited consultant cannot see (a key of the API, say), it acts for the whole firm;
both companies must be in the consultant's own scope before.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import connection, models

from tenancy import clock, due, trail
from tenancy.constraints import SameTenantKey
from tenancy.keeping import Moves, Twin, foreign_keys, parents_first, shown_name, with_shown
from tenancy.models import Company, CompanyMerge, Membership
from tenancy.scope import whole_firm

UNDO_FOR = timedelta(days=30)
SHOWN_AT_MOST = 20
SHELL = "merge_shell"
# The kept company's own values stand; where it has none it takes the other one's.
FILLED = ("kana", "corporate_number", "industry", "employees", "location", "representative", "consultant_id")
due.kind(SHELL, task="tenancy.remove_shell", queue="mail")

_STRONGEST_FIRST = (Membership.Role.OWNER, Membership.Role.STAFF, Membership.Role.PARTNER)

Ids = dict[type[models.Model], dict[Any, Any]]


class NotMergeable(ValueError):
    """The two cannot be merged (any more), or the merge cannot be taken back; the text says why, for people."""


# ── Preview ──


@dataclass(frozen=True)
class Group:
    """Rows of one kind that will move: `shown` are the first of them, `more` how many there are beyond."""

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
    """What a merge would do. `filled`: the kept company's empty fields and what they will hold."""

    groups: list[Group]
    conflicts: list[Conflict]
    filled: list[dict[str, object]]


def preview(kept: Company, gone: Company) -> Preview:
    """What merging `gone` into `kept` does to each row. Queries: two or three for each kind of row, never one a row."""
    groups, conflicts = [], list[Conflict]()
    for model in movable():
        told: Moves = model.on_merge
        twins = _twins(model, kept, gone, {})
        rows = with_shown(model.objects.filter(company=gone).exclude(pk__in=twins).order_by("pk"), told.shown)
        count = rows.count()
        if count:
            shown = [shown_name(row, told.shown) for row in rows[:SHOWN_AT_MOST]]
            groups.append(Group(told.label, count, shown, count - len(shown)))
        named = with_shown(model.objects.filter(pk__in=twins).order_by("pk"), told.shown)
        conflicts += [Conflict(told.label, shown_name(row, told.shown), _outcome(model)) for row in named]
    return Preview(groups, conflicts, _filled_words(kept, gone))


def _outcome(model: Any) -> str:
    if model is Membership:
        return "お一人にまとめ、強いほうの役割を残します"
    return "一つにまとめ、ひも付いたものを引き継ぎます"


def _filled_words(kept: Company, gone: Company) -> list[dict[str, object]]:
    words = []
    for name in _to_fill(kept, gone):
        column: Any = Company._meta.get_field(name)
        value = getattr(gone, column.name)
        words.append(
            {"label": column.verbose_name, "value": value.user if name == "consultant_id" else value}
        )
    return words


def _to_fill(kept: Company, gone: Company) -> list[str]:
    empty = (None, "")
    return [name for name in FILLED if getattr(kept, name) in empty and getattr(gone, name) not in empty]


# ── Merge ──


@dataclass
class Moved:
    """What a merge has changed, by model: rows that changed their company, and in which fields of which row what stood
    before and what after it."""

    rows: dict[str, list[str]] = field(default_factory=dict)
    changed: dict[str, dict[str, dict[str, list[Any]]]] = field(default_factory=dict)

    def change(self, row: models.Model, **values: Any) -> None:
        """Write these values into the row, and remember what stood there."""
        kept = self.changed.setdefault(row._meta.label_lower, {}).setdefault(str(row.pk), {})
        for name, value in values.items():
            kept[name] = [_plain(getattr(row, name)), _plain(value)]
            setattr(row, name, value)
        row.save(update_fields=list(values))

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


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, int | bool) else str(value)


def merge(*, kept: Company, gone: Company, actor: Membership | None) -> CompanyMerge:
    """Make `gone` part of `kept`. Both must be in the scope. Raises NotMergeable."""
    with whole_firm():
        kept, gone = _locked(kept.pk, gone.pk)
        moved = Moved()
        with _keys_checked_at_the_end():
            _move(kept, gone, moved)
        _fill(kept, gone, moved)
        done = CompanyMerge.objects.create(
            firm_id=kept.firm_id,
            kept=kept,
            gone=gone,
            moved=moved.as_json(),
            merged_by=actor,
            undo_until=clock.end_of(clock.today() + UNDO_FOR),
        )
        due.put(SHELL, kept.firm_id, done.pk, at=done.undo_until)
        trail.record(
            "merge.company",
            kept,
            company_id=kept.pk,
            rows=[done, *moved.named()],
            gone=gone.pk,
            merge=str(done.pk),
            moved=moved.counts,
        )
        trail.record("go.company", gone, company_id=gone.pk, kept=kept.pk, merge=str(done.pk))
    return done


def _locked(kept_id: int, gone_id: int) -> tuple[Company, Company]:
    """Both companies, locked in the order of their keys. Raises NotMergeable."""
    if kept_id == gone_id:
        raise NotMergeable("同じ企業どうしは統合できません。")
    rows = Company.objects.select_for_update(of=("self",), no_key=True).order_by("pk")
    found = {row.pk: row for row in rows.filter(pk__in=(kept_id, gone_id))}
    if len(found) < 2 or any(row.merged_into_id for row in found.values()):
        raise NotMergeable("どちらかの企業は、すでに統合されています。一覧からご確認ください。")
    return found[kept_id], found[gone_id]


def movable() -> list[Any]:
    """The models whose rows move, each after those that it points to."""
    return [model for model in parents_first() if isinstance(model.on_merge, Moves)]


def _move(kept: Company, gone: Company, moved: Moved) -> None:
    settled: Ids = {}
    for model in movable():
        _repoint(model, gone, settled, moved)
        twins = _twins(model, kept, gone, settled)
        if twins:
            settled[model] = twins
            _settle(model, twins, moved)
        rows = model.objects.filter(company=gone).exclude(pk__in=twins)
        ids = list(rows.values_list("pk", flat=True))
        rows.filter(pk__in=ids).update(company=kept)
        moved.rows.setdefault(model._meta.label_lower, []).extend(map(str, ids))
    for model in parents_first():
        if model not in (Company, CompanyMerge) and not isinstance(model.on_merge, Moves):
            _repoint(model, None, settled, moved)
    for model in movable():
        _repoint(model, None, settled, moved)


def _twins(model: Any, kept: Company, gone: Company, settled: Ids) -> dict[Any, Any]:
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
    left = model.on_merge.twin.left
    for gone_id, kept_id in twins.items():
        if model is Membership:
            _strengthen(rows[kept_id], rows[gone_id], moved)
        if left:
            moved.change(rows[gone_id], **left)


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
    """What points to a row that has a twin points to the twin; `gone`: only that company's rows."""
    for key in foreign_keys(model):
        twins = settled.get(key.related_model, {})
        rows = model.objects.filter(**{f"{key.name}__in": list(twins)})
        for row in rows.filter(company=gone) if gone else rows if twins else ():
            target = twins[getattr(row, key.attname)]
            if not _is_taken(model, row, key, target):
                moved.change(row, **{key.attname: target})


def _is_taken(model: Any, row: Any, key: Any, target: Any) -> bool:
    """Whether a rule of the table forbids a second row that points to `target` (both have read the same notice)."""
    for rule in model._meta.constraints:
        if isinstance(rule, models.UniqueConstraint) and key.name in rule.fields and "id" not in rule.fields:
            same = {model._meta.get_field(name).attname: None for name in rule.fields}
            same = {name: getattr(row, name) for name in same} | {key.attname: target}
            if model.objects.filter(**same).exists():
                return True
    return False


def _fill(kept: Company, gone: Company, moved: Moved) -> None:
    """The kept company's empty fields; the last contact is the later one; the other one becomes a shell."""
    values = {name: getattr(gone, name) for name in _to_fill(kept, gone)}
    contacts = [day for day in (kept.last_contact_on, gone.last_contact_on) if day]
    if contacts and max(contacts) != kept.last_contact_on:
        values["last_contact_on"] = max(contacts)
    # First the one that is gone: a 法人番号 stands once in a firm.
    moved.change(gone, merged_into_id=kept.pk, archived_at=clock.now(), corporate_number=None)
    if values:
        moved.change(kept, **values)


# ── Taking it back ──


def latest(kept: Company) -> CompanyMerge | None:
    """The merge into `kept` that can be taken back now: the newest one. One query."""
    rows = CompanyMerge.objects.filter(kept=kept, undone_at=None, undo_until__gt=clock.now())
    found: CompanyMerge | None = rows.select_related("gone").order_by("-merged_at").first()
    return found


def take_back(*, done: CompanyMerge, actor: Membership | None) -> Company:
    """Undo a merge: whatever moved and still exists goes back, with what hangs on it; what was changed and not changed
    again holds again what stood there. What else was added since stays with the kept company. Returns the company that
    is there again. Raises NotMergeable."""
    with whole_firm():
        kept, gone = _locked_again(done)
        done.refresh_from_db()
        if done.undone_at or done.undo_until <= clock.now() or gone.merged_into_id != kept.pk:
            raise NotMergeable("この統合は、すでに取り消されたか、取り消せる期間を過ぎています。")
        if kept.merged_into_id or latest(kept) != done:
            raise NotMergeable("あとから行った統合を、先に取り消してください。")
        with _keys_checked_at_the_end():
            back = _go_back(done, kept, gone)
            _restore(done, (kept, gone))
            mended = _mend_keys(kept, gone)
        CompanyMerge.objects.filter(pk=done.pk).update(undone_at=clock.now())
        due.drop(SHELL, done.pk)
        trail.record(
            "take_back.merge",
            kept,
            company_id=kept.pk,
            rows=[done, *_named(back), *_restored(done), *mended],
            gone=gone.pk,
            merge=str(done.pk),
        )
        trail.record("come_back.company", gone, company_id=gone.pk, kept=kept.pk, merge=str(done.pk))
        gone.refresh_from_db()
        return gone


def _locked_again(done: CompanyMerge) -> tuple[Company, Company]:
    rows = Company.objects.select_for_update(of=("self",), no_key=True).order_by("pk")
    found = {row.pk: row for row in rows.filter(pk__in=(done.kept_id, done.gone_id))}
    if len(found) < 2:
        raise NotMergeable("統合した企業が、すでに削除されています。")
    return found[done.kept_id], found[done.gone_id]


def _named(ids: Mapping[Any, set[Any]]) -> list[models.Model]:
    """The rows, as far as the trail needs them: their kind and their id."""
    return [model(pk=pk) for model, pks in ids.items() for pk in sorted(pks)]


def _restored(done: CompanyMerge) -> list[models.Model]:
    return [apps.get_model(label)(pk=pk) for label, rows in done.moved["changed"].items() for pk in rows]


def _go_back(done: CompanyMerge, kept: Company, gone: Company) -> dict[Any, set[Any]]:
    """What moved and is still with the kept company, and what hangs on it, changes its company again."""
    back: dict[Any, set[Any]] = {}
    for model in movable():
        moved = done.moved["rows"].get(model._meta.label_lower, [])
        here = model.objects.filter(company=kept)
        going = set(here.filter(pk__in=moved).values_list("pk", flat=True))
        going |= _followers(model, here.exclude(pk__in=going), back)
        back[model] = going
        model.objects.filter(pk__in=going).update(company=gone)
    return back


def _followers(model: Any, here: models.QuerySet[Any], back: dict[Any, set[Any]]) -> set[Any]:
    """Rows that hang on something that goes back, and on nothing that stays."""
    names = model.on_merge.follows
    if not names:
        return set()
    columns = [model._meta.get_field(name) for name in names]
    anything = {pk for going in back.values() for pk in going}
    found = set()
    for pk, *values in here.values_list("pk", *(column.attname for column in columns)):
        hangs = [(column, value) for column, value in zip(columns, values, strict=True) if value is not None]
        goes = [value in back.get(column.related_model, anything) for column, value in hangs]
        if goes and all(goes):
            found.add(pk)
    return found


def _restore(done: CompanyMerge, companies: tuple[Company, Company]) -> None:
    """What the merge wrote into a field, and nobody has changed since, becomes again what stood there; the kept
    company first, because a 法人番号 stands once in a firm."""
    changed = dict(done.moved["changed"])
    own = changed.pop(Company._meta.label_lower, {})
    for company in companies:
        _restore_row(company, own.get(str(company.pk), {}))
    for model in parents_first():
        rows = changed.get(model._meta.label_lower, {})
        for row in model.objects.filter(pk__in=list(rows)):
            _restore_row(row, rows[str(row.pk)])


def _restore_row(row: Any, pairs: Mapping[str, list[Any]]) -> None:
    names = []
    for name, (before, after) in pairs.items():
        value = row._meta.get_field(name).to_python(before)
        if _plain(getattr(row, name)) == after and not _number_is_taken(row, name, value):
            setattr(row, name, value)
            names.append(name)
    if names:
        row.save(update_fields=names)


def _number_is_taken(row: Any, name: str, value: Any) -> bool:
    taken = Company.objects.exclude(pk=row.pk).filter(corporate_number=value)
    return name == "corporate_number" and value is not None and taken.exists()


def _mend_keys(kept: Company, gone: Company) -> list[models.Model]:
    """Where somebody has since joined what was of one company to what was of the other, the joint opens: as its
    on_delete says, the column is emptied or the row, which is nothing but the joint, deleted. Those rows."""
    mended: dict[Any, set[Any]] = {}
    for model in movable():
        for key in _keys_of(model):
            column = next(each for each in foreign_keys(model) if each.attname == key.columns[-1])
            across = model.objects.filter(company__in=(kept, gone)).exclude(**{f"{column.name}": None})
            across = across.exclude(**{f"{column.name}__company": models.F("company")})
            ids = list(across.values_list("pk", flat=True))
            mended.setdefault(model, set()).update(ids)
            if column.null and column.remote_field.on_delete is models.SET_NULL:
                model.objects.filter(pk__in=ids).update(**{column.name: None})
            else:
                model.objects.filter(pk__in=ids).delete()
    return _named(mended)


def remove_shell(merge_id: UUID) -> None:
    """After the days in which it could be taken back: what still reached the company that is gone (a page that was open
    meanwhile) moves too, then the company is deleted. In the firm's scope; gone is fine."""
    done = CompanyMerge.objects.filter(pk=merge_id, undone_at=None, undo_until__lte=clock.now()).first()
    if done is None:
        return
    kept, gone = _locked_again(done)
    late = Moved()
    with _keys_checked_at_the_end():
        _move(kept, gone, late)
    trail.record(
        "remove.shell", gone, company_id=kept.pk, kept=kept.pk, merge=str(done.pk), moved=late.counts
    )
    _delete_with_all(gone)


def _delete_with_all(gone: Company) -> None:
    """Children first: Django's own order fails where company and membership point at each other."""
    for model in reversed(movable()):
        model.objects.filter(company=gone).delete()
    gone.delete()


# ── Keys ──


@contextmanager
def _keys_checked_at_the_end() -> Iterator[None]:
    """Keys that hold the company are checked when the block ends, inside the caller's try, not at COMMIT."""
    names = ", ".join(connection.ops.quote_name(key.name) for key in _company_keys())
    with connection.cursor() as cursor:
        cursor.execute(f"SET CONSTRAINTS {names} DEFERRED")
    yield
    with connection.cursor() as cursor:
        cursor.execute(f"SET CONSTRAINTS {names} IMMEDIATE")


def _company_keys() -> list[SameTenantKey]:
    return [key for model in parents_first() for key in _keys_of(model)]


def _keys_of(model: Any) -> list[SameTenantKey]:
    """The model's keys that hold the company besides another column."""
    keys = [key for key in model._meta.constraints if isinstance(key, SameTenantKey)]
    return [key for key in keys if key.deferrable]
