"""A consultant's way with a session: who comes next, the preparation sheet, what was said, the summary, the company."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest

from consultations.actions.booking import book
from consultations.calc import months
from consultations.free_times import free_times
from consultations.models import Consultation
from notices.models import Mail
from tenancy import clock
from tenancy.models import Company
from tenancy.scope import open_scope
from tests.conftest import House
from tests.consultations.office import company, opens
from tests.journeys.conftest import DESK, PHONE, Person

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Someone = Callable[..., Person]


@pytest.fixture
def coming(michisuji: House) -> Consultation:
    """A session that a visitor has confirmed, at the first free time from the day after tomorrow."""
    opens(michisuji)
    first = clock.today() + timedelta(days=2)
    with open_scope(michisuji.scope):
        slot = free_times(first, first + timedelta(days=14))[0].slot
        return book(id=uuid4(), slot=slot, asked=company(1), confirmed=True)


def begins(house: House, row: Consultation) -> None:
    """Its hour has come, and is over: the product's clock cannot be moved in a browser's test."""
    starts = clock.now() - timedelta(hours=2)
    over = {"starts_at": starts, "ends_at": starts + timedelta(hours=1), "month": months.month_of(starts)}
    with open_scope(house.scope):
        Consultation.objects.filter(pk=row.pk).update(**over, busy_until=over["ends_at"])


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_a_consultant_prepares_writes_sends_and_registers(
    someone: Someone, michisuji: House, coming: Consultation, width: int
) -> None:
    consultant = someone(width)
    consultant.enter(michisuji.people["馬場"])
    consultant.open("/michisuji/consultations/")
    consultant.press("株式会社第1の準備シートを開く")
    page = consultant.page
    page.get_by_label("社内だけのメモ").fill("後継ぎの話は、奥様とも。")
    consultant.press("社内メモを保存する")
    page.get_by_text("次の一歩を加える").click()
    page.get_by_label("すること").fill("お客様の名簿を作る")
    page.locator("#agreed").locator("xpath=..").get_by_label("担当").fill("社長")
    consultant.press("加える", exact=True)
    page.get_by_label("お客様がお読みになる文章").fill("本日はありがとうございました。")
    consultant.press("まとめを保存する")
    begins(michisuji, coming)
    consultant.open(f"/michisuji/consultations/{coming.pk}/")
    consultant.press("まとめをメールで送る")
    assert consultant.reads("owner1@c1.example")
    consultant.press("この宛先へ送る")
    consultant.press("支援先企業として登録する")
    page.get_by_label("支援中").check()
    consultant.press("新しい企業として登録する")
    assert consultant.reads("「株式会社第1」に結び付けました。")
    with open_scope(michisuji.scope):
        made = Company.objects.get(name="株式会社第1")
        assert made.support_status == "client"
        assert Mail.objects.filter(to="owner1@c1.example", template="session_summary").count() == 1


def test_every_page_of_a_session_is_accessible_valid_and_fits(
    someone: Someone, michisuji: House, coming: Consultation
) -> None:
    for window in (someone(PHONE, dark=True), someone(DESK)):
        window.enter(michisuji.people["青木"])
        for door in ("", "move/", "cancel/", "company/"):
            window.open(f"/michisuji/consultations/{coming.pk}/{door}")
        window.open("/michisuji/consultations/new/")
        window.press("この内容で予約を確定する")
        assert window.reads("ご確認ください")
        window.open("/michisuji/home/")
