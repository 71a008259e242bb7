"""What everybody sees of a firm, and the doors after sign-in."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client, RequestFactory

from tenancy.face import face_of
from tenancy.models import Company, FirmProfile, Membership, PublicPerson
from tenancy.passages import blocks, headline
from tenancy.scope import open_scope
from tests.conftest import House

As = Callable[[str], Client]


def test_the_public_page_sets_no_cookie_and_is_light(as_: As, michisuji: House) -> None:
    page = as_("誰か").get("/michisuji/")
    assert page.status_code == 200
    assert not page.cookies
    html = page.content.decode()
    assert not as_("誰か").get("/michisuji/privacy/").cookies
    files = set(re.findall(r'(?:href|src)="/static/([^"]+)"', html))
    bare = {re.sub(r"\.[0-9a-f]{12}(?=\.)", "", name) for name in files}
    sizes = [Path(str(finders.find(name))).stat().st_size for name in bare]
    assert len(page.content) + sum(sizes) < 100_000


def test_it_shows_the_firm_and_leads_into_the_diagnosis(as_: As, michisuji: House) -> None:
    with open_scope(michisuji.scope):
        PublicPerson.objects.create(name="佐伯 真理子", interests="ありません")
    html = as_("誰か").get("/michisuji/").content.decode()
    assert 'href="/michisuji/diagnosis/"' in html
    assert 'href="tel:0480000000"' in html
    assert 'id="ask"' in html
    assert "佐伯 真理子" in html
    assert "残り" not in html  # nothing is counted before there is something to count


def test_a_firm_that_has_written_nothing_yet_still_has_a_page(as_: As, michisuji: House) -> None:
    with open_scope(michisuji.scope):
        FirmProfile.objects.all().delete()
    html = as_("誰か").get("/michisuji/").content.decode()
    assert "<h1>みちすじ経営パートナーズ</h1>" in html


def test_a_visitor_sees_no_company_and_no_member_there(as_: As, michisuji: House) -> None:
    html = as_("誰か").get("/michisuji/").content.decode()
    assert "株式会社ア" not in html
    assert "aoki@" not in html


def test_a_firm_that_does_not_exist_is_not_found(as_: As) -> None:
    assert as_("誰か").get("/nowhere/").status_code == 404


@pytest.mark.parametrize(
    ("path", "status"), [("nothing/here/", 404), ("diagnosis/a/x~y~z/9/save/", 405), ("diagnosis/code/", 413)]
)
def test_an_error_page_that_a_visitor_meets_says_whom_to_telephone(
    as_: As, michisuji: House, path: str, status: int
) -> None:
    nobody, url = as_("誰か"), f"/michisuji/{path}"
    answer = nobody.post(url, {"code": "x" * 1_100_000}) if status == 413 else nobody.get(url)
    assert answer.status_code == status
    html = answer.content.decode()
    assert 'href="tel:0480000000"' in html
    assert 'href="/michisuji/"' in html


@pytest.mark.parametrize("path", ["/%00/", "/michi%00suji/x/", "/nowhere/x/", "/ミチスジ/x/", "/api/x/"])
def test_an_address_that_names_no_firm_is_not_found_without_a_telephone(
    as_: As, michisuji: House, path: str
) -> None:
    answer = as_("誰か").get(path)
    assert answer.status_code == 404
    assert "0480000000" not in answer.content.decode()


@pytest.mark.parametrize("path", ["*", "foo", ""])
def test_a_request_for_no_address_at_all_names_no_firm(db: None, path: str) -> None:
    assert face_of(RequestFactory().get("/", PATH_INFO=path)) is None


@pytest.mark.parametrize("path", ["companies/999/", "notices/read/"])
def test_an_error_page_at_a_member_s_address_names_no_firm(as_: As, michisuji: House, path: str) -> None:
    answer = as_("青木").get(f"/michisuji/{path}")
    assert answer.status_code in (404, 405)
    assert "0480000000" not in answer.content.decode()
    assert 'href="/entrance/"' in answer.content.decode(), "and leads home"
    if answer.status_code == 404:
        assert as_("権藤").get(f"/michisuji/{path}").content == answer.content, "the same for a stranger"


def test_the_theme_is_kept_in_a_cookie_and_leads_back_here_only(as_: As) -> None:
    nobody = Client(SERVER_NAME="localhost", enforce_csrf_checks=True)
    answer = nobody.post("/theme/", {"theme": "dark", "next": "/michisuji/"})
    assert answer.headers["Location"] == "/michisuji/"
    assert answer.cookies["theme"].value == "dark"
    answer = nobody.post("/theme/", {"theme": "dark", "next": "https://elsewhere.example/"})
    assert answer.headers["Location"] == "/"


# ── After sign-in ──


def test_with_one_firm_one_is_led_straight_in(as_: As) -> None:
    assert as_("馬場").get("/entrance/").headers["Location"] == "/michisuji/home/"


def test_with_two_firms_one_chooses(as_: As, michisuji: House, aoba: House) -> None:
    with open_scope(aoba.scope):
        Membership.objects.create(firm=aoba.firm, user=michisuji.people["馬場"], role="consultant")
    html = as_("馬場").get("/entrance/").content.decode()
    assert 'href="/michisuji/home/"' in html
    assert 'href="/aoba/home/"' in html


def test_without_a_firm_one_is_told_whom_to_ask(as_: As, michisuji: House) -> None:
    with open_scope(michisuji.scope):
        Membership.objects.filter(user=michisuji.people["馬場"]).update(state="ended")
    assert "担当コンサルタントへお問い合わせください" in as_("馬場").get("/entrance/").content.decode()


def test_home_counts_companies_by_state(as_: As, michisuji: House) -> None:
    html = as_("馬場").get("/michisuji/home/").content.decode()
    assert 'href="/michisuji/companies/?status=client">2社</a>' in html
    assert "今日、急ぎのものはありません。" in html


def test_home_of_a_new_firm_shows_the_first_three_steps(as_: As, michisuji: House) -> None:
    with open_scope(michisuji.scope):
        Membership.objects.exclude(company=None).delete()
        Company.objects.all().delete()
    html = as_("青木").get("/michisuji/home/").content.decode()
    assert "はじめの三つ" in html
    steps = html[html.index("はじめの三つ") :]
    ways = ("settings/public/", "settings/consultations/", "companies/new/")
    places = [steps.index(f'href="/michisuji/{way}"') for way in ways]
    assert places == sorted(places)
    assert "はじめの三つ" not in as_("馬場").get("/michisuji/home/").content.decode()


@pytest.mark.parametrize(("name", "status"), [("権藤", 404), ("誰か", 302)])
def test_home_is_for_members(as_: As, name: str, status: int) -> None:
    assert as_(name).get("/michisuji/home/").status_code == status


def test_a_company_s_people_are_sent_to_their_own_home(as_: As, michisuji: House) -> None:
    own = f"/michisuji/companies/{michisuji.companies['株式会社ア'].pk}/home/"
    assert as_("千葉").get("/michisuji/home/").headers["Location"] == own
    assert "千葉 様、こんにちは" in as_("千葉").get(own).content.decode()


# ── Texts ──


def test_plain_texts_become_headings_lists_and_paragraphs() -> None:
    found = blocks("はじめ\nつづき\n\n## 見出し\n・一つ\n- 二つ\nおわり")
    assert [(block.kind, block.lines) for block in found] == [
        ("paragraph", ["はじめ", "つづき"]),
        ("heading", ["見出し"]),
        ("list", ["一つ", "二つ"]),
        ("paragraph", ["おわり"]),
    ]


def test_a_headline_may_break_after_each_comma() -> None:
    assert headline("誰に、何を。\n\nあとで。") == [["誰に、", "何を。"], ["あとで。"]]
