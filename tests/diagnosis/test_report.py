"""The PDF of a diagnosis: made once, well tagged, small; and the mails that go with it."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from django.test import Client
from django.utils import timezone
from pypdf import PdfReader
from pypdf.generic import DictionaryObject

from diagnosis.actions import send_result, write_comment
from diagnosis.actions.report import TEMPLATE_VERSION
from diagnosis.documents import build, filename, printable, title_lines
from diagnosis.models import Comment, Diagnosis
from notices.models import Mail, Notice
from reports.models import Job
from reports.tasks import render
from tenancy import clock
from tenancy.links import make_token, signed_at
from tenancy.models import Due
from tenancy.scope import open_scope
from tenancy.templatetags.michisuji import jdate
from tests.conftest import House
from tests.diagnosis.journey import CASES, Visitor, result_token, text

LONG_COMMENT = "お答えを拝見しました。\r\n\r\n" + "役割の整理から始めましょう。" * 250


@pytest.fixture
def visitor(michisuji: House, tmp_path: Path, settings: Any) -> Visitor:
    settings.MEDIA_ROOT = tmp_path
    return Visitor(michisuji)


def work(house: House) -> None:
    """What a worker does with every job that is due."""
    Due.objects.filter(kind="report").update(due_at=clock.now())
    for due in Due.objects.filter(kind="report"):
        render(house.firm.pk, str(due.object_id))


def submitted(visitor: Visitor, case: int = 0, **who: Any) -> str:
    visitor.start().answer_all(CASES[case]["answers"], CASES[case]["facts"])
    return visitor.submit(**who)


def commented(visitor: Visitor, words: str) -> None:
    with open_scope(visitor.house.scope):
        author = visitor.house.members["馬場"]
        Comment.objects.create(diagnosis_id=visitor.id, version=1, text=words, author=author)
        Diagnosis.objects.filter(pk=visitor.id).update(comment_version=1)


def download(visitor: Visitor, url: str) -> bytes:
    answer = visitor.get(visitor.url("report", result_token(url)))
    assert answer.status_code == 200, text(answer)
    assert answer["Content-Type"] == "application/pdf"
    return bytes(answer.content)


# ── What is in it ──


class Tags:
    """The structure tree of a PDF, walked."""

    def __init__(self, pdf: bytes) -> None:
        self.reader = PdfReader(BytesIO(pdf))
        trailer: Any = self.reader.trailer
        self.root = trailer["/Root"]
        self.all = list(self._walk(self.root["/StructTreeRoot"]))

    def _walk(self, node: Any) -> Iterator[Any]:
        node = node.get_object()
        if isinstance(node, list):
            for each in node:
                yield from self._walk(each)
        elif isinstance(node, DictionaryObject):
            if "/S" in node:
                yield node
            if "/K" in node:
                yield from self._walk(node["/K"])

    def of(self, *kinds: str) -> list[Any]:
        return [tag for tag in self.all if tag["/S"] in kinds]

    @property
    def text(self) -> str:
        return "".join(page.extract_text() for page in self.reader.pages).replace("\n", "")


MADE: dict[int, Tags] = {}


@pytest.fixture(params=[2, 6], ids=["nine_signs", "under_the_cap"])
def tags(request: pytest.FixtureRequest, visitor: Visitor) -> Tags:
    """The report of a published case with a long comment; made once for all tests."""
    if request.param not in MADE:
        MADE[request.param] = Tags(_report_of(visitor, request.param))
    return MADE[request.param]


def _report_of(visitor: Visitor, case: int) -> bytes:
    url = submitted(visitor, case)
    commented(visitor, LONG_COMMENT)
    assert visitor.get(url).status_code == 200
    work(visitor.house)
    pdf = download(visitor, url)
    assert len(pdf) <= 500_000
    return pdf


def test_the_report_can_be_read_by_everybody(tags: Tags) -> None:
    assert tags.root["/Lang"] == "ja"
    assert tags.root["/MarkInfo"]["/Marked"]
    assert tags.reader.metadata is not None
    assert tags.reader.metadata.title == "戦略とプロセスの簡易診断 報告書 株式会社利根あおば精工"
    levels = [int(str(tag["/S"])[2:]) for tag in tags.of("/H1", "/H2", "/H3", "/H4", "/H5", "/H6")]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    figures = tags.of("/Figure")
    assert len(figures) >= 4
    assert all(str(figure.get("/Alt", "")).strip() for figure in figures)


def test_every_table_of_the_report_has_heads(tags: Tags) -> None:
    tables = tags.of("/Table")
    assert len(tables) >= 10
    for table in tables:
        kinds = {str(tag["/S"]) for tag in tags._walk(table)}
        assert "/TH" in kinds


def test_its_fonts_come_along_and_its_pages_are_a4(tags: Tags) -> None:
    fonts = {}
    for page in tags.reader.pages:
        assert [round(float(side)) for side in page.mediabox[2:]] == [595, 842]
        resources: Any = page["/Resources"]
        for font in resources.get("/Font", {}).values():
            descendant = font["/DescendantFonts"][0].get_object()
            fonts[str(font["/BaseFont"])] = "/FontFile2" in descendant["/FontDescriptor"]
    assert all(fonts.values())
    assert any("BIZ-UDPGothic" in name for name in fonts)
    assert any("BIZ-UDPMincho" in name for name in fonts)


def test_it_says_all_of_it(tags: Tags) -> None:
    words = tags.text
    for said in (
        "株式会社利根あおば精工", "みちすじ経営パートナーズ株式会社", "結果の要約", "専門家の判断", "の一歩",
        "役割の整理から始めましょう。",
        "すべてのご回答", "主に、どのようなお客様に商品・サービスを届けるかを決めていますか。",
    ):  # fmt: skip
        assert said in words, said
    count = len(tags.reader.pages)
    for number, page in enumerate(tags.reader.pages[1:], start=2):
        assert f"{number} / {count}" in page.extract_text()
    outline = [item.title for item in tags.reader.outline if not isinstance(item, list)]
    assert outline[:3] == ["1 結果の要約", "2 総合評価と四つの段階", "3 軸ごとの所見"]
    assert outline[-2:] == ["6 担当者から", "付録 すべてのご回答"]


def test_every_answer_stands_in_the_appendix_in_its_own_words(visitor: Visitor) -> None:
    submitted(visitor, 2)
    with open_scope(visitor.house.scope):
        html = build(visitor.id)
    assert html.count('<th scope="row" class="no">') == 37
    assert "担当者から" not in html
    assert "印刷できない文字を" not in html


def test_odd_names_are_printed_and_named_safely(visitor: Visitor) -> None:
    url = submitted(visitor, company_name="㈱ﾄｷﾜ蔵🍶 / <b>本店</b>", contact_name="髙﨑 𠮷郎")
    work(visitor.house)
    pdf = download(visitor, url)
    assert len(pdf) <= 500_000
    words = Tags(pdf).text
    assert "㈱ﾄｷﾜ蔵 / <b>本店</b>" in words
    assert "髙﨑 吉郎" in words
    assert "印刷できない文字を" in words
    with open_scope(visitor.house.scope):
        assert filename(visitor.id).startswith("簡易診断_㈱ﾄｷﾜ蔵_b_本店_b_")
        assert visitor.row().company_name == "㈱ﾄｷﾜ蔵🍶 / <b>本店</b>"


def test_emoji_are_left_out_and_letters_that_cannot_be_printed_leave_a_mark() -> None:
    assert printable("よくできています👍🏽。") == "よくできています。"
    assert printable("𠮷田 𪚥子 ✨") == "吉田 〓子"


def test_the_title_breaks_once_on_the_cover() -> None:
    assert title_lines("戦略とプロセスの簡易診断 報告書") == ["戦略とプロセスの", "簡易診断 報告書"]
    assert title_lines("報告書") == ["報告書"]


# ── When it is made, and who hears of it ──


def test_a_new_comment_makes_a_new_report_and_nothing_else_does(visitor: Visitor) -> None:
    url = submitted(visitor)
    work(visitor.house)
    first = download(visitor, url)
    assert visitor.get(url).status_code == 200
    assert download(visitor, url) == first
    commented(visitor, "よく整理されています。")
    assert 'role="progressbar"' in text(visitor.get(url))
    work(visitor.house)
    assert "よく整理されています。" in Tags(download(visitor, url)).text
    with open_scope(visitor.house.scope):
        assert sorted(Job.objects.values_list("version", flat=True)) == [
            f"c0-t{TEMPLATE_VERSION}",
            f"c1-t{TEMPLATE_VERSION}",
        ]
        assert Mail.objects.filter(template="diagnosis_ready").count() == 1


def test_the_mail_with_the_link_goes_out_when_the_report_is_done(visitor: Visitor) -> None:
    submitted(visitor)
    with open_scope(visitor.house.scope):
        assert not Mail.objects.filter(template="diagnosis_ready").exists()
    work(visitor.house)
    work(visitor.house)
    with open_scope(visitor.house.scope):
        mail = Mail.objects.get(template="diagnosis_ready")
    assert mail.to == "arai@tone.example"
    assert mail.reply_to == "soudan@michisuji.example"
    address = mail.body.split("http://localhost:8000" if ":8000" in mail.body else "http://localhost")[1]
    path = "/" + address.split("/", 1)[1].split()[0]
    assert Client(SERVER_NAME="localhost").get(path).status_code == 200


def test_without_an_address_no_mail_goes_out(visitor: Visitor) -> None:
    submitted(visitor, email="")
    work(visitor.house)
    with open_scope(visitor.house.scope):
        assert not Mail.objects.filter(template="diagnosis_ready").exists()


def test_a_finished_report_is_mailed_again_when_asked_to_another_address(visitor: Visitor) -> None:
    url = submitted(visitor)
    work(visitor.house)
    answer = visitor.post(
        visitor.url("result_mail", result_token(url)), {"email": "right@tone.example"}, follow=True
    )
    assert "right@tone.example へお送りしました" in text(answer)
    with open_scope(visitor.house.scope):
        to = list(
            Mail.objects.filter(template="diagnosis_ready")
            .order_by("created_at")
            .values_list("to", flat=True)
        )
    assert to == ["arai@tone.example", "right@tone.example"]


def test_after_the_first_report_a_mail_that_is_asked_for_goes_out_whatever_is_being_made(
    visitor: Visitor,
) -> None:
    url = submitted(visitor, email="")
    work(visitor.house)
    commented(visitor, "よく整理されています。")
    address = visitor.url("result_mail", result_token(url))
    answer = visitor.post(address, {"email": "right@tone.example"}, follow=True)
    assert "right@tone.example へお送りしました" in text(answer)
    work(visitor.house)
    with open_scope(visitor.house.scope):
        assert Job.objects.filter(state="done").count() == 2
        assert Mail.objects.get(template="diagnosis_ready").to == "right@tone.example"


def test_a_link_that_is_asked_for_lives_no_longer_than_the_one_it_is_asked_with(visitor: Visitor) -> None:
    submitted(visitor)
    work(visitor.house)
    day = timezone.now() - timedelta(days=170)
    old = make_token("diagnosis.result", visitor.id, 1, since=day)
    visitor.post(visitor.url("result_mail", old), {"email": "right@tone.example"})
    with open_scope(visitor.house.scope):
        body = Mail.objects.get(to="right@tone.example").body
    assert signed_at(result_token(body)) == day.replace(microsecond=0)
    assert jdate(day + timedelta(days=180)) in body


@pytest.mark.parametrize(
    ("today", "promised"),
    [
        ("2026-11-25", "2026-11-27"),
        ("2026-11-26", "2026-11-30"),
        ("2026-11-27", "2026-12-01"),
        ("2026-11-28", "2026-12-01"),
    ],
)
def test_what_is_promised_falls_on_a_weekday(today: str, promised: str) -> None:
    with clock.stopped_at(datetime.fromisoformat(f"{today}T15:00:00+09:00")):
        assert clock.weekdays_later(2) == date.fromisoformat(promised)


def test_when_the_report_cannot_be_made_the_respondent_hears_of_it_once(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = submitted(visitor)

    def broken(html: str) -> bytes:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr("reports.making.render_pdf", broken)
        for _ in range(6):
            work(visitor.house)
    with open_scope(visitor.house.scope):
        assert Job.objects.get().state == "failed"
        mail = Mail.objects.get(template="diagnosis_failed")
        told = Notice.objects.get(title="レポートを作成できませんでした")
    assert "ご回答は保存されております" in mail.body
    promised = jdate(clock.weekdays_later(2))
    assert promised in mail.body
    assert promised in told.mail_body
    assert told.url.endswith(f"/diagnoses/{visitor.id}/")
    assert "もう一度つくる" in text(visitor.get(url))
    visitor.post(visitor.url("report", result_token(url)))
    work(visitor.house)
    assert download(visitor, url)[:5] == b"%PDF-"


def test_when_the_report_is_done_the_page_also_says_that_the_link_was_mailed(visitor: Visitor) -> None:
    token = result_token(submitted(visitor))
    assert "hx-swap-oob" not in text(visitor.get(visitor.url("report_status", token)))
    work(visitor.house)
    fragment = text(visitor.get(visitor.url("report_status", token)))
    assert 'hx-swap-oob="innerHTML:#mail-said">リンクを、次のアドレスへお送りしました。' in fragment


def test_what_the_firm_has_sent_already_is_not_sent_again_with_the_report(visitor: Visitor) -> None:
    submitted(visitor, email="")
    with open_scope(visitor.house.scope):
        actor = visitor.house.members["馬場"]
        send_result(diagnosis=visitor.row(), email="arai@tone.example", actor=actor)
    work(visitor.house)
    with open_scope(visitor.house.scope):
        assert Mail.objects.filter(to="arai@tone.example").count() == 1


def test_a_later_report_that_cannot_be_made_worries_nobody(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted(visitor)
    work(visitor.house)
    with open_scope(visitor.house.scope):
        author = visitor.house.members["馬場"]
        write_comment(diagnosis=visitor.row(), text="拝見しました。", based_on=0, actor=author)

    def broken(html: str) -> bytes:
        raise MemoryError

    monkeypatch.setattr("reports.making.render_pdf", broken)
    for _ in range(6):
        work(visitor.house)
    with open_scope(visitor.house.scope):
        assert sorted(Job.objects.values_list("state", flat=True)) == ["done", "failed"]
        assert not Mail.objects.filter(template="diagnosis_failed").exists()


def test_the_file_has_a_japanese_name_and_stays_in_no_cache(visitor: Visitor) -> None:
    url = submitted(visitor)
    work(visitor.house)
    answer = visitor.get(visitor.url("report", result_token(url)))
    assert "簡易診断_株式会社利根あおば精工_" in unquote(answer["Content-Disposition"])
    assert answer["Cache-Control"] == "private, no-store"


def test_visitors_reports_have_a_queue_of_their_own(visitor: Visitor) -> None:
    submitted(visitor)
    assert Due.objects.get(kind="report").queue == "public_reports"
