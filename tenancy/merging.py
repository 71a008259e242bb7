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

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import connection, models
from django.db.models.functions import Replace

from tenancy import clock, due, trail
from tenancy.constraints import SameTenantKey
from tenancy.editing import shown
from tenancy.keeping import Moves, Twin, foreign_keys, parents_first, shown_name, with_shown
from tenancy.models import Company, CompanyMerge, Membership
from tenancy.records import keep_last_contact
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
        twins = _twins(model, kept, gone, {})
        rows = _moving(model, gone, twins)
        count = rows.count()
        if count:
            first = [shown_name(row, told.shown) for row in rows[:SHOWN_AT_MOST]]
            groups.append(Group(model._meta.label_lower, told.label, count, first, count - len(first)))
        named = with_shown(model.objects.filter(pk__in=twins).order_by("pk"), told.shown)
        conflicts += [Conflict(told.label, shown_name(row, told.shown), _outcome(model)) for row in named]
    to_fill = _to_fill(kept, gone)
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
    return model.on_merge.label, _moving(model, gone, _twins(model, kept, gone, {}))


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


def _to_fill(kept: Company, gone: Company) -> list[str]:
    empty = (None, "")
    filled = [name for name in FILLED if getattr(kept, name) in empty and getattr(gone, name) not in empty]
    # 見込み is what nobody has decided yet: a company that is supported stays so.
    new = kept.support_status == Company.Support.LEAD != gone.support_status
    return [*filled, "support_status"] if new else filled


# ── Merge ──


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
        kept.update({name: [_plain(getattr(row, name)), _plain(value)] for name, value in values.items()})

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
        before = _fill(kept, gone, moved)
        keep_last_contact(kept.pk)
        done = CompanyMerge.objects.create(
            firm_id=kept.firm_id,
            kept=kept,
            gone=gone,
            moved=moved.as_json(),
            merged_by=actor,
            undo_until=clock.end_of(clock.today() + UNDO_FOR),
        )
        due.put(SHELL, kept.firm_id, done.pk, at=done.undo_until)
        _tell(done, kept, gone, moved, before)
    return done


def _tell(
    done: CompanyMerge, kept: Company, gone: Company, moved: Moved, before: Mapping[Company, dict[str, Any]]
) -> None:
    """The trail of each company says what became of it; of the one that stays also which fields were filled."""
    merge = str(done.pk)
    named = [done, *moved.named()]
    trail.record(
        "merge.company", kept, company_id=kept.pk, rows=named, gone=gone.pk, merge=merge, moved=moved.counts
    )
    if before[kept]:
        trail.record("update.company", kept, company_id=kept.pk, before=before[kept], merge=merge)
    trail.record("go.company", gone, company_id=gone.pk, before=before[gone], kept=kept.pk, merge=merge)


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
        rows.filter(pk__in=ids).update(company=kept, **_readdressed(model, gone, kept))
        moved.rows.setdefault(model._meta.label_lower, []).extend(map(str, ids))
    for model in parents_first():
        if model not in (Company, CompanyMerge) and not isinstance(model.on_merge, Moves):
            _repoint(model, None, settled, moved)
    for model in movable():
        _repoint(model, None, settled, moved)


def _readdressed(model: Any, old: Company, new: Company) -> dict[str, Any]:
    """What an update writes into the columns that hold addresses: they lead to the same page of the new company."""
    paths = models.Value(f"/companies/{old.pk}/"), models.Value(f"/companies/{new.pk}/")
    return {name: Replace(name, *paths) for name in model.on_merge.addresses}


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


def _fill(kept: Company, gone: Company, moved: Moved) -> dict[Company, dict[str, Any]]:
    """The kept company's empty fields; the other one becomes a shell. What stood in the fields that were written."""
    filled = {name: getattr(gone, name) for name in _to_fill(kept, gone)}
    shell = {"merged_into_id": kept.pk, "archived_at": clock.now(), "corporate_number": None}
    before = {row: {name: getattr(row, name) for name in to} for row, to in ((kept, filled), (gone, shell))}
    # First the one that is gone: a 法人番号 stands once in a firm.
    moved.change(gone, **shell)
    if filled:
        moved.change(kept, **filled)
    return before


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
            before = _restore(done, (kept, gone))
            mended = _mend_keys(kept, gone)
        for company in (kept, gone):
            keep_last_contact(company.pk)
        # What stood in fields is needed no more, and some of it is personal.
        CompanyMerge.objects.filter(pk=done.pk).update(undone_at=clock.now(), moved={})
        due.drop(SHELL, done.pk)
        _tell_back(done, before, [*_named(back), *_restored(done), *mended])
        gone.refresh_from_db()
        return gone


def _tell_back(
    done: CompanyMerge, before: Mapping[Company, dict[str, Any]], rows: Sequence[models.Model]
) -> None:
    """As `_tell`, for the way back."""
    (kept, was), (gone, was_gone) = before.items()
    merge = str(done.pk)
    trail.record("take_back.merge", kept, company_id=kept.pk, rows=[done, *rows], gone=gone.pk, merge=merge)
    if was:
        trail.record("update.company", kept, company_id=kept.pk, before=was, merge=merge)
    trail.record("come_back.company", gone, company_id=gone.pk, before=was_gone, kept=kept.pk, merge=merge)


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
        model.objects.filter(pk__in=going).update(company=gone, **_readdressed(model, kept, gone))
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


def _restore(done: CompanyMerge, companies: tuple[Company, Company]) -> dict[Company, dict[str, Any]]:
    """What the merge wrote into a field, and nobody has changed since, becomes again what stood there; the kept
    company first, because a 法人番号 stands once in a firm. What stood in the companies' fields until now."""
    changed = done.moved["changed"]
    own = changed.get(Company._meta.label_lower, {})
    before = {company: _restore_company(company, own.get(str(company.pk), {})) for company in companies}
    for model in parents_first():
        if model is not Company:
            _restore_rows(model, changed.get(model._meta.label_lower, {}))
    return before


def _restore_company(row: Company, pairs: Mapping[str, list[Any]]) -> dict[str, Any]:
    was = {}
    for name, (before, after) in pairs.items():
        column: Any = row._meta.get_field(name)
        value = column.to_python(before)
        if _plain(getattr(row, name)) == after and not _number_is_taken(row, name, value):
            was[name] = getattr(row, name)
            setattr(row, name, value)
    if was:
        row.save(update_fields=list(was))
    return was


def _restore_rows(model: Any, rows: Mapping[str, Mapping[str, list[Any]]]) -> None:
    """A statement for each pair of values, not for each row."""
    same: dict[tuple[str, Any, Any], list[str]] = {}
    for pk, pairs in rows.items():
        for name, (before, after) in pairs.items():
            same.setdefault((name, before, after), []).append(pk)
    for (name, before, after), ids in same.items():
        model.objects.filter(pk__in=ids, **{name: after}).update(**{name: before})


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
    keep_last_contact(kept.pk)
    trail.record(
        "remove.shell", gone, company_id=kept.pk, kept=kept.pk, merge=str(done.pk), moved=late.counts
    )
    _delete_with_all(gone)


def _delete_with_all(gone: Company) -> None:
    """Children first: Django's own order fails where company and membership point at each other."""
    for model in reversed(movable()):
        model.objects.filter(company=gone).delete()
    gone.delete()


# ── Erasing a person ──


def forget(rows: Iterable[models.Model]) -> None:
    """What merges remember of these rows' personal fields is forgotten; taking back leaves such a field alone. One
    query, and one for each merge that remembered something."""
    personal: dict[tuple[str, str], frozenset[str]] = {}
    for row in rows:
        personal[row._meta.label_lower, str(row.pk)] = getattr(row, "PERSONAL", frozenset())
    for done in (
        CompanyMerge.objects.select_for_update(of=("self",), no_key=True).exclude(moved={}).order_by("pk")
    ):
        changed = done.moved["changed"]
        known = [each for each in personal if each[1] in changed.get(each[0], {})]
        gone = [
            (label, pk, name)
            for label, pk in known
            for name in personal[label, pk] & changed[label][pk].keys()
        ]
        for label, pk, name in gone:
            del changed[label][pk][name]
        if gone:
            done.save(update_fields=["moved"])


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
