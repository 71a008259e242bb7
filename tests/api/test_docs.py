"""The description of the API, for programs and for people."""

import re
from collections.abc import Iterator
from io import StringIO
from shutil import which
from typing import Any

import html5lib
import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.management import call_command
from django.test import Client
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from playwright.sync_api import Browser, sync_playwright

from tests.api.conftest import V1, Program, answered
from tests.conftest import House
from tests.consultations.office import opens


def schema() -> dict[str, Any]:
    answer = Client(SERVER_NAME="localhost").get("/api/v1/schema/")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def test_the_schema_is_made_without_a_warning() -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=StringIO())


def test_the_schema_is_openapi_3_1_and_open_to_everybody(db: None) -> None:
    found = schema()
    assert found["openapi"].startswith("3.1")
    assert set(found["components"]["securitySchemes"]) == {"token", "session"}
    assert "/api/v1/firms/{firm}/diagnoses/" in found["paths"]


@pytest.mark.django_db(transaction=True)
def test_what_the_description_refuses_is_no_fault_of_ours() -> None:
    nobody = Client(SERVER_NAME="localhost", enforce_csrf_checks=True)
    assert nobody.get("/api/v1/schema/", {"format": "zzz"}).status_code == 404
    assert nobody.get("/api/v1/schema/", headers={"Accept": "text/html"}).status_code == 406
    assert nobody.post("/api/v1/schema/").status_code == 405
    assert nobody.post("/api/v1/docs/").status_code == 405


def test_the_schema_also_comes_as_yaml(db: None) -> None:
    headers = {"Accept": "application/vnd.oai.openapi"}
    answer = Client(SERVER_NAME="localhost").get("/api/v1/schema/", headers=headers)
    assert answer.content.startswith(b"openapi: 3.1")


def test_the_schema_says_who_needs_a_token(db: None) -> None:
    is_open = {
        (method, path.removeprefix("/api/v1/firms/{firm}/"))
        for path, doors in schema()["paths"].items()
        for method, door in doors.items()
        if {} in door["security"]
    }
    assert is_open == {
        ("post", "diagnoses/"),
        ("get", "consultations/months/{month}/"),
        ("get", "consultations/slots/"),
        ("post", "consultations/bookings/"),
    }


def test_every_post_declares_the_key_and_every_door_its_refusals(db: None) -> None:
    for path, doors in schema()["paths"].items():
        for method, door in doors.items():
            assert {"401", "404"} <= set(door["responses"]), (method, path)
            names = {each["name"] for each in door.get("parameters", [])}
            assert ("Idempotency-Key" in names) == (method == "post"), (method, path)


def test_what_is_answered_is_what_the_schema_says(baba: Program, michisuji: House) -> None:
    opens(michisuji)
    found = schema()
    diagnosis = baba.post(f"{V1}/diagnoses/", answered()).json()
    job = baba.post(f"{V1}/diagnoses/{diagnosis['id']}/report/").json()
    slots = baba.get(f"{V1}/consultations/slots/").json()
    month = baba.get(f"{V1}/consultations/months/{slots['results'][0]['starts_at'][:7]}/").json()
    asked = {"kind": "both", "company_name": "会社", "contact_name": "名前", "email": "a@b.example"}
    booking = baba.post(
        f"{V1}/consultations/bookings/", {**asked, "slot": slots["results"][0]["slot"]}
    ).json()
    for body, path, method, status in (
        (diagnosis, "diagnoses/", "post", "201"),
        (baba.get(f"{V1}/diagnoses/").json(), "diagnoses/", "get", "200"),
        (baba.get(f"{V1}/companies/").json(), "companies/", "get", "200"),
        (job, "jobs/{job}/", "get", "200"),
        (month, "consultations/months/{month}/", "get", "200"),
        (slots, "consultations/slots/", "get", "200"),
        (booking, "consultations/bookings/", "post", "201"),
        (baba.get(f"{V1}/consultations/bookings/").json(), "consultations/bookings/", "get", "200"),
    ):
        answers = found["paths"][f"/api/v1/firms/{{firm}}/{path}"][method]["responses"]
        wanted = answers[status]["content"]["application/json"]["schema"]
        Draft202012Validator({**wanted, "components": found["components"]}).validate(body)


# ── In a browser ──


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The system's Chromium. Playwright keeps a loop running, which Django takes for asynchronous code."""
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=which("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_the_docs_page_can_be_read_without_a_csp_violation(
    live_server: Any, chromium: Browser, width: int
) -> None:
    page = chromium.new_page(viewport={"width": width, "height": 900})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.add_init_script(
        "window.violations = [];"
        "document.addEventListener('securitypolicyviolation',"
        " event => window.violations.push(event.violatedDirective + ' ' + event.blockedURI + ' ' + event.sample))"
    )
    page.goto(f"{live_server.url}/api/v1/docs/")
    assert page.locator(".api-door h3").count() >= 9
    assert page.evaluate("window.violations") == []
    assert [text for text in said if "Content Security" in text or "rror" in text] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert [each["id"] for each in Axe().run(page).response["violations"]] == []
    page.close()


def test_the_docs_page_names_every_door_and_needs_no_javascript(db: None) -> None:
    answer = Client(SERVER_NAME="localhost").get("/api/v1/docs/")
    page = answer.content.decode()
    assert 'href="/api/v1/schema/"' in page
    for path, doors in schema()["paths"].items():
        for method in doors:
            assert f"<code>{method.upper()} {path}</code>" in page
    html5lib.HTMLParser(strict=True).parse(page)
    ids = re.findall(r'id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert {each[1:] for each in re.findall(r'href="(#[^"]+)"', page)} <= set(ids)
