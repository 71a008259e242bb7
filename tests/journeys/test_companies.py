"""A consultant's way through the list: found, narrowed down, in order, taken away, put right, put away, taken back."""

from collections.abc import Callable

import pytest

from tenancy.scope import open_scope
from tests.conftest import House
from tests.journeys.conftest import DESK, PHONE, Person
from tests.journeys.test_people import types

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def known(michisuji: House) -> House:
    """The firm with a client of 馬場 that is a bakery, and one of nobody."""
    bakery, other = michisuji.companies.values()
    bakery.name, bakery.kana, bakery.industry = "株式会社つむぎ野製パン", "ツムギノセイパン", "小売"
    other.name, other.kana, other.industry = "有限会社あけぼの", "アケボノ", "製造"
    bakery.consultant = michisuji.members["馬場"]
    with open_scope(michisuji.scope):
        bakery.save()
        other.save()
    return michisuji


def listed(person: Person) -> list[str]:
    """The companies on the page, in their order."""
    return person.page.locator("tbody th a").all_inner_texts()


@pytest.mark.parametrize(("width", "dark"), [(PHONE, False), (DESK, True)])
def test_a_consultant_finds_takes_away_mends_and_archives(
    someone: Callable[..., Person], known: House, width: int, dark: bool
) -> None:
    baba = someone(width, dark=dark)
    baba.enter(known.people["馬場"])
    baba.open("/michisuji/companies/")
    assert listed(baba) == ["有限会社あけぼの", "株式会社つむぎ野製パン"]
    baba.press("企業(フリガナ順)")
    assert listed(baba) == ["株式会社つむぎ野製パン", "有限会社あけぼの"]

    types(baba, "探す", "つむぎ")  # the kana is written ツムギ
    baba.unfold("絞り込みの条件")
    baba.page.get_by_label("業種").select_option("小売")
    baba.page.get_by_label("担当").select_option(label="馬場")
    baba.page.get_by_label("最後の面談").select_option("none")
    baba.press("絞り込む")
    assert listed(baba) == ["株式会社つむぎ野製パン"]
    with baba.page.expect_download() as download:
        baba.page.get_by_role("link", name="CSVで").click()
    table = download.value.path().read_text("utf-8-sig")
    assert "つむぎ野製パン" in table
    assert "あけぼの" not in table, "what is taken away is what is seen"

    baba.press("株式会社つむぎ野製パン")
    baba.press("企業の情報を直す")
    types(baba, "会社名", "")
    types(baba, "所在地", "長野県松本市")
    baba.press("保存する")
    assert baba.reads("会社名を入力してください。")
    assert baba.page.get_by_label("所在地").input_value() == "長野県松本市"
    types(baba, "会社名", "株式会社つむぎ野")
    baba.press("保存する")
    assert baba.reads("馬場:企業の情報を変えました")

    baba.press("企業の情報を直す")
    baba.press("保管する")
    baba.press("保管する")
    baba.open("/michisuji/companies/?q=つむぎ")
    assert listed(baba) == []
    baba.page.get_by_label("保管済み").select_option("shown")
    baba.press("絞り込む")
    baba.press("株式会社つむぎ野")
    assert baba.reads("保管済み")
    baba.press("企業の情報を直す")
    baba.press("一覧に戻す")
    baba.press("一覧に戻す")
    baba.open("/michisuji/companies/")
    assert listed(baba) == ["有限会社あけぼの", "株式会社つむぎ野"]


@pytest.mark.parametrize(("width", "dark"), [(PHONE, True), (DESK, False)])
def test_an_admin_puts_companies_in_a_colleague_s_charge(
    someone: Callable[..., Person], known: House, width: int, dark: bool
) -> None:
    aoki = someone(width, dark=dark)
    aoki.enter(known.people["青木"])
    aoki.open("/michisuji/companies/?consultant=none")
    aoki.press("担当をまとめて決める")
    aoki.page.get_by_label("有限会社あけぼの").check()
    aoki.press("選んだ企業の担当にする")
    assert aoki.reads("新しい担当を選んでください。")
    assert aoki.page.get_by_label("有限会社あけぼの").is_checked()
    everyone = aoki.page.get_by_label("社をすべて選ぶ")
    everyone.uncheck()
    assert not aoki.page.get_by_label("有限会社あけぼの").is_checked()
    everyone.check()
    aoki.page.get_by_label("新しい担当").select_option(label="馬場")
    aoki.press("選んだ企業の担当にする")
    assert aoki.reads("1社の担当を、馬場さんにしました。")
