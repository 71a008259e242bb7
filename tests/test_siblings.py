"""Two clients of one firm may be competitors: neither, nor a consultant of the other, learns that something is there.

Somebody else's id in an address, a query, a body or a header is answered as one that does not exist: the same status,
the same bytes, the same headers, the same statements.
"""

import re
from collections.abc import Callable, Iterator
from itertools import zip_longest
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tenancy.models import Company, Firm
from tenancy.scope import open_scope
from tests.conftest import House
from tests.test_matrix import ROUTES, address, headers, text_of
from tests.things import Things, plant, plant_sibling

As = Callable[[str], Client]
OF_A_COMPANY = [route for route in ROUTES if "<int:company>" in route]
LIMITED = "馬場"  # sees assigned companies only, in these tests ア alone


@pytest.fixture
def own(michisuji: House, aoba: House) -> Things:
    return plant(michisuji)


@pytest.fixture
def sibling(michisuji: House, own: Things) -> Things:
    planted = plant_sibling(michisuji)
    with open_scope(michisuji.scope):
        Company.objects.filter(pk=own.company.pk).update(consultant=michisuji.members[LIMITED])
    Firm.objects.filter(pk=michisuji.firm.pk).update(consultants_see="assigned")
    return planted


def absent(ids: dict[str, Any]) -> dict[str, Any]:
    return {name: uuid4() if isinstance(value, UUID) else 10**9 for name, value in ids.items()}


def last_id(route: str) -> str:
    return re.findall(r"<\w+:(\w+)>", route)[-1]


def pairs(route: str, own: Things, other: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Addresses with somebody else's ids, and the same with ids of nothing: the whole address, and only its last id."""
    nothing = absent(other)
    yield address(route, "michisuji", own.ids | other), address(route, "michisuji", own.ids | nothing)
    last = last_id(route)
    if last in other and last != "company":
        yield (
            address(route, "michisuji", own.ids | {last: other[last]}),
            address(route, "michisuji", own.ids | {last: nothing[last]}),
        )


def asked(client: Client, method: str, url: str) -> tuple[Any, list[str]]:
    """The answer, and the shapes of the statements it took."""
    with CaptureQueriesContext(connection) as captured:
        answer = getattr(client, method)(url)
    return answer, [shape(each["sql"]) for each in captured]


def shape(sql: str) -> str:
    """A statement without its values, and a savepoint without its number."""
    return re.sub(r"'[^']*'|\b\d+\b|\bs\d+_x\d+", "?", sql)


@pytest.mark.guard("walls.read")
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("person", ["千葉", "土井", "江口", LIMITED])
def test_a_sibling_s_address_is_answered_as_one_of_nothing(
    as_: As, own: Things, sibling: Things, person: str, method: str
) -> None:
    client, wrong = as_(person), {}
    client.get("/michisuji/home/")  # what a first request may note is not of interest
    for route in OF_A_COMPANY:
        for there, nowhere in pairs(route, own, sibling.ids):
            (real, real_sql), (none, none_sql) = (asked(client, method, url) for url in (there, nowhere))
            if (real.status_code, real.content, headers(real)) != (
                none.status_code,
                none.content,
                headers(none),
            ):
                wrong[there] = (real.status_code, none.status_code)
            elif real_sql != none_sql:
                wrong[there] = [pair for pair in zip_longest(real_sql, none_sql) if pair[0] != pair[1]][:1]
            elif real.status_code not in (403, 404, 405):
                wrong[there] = real.status_code
    assert wrong == {}


@pytest.mark.guard("walls.read")
@pytest.mark.parametrize("person", ["千葉", "土井", "江口", LIMITED])
def test_nobody_sees_a_word_of_a_sibling(as_: As, own: Things, sibling: Things, person: str) -> None:
    client, other = as_(person), sibling.ids
    queries = ("", f"?q={sibling.canary}", f"?industry={sibling.canary}&sort=-contact", "?page=2&status=lead")
    compare = f"?before={other['diagnosis']}&after={other['diagnosis']}"
    seen = [
        url
        for route in ROUTES
        for query in (*queries, compare)
        for url in (address(route, "michisuji", own.ids) + query,)
        if sibling.canary in without_echo(text_of(client.get(url)), sibling.canary)
    ]
    assert seen == [], [around(text_of(client.get(url)), sibling.canary) for url in seen]


def around(text: str, word: str) -> list[str]:
    text = without_echo(text, word)
    return [text[max(0, at.start() - 60) : at.end() + 20] for at in re.finditer(word, text)]


def without_echo(text: str, typed: str) -> str:
    """The page without the fields, messages and addresses that say again what was typed there."""
    return re.sub(rf'value="{typed}"|{typed} は候補に|[?&](amp;)?(q|industry)={typed}[^"]*', "", text)


@pytest.mark.parametrize("door", ["companies/", "diagnoses/"])
@pytest.mark.parametrize("person", ["千葉", "土井", "江口", LIMITED])
def test_nobody_reads_a_word_of_a_sibling_through_the_api(
    as_: As, own: Things, sibling: Things, person: str, door: str
) -> None:
    for query in ("", f"?q={sibling.canary}", "?ordering=-kana", f"?company={sibling.company.pk}"):
        answer = as_(person).get(f"/api/v1/firms/michisuji/{door}{query}")
        assert sibling.canary not in answer.content.decode()
        narrows = ("?q", "?company") if door == "diagnoses/" else ("?q",)
        if query.startswith(narrows) and answer.status_code == 200:
            assert answer.json()["results"] == []


def bodies(foreign: House, own: Things, sibling: Things) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Who sends what where, with an id in it that is somebody else's."""
    a = f"/michisuji/companies/{own.company.pk}/"
    stranger, theirs = foreign.members["権藤"].pk, sibling.ids
    written = {"held_on": "2026-11-02", "kind": "visit", "body": "話したこと", "shared": "True"}
    for member in (stranger, theirs["member"]):
        yield "青木", f"{a}edit/", {"name": "名前", "support_status": "client", "consultant": member}
        yield "青木", f"{a}meetings/new/", {**written, "handed": [member]}
        yield "青木", f"/michisuji/settings/members/{own.ids['colleague']}/hand-over/", {"to": member}
    yield "青木", f"{a}files/{own.ids['file']}/edit/", {"meeting": theirs["meeting"], "shared": "True"}
    yield "千葉", f"{a}diagnoses/take/", {"request_id": theirs["diagnosis"]}
    yield "青木", f"{a}diagnoses/on-behalf/", {"request_id": theirs["diagnosis"]}


@pytest.mark.guard("walls.keys")
def test_somebody_else_s_id_in_a_body_is_refused_and_changes_nothing(
    as_: As, michisuji: House, aoba: House, own: Things, sibling: Things
) -> None:
    with open_scope(michisuji.scope):
        before = list(Company.objects.order_by("pk").values())
    for who, url, body in bodies(aoba, own, sibling):
        assert as_(who).post(url, body).status_code in (404, 422), (url, body)
    with open_scope(michisuji.scope):
        assert list(Company.objects.order_by("pk").values()) == before


def test_no_header_opens_another_company(as_: As, own: Things, sibling: Things) -> None:
    url, plain = f"/michisuji/companies/{sibling.company.pk}/home/", as_("千葉")
    for name in (
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-Forwarded-Prefix",
        "X-HTTP-Method-Override",
        "Referer",
    ):
        assert (
            plain.get(url, headers={name: f"/michisuji/companies/{own.company.pk}/home/"}).status_code == 404
        )
