"""Errors: always problem details, always Japanese, never half-done work."""

import pytest

from diagnosis import api
from tenancy.models import Company
from tenancy.scope import open_scope
from tests.api.conftest import V1, Program, answered
from tests.conftest import House

pytestmark = pytest.mark.django_db


def is_problem(answer: object, status: int) -> dict[str, object]:
    assert answer.status_code == status, answer.content  # type: ignore[attr-defined]
    assert answer.headers["Content-Type"] == "application/problem+json"  # type: ignore[attr-defined]
    body: dict[str, object] = answer.json()  # type: ignore[attr-defined]
    assert set(body) - {"errors"} == {"type", "title", "status", "detail"}
    assert body["status"] == status
    assert any("ぁ" <= letter <= "ん" for letter in str(body["detail"]))
    return body


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1]",
        '"x"',
        "null",
        '{"name": NaN}',
        "[" * 100_000,
        '{"a":' * 50_000,
        '{"name": "\\ud800"}',
        '{"employees": ' + "9" * 5000 + "}",
    ],
    ids=["empty", "cut", "list", "text", "null", "NaN", "deep", "deeper", "half a character", "huge number"],
)
def test_a_body_that_is_no_object_is_400(baba: Program, text: str) -> None:
    is_problem(baba.post(f"{V1}/companies/", text or " "), 400)


def test_a_body_in_another_encoding_is_400(baba: Program) -> None:
    body = '{"name": "株式会社"}'.encode("shift_jis")
    headers = {"Authorization": f"Bearer {baba.token}"}
    is_problem(baba.client.post(f"{V1}/companies/", body, "application/json", headers=headers), 400)


def test_a_body_of_more_than_a_megabyte_is_413(baba: Program) -> None:
    is_problem(baba.post(f"{V1}/companies/", {"name": "x" * 1_100_000}), 413)


def test_what_is_no_text_is_said_in_japanese(baba: Program) -> None:
    answer = baba.post(f"{V1}/companies/", {"name": {"a": 1}})
    assert answer.json()["errors"] == {"name": ["文字列で指定してください。"]}


def test_a_form_is_415(baba: Program) -> None:
    headers = {"Authorization": f"Bearer {baba.token}"}
    is_problem(baba.client.post(f"{V1}/companies/", {"name": "x"}, headers=headers), 415)


def test_who_wants_html_gets_406(baba: Program) -> None:
    headers = {"Authorization": f"Bearer {baba.token}", "Accept": "text/html"}
    is_problem(baba.client.get(f"{V1}/companies/", headers=headers), 406)


@pytest.mark.parametrize("text", ["[1]", '"x"', "null", "3"])
def test_who_sends_no_object_is_told_so(baba: Program, text: str) -> None:
    said = is_problem(baba.post(f"{V1}/companies/", text), 400)
    assert said["detail"] == "JSON のオブジェクト({…})でお送りください。"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_a_method_that_a_door_does_not_have_is_405_and_says_which_it_has(baba: Program, method: str) -> None:
    headers = {"Authorization": f"Bearer {baba.token}"}
    answer = baba.client.generic(method, f"{V1}/companies/", "{}", "application/json", headers=headers)
    is_problem(answer, 405)
    assert "GET, POST" in answer.headers["Allow"]


def test_a_post_without_the_last_slash_stays_a_post(baba: Program) -> None:
    answer = baba.post(f"{V1}/companies", {"name": "株式会社ア"})
    assert (answer.status_code, answer.headers["Location"]) == (308, f"{V1}/companies/")


@pytest.mark.parametrize("path", ["/api/", "/api/v1/", "/api/v1/firms/", "/api/v2/firms/", "/api/v1/x"])
def test_an_address_that_does_not_exist_is_404_in_json(nobody: Program, path: str) -> None:
    is_problem(nobody.get(path), 404)


def test_a_fault_of_ours_is_500_and_leaves_nothing_behind(
    baba: Program, michisuji: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenancy.api.companies._present", lambda company: 1 // 0)
    is_problem(baba.post(f"{V1}/companies/", {"name": "半分"}), 500)
    with open_scope(michisuji.scope):
        assert not Company.objects.filter(name="半分").exists()


def test_a_late_fault_in_a_diagnosis_leaves_no_diagnosis_behind(
    baba: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "_present", lambda *_: 1 // 0)
    is_problem(baba.post(f"{V1}/diagnoses/", answered()), 500)
    assert baba.get(f"{V1}/diagnoses/").json()["results"] == []


def test_an_id_larger_than_any_is_404(baba: Program) -> None:
    is_problem(baba.get(f"{V1}/companies/{10**30}/"), 404)
    is_problem(baba.post(f"{V1}/diagnoses/", answered(company=10**30)), 404)
