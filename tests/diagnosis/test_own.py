"""What a company's own people see of its diagnoses, and what an owner can start."""

import re
from collections.abc import Callable
from uuid import uuid4

import pytest
from django.test import Client

from diagnosis.models import Diagnosis
from reports.models import Job
from tenancy.models import Company
from tenancy.scope import open_scope
from tests.conftest import House
from tests.diagnosis.firm_help import answered

As = Callable[[str], Client]


@pytest.fixture
def a(michisuji: House) -> Company:
    return michisuji.companies["株式会社ア"]


def of(company: Company, rest: str = "") -> str:
    return f"/michisuji/companies/{company.pk}/diagnoses/{rest}"


def text(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize("name", ["千葉", "土井"])
def test_the_company_s_people_read_the_history_a_result_and_the_comparison(
    as_: As, michisuji: House, a: Company, name: str
) -> None:
    first, second = answered(michisuji, company=a), answered(michisuji, company=a)
    reader = as_(name)
    history = text(reader, of(a))
    for one in (first, second):
        assert of(a, f"{one.pk}/") in history
    assert "次の三つの一歩" in text(reader, of(a, f"{first.pk}/"))
    compared = text(reader, of(a, f"compare/?before={first.pk}&after={second.pk}"))
    assert of(a, f"{first.pk}/") in compared
    for page in (history, compared):  # nothing leads where only the firm may go
        assert "/michisuji/diagnoses/" not in page


def test_the_home_shows_the_newest_result_and_leads_to_it(as_: As, michisuji: House, a: Company) -> None:
    home = f"/michisuji/companies/{a.pk}/home/"
    assert "まだ診断を受けていません" in text(as_("千葉"), home)
    one = answered(michisuji, company=a)
    assert of(a, f"{one.pk}/") in text(as_("千葉"), home)
    assert "診断" not in text(as_("江口"), home).split("<main")[1]


def test_an_owner_finds_the_way_back_to_what_was_begun(as_: As, michisuji: House, a: Company) -> None:
    owner = as_("千葉")
    begun = owner.post(of(a, "take/"), {"request_id": str(uuid4())})
    history = text(owner, of(a))
    (way,) = re.findall(r'href="(/michisuji/diagnosis/a/[^"]+)"', history)
    assert "回答の途中" in history
    assert owner.get(way).status_code == owner.get(begun["Location"]).status_code == 302
    assert "diagnosis/a/" not in text(as_("土井"), of(a))  # may read, not answer
    of_the_firm = text(as_("馬場"), of(a))
    assert ("diagnosis/a/" in of_the_firm, "お送りしたリンク" in of_the_firm) == (False, False)


def test_nobody_of_another_company_reads_it(as_: As, michisuji: House, a: Company) -> None:
    one, other = answered(michisuji, company=a), michisuji.companies["有限会社イ"]
    for rest in ("", f"{one.pk}/", f"{one.pk}/report/", "compare/"):
        assert as_("藤田").get(of(a, rest)).status_code == 404
    assert as_("藤田").get(of(other, f"{one.pk}/")).status_code == 404
    compared = as_("藤田").get(of(other, f"compare/?before={one.pk}&after={one.pk}"))
    assert str(one.company_name) not in compared.content.decode()


def test_an_owner_asks_for_the_pdf(as_: As, michisuji: House, a: Company) -> None:
    one = answered(michisuji, company=a)
    with open_scope(michisuji.scope):
        Job.objects.all().delete()
    assert "レポート(PDF)をつくる" in text(as_("千葉"), of(a, f"{one.pk}/"))
    for _ in range(2):
        assert as_("千葉").post(of(a, f"{one.pk}/report/")).status_code == 302
    with open_scope(michisuji.scope):
        assert Job.objects.get().company_id == a.pk
    assert as_("千葉").get(of(a, f"{one.pk}/report/status/")).status_code == 200
    assert as_("千葉").get(of(a, f"{one.pk}/report/")).status_code == 302


def test_an_owner_starts_one_diagnosis_with_two_clicks_and_types_nothing_twice(
    as_: As, michisuji: House, a: Company
) -> None:
    sent = {"request_id": str(uuid4())}
    links = [as_("千葉").post(of(a, "take/"), sent).headers["Location"] for _ in range(2)]
    with open_scope(michisuji.scope):
        started = Diagnosis.objects.get()
        assert (started.company_id, started.contact_name, started.email) == (a.pk, "千葉", "chiba@a.example")
    assert all(as_("千葉").get(link, follow=True).status_code == 200 for link in links)
    assert as_("土井").post(of(a, "take/"), {"request_id": str(uuid4())}).status_code == 403


def test_an_id_that_stands_for_another_diagnosis_starts_nothing(
    as_: As, michisuji: House, a: Company
) -> None:
    one = answered(michisuji, company=a)
    assert as_("千葉").post(of(a, "take/"), {"request_id": str(one.pk)}).status_code == 404
