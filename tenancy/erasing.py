"""Erasing a person: what the firm keeps about somebody is found, shown, and blanked or deleted as the models declare.

The trail stays: its personal values are encrypted for each person, and the key is destroyed. Someone who belongs to no
other firm loses the account too.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.files.storage import default_storage
from django.db import models, transaction

from tenancy import trail
from tenancy.keeping import Blanks, Deletes, Exported, shown_name, tenant_models, with_shown
from tenancy.leaving import delete_if_homeless
from tenancy.models import Firm, Membership
from tenancy.permissions import ADMIN
from tenancy.scope import Scope, open_scope

SHORTEST = 2
FOUND_AT_MOST = 50  # of a kind


class NotErasable(ValueError):
    """This one cannot be erased; the text says why, for people."""


@dataclass(frozen=True)
class Found:
    """A row in which the person stands. `sure`: by the address; else by a name, which others may have too."""

    row: Any
    label: str
    shown: str
    outcome: str
    sure: bool

    @property
    def key(self) -> str:
        """Names the row in a form."""
        return f"{self.row._meta.label_lower}:{self.row.pk}"


def find(words: str) -> list[Found]:
    """Where somebody of this address or name stands; at most 50 rows of a kind. Queries: two for each kind of row."""
    words = words.strip()
    if len(words) < SHORTEST:
        return []
    return [found for model in tenant_models() for found in _find_in(model, words)]


def _find_in(model: Any, words: str) -> list[Found]:
    told = model.on_erase
    if not isinstance(told, Blanks | Deletes):
        return []
    by_email = models.Q(**{f"{told.email}__iexact": words}) if told.email else models.Q(pk__in=[])
    by_name = models.Q(pk__in=[])
    for name in told.name:
        by_name |= models.Q(**{f"{name}__icontains": words})
    rows = with_shown(model.objects.all(), told.shown)
    sure = list(rows.filter(by_email).order_by("pk")[:FOUND_AT_MOST])
    known = {row.pk for row in sure}
    unsure = [row for row in rows.filter(by_name).order_by("pk")[:FOUND_AT_MOST] if row.pk not in known]
    return [_found(row, told, True) for row in sure] + [_found(row, told, False) for row in unsure]


def _found(row: Any, told: Blanks | Deletes, sure: bool) -> Found:
    if isinstance(told, Deletes):
        return Found(row, told.label, shown_name(row, told.shown), "消します", sure)
    labels = "・".join(str(row._meta.get_field(name).verbose_name) for name in told.fields)
    return Found(row, told.label, shown_name(row, told.shown), f"「{labels}」を空にします", sure)


def erase_person(*, words: str, keys: Iterable[str], actor: Membership | None) -> int:
    """Erase the rows named by `keys` among those that `find(words)` shows now; how many there were. Raises NotErasable,
    then nothing was written."""
    wanted = set(keys)
    chosen = [found for found in find(words) if found.key in wanted]
    members = [found.row for found in chosen if isinstance(found.row, Membership)]
    _check(members, actor)
    counts: dict[str, int] = {}
    for found in chosen:
        counts[found.label] = counts.get(found.label, 0) + 1
        _erase(found.row)
    for user_id in {member.user_id for member in members}:
        with open_scope(Scope(user_id=user_id)):
            delete_if_homeless(user_id)
    if chosen:
        firm = Firm.objects.get(pk=chosen[0].row.firm_id)
        trail.record("erase.person", firm, erased=counts)
    return len(chosen)


def _check(members: list[Membership], actor: Membership | None) -> None:
    """Nobody erases the own place, nor leaves the firm without an admin."""
    if actor is not None and any(member.user_id == actor.user_id for member in members):
        raise NotErasable("ご自身は消せません。ほかの管理者にご依頼ください。")
    admins = set(
        Membership.objects.active()
        .select_for_update(of=("self",), no_key=True)
        .filter(role=ADMIN)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    if admins and admins <= {member.pk for member in members}:
        raise NotErasable("最後の管理者は消せません。先に、ほかの方を管理者にしてください。")


def _erase(row: Any) -> None:
    trail.forget(row.whose())
    _erase_what_hangs(row.pk)
    told = row.on_erase
    if isinstance(told, Deletes):
        _delete(row)
        return
    for name in told.fields:
        setattr(row, name, "")
    row.save(update_fields=list(told.fields))


def _erase_what_hangs(pk: Any) -> None:
    """Rows that were made from the erased one (its printed report, its mails) go with it."""
    if not isinstance(pk, UUID):
        return
    for model in tenant_models():
        if isinstance(model.on_erase, Deletes) and model.on_erase.made_of:
            for made in model.objects.filter(**{model.on_erase.made_of: pk}):
                _delete(made)


def _delete(row: Any) -> None:
    told = row.on_export
    key = getattr(row, told.files) if isinstance(told, Exported) and told.files else ""
    if key:
        transaction.on_commit(lambda: default_storage.delete(key))
    row.delete()
