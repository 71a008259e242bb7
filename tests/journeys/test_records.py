"""A meeting's way: written by the consultant, a file hung on it, shared, handed over, read by the owner."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tenancy.models import Attachment, Company
from tenancy.scope import open_scope
from tenancy.sessions import end_sessions
from tests.conftest import PASSWORD, House
from tests.journeys.conftest import DESK, PHONE, Person
from tests.tenancy import papers
from tests.tenancy.browser import with_password
from tests.test_matrix import address
from tests.things import plant

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Someone = Callable[..., Person]


@pytest.fixture
def company(michisuji: House) -> Company:
    return michisuji.companies["株式会社ア"]


def typing(consultant: Person, name: str, words: str) -> None:
    consultant.page.get_by_role("textbox", name=name).fill(words)


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_a_meeting_is_written_a_file_attached_shared_and_read_by_the_owner(
    someone: Someone, michisuji: House, company: Company, tmp_path: Path, width: int
) -> None:
    estimate, wrong = tmp_path / "お見積り.pdf", tmp_path / "別のもの.pdf"
    estimate.write_bytes(papers.PDF)
    wrong.write_bytes(papers.HTML)
    base = f"/michisuji/companies/{company.pk}/"
    consultant = someone(width)
    consultant.enter(michisuji.people["馬場"])
    consultant.open(base)
    consultant.press("面談を記録する")
    consultant.press("保存する")
    assert consultant.reads("話したことを入力してください。")
    typing(consultant, "お会いした方", "社長")
    typing(consultant, "話したこと", "見学会の順番を決めました。")
    typing(consultant, "次にすること", "順番を一枚の紙にする")
    consultant.press("保存する")
    assert consultant.reads("社内だけ")

    consultant.press("ファイルを付ける")
    consultant.page.set_input_files("input[type=file]", [estimate, wrong])
    chosen = consultant.page.locator("input[type=file]")
    chosen.evaluate("field => { field.dataset.mostBytes = 50; }")
    consultant.page.get_by_role("button", name="保存する").click()
    assert "60MBまで" in chosen.evaluate("field => field.validationMessage"), "nothing is sent in vain"
    chosen.evaluate("field => { field.dataset.mostBytes = 5000; }")
    consultant.page.get_by_role("radio", name="お客様と共有する").check()
    consultant.press("保存する")
    assert consultant.reads("「お見積り.pdf」を保存しました")
    assert consultant.reads("「別のもの.pdf」は、中身が")
    assert consultant.page.get_by_role("radio", name="お客様と共有する").is_checked()

    owner = someone(PHONE)
    owner.enter(michisuji.people["千葉"])
    owner.open(base + "home/")
    assert not owner.reads("順番を一枚の紙にする")
    consultant.open(base + "meetings/")
    consultant.press("訪問")
    consultant.press("記録を直す")
    consultant.page.get_by_role("radio", name="お客様と共有する").check()
    consultant.page.get_by_role("checkbox", name="江口").check()
    consultant.press("保存する")
    assert consultant.reads("江口")

    owner.open(base + "home/")
    assert owner.reads("順番を一枚の紙にする")
    owner.press("面談記録", exact=False)
    assert owner.reads("見学会の順番を決めました。")
    with owner.page.expect_download() as fetched:
        owner.page.get_by_role("link", name="お見積り.pdf").click()
    assert fetched.value.suggested_filename == "お見積り.pdf"
    assert Path(fetched.value.path()).read_bytes() == papers.PDF

    partner = someone(width)
    partner.enter(michisuji.people["江口"])
    partner.open(base + "home/")
    assert partner.reads("順番を一枚の紙にする")
    partner.open(base + "files/")
    assert not partner.reads("お見積り.pdf"), "shared, and not handed over"
    with open_scope(michisuji.scope):
        assert Attachment.objects.get().shared


@pytest.mark.parametrize(("width", "dark"), [(PHONE, True), (DESK, False)])
def test_every_room_is_sound_for_the_owner_too(
    someone: Someone, michisuji: House, width: int, dark: bool
) -> None:
    """For the firm, tests/journeys/test_consultant.py opens every page."""
    ids, owner = plant(michisuji).ids, someone(width, dark=dark)
    owner.enter(michisuji.people["千葉"])
    for room in ("home/", "meetings/", "meetings/<uuid:meeting>/", "files/", "timeline/"):
        owner.open(address(f"companies/<int:company>/{room}", "michisuji", ids))


def test_it_all_works_without_scripts(
    someone: Someone, michisuji: House, company: Company, tmp_path: Path
) -> None:
    paper = tmp_path / "紙.pdf"
    paper.write_bytes(papers.PDF)
    consultant = someone(PHONE, scripts=False)
    consultant.enter(michisuji.people["馬場"])
    consultant.open(f"/michisuji/companies/{company.pk}/files/")
    consultant.press("ファイルを追加する")
    consultant.page.set_input_files("input[type=file]", paper)
    consultant.press("保存する")
    assert consultant.reads("紙.pdf")
    consultant.press("削除")
    consultant.press("削除する")
    assert consultant.reads("ファイルはまだありません")


@pytest.mark.parametrize("scripts", [True, False])
def test_what_was_typed_outlives_a_session_that_ended_elsewhere(
    someone: Someone, michisuji: House, company: Company, scripts: bool
) -> None:
    baba = with_password(michisuji.people["馬場"])
    consultant = someone(DESK, scripts=scripts)
    consultant.sign_in("baba@michisuji.example", PASSWORD)
    new = f"/michisuji/companies/{company.pk}/meetings/new/"
    consultant.open(new)
    typing(consultant, "話したこと", "一時間かけて書いた記録")
    end_sessions(baba)
    consultant.press("保存する")
    assert consultant.reads("まだ保存されていません")
    consultant.page.fill("input[name=login]", "baba@michisuji.example")
    consultant.page.fill("input[name=password]", PASSWORD)
    consultant.press("ログインする")
    assert consultant.page.url.endswith(new)
    field = consultant.page.get_by_role("textbox", name="話したこと")
    assert field.input_value() == ("一時間かけて書いた記録" if scripts else "")
    field.fill("一時間かけて書いた記録")
    consultant.press("保存する")
    assert consultant.reads("面談記録を保存しました。")
    consultant.open(new)
    assert field.input_value() == "", "what has arrived does not come back"


def test_what_one_person_typed_does_not_come_back_for_the_next(
    someone: Someone, michisuji: House, company: Company
) -> None:
    baba, _ = (with_password(michisuji.people[name]) for name in ("馬場", "青木"))
    window, edit = someone(DESK), f"/michisuji/companies/{company.pk}/edit/"
    window.sign_in("baba@michisuji.example", PASSWORD)
    window.open(edit)
    typing(window, "所在地", "草加市")
    end_sessions(baba)
    window.press("保存する")
    window.sign_in("aoki@michisuji.example", PASSWORD)
    window.open(edit)
    assert window.page.get_by_role("textbox", name="所在地").input_value() == ""
