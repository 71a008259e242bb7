"""What becomes of data, in a real browser: merge and undo, export and download, order and take back the deletion."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from config.processes import Child
from tenancy.models import Company, CompanyMerge, FirmDeletion, Meeting
from tenancy.scope import open_scope
from tests.conftest import House
from tests.journeys.conftest import DESK, PHONE, Person, eventually
from tests.things import plant

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Someone = Callable[..., Person]


@pytest.fixture
def known(michisuji: House) -> House:
    """The firm with one of everything, and two companies that look the same."""
    plant(michisuji)
    with open_scope(michisuji.scope):
        for company, name in zip(
            michisuji.companies.values(), ("株式会社ときわ蔵", "ときわ蔵(里山みそ本舗)"), strict=True
        ):
            company.name = name
            company.save()
        for day in ("2026-11-01", "2026-11-08"):
            Meeting.objects.create(firm=michisuji.firm, company=company, held_on=day, body="話したこと")
    return michisuji


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_two_companies_become_one_and_two_again(someone: Someone, known: House, width: int) -> None:
    kept, gone = known.companies.values()
    consultant = someone(width)
    consultant.enter(known.people["馬場"])
    consultant.open(f"/michisuji/companies/{kept.pk}/")
    consultant.press("ほかの企業と統合する")
    consultant.press("ときわ蔵(里山みそ本舗)")
    assert consultant.reads("2026年11月8日(日) 訪問")
    consultant.press("統合する", exact=True)
    assert consultant.reads("元に戻せます")
    with open_scope(known.scope):
        assert not Meeting.objects.filter(company=gone).exists()
    consultant.press("統合を取り消す")
    consultant.press("統合を取り消す")
    assert consultant.reads("元に戻しました")
    with open_scope(known.scope):
        assert Meeting.objects.filter(company=gone).count() == 2
        assert CompanyMerge.objects.get().undone_at is not None
        assert Company.objects.listed().count() == 2


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_an_admin_moves_everything_into_an_empty_firm(
    someone: Someone, known: House, aoba: House, worker: Child, width: int, tmp_path: Path
) -> None:
    with open_scope(aoba.scope):
        Company.objects.all().delete()
    admin, mover = someone(width), someone(width)
    admin.enter(known.people["青木"])
    admin.open("/michisuji/settings/")
    admin.press("データの書き出し")
    admin.press("書き出しを始める")
    link = admin.page.get_by_role("link", name="ダウンロードする")
    eventually(lambda: link.count() == 1)
    admin.look()
    with admin.page.expect_download() as download:
        link.click()
    assert download.value.suggested_filename.startswith("道筋_")
    download.value.save_as(tmp_path / "firm.zip")
    with zipfile.ZipFile(tmp_path / "firm.zip") as archive:
        assert "株式会社ときわ蔵" in archive.read("data/tenancy.company.csv").decode()

    mover.enter(aoba.people["権藤"])
    mover.open("/aoba/settings/")
    mover.press("データの取り込み")
    mover.page.set_input_files("input[type=file]", tmp_path / "firm.zip")
    mover.press("取り込みを始める")
    mover.page.get_by_role("link", name="取り込みの記録を保存する").wait_for(timeout=60_000)
    for person, slug in ((admin, "michisuji"), (mover, "aoba")):
        person.open(f"/{slug}/companies/")
        person.press("株式会社ときわ蔵")
    assert words(mover) == words(admin)


def words(person: Person) -> str:
    """What the page says: in both firms the same, down to who changed what and when."""
    return person.page.locator("main").inner_text()


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_an_admin_orders_the_deletion_and_takes_it_back(someone: Someone, known: House, width: int) -> None:
    admin = someone(width)
    admin.enter(known.people["青木"])
    admin.open("/michisuji/settings/")
    admin.press("会社の削除")
    admin.page.get_by_label("会社の名称").fill("みちすじ")
    admin.press("14日後に削除する")
    assert admin.reads("一致しません")
    admin.page.get_by_label("会社の名称").fill("みちすじ経営パートナーズ")
    admin.press("14日後に削除する")
    admin.open("/michisuji/home/")
    admin.press("確認する・取り消す")
    admin.press("削除を取り消す")
    assert admin.reads("これまでどおりお使いいただけます")
    with open_scope(known.scope):
        assert not FirmDeletion.objects.exists()


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_an_admin_erases_a_person(someone: Someone, known: House, width: int) -> None:
    admin = someone(width)
    admin.enter(known.people["青木"])
    admin.open("/michisuji/settings/erase/?q=doi@a.example")
    admin.press("確認へ進む")
    admin.press("消す", exact=True)
    assert admin.reads("1件を消しました")
