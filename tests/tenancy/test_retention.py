"""What is over is forgotten at night, and what is not stays; the document says the same as the code."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.apps import apps
from django.db import DatabaseError, transaction
from django.utils import timezone

from notices.actions import send_again
from notices.models import Mail, Notice, NoticeRead
from tenancy import clock, due, retention
from tenancy.actions import create_firm
from tenancy.models import Due, Firm, Invitation, Membership, Trail
from tenancy.scope import open_scope
from tenancy.tasks import forget_what_is_over, sweep
from tenancy.walls import FirmModel
from tests.conftest import House

DOCUMENT = Path(__file__).parents[2] / "docs/retention.md"


def ago(days: float) -> datetime:
    return clock.now() - timedelta(days=days)


def night_of(firm: Firm) -> Due:
    found: Due = Due.objects.get(kind=retention.RETENTION, firm=firm)
    return found


def sleep(firm: Firm) -> None:
    """Let the firm's night come."""
    row = night_of(firm)
    with clock.stopped_at(row.due_at):
        forget_what_is_over(firm.pk, str(row.object_id))


@pytest.fixture
def house(michisuji: House) -> House:
    retention.start(michisuji.firm.pk)
    return michisuji


def mail(key: str, age: float, state: str = "sent") -> Mail:
    at = ago(age)
    made: Mail = Mail.objects.create(
        key=key,
        to="x@x.example",
        subject=key,
        body="本文",
        calendar="BEGIN:VCALENDAR",
        state=state,
        created_at=at,
        sent_at=at if state == "sent" else None,
    )
    return made


def bodies() -> dict[str, str]:
    return dict(Mail.objects.values_list("key", "body"))


# ── The document ──


def test_the_document_says_what_the_code_declares() -> None:
    declared = [f"| {each.what} | {each.period} | {each.ends_by} |" for each in retention.DECLARED.values()]
    written = [line for line in DOCUMENT.read_text("utf-8").splitlines() if line.startswith("| ")][1:]
    assert sorted(written) == sorted(declared)


def test_every_table_of_a_tenant_has_a_period() -> None:
    declared = {label for each in retention.DECLARED.values() for label in each.labels}
    tenants = {model._meta.label_lower for model in apps.get_models() if issubclass(model, FirmModel)}
    assert tenants - declared == set()


# ── The night ──


def test_a_new_firm_has_its_night_and_a_firm_without_one_gets_it_by_the_sweep(michisuji: House) -> None:
    new = create_firm(slug="new", name="新しい会社", admin_email="a@new.example").firm
    assert night_of(new).due_at > clock.now()
    assert not Due.objects.filter(kind=retention.RETENTION, firm=michisuji.firm).exists()
    sweep()
    sweep()
    assert timezone.localtime(night_of(michisuji.firm).due_at).hour in (2, 3, 4)


def test_after_a_night_comes_the_next(house: House) -> None:
    first = night_of(house.firm).due_at
    sleep(house.firm)
    assert night_of(house.firm).due_at == first + timedelta(days=1)
    assert night_of(house.firm).attempts == 0


def test_a_closed_firm_has_no_night_and_gets_none(house: House) -> None:
    """Also one that is being deleted: new work would come in between for ever."""
    Firm.objects.filter(pk=house.firm.pk).update(state="closed")
    night = Due.objects.filter(kind=retention.RETENTION, firm=house.firm)
    night.delete()
    sweep()
    assert not night.exists()
    retention.start(house.firm.pk)
    sleep(house.firm)
    assert not night.exists()


def test_firms_forget_at_different_moments() -> None:
    assert len({retention.next_night(firm) for firm in range(1, 51)}) == 50


def test_the_texts_of_mails_go_after_90_days_and_the_log_after_a_year(house: House) -> None:
    with open_scope(house.scope):
        for key, age in {"new": 88, "old": 95, "gone": 370}.items():
            mail(key, age)
        mail("waiting", 95, "queued")
    sleep(house.firm)
    with open_scope(house.scope):
        assert bodies() == {"new": "本文", "old": "", "waiting": "本文"}
        assert [each.key for each in Mail.objects.filter(calendar="")] == ["old"]


def test_a_mail_without_its_text_is_not_sent_again(house: House) -> None:
    with open_scope(house.scope):
        kept, lost = mail("new", 1, "failed"), mail("old", 95, "failed")
    sleep(house.firm)
    with open_scope(house.scope):
        assert [send_again(mail=each, actor=None) for each in (kept, lost)] == [True, False]
        assert not Due.objects.filter(kind="mail", object_id=lost.pk).exists()


def test_invitations_go_90_days_after_their_last_day(house: House) -> None:
    with open_scope(house.scope):
        for email, ended in {"new@x.example": 85, "old@x.example": 95}.items():
            Invitation.objects.create(email=email, name="x", role="admin", expires_at=ago(ended))
    sleep(house.firm)
    with open_scope(house.scope):
        assert list(Invitation.objects.values_list("email", flat=True)) == ["new@x.example"]


def test_notices_go_after_a_year_with_who_has_read_them(house: House) -> None:
    with open_scope(house.scope):
        for key, age in {"new": 360, "old": 370}.items():
            notice = Notice.objects.create(key=key, title=key, url="/", created_at=ago(age))
            NoticeRead.objects.create(notice=notice, membership=house.members["馬場"])
    sleep(house.firm)
    with open_scope(house.scope):
        assert list(Notice.objects.values_list("key", flat=True)) == ["new"]
        assert NoticeRead.objects.count() == 1


def test_memberships_that_ended_stay(house: House) -> None:
    with open_scope(house.scope):
        Membership.objects.filter(pk=house.members["馬場"].pk).update(state="ended", created_at=ago(3000))
    sleep(house.firm)
    with open_scope(house.scope):
        assert Membership.objects.filter(state="ended").count() == 1


def test_the_trail_goes_after_seven_years_and_says_that_it_went(house: House, aoba: House) -> None:
    for each in (house, aoba):
        with open_scope(each.scope):
            for act, age in {"try.new": 7 * 365, "try.old": 7 * 365 + 10}.items():
                Trail.objects.create(act=act, subject="x", subject_id="1", at=ago(age))
    sleep(house.firm)
    with open_scope(house.scope):
        assert set(Trail.objects.values_list("act", flat=True)) == {"try.new", "forget.old"}
        told = Trail.objects.get(act="forget.old")
        assert told.details == {"counts": {"the audit trail": 1}}
    with open_scope(aoba.scope):
        assert Trail.objects.count() == 2


def test_postgresql_lets_nobody_delete_the_trail_before(house: House) -> None:
    with open_scope(house.scope):
        young = Trail.objects.create(act="try.new", subject="x", subject_id="1", at=ago(7 * 365))
        old = Trail.objects.create(act="try.old", subject="x", subject_id="1", at=ago(7 * 365 + 10))
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            Trail.objects.filter(pk=young.pk).delete()
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            Trail.objects.filter(pk=old.pk).update(act="other")
        assert Trail.objects.filter(pk=old.pk).delete()[0] == 1


def test_a_night_in_pieces_forgets_everything(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    with open_scope(house.scope):
        for number in range(5):
            mail(f"old {number}", 370)
    sleep(house.firm)
    with open_scope(house.scope):
        assert Mail.objects.count() == 0
        assert (
            sum(Trail.objects.get(act="forget.old").details["counts"].values()) == 10
        )  # emptied, then deleted


def test_a_worker_that_came_too_late_writes_nothing(house: House) -> None:
    row = night_of(house.firm)
    with clock.stopped_at(row.due_at):
        slow = due.claim(retention.RETENTION, row.object_id)
    assert slow is not None
    with clock.stopped_at(row.due_at + due.LEASE + timedelta(seconds=1)):
        assert due.claim(retention.RETENTION, row.object_id) is not None
    with pytest.raises(due.LeaseLost):
        retention.run(house.firm.pk, slow)
    assert night_of(house.firm).attempts == 2
