"""All of a firm's data in one archive: whole, documented, and not a byte of anybody else."""

import csv
import hashlib
import html
import io
import json
import os
import re
import struct
import zipfile
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID, uuid4

import pytest
from django.core.files.storage import FileSystemStorage, default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client, TestCase

from diagnosis.actions import start_diagnosis
from diagnosis.models import Diagnosis
from diagnosis.tasks import expire as expire_answers
from notices.models import Mail, Notice
from reports.archive import jobs
from reports.archive.layout import columns, exported
from reports.archive.reading import BadArchive, open_archive
from reports.archive.writing import write_archive
from reports.models import Job
from reports.tasks import expire, forget_upload, render
from tenancy import clock, people, trail
from tenancy.actions import create_firm
from tenancy.models import (
    Attachment,
    Company,
    Due,
    Firm,
    Invitation,
    Membership,
    PersonKey,
    PublicPerson,
    Site,
    Trail,
    User,
)
from tenancy.models.people import STAND_IN
from tenancy.scope import Scope, open_scope
from tests.acts import acts_since, named, rows_of, written
from tests.conftest import PASSWORD, House
from tests.reports.conftest import media  # noqa: F401  (a folder for files)
from tests.tenancy import papers
from tests.tenancy.test_companies import fields
from tests.tenancy.test_meetings import at_once
from tests.things import Things, plant, result_token

As = Callable[[str], Client]
pytestmark = pytest.mark.usefixtures("media")


@pytest.fixture
def things(michisuji: House, aoba: House) -> dict[str, Things]:
    return {house.firm.slug: furnished(house) for house in (michisuji, aoba)}


def furnished(house: House) -> Things:
    """One of everything, and a name that a spreadsheet would compute."""
    things = plant(house)
    with open_scope(house.scope):
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
        assert sum(content == papers.PDF + own for content in everything.values()) == 1  # the file
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


def test_no_link_of_a_mail_stands_in_an_archive_also_where_a_calendar_folds_it(michisuji: House) -> None:
    link = "http://localhost:8000/michisuji/diagnosis/r/AAAABBBB.1~CCCCDDDD~EEEEFFFF/"
    folded = f"URL:{link[:50]}\r\n {link[50:60]}\r\n {link[60:]}\r\nEND:VEVENT"
    with open_scope(michisuji.scope):
        Mail.objects.create(
            firm=michisuji.firm,
            key="k",
            to="x@x.example",
            body=f"{link}\n以上",
            calendar=folded,
            state="sent",
            sent_at=clock.now(),
        )
    archive = archive_of(michisuji)
    (row,) = lines(archive, "notices.mail")
    kept = "http://localhost:8000/michisuji/diagnosis/r/…/"
    assert (row["body"], row["calendar"]) == (f"{kept}\n以上", f"URL:{kept}\r\nEND:VEVENT")
    everything = b"".join(archive.read(name) for name in archive.namelist())
    assert not [part for part in (b"BBBB", b"CCCC", b"DDDD", b"EEEE", b"FFFF") if part in everything]


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
    with open_scope(michisuji.scope):
        link = result_token(things["michisuji"].diagnosis)
        body = f"結果はこちらです。\nhttp://localhost:8000/michisuji/diagnosis/r/{link}/\n"
        Mail.objects.create(
            firm=michisuji.firm,
            key="k",
            to="x@x.example",
            subject="件名",
            body=body,
            state="sent",
            sent_at=clock.now(),
        )
    archive = archive_of(michisuji)
    everything = b"".join(archive.read(name) for name in archive.namelist())
    assert "結果はこちらです。".encode() in everything
    assert link.partition("~")[2].encode() not in everything
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


def test_the_trail_calls_an_export_and_an_import_by_their_names(
    as_: As, michisuji: House, empty: House, things: dict[str, Things]
) -> None:
    client = as_("青木")
    address = asked(client)
    worked(michisuji)
    client.get(f"{address}file/")
    told = said_of(client.get("/michisuji/settings/trail/"))
    for words in (
        "会社のデータの書き出しを頼みました",
        "会社のデータを書き出しました",
        "書き出したデータをダウン",
    ):
        assert words in told
    done = send(empty, packed(michisuji))
    assert "取り込みました" in said_of(done)
    assert 'href="/shin/companies/"' in done.content.decode(), "and leads on"
    told = said_of(signed_in(empty).get("/shin/settings/trail/"))
    assert "データの取り込みを頼みました" in told
    assert "データの取り込みが終わりました" in told


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
        assert as_("青木").get(f"{address}file/").status_code == 404, "also before the sweep comes by"
        expire(michisuji.firm.pk, str(job.pk))
        expire(michisuji.firm.pk, str(job.pk))
    assert list(media.rglob("*.zip")) == []
    with open_scope(michisuji.scope):
        assert not Job.objects.filter(pk=job.pk).exists()


# ── Import ──


@pytest.fixture
def empty(db: None) -> House:
    """新しい経営支援: a firm that has its admin 新田 and nothing else."""
    made = create_firm(
        slug="shin", name="新しい経営支援", admin_email="nitta@shin.example", admin_name="新田"
    )
    return House(made.firm, {"新田": made.admin.user}, {"新田": made.admin}, {})


def signed_in(house: House, name: str = "新田") -> Client:
    client = Client(SERVER_NAME="localhost")
    client.force_login(house.people[name], "allauth.account.auth_backends.AuthenticationBackend")
    return client


def packed(house: House) -> bytes:
    made = io.BytesIO()
    write_archive(house.firm.pk, made)
    return made.getvalue()


def send(house: House, archive: bytes, client: Client | None = None) -> Any:
    """Send the archive as the page's form does, and let the worker work; the job's page."""
    client = client or signed_in(house)
    page = client.get("/shin/settings/import/").content.decode()
    once = re.search(r'name="once" value="([^"]+)"', page)
    upload = SimpleUploadedFile("道筋.zip", archive, "application/zip")
    sent = client.post("/shin/settings/import/", {"once": once[1] if once else "", "archive": upload})
    if sent.status_code != 302:
        return sent
    with open_scope(house.scope):
        job = Job.objects.get(name="firm_import")
    with TestCase.captureOnCommitCallbacks(execute=True):
        render(house.firm.pk, str(job.pk))
    return client.get(sent["Location"])


def said_of(page: Any) -> str:
    """What a page says to its reader, without addresses and ids."""
    main = page.content.decode().partition("<main")[2].partition("</main>")[0]
    return " ".join(re.sub(r"<[^>]+>", " ", main).split())


def pages_of(old: Things, company: Company, diagnosis: Diagnosis) -> dict[str, str]:
    """Pages of the one firm, and the same of the other."""
    same = {page: page for page in ("companies/", "diagnoses/", "settings/public/", "home/")}
    return same | {
        f"companies/{old.company.pk}/": f"companies/{company.pk}/",
        f"diagnoses/{old.diagnosis.pk}/": f"diagnoses/{diagnosis.pk}/",
    }


@pytest.mark.guard("walls.read")
def test_brought_into_an_empty_firm_the_same_pages_say_the_same(
    michisuji: House, empty: House, things: dict[str, Things]
) -> None:
    with open_scope(michisuji.scope):
        consultant = michisuji.members["馬場"]
        Company.objects.filter(pk=things["michisuji"].company.pk).update(consultant=consultant)
        reports = list(Job.objects.filter(name="diagnosis_report").values_list("pk", flat=True))
    for report in reports:  # what is not made yet is asked for anew
        render(michisuji.firm.pk, str(report))
    page = send(empty, packed(michisuji))
    assert "取り込みの記録を保存する" in page.content.decode(), said_of(page)
    with open_scope(empty.scope):
        company = Company.objects.get(name=things["michisuji"].canary)
        diagnosis = Diagnosis.objects.submitted().get()
        assert Membership.objects.get(user=empty.people["新田"]).role == "admin"
        file = Attachment.objects.get()
        assert default_storage.open(file.key).read() == papers.PDF + things["michisuji"].canary.encode()
        assert file.key.startswith(f"firm/{empty.firm.pk}/")
        assert Notice.objects.get(key=things["michisuji"].canary)
        assert not Mail.objects.exclude(state="sent").exclude(template="").exists()
    old, new = signed_in(michisuji, "青木"), signed_in(empty)
    for there, here in pages_of(things["michisuji"], company, diagnosis).items():
        # Who may be chosen, and who looks for the first time, is who is in.
        expected = said_of(old.get(f"/michisuji/{there}")).replace("全員 青木 馬場 ", "全員 新田 馬場(終了) ")
        expected = expected.replace("青木:結果をはじめて", "新田:結果をはじめて")
        assert expected == said_of(new.get(f"/shin/{here}")), here
        assert len(expected) > 50
    members = said_of(new.get("/shin/settings/members/"))
    for name in ("青木", "馬場", "新田"):
        assert name in members


def test_what_was_imported_leads_to_the_new_rows_and_old_links_to_nothing(
    michisuji: House, empty: House, things: dict[str, Things]
) -> None:
    own = things["michisuji"]
    with open_scope(michisuji.scope):
        Notice.objects.create(
            firm=michisuji.firm, key="led", title="導く", url=f"/michisuji/companies/{own.company.pk}/"
        )
        trail.record(
            "test.act", own.diagnosis, company_id=own.company.pk,
            membership=michisuji.members["馬場"].pk, person=f"tenancy.company:{own.company.pk}",
            rows=[Site.objects.get(pk=own.ids["site"])], version=3,
        )  # fmt: skip
    send(empty, packed(michisuji))
    with open_scope(empty.scope):
        company, diagnosis = Company.objects.get(name=own.canary), Diagnosis.objects.submitted().get()
        assert Notice.objects.get(title="導く").url == f"/shin/companies/{company.pk}/"
        row = Trail.objects.get(act="test.act")
        baba = Membership.objects.get(user__name="馬場")
        assert (row.subject_id, row.company_id) == (str(diagnosis.pk), company.pk)
        assert row.details == {
            "membership": baba.pk, "person": f"tenancy.company:{company.pk}", "version": 3,
            "brought_in": True, "rows": {"tenancy.site": [str(company.sites.get().pk)]},
        }  # fmt: skip
    anybody = Client(SERVER_NAME="localhost")
    token = result_token(own.diagnosis)
    assert anybody.get(f"/michisuji/diagnosis/r/{token}/").status_code == 200
    assert anybody.get(f"/shin/diagnosis/r/{token}/").status_code in (404, 410)


def test_the_same_import_twice_is_one_and_a_full_firm_takes_none(
    michisuji: House, empty: House, things: dict[str, Things]
) -> None:
    archive = packed(michisuji)
    send(empty, archive)
    with open_scope(empty.scope):
        before = {model: model.objects.count() for model in exported()}
        job = Job.objects.get(name="firm_import")
    render(empty.firm.pk, str(job.pk))
    assert send(empty, archive).status_code == 422
    with open_scope(empty.scope):
        assert {model: model.objects.count() for model in exported()} == before
    path = Path(default_storage.location) / "again.zip"  # type: ignore[attr-defined]
    path.write_bytes(archive)
    with pytest.raises(CommandError, match="取り込めません"):
        call_command("import_firm", str(path), firm="shin")


def test_the_command_brings_in_the_same(michisuji: House, empty: House, things: dict[str, Things]) -> None:
    path = Path(default_storage.location) / "firm.zip"  # type: ignore[attr-defined]
    path.write_bytes(packed(michisuji))
    call_command("import_firm", str(path), firm="shin", stdout=io.StringIO())
    with open_scope(empty.scope):
        assert Company.objects.count() == 2


def rebuilt(archive: bytes, change: Callable[[dict[str, bytes]], None], *, honest: bool = True) -> bytes:
    """The archive with other content; `honest`: its manifest tells the sums of what it holds."""
    with zipfile.ZipFile(io.BytesIO(archive)) as source:
        files = {name: source.read(name) for name in source.namelist()}
    change(files)
    if honest and "manifest.json" in files:
        manifest = json.loads(files["manifest.json"])
        for name in manifest["files"]:
            if name in files:
                manifest["files"][name]["sha256"] = hashlib.sha256(files[name]).hexdigest()
        files["manifest.json"] = json.dumps(manifest).encode()
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in files.items():
            target.writestr(name, content)
    return made.getvalue()


def in_rows(label: str, **values: Any) -> Callable[[dict[str, bytes]], None]:
    """Other values in every row of a model."""

    def change(files: dict[str, bytes]) -> None:
        path = f"data/{label}.jsonl"
        rows = [json.loads(line) | values for line in files[path].splitlines()]
        files[path] = b"".join(json.dumps(row).encode() + b"\n" for row in rows)

    return change


def in_manifest(**values: Any) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        files["manifest.json"] = json.dumps(json.loads(files["manifest.json"]) | values).encode()

    return change


def smuggled(name: str) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        manifest = json.loads(files["manifest.json"])
        manifest["files"][name] = {"sha256": "", "bytes": 1}
        files |= {name: b"x", "manifest.json": json.dumps(manifest).encode()}

    return change


BAD = {
    "another version": (in_manifest(version=2), "この版では読めない形式"),
    "another program's": (in_manifest(format="zip"), "道筋から書き出した"),
    "no manifest": (lambda files: files.pop("manifest.json"), "壊れている"),
    "a file too few": (lambda files: files.pop("data/tenancy.site.jsonl"), "過不足"),
    "a file too many": (lambda files: files.update({"data/more.csv": b""}), "過不足"),
    "a way out": (smuggled("../../etc/cron"), "使えない名前"),
    "a bomb": (lambda files: files.update({"data/x.csv": b"0" * 60_000_000}), "大きすぎる"),
    "foreign columns": (in_rows("tenancy.company", password="x"), "読めない項目"),
    "an operator": (in_rows("tenancy.membership", role="operator", company_id=None), "含まれています"),
    "a mail to be sent": (in_rows("notices.notice", url="https://evil.example/"), "矛盾"),
    "a number that is none": (in_rows("tenancy.company", employees="many"), "矛盾"),
    "no choice": (in_rows("tenancy.company", support_status="king"), "矛盾"),
    "too long": (in_rows("tenancy.site", name="あ" * 61), "矛盾"),
    "lines without end": (in_rows("tenancy.meeting", body="あ" * 8_001), "矛盾"),
    "a link as a name": (in_rows("tenancy.invitation", name="無料 https://evil.example/"), "矛盾"),
    "no lines": (lambda files: files.update({"data/tenancy.site.jsonl": b"\xff{"}), "壊れている"),
    "no number of JSON": (in_rows("tenancy.company", employees=float("nan")), "壊れている"),
    "no counts": (in_manifest(counts=5), "壊れている"),
    "beyond all days": (in_rows("tenancy.company", created_at="9999-12-31T23:59:59+00:00"), "矛盾"),
    "before all days": (in_rows("tenancy.meeting", held_on="0001-01-01"), "矛盾"),
    "no names of mails": (in_rows("tenancy.membership", muted=5), "矛盾"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_archive_is_refused_in_words_and_changes_nothing(
    michisuji: House,
    empty: House,
    things: dict[str, Things],
    kind: str,
    media: Path,  # noqa: F811
) -> None:
    change, words = BAD[kind]
    files = {each for each in media.rglob("*") if each.is_file()}
    before = state_of(empty)
    page = send(empty, rebuilt(packed(michisuji), change))
    assert words in said_of(page)
    assert state_of(empty) == before
    assert {each for each in media.rglob("*") if each.is_file()} == files


def test_what_does_not_unpack_is_said_to_be_broken(
    michisuji: House, empty: House, things: dict[str, Things]
) -> None:
    archive = packed(michisuji)
    with zipfile.ZipFile(io.BytesIO(archive)) as source:
        entry = source.getinfo("data/people.jsonl")
    at = entry.header_offset + 30 + len(entry.filename) + 20  # in the middle of what is packed
    assert "壊れている" in said_of(send(empty, archive[:at] + b"\xff" * 9 + archive[at + 9 :]))


def test_no_archive_names_a_key_of_the_storage_as_draft(
    michisuji: House, empty: House, things: dict[str, Things]
) -> None:
    """The next attempt at a document deletes the draft that a killed one left behind: it could be anybody's file."""
    with open_scope(michisuji.scope):
        Job.objects.update(state="done", file=f"firm/{michisuji.firm.pk}/reports/{uuid4()}.pdf")
    change = in_rows("reports.job", draft=f"firm/{michisuji.firm.pk}/files/{uuid4()}")
    assert "含まれています" in said_of(send(empty, rebuilt(packed(michisuji), change)))


def test_a_directory_of_a_million_entries_is_not_read() -> None:
    entry = b"PK\x01\x02" + bytes(24) + b"\1\0" + bytes(16) + b"a"
    entries = entry * 500_000
    end = b"PK\x05\x06" + bytes(4) + b"\xff\xff" * 2 + struct.pack("<II", len(entries), 0) + bytes(2)
    with pytest.raises(BadArchive, match="大きすぎる"):
        open_archive(io.BytesIO(entries + end))


def test_a_file_that_nobody_could_upload_comes_in_without_its_content(
    michisuji: House,
    empty: House,
    things: dict[str, Things],
    media: Path,  # noqa: F811
) -> None:
    def forge(files: dict[str, bytes]) -> None:
        name = next(each for each in files if each.startswith("files/tenancy.attachment/"))
        files[name] = b"<script>alert(1)</script>"
        in_rows("tenancy.attachment", name="請求書\u202efdp.html", content_type="text/html")(files)

    send(empty, rebuilt(packed(michisuji), forge))
    with open_scope(empty.scope):
        row = Attachment.objects.get()
    assert ("\u202e" in row.name, row.content_type) == (False, "application/octet-stream")
    answer = signed_in(empty).get(f"/{empty.firm.slug}/companies/{row.company_id}/files/{row.pk}/")
    assert (answer.status_code, b"alert" in answer.content) == (404, False)


def state_of(house: House) -> Any:
    with open_scope(house.scope):
        rows = {model: list(model.objects.values()) for model in exported() if model not in (Trail, Job)}
    return rows, User.objects.count(), Firm.objects.filter(pk=house.firm.pk).values().get()


def test_what_is_no_archive_or_broken_is_refused(
    michisuji: House, empty: House, things: dict[str, Things]
) -> None:
    assert send(empty, b"no archive").status_code == 422
    changed = rebuilt(packed(michisuji), lambda files: files.update({"data/people.csv": b"x"}), honest=False)
    page = send(empty, changed).content.decode()
    assert "壊れています" in page
    # What was sent is forgotten: it cannot be begun again, only sent again.
    assert ("もう一度作成する" in page, "データの取り込みへ戻る" in page) == (False, True)


def test_no_archive_takes_a_file_of_another_firm(
    michisuji: House, aoba: House, empty: House, things: dict[str, Things]
) -> None:
    """A key in the archive is a name inside it and never a key of the storage."""
    with open_scope(aoba.scope):
        key = Attachment.objects.get().key
    send(empty, rebuilt(packed(michisuji), in_rows("tenancy.attachment", key=f"files/{key}/{uuid4()}")))
    with open_scope(empty.scope):
        taken = Attachment.objects.get().key
    assert taken.startswith(f"firm/{empty.firm.pk}/")
    assert not default_storage.exists(taken)


def test_nothing_that_nobody_sees_comes_in_with_a_name(
    michisuji: House, empty: House, things: dict[str, Things]
) -> None:
    send(empty, rebuilt(packed(michisuji), in_rows("tenancy.site", name="北\u202e\u200b店")))
    with open_scope(empty.scope):
        assert {site.name for site in Site.objects.all()} == {"北店"}


@pytest.mark.parametrize("there", [True, False])
def test_what_is_for_one_member_never_becomes_everybody_s(
    michisuji: House, empty: House, things: dict[str, Things], there: bool
) -> None:
    with open_scope(michisuji.scope):
        Notice.objects.create(key="one", title="馬場だけに", url="/", addressee=michisuji.members["馬場"])
    archive = packed(michisuji)
    send(empty, archive if there else rebuilt(archive, in_rows("notices.notice", addressee_id=1)))
    with open_scope(empty.scope):
        whom = Notice.objects.filter(title="馬場だけに").values_list("addressee__user__name", flat=True)
        assert list(whom) == (["馬場"] if there else [])


# ── People ──


def test_an_import_makes_nobody_a_member_and_tells_of_no_account(
    michisuji: House, empty: House, things: dict[str, Things]
) -> None:
    """馬場 has an account and 千葉 has none any more: every page of the new firm says the same of both."""
    archive = packed(michisuji)
    User.objects.filter(pk=michisuji.people["千葉"].pk).update(email="nobody@else.example")
    User.objects.filter(pk=michisuji.people["青木"].pk).update(name="青木の本名")
    send(empty, archive)
    with open_scope(empty.scope):
        company = Company.objects.get(name=things["michisuji"].canary)
        assert [member.user_id for member in Membership.objects.active()] == [empty.people["新田"].pk]
        chiba, baba = (Membership.objects.get(user__name=name) for name in ("千葉", "馬場"))
        assert not User.objects.filter(pk__in=[chiba.user_id, baba.user_id]).exclude(is_active=False).exists()
        assert (chiba.user.shown_email, baba.user.shown_email, chiba.state, baba.state) == (
            "",
            "",
            "ended",
            "ended",
        )
        places = Invitation.objects.waiting().filter(membership__in=[chiba, baba])
        assert {each.email: each.is_expired for each in places} == {
            "chiba@a.example": True,
            "baba@michisuji.example": True,
        }
        assert not Mail.objects.filter(template="invitation", state="queued").exists()
    assert signed_in(michisuji, "馬場").get("/shin/home/").status_code == 404
    members = said_of(signed_in(empty).get("/shin/settings/members/"))
    assert "青木の本名" not in members
    assert members.count("baba@michisuji.example") == 1
    assert ("未送信" in members, "期限切れ" in members) == (True, False)
    assert "chiba@a.example" in said_of(signed_in(empty).get(f"/shin/companies/{company.pk}/members/"))


def test_whoever_looks_in_from_outside_is_a_stranger_to_an_archive(
    michisuji: House, empty: House, things: dict[str, Things]
) -> None:
    """An operator is nobody of the firm: an archive that names the address gets neither name nor row of theirs."""
    operator, archive = michisuji.people["馬場"], packed(michisuji)
    with open_scope(empty.scope):
        Membership.objects.create(firm=empty.firm, user=operator, role="operator")
    User.objects.filter(pk=operator.pk).update(name="運用の本名")
    send(empty, archive)
    with open_scope(empty.scope):
        assert Membership.objects.own().filter(user=operator).count() == 0
    assert "運用の本名" not in said_of(signed_in(empty).get("/shin/settings/members/"))


@pytest.mark.parametrize("has_account", [True, False])
def test_who_accepts_the_invitation_takes_over_what_was_theirs(
    michisuji: House, empty: House, things: dict[str, Things], has_account: bool
) -> None:
    with open_scope(michisuji.scope):
        own = Company.objects.filter(pk=things["michisuji"].company.pk)
        own.update(consultant=michisuji.members["馬場"])
    archive = packed(michisuji)
    if not has_account:
        User.objects.filter(pk=michisuji.people["馬場"].pk).update(email="nobody@else.example")
    send(empty, archive)
    with open_scope(empty.scope):
        invited = Invitation.objects.get(email="baba@michisuji.example", state="open")
    signed_in(empty).post(f"/shin/settings/invitations/{invited.pk}/send/")
    assert "もう一度送る" in said_of(signed_in(empty).get("/shin/settings/members/"))
    with open_scope(empty.scope):
        invited.refresh_from_db()
        assert not invited.is_unsent
        link = people.address_of(Invitation.objects.select_related("firm").get(pk=invited.pk))
    client = signed_in(michisuji, "馬場") if has_account else Client(SERVER_NAME="localhost")
    assert client.post(link, {"name": "馬場", "password": PASSWORD}).status_code == 302
    assert client.get("/shin/companies/").status_code == 200
    with open_scope(empty.scope):
        company = Company.objects.get(name=things["michisuji"].canary)
        consultant = company.consultant
        assert consultant is not None
        assert (consultant.user.email, consultant.state) == (
            "baba@michisuji.example",
            "active",
        )


def test_places_that_wait_move_on_with_the_firm(
    michisuji: House, empty: House, things: dict[str, Things]
) -> None:
    """Imported, exported again and imported elsewhere: the same invitations lead to the same places, once."""
    send(empty, packed(michisuji))
    third = create_firm(slug="san", name="三つ目", admin_email="nitta@shin.example").firm
    path = Path(default_storage.location) / "firm.zip"  # type: ignore[attr-defined]
    path.write_bytes(packed(empty))
    call_command("import_firm", str(path), firm="san", stdout=io.StringIO())
    with open_scope(Scope.of_firm(third.pk)):
        waiting = Invitation.objects.waiting().filter(membership__isnull=False)
        told = {each.email: (str(m.user), m.state) for each in waiting if (m := each.membership)}
        assert len(waiting) == len(told)
        assert told["baba@michisuji.example"] == ("馬場", "ended")
        assert told["chiba@a.example"] == ("千葉", "ended")
        assert not [email for email in told if email.endswith(STAND_IN)]


def test_who_is_invited_to_the_empty_firm_already_stays_invited_once(
    michisuji: House, empty: House, things: dict[str, Things]
) -> None:
    client = signed_in(empty)
    typed = {"name": "馬場", "email": "baba@michisuji.example", "role": "consultant", "title": ""}
    assert client.post("/shin/settings/members/invite/", typed).status_code == 302
    with open_scope(michisuji.scope):
        people.invite(
            email="iida@x.example",
            name="飯田",
            role="consultant",
            company=None,
            actor=michisuji.members["青木"],
        )
    client.post("/shin/settings/members/invite/", typed | {"name": "飯田", "email": "iida@x.example"})
    assert "取り込みの記録" in send(empty, packed(michisuji)).content.decode()
    with open_scope(empty.scope):
        waiting = Invitation.objects.waiting().filter(company=None)
        assert sorted(each.email for each in waiting) == [
            "aoki@michisuji.example", "baba@michisuji.example", "iida@x.example",
        ]  # fmt: skip
        kept_for = waiting.get(email="baba@michisuji.example").membership
        assert kept_for is not None
        assert kept_for.user.name == "馬場"


def test_the_trail_names_who_had_it_brought_in(
    michisuji: House, empty: House, things: dict[str, Things]
) -> None:
    send(empty, packed(michisuji))
    [admin] = empty.members.values()
    with open_scope(empty.scope):
        act = Trail.objects.get(act="import.firm", user_id__isnull=False)
        assert (act.user_id, act.role) == (admin.user_id, "admin")


# ── The way of the upload ──


def uploads_of(media: Path) -> list[Path]:  # noqa: F811
    return list(media.rglob("imports/*"))


def post(client: Client, once: UUID, archive: bytes) -> Any:
    upload = SimpleUploadedFile("道筋.zip", archive, "application/zip")
    return client.post("/shin/settings/import/", {"once": once, "archive": upload})


def test_an_archive_may_be_larger_than_anything_else_that_is_sent(
    michisuji: House, empty: House, things: dict[str, Things], aoba: House
) -> None:
    large = os.urandom(70 * 1024**2)

    def grow(files: dict[str, bytes]) -> None:
        files["data/tenancy.company.csv"] = (
            large  # for people with a spreadsheet: an import reads what is beside it
        )

    archive = rebuilt(packed(michisuji), grow)
    assert "取り込みの記録" in send(empty, archive).content.decode()
    with open_scope(empty.scope):
        assert Company.objects.filter(name=things["michisuji"].canary).exists()
    # Elsewhere, and for more than is promised, it is refused by its head.
    for path, size in (("import/", 202), ("public/", 66)):
        head: dict[str, Any] = {"CONTENT_LENGTH": str(size * 1024**2), "wsgi.input": io.BytesIO()}
        client = signed_in(empty)
        answer = client.generic(
            "POST", f"/shin/settings/{path}", b"-", "multipart/form-data; boundary=x", **head
        )
        assert answer.status_code == 413, path


class Slow(FileSystemStorage):
    """Notes whether a transaction was open while it wrote; fails when it is told to."""

    open_at: ClassVar[list[bool]] = []
    fails: ClassVar[bool] = False

    def save(self, name: str | None, content: Any, max_length: int | None = None) -> str:
        self.open_at.append(connection.in_atomic_block)
        if self.fails:
            raise OSError("the storage is away")
        return str(super().save(name, content, max_length))


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_an_archive_is_stored(
    michisuji: House, empty: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "default_storage", Slow())
    monkeypatch.setattr(Slow, "open_at", [])
    assert post(signed_in(empty), uuid4(), packed(michisuji)).status_code == 302
    assert Slow.open_at == [False]
    monkeypatch.setattr(Slow, "fails", True)
    answer = post(signed_in(empty), uuid4(), packed(michisuji))
    assert (answer.status_code, "もう一度お選びください" in answer.content.decode()) == (422, True)


@pytest.mark.django_db(transaction=True)
def test_an_archive_whose_request_died_is_forgotten_in_an_hour(
    michisuji: House,
    empty: House,
    media: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def crash(**_: Any) -> None:
        raise RuntimeError("the process died here")

    client = signed_in(empty)
    client.raise_request_exception = False
    with monkeypatch.context() as broken:
        broken.setattr(jobs, "request_document", crash)
        assert post(client, uuid4(), packed(michisuji)).status_code == 500
    assert len(uploads_of(media)) == 1
    [noted] = Due.objects.filter(kind=jobs.UPLOAD)
    forget_upload(empty.firm.pk, str(noted.object_id))
    assert len(uploads_of(media)) == 1, "not before its time"
    with clock.stopped_at(clock.now() + timedelta(hours=1, seconds=1)):
        forget_upload(empty.firm.pk, str(noted.object_id))
    assert uploads_of(media) == []
    assert not Due.objects.filter(kind=jobs.UPLOAD).exists()


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_once_are_one_import_and_the_other_archive_is_forgotten(
    michisuji: House,
    empty: House,
    media: Path,  # noqa: F811
) -> None:
    archive, once, answers = packed(michisuji), uuid4(), []

    def click() -> None:
        answers.append(post(signed_in(empty), once, archive))
        connection.close()

    at_once(click, click)
    assert [answer.status_code for answer in answers] == [302, 302]
    assert answers[0]["Location"] == answers[1]["Location"]
    with open_scope(empty.scope):
        kept = Job.objects.get(name="firm_import").subject
    [other] = Due.objects.filter(kind=jobs.UPLOAD)
    with clock.stopped_at(clock.now() + timedelta(hours=1, seconds=1)):
        forget_upload(empty.firm.pk, str(other.object_id))
    assert [path.stem for path in uploads_of(media)] == [str(kept)]


# ── What ends by itself ──


def test_imported_answers_that_are_not_submitted_end_after_their_thirty_days(
    michisuji: House, empty: House, things: dict[str, Things]
) -> None:
    with open_scope(michisuji.scope), clock.stopped_at(clock.now() - timedelta(days=20)):
        start_diagnosis()
    send(empty, packed(michisuji))
    with open_scope(empty.scope):
        submitted = Diagnosis.objects.submitted().get()
        answering = Diagnosis.objects.get(state="open", origin="visitor")
    for days, left in ((9, 2), (11, 1)):
        with clock.stopped_at(clock.now() + timedelta(days=days)):
            expire_answers(empty.firm.pk, str(answering.pk))
            expire_answers(empty.firm.pk, str(submitted.pk))
        with open_scope(empty.scope):
            assert Diagnosis.objects.filter(pk__in=[submitted.pk, answering.pk]).count() == left


# ── What the trail says of it ──


def test_what_an_import_writes_stands_in_the_trail(
    michisuji: House, empty: House, things: dict[str, Things]
) -> None:
    """Each row that was changed or deleted is named, and those that were added are counted, kind by kind."""
    Firm.objects.filter(pk=michisuji.firm.pk).update(consultants_see="assigned", requires_second_factor=True)
    with open_scope(empty.scope):
        known = set(Trail.objects.values_list("pk", flat=True))
    archive, before = packed(michisuji), rows_of(empty)
    path = Path(default_storage.location) / "firm.zip"  # type: ignore[attr-defined]
    path.write_bytes(archive)
    call_command("import_firm", str(path), firm="shin", stdout=io.StringIO())
    after, acts = rows_of(empty), acts_since(empty, known)
    act = next(act for act in acts if act.act == "import.firm")
    added = Counter(label for label, _ in after.keys() - before.keys())
    counts = {label: count for label, count in act.details["counts"] if count and label != "tenancy.trail"}
    assert added == counts
    assert written(before, after) - (after.keys() - before.keys()) <= named(acts)
    assert act.changes == {
        "name": ["新しい経営支援", "みちすじ経営パートナーズ"],
        "consultants_see": ["all", "assigned"],
        "requires_second_factor": [False, True],
    }


def test_what_was_not_written_here_is_marked_as_brought_in(
    michisuji: House, empty: House, things: dict[str, Things]
) -> None:
    with open_scope(michisuji.scope):
        trail.record("update.company", things["michisuji"].company, before={"location": "前の町"})
    send(empty, packed(michisuji))
    page = signed_in(empty).get("/shin/settings/trail/").content.decode()
    rows = {
        row
        for row in re.findall(r"<li>(.*?)</li>", page, re.DOTALL)
        if "前の町" in row or "取り込みました" in row
    }
    assert {"前の町" in row for row in rows} == {True, False}
    assert {row for row in rows if ('due">取り込み</span>' in row) != ("前の町" in row)} == set()


def keys_of(house: House) -> dict[str, bytes]:
    with open_scope(house.scope):
        return {each.person: bytes(each.key) for each in PersonKey.objects.all()}


def test_personal_values_are_read_as_before_and_sealed_with_keys_of_this_firm(
    michisuji: House, empty: House, things: dict[str, Things], as_: As
) -> None:
    company = things["michisuji"].company
    with open_scope(michisuji.scope):
        company.refresh_from_db()
        was, company.representative = company.representative, "新しい社長"
        trail.record("update.company", company, company_id=company.pk, before={"representative": "前の社長"})
        company.representative = was
    invited = {"name": "飯田", "email": "iida@x.example", "role": "consultant", "title": ""}
    signed_in(empty).post("/shin/settings/members/invite/", invited)
    with open_scope(empty.scope):
        invitation = Invitation.objects.get()
        trail.record("send_again.invitation", invitation, before={"name": "飯田の前の名"})
    own = keys_of(empty)
    send(empty, packed(michisuji))
    page = signed_in(empty).get("/shin/settings/trail/").content.decode()
    assert all(value in page for value in ("前の社長", "新しい社長", "飯田の前の名"))
    kept = keys_of(empty)
    assert own
    assert own.items() <= kept.items()
    assert not set(kept.values()) & set(keys_of(michisuji).values())


@pytest.mark.parametrize("key", [b"too short", b"", b"x" * 44])
def test_a_key_that_is_none_makes_a_value_unreadable_and_no_page(
    michisuji: House, empty: House, things: dict[str, Things], key: bytes
) -> None:
    company = things["michisuji"].company
    with open_scope(michisuji.scope):
        trail.record("update.company", company, company_id=company.pk, before={"representative": "前の社長"})
    told = in_rows("tenancy.personkey", key=b64encode(key).decode())
    assert "取り込みの記録" in send(empty, rebuilt(packed(michisuji), told)).content.decode()
    answer = signed_in(empty).get("/shin/settings/trail/")
    assert (answer.status_code, "(消去済み)" in answer.content.decode()) == (200, True)
    with open_scope(empty.scope):
        imported = Company.objects.get(name=things["michisuji"].canary)
    typed = {**fields(signed_in(empty).get(f"/shin/companies/{imported.pk}/edit/")), "representative": "次"}
    assert signed_in(empty).post(f"/shin/companies/{imported.pk}/edit/", typed).status_code == 302


@pytest.mark.parametrize(
    "changes",
    [
        {"name": 5},
        {"name": ["x"]},
        {"consultant": ["no number", None]},
        {"name": [{"person": 1, "sealed": "x"}, 1]},
    ],
)
def test_changes_that_are_none_are_refused(
    michisuji: House, empty: House, things: dict[str, Things], changes: Any
) -> None:
    change = in_rows("tenancy.trail", subject="tenancy.company", changes=changes)
    assert "矛盾" in said_of(send(empty, rebuilt(packed(michisuji), change)))


UNREADABLE: dict[str, dict[str, Any]] = {
    "no id": {"subject": "tenancy.company", "subject_id": "x", "changes": {}},
    "an id of another kind": {"subject": "tenancy.invitation", "subject_id": "5", "changes": {}},
    "nobody in charge": {"subject": "tenancy.company", "changes": {"consultant": [str(uuid4()), None]}},
    "no fields": {"subject": "tenancy.company", "changes": {}, "details": {"fields": 5}},
    "beyond all days": {"at": "9999-12-31T23:59:59+00:00"},
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_trail_that_no_page_could_show_is_refused(
    michisuji: House, empty: House, things: dict[str, Things], kind: str
) -> None:
    """Nobody could take the row out again, and its page would be an error for seven years."""
    change = in_rows("tenancy.trail", **{"subject_id": "1"} | UNREADABLE[kind])
    assert "矛盾" in said_of(send(empty, rebuilt(packed(michisuji), change)))
    assert signed_in(empty).get("/shin/settings/trail/").status_code == 200


@pytest.mark.parametrize("day", ["いつか", "9999-12-31T23:59:59+00:00"])
def test_a_day_that_is_none_is_shown_as_it_stands(
    michisuji: House, empty: House, things: dict[str, Things], day: str
) -> None:
    told = in_rows("tenancy.trail", subject="tenancy.invitation", changes={"expires_at": [day, None]})
    send(empty, rebuilt(packed(michisuji), told))
    assert day in html.unescape(signed_in(empty).get("/shin/settings/trail/").content.decode())
