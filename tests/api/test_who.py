"""Who gets through the API's doors, and that others learn nothing."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from tenancy import clock
from tenancy.actions import revoke_api_token
from tenancy.models import ApiToken, Membership
from tenancy.scope import open_scope
from tests.api.conftest import V1, Program, Programs, answered, issue, same
from tests.conftest import House

pytestmark = pytest.mark.django_db

PRIVATE = [
    ("GET", "companies/"),
    ("POST", "companies/"),
    ("GET", "companies/1/"),
    ("PATCH", "companies/1/"),
    ("GET", "diagnoses/"),
    ("GET", f"diagnoses/{uuid4()}/"),
    ("POST", f"diagnoses/{uuid4()}/report/"),
    ("GET", f"jobs/{uuid4()}/"),
    ("GET", f"jobs/{uuid4()}/file/"),
]


@pytest.mark.parametrize(("method", "path"), PRIVATE)
def test_without_a_token_a_private_door_answers_401_as_a_problem(
    nobody: Program, method: str, path: str
) -> None:
    answer = nobody.client.generic(method, f"{V1}/{path}", "{}", "application/json")
    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json()["detail"] == "ログインするか、有効なトークンを付けてください。"


@pytest.mark.parametrize(("method", "path"), PRIVATE)
def test_a_token_of_another_firm_gets_the_answer_of_a_firm_that_does_not_exist(
    gondo: Program, method: str, path: str
) -> None:
    headers = {"Authorization": f"Bearer {gondo.token}"}
    answers = [
        gondo.client.generic(
            method, f"/api/v1/firms/{slug}/{path}", "{}", "application/json", headers=headers
        )
        for slug in ("michisuji", "nowhere")
    ]
    assert answers[0].status_code == 404
    assert same(*answers)


NOWHERE = ["", "nothing/", "companies/x/", "diagnoses/1/", f"jobs/{uuid4()}/nothing/", "companies/1/sites/"]


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", NOWHERE)
def test_strangers_do_not_learn_where_there_is_no_door(
    nobody: Program, baba: Program, gondo: Program, method: str, path: str
) -> None:
    def knock(program: Program, path: str) -> Any:
        headers = {"Authorization": f"Bearer {program.token}"} if program.token else {}
        return program.client.generic(method, f"{V1}/{path}", "{}", "application/json", headers=headers)

    refused = knock(nobody, path)
    assert refused.status_code == 401
    assert same(refused, nobody.client.get(f"{V1}/companies/"))
    assert same(knock(Program("mst_1_nothing"), path), refused)
    assert [knock(program, path).status_code for program in (baba, gondo)] == [404, 404]


def test_a_session_finds_no_door_either(as_: Callable[[str], Client]) -> None:
    for method in ("GET", "POST"):
        answer = as_("馬場").generic(method, f"{V1}/nothing/", "{}", "application/json")
        assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")


def test_who_forgets_the_slash_is_still_led_to_it(baba: Program) -> None:
    assert baba.get(f"{V1}/companies").headers["Location"] == f"{V1}/companies/"


def test_a_token_of_another_firm_does_not_even_act_as_a_visitor(gondo: Program) -> None:
    assert gondo.post(f"{V1}/diagnoses/", answered()).status_code == 404


@pytest.mark.parametrize(
    "token", ["nothing", "mst_1_nothing", "mst_999999_x", "mst__", "ü", "mst_1_" + "x" * 5000]
)
def test_a_token_that_nobody_issued_is_401_also_where_visitors_may(token: str, nobody: Program) -> None:
    nobody.token = token
    assert nobody.get(f"{V1}/companies/").status_code == 401
    assert nobody.post(f"{V1}/diagnoses/", answered()).status_code == 401


def test_a_revoked_token_opens_nothing_any_more(michisuji: House) -> None:
    token, text = issue(michisuji, "馬場")
    program = Program(text)
    assert program.get(f"{V1}/companies/").status_code == 200
    with open_scope(michisuji.scope):
        revoke_api_token(token=token, actor=None)
    assert program.get(f"{V1}/companies/").status_code == 401


def test_the_token_of_a_membership_that_ended_opens_nothing(baba: Program, michisuji: House) -> None:
    with open_scope(michisuji.scope):
        Membership.objects.filter(pk=michisuji.members["馬場"].pk).update(state="ended")
    assert baba.get(f"{V1}/companies/").status_code == 401


def test_a_token_shows_when_it_was_last_used_and_is_stored_as_a_hash(michisuji: House) -> None:
    token, text = issue(michisuji, "馬場")
    assert token.last_used_at is None
    Program(text).get(f"{V1}/companies/")
    with open_scope(michisuji.scope):
        kept = ApiToken.objects.get(pk=token.pk)
    assert kept.last_used_at is not None
    assert (clock.now() - kept.last_used_at).total_seconds() < 60
    assert text not in str(vars(kept))


@pytest.mark.guard("door.permission")
@pytest.mark.parametrize(
    ("name", "method", "path"),
    [
        *(("江口", *door) for door in PRIVATE),
        *((name, "POST", "companies/") for name in ("千葉", "土井", "藤田")),
        *((name, "PATCH", "companies/1/") for name in ("千葉", "土井", "藤田")),
        ("江口", "POST", "diagnoses/"),
        ("土井", "POST", "diagnoses/"),
    ],
)
def test_a_member_without_permission_is_told_so_with_403(
    program: Programs, name: str, method: str, path: str
) -> None:
    caller = program(name)
    headers = {"Authorization": f"Bearer {caller.token}"}
    answer = caller.client.generic(method, f"{V1}/{path}", "{}", "application/json", headers=headers)
    assert answer.status_code == 403
    assert answer.json()["type"] == "urn:michisuji:problem:forbidden"


def test_a_session_works_too(as_: Callable[[str], Client]) -> None:
    assert as_("馬場").get(f"{V1}/companies/").status_code == 200
    assert as_("権藤").get(f"{V1}/companies/").status_code == 404


def test_a_session_needs_its_csrf_token_for_what_changes_something(michisuji: House) -> None:
    client = Client(SERVER_NAME="localhost", enforce_csrf_checks=True)
    client.force_login(michisuji.people["馬場"], "allauth.account.auth_backends.AuthenticationBackend")
    refused = client.post(f"{V1}/companies/", {"name": "株式会社エ"}, "application/json")
    assert refused.status_code == 403
    assert "X-CSRFToken ヘッダー" in refused.json()["detail"]
    client.cookies["csrftoken"] = "a" * 32
    done = client.post(
        f"{V1}/companies/", {"name": "株式会社エ"}, "application/json", headers={"X-CSRFToken": "a" * 32}
    )
    assert done.status_code == 201


def test_a_signed_in_member_acts_as_member_where_visitors_may(
    as_: Callable[[str], Client], michisuji: House
) -> None:
    company = michisuji.companies["株式会社ア"]
    answer = as_("馬場").post(f"{V1}/diagnoses/", answered(company=company.pk), "application/json")
    assert (answer.status_code, answer.json()["company"]) == (201, company.pk)


@pytest.mark.usefixtures("half_past")
def test_limits_are_for_visitors(as_: Callable[[str], Client]) -> None:
    baba, gondo = as_("馬場"), as_("権藤")
    path = f"{V1}/diagnoses/"
    assert {baba.post(path, answered(), "application/json").status_code for _ in range(6)} == {201}
    stranger = [gondo.post(path, answered(), "application/json").status_code for _ in range(6)]
    assert stranger == [201] * 5 + [429]


def test_a_thing_of_another_firm_is_missing_in_the_same_words_at_either_address(
    baba: Program, aoba: House
) -> None:
    foreign = aoba.companies["株式会社ウ"].pk
    here = baba.get(f"{V1}/companies/{foreign}/")
    assert same(here, baba.get(f"/api/v1/firms/aoba/companies/{foreign}/"))
    assert same(here, baba.get(f"/api/v1/firms/nowhere/companies/{foreign}/"))


def test_somebody_signed_in_elsewhere_acts_as_a_visitor(
    as_: Callable[[str], Client], michisuji: House
) -> None:
    gondo = as_("権藤")
    assert gondo.post(f"{V1}/diagnoses/", answered(), "application/json").status_code == 201
    company = michisuji.companies["株式会社ア"].pk
    assert gondo.post(f"{V1}/diagnoses/", answered(company=company), "application/json").status_code == 404
