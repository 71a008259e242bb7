"""How many statements each page costs, kept in query_counts.json so that a change shows in review.

UPDATE_QUERY_COUNTS=1 ./script/test tests/test_query_counts.py      # writes what it counts
"""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from diagnosis.actions import start_diagnosis
from diagnosis.addresses import answers_token, result_token
from tenancy.scope import open_scope
from tests.conftest import House
from tests.test_matrix import PUBLIC, ROUTES, address
from tests.things import Things, plant

COUNTS = Path(__file__).with_name("query_counts.json")
ANSWERS = ("1/", "resume/", "who/")
RESULTS = ("", "report/status/")


@pytest.fixture
def things(michisuji: House) -> Things:
    return plant(michisuji)


def links(house: House, things: Things) -> dict[str, str]:
    """Name → address of what signed links open."""
    with open_scope(house.scope):
        answers, result = answers_token(start_diagnosis()), result_token(things.diagnosis)
    named = {f"diagnosis/a/…/{part}": f"/michisuji/diagnosis/a/{answers}/{part}" for part in ANSWERS}
    return named | {f"diagnosis/r/…/{part}": f"/michisuji/diagnosis/r/{result}/{part}" for part in RESULTS}


def cost(client: Client, url: str) -> int | None:
    """Statements of a second visit (the first one may note that somebody looked); None where nothing is shown."""
    if client.get(url).status_code != 200:
        return None
    with CaptureQueriesContext(connection) as queries:
        client.get(url)
    return len(queries)


def test_each_page_costs_what_was_agreed(
    as_: Callable[[str], Client], michisuji: House, things: Things
) -> None:
    pages = {route: address(route, "michisuji", things.ids) for route in sorted(ROUTES)}
    counted = {name: cost(as_("青木"), url) for name, url in pages.items()}
    open_to_all = {route: f"/michisuji/{route}" for route in sorted(PUBLIC)} | links(michisuji, things)
    counted |= {name or "the public page": cost(as_("誰か"), url) for name, url in open_to_all.items()}
    shown = {name: count for name, count in counted.items() if count is not None}
    if os.environ.get("UPDATE_QUERY_COUNTS"):
        COUNTS.write_text(json.dumps(shown, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    assert shown == json.loads(COUNTS.read_text(encoding="utf-8"))
