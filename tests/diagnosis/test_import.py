"""What an archive says of a diagnosis is believed as far as the questionnaire goes: pages and reports count on it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from diagnosis.models import Diagnosis
from tenancy.scope import open_scope
from tests.conftest import House
from tests.reports.conftest import media  # noqa: F401  (a folder for files)
from tests.tenancy.test_export import (  # noqa: F401  (fixtures)
    empty,
    in_rows,
    packed,
    rebuilt,
    said_of,
    send,
    signed_in,
    state_of,
    things,
)
from tests.things import Things

Files = dict[str, bytes]
pytestmark = pytest.mark.usefixtures("media")
PATH = "data/diagnosis.diagnosis.jsonl"


def in_the(state: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Files], None]:
    """Other values in the diagnoses that are in this state."""

    def changed(files: Files) -> None:
        rows = [json.loads(line) for line in files[PATH].splitlines()]
        rows = [row | change(row) if row["state"] == state else row for row in rows]
        files[PATH] = b"".join(json.dumps(row).encode() + b"\n" for row in rows)

    return changed


def other_answer(row: dict[str, Any]) -> dict[str, Any]:
    """One answer that its question has too, so that another result follows."""
    id, value = next((id, value) for id, value in row["answers"].items() if value is not None)
    return {"answers": row["answers"] | {id: 0 if value else 4}}


HOSTILE: dict[str, Callable[[Files], None]] = {
    "no answers": in_rows("diagnosis.diagnosis", answers=[1, 2], facts=5),
    "another version": in_rows("diagnosis.diagnosis", questionnaire_version="9.9.9"),
    "a path as version": in_rows("diagnosis.diagnosis", questionnaire_version="../../../etc"),
    "too few": in_the("submitted", lambda row: {"answers": dict(list(row["answers"].items())[1:])}),
    "a question of nobody": in_the("submitted", lambda row: {"answers": row["answers"] | {"x": 1}}),
    "off the scale": in_the("submitted", lambda row: {"answers": dict.fromkeys(row["answers"], 10**9)}),
    "a text": in_the("submitted", lambda row: {"answers": dict.fromkeys(row["answers"], "<b>4</b>")}),
    "facts in depth": in_the("submitted", lambda row: {"facts": {id: {"a": [1]} for id in row["facts"]}}),
    "open, off the scale": in_the("open", lambda row: {"answers": {"x": 1}}),
    "another result": in_the("submitted", lambda row: {"result": row["result"] | {"detectors": ["x"] * 9}}),
    "a grade of nobody": in_the("submitted", lambda row: {"grade": "Z"}),
    "a better grade": in_the("submitted", lambda row: {"overall": "100.0"}),
    "stuck nowhere": in_the("submitted", lambda row: {"bottleneck": "nowhere"}),
    "other answers": in_the("submitted", other_answer),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_answers_and_results_that_the_questionnaire_does_not_give_are_refused(
    michisuji: House,
    empty: House,  # noqa: F811
    things: dict[str, Things],  # noqa: F811
    kind: str,
) -> None:
    before = state_of(empty)
    page = send(empty, rebuilt(packed(michisuji), HOSTILE[kind]))
    assert "矛盾" in said_of(page)
    assert state_of(empty) == before


def test_an_honest_archive_comes_in_and_its_results_open(
    michisuji: House,
    empty: House,  # noqa: F811
    things: dict[str, Things],  # noqa: F811
) -> None:
    some = in_the("open", lambda row: {"answers": {"strategy_target": 3, "strategy_value": 0}})
    send(empty, rebuilt(packed(michisuji), some))
    with open_scope(empty.scope):
        submitted = Diagnosis.objects.submitted().get()
    client: Client = signed_in(empty)
    for path in ("diagnoses/", f"diagnoses/{submitted.pk}/", f"companies/{submitted.company_id}/diagnoses/"):
        assert client.get(f"/shin/{path}").status_code == 200, path
