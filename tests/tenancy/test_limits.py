"""Limits count what is made, not what is refused; and what hangs makes nobody wait."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test import Client

from tenancy import due
from tenancy.models import Firm
from tests.api.conftest import CASE, V1, Program
from tests.conftest import House
from tests.tenancy.test_due import broker_at

DIAGNOSES = f"{V1}/diagnoses/"
GIVEN = {"answers": CASE["answers"], "facts": CASE["facts"]}


@pytest.mark.usefixtures("half_past")
def test_refused_requests_use_up_nothing_of_what_may_be_made(michisuji: House) -> None:
    stranger = Program()
    assert [stranger.post(DIAGNOSES, {"answers": {}, "facts": {}}).status_code for _ in range(6)] == [400] * 6
    assert [stranger.post(DIAGNOSES, GIVEN).status_code for _ in range(6)] == [201] * 5 + [429]


def test_an_answer_given_again_for_the_same_key_is_none_of_the_five(michisuji: House) -> None:
    stranger = Program()
    answers = [stranger.post(DIAGNOSES, GIVEN, Idempotency_Key="k") for _ in range(7)]
    assert [each.status_code for each in answers] == [201] * 7
    assert {each.content for each in answers} == {answers[0].content}
    assert stranger.post(DIAGNOSES, GIVEN | {"company": 1}, Idempotency_Key="k").status_code == 422


@pytest.mark.usefixtures("half_past")
def test_refusals_without_end_are_counted_too(michisuji: House) -> None:
    stranger = Program()
    statuses = [stranger.post(DIAGNOSES, {"answers": {}, "facts": {}}).status_code for _ in range(61)]
    assert (statuses[59], statuses[60]) == (400, 429)


@pytest.fixture
def silence(tmp_path: Path) -> Iterator[tuple[str, list[socket.socket]]]:
    """The address of a broker that takes every call and never says a word, and the calls it took."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / "silent.sock"))
    server.listen()
    calls: list[socket.socket] = []

    def take() -> None:
        while True:
            try:
                calls.append(server.accept()[0])
            except OSError:
                return

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    yield f"redis+socket://{tmp_path / 'silent.sock'}", calls
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()
    for each in calls:
        each.close()


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_hangs_is_waited_for_once(silence: tuple[str, list[socket.socket]]) -> None:
    firm = Firm.objects.create(slug="silence", name="無言")
    due.kind("tests.silence", task="tests.nobody_listens", queue="tests")
    address, calls = silence
    with broker_at(address):
        for _ in range(6):
            with transaction.atomic():
                due.put("tests.silence", firm.pk, uuid4())
    due.KINDS.pop("tests.silence")
    assert len(calls) == 1


def test_readyz_says_what_is_missing(db: None, client: Client) -> None:
    assert client.get("/readyz").json() == {"database": "up", "broker": "up"}
    real = dict(connection.settings_dict)
    try:
        connection.settings_dict["NAME"] = "michisuji_that_is_not_there"
        answer = client.get("/readyz")
        connection.settings_dict["NAME"] = "template1"
        behind = client.get("/readyz")
    finally:
        connection.settings_dict.update(real)
    assert (answer.status_code, answer.json()) == (503, {"database": "down"})
    assert (behind.status_code, behind.json()) == (503, {"database": "up", "migrations": "missing"})
