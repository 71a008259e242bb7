"""One request, one transaction, one scope (architecture.md §3), and who gets through the door."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from tenancy.actions import create_api_token
from tenancy.edges import EdgesMiddleware
from tenancy.limits import address_of
from tenancy.models import Company, Membership
from tenancy.scope import open_scope
from tests.conftest import House

pytestmark = pytest.mark.urls("tests.tenancy.faulty")

As = Callable[[str], Client]


def half_done(house: House) -> int:
    with open_scope(house.scope):
        return Company.objects.filter(name="半分").count()


@pytest.fixture
def aoki(as_: As) -> Client:
    client = as_("青木")
    client.raise_request_exception = False
    return client


# ── The four failures ──


def test_what_a_view_did_stays(aoki: Client, michisuji: House) -> None:
    assert aoki.post("/michisuji/faulty/works/").status_code == 200
    assert half_done(michisuji) == 1


@pytest.mark.guard("door.rollback")
@pytest.mark.parametrize("way", ["raises", "503", "badly"])
def test_a_failed_request_leaves_nothing_behind(aoki: Client, michisuji: House, way: str) -> None:
    assert aoki.post(f"/michisuji/faulty/{way}/").status_code >= 500
    assert half_done(michisuji) == 0


def test_a_refusal_by_the_api_leaves_nothing_behind(aoki: Client, michisuji: House) -> None:
    answer = aoki.post("/api/v1/firms/michisuji/faulty/", {}, "application/json")
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["errors"] == {"name": ["会社名を入力してください。"]}
    assert half_done(michisuji) == 0


def test_a_page_is_rendered_inside_the_scope(aoki: Client) -> None:
    assert aoki.get("/michisuji/faulty/late/").content.decode() == "[株式会社ア][有限会社イ]"


def test_an_answer_that_would_be_streamed_is_refused(aoki: Client) -> None:
    assert aoki.get("/michisuji/faulty/streams/").status_code == 500


# ── The door ──


def test_somebody_of_another_firm_gets_the_answer_of_a_firm_that_does_not_exist(as_: As) -> None:
    client = as_("権藤")
    with CaptureQueriesContext(connection) as foreign_queries:
        foreign = client.get("/michisuji/faulty/late/")
    with CaptureQueriesContext(connection) as absent_queries:
        absent = client.get("/nowhere/faulty/late/")
    assert foreign.status_code == absent.status_code == 404
    assert foreign.content == absent.content
    assert _headers(foreign) == _headers(absent)
    assert [_shape(each) for each in foreign_queries] == [_shape(each) for each in absent_queries]


@pytest.mark.guard("door.permission")
@pytest.mark.parametrize("name", ["千葉", "土井", "江口", "藤田"])
def test_a_member_who_may_not_is_told_so_kindly(as_: As, name: str) -> None:
    answer = as_(name).get("/michisuji/faulty/late/")
    assert answer.status_code == 403
    assert "このページは表示できません" in answer.content.decode()


def test_nobody_is_sent_to_sign_in_before_any_look_up(as_: As) -> None:
    client = as_("誰か")
    with CaptureQueriesContext(connection) as queries:
        answer = client.get("/michisuji/faulty/late/?q=1")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/accounts/login/?next=%2Fmichisuji%2Ffaulty%2Flate%2F%3Fq%3D1"
    assert len(queries) == 0
    assert client.post("/api/v1/firms/michisuji/faulty/").status_code == 401


def test_a_membership_that_ended_closes_the_door_at_the_next_request(as_: As, michisuji: House) -> None:
    client = as_("馬場")
    assert client.get("/michisuji/faulty/late/").status_code == 200
    with open_scope(michisuji.scope):
        Membership.objects.filter(pk=michisuji.members["馬場"].pk).update(state="ended")
    assert client.get("/michisuji/faulty/late/").status_code == 404


def test_an_unknown_api_token_is_401_at_any_firm(as_: As) -> None:
    answers = [
        as_("誰か").post(f"/api/v1/firms/{slug}/faulty/", headers={"Authorization": "Bearer nothing"})
        for slug in ("michisuji", "nowhere")
    ]
    assert [each.status_code for each in answers] == [401, 401]
    assert answers[0].content == answers[1].content


def test_a_session_needs_a_csrf_token_at_the_api_too(michisuji: House) -> None:
    client = Client(SERVER_NAME="localhost", enforce_csrf_checks=True)
    client.force_login(michisuji.people["青木"], "allauth.account.auth_backends.AuthenticationBackend")
    assert client.post("/api/v1/firms/michisuji/faulty/").status_code == 403


@pytest.mark.parametrize("path", ["/accounts/login/", "/", "/healthz"])
def test_doors_without_a_firm_open_to_everybody(as_: As, path: str) -> None:
    assert as_("誰か").get(path).status_code == 200


@pytest.mark.parametrize(
    "path", ["login/", "password/reset/", "password/reset/key/1-x/", "password/reset/done/"]
)
def test_pages_of_sign_in_are_never_kept(as_: As, path: str) -> None:
    answer = as_("誰か").get(f"/accounts/{path}")
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]


def test_private_pages_are_never_kept(aoki: Client) -> None:
    assert aoki.get("/michisuji/faulty/late/").headers["Cache-Control"] == "private, no-store"


def _headers(response: Any) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name not in ("Date", "X-Request-ID")}


def _shape(query: dict[str, str]) -> str:
    return (
        "".join("?" if each.isdigit() else each for each in query["sql"])
        .replace("michisuji", "")
        .replace("nowhere", "")
    )


@pytest.mark.parametrize("key", ['"\\000aaaaaaaaaaaaaaa"', "x" * 5000, "'; --aaaaaaaaaaa"])
def test_a_cookie_that_is_no_sessions_key_is_nobody(db: None, key: str) -> None:
    answer = Client(SERVER_NAME="localhost").get(
        "/michisuji/faulty/late/", headers={"Cookie": f"sessionid={key}"}
    )
    assert answer.status_code == 302


# ── The edges ──


def test_more_than_is_taken_is_said_in_words_also_how_to_keep_what_was_typed(aoki: Client) -> None:
    answer = aoki.post("/michisuji/settings/public/people/new/", {"name": "あ" * 3_500_000})
    assert answer.status_code == 413
    assert "「戻る」で前の画面に" in answer.content.decode()
    many = aoki.post(
        "/michisuji/settings/public/people/new/", {f"field{number}": "" for number in range(600)}
    )
    assert many.status_code == 413


def test_what_was_sent_is_read_to_the_end_so_that_the_answer_arrives() -> None:
    request = RequestFactory().post("/nowhere/", {"text": "a" * 3_000_000})
    EdgesMiddleware(lambda _: HttpResponse("refused"))(request)
    assert request.read() == b""


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options", "trace"])
def test_what_no_page_takes_is_refused_before_anybody_is_looked_up(
    aoki: Client, django_assert_num_queries: Any, method: str
) -> None:
    with django_assert_num_queries(0):
        here, nowhere = (getattr(aoki, method)(url) for url in ("/michisuji/companies/", "/no/where/"))
    assert (here.status_code, here.headers["Allow"]) == (405, "GET, HEAD, POST")
    assert (here.headers["X-Content-Type-Options"], here.headers["Referrer-Policy"]) == (
        "nosniff",
        "same-origin",
    )
    assert (here.content, _headers(here)) == (nowhere.content, _headers(nowhere))


def test_the_address_of_a_form_opened_as_a_page_says_what_to_do(aoki: Client) -> None:
    answer = aoki.get("/michisuji/notices/read/")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
    assert "もう一度ボタンを押してください" in answer.content.decode()
    assert answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("referer", "back"),
    [
        ("http://localhost/michisuji/diagnoses/1/?a=1", "/michisuji/diagnoses/1/"),
        ("http://evil.example/trap/", "/entrance/"),
        ("", "/entrance/"),
    ],
)
def test_a_session_that_ended_under_a_form_leads_back_to_the_form(
    as_: As, michisuji: House, referer: str, back: str
) -> None:
    answer = as_("誰か").post("/michisuji/faulty/works/", headers={"Referer": referer})
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"/accounts/login/?{urlencode({'next': back})}"


def test_a_token_of_the_api_opens_no_page(michisuji: House) -> None:
    with open_scope(michisuji.scope):
        _, token = create_api_token(membership=michisuji.members["青木"], name="", actor=None)
    with_token = {"Authorization": f"Bearer {token}"}
    browser = Client(SERVER_NAME="localhost")
    assert browser.get("/michisuji/faulty/late/", headers=with_token).status_code == 302
    assert browser.post("/api/v1/firms/michisuji/faulty/", headers=with_token).status_code == 400


@pytest.mark.parametrize(
    "path", ["/", "/nowhere/", "/static/nothing.css", "/accounts/login/", "/api/v1/firms/nowhere/companies/"]
)
@pytest.mark.parametrize("host", ["localhost", "evil.example"])
def test_every_answer_carries_the_policy(db: None, path: str, host: str) -> None:
    answer = Client(SERVER_NAME="localhost").get(path, headers={"Host": host})
    assert (answer.status_code == 400) == (host == "evil.example")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("peer", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", ""),
    ],
)
def test_a_limit_counts_an_address_or_the_network_that_one_visitor_has(peer: str, counted: str) -> None:
    request = RequestFactory().get("/", REMOTE_ADDR=peer, headers={"X-Forwarded-For": "198.51.100.1"})
    assert address_of(request) == counted


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/michisuji/", "/michisuji/diagnosis/"])
def test_public_pages_answer_who_only_asks_whether_they_are_there(as_: As, path: str) -> None:
    answer = as_("誰か").head(path)
    assert answer.status_code == 200
    assert answer.content == b""
