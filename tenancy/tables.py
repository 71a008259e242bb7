"""Tables to take away: CSV for any program, Excel for people."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

from django.http import HttpResponse
from django.utils.http import content_disposition_header
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

Row = Sequence[object]
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# What Excel takes for the beginning of a formula; the Japanese one forgives full width.
_FORMULA = re.compile(r"[=+\-@\t\r＝＋－＠]")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def csv_response(filename: str, heads: Sequence[str], rows: Iterable[Row]) -> HttpResponse:
    """The table as CSV in UTF-8 with BOM, so that Excel reads the Japanese; no cell begins a formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(heads)
    writer.writerows([_harmless(value) for value in row] for row in rows)
    return _download(filename, ("\ufeff" + text.getvalue()).encode(), "text/csv; charset=utf-8")


def xlsx_response(filename: str, heads: Sequence[str], rows: Iterable[Row]) -> HttpResponse:
    """The table as an Excel file: numbers and days as such, texts as texts, never a formula."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("一覧")
    for row in (heads, *rows):
        sheet.append([_cell(sheet, value) for value in row])
    content = io.BytesIO()
    book.save(content)
    return _download(filename, content.getvalue(), _XLSX)


def _harmless(value: object) -> object:
    """A text that would be a formula gets an apostrophe in front; Excel does not show it as part of the formula."""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def _cell(sheet: Any, value: object) -> object:
    if not isinstance(value, str):
        return value
    cell = WriteOnlyCell(sheet, value=_UNPRINTABLE.sub("", value))
    cell.data_type = "s"
    return cell


def _download(filename: str, content: bytes, content_type: str) -> HttpResponse:
    response = HttpResponse(content, content_type=content_type)
    response.headers["Content-Disposition"] = content_disposition_header(True, filename) or "attachment"
    return response
