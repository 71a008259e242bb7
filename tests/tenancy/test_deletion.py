"""A firm leaves: ordered by name, taken back for 14 days, then gone for good, and the other firm keeps every row."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

from notices.models import Mail
from tenancy import clock, leaving
from tenancy.keeping import tenant_models
from tenancy.models import Company, Due, Firm, FirmDeletion, Membership, Trail, User
from tenancy.scope import open_scope
from tenancy.tasks import delete_firm
from tests.conftest import House
from tests.reports.conftest import media  # noqa: F401  (a folder for files)
from tests.tenancy import papers
from tests.things import Things, plant, result_token

As = Callable[[str], Client]
NAME = "みちすじ経営パートナーズ"


@pytest.fixture
def things(michisuji: House, aoba: House, media: Path) -> dict[str, Things]:  # noqa: F811
    """One of everything in both firms, also a file; consultants in charge; 馬場 works for both."""
    planted = {house.firm.slug: plant(house) for house in (michisuji, aoba)}
    for house in (michisuji, aoba):
        with open_scope(house.scope):
            first = next(iter(house.members.values()))
            Company.objects.filter(pk=planted[house.firm.slug].company.pk).update(consultant=first)
    with open_scope(aoba.scope):
        Membership.objects.create(firm=aoba.firm, user=michisuji.people["馬場"], role="consultant")
    return planted


def counts(house: House) -> dict[str, int]:
    with open_scope(house.scope):
        found = {model._meta.label: model.objects.count() for model in tenant_models()}
    return {label: count for label, count in found.items() if count}


def order(client: Client) -> Any:
    return client.post("/michisuji/settings/delete/", {"name": NAME}, follow=True)


def order_id(house: House) -> str:
    with open_scope(house.scope):
        return str(leaving._object_id(FirmDeletion.objects.get()))


def is_due(house: House) -> str:
    """Fourteen days later, for the database's own clock too."""
    id, past = order_id(house), clock.now() - timedelta(minutes=1)
    with open_scope(house.scope), connection.cursor() as cursor:
        cursor.execute("SELECT tests_deletion_is_due(%s)", [past])
    Due.objects.filter(kind=leaving.DELETION).update(due_at=past)
    return id


def test_the_page_says_what_will_be_lost_and_wants_the_name(
    as_: As, things: dict[str, Things], michisuji: House
) -> None:
    client, address = as_("青木"), "/michisuji/settings/delete/"
    page = client.get(address).content.decode()
    for words in ("支援先企業", "2件", "14日後", "/michisuji/settings/export/", NAME):
        assert words in page
    assert "お知らせの既読" not in page, "nobody misses that"
    wrong = client.post(address, {"name": "みちすじ"})
    assert (wrong.status_code, "一致しません" in wrong.content.decode()) == (422, True)
    with open_scope(michisuji.scope):
        assert not FirmDeletion.objects.exists()


def test_ordered_everybody_is_told_and_any_admin_takes_it_back(
    as_: As, michisuji: House, things: dict[str, Things]
) -> None:
    order(as_("青木"))
    order(as_("青木"))
    assert "取り消す" in as_("青木").get("/michisuji/home/").content.decode()
    for name, path in (("馬場", "home/"), ("千葉", f"companies/{things['michisuji'].company.pk}/home/")):
        page = as_(name).get(f"/michisuji/{path}").content.decode()
        assert ("に削除される予定です" in page, "settings/delete/" in page) == (True, False), name
    with open_scope(michisuji.scope):
        assert (
            Mail.objects.filter(template="firm_deletion_ordered").values_list("to", flat=True).get()
            == "aoki@michisuji.example"
        )
        assert Trail.objects.filter(act="order.firm_deletion").count() == 1
        assert timedelta(days=13.9) < FirmDeletion.objects.get().due_at - clock.now() <= timedelta(days=14)
    id = order_id(michisuji)
    back = as_("青木").post("/michisuji/settings/delete/back/", follow=True)
    assert "取り消しました" in back.content.decode()
    assert "削除される予定" not in as_("馬場").get("/michisuji/home/").content.decode()
    before = counts(michisuji)
    delete_firm(michisuji.firm.pk, id)
    assert counts(michisuji) == before
    assert not Due.objects.filter(kind=leaving.DELETION).exists()


def test_before_its_time_nothing_is_deleted(as_: As, michisuji: House, things: dict[str, Things]) -> None:
    order(as_("青木"))
    before = counts(michisuji)
    delete_firm(michisuji.firm.pk, order_id(michisuji))
    later = clock.stopped_at(clock.now() + timedelta(days=15))
    with later, pytest.raises(IntegrityError), transaction.atomic(), open_scope(michisuji.scope):
        Trail.objects.all().delete()  # for the trail only the database's own clock counts
    assert counts(michisuji) == before


@pytest.mark.guard("walls.read")
def test_when_it_is_due_everything_goes_and_the_other_firm_keeps_every_row(
    as_: As,
    michisuji: House,
    aoba: House,
    things: dict[str, Things],
    media: Path,  # noqa: F811
) -> None:
    order(as_("青木"))
    before, client = counts(aoba), as_("青木")
    id = is_due(michisuji)
    delete_firm(michisuji.firm.pk, id)
    assert counts(michisuji) == {}
    assert counts(aoba) == before
    assert [each.read_bytes() for each in media.rglob("*") if each.is_file()] == [
        papers.PDF + things["aoba"].canary.encode()
    ]
    people = set(User.objects.values_list("name", flat=True))
    assert (people & {"青木", "千葉", "土井", "江口", "藤田"}, people >= {"馬場", "権藤"}) == (set(), True)
    firm = Firm.objects.get(pk=michisuji.firm.pk)
    assert (firm.slug, firm.state, firm.name, firm.closes_at) == (
        "michisuji",
        "closed",
        leaving.NO_NAME,
        None,
    )
    assert client.get("/michisuji/home/").status_code in (302, 404)
    anybody, token = Client(SERVER_NAME="localhost"), result_token(things["michisuji"].diagnosis)
    for path in ("", "diagnosis/", f"diagnosis/r/{token}/"):
        assert anybody.get(f"/michisuji/{path}").status_code in (404, 410), path
    assert as_("馬場").get("/aoba/home/").status_code == 200
    assert not Due.objects.filter(firm=firm).exists()
    delete_firm(michisuji.firm.pk, id)  # twice is once


def test_killed_anywhere_it_goes_on_where_it_was(
    as_: As, michisuji: House, aoba: House, things: dict[str, Things], monkeypatch: pytest.MonkeyPatch
) -> None:
    order(as_("青木"))
    before, id = counts(aoba), is_due(michisuji)
    monkeypatch.setattr(leaving, "AT_ONCE", 1)

    class Killed(BaseException):
        """As a worker that is killed: nobody catches it."""

    for steps in (1, 3, 9, 20):
        done = {"statements": 0}

        def dies(execute: Any, sql: str, *rest: Any, steps: int = steps, done: Any = done) -> Any:
            done["statements"] += sql.startswith("DELETE")
            if done["statements"] > steps:
                raise Killed
            return execute(sql, *rest)

        with connection.execute_wrapper(dies), pytest.raises(Killed):
            delete_firm(michisuji.firm.pk, id)
        Due.objects.filter(kind=leaving.DELETION).update(lease_until=None)
        assert as_("馬場").get("/michisuji/home/").status_code == 404, "closed from the first step on"
    delete_firm(michisuji.firm.pk, id)
    assert (counts(michisuji), counts(aoba)) == ({}, before)


@pytest.mark.parametrize("days", [-1, 12])
def test_no_order_is_made_to_measure(michisuji: House, days: int) -> None:
    soon = clock.now() + timedelta(days=days)
    with open_scope(michisuji.scope):
        with pytest.raises(IntegrityError), transaction.atomic():
            FirmDeletion.objects.create(firm=michisuji.firm, due_at=soon)
        FirmDeletion.objects.create(firm=michisuji.firm, due_at=clock.now() + leaving.WAITS)
        with pytest.raises(IntegrityError), transaction.atomic():
            FirmDeletion.objects.update(due_at=soon)
