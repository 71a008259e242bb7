"""What people download: opened in Japanese, never calculated."""

import csv
import io
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.http import HttpResponse
from openpyxl import load_workbook

from tenancy.tables import csv_response, xlsx_response

HEADS = ("会社名", "従業員数", "日時")
AT = datetime(2026, 11, 22, 5, 30, tzinfo=UTC)


def sheet_of(answer: HttpResponse) -> Any:
    return load_workbook(io.BytesIO(answer.content)).active


def test_a_csv_file_has_a_mark_for_excel_and_japanese_time() -> None:
    answer = csv_response("一覧", HEADS, [('株式会社ア, "本店"', 12, AT), ("改行\nあり", None, None)])
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert not answer.streaming
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows == [
        list(HEADS),
        ['株式会社ア, "本店"', "12", "2026-11-22 14:30:00"],
        ["改行\nあり", "", ""],
    ]
    assert "%E4%B8%80%E8%A6%A7.csv" in answer.headers["Content-Disposition"]


def test_an_excel_file_keeps_numbers_and_days() -> None:
    answer = xlsx_response("一覧", HEADS, [("株式会社ア\x00", 12, AT), ("イ", -3, date(2026, 11, 22))])
    rows = [[cell.value for cell in row] for row in sheet_of(answer).rows]
    assert rows[0] == list(HEADS)
    assert rows[1] == ["株式会社ア", 12, datetime(2026, 11, 22, 14, 30)]
    assert rows[2] == ["イ", -3, datetime(2026, 11, 22)]


@pytest.mark.parametrize("typed", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1+1"])
def test_what_begins_like_a_formula_is_only_a_text(typed: str) -> None:
    shown = list(csv.reader(io.StringIO(csv_response("x", ["a"], [[typed]]).content.decode("utf-8-sig"))))
    assert shown[1] == [f"'{typed}"]
    sheet = sheet_of(xlsx_response("x", ["a"], [[typed]]))
    assert sheet["A2"].data_type == "s"
    assert sheet["A2"].value == typed


def test_a_column_is_as_broad_as_what_stands_in_it() -> None:
    """Excel shows a text only up to the next cell, and a moment that does not fit as ########."""
    rows = [("株式会社ときわ蔵(里山みそ本舗)", AT, 1), ("あ" * 99, AT, 2)]
    sheet = sheet_of(xlsx_response("x", ["会社名", "日時", "数"], rows[:1]))
    assert [sheet.column_dimensions[each].width for each in "ABC"] == [32, 21, 12]
    assert sheet_of(xlsx_response("x", ["会社名", "日時", "数"], rows)).column_dimensions["A"].width == 60
