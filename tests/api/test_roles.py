"""What a token opens is what its member may do now: the role, the company, the last day."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest

from tenancy import clock, people
from tenancy.models import Membership
from tenancy.scope import open_scope
from tests.api.conftest import V1, Programs
from tests.conftest import House
from tests.things import Things, plant

pytestmark = pytest.mark.django_db


@pytest.fixture
def things(michisuji: House) -> Things:
    return plant(michisuji)


def names(answer: object) -> list[str]:
    return [each["name"] for each in answer.json()["results"]]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["千葉", "土井"])
def test_a_company_s_people_read_their_own_and_write_nothing(
    program: Programs, michisuji: House, things: Things, name: str
) -> None:
    own = program(name)
    assert names(own.get(f"{V1}/companies/")) == [things.canary]
    assert own.get(f"{V1}/companies/{things.company.pk}/").status_code == 200
    assert own.get(f"{V1}/diagnoses/{things.diagnosis.pk}/").status_code == 200
    assert own.get(f"{V1}/jobs/{things.ids['job']}/").status_code == 200
    for answer in (
        own.post(f"{V1}/companies/", {"name": "新しい会社"}),
        own.patch(f"{V1}/companies/{things.company.pk}/", {"name": "ほかの名前"}),
    ):
        assert answer.status_code == 403


def test_a_sibling_company_is_absent(program: Programs, michisuji: House, things: Things) -> None:
    fujita = program("藤田")
    assert names(fujita.get(f"{V1}/companies/")) == ["有限会社イ"]
    for there, absent in (
        (f"companies/{things.company.pk}/", f"companies/{10**9}/"),
        (f"diagnoses/{things.diagnosis.pk}/", f"diagnoses/{uuid4()}/"),
        (f"jobs/{things.ids['job']}/", f"jobs/{uuid4()}/"),
    ):
        answers = [fujita.get(f"{V1}/{path}") for path in (there, absent)]
        assert [answer.status_code for answer in answers] == [404, 404]
    assert fujita.get(f"{V1}/diagnoses/").json()["results"] == []


def test_a_partner_opens_nothing_here(program: Programs, things: Things) -> None:
    for path in ("companies/", f"companies/{things.company.pk}/", "diagnoses/"):
        assert program("江口").get(f"{V1}/{path}").status_code == 403


Change = Callable[[House], None]


def ended(house: House) -> None:
    people.end_membership(member=house.members["馬場"], actor=house.members["青木"])


def run_out(house: House) -> None:
    Membership.objects.filter(pk=house.members["馬場"].pk).update(ends_at=clock.now() - timedelta(seconds=1))


@pytest.mark.parametrize("change", [ended, run_out])
def test_a_token_ends_with_its_membership(program: Programs, michisuji: House, change: Change) -> None:
    baba = program("馬場")
    assert baba.get(f"{V1}/companies/").status_code == 200
    with open_scope(michisuji.scope):
        change(michisuji)
    assert baba.get(f"{V1}/companies/").status_code == 401


def test_a_token_sees_assigned_companies_only_where_the_firm_wants_it(
    program: Programs, michisuji: House
) -> None:
    michisuji.firm.consultants_see = "assigned"
    michisuji.firm.save(update_fields=["consultants_see"])
    assert names(program("馬場").get(f"{V1}/companies/")) == []
    assert len(names(program("青木").get(f"{V1}/companies/"))) == 2
