"""An admin's way to who changed what: from a change to its row, narrowed down, and taken away as a table."""

from collections.abc import Callable

import pytest

from tenancy.models import Company
from tenancy.scope import open_scope
from tests.conftest import House
from tests.journeys.conftest import DESK, PHONE, Person

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Someone = Callable[..., Person]


@pytest.fixture
def admin(someone: Someone, michisuji: House) -> Callable[..., Person]:
    """青木 at a window of a width, signed in."""

    def opens(width: int, **options: bool) -> Person:
        person = someone(width, **options)
        person.enter(michisuji.people["青木"])
        return person

    return opens


@pytest.mark.parametrize(("width", "dark"), [(PHONE, False), (DESK, True)])
def test_an_admin_finds_who_changed_what_and_takes_it_away(
    admin: Callable[..., Person], michisuji: House, width: int, dark: bool
) -> None:
    company: Company = michisuji.companies["株式会社ア"]
    aoki = admin(width, dark=dark)
    aoki.open(f"/michisuji/companies/{company.pk}/edit/")
    aoki.page.get_by_role("textbox", name="代表者").fill("山田 花子")
    aoki.press("保存する")
    assert aoki.reads("青木:企業の情報を変えました(代表者)")

    aoki.open("/michisuji/settings/")
    aoki.press("操作の記録")
    assert aoki.reads("山田 花子")
    aoki.unfold("絞り込みの条件")
    aoki.page.get_by_label("何を").select_option("update.profile")
    aoki.press("絞り込む")
    assert aoki.reads("該当するものが見つかりませんでした")
    aoki.page.get_by_label("何を").select_option("update.company")
    aoki.press("絞り込む")
    with aoki.page.expect_download() as download:
        aoki.page.get_by_role("link", name="CSVでダウンロード").click()
    assert "山田 花子" in download.value.path().read_text("utf-8-sig")
    aoki.press("株式会社ア", exact=True)
    with open_scope(michisuji.scope):
        assert aoki.reads(Company.objects.get(pk=company.pk).representative)
