"""The merge itself."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tenancy import clock, due, trail
from tenancy.merging.moving import Moved, NotMergeable, keys_checked_at_the_end, move
from tenancy.merging.previewing import fields_to_fill
from tenancy.models import Company, CompanyMerge, Membership
from tenancy.records import keep_last_contact
from tenancy.scope import whole_firm

UNDO_FOR = timedelta(days=30)
SHELL = "merge_shell"
due.kind(SHELL, task="tenancy.remove_shell", queue="mail")


def merge(*, kept: Company, gone: Company, actor: Membership | None) -> CompanyMerge:
    """Make `gone` part of `kept`. Both must be in the scope. Raises NotMergeable."""
    with whole_firm():
        kept, gone = _locked(kept.pk, gone.pk)
        moved = Moved()
        with keys_checked_at_the_end():
            move(kept, gone, moved)
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


def _fill(kept: Company, gone: Company, moved: Moved) -> dict[Company, dict[str, Any]]:
    """The kept company's empty fields; the other one becomes a shell. What stood in the fields that were written."""
    filled = {name: getattr(gone, name) for name in fields_to_fill(kept, gone)}
    shell = {"merged_into_id": kept.pk, "archived_at": clock.now(), "corporate_number": None}
    before = {row: {name: getattr(row, name) for name in to} for row, to in ((kept, filled), (gone, shell))}
    # First the one that is gone: a 法人番号 stands once in a firm.
    moved.change(gone, **shell)
    if filled:
        moved.change(kept, **filled)
    return before
