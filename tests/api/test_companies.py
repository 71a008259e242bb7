"""`firms/<firm>/companies/`: client companies."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tenancy.models import Company, Membership, Site, Trail
from tenancy.scope import open_scope
from tests.api.conftest import V1, Program, same
from tests.conftest import House

pytestmark = pytest.mark.django_db

COMPANIES = f"{V1}/companies/"
WHOLE = {
    "name": "株式会社つむぎ野工務店",
    "kana": "ツムギノコウムテン",
    "corporate_number": "7000012050002",
    "industry": "工務店",
    "employees": 18,
    "location": "埼玉県川越市",
    "representative": "紡木 一郎",
    "support_status": "client",
}
KEYS = {*WHOLE, "id", "consultant", "sites", "created_at", "updated_at"}


def test_a_company_is_created_and_read_back_whole(baba: Program, michisuji: House) -> None:
    consultant = michisuji.members["青木"].pk
    made = baba.post(COMPANIES, {**WHOLE, "consultant": consultant})
    assert made.status_code == 201, made.json()
    assert set(made.json()) == KEYS
    assert {name: made.json()[name] for name in WHOLE} == WHOLE
    assert made.json()["consultant"] == consultant
    assert baba.get(f"{COMPANIES}{made.json()['id']}/").json() == made.json()


def test_what_the_program_did_stands_in_the_trail_under_its_member(baba: Program, michisuji: House) -> None:
    made = baba.post(COMPANIES, WHOLE).json()
    baba.patch(f"{COMPANIES}{made['id']}/", {"location": "東京都"})
    with open_scope(michisuji.scope):
        acts = Trail.objects.filter(subject_id=str(made["id"])).order_by("at").values_list("act", "user_id")
        assert list(acts) == [
            ("create.company", michisuji.people["馬場"].pk),
            ("update.company", michisuji.people["馬場"].pk),
        ]


def test_a_change_touches_only_what_was_sent(baba: Program) -> None:
    made = baba.post(COMPANIES, WHOLE).json()
    changed = baba.patch(f"{COMPANIES}{made['id']}/", {"employees": None, "support_status": "former"})
    assert changed.status_code == 200
    different = {name for name in KEYS if changed.json()[name] != made[name]}
    assert different == {"employees", "support_status", "updated_at"}
    assert baba.patch(f"{COMPANIES}{made['id']}/", {}).status_code == 200


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({}, "name"),
        ({"name": " "}, "name"),
        ({"name": "あ" * 101}, "name"),
        ({"name": ["x"]}, "name"),
        ({"name": "x\u0000"}, "name"),
        ({"name": "ア", "kana": "漢字"}, "kana"),
        ({"name": "ア", "corporate_number": "7000012050003"}, "corporate_number"),
        ({"name": "ア", "employees": -1}, "employees"),
        ({"name": "ア", "employees": "十人"}, "employees"),
        ({"name": "ア", "employees": 10**12}, "employees"),
        ({"name": "ア", "support_status": "friend"}, "support_status"),
        ({"name": "ア", "consultant": 10**18}, "consultant"),
    ],
)
def test_what_a_form_would_refuse_is_refused_by_field(
    baba: Program, sent: dict[str, Any], field: str
) -> None:
    answer = baba.post(COMPANIES, sent)
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {field}
    assert answer.json()["errors"][field][0]


def test_wrong_types_and_wrong_values_are_told_at_once(baba: Program) -> None:
    sent = {"name": ["x"], "employees": "十人", "kana": "漢字", "corporate_number": "123"}
    path = f"{COMPANIES}{baba.post(COMPANIES, {'name': 'ア'}).json()['id']}/"
    for answer in (baba.post(COMPANIES, sent), baba.patch(path, sent)):
        assert answer.status_code == 400
        assert set(answer.json()["errors"]) == set(sent)
        assert all(len(said) == 1 for said in answer.json()["errors"].values())


def test_messages_are_those_of_the_pages(baba: Program) -> None:
    assert baba.post(COMPANIES, {}).json()["errors"] == {"name": ["会社名を入力してください。"]}
    wrong = baba.post(COMPANIES, {"name": "ア", "corporate_number": "123"}).json()
    assert wrong["errors"] == {"corporate_number": ["法人番号は13桁の数字で入力してください。"]}


def test_a_number_stands_for_one_company(baba: Program) -> None:
    baba.post(COMPANIES, WHOLE)
    assert set(baba.post(COMPANIES, {**WHOLE, "name": "別"}).json()["errors"]) == {"corporate_number"}


def test_another_firms_company_is_as_missing_as_one_that_does_not_exist(
    baba: Program, aoba: House, michisuji: House
) -> None:
    foreign = aoba.companies["株式会社ウ"].pk
    for call in (baba.get, lambda path: baba.patch(path, {"name": "乗っ取り"})):
        there, nowhere = call(f"{COMPANIES}{foreign}/"), call(f"{COMPANIES}{foreign + 1000}/")
        assert there.status_code == 404
        assert same(there, nowhere)
    with open_scope(aoba.scope):
        assert Company.objects.get(pk=foreign).name == "株式会社ウ"


def test_another_firms_consultant_is_nobody_here(baba: Program, aoba: House) -> None:
    gondo = aoba.members["権藤"].pk
    there = baba.post(COMPANIES, {"name": "ア", "consultant": gondo})
    assert there.status_code == 400
    assert same(there, baba.post(COMPANIES, {"name": "ア", "consultant": gondo + 1000}))
    assert baba.get(COMPANIES, consultant=gondo).json()["results"] == []


def test_an_owner_cannot_be_named_as_consultant(baba: Program, michisuji: House) -> None:
    answer = baba.post(COMPANIES, {"name": "ア", "consultant": michisuji.members["千葉"].pk})
    assert set(answer.json()["errors"]) == {"consultant"}


# ── Lists ──


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.json()
    return [each["name"] for each in answer.json()["results"]]


def walk(program: Program, way: str, answer: Any) -> list[list[str]]:
    pages = [names(answer)]
    while link := answer.json()[way]:
        answer = program.get(link.removeprefix("http://localhost"))
        pages.append(names(answer))
    return pages


@pytest.fixture
def many(michisuji: House) -> None:
    with open_scope(michisuji.scope):
        Membership.objects.exclude(company=None).delete()
        Company.objects.all().delete()
        for number in range(1, 8):
            company = Company.objects.create(
                name=f"企業{number}",
                kana=f"キギョウ{number}",
                employees=None if number % 3 == 0 else 10 * (number % 2),
                support_status="client" if number < 5 else "lead",
                consultant=michisuji.members["青木"] if number == 2 else None,
            )
            Site.objects.create(company=company, name="本店")


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(
    "ordering", ["kana", "-kana", "employees", "-employees", "support_status", "-updated_at"]
)
def test_pages_show_every_company_once_there_and_back(baba: Program, ordering: str) -> None:
    whole = names(baba.get(COMPANIES, ordering=ordering))
    assert len(whole) == 7
    first = baba.get(COMPANIES, ordering=ordering, page_size=3)
    assert first.json()["previous"] is None
    pages = walk(baba, "next", first)
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [name for page in pages for name in page] == whole
    last = first
    while last.json()["next"]:
        last = baba.get(last.json()["next"].removeprefix("http://localhost"))
    back = walk(baba, "previous", last)
    assert back == pages[::-1]


@pytest.mark.usefixtures("many")
def test_a_company_that_comes_in_between_moves_no_page(baba: Program) -> None:
    first = baba.get(COMPANIES, page_size=3).json()
    baba.post(COMPANIES, {"name": "前", "kana": "アア"})
    following = baba.get(first["next"].removeprefix("http://localhost"))
    assert names(following) == ["企業4", "企業5", "企業6"]


@pytest.mark.usefixtures("many")
def test_the_list_is_narrowed_down(baba: Program, michisuji: House) -> None:
    assert names(baba.get(COMPANIES, support_status="lead")) == ["企業5", "企業6", "企業7"]
    assert names(baba.get(COMPANIES, q="きぎょう3")) == ["企業3"]
    assert names(baba.get(COMPANIES, consultant=michisuji.members["青木"].pk)) == ["企業2"]
    assert names(baba.get(COMPANIES, q="無い")) == []


@pytest.mark.parametrize(
    "query",
    [
        {"ordering": "search_text"},
        {"ordering": "firm__name"},
        {"ordering": "--kana"},
        {"support_status": "x"},
        {"consultant": "x"},
        {"consultant": "0"},
        {"page_size": "0"},
        {"page_size": "many"},
        {"cursor": "x"},
        {"q": "x" * 101},
        {"q": "\x00"},
    ],
)
def test_what_a_list_cannot_be_asked_is_refused_by_name(baba: Program, query: dict[str, str]) -> None:
    answer = baba.get(COMPANIES, **query)
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == set(query)


@pytest.mark.usefixtures("many")
def test_a_cursor_belongs_to_its_order_and_cannot_be_altered(baba: Program) -> None:
    link = baba.get(COMPANIES, page_size=3).json()["next"].removeprefix("http://localhost")
    assert baba.get(f"{link}&ordering=-kana").status_code == 400
    assert baba.get(link.replace("cursor=", "cursor=W")).status_code == 400


def test_a_page_has_two_hundred_rows_at_most(baba: Program, michisuji: House) -> None:
    with open_scope(michisuji.scope):
        Company.objects.bulk_create(
            [Company(firm=michisuji.firm, name=f"企業{number}") for number in range(230)]
        )
    assert len(names(baba.get(COMPANIES))) == 50
    assert len(names(baba.get(COMPANIES, page_size=1000))) == 200


def test_a_long_list_needs_as_many_queries_as_a_short_one(baba: Program, michisuji: House) -> None:
    baba.get(COMPANIES)  # the token's last use is written once a minute
    with CaptureQueriesContext(connection) as few:
        baba.get(COMPANIES)
    with open_scope(michisuji.scope):
        Company.objects.bulk_create(
            [Company(firm=michisuji.firm, name=f"企業{number}") for number in range(100)]
        )
    with CaptureQueriesContext(connection) as many_rows:
        baba.get(COMPANIES, page_size=200)
    assert len(few) == len(many_rows)


def test_sites_are_shown_and_not_changed(baba: Program, many: None) -> None:
    company = baba.get(COMPANIES, q="企業1").json()["results"][0]
    assert [site["name"] for site in company["sites"]] == ["本店"]
    baba.patch(f"{COMPANIES}{company['id']}/", {"sites": []})
    assert baba.get(f"{COMPANIES}{company['id']}/").json()["sites"] == company["sites"]
