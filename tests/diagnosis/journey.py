"""A visitor with a browser, for tests: presses what is on the page, reads what is on the page."""

import json
import re
from pathlib import Path
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from diagnosis.calc import pages
from diagnosis.models import Diagnosis
from diagnosis.questionnaire import current
from tenancy.links import read_token
from tenancy.scope import open_scope
from tests.conftest import House

CASES = json.loads((Path(__file__).parent / "data" / "diagnosis_cases.json").read_text())["cases"]
ANSWERS: dict[str, Any] = CASES[0]["answers"]
FACTS: dict[str, Any] = CASES[0]["facts"]
WHO: dict[str, Any] = {
    "company_name": "株式会社利根あおば精工",
    "contact_name": "新井 剛",
    "email": "arai@tone.example",
    "industry": "製造業",
    "employees": "24",
    "privacy_version": "1",
    "consent": "on",
}


def sent(id: str, given: dict[str, Any]) -> Any:
    """An answer as a browser sends it."""
    value = given[id]
    if value is None:
        return "na"
    if isinstance(value, list):
        return ["", *(value or ["none"])]
    return str(value)


def page_data(
    number: int, answers: dict[str, Any] = ANSWERS, facts: dict[str, Any] = FACTS
) -> dict[str, Any]:
    """Everything that the page with this number asks, as a browser sends it."""
    page = pages(current())[number - 1]
    given = {**answers, **facts}
    return {id: sent(id, given) for id in page.ids if id in given}


class Visitor:
    """Somebody without an account at a firm's 簡易診断."""

    def __init__(self, house: House, address: str = "192.0.2.1") -> None:
        self.house, self.slug = house, house.firm.slug
        self.browser = Client(SERVER_NAME="localhost", REMOTE_ADDR=address)
        self.token = ""

    def url(self, name: str, *args: Any) -> str:
        return reverse(f"diagnosis:{name}", args=[self.slug, *args])

    def here(self, name: str, *args: Any) -> str:
        return self.url(name, self.token, *args)

    def get(self, url: str) -> Any:
        return self.browser.get(url)

    def post(self, url: str, data: dict[str, Any] | None = None, **extra: Any) -> Any:
        return self.browser.post(url, data or {}, **extra)

    def start(self) -> "Visitor":
        """Press the button on the start page, and be on the first page."""
        seed = re.search(r'name="seed" value="([^"]+)"', text(self.get(self.url("start"))))
        assert seed
        answer = self.post(self.url("start"), {"seed": seed[1]})
        assert answer.status_code == 302, text(answer)
        self.token = answer.url.split("/a/")[1].split("/")[0]
        return self

    def answer_all(self, answers: dict[str, Any] = ANSWERS, facts: dict[str, Any] = FACTS) -> "Visitor":
        for number in range(1, 9):
            answer = self.post(self.here("page", number), page_data(number, answers, facts))
            assert answer.status_code == 302, text(answer)
        return self

    def submit(self, **changed: Any) -> str:
        """Say who you are; the address of the result."""
        answer = self.post(self.here("who"), WHO | changed)
        assert answer.status_code == 302, text(answer)
        return str(answer.url)

    @property
    def id(self) -> UUID:
        link = read_token("diagnosis.answers", self.token)
        assert link
        return link.id

    def row(self) -> Diagnosis:
        with open_scope(self.house.scope):
            return Diagnosis.objects.get(pk=self.id)


def result_token(url: str) -> str:
    return url.split("/r/")[1].split("/")[0]


def text(answer: HttpResponse) -> str:
    return answer.content.decode()
