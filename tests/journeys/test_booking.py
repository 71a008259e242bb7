"""The オンライン相談・壁打ち in a real browser, on a phone."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from consultations import forms
from consultations.models import Consultation, Desk, WaitlistEntry
from tenancy.scope import open_scope
from tests.conftest import House
from tests.consultations.office import opens
from tests.journeys.conftest import DESK, PHONE, Person

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Someone = Callable[..., Person]
CONSULTED = ("株式会社利根あおば精工", "新井 剛", "arai@tone.example")


def choose(person: Person) -> None:
    """The last free day of the calendar, with what stands in the form; then its first time."""
    day = person.page.locator("button.day").last.get_attribute("value")
    person.page.locator(f"button.day[value='{day}']").click()
    person.page.locator(f"button.day[value='{day}'][aria-current]").wait_for()
    person.look()
    person.page.locator("#id_slot .tile").first.click()


def say_who(person: Person) -> None:
    for label, words in zip(("会社名", "お名前", "メール"), CONSULTED, strict=True):
        person.page.get_by_label(label, exact=True).fill(words)
    person.page.get_by_label("個人情報の取扱いに同意").check()


@pytest.fixture(autouse=True)
def _nobody_is_too_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """The browser fills in a form faster than any person."""
    monkeypatch.setattr(forms, "FASTEST", timedelta(0))


@pytest.mark.parametrize(("width", "scripts"), [(PHONE, True), (DESK, True), (PHONE, False)])
def test_a_session_is_asked_for_on_one_page(
    someone: Someone, michisuji: House, width: int, scripts: bool
) -> None:
    opens(michisuji)
    visitor = someone(width, scripts=scripts)
    visitor.open("/michisuji/")
    visitor.press("空いている日を見る")
    visitor.page.get_by_label("会社名", exact=True).fill(CONSULTED[0])
    choose(visitor)
    assert visitor.page.get_by_label("会社名", exact=True).input_value() == CONSULTED[0]
    if scripts:
        assert "馬場" in visitor.page.locator("#chosen").inner_text()
    visitor.press("この日時で申し込む")  # without a name and without consent
    assert visitor.reads("個人情報の取扱いをお読みのうえ")
    say_who(visitor)
    visitor.press("この日時で申し込む")
    assert visitor.reads("まだ確定していません")
    assert visitor.reads(CONSULTED[2])
    with open_scope(michisuji.scope):
        assert Consultation.objects.get().company_name == CONSULTED[0]


def test_a_full_month_leads_into_the_queue(someone: Someone, michisuji: House) -> None:
    opens(michisuji)
    with open_scope(michisuji.scope):
        Desk.objects.create(cap=0)
    visitor = someone(PHONE, dark=True)
    visitor.open("/michisuji/consultation/")
    visitor.press("キャンセル待ちに登録する")
    say_who(visitor)
    if (box := visitor.page.get_by_role("checkbox", name="満席").first).is_visible():
        box.check()
    visitor.press("キャンセル待ちに登録する")
    assert visitor.reads("現在1番目です")
    with open_scope(michisuji.scope):
        assert WaitlistEntry.objects.get().company_name == CONSULTED[0]


def test_the_frame_fits_into_280_pixels(someone: Someone, michisuji: House) -> None:
    opens(michisuji)
    visitor = someone(280)
    visitor.open("/embed/michisuji/")
    assert visitor.page.context.cookies() == []
    with visitor.page.context.expect_page() as opened:
        visitor.page.get_by_role("link", name="10:00").first.click()
    assert "/michisuji/consultation/?slot=" in opened.value.url
