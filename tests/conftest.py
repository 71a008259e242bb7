"""The house of the tests: real engines, the runtime role, the fixed cast.

Tests run against the engines that ./script/test started. The database is made and migrated as its owner; everything
else happens as the runtime role, so that row security binds the tests as it binds the product.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import dj_database_url
import psycopg2
import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core.management import call_command
from django.db import connection
from django.test import Client
from psycopg2 import sql

from tenancy import clock, due, guards
from tenancy.models import Company, Firm, FirmProfile, Membership, PrivacyNotice, User
from tenancy.scope import Scope, open_scope, scope_or_none


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With a guard taken out, run only the tests that say they watch it."""
    absent = os.environ.get("WITHOUT_GUARD", "")
    if absent:
        if absent not in guards.GUARDS:
            raise pytest.UsageError(f"There is no guard {absent!r}: {', '.join(guards.GUARDS)}.")
        items[:] = [each for each in items if any(absent in mark.args for mark in each.iter_markers("guard"))]


# ── The database ──


def _owner_settings() -> dict[str, Any]:
    url = os.environ.get("DATABASE_OWNER_URL") or os.environ["DATABASE_URL"]
    return dict(dj_database_url.parse(url))


def as_owner(database: str) -> Any:
    owner = _owner_settings()
    options = owner.get("OPTIONS", {})
    return psycopg2.connect(
        dbname=database,
        user=owner["USER"],
        password=owner["PASSWORD"] or None,
        host=options.get("host") or owner["HOST"] or None,
        port=options.get("port") or owner["PORT"] or None,
    )


def _make_database(name: str) -> None:
    made = as_owner(_owner_settings()["NAME"])
    made.autocommit = True
    with made.cursor() as cursor:
        cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
        cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    made.close()


# Fourteen days pass for the order to delete a firm: the runtime role itself may not bring it forward.
_DAYS_PASS = """
CREATE FUNCTION tests_deletion_is_due(due timestamptz) RETURNS void LANGUAGE sql SECURITY DEFINER
AS $$ UPDATE tenancy_firmdeletion SET due_at = due $$
"""


def _help_tests(name: str, role: str) -> None:
    """What the owner does for tests and the runtime role may not."""
    with as_owner(name) as owner, owner.cursor() as cursor:
        cursor.execute(
            sql.SQL("GRANT TRUNCATE ON ALL TABLES IN SCHEMA public TO {}").format(sql.Identifier(role))
        )
        cursor.execute(_DAYS_PASS)
    owner.close()


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: Any) -> Iterator[None]:
    """A fresh database, migrated as its owner, used as the runtime role."""
    runtime, owner = connection.settings_dict, _owner_settings()
    name = f"test_{owner['NAME']}"
    _make_database(name)
    with django_db_blocker.unblock():
        role, password = runtime["USER"], runtime["PASSWORD"]
        connection.close()
        runtime.update(NAME=name, USER=owner["USER"], PASSWORD=owner["PASSWORD"], CONN_MAX_AGE=0)
        call_command("migrate", verbosity=0)
        connection.close()
        runtime.update(USER=role, PASSWORD=password)
        _help_tests(name, role)
    yield
    with django_db_blocker.unblock():
        connection.close()


@pytest.fixture(autouse=True)
def no_scope_stays_open() -> Iterator[None]:
    """A test that ends with a scope open would lend it to the next request: it proves nothing."""
    yield
    assert scope_or_none() is None, "a scope is still open"
    if connection.connection is not None and not connection.needs_rollback and connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("SELECT coalesce(current_setting('app.firm', true), '')")
            assert cursor.fetchone() == ("",), "PostgreSQL still stands in a scope"


@pytest.fixture(scope="session", autouse=True)
def _collected_static() -> None:
    """Pages name static files by their hashed names, as in production."""
    call_command("collectstatic", interactive=False, verbosity=0)


@pytest.fixture(scope="session", autouse=True)
def _hashes_cost_little() -> Iterator[None]:
    """Argon2 as in production takes a fifth of a second of two cores for each password: a minute of a run."""
    with pytest.MonkeyPatch.context() as patch:
        for name, cost in {"time_cost": 1, "memory_cost": 64, "parallelism": 1}.items():
            patch.setattr(Argon2PasswordHasher, name, cost)
        yield


@pytest.fixture(autouse=True)
def _bells_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bell that failed in one test keeps the process quiet for a while; the next test must not hear of it."""
    monkeypatch.setattr(due, "_quiet", due.Quiet())


@pytest.fixture
def half_past() -> Iterator[None]:
    """The clock stands at half past the hour: all that a test counts falls into one window of a limit."""
    with clock.stopped_at(clock.now().replace(minute=30)):
        yield


# ── The cast ──

PASSWORD = "correct horse battery"


@dataclass
class House:
    """A firm with its people and companies."""

    firm: Firm
    people: dict[str, User]
    members: dict[str, Membership]
    companies: dict[str, Company]

    @property
    def scope(self) -> Scope:
        return Scope.of_firm(self.firm.pk)


def _house(slug: str, name: str) -> House:
    firm = Firm.objects.create(slug=slug, name=name)
    house = House(firm, {}, {}, {})
    with open_scope(house.scope):
        FirmProfile.objects.create(
            firm=firm, legal_name=f"{name}株式会社", phone="048-000-0000", email=f"soudan@{slug}.example"
        )
        PrivacyNotice.objects.create(firm=firm, version=1, summary=f"{name}の取扱い", text="本文です。")
    return house


def _joins(house: House, name: str, email: str, role: str, company: str = "") -> None:
    user = User.objects.create_user(email, None, name)
    with open_scope(house.scope):
        house.members[name] = Membership.objects.create(
            firm=house.firm, user=user, role=role, company=house.companies.get(company)
        )
    house.people[name] = user


def _takes_on(house: House, *names: str) -> None:
    with open_scope(house.scope):
        for name in names:
            house.companies[name] = Company.objects.create(
                firm=house.firm, name=name, support_status="client"
            )


@pytest.fixture
def michisuji(db: None) -> House:
    """青木 (admin), 馬場 (consultant); in company ア 千葉 (owner), 土井 (staff), 江口 (partner); in イ 藤田 (owner)."""
    house = _house("michisuji", "みちすじ経営パートナーズ")
    _takes_on(house, "株式会社ア", "有限会社イ")
    _joins(house, "青木", "aoki@michisuji.example", "admin")
    _joins(house, "馬場", "baba@michisuji.example", "consultant")
    _joins(house, "千葉", "chiba@a.example", "owner", "株式会社ア")
    _joins(house, "土井", "doi@a.example", "staff", "株式会社ア")
    _joins(house, "江口", "eguchi@out.example", "partner", "株式会社ア")
    _joins(house, "藤田", "fujita@i.example", "owner", "有限会社イ")
    return house


@pytest.fixture
def aoba(db: None) -> House:
    """Another firm: 権藤 (consultant), with a company of its own."""
    house = _house("aoba", "あおば経営支援")
    _takes_on(house, "株式会社ウ")
    _joins(house, "権藤", "gondo@aoba.example", "admin")
    return house


@pytest.fixture
def as_(michisuji: House, aoba: House) -> Callable[[str], Client]:
    """A browser in which the named person of the cast is signed in, and has opened a page of each firm a moment ago;
    '誰か' is nobody."""

    def signed_in(name: str) -> Client:
        client = Client(SERVER_NAME="localhost")
        people = michisuji.people | aoba.people
        if name != "誰か":
            client.force_login(people[name], "allauth.account.auth_backends.AuthenticationBackend")
            session, now = client.session, clock.now().timestamp()
            session["firms"] = {str(house.firm.pk): now for house in (michisuji, aoba)}
            session.save()
        return client

    return signed_in
