"""Erasing a person: what the firm keeps about somebody is found, shown, and blanked or deleted as the models declare.

The trail stays: its personal values are encrypted for each person, and the key is destroyed. Someone who belongs to no
other firm loses the account too.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.files.storage import default_storage
from django.db import models
from django.db.models.deletion import Collector

from tenancy import trail
from tenancy.filing import forget_later
from tenancy.keeping import Blanks, Deletes, Exported, shown_name, tenant_models, with_shown
from tenancy.leaving import delete_if_homeless
from tenancy.models import Attachment, Firm, Membership, User
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
    rows: list[models.Model] = []
    for found in chosen:
        counts[found.label] = counts.get(found.label, 0) + 1
        rows += _erase(found.row)
    people = [User(pk=pk) for pk in sorted({member.user_id for member in members})]
    for person in people:
        with open_scope(Scope(user_id=person.pk)):
            delete_if_homeless(person.pk)
    if chosen:
        firm = Firm.objects.get(pk=chosen[0].row.firm_id)
        trail.record("erase.person", firm, rows=[*rows, *people], erased=counts)
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


def _erase(row: Any) -> list[models.Model]:
    """Blank or delete it; the rows that were written, as far as the trail needs them: their kind and their id."""
    trail.forget(row.whose())
    written = [type(row)(pk=row.pk), *_erase_what_hangs(row.pk)]
    told = row.on_erase
    if isinstance(told, Deletes):
        return written + _delete(row)
    for name in told.fields:
        setattr(row, name, "")
    row.save(update_fields=list(told.fields))
    return written


def _erase_what_hangs(pk: Any) -> list[models.Model]:
    """Rows that were made from the erased one (its printed report, its mails) go with it."""
    gone: list[models.Model] = []
    if not isinstance(pk, UUID):
        return gone
    for model in tenant_models():
        if isinstance(model.on_erase, Deletes) and model.on_erase.made_of:
            for made in model.objects.filter(**{model.on_erase.made_of: pk}):
                gone += [model(pk=made.pk), *_delete(made)]
    return gone


def _delete(row: Any) -> list[models.Model]:
    """Delete the row with its file; what Django deletes along with it.

    A file that is kept is deleted by a due row of this transaction. A printed report at once: should the transaction be
    taken back, it is made anew, and should the process die, nothing personal stays behind.
    """
    told = row.on_export
    if isinstance(row, Attachment):
        forget_later(row)
    elif isinstance(told, Exported) and told.files and (key := getattr(row, told.files)):
        default_storage.delete(key)
    along = Collector(using=row._state.db, origin=row)
    along.collect([row])
    going = [each for rows in along.data.values() for each in rows]
    going += [each for rows in along.fast_deletes for each in rows]
    row.delete()
    return [type(each)(pk=pk) for each in going if (pk := each.pk) is not None]
