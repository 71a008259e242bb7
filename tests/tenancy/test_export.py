"""All of a firm's data in one archive: whole, documented, and not a byte of anybody else."""

import csv
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client

from reports.archive.layout import columns, exported
from reports.archive.writing import write_archive
from reports.models import Job
from reports.tasks import expire, render
from tenancy import clock
from tenancy.models import Attachment, Company, Due, Membership, PublicPerson, Trail
from tenancy.scope import open_scope
from tests.conftest import House
from tests.reports.conftest import media  # noqa: F401  (a folder for files)
from tests.things import Things, plant

As = Callable[[str], Client]
pytestmark = pytest.mark.usefixtures("media")


@pytest.fixture
def things(michisuji: House, aoba: House) -> dict[str, Things]:
    return {house.firm.slug: furnished(house) for house in (michisuji, aoba)}


def furnished(house: House) -> Things:
    """One of everything, and a file."""
    things = plant(house)
    key = default_storage.save(f"firm/{house.firm.pk}/files/{uuid4()}", ContentFile(things.canary.encode()))
    with open_scope(house.scope):
        Attachment.objects.create(
            firm=house.firm,
            company=things.company,
            name=f"{things.canary}.txt",
            content_type="text/plain",
            bytes=1,
            sha256="0",
            key=key,
        )
        PublicPerson.objects.create(firm=house.firm, name="=cmd()")
    return things


def archive_of(house: House) -> zipfile.ZipFile:
    made = io.BytesIO()
    write_archive(house.firm.pk, made)
    return zipfile.ZipFile(made)


def lines(archive: zipfile.ZipFile, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in archive.read(f"data/{name}.jsonl").splitlines()]


@pytest.mark.guard("walls.read")
def test_an_archive_holds_all_of_the_firm_and_not_a_byte_of_another(
    michisuji: House, aoba: House, things: dict[str, Things]
) -> None:
    for house, other in ((michisuji, aoba), (aoba, michisuji)):
        archive = archive_of(house)
        everything = {name: archive.read(name) for name in archive.namelist()}
        own, foreign = (things[each.firm.slug].canary.encode() for each in (house, other))
        for name in ("data/tenancy.company.csv", "data/diagnosis.diagnosis.jsonl", "data/notices.notice.csv"):
            assert own in everything[name]
        assert sum(content == own for content in everything.values()) == 1  # the file
        secrets = [
            f"/{other.firm.slug}/".encode(),
            foreign,
            *(user.email.encode() for user in other.people.values()),
        ]
        assert [(name, word) for name in everything for word in secrets if word in everything[name]] == []


def test_every_exported_model_stands_there_with_every_column_and_every_row(
    michisuji: House, things: dict[str, Things]
) -> None:
    archive = archive_of(michisuji)
    manifest = json.loads(archive.read("manifest.json"))
    with open_scope(michisuji.scope):
        for model in exported():
            name = model._meta.label_lower
            rows = lines(archive, name)
            assert (
                len(rows) == model.objects.filter(model.on_export.where).count() == manifest["counts"][name]
            )
            assert all(list(row) == columns(model) for row in rows)
            table = list(csv.reader(io.StringIO(archive.read(f"data/{name}.csv").decode("utf-8-sig"))))
            assert (table[0], len(table)) == (columns(model), len(rows) + 1)
    assert archive.read("data/tenancy.company.csv").startswith(b"\xef\xbb\xbf")
    assert "'=cmd()" in archive.read("data/tenancy.publicperson.csv").decode()
    assert "道筋" in archive.read("README.txt").decode()


def test_the_manifest_knows_the_sum_of_every_file(michisuji: House, things: dict[str, Things]) -> None:
    archive = archive_of(michisuji)
    manifest = json.loads(archive.read("manifest.json"))
    assert (manifest["format"], manifest["version"], manifest["firm"]["slug"]) == (
        "michisuji-firm",
        1,
        "michisuji",
    )
    assert set(archive.namelist()) == {*manifest["files"], "manifest.json", "README.txt"}
    for name, told in manifest["files"].items():
        assert hashlib.sha256(archive.read(name)).hexdigest() == told["sha256"]


def test_nothing_that_opens_a_door_is_in_an_archive(michisuji: House, things: dict[str, Things]) -> None:
    for person in michisuji.people.values():
        person.set_password("correct horse battery")
        person.save()
    archive = archive_of(michisuji)
    everything = b"".join(archive.read(name) for name in archive.namelist())
    assert b"argon2" not in everything
    assert not {"data/tenancy.apitoken.jsonl", "data/tenancy.idempotencykey.jsonl"} & set(archive.namelist())


def test_many_rows_come_page_by_page_and_once_each(michisuji: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reports.archive.writing.ROWS_AT_ONCE", 3)
    with open_scope(michisuji.scope):
        Company.objects.bulk_create(Company(firm=michisuji.firm, name=f"社{n}") for n in range(7))
    names = [row["name"] for row in lines(archive_of(michisuji), "tenancy.company")]
    assert len(names) == len(set(names)) == 9


# ── As a job ──


def asked(client: Client) -> str:
    """The address of the job that the page's own form asks for."""
    page = client.get("/michisuji/settings/export/").content.decode()
    once = re.search(r'name="once" value="([^"]+)"', page)
    assert once
    first = client.post("/michisuji/settings/export/", {"once": once[1]})
    again = client.post("/michisuji/settings/export/", {"once": once[1]})
    assert first["Location"] == again["Location"], "twice is once"
    return str(first["Location"])


def worked(house: House) -> Job:
    with open_scope(house.scope):
        job = Job.objects.get(name="firm_export")
    Due.objects.filter(kind="report").update(due_at=clock.now())
    render(house.firm.pk, str(job.pk))
    with open_scope(house.scope):
        job.refresh_from_db()
    return job


def test_an_admin_asks_waits_and_downloads_and_nobody_else(
    as_: As,
    michisuji: House,
    things: dict[str, Things],
    media: Path,  # noqa: F811
) -> None:
    client = as_("青木")
    address = asked(client)
    assert worked(michisuji).state == "done"
    assert "ダウンロードする" in client.get(address).content.decode()
    answer = client.get(f"{address}file/")
    assert (answer["Content-Type"], answer.streaming) == ("application/zip", True)
    archive = zipfile.ZipFile(io.BytesIO(b"".join(answer)))
    assert things["michisuji"].canary in archive.read("data/tenancy.company.csv").decode()
    for other in ("馬場", "千葉", "権藤"):
        for path in (address, f"{address}file/"):
            assert as_(other).get(path).status_code in (403, 404), (other, path)
    with open_scope(michisuji.scope):
        assert Trail.objects.filter(act="download.document", user_id=michisuji.people["青木"].pk).exists()


def test_who_is_no_admin_any_more_gets_no_archive(as_: As, michisuji: House) -> None:
    address = asked(as_("青木"))
    with open_scope(michisuji.scope):
        Membership.objects.filter(pk=michisuji.members["青木"].pk).update(role="consultant")
    job = worked(michisuji)
    assert (job.state, job.file, "管理者ではない" in job.message) == ("failed", "", True)
    assert as_("青木").get(address).status_code == 404
    assert not Due.objects.filter(kind="report").exists(), "trying again would not help"


def test_after_seven_days_the_archive_is_gone(as_: As, michisuji: House, media: Path) -> None:  # noqa: F811
    client = as_("青木")
    address = asked(client)
    job = worked(michisuji)
    expire(michisuji.firm.pk, str(job.pk))
    assert client.get(f"{address}file/").status_code == 200
    with clock.stopped_at(clock.now() + timedelta(days=7, minutes=1)):
        assert client.get(f"{address}file/").status_code == 404, "also before the sweep comes by"
        expire(michisuji.firm.pk, str(job.pk))
        expire(michisuji.firm.pk, str(job.pk))
    assert list(media.rglob("*.zip")) == []
    with open_scope(michisuji.scope):
        assert not Job.objects.filter(pk=job.pk).exists()
