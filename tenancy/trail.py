"""Writing the audit trail: one row per act, in the same transaction as the act.

    trail.record("add.site", site, company_id=…)                   something new: its values stand in the row itself
    trail.record("rename.site", site, before={"name": "本店"}, …)    something changed: what stood there before
    trail.record_gone("remove.site", site, company_id=…)            something deleted: all that stood there

`rows` are further rows that the same act wrote. `details` are ids, states and counts, not what a person typed: only the
reason that an operator of the installation gives for coming in is, which is written for the firm to read. What is
personal is sealed (`tenancy.personal`), and what opens something is refused.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4, uuid5

from django.db import models

from tenancy.logs import request_id
from tenancy.models import Trail
from tenancy.personal import forget, is_personal, seal
from tenancy.scope import current_scope

__all__ = ["SecretInTrail", "done", "forget", "record", "record_gone"]

VISITOR = "visitor"  # in `role`, which is '' for the system itself
_SECRET = re.compile(r"(^|_)(passwords?|hash(es)?|keys?|tokens?|secrets?|codes?)$")
# Made from other fields, or by every save: they would only repeat what is said already.
NOT_KEPT = frozenset({"id", "firm", "search_text", "bare_name", "updated_at"})


class SecretInTrail(ValueError):
    """An action tried to write down something that opens a door."""


def record(
    act: str,
    subject: models.Model,
    *,
    company_id: int | None = None,
    before: Mapping[str, Any] | None = None,
    rows: Iterable[models.Model] = (),
    once: UUID | None = None,
    **details: Any,
) -> None:
    """Write that the scope's user did `act` to `subject`. `before`: what stood in the fields that were changed; what
    stands there now is read from `subject`. `once`: the form's own id, by which `done` finds the row. Raises
    SecretInTrail.

    One INSERT, without reading it back: visitors may add to the trail but not see it. Of a visitor only the names of
    the fields are kept. Up to three statements more where values are personal.
    """
    named = {subject._meta.get_field(name).name: value for name, value in (before or {}).items()}
    _refuse_secrets((*named, *details))
    pairs = {name: [value, subject.serializable_value(name)] for name, value in named.items()}
    _write(act, subject, company_id, pairs, rows, details, once)


def done(act: str, once: UUID) -> Trail | None:
    """What `record` wrote of this act for the same form, in the scope's firm. One look-up by the primary key."""
    found: Trail | None = Trail.objects.filter(pk=_once_id(act, once)).first()
    return found


def _once_id(act: str, once: UUID) -> UUID:
    """The row's own id, so that nobody searches years of a firm for a form."""
    return uuid5(once, f"{act}:{current_scope().firm_id}")


def record_gone(
    act: str,
    subject: models.Model,
    *,
    company_id: int | None = None,
    rows: Iterable[models.Model] = (),
    **details: Any,
) -> None:
    """Write that `subject` is about to be deleted, with all that stands in it: call it before. What is empty, and what
    opens something, is left out. For what a person deletes: of what is deleted because its time is over nothing may
    stay, and `record` says enough."""
    _refuse_secrets(details)
    values = {
        field.name: subject.serializable_value(field.name)
        for field in subject._meta.concrete_fields
        if field.name not in NOT_KEPT and not is_secret(field.name)
    }
    pairs = {name: [value, None] for name, value in values.items() if value not in (None, "", [], {})}
    _write(act, subject, company_id, pairs, rows, details)


def is_secret(name: str) -> bool:
    """Whether a field or a detail of this name may not stand in the trail."""
    return bool(_SECRET.search(name))


def _refuse_secrets(names: Iterable[str]) -> None:
    if found := sorted(filter(is_secret, names)):
        raise SecretInTrail(f"{', '.join(found)} must not be written into the trail")


def _write(
    act: str,
    subject: models.Model,
    company_id: int | None,
    pairs: dict[str, list[Any]],
    rows: Iterable[models.Model],
    details: dict[str, Any],
    once: UUID | None = None,
) -> None:
    scope = current_scope()
    if named := _named(rows):
        details["rows"] = named
    if scope.by_token:
        details["by_token"] = True
    if scope.side == "visitor" and pairs:
        details["fields"], pairs = sorted(pairs), {}
    Trail(
        id=_once_id(act, once) if once else uuid4(),
        firm_id=scope.firm_id or 0,  # 0: no firm, PostgreSQL refuses it
        company_id=company_id,
        user_id=scope.user_id,
        role=scope.role or (VISITOR if scope.side == "visitor" else ""),
        act=act,
        subject=subject._meta.label_lower,
        subject_id=str(subject.pk),
        changes=_changes(subject, pairs, company_id),
        details=details,
        request_id=request_id.get(),
    ).save(force_insert=True)


def _named(rows: Iterable[models.Model]) -> dict[str, list[str]]:
    named: dict[str, list[str]] = {}
    for row in rows:
        named.setdefault(row._meta.label_lower, []).append(str(row.pk))
    return named


def _changes(
    subject: models.Model, pairs: Mapping[str, list[Any]], company_id: int | None
) -> dict[str, list[Any]]:
    changes = {name: [_json(value) for value in pair] for name, pair in pairs.items()}
    if personal := [name for name in changes if is_personal(subject, name)]:
        values = [value for name in personal for value in changes[name]]
        sealed = seal(subject.whose(), values, company_id=company_id)  # type: ignore[attr-defined]
        for at, name in enumerate(personal):
            changes[name] = sealed[2 * at : 2 * at + 2]
    return changes


def _json(value: Any) -> Any:
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal | UUID) else value
