"""Files of a company: what is taken, where it is kept, who gets it, and what a crash leaves behind."""

import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.files.storage import InMemoryStorage, default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.db import connection
from django.test import Client

from notices.actions import HANDED
from notices.models import Mail, Notice
from notices.tasks import mail_handing, mail_notice
from tenancy import clock, filing, uploads
from tenancy.due import LeaseLost
from tenancy.models import Attachment, Company, Due, Firm, Handing, Meeting, Membership, Trail
from tenancy.scope import open_scope, scope_or_none
from tenancy.tasks import forget_file
from tests.conftest import House
from tests.tenancy import papers
from tests.tenancy.test_companies import fields
from tests.tenancy.test_meetings import at_once
from tests.things import filed, noted

As = Callable[[str], Client]
Sent = tuple[str, bytes]


@pytest.fixture
def company(michisuji: House) -> Company:
    return michisuji.companies["株式会社ア"]


@pytest.fixture
def baba(as_: As) -> Client:
    return as_("馬場")


def room(company: Company, rest: str = "") -> str:
    return f"/michisuji/companies/{company.pk}/files/{rest}"


def upload(client: Client, company: Company, *files: Sent, **values: Any) -> Any:
    form = {"once": str(uuid4()), "shared": "False", "meeting": "", **values}
    sent = [SimpleUploadedFile(name, content) for name, content in files]
    return client.post(room(company, "new/"), {**form, "files": sent})


def kept(house: House) -> list[Attachment]:
    with open_scope(house.scope):
        return list(Attachment.objects.order_by("created_at", "name"))


# ── What a file is ──

TAKEN: dict[str, tuple[str, bytes, str, str]] = {
    "pdf": ("見積.pdf", papers.PDF, "見積.pdf", "application/pdf"),
    "xlsx": ("表.XLSX", papers.xlsx(), "表.XLSX", uploads.KINDS["xlsx"].content_type),
    "docx": ("a.docx", papers.office("word/document.xml"), "a.docx", uploads.KINDS["docx"].content_type),
    "pptx": ("a.pptx", papers.office("ppt/presentation.xml"), "a.pptx", uploads.KINDS["pptx"].content_type),
    "doc": ("a.doc", papers.ole("WordDocument"), "a.doc", "application/msword"),
    "xls": ("a.xls", papers.ole("Root Entry", "Workbook"), "a.xls", "application/vnd.ms-excel"),
    "ppt": ("a.ppt", papers.ole("PowerPoint Document"), "a.ppt", "application/vnd.ms-powerpoint"),
    "png": ("a.png", papers.PNG, "a.png", "image/png"),
    "jpeg": ("a.jpeg", papers.JPG, "a.jpeg", "image/jpeg"),
    "gif": ("a.gif", papers.GIF, "a.gif", "image/gif"),
    "webp": ("a.webp", papers.WEBP, "a.webp", "image/webp"),
    "heic": ("a.heic", papers.HEIC, "a.heic", "image/heic"),
    "a picture under another name": ("写真.jpg", papers.PNG, "写真.png", "image/png"),
    "no extension": ("見積", papers.PDF, "見積.pdf", "application/pdf"),
    "a path and marks": (
        "C:\\書類\\../\u202e見\u0000積\u3099.pdf",
        papers.PDF,
        "見積\u3099.pdf",
        "application/pdf",
    ),
    "NFD": ("か\u3099いよう.pdf", papers.PDF, "がいよう.pdf", "application/pdf"),
    "very long": ("長" * 300 + ".pdf", papers.PDF, "長" * 196 + ".pdf", "application/pdf"),
}
REFUSED: dict[str, tuple[str, bytes, str]] = {
    "html as pdf": ("a.pdf", papers.HTML, "中身が「.pdf」のファイルではない"),
    "svg as png": ("a.png", papers.SVG, "中身が「.png」のファイルではない"),
    "exe as pdf": ("a.pdf", papers.EXE, "中身が「.pdf」のファイルではない"),
    "zip as pdf": ("a.pdf", papers.archive("a.txt"), "一つずつ"),
    "zip as docx": ("a.docx", papers.archive("word/other.xml"), "一つずつ"),
    "html": ("a.html", papers.PDF, "お預かりできない種類"),
    "svg": ("a.svg", papers.SVG, "お預かりできない種類"),
    "text": ("a.pdf", b"just words", "中身が「.pdf」のファイルではない"),
    "docm": ("a.docm", papers.office("word/document.xml", "word/vbaProject.bin"), "マクロ"),
    "docm as docx": ("a.docx", papers.office("word/document.xml", "word/vbaProject.bin"), "マクロ"),
    "xlsm without macros": ("a.xlsm", papers.xlsx(), "マクロ"),
    "ppt with macros": (
        "a.ppt",
        papers.ole("PowerPoint Document") + bytes.fromhex("1f00ff0314000000020000040c0000000700000001000000"),
        "マクロ",
    ),
    "doc with macros": ("a.doc", papers.ole("WordDocument", "_VBA_PROJECT"), "マクロ"),
    "a password": ("a.xlsx", papers.ole("EncryptedPackage"), "パスワードを外して"),
    "an installer as doc": ("a.doc", papers.ole("SummaryInformation"), "中身が「.doc」のファイルではない"),
    "a bomb": ("a.docx", papers.bomb(), "壊れている"),
    "a directory that lies": ("a.docx", papers.crowded(), "壊れている"),
    "half a file": ("a.docx", papers.office("word/document.xml")[:-30], "壊れている"),
    "something behind": ("a.docx", papers.office("word/document.xml") + papers.HTML, "壊れている"),
    "something in front": ("a.docx", b"PK\x03\x04<html>" + papers.office("word/document.xml"), "壊れている"),
    "empty": ("a.pdf", b"", "中身が空"),
    "too large": ("a.pdf", papers.PDF + bytes(uploads.MOST_BYTES), "大きすぎます(約21MB)"),
}


@pytest.mark.parametrize("case", TAKEN)
def test_a_file_is_what_its_content_says(case: str) -> None:
    name, content, clean, content_type = TAKEN[case]
    what = uploads.recognize(name, io.BytesIO(content), len(content))
    assert (what.name, what.content_type, what.size) == (clean, content_type, len(content))


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_taken_is_named_with_what_to_do(case: str) -> None:
    name, content, said = REFUSED[case]
    with pytest.raises(uploads.NotTaken) as refused:
        uploads.recognize(name, io.BytesIO(content), len(content))
    assert said in str(refused.value)
    assert f"「{name}」" in str(refused.value)


# ── Putting files ──


def test_several_files_are_put_at_once_and_hang_on_a_meeting(
    baba: Client, michisuji: House, company: Company
) -> None:
    with open_scope(michisuji.scope):
        meeting = noted(michisuji, company, "見積の話")
    answer = upload(
        baba, company, ("見積.pdf", papers.PDF), ("表.xlsx", papers.xlsx()), meeting=str(meeting.pk)
    )
    assert answer.headers["Location"] == room(company)
    rows = kept(michisuji)
    assert sorted(row.name for row in rows) == ["表.xlsx", "見積.pdf"]
    assert {(row.meeting_id, row.shared) for row in rows} == {(meeting.pk, False)}
    page = baba.get(f"/michisuji/companies/{company.pk}/meetings/{meeting.pk}/").content.decode()
    assert "見積.pdf" in page
    with open_scope(michisuji.scope):
        assert Trail.objects.filter(act="add.file", company_id=company.pk).count() == 2
    assert not Due.objects.filter(kind=filing.FILE).exists(), "nothing to forget"


def test_the_key_says_nothing_about_the_file(baba: Client, michisuji: House, company: Company) -> None:
    upload(baba, company, ("給与.pdf", papers.PDF))
    [row] = kept(michisuji)
    head, random = row.key.rsplit("/", 1)
    assert head == f"firm/{michisuji.firm.pk}/files"
    assert str(UUID(random)) not in (str(row.pk), "")


def test_the_good_ones_are_kept_and_the_others_named_with_the_choices_as_they_were(
    baba: Client, michisuji: House, company: Company
) -> None:
    answer = upload(baba, company, ("良い.pdf", papers.PDF), ("悪い.pdf", papers.HTML), shared="True")
    html = answer.content.decode()
    assert answer.status_code == 422
    assert "「悪い.pdf」は、中身が" in html
    assert "「良い.pdf」を保存しました" in html
    assert fields(answer)["once"] != ""
    assert 'value="True"' in html.split('name="shared"')[2].split(">")[0]
    assert "checked" in html.split('name="shared"')[2].split(">")[0]
    assert [(row.name, row.shared) for row in kept(michisuji)] == [("良い.pdf", True)]


@pytest.mark.parametrize("wrong", [{"files": []}, {"shared": "?"}, {"meeting": str(uuid4())}])
def test_an_unfinished_form_comes_back(
    baba: Client, michisuji: House, company: Company, wrong: dict[str, Any]
) -> None:
    form = {"once": str(uuid4()), "shared": "False", "files": [SimpleUploadedFile("a.pdf", papers.PDF)]}
    assert baba.post(room(company, "new/"), form | wrong).status_code == 422
    assert kept(michisuji) == []


def test_another_companys_meeting_cannot_be_chosen(baba: Client, michisuji: House, company: Company) -> None:
    with open_scope(michisuji.scope):
        other = noted(michisuji, michisuji.companies["有限会社イ"], "よその話")
    assert "よその話" not in baba.get(room(company, f"new/?meeting={other.pk}")).content.decode()
    assert upload(baba, company, ("a.pdf", papers.PDF), meeting=str(other.pk)).status_code == 422
    assert kept(michisuji) == []


def test_two_clicks_put_a_file_once(baba: Client, michisuji: House, company: Company) -> None:
    once = str(uuid4())
    for _ in range(2):
        assert upload(baba, company, ("a.pdf", papers.PDF), once=once).status_code == 302
    [row] = kept(michisuji)
    [second] = Due.objects.filter(kind=filing.FILE)
    assert filing.key_of(second.firm_id, second.object_id) != row.key


def test_who_goes_back_and_puts_the_same_file_again_has_it_once(
    baba: Client, as_: As, michisuji: House, company: Company
) -> None:
    with open_scope(michisuji.scope):
        meeting = noted(michisuji, company, "見積の話")
    first, second = ("見積.pdf", papers.PDF), ("図面.pdf", papers.PDF)
    upload(baba, company, first, meeting=str(meeting.pk))
    upload(baba, company, first, second, meeting=str(meeting.pk))  # the way back fetches the form anew
    page = baba.get(room(company)).content.decode()
    assert "「図面.pdf」を保存しました。" in page
    assert "「見積.pdf」は、すでに保存されています。" in page
    assert [row.name for row in kept(michisuji)] == ["見積.pdf", "図面.pdf"]
    upload(baba, company, first)
    upload(baba, company, first, meeting=str(meeting.pk), shared="True")
    upload(baba, company, ("見積.pdf", papers.PDF + b"%"), meeting=str(meeting.pk))
    upload(as_("青木"), company, first, meeting=str(meeting.pk))
    assert len(kept(michisuji)) == 6, "elsewhere, for others, other content, another person"
    with clock.stopped_at(clock.now() + timedelta(minutes=61)):
        upload(baba, company, first)
    assert len(kept(michisuji)) == 7


def test_what_was_chosen_otherwise_in_the_same_form_is_not_taken_for_done(
    baba: Client, michisuji: House, company: Company
) -> None:
    """A browser that keeps the page shows it on the way back with the same id."""
    file, once = ("見積.pdf", papers.PDF), str(uuid4())
    for shared in ("False", "True", "True"):
        upload(baba, company, file, once=once, shared=shared)
    assert [row.shared for row in kept(michisuji)] == [False, True]


@pytest.mark.django_db(transaction=True)
def test_clicks_at_the_same_moment_put_a_file_once(michisuji: House, company: Company) -> None:
    what, once = uploads.recognize("a.pdf", io.BytesIO(papers.PDF), len(papers.PDF)), uuid4()

    def click() -> None:
        file = filing.Upload.of(what, io.BytesIO(papers.PDF), company=company, once=once)
        with open_scope(michisuji.scope):
            filing.note(michisuji.firm.pk, [file])
        stored, _ = filing.store(michisuji.firm.pk, [file])
        with open_scope(michisuji.scope):
            filing.keep_files(company=company, uploads=stored, filing=filing.Filing(), actor=None)
        connection.close()

    at_once(*[click] * 6)
    [row] = kept(michisuji)
    seconds = [filing.key_of(due.firm_id, due.object_id) for due in Due.objects.filter(kind=filing.FILE)]
    assert len(seconds) == 5, "the copies are forgotten in an hour"
    assert row.key not in seconds


# ── Transactions of its own, and what goes wrong ──


class Witness(FileUploadHandler):
    """Notes whether a transaction or a scope was open while the body arrived."""

    open: list[bool] = []

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        self.open.append(connection.in_atomic_block or scope_or_none() is not None)
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_a_body_arrives_or_the_storage_is_at_work(
    baba: Client, michisuji: House, company: Company, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    Witness.open.clear()
    settings.FILE_UPLOAD_HANDLERS = [
        f"{__name__}.Witness",
        "django.core.files.uploadhandler.MemoryFileUploadHandler",
    ]
    storage = Storage()
    monkeypatch.setattr(filing, "default_storage", storage)
    assert upload(baba, company, ("a.pdf", papers.PDF)).status_code == 302
    [row] = kept(michisuji)
    baba.get(room(company, f"{row.pk}/"))
    assert Witness.open == [False]
    assert storage.open_at == {"save": [False], "open": [False]}


class Storage(InMemoryStorage):
    """A storage that notes whether a transaction was open, and fails for names that say so."""

    def __init__(self, *, fails: int = 0) -> None:
        super().__init__()
        self.open_at: dict[str, list[bool]] = {}
        self.fails = fails

    def save(self, name: str | None, content: Any, max_length: int | None = None) -> str:
        self.open_at.setdefault("save", []).append(connection.in_atomic_block)
        if self.fails:
            self.fails -= 1
            raise OSError("the storage is away")
        return str(super().save(name, content, max_length))

    def open(self, name: str, mode: str = "rb") -> Any:
        self.open_at.setdefault("open", []).append(connection.in_atomic_block)
        return super().open(name, mode)


def test_what_the_storage_does_not_take_is_said_and_the_rest_is_kept(
    baba: Client, michisuji: House, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filing, "default_storage", Storage(fails=1))
    answer = upload(baba, company, ("一.pdf", papers.PDF), ("二.pdf", papers.PDF + b" "))
    assert answer.status_code == 422
    assert "「一.pdf」を保存できませんでした。もう一度お選びください。" in answer.content.decode()
    assert [row.name for row in kept(michisuji)] == ["二.pdf"]


@pytest.mark.django_db(transaction=True)
def test_a_crash_between_storage_and_table_leaves_bytes_that_are_forgotten_later(
    as_: As, michisuji: House, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(**_: Any) -> None:
        raise RuntimeError("the process died here")

    client = as_("馬場")
    client.raise_request_exception = False
    with monkeypatch.context() as broken:
        broken.setattr(filing, "keep_files", crash)
        assert upload(client, company, ("a.pdf", papers.PDF)).status_code == 500
    assert kept(michisuji) == []
    [due] = Due.objects.filter(kind=filing.FILE)
    key = filing.key_of(due.firm_id, due.object_id)
    assert default_storage.exists(key)
    forget_file(due.firm_id, str(due.object_id))
    assert default_storage.exists(key), "not before its time"
    Due.objects.filter(pk=due.pk).update(due_at="2020-01-01T00:00Z")
    for _ in range(2):
        forget_file(due.firm_id, str(due.object_id))
    assert not default_storage.exists(key)
    assert not Due.objects.filter(kind=filing.FILE).exists()


def test_a_key_that_the_sweep_has_taken_is_not_kept(baba: Client, michisuji: House, company: Company) -> None:
    what = uploads.recognize("a.pdf", io.BytesIO(papers.PDF), len(papers.PDF))
    file = filing.Upload.of(what, io.BytesIO(papers.PDF), company=company, once=None)
    with open_scope(michisuji.scope):
        filing.note(michisuji.firm.pk, [file])
    Due.objects.update(lease_until="2099-01-01T00:00Z")
    with pytest.raises(LeaseLost), open_scope(michisuji.scope):
        filing.keep_files(company=company, uploads=[file], filing=filing.Filing(), actor=None)
    assert kept(michisuji) == []


@pytest.mark.parametrize("meanwhile", ["ended", "the company is another's"])
def test_who_was_shown_the_door_while_the_body_arrived_writes_nothing(
    baba: Client, michisuji: House, company: Company, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    member = michisuji.members["馬場"]
    with open_scope(michisuji.scope):
        Company.objects.filter(pk=company.pk).update(consultant=member)
    Firm.objects.filter(pk=michisuji.firm.pk).update(consultants_see="assigned")

    def slow(*arguments: Any) -> Any:
        with open_scope(michisuji.scope):
            if meanwhile == "ended":
                Membership.objects.filter(pk=member.pk).update(state="ended")
            else:
                Company.objects.filter(pk=company.pk).update(consultant=michisuji.members["青木"])
        return [*arguments[1]], []

    monkeypatch.setattr(filing, "store", slow)
    assert upload(baba, company, ("a.pdf", papers.PDF)).status_code == 403
    assert kept(michisuji) == []


def test_a_form_whose_token_is_gone_is_answered_with_words(as_: As, company: Company) -> None:
    client = Client(enforce_csrf_checks=True, SERVER_NAME="localhost")
    client.cookies = as_("馬場").cookies
    answer = upload(client, company, ("a.pdf", papers.PDF))
    assert answer.status_code == 403
    assert "画面の有効期限が切れました" in answer.content.decode()


def test_a_body_that_is_too_large_is_refused_by_its_head(baba: Client, company: Company) -> None:
    head: dict[str, Any] = {"CONTENT_LENGTH": str(66 * 1024**2), "wsgi.input": io.BytesIO()}
    answer = baba.generic("POST", room(company, "new/"), b"-", "multipart/form-data; boundary=x", **head)
    assert answer.status_code == 413
    assert "ファイルは合わせて60MBまで" in answer.content.decode()


# ── Fetching ──


def test_a_file_is_fetched_under_its_own_name_and_never_shown(
    baba: Client, michisuji: House, company: Company
) -> None:
    upload(baba, company, ("お見積り 第2版.pdf", papers.PDF))
    [row] = kept(michisuji)
    answer = baba.get(room(company, f"{row.pk}/"))
    assert answer.content == papers.PDF
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename*=utf-8''%E3%81%8A")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer.headers["Cache-Control"] == "private, no-store"


def test_a_file_that_the_storage_lost_is_answered_with_a_page(
    baba: Client, michisuji: House, company: Company
) -> None:
    upload(baba, company, ("消えた.pdf", papers.PDF))
    [row] = kept(michisuji)
    default_storage.delete(row.key)
    answer = baba.get(room(company, f"{row.pk}/"))
    assert answer.status_code == 404
    assert "もう一度追加してください" in answer.content.decode()


def test_deleting_while_somebody_fetches_ends_in_the_file_or_in_words(
    baba: Client, as_: As, michisuji: House, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row was read, then the file is deleted by somebody else, bytes and all."""
    upload(baba, company, ("a.pdf", papers.PDF))
    [row] = kept(michisuji)
    fetch = filing.content_of

    def meanwhile(key: str) -> bytes | None:
        as_("青木").post(room(company, f"{row.pk}/remove/"))
        [due] = Due.objects.filter(kind=filing.FILE)
        forget_file(due.firm_id, str(due.object_id))
        return fetch(key)

    monkeypatch.setattr(filing, "content_of", meanwhile)
    answer = baba.get(room(company, f"{row.pk}/"))
    assert answer.status_code == 404
    assert "「a.pdf」が見つかりませんでした" in answer.content.decode()


def test_a_deleted_file_is_gone_from_the_storage_after_the_commit(
    baba: Client, michisuji: House, company: Company
) -> None:
    upload(baba, company, ("a.pdf", papers.PDF))
    [row] = kept(michisuji)
    assert "元には戻せません" in baba.get(room(company, f"{row.pk}/remove/")).content.decode()
    baba.post(room(company, f"{row.pk}/remove/"))
    assert kept(michisuji) == []
    assert default_storage.exists(row.key), "the due work deletes it, not the request"
    [due] = Due.objects.filter(kind=filing.FILE)
    forget_file(due.firm_id, str(due.object_id))
    assert not default_storage.exists(row.key)


# ── Sharing ──


def test_the_owner_gets_what_is_shared_and_the_partner_what_was_handed_over(
    baba: Client, as_: As, michisuji: House, company: Company
) -> None:
    with open_scope(michisuji.scope):
        row = filed(michisuji, company, "計画書")
    url, partner = room(company, f"{row.pk}/"), michisuji.members["江口"].pk
    chiba, eguchi = as_("千葉"), as_("江口")
    assert (chiba.get(url).status_code, eguchi.get(url).status_code) == (404, 404)
    seen = {"seen": fields(baba.get(url + "edit/"))["seen"], "handed_seen": ""}
    baba.post(url + "edit/", {"meeting": "", "shared": "True", **seen})
    assert "計画書" in chiba.get(url).content.decode()
    assert "計画書" in chiba.get(room(company)).content.decode()
    assert eguchi.get(url).status_code == 404
    with open_scope(michisuji.scope):
        noted_by = Meeting.objects.count()
    seen = {"seen": fields(baba.get(url + "edit/"))["seen"], "handed_seen": ""}
    baba.post(url + "edit/", {"meeting": "", "shared": "True", "handed": [partner], **seen})
    assert "計画書" in eguchi.get(url).content.decode()
    assert noted_by == 0
    assert as_("藤田").get(url).status_code == 404
    with open_scope(michisuji.scope):
        assert Handing.objects.get().membership_id == partner


def told(house: House) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """The notices of the company's own people, and what the workers have mailed to whom, all of it rung twice."""
    for _ in range(2):
        for kind, task in (("notice", mail_notice), (HANDED, mail_handing)):
            for row in list(Due.objects.filter(kind=kind)):
                task(house.firm.pk, str(row.object_id))
    with open_scope(house.scope):
        notices = Notice.objects.filter(shared=True).order_by("created_at")
        mails = Mail.objects.filter(template__in=("company_news", "handed_over")).order_by("created_at", "to")
        return list(notices.values_list("title", "body")), list(mails.values_list("to", "subject"))


def test_whoever_hears_of_several_files_hears_of_them_once(
    baba: Client, michisuji: House, company: Company
) -> None:
    partner, once = str(michisuji.members["江口"].pk), str(uuid4())
    files = [(f"{name}.pdf", papers.PDF) for name in ("見積", "図面", "工程", "契約")]
    for _ in range(2):
        upload(baba, company, *files, once=once, shared="True", handed=[partner])
    notices, mails = told(michisuji)
    assert notices == [
        ("ファイルが4件共有されました", "「見積.pdf」ほか3件をご覧いただけます。"),
    ]
    assert mails == [
        ("chiba@a.example", "【お知らせ】ファイルが4件共有されました"),
        ("doi@a.example", "【お知らせ】ファイルが4件共有されました"),
        ("eguchi@out.example", "【お知らせ】ファイル「見積.pdf」ほか3件をお渡ししました"),
    ]
    for row in kept(michisuji):  # taken back and given once more, one by one: no news
        url = room(company, f"{row.pk}/edit/")
        for shared, handed in (("False", []), ("True", [partner])):
            form = {**fields(baba.get(url)), "shared": shared, "handed": handed}
            assert baba.post(url, form).status_code == 302
    assert told(michisuji) == (notices, mails)
    upload(baba, company, ("一.pdf", papers.PDF), ("二.pdf", papers.PDF), shared="True", handed=[partner])
    notices, mails = told(michisuji)
    assert notices[1] == ("ファイルが2件共有されました", "「一.pdf」、「二.pdf」をご覧いただけます。")
    assert mails[5] == ("eguchi@out.example", "【お知らせ】ファイル「一.pdf」、「二.pdf」をお渡ししました")
    assert len(mails) == 6


def test_what_is_taken_back_before_the_mail_is_sent_leaves_the_others_told(
    baba: Client, michisuji: House, company: Company
) -> None:
    partner = str(michisuji.members["江口"].pk)
    files = [(f"{name}.pdf", papers.PDF) for name in ("見積", "図面", "工程")]
    upload(baba, company, *files, shared="True", handed=[partner])
    [gone] = [row for row in kept(michisuji) if row.name == "見積.pdf"]
    baba.post(room(company, f"{gone.pk}/remove/"))
    handed = [mail for mail in told(michisuji)[1] if mail[0] == "eguchi@out.example"]
    assert handed == [
        ("eguchi@out.example", "【お知らせ】ファイル「図面.pdf」、「工程.pdf」をお渡ししました")
    ]


@pytest.mark.django_db(transaction=True)
def test_workers_at_the_same_moment_write_one_mail_of_one_act(
    baba: Client, michisuji: House, company: Company
) -> None:
    files = [(f"{name}.pdf", papers.PDF) for name in ("見積", "図面", "工程", "契約")]
    upload(baba, company, *files, shared="True", handed=[str(michisuji.members["江口"].pk)])

    def worker(object_id: str) -> Callable[[], None]:
        def work() -> None:
            mail_handing(michisuji.firm.pk, object_id)
            connection.close()

        return work

    ids = [str(row.object_id) for row in Due.objects.filter(kind=HANDED)]
    assert len(ids) == 4
    at_once(*map(worker, ids))
    with open_scope(michisuji.scope):
        assert Mail.objects.filter(template="handed_over").count() == 1
        assert Trail.objects.filter(act="mail.handing").count() == 4, "each file says so, once"


def test_the_same_file_twice_in_one_upload_is_one(baba: Client, michisuji: House, company: Company) -> None:
    upload(baba, company, ("a.pdf", papers.PDF), ("a.pdf", papers.PDF))
    assert len(kept(michisuji)) == 1


def test_two_people_at_a_files_settings_are_told(
    baba: Client, as_: As, michisuji: House, company: Company
) -> None:
    with open_scope(michisuji.scope):
        row = filed(michisuji, company, "計画書")
        meeting = noted(michisuji, company, "話")
    url = room(company, f"{row.pk}/edit/")
    seen = fields(baba.get(url))["seen"]
    assert json.loads(seen) == {"meeting": "", "shared": "False"}
    as_("青木").post(url, {"meeting": str(meeting.pk), "shared": "False", "seen": seen})
    answer = baba.post(url, {"meeting": "", "shared": "True", "seen": seen})
    assert answer.status_code == 409
    assert kept(michisuji)[0].shared is False


def test_the_list_of_files_costs_the_same_for_many(
    baba: Client, michisuji: House, company: Company, django_assert_num_queries: Any
) -> None:
    with open_scope(michisuji.scope):
        filed(michisuji, company, "一")
    with django_assert_num_queries(12):
        baba.get(room(company))
    with open_scope(michisuji.scope):
        for number in range(24):
            filed(michisuji, company, f"紙{number}")
    with django_assert_num_queries(12):
        assert "25件中 1〜20件" in baba.get(room(company)).content.decode()
