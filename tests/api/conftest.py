"""Programs that knock at the API: each with the token of one of the cast, or with none."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tenancy.actions import create_api_token
from tenancy.models import ApiToken
from tenancy.scope import open_scope
from tests.conftest import House

CASES = json.loads((Path(__file__).parents[1] / "diagnosis/data/diagnosis_cases.json").read_text("utf-8"))
CASE = CASES["cases"][0]
V1 = "/api/v1/firms/michisuji"


@dataclass
class Program:
    """A client that speaks JSON and carries a token."""

    token: str = ""

    def __post_init__(self) -> None:
        self.client = Client(SERVER_NAME="localhost", raise_request_exception=False)

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(path, query, headers=self._headers({}))

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        text = body if isinstance(body, str) else json.dumps(body or {})
        return self.client.post(path, text, "application/json", headers=self._headers(headers))

    def patch(self, path: str, body: Any) -> Any:
        return self.client.patch(path, json.dumps(body), "application/json", headers=self._headers({}))

    def _headers(self, more: dict[str, str]) -> dict[str, str]:
        own = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return own | {name.replace("_", "-"): value for name, value in more.items()}


Programs = Callable[[str], Program]


def issue(house: House, name: str) -> tuple[ApiToken, str]:
    with open_scope(house.scope):
        return create_api_token(membership=house.members[name], name="試験", actor=None)


@pytest.fixture
def program(michisuji: House, aoba: House) -> Programs:
    """The program of the named person of the cast; '誰か' has no token."""

    def of(name: str) -> Program:
        if name == "誰か":
            return Program()
        return Program(issue(michisuji if name in michisuji.members else aoba, name)[1])

    return of


@pytest.fixture
def baba(program: Programs) -> Program:
    return program("馬場")


@pytest.fixture
def gondo(program: Programs) -> Program:
    return program("権藤")


@pytest.fixture
def nobody(program: Programs) -> Program:
    return program("誰か")


def answered(**more: Any) -> dict[str, Any]:
    """The body of a whole diagnosis."""
    return {"answers": CASE["answers"], "facts": CASE["facts"], **more}


def headers_of(response: Any) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name not in ("Date", "X-Request-ID")}


def same(one: Any, other: Any) -> bool:
    """Whether two answers cannot be told apart."""
    return bool(
        (one.status_code, one.content, headers_of(one))
        == (other.status_code, other.content, headers_of(other))
    )
