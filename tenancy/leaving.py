"""A firm leaves: ordered by name, due after 14 days, taken back until then, irreversible after that.

When it is due (`carry_out`), in steps of which each may be interrupted and repeated:

1. The firm is closed: nobody comes in, no link opens, and the order cannot be taken back any more.
2. Its due work is dropped and its files are deleted.
3. Its rows go, children first; with each person's last place the person goes, unless there is a place elsewhere.
4. The trail goes last, to which the triggers give way because the order is there and due.
5. If nothing has come in meanwhile, the order goes too, and a closed firm without a name remains: its slug is never
   given to another firm, to whose page old links and mails would lead.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction

from tenancy import clock, due, trail
from tenancy.due import Claim
from tenancy.keeping import Exported, Moves, later_keys, parents_first, tenant_models
from tenancy.models import Company, Due, Firm, FirmDeletion, Membership, Trail, User
from tenancy.scope import Scope, current_scope, open_scope

DELETION = "firm_deletion"
WAITS = timedelta(days=14)
NO_NAME = "(終了した会社)"
AT_ONCE = 500

due.kind(DELETION, task="tenancy.delete_firm", queue="mail")


class WrongName(ValueError):
    """What was typed is not the firm's name."""


class StillComing(RuntimeError):
    """Something was written while the firm was being deleted; the next attempt deletes that too."""


@dataclass(frozen=True)
class Loss:
    """What a deletion will take: how many of what."""

    label: str
    value: str


def losses() -> list[Loss]:
    """All that will be lost, in numbers; kinds of which there is nothing are left out. One query a kind."""
    kinds = [("支援先企業", Company)]
    moving = [model for model in tenant_models() if isinstance(model.on_merge, Moves)]
    kinds += [(model.on_merge.label, model) for model in moving if not model.on_merge.mark]
    counted = [(label, model.objects.count()) for label, model in kinds]
    return [Loss(label, f"{count:,}件") for label, count in counted if count]


# ── The order ──


def order_deletion(*, firm: Firm, typed: str, actor: Membership | None) -> FirmDeletion:
    """Order the deletion. Ordered twice, the first order stands. Raises WrongName."""
    if typed != firm.name:
        raise WrongName
    order: FirmDeletion
    order, made = FirmDeletion.objects.get_or_create(
        firm=firm,
        defaults={"ordered_by": current_scope().user_id, "due_at": clock.now() + WAITS},
    )
    if made:
        Firm.objects.filter(pk=firm.pk).update(closes_at=order.due_at)
        due.put(DELETION, firm.pk, _object_id(order), at=order.due_at)
        trail.record("order.firm_deletion", order, rows=[firm], due_at=order.due_at.isoformat())
    return order


def take_deletion_back(*, firm: Firm, actor: Membership | None) -> bool:
    """The firm stays. False when there is no order (any more), or it is being carried out."""
    order = FirmDeletion.objects.select_for_update(of=("self",)).filter(due_at__gt=clock.now()).first()
    if order is None:
        return False
    trail.record("take_back.firm_deletion", order, rows=[firm])
    due.drop(DELETION, _object_id(order))
    order.delete()
    Firm.objects.filter(pk=firm.pk).update(closes_at=None)
    return True


def _object_id(order: FirmDeletion) -> UUID:
    return UUID(int=order.pk)


# ── Carried out ──


def carry_out(firm_id: int, claim: Claim) -> None:
    """Delete the firm with all it has, if the order is there and due. Twice is once. Raises StillComing."""
    scope = Scope.of_firm(firm_id)
    if not _close(scope):
        claim.finish()
        return
    Due.objects.filter(firm_id=firm_id).exclude(pk=claim.due_id).delete()
    _delete_files(firm_id)
    for model in reversed(parents_first()):
        if model is Membership:
            _delete_people(scope)
        elif model not in (Trail, FirmDeletion):
            _delete_rows(scope, model)
    _delete_files(firm_id)  # also what a worker was still writing
    _delete_rows(scope, Trail)
    _end(scope, claim)


def _close(scope: Scope) -> bool:
    with open_scope(scope):
        order = FirmDeletion.objects.select_for_update(of=("self",)).filter(due_at__lte=clock.now()).first()
        if order is None:
            return False
        Firm.objects.filter(pk=order.firm_id).update(state=Firm.State.CLOSED)
        for model in parents_first():
            if keys := later_keys(model):
                model.objects.update(**dict.fromkeys(keys))
    return True


def _end(scope: Scope, claim: Claim) -> None:
    with open_scope(scope):
        if any(model.objects.exists() for model in tenant_models() if model is not FirmDeletion):
            raise StillComing
        claim.finish()
        FirmDeletion.objects.all().delete()
        Firm.objects.filter(pk=scope.firm_id or 0).update(name=NO_NAME, closes_at=None)


def _page_by_page(scope: Scope, rows: Callable[[], Any], delete: Callable[[list[Any]], object]) -> None:
    """Delete what is there until nothing is, a page and a transaction at a time."""
    while True:
        with open_scope(scope):
            page = list(rows()[:AT_ONCE])
            if not page:
                return
            delete(page)


def _delete_rows(scope: Scope, model: Any) -> None:
    _page_by_page(
        scope,
        lambda: model.objects.order_by("pk").values_list("pk", flat=True),
        lambda page: model.objects.filter(pk__in=page).delete(),
    )


def _delete_people(scope: Scope) -> None:
    def delete(page: list[int]) -> None:
        for user_id in page:
            Membership.objects.filter(user_id=user_id).delete()
            with open_scope(Scope(user_id=user_id)):
                delete_if_homeless(user_id)

    people = Membership.objects.order_by("user_id").values_list("user_id", flat=True).distinct()
    _page_by_page(scope, people.all, delete)


def delete_if_homeless(user_id: int) -> bool:
    """The person, unless there is a place elsewhere; whether they are gone. Needs the person's own scope: it sees the
    places in all firms."""
    if Membership.objects.exists():
        return False
    try:
        with transaction.atomic():
            return bool(User.objects.filter(pk=user_id, is_operator=False).delete()[0])
    except IntegrityError:  # invited elsewhere at this very moment
        return False


def _delete_files(firm_id: int) -> None:
    """Every file of the firm: all keys begin with its number (`firm/12/…`); and those its rows name."""
    with open_scope(Scope.of_firm(firm_id)):
        named = [
            key
            for model in tenant_models()
            if isinstance(model.on_export, Exported) and (column := model.on_export.files)
            for key in model.objects.exclude(**{column: ""}).values_list(column, flat=True)
        ]
    for key in named:
        default_storage.delete(key)
    _delete_folder(f"firm/{firm_id}")


def _delete_folder(path: str) -> None:
    try:
        folders, files = default_storage.listdir(path)
    except FileNotFoundError:
        return
    for name in files:
        default_storage.delete(f"{path}/{name}")
    for name in folders:
        _delete_folder(f"{path}/{name}")
    default_storage.delete(path)  # an empty folder on a disk; on S3 there are none
