"""Erasing a person: what the firm keeps about somebody is found, shown, and blanked or deleted as the models declare.

The trail stays: its personal values are encrypted for each person, and the key is destroyed. Someone who belongs to no
other firm loses the account too.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.files.storage import default_storage
from django.db import models
from django.db.models.deletion import Collector

from tenancy import merging, personal, trail
from tenancy.filing import forget_later
from tenancy.keeping import Blanks, Deletes, Exported, shown_name, tenant_models, with_shown
from tenancy.leaving import delete_if_homeless
from tenancy.models import Attachment, Firm, Membership, PersonKey, Trail, User
from tenancy.permissions import ADMIN
from tenancy.scope import Scope, open_scope
from tenancy.trail_words import label_of_subject

SHORTEST = 2
SEARCHED_AT_MOST = 50_000  # rows of the trail, the newest: each personal value is opened
SHOWN_AT_MOST = 50  # of a kind; a form may send 500 fields


class NotErasable(ValueError):
    """This one cannot be erased; the text says why, for people."""


@dataclass(frozen=True)
class Found:
    """A row in which the person stands, or all of a kind where there are many. `sure`: by the address; else by a name,
    which others may have too."""

    rows: list[Any]
    label: str
    shown: str
    outcome: str
    sure: bool

    @property
    def key(self) -> str:
        """Names it in a form."""
        first = self.rows[0]
        return f"{first._meta.label_lower}:{first.pk if len(self.rows) == 1 else 'all'}"


@dataclass(frozen=True)
class Findings:
    """Where a person stands. `more`: how many rows were found by the name beyond those that are listed."""

    listed: list[Found]
    more: int

    def chosen(self, keys: Iterable[str]) -> list[Found]:
        wanted = set(keys)
        return [found for found in self.listed if found.key in wanted]


def find(words: str) -> Findings:
    """Where somebody of this address or name stands: by the address every row, by a name at most 50 of a kind, and what
    the trail keeps of former values and of what is deleted. Queries: two for each kind of row, one where there are
    more, three for the trail."""
    words = words.strip()
    if len(words) < SHORTEST:
        return Findings([], 0)
    told = [_find_in(model, words) for model in tenant_models()]
    listed = [found for each in told for found in each.listed]
    present = {row.whose() for found in listed for row in found.rows}
    return Findings(listed + _find_in_trail(words, but=present), sum(each.more for each in told))


def _find_in_trail(words: str, *, but: set[str]) -> list[Found]:
    """Keys that open what was once said of the person; without those of what is found anyway, which go with it."""
    written = Trail.objects.exclude(changes={}).order_by("-at").values_list("changes", flat=True)
    held = personal.holders(words, written[:SEARCHED_AT_MOST].iterator())
    keys = PersonKey.objects.filter(person__in=set(held) - but).order_by("pk")[:SHOWN_AT_MOST]
    return [_found_in_trail(key, held[key.person]) for key in keys]


def _found_in_trail(key: PersonKey, count: int) -> Found:
    label = label_of_subject(key.person.rpartition(":")[0])
    return Found([key], "操作の記録", f"{label}の以前の内容 {count}件", "読めなくします", False)


def _find_in(model: Any, words: str) -> Findings:
    told = model.on_erase
    if not isinstance(told, Blanks | Deletes):
        return Findings([], 0)
    by_email = models.Q(**{f"{told.email}__iexact": words}) if told.email else models.Q(pk__in=[])
    by_name = models.Q(pk__in=[])
    for name in told.name:
        by_name |= models.Q(**{f"{name}__icontains": words})
    rows = with_shown(model.objects.all(), told.shown).order_by("pk")
    sure, named = list(rows.filter(by_email)), rows.filter(by_name).exclude(by_email)
    unsure = list(named[: SHOWN_AT_MOST + 1])
    more = named.count() - SHOWN_AT_MOST if len(unsure) > SHOWN_AT_MOST else 0
    return Findings(_sure(sure) + [_found([row], False) for row in unsure[:SHOWN_AT_MOST]], more)


def _sure(rows: list[Any]) -> list[Found]:
    """Row by row; as one line where there are so many (mails of years) that nobody would look through them."""
    return [_found(rows, True)] if len(rows) > SHOWN_AT_MOST else [_found([row], True) for row in rows]


def _found(rows: list[Any], sure: bool) -> Found:
    first, told = rows[0], rows[0].on_erase
    shown = shown_name(first, told.shown) if len(rows) == 1 else f"すべての{len(rows)}件"
    if isinstance(told, Deletes):
        return Found(rows, told.label, shown, "消します", sure)
    labels = "・".join(str(first._meta.get_field(name).verbose_name) for name in told.fields)
    return Found(rows, told.label, shown, f"「{labels}」を空にします", sure)


def erase_person(*, words: str, keys: Iterable[str], actor: Membership | None) -> int:
    """Erase the rows named by `keys` among those that `find(words)` shows now; how many there were. Raises NotErasable,
    then nothing was written."""
    chosen = [row for found in find(words).chosen(keys) for row in found.rows]
    members = [row for row in chosen if isinstance(row, Membership)]
    _check(members, actor)
    counts = Counter(_label(row) for row in chosen)
    written = [each for row in chosen for each in _erase(row)]
    merging.forget(written)
    homeless = _delete_homeless({member.user_id for member in members})
    if chosen:
        firm = Firm.objects.get(pk=chosen[0].firm_id)
        trail.record("erase.person", firm, rows=[*written, *homeless], erased=dict(counts))
    return len(chosen)


def _label(row: Any) -> str:
    return "操作の記録" if isinstance(row, PersonKey) else str(row.on_erase.label)


def _delete_homeless(user_ids: set[int]) -> list[User]:
    """Those of them who belonged to no other firm, and are gone."""
    gone = []
    for pk in sorted(user_ids):
        with open_scope(Scope(user_id=pk)):
            if delete_if_homeless(pk):
                gone.append(User(pk=pk))
    return gone


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
    if isinstance(row, PersonKey):
        trail.forget(row.person)
        return [PersonKey(pk=row.pk)]
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
