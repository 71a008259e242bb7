"""Writing a firm's archive: one snapshot of its rows, then its files; never more than some hundred rows in memory."""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import IO, Any

from django.core.files.storage import default_storage
from django.db import connection, transaction

from reports.archive.layout import (
    FORMAT,
    MANIFEST,
    PEOPLE,
    PEOPLE_COLUMNS,
    README,
    README_TEXT,
    VERSION,
    columns,
    data_name,
    exported,
    file_name,
    plain,
)
from tenancy import clock
from tenancy.logs import without_keys
from tenancy.models import Firm, Membership
from tenancy.scope import Scope, open_scope

ROWS_AT_ONCE = 500
_PIECE = 64 * 1024
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would compute
_FIRM = ("slug", "name", "consultants_see", "requires_second_factor")


class Writer:
    """An archive being written; it knows the sum of each file in it."""

    def __init__(self, file: IO[bytes]) -> None:
        self.zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED)
        self.files: dict[str, dict[str, Any]] = {}
        self.counts: dict[str, int] = {}

    @contextmanager
    def entry(self, name: str) -> Iterator["Entry"]:
        """One file of the archive; only one is open at a time."""
        with self.zip.open(name, "w", force_zip64=True) as target:
            entry = Entry(target)
            yield entry
        self.files[name] = {"sha256": entry.sha.hexdigest(), "bytes": entry.size}

    def finish(self, firm: dict[str, Any]) -> None:
        """The manifest says what all the rest is; it comes last."""
        told = {
            "format": FORMAT,
            "version": VERSION,
            "made_at": clock.now().isoformat(),
            "firm": firm,
            "counts": self.counts,
            "files": self.files,
        }
        self.zip.writestr(README, README_TEXT)
        self.zip.writestr(MANIFEST, json.dumps(told, ensure_ascii=False, indent=1))
        self.zip.close()


class Entry:
    """A file of the archive: what is written goes in and is counted."""

    def __init__(self, target: IO[bytes]) -> None:
        self.target, self.sha, self.size = target, hashlib.sha256(), 0

    def write(self, piece: bytes) -> int:
        self.sha.update(piece)
        self.size += len(piece)
        return self.target.write(piece)


def write_archive(firm_id: int, file: IO[bytes]) -> None:
    """Write all of the firm's data into `file`. Opens the firm's scope itself: call it outside of any."""
    writer = Writer(file)
    with _snapshot(), open_scope(Scope.of_firm(firm_id)):
        firm = Firm.objects.filter(pk=firm_id).values(*_FIRM).get()
        _write_rows(writer, PEOPLE, PEOPLE_COLUMNS, _people())
        keys = [key for model in exported() for key in _write_model(writer, model)]
    for name, key in keys:
        _write_file(writer, name, key)
    writer.finish(firm)


@contextmanager
def _snapshot() -> Iterator[None]:
    """All rows as of one moment. Within another transaction, whose level cannot change any more, as of several."""
    first = not connection.in_atomic_block
    with transaction.atomic():
        if first:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


def _people() -> Iterator[dict[str, Any]]:
    """Those who belong to the firm. Whoever looked in from outside (an operator) stays a number in the trail."""
    members = Membership.objects.filter(Membership.on_export.where).select_related("user")
    seen: set[int] = set()
    for member in _page_by_page(members):
        if member.user_id not in seen:
            seen.add(member.user_id)
            yield {"id": member.user_id, "email": member.user.email, "name": member.user.name}


def _write_model(writer: Writer, model: Any) -> list[tuple[str, str]]:
    """The model's rows; the files that belong to them, as (name in the archive, key in the storage)."""
    names, files, keys = columns(model), model.on_export.files, list[tuple[str, str]]()

    def rows() -> Iterator[dict[str, Any]]:
        for row in _page_by_page(model.objects.filter(model.on_export.where)):
            values = {name: plain(getattr(row, name)) for name in names}
            # A calendar file folds its lines, through the middle of a link.
            values |= {name: without_keys(values[name].replace("\r\n ", "")) for name in model.on_export.cut}
            if files and values[files]:
                name = file_name(model, row.pk)
                keys.append((name, values[files]))
                values[files] = name
            yield values

    _write_rows(writer, model._meta.label_lower, names, rows())
    return keys


def _page_by_page(rows: Any) -> Iterator[Any]:
    """The rows in the order of their keys, a few hundred at a time: a cursor on the server would need a pool of its
    own, and without one the driver takes all rows at once."""
    last = None
    while True:
        page = list((rows.filter(pk__gt=last) if last is not None else rows).order_by("pk")[:ROWS_AT_ONCE])
        yield from page
        if len(page) < ROWS_AT_ONCE:
            return
        last = page[-1].pk


def _write_rows(writer: Writer, name: str, names: list[str], rows: Iterator[dict[str, Any]]) -> None:
    with TemporaryFile() as aside:
        text = io.TextIOWrapper(aside, encoding="utf-8-sig", newline="", write_through=True)
        table, count = csv.writer(text), 0
        table.writerow(names)
        with writer.entry(data_name(name, "jsonl")) as lines:
            for row in rows:
                lines.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
                table.writerow([_cell(row[each]) for each in names])
                count += 1
        aside.seek(0)
        with writer.entry(data_name(name, "csv")) as copy:
            copyfileobj(aside, copy, _PIECE)
        text.detach()
    writer.counts[name] = count


def _cell(value: Any) -> Any:
    """As a spreadsheet shows it, and does not compute it."""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
    return f"'{text}" if isinstance(text, str) and text.startswith(_FORMULA) else text


def _write_file(writer: Writer, name: str, key: str) -> None:
    """A file that is gone from the storage is left out."""
    try:
        with default_storage.open(key) as source, writer.entry(name) as copy:
            copyfileobj(source, copy, _PIECE)
    except FileNotFoundError:
        return
