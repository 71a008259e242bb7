"""Every address × the cast: who is let in, who is told that there is nothing.

A route that is not in the table fails. The table says for whom a route is; the statuses follow:
let in (anything but a refusal) · 403 a member who may not · 404 somebody of another firm · 302 nobody, to sign-in.
"""

import re
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4
from zipfile import ZipFile

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tests.conftest import House
from tests.things import Things, plant

FIRM = "<slug:firm>/"
CAST = ("青木", "馬場", "千葉", "土井", "江口", "藤田", "権藤", "誰か")
ADMIN, CONSULTANTS = {"青木"}, {"青木", "馬場"}
OWNER = CONSULTANTS | {"千葉"}  # whatever an owner may do, the consultants may too, unless the table says so
OWN = {"千葉", "土井"}
COMPANY = {"千葉", "土井", "江口"}  # 藤田 is of another company of the firm
MEMBERS = set(CAST[:6])
BOTH_SIDES = CONSULTANTS | COMPANY

ROUTES: dict[str, set[str]] = {
    "companies/": CONSULTANTS,
    "companies/<int:company>/": CONSULTANTS,
    "companies/<int:company>/archive/": CONSULTANTS,
    "companies/<int:company>/diagnoses/": OWNER | {"土井"},
    "companies/<int:company>/diagnoses/<uuid:diagnosis>/": OWNER | {"土井"},
    "companies/<int:company>/diagnoses/<uuid:diagnosis>/report/": OWNER | {"土井"},
    "companies/<int:company>/diagnoses/<uuid:diagnosis>/report/status/": OWNER | {"土井"},
    "companies/<int:company>/diagnoses/compare/": OWNER | {"土井"},
    "companies/<int:company>/diagnoses/invite/": CONSULTANTS,
    "companies/<int:company>/diagnoses/on-behalf/": CONSULTANTS,
    "companies/<int:company>/diagnoses/take/": {"千葉"},
    "companies/<int:company>/edit/": CONSULTANTS,
    "companies/<int:company>/files/": BOTH_SIDES,
    "companies/<int:company>/files/<uuid:file>/": BOTH_SIDES,  # shared, and handed to 江口
    "companies/<int:company>/files/<uuid:file>/edit/": CONSULTANTS,
    "companies/<int:company>/files/<uuid:file>/remove/": CONSULTANTS,
    "companies/<int:company>/files/new/": CONSULTANTS,
    "companies/<int:company>/home/": COMPANY,
    "companies/<int:company>/merge/": CONSULTANTS,
    "companies/<int:company>/merge/<int:other>/": CONSULTANTS,
    "companies/<int:company>/merge/undo/": CONSULTANTS,
    "companies/<int:company>/invitations/<uuid:invite>/revoke/": OWNER,
    "companies/<int:company>/invitations/<uuid:invite>/send/": OWNER,
    "companies/<int:company>/members/": OWNER | {"土井"},
    "companies/<int:company>/members/<int:member>/end/": OWNER,
    "companies/<int:company>/members/<int:member>/until/": CONSULTANTS,
    "companies/<int:company>/members/invite/": OWNER,
    "companies/<int:company>/notices/": OWN,
    "companies/<int:company>/notices/<uuid:notice>/": OWN,
    "companies/<int:company>/notices/read/": OWN,
    "companies/<int:company>/notices/settings/": COMPANY,
    "companies/<int:company>/meetings/": BOTH_SIDES,
    "companies/<int:company>/meetings/<uuid:meeting>/": BOTH_SIDES,  # as the file
    "companies/<int:company>/meetings/<uuid:meeting>/edit/": CONSULTANTS,
    "companies/<int:company>/meetings/<uuid:meeting>/remove/": CONSULTANTS,
    "companies/<int:company>/meetings/new/": CONSULTANTS,
    "companies/<int:company>/sites/": CONSULTANTS,
    "companies/<int:company>/sites/<int:site>/": CONSULTANTS,
    "companies/<int:company>/sites/<int:site>/remove/": CONSULTANTS,
    "companies/<int:company>/timeline/": BOTH_SIDES,
    "companies/assign/": ADMIN,
    "companies/csv/": CONSULTANTS,
    "companies/excel/": CONSULTANTS,
    "companies/new/": CONSULTANTS,
    "diagnoses/": CONSULTANTS,
    "diagnoses/<uuid:diagnosis>/": CONSULTANTS,
    "diagnoses/<uuid:diagnosis>/comment/": CONSULTANTS,
    "diagnoses/<uuid:diagnosis>/company/": CONSULTANTS,
    "diagnoses/<uuid:invitation>/invitation/": CONSULTANTS,
    "diagnoses/<uuid:diagnosis>/report/": CONSULTANTS,
    "diagnoses/<uuid:diagnosis>/revoke/": CONSULTANTS,
    "diagnoses/<uuid:diagnosis>/send/": CONSULTANTS,
    "home/": MEMBERS,
    "jobs/<uuid:job>/": CONSULTANTS,
    "jobs/<uuid:job>/again/": CONSULTANTS,
    "jobs/<uuid:job>/file/": CONSULTANTS,
    "notices/": CONSULTANTS,
    "notices/<uuid:notice>/": CONSULTANTS,
    "notices/read/": CONSULTANTS,
    "notices/settings/": CONSULTANTS,
    "settings/": ADMIN,
    "settings/delete/": ADMIN,
    "settings/delete/back/": ADMIN,
    "settings/erase/": ADMIN,
    "settings/export/": ADMIN,
    "settings/import/": ADMIN,
    "settings/mail/": ADMIN,
    "settings/mail/<uuid:mail>/": ADMIN,
    "settings/mail/<uuid:mail>/again/": ADMIN,
    "settings/invitations/<uuid:invite>/revoke/": ADMIN,
    "settings/invitations/<uuid:invite>/send/": ADMIN,
    "settings/members/": ADMIN,
    "settings/members/<int:colleague>/": ADMIN,
    "settings/members/<int:colleague>/end/": ADMIN,
    "settings/members/<int:colleague>/hand-over/": ADMIN,
    "settings/members/<int:colleague>/sign-out/": ADMIN,
    "settings/members/invite/": ADMIN,
    "settings/privacy/": ADMIN,
    "settings/privacy/<int:version>/": ADMIN,
    "settings/public/": ADMIN,
    "settings/public/people/<int:person>/": ADMIN,
    "settings/public/people/<int:person>/move/": ADMIN,
    "settings/public/people/<int:person>/remove/": ADMIN,
    "settings/public/people/new/": ADMIN,
    "settings/rules/": ADMIN,
    "settings/tokens/": ADMIN,
    "settings/tokens/<int:token>/revoke/": ADMIN,
    "settings/trail/": ADMIN,
    "settings/trail/csv/": ADMIN,
    "settings/trail/excel/": ADMIN,
}
# For everybody in the firm's public part; what a signed link opens is tested with the diagnosis.
PUBLIC: set[str] = {"", "privacy/", "diagnosis/", "diagnosis/code/"}
# Outside any firm.
ELSEWHERE: set[str] = {"", "healthz", "readyz", "theme/", "entrance/"}
# For the operator of the installation with a second factor; nobody of the cast is one (tests/tenancy/test_operator.py).
OPERATING: set[str] = {
    "operator/",
    "operator/failures/",
    "operator/firms/<int:firm_id>/enter/",
    "operator/firms/<int:firm_id>/leave/",
    "operator/firms/new/",
    "operator/health/",
    "operator/limits/",
    "operator/queues/",
}


def routes(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[str]:
    for each in (resolver or get_resolver()).url_patterns:
        route = prefix + str(each.pattern)
        if isinstance(each, URLPattern):
            yield route
        else:
            yield from routes(each, route)


def firm_routes() -> list[str]:
    return [
        route.removeprefix(FIRM)
        for route in routes()
        if route.startswith(FIRM) and "<str:token>" not in route
    ]


def address(route: str, slug: str, ids: dict[str, Any]) -> str:
    return f"/{slug}/" + re.sub(r"<\w+:(\w+)>", lambda found: str(ids[found[1]]), route)


def refusal(person: str, route: str) -> int:
    """What a route says that is not for this person: 藤田 is told of the sibling company what 権藤 is told of all."""
    nothing_there = person == "権藤" or (person == "藤田" and "<int:company>" in route)
    return 404 if nothing_there else {"誰か": 302}.get(person, 403)


@pytest.fixture
def things(michisuji: House, aoba: House) -> dict[str, Things]:
    return {"michisuji": plant(michisuji), "aoba": plant(aoba)}


def test_every_route_is_in_the_table() -> None:
    assert set(firm_routes()) == set(ROUTES) | PUBLIC
    outside = {route for route in routes() if not route.startswith((FIRM, "accounts/", "api/"))}
    assert outside == ELSEWHERE | OPERATING


@pytest.mark.guard("door.permission")
@pytest.mark.parametrize("person", CAST)
def test_each_route_lets_in_whom_it_is_for(
    as_: Callable[[str], Client], things: dict[str, Things], person: str
) -> None:
    client = as_(person)
    wrong = {}
    for route, let_in in ROUTES.items():
        for method in (client.get, client.post):
            status = method(address(route, "michisuji", things["michisuji"].ids)).status_code
            if (status == refusal(person, route)) == (person in let_in):
                wrong[route] = status
    assert wrong == {}


@pytest.mark.parametrize("person", CAST)
def test_public_routes_are_open_to_everybody(as_: Callable[[str], Client], things: Any, person: str) -> None:
    client = as_(person)
    assert {route: client.get(f"/michisuji/{route}").status_code for route in PUBLIC} == dict.fromkeys(
        PUBLIC, 200
    )


@pytest.mark.guard("walls.read")
@pytest.mark.parametrize("method", ["get", "post"])
def test_another_firm_s_ids_answer_as_absent_ones_do(
    as_: Callable[[str], Client], things: dict[str, Things], method: str
) -> None:
    absent = {
        name: uuid4() if isinstance(value, UUID) else 10**9 for name, value in things["aoba"].ids.items()
    }
    own = things["michisuji"].ids
    for route, let_in in ROUTES.items():
        last = (re.findall(r"<\w+:(\w+)>", route) or ["version"])[-1]
        if last in ("version", "number"):
            continue
        foreign_ids, absent_ids = own | {last: things["aoba"].ids[last]}, own | {last: absent[last]}
        client = as_("青木" if "青木" in let_in else "千葉")
        foreign = getattr(client, method)(address(route, "michisuji", foreign_ids))
        missing = getattr(client, method)(address(route, "michisuji", absent_ids))
        assert foreign.status_code == missing.status_code, route
        assert foreign.status_code in (404, 405), route
        assert (foreign.content, headers(foreign)) == (missing.content, headers(missing)), route


@pytest.mark.guard("walls.read")
@pytest.mark.parametrize("person", CAST)
def test_nobody_sees_a_word_of_the_other_firm(
    as_: Callable[[str], Client], things: dict[str, Things], person: str
) -> None:
    client = as_(person)
    own = "aoba" if person == "権藤" else "michisuji"
    foreign = things["michisuji" if own == "aoba" else "aoba"].canary
    seen = [
        address(route, slug, things[slug].ids)
        for slug in things
        for route in (*ROUTES, *PUBLIC)
        if foreign in text_of(client.get(address(route, slug, things[slug].ids)))
    ]
    assert seen == []


ACCOUNT = ("", "name/", "email/", "password/change/", "second-factor/", "sessions/")


@pytest.mark.parametrize("person", ["青木", "千葉"])
def test_no_cache_keeps_what_a_session_has_touched(
    as_: Callable[[str], Client], things: dict[str, Things], person: str
) -> None:
    client = as_(person)
    private = [address(route, "michisuji", things["michisuji"].ids) for route in ROUTES]
    private += ["/entrance/?choose", "/api/v1/firms/michisuji/companies/"]
    private += [f"/accounts/{page}" for page in ACCOUNT]
    kept = {url: client.get(url).headers.get("Cache-Control", "") for url in private}
    assert {
        url: said for url, said in kept.items() if not {"private", "no-store"} <= set(said.split(", "))
    } == {}


def test_the_canary_sings_where_it_may(as_: Callable[[str], Client], things: dict[str, Things]) -> None:
    client, own = as_("青木"), things["michisuji"]
    for route in ("companies/", "companies/<int:company>/", "diagnoses/", "diagnoses/<uuid:diagnosis>/"):
        assert own.canary in client.get(address(route, "michisuji", own.ids)).content.decode(), route


def text_of(response: Any) -> str:
    """What an answer says; of an Excel file, all that is packed in it."""
    content = bytes(response.content)
    if content.startswith(b"PK"):
        with ZipFile(BytesIO(content)) as packed:
            content = b"".join(packed.read(name) for name in packed.namelist())
    return content.decode(errors="replace")


def headers(response: Any) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name not in ("Date", "X-Request-ID")}
