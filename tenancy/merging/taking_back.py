"""The way back, for 30 days; what is left of a merge after them; and what it forgets of a person before."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import models

from tenancy import clock, due, trail
from tenancy.keeping import foreign_keys, parents_first
from tenancy.merging.joining import SHELL
from tenancy.merging.moving import (
    Moved,
    NotMergeable,
    keys_checked_at_the_end,
    keys_of,
    movable,
    move,
    plain,
    readdressed,
)
from tenancy.models import Company, CompanyMerge, Membership
from tenancy.records import keep_last_contact
from tenancy.scope import whole_firm


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
        kept, gone = locked_again(done)
        done.refresh_from_db()
        if done.undone_at or done.undo_until <= clock.now() or gone.merged_into_id != kept.pk:
            raise NotMergeable("この統合は、すでに取り消されたか、取り消せる期間を過ぎています。")
        if kept.merged_into_id or latest(kept) != done:
            raise NotMergeable("あとから行った統合を、先に取り消してください。")
        with keys_checked_at_the_end():
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


def locked_again(done: CompanyMerge) -> tuple[Company, Company]:
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
        model.objects.filter(pk__in=going).update(company=gone, **readdressed(model, kept, gone))
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
        if plain(getattr(row, name)) == after and not _number_is_taken(row, name, value):
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
        for key in keys_of(model):
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


# ── After the days ──


def remove_shell(merge_id: UUID) -> None:
    """After the days in which it could be taken back: what still reached the company that is gone (a page that was open
    meanwhile) moves too, then the company is deleted. In the firm's scope; gone is fine."""
    done = CompanyMerge.objects.filter(pk=merge_id, undone_at=None, undo_until__lte=clock.now()).first()
    if done is None:
        return
    kept, gone = locked_again(done)
    late = Moved()
    with keys_checked_at_the_end():
        move(kept, gone, late)
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
