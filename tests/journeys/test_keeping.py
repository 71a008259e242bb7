"""What becomes of data, in a real browser: merge and undo, export and download, order and take back the deletion."""

import zipfile
from collections.abc import Callable

import pytest

from config.processes import Child
from tenancy.models import Company, CompanyMerge, FirmDeletion, Meeting
from tenancy.scope import open_scope
from tests.conftest import PASSWORD, House
from tests.journeys.conftest import DESK, PHONE, Person, eventually
from tests.things import plant

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Someone = Callable[..., Person]


@pytest.fixture
def known(michisuji: House) -> House:
    """The firm with one of everything, passwords to sign in with, and two companies that look the same."""
    plant(michisuji)
    for person in michisuji.people.values():
        person.set_password(PASSWORD)
        person.save(update_fields=["password"])
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
    consultant.sign_in("baba@michisuji.example", PASSWORD)
    consultant.open(f"/michisuji/companies/{kept.pk}/")
    consultant.press("ほかの企業と統合する")
    consultant.press("ときわ蔵(里山みそ本舗)")
    assert consultant.reads("2026-11-08 訪問")
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
def test_an_admin_exports_everything_and_downloads_it(
    someone: Someone, known: House, worker: Child, width: int
) -> None:
    admin = someone(width)
    admin.sign_in("aoki@michisuji.example", PASSWORD)
    admin.open("/michisuji/settings/")
    admin.press("データの書き出し")
    admin.press("書き出しを始める")
    link = admin.page.get_by_role("link", name="ダウンロードする")
    eventually(lambda: link.count() == 1)
    admin.look()
    with admin.page.expect_download() as download:
        link.click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert "株式会社ときわ蔵" in archive.read("data/tenancy.company.csv").decode()
    assert download.value.suggested_filename.startswith("道筋_")
    admin.open("/michisuji/settings/export/")
    assert admin.reads("まで")


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_an_admin_orders_the_deletion_and_takes_it_back(someone: Someone, known: House, width: int) -> None:
    admin = someone(width)
    admin.sign_in("aoki@michisuji.example", PASSWORD)
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
    admin.sign_in("aoki@michisuji.example", PASSWORD)
    admin.open("/michisuji/settings/erase/?q=doi@a.example")
    admin.press("確認へ進む")
    admin.press("消す", exact=True)
    assert admin.reads("1件を消しました")
