"""Every address × the cast: who is let in, who is told that there is nothing.

A route that is in no table fails. A table says for whom a route is; the statuses follow, whatever the method:
let in (405 where the method is not taken) · 403 a member who may not · 404 somebody of another firm · 302 nobody, to
sign-in (401 at the API) · 405 everybody, where no page takes the method. What a request writes is taken back before the
next one, so that all meet the same rows.
"""

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import timedelta
from io import BytesIO
from itertools import product
from typing import Any
from uuid import UUID, uuid4
from zipfile import ZipFile

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from notices.models import Notice
from reports.models import Job
from tenancy import clock
from tenancy.models import Invitation
from tenancy.scope import open_scope
from tests.conftest import House
from tests.tenancy.browser import signs_in, with_password
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
    "companies/<int:company>/consultations/": OWNER | {"土井"},
    "companies/<int:company>/consultations/<uuid:consultation>/": OWNER | {"土井"},
    "companies/<int:company>/consultations/book/": {"千葉"},
    "consultations/": CONSULTANTS,
    "consultations/<uuid:consultation>/": CONSULTANTS,
    "consultations/<uuid:consultation>/actions/": CONSULTANTS,
    "consultations/<uuid:consultation>/actions/<uuid:action>/": CONSULTANTS,
    "consultations/<uuid:consultation>/cancel/": CONSULTANTS,
    "consultations/<uuid:consultation>/company/": CONSULTANTS,
    "consultations/<uuid:consultation>/mark/": CONSULTANTS,
    "consultations/<uuid:consultation>/move/": CONSULTANTS,
    "consultations/<uuid:consultation>/note/": CONSULTANTS,
    "consultations/<uuid:consultation>/summary/": CONSULTANTS,
    "consultations/<uuid:consultation>/where/": CONSULTANTS,
    "consultations/csv/": CONSULTANTS,
    "consultations/excel/": CONSULTANTS,
    "consultations/new/": CONSULTANTS,
    "consultations/schedule/": CONSULTANTS,
    "consultations/schedule/calendar/": CONSULTANTS,
    "consultations/schedule/exceptions/": CONSULTANTS,
    "consultations/schedule/exceptions/<int:exception>/remove/": {"青木"},  # their own, and nobody else's
    "consultations/schedule/feed/": CONSULTANTS,
    "consultations/schedule/hours/": CONSULTANTS,
    "consultations/tasks/<uuid:task>/": CONSULTANTS,
    "settings/consultations/": ADMIN,
    "settings/consultations/blocked/": ADMIN,
    "settings/consultations/blocked/<int:blocked>/remove/": ADMIN,
    "settings/consultations/closed/": ADMIN,
    "settings/consultations/closed/<int:closed>/remove/": ADMIN,
    "settings/consultations/months/": ADMIN,
    "settings/consultations/people/": ADMIN,
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
# For everybody in the firm's public part.
PUBLIC: set[str] = {
    "",
    "privacy/",
    "consultation/",
    "consultation/waitlist/",
    "diagnosis/",
    "diagnosis/code/",
}
# What a signed link opens is tested with the diagnosis and the invitations; here nobody has one.
LINKS: set[str] = {
    "consultation/feed/<str:token>/",
    "consultation/m/<str:token>/",
    "consultation/m/<str:token>/again/",
    "consultation/m/<str:token>/answer/",
    "consultation/m/<str:token>/cancel/",
    "consultation/m/<str:token>/change/",
    "consultation/m/<str:token>/confirm/",
    "consultation/m/<str:token>/details/",
    "consultation/m/<str:token>/rebook/",
    "consultation/m/<str:token>/soudan.ics",
    "consultation/n/<str:token>/",
    "consultation/s/<str:token>/",
    "consultation/sent/<str:token>/",
    "consultation/sent/<str:token>/again/",
    "consultation/w/<str:token>/",
    "consultation/w/<str:token>/leave/",
    "diagnosis/a/<str:token>/",
    "diagnosis/a/<str:token>/<int:number>/",
    "diagnosis/a/<str:token>/<int:number>/save/",
    "diagnosis/a/<str:token>/resume/",
    "diagnosis/a/<str:token>/resume/code/",
    "diagnosis/a/<str:token>/resume/mail/",
    "diagnosis/a/<str:token>/who/",
    "diagnosis/r/<str:token>/",
    "diagnosis/r/<str:token>/mail/",
    "diagnosis/r/<str:token>/report/",
    "diagnosis/r/<str:token>/report/status/",
    "invitation/<str:token>/",
}
# Outside any firm: for everybody, and for whoever is signed in.
ELSEWHERE: set[str] = {
    "",
    "embed/<slug:firm>/",
    "api/v1/docs/",
    "api/v1/schema/",
    "healthz",
    "readyz",
    "theme/",
}
ENTRANCE: set[str] = {"entrance/"}
# Below accounts/: the way in, for everybody; the own account, for whoever is signed in.
SIGNING_IN: set[str] = {
    "email/confirm/<str:token>/",
    "inactive/",
    "login/",
    "login/code/",
    "login/code/confirm/",
    "login/second-factor/",
    "logout/",
    "password/reset/",
    "password/reset/done/",
    "password/reset/key/done/",
    r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
    "signup/",
}
ACCOUNT: set[str] = {
    "",
    "email/",
    "email/sent/",
    "name/",
    "password/change/",
    "password/set/",
    "reauthenticate/",
    "second-factor/",
    "second-factor/codes/",
    "second-factor/codes/file/",
    "second-factor/remove/",
    "second-factor/set-up/",
    "sessions/",
}
# Below api/v1/firms/<firm>/, by the methods that are taken. Who may read nothing here is turned away at the door.
API_FIRM = "api/v1/firms/<slug:firm>/"
READERS = OWNER | {"土井", "藤田"}
# Who may begin a diagnosis; only members without the permission may not.
VISITORS = OWNER | {"藤田", "権藤", "誰か"}
API: dict[str, dict[str, set[str]]] = {
    "consultations/bookings/": {"get": READERS, "post": VISITORS},
    "consultations/bookings/<uuid:booking>/": {"get": READERS - {"藤田"}},
    "consultations/bookings/<uuid:booking>/cancel/": {"post": OWNER},
    "consultations/months/<str:month>/": {"get": set(CAST)},
    "consultations/slots/": {"get": set(CAST)},
    "companies/": {"get": READERS, "post": CONSULTANTS},
    "companies/<int:company>/": {"get": READERS - {"藤田"}, "patch": CONSULTANTS},
    "diagnoses/": {"get": READERS, "post": VISITORS},
    "diagnoses/<uuid:diagnosis>/": {"get": READERS - {"藤田"}},
    "diagnoses/<uuid:diagnosis>/report/": {"post": READERS - {"藤田"}},
    "jobs/<uuid:job>/": {"get": READERS - {"藤田"}},
    "jobs/<uuid:job>/file/": {"get": READERS - {"藤田"}},
}
NOTHING = "^(?:.*/)?$"  # where no door of the API is
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


OF_PAGES = ("get", "head", "post")
METHODS = (*OF_PAGES, "put", "patch", "delete", "options", "trace")


def address(route: str, slug: str, ids: dict[str, Any]) -> str:
    return f"/{slug}/" + filled(route, ids)


def filled(route: str, ids: dict[str, Any]) -> str:
    return re.sub(r"<\w+:(\w+)>", lambda found: str(ids[found[1]]), route)


def refusal(person: str, route: str) -> int:
    """What a route says that is not for this person: 藤田 is told of the sibling company what 権藤 is told of all."""
    nothing_there = person == "権藤" or (person == "藤田" and "<int:company>" in route)
    nothing_there |= person == "馬場" and "<int:exception>" in route
    return 404 if nothing_there else {"誰か": 302}.get(person, 403)


@pytest.fixture
def things(michisuji: House, aoba: House) -> dict[str, Things]:
    planted = {"michisuji": plant(michisuji), "aoba": plant(aoba)}
    with open_scope(michisuji.scope):
        complete(michisuji, planted["michisuji"])
    return planted


def complete(house: House, things: Things) -> None:
    """What some addresses need besides: an invitation to the firm, a notice to the company, a report that is there."""
    firm, company, canary = house.firm, things.company, things.canary
    invite = Invitation.objects.create(
        firm=firm,
        name=canary,
        email="x@x.example",
        role="consultant",
        expires_at=clock.now() + timedelta(days=7),
    )
    notice = Notice.objects.create(
        firm=firm, company=company, key=f"{canary}社", title=canary, url="/", shared=True
    )
    things.ids |= {"firm_invite": invite.pk, "company_notice": notice.pk}
    key = default_storage.save(f"firm/{firm.pk}/report.pdf", ContentFile(b"%PDF-1.7"))
    Job.objects.filter(pk=things.ids["job"]).update(file=key, state="done")


def ids_for(route: str, ids: dict[str, Any]) -> dict[str, Any]:
    """Two ids are of the firm in one address and of the company in another."""
    if route.startswith("settings/invitations/"):
        return ids | {"invite": ids["firm_invite"]}
    if route.startswith("companies/<int:company>/notices/"):
        return ids | {"notice": ids["company_notice"]}
    return ids


def asked(client: Client, method: str, url: str) -> Any:
    """The answer; what it wrote is taken back, and the browser is as signed in as it was."""
    cookies = deepcopy(client.cookies)
    with transaction.atomic():
        answer = getattr(client, method)(url)
        transaction.set_rollback(True)
    client.cookies = cookies
    return answer


def is_in(status: int) -> bool:
    """Whether this is said to somebody who was let in."""
    return status not in (401, 403, 404)


def page_says(method: str, status: int, expected: int | None) -> bool:
    """Whether a page's status is right. `expected`: the refusal; None for who is let in."""
    if method not in OF_PAGES:
        return status == 405
    return is_in(status) if expected is None else status == expected


def test_every_route_is_in_a_table() -> None:
    tables = {FIRM + route for route in (*ROUTES, *PUBLIC, *LINKS)}
    tables |= {f"accounts/{route}" for route in (*SIGNING_IN, *ACCOUNT)}
    tables |= {API_FIRM + route for route in (*API, NOTHING)}
    assert set(routes()) == tables | ELSEWHERE | ENTRANCE | OPERATING


@pytest.mark.guard("door.permission")
@pytest.mark.parametrize("person", CAST)
def test_each_route_lets_in_whom_it_is_for(
    as_: Callable[[str], Client], things: dict[str, Things], person: str
) -> None:
    client, wrong = as_(person), {}
    for route, let_in in ROUTES.items():
        url = address(route, "michisuji", ids_for(route, things["michisuji"].ids))
        for method in METHODS:
            status = asked(client, method, url).status_code
            if not page_says(method, status, None if person in let_in else refusal(person, route)):
                wrong[method, route] = status
    assert wrong == {}


@pytest.mark.guard("door.permission")
@pytest.mark.parametrize("person", CAST)
def test_each_door_of_the_api_lets_in_whom_it_is_for(
    as_: Callable[[str], Client], things: dict[str, Things], person: str
) -> None:
    client = as_(person)
    wrong: dict[Any, int] = {}
    for route, taken in API.items():
        url = "/api/v1/firms" + address(route, "michisuji", things["michisuji"].ids)
        for method in METHODS:
            let_in = taken.get("get" if method == "head" else method)
            status = asked(client, method, url).status_code
            if let_in is None and taken.get("get") == set(CAST):  # open to everybody
                wrong |= {} if status == 405 else {(method, route): status}
            elif not api_says(person, route, status, let_in):
                wrong[method, route] = status
    assert wrong == {}


def api_says(person: str, route: str, status: int, let_in: set[str] | None) -> bool:
    """Whether the status is right. `let_in` None: the method is not taken."""
    if person in (let_in or ()):
        return is_in(status)
    if let_in is None and person in READERS and not (person == "藤田" and "<int:company>" in route):
        return status == 405
    nothing_there = person == "権藤" or (person == "藤田" and "<" in route)
    return status == (404 if nothing_there else 401 if person == "誰か" else 403)


@pytest.mark.parametrize("person", CAST)
def test_where_no_door_is_members_find_nothing(
    as_: Callable[[str], Client], aoba: House, person: str
) -> None:
    client, expected = as_(person), 401 if person == "誰か" else 404
    for url in ("/api/v1/firms/michisuji/", "/api/v1/firms/michisuji/no/where/"):
        assert {asked(client, method, url).status_code for method in METHODS} == {expected}


@pytest.mark.parametrize("person", ["青木", "千葉", "誰か"])
def test_the_own_account_is_for_whoever_is_signed_in(
    michisuji: House, as_: Callable[[str], Client], person: str
) -> None:
    client, wrong = as_(person) if person == "誰か" else signs_in(with_password(michisuji.people[person])), {}
    pages = ["/entrance/", *(f"/accounts/{route}" for route in sorted(ACCOUNT))]
    for url, method in product(pages, METHODS):
        answer = asked(client, method, url)
        turned_away = answer.status_code == 302 and answer.headers["Location"].startswith("/accounts/login/?")
        right = turned_away == (person == "誰か" and method in OF_PAGES)
        if not right or not page_says(method, answer.status_code, 302 if turned_away else None):
            wrong[method, url] = answer.status_code
    assert wrong == {}


@pytest.mark.parametrize("person", ["青木", "誰か"])
def test_what_is_for_everybody_takes_no_other_methods(
    as_: Callable[[str], Client], michisuji: House, person: str
) -> None:
    client, ids = as_(person), {"token": "nonsense", "number": 1}
    signing_in = (re.sub(r"\^.*", "password/reset/key/1-abc/", route) for route in SIGNING_IN)
    urls = [f"/{filled(route, {'firm': 'michisuji'})}" for route in ELSEWHERE]
    urls += [f"/accounts/{filled(route, ids)}" for route in signing_in]
    urls += [address(route, "michisuji", ids) for route in (*PUBLIC, *LINKS)]
    wrong = {
        (method, url): status
        for url in urls
        for method in METHODS
        if method != "post" or "/login/code/" not in url  # these take their time on purpose
        for status in (asked(client, method, url).status_code,)
        if not page_says(method, status, None)
    }
    assert wrong == {}


@pytest.mark.parametrize("person", CAST)
def test_the_operator_s_pages_are_there_for_nobody_of_the_cast(
    as_: Callable[[str], Client], michisuji: House, person: str
) -> None:
    client, expected = as_(person), 302 if person == "誰か" else 404
    urls = [f"/{filled(route, {'firm_id': michisuji.firm.pk})}" for route in OPERATING]
    found = {(method, asked(client, method, url).status_code) for url in urls for method in METHODS}
    assert {(method, status) for method, status in found if not page_says(method, status, expected)} == set()


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
