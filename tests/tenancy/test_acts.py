"""Per act: the rows it wrote are the rows the trail names. The table of the acts is `tests/acts.py`."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tenancy.models import Company, Firm, Trail
from tenancy.scope import open_scope
from tenancy.trail import NOT_KEPT, is_secret
from tenancy.trail_words import ACTS, label_of_field
from tests.acts import (
    API,
    POSTS,
    acts_since,
    address_of,
    answering,
    audited_models,
    named,
    rows_of,
    written,
)
from tests.api.conftest import issue
from tests.conftest import House
from tests.stage import Sent, Stage
from tests.test_matrix import FIRM, ROUTES, routes
from tests.things import plant

As = Callable[[str], Client]
V1 = "api/v1/firms/<slug:firm>/"
WRITING = ("post", "put", "patch", "delete")
SOURCES = [
    path
    for app in ("tenancy", "notices", "reports", "diagnosis", "consultations", "config")
    for path in Path(app).rglob("*.py")
]


@pytest.fixture
def stage(michisuji: House, aoba: House) -> Stage:
    things = plant(michisuji)
    with open_scope(michisuji.scope):
        return Stage(michisuji, things, answering(michisuji), Client())


Call = Callable[[Stage], Any]


def audit(stage: Stage, sent: Sent, call: Call) -> tuple[str, list[Trail]]:
    """Do it and take it back; what is wrong with what the trail says of it ('': nothing), and what it says."""
    with transaction.atomic():
        with open_scope(stage.house.scope):
            sent.before(stage)
            known = set(Trail.objects.values_list("pk", flat=True))
        before = rows_of(stage.house)
        answer = call(stage)
        acts, changed = acts_since(stage.house, known), written(before, rows_of(stage.house))
        transaction.set_rollback(True)
    if answer.status_code >= 400:
        page = answer.content.decode()
        return (
            f"answered {answer.status_code}: {page.partition('error-summary')[2][:400] or page[:200]}",
            acts,
        )
    if sent.audited != bool(changed):
        return f"wrote {changed or 'nothing'}", acts
    return (f"does not name {changed - named(acts)}" if changed - named(acts) else ""), acts


def by_page(as_: As, route: str, sent: Sent) -> Call:
    def call(stage: Stage) -> Any:
        stage.client, stage.url = as_(sent.who), address_of(stage, route)
        return stage.client.post(stage.url, sent.body(stage))

    return call


def by_api(line: str, sent: Sent) -> Call:
    method, route = line.split()

    def call(stage: Stage) -> Any:
        url = f"/api/v1/firms{address_of(stage, route)}"
        token = {} if sent.who == "誰か" else {"Authorization": f"Bearer {issue(stage.house, sent.who)[1]}"}
        body = json.dumps(sent.body(stage))
        client = Client(SERVER_NAME="localhost")
        return client.generic(method, url, body, "application/json", headers=token)

    return call


def test_each_page_names_every_row_it_writes(as_: As, stage: Stage) -> None:
    wrong, said = {}, set()
    for route, calls in POSTS.items():
        for number, sent in enumerate(calls):
            problem, acts = audit(stage, sent, by_page(as_, route, sent))
            said |= {act.act for act in acts}
            if problem:
                wrong[f"{route} {number}"] = problem
    assert wrong == {}
    assert said - ACTS.keys() == set(), "acts without words: tenancy.trail_words"


def test_each_call_of_the_api_names_every_row_it_writes(stage: Stage) -> None:
    calls = [(line, sent) for line, each in API.items() for sent in each]
    problems = {f"{line} {sent.who}": audit(stage, sent, by_api(line, sent))[0] for line, sent in calls}
    assert {line: problem for line, problem in problems.items() if problem} == {}


def test_a_write_past_the_trail_is_found(stage: Stage) -> None:
    """The comparison itself can fail: each kind of write, done past the actions."""
    company = stage.things.company
    kinds: dict[str, Callable[[], Any]] = {
        "changed": lambda: Company.objects.filter(pk=company.pk).update(location="よそ"),
        "added": lambda: Company.objects.create(name="どこにもない会社"),
        "deleted": lambda: company.sites.all().delete(),
    }

    class Done:
        status_code, content = 200, b""

    def past_the_trail(write: Callable[[], Any]) -> Call:
        def call(stage: Stage) -> Any:
            with open_scope(stage.house.scope):
                write()
            return Done

        return call

    found = {kind: audit(stage, Sent(), past_the_trail(write))[0] for kind, write in kinds.items()}
    assert all(problem.startswith("does not name") for problem in found.values()), found


# ── Nothing is missing from the tables ──


def test_every_address_that_takes_a_post_is_in_the_table(as_: As, stage: Stage) -> None:
    missing = {}
    for route in routes():
        mine = route.removeprefix(FIRM)
        if not route.startswith(FIRM) or mine in POSTS:
            continue
        who = "青木" if "青木" in ROUTES.get(mine, {"青木"}) else min(ROUTES[mine])
        with transaction.atomic():
            status = as_(who).post(address_of(stage, mine)).status_code
            transaction.set_rollback(True)
        if status != 405:
            missing[mine] = status
    assert missing == {}


def writing_calls(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[str]:
    for each in (resolver or get_resolver()).url_patterns:
        route = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from writing_calls(each, route)
        elif isinstance(each, URLPattern) and route.startswith(V1) and not route.endswith("<path:rest>"):
            view = getattr(each.callback, "cls", None)
            yield from (f"{name.upper()} {route.removeprefix(V1)}" for name in WRITING if hasattr(view, name))


def test_every_call_of_the_api_that_writes_is_in_the_table() -> None:
    assert set(writing_calls()) == set(API)


# ── Words ──


def test_every_act_has_words() -> None:
    """Also those that no address reaches: what workers and commands do."""
    said = {act for path in SOURCES for act in re.findall(r'"([a-z_]+\.[a-z_]+)"', path.read_text("utf-8"))}
    recorded = {
        act
        for path in SOURCES
        for call in re.findall(r"trail\.record(?:_gone)?\(\s*([^,]+),", path.read_text("utf-8"))
        for act in re.findall(r'"([a-z_]+\.[a-z_]+)"', call)
    }
    assert recorded - ACTS.keys() == set()
    assert ACTS.keys() - said == set(), "words for acts that nobody does"


def test_every_field_that_an_act_may_change_has_a_name() -> None:
    nameless = {
        f"{model._meta.label_lower}.{field.name}"
        for model in audited_models()
        for field in model._meta.concrete_fields
        if field.name not in NOT_KEPT and not is_secret(field.name)
        if label_of_field(model._meta.label_lower, field.name).isascii()
    }
    assert nameless == set()


def test_every_model_says_what_is_personal_in_it() -> None:
    silent = [model for model in audited_models() if model is not Firm and "PERSONAL" not in vars(model)]
    assert silent == []
    wrong = {
        f"{model._meta.label}.{name}"
        for model in audited_models()
        for name in getattr(model, "PERSONAL", ())
        if name not in {field.name for field in model._meta.concrete_fields}
    }
    assert wrong == set()
