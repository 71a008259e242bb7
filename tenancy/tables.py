"""What people download as a table: CSV that Excel opens in Japanese, and Excel itself.

Answers are complete, not streamed: a stream would outlive its scope. A cell that somebody else typed is never
calculated on the desk of whoever opens it: in CSV, where a cell has no type, what begins like a formula gets an
apostrophe; in Excel a text is marked as one, and stays as it was typed.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import chain, islice
from typing import Any
from unicodedata import east_asian_width

from django.http import HttpResponse
from django.utils import timezone
from django.utils.http import content_disposition_header
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

# Also in full width, which Excel folds.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_CSV = "text/csv; charset=utf-8"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_NOT_IN_A_TITLE = re.compile(r"[\[\]:*?/\\]")
LONGEST_CELL = 32_767  # Excel's own limit
WIDEST_COLUMN = 60
MEASURED_ROWS = 200

Row = Sequence[Any]


def csv_response(name: str, heads: Sequence[str], rows: Iterable[Row]) -> HttpResponse:
    """A CSV file `name`.csv (with or without the ending): UTF-8 with BOM, CRLF."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(heads)
    writer.writerows([safe(_plain(value)) for value in row] for row in rows)
    return _file(("\ufeff" + text.getvalue()).encode(), f"{name.removesuffix('.csv')}.csv", _CSV)


def xlsx_response(name: str, heads: Sequence[str], rows: Iterable[Row]) -> HttpResponse:
    """An Excel file `name`.xlsx (with or without the ending) with one sheet; numbers and days stay numbers and days."""
    name = name.removesuffix(".xlsx")
    book = Workbook(write_only=True)
    sheet = book.create_sheet(_NOT_IN_A_TITLE.sub(" ", name)[:31])
    sheet.freeze_panes = "A2"
    coming = iter(rows)
    first = list(islice(coming, MEASURED_ROWS))  # a sheet's widths are written before its rows
    for at, head in enumerate(heads):
        told = max((_breadth(row[at]) for row in first), default=0)
        width = min(max(12, _breadth(head) + 4, told + 2), WIDEST_COLUMN)
        sheet.column_dimensions[get_column_letter(at + 1)].width = width
    bold = [WriteOnlyCell(sheet, value=head) for head in heads]
    for cell in bold:
        cell.font = Font(bold=True)
    sheet.append(bold)
    for row in chain(first, coming):
        sheet.append([_cell(sheet, value) for value in row])
    content = io.BytesIO()
    book.save(content)
    return _file(content.getvalue(), f"{name}.xlsx", _XLSX)


def safe(value: Any) -> Any:
    """The value; a text that a spreadsheet would calculate, with an apostrophe in front."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _breadth(value: Any) -> int:
    """How broad a cell is: the longest line's letters, a Japanese one for two. Numbers and days fit anyway."""
    if isinstance(value, datetime):
        return len("2026-11-22 10:00:00")
    lines = value.splitlines() if isinstance(value, str) else []
    return max(
        (len(line) + sum(east_asian_width(each) in "WF" for each in line) for line in lines), default=0
    )


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return timezone.localtime(value).strftime("%Y-%m-%d %H:%M:%S")
    return "" if value is None else value


def _cell(sheet: Any, value: Any) -> Any:
    """As Excel can hold it: no time zone, no control characters, nothing longer than a cell; a text always as text."""
    if isinstance(value, datetime):
        return timezone.localtime(value).replace(tzinfo=None)
    if value is None or isinstance(value, bool | int | float | Decimal | date):
        return value
    cell = WriteOnlyCell(sheet, value=ILLEGAL_CHARACTERS_RE.sub("", str(value))[:LONGEST_CELL])
    cell.data_type = "s"
    return cell


def _file(content: bytes, name: str, kind: str) -> HttpResponse:
    response = HttpResponse(content, content_type=kind)
    response.headers["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "private, no-store"
    return response
