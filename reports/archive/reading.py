"""Reading an archive into an empty firm: first looked at whole, then brought in, all or nothing.

Whoever wrote the archive is a stranger: nothing of it is a path, a key, an address or an id here.

- Every row gets a new id. A UUID becomes another one in a way that is fixed for this import, so that texts in which ids
  stand can be translated before the row itself is known; a number is known when its row has been inserted.
- Nobody becomes a member by it: `reports.archive.people`.
- A file gets a key of this firm's; where the archive's rows name a file, they name one inside the archive.
"""

import hashlib
import json
import re
import struct
import zipfile
import zlib
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import IO, Any, BinaryIO, cast
from uuid import UUID, uuid5

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import DataError, IntegrityError, models

from reports.archive.layout import (
    FORMAT,
    MANIFEST,
    PEOPLE,
    PEOPLE_COLUMNS,
    README,
    VERSION,
    columns,
    data_name,
    exported,
)
from reports.archive.people import People
from reports.archive.seals import Seals
from reports.registry import NotMade
from tenancy import due, trail, uploads
from tenancy.editing import apply
from tenancy.fields import NameField, clean_text
from tenancy.keeping import foreign_keys, later_keys, tenant_models
from tenancy.models import Attachment, Company, Firm, Invitation, Membership, PersonKey, Trail
from tenancy.personal import is_sealed
from tenancy.trail_reading import BROUGHT_IN, require_readable

MOST_UNPACKED = 2 * 1024 * 1024 * 1024  # of what a browser has sent
MOST_ENTRIES = 100_000
LONGEST_ENTRY = 200  # bytes in the directory: 46, and a name of ours
MOST_TIMES = 200  # how much larger than the archive its content may be
NO_TYPE = "application/octet-stream"
LONGEST_LINE = 8 * 1024 * 1024
_NAME = re.compile(r"(data/[a-z_]+(\.[a-z_]+)?\.(csv|jsonl)|files/[a-z_]+\.[a-z_]+/[0-9a-f-]{1,36})")
_PIECE = 64 * 1024

# What stands in it is not what the columns or the rules of a table take.
_CONTRADICTIONS = (
    *(DataError, IntegrityError, ValidationError),
    *(TypeError, ValueError, OverflowError, LookupError, AttributeError, RecursionError),
)
_YEARS = range(1900, 2200)  # in which pages can show a moment, and reckon from it
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_ID = re.compile(rf"\d+|{_UUID.pattern}")
_OF_COMPANY = re.compile(r"(?<=/companies/)\d+(?=/)")
_WHOSE = re.compile(r"([a-z]+)\.([a-z]+):(\d+)")  # tenancy.personal
# What details of the trail call a thing otherwise than by its model's name.
_ALSO_CALLED = {"by": "membership", "actor": "membership", "kept": "company", "gone": "company"}


class BadArchive(NotMade):
    """The archive cannot be brought in; the text says why."""


class NotEmpty(NotMade):
    """The firm has something already."""


# ── Looking at it ──


@dataclass
class Archive:
    """An archive that has been looked at: every file is there, whole, and nothing else."""

    zip: zipfile.ZipFile
    manifest: dict[str, Any]

    def rows(self, name: str, names: list[str]) -> Iterator[dict[str, Any]]:
        """The rows of a model, or of the people. Raises BadArchive for other columns than it has."""
        with self.zip.open(data_name(name, "jsonl")) as lines:
            while line := lines.readline(LONGEST_LINE):
                row = _json(line)
                if not isinstance(row, dict) or set(row) != set(names):
                    raise BadArchive("この版では読めない項目が含まれています。書き出した版をご確認ください。")
                yield row

    def has(self, name: object) -> bool:
        return name in self.manifest["files"]


def open_archive(file: IO[bytes], *, most: int | None = MOST_UNPACKED) -> Archive:
    """Look at everything in it before anything is written. `most`: bytes of its content; None for an operator, whose
    disk it is. Raises BadArchive."""
    try:
        _check_directory(file)
        archive = zipfile.ZipFile(file)
    except (struct.error, zipfile.BadZipFile, ValueError, OSError) as problem:
        raise BadArchive("道筋から書き出したZIPファイルではありません。") from problem
    _check_size(file, archive, most)
    try:
        manifest = _manifest(archive)
        for name, told in manifest["files"].items():
            if _sum(archive, name) != told["sha256"]:
                raise BadArchive("ファイルの内容が壊れています。もう一度、書き出したものをお使いください。")
    except (
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        KeyError,
        TypeError,
        AttributeError,
        RuntimeError,
        OSError,
        zlib.error,
        EOFError,
    ) as problem:
        raise BadArchive("ファイルが壊れているため、読み取れませんでした。") from problem
    return Archive(archive, manifest)


def _check_directory(file: IO[bytes]) -> None:
    """Before the zip module reads it: it makes an object of each entry, a million of which fit into a small archive.
    Of an archive with more (ZIP64) the length stands in a record of its own, in front of the usual one."""
    size = file.seek(0, 2)
    file.seek(max(0, size - 65_557 - 76))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    (length,) = struct.unpack_from("<I", tail, at + 12) if at >= 0 else (0,)
    if at >= 76 and tail[at - 76 : at - 72] == b"PK\x06\x06":
        (length,) = struct.unpack_from("<Q", tail, at - 76 + 40)
    if length > MOST_ENTRIES * LONGEST_ENTRY:
        raise BadArchive("中身が大きすぎるため、取り込めません。")
    file.seek(0)


def _check_size(file: IO[bytes], archive: zipfile.ZipFile, most: int | None) -> None:
    """By what it says of itself; the zip module reads no more of an entry than that."""
    file.seek(0, 2)
    packed, entries = file.tell(), archive.infolist()
    unpacked = sum(entry.file_size for entry in entries)
    if len(entries) > MOST_ENTRIES or unpacked > packed * MOST_TIMES or (most and unpacked > most):
        raise BadArchive("中身が大きすぎるため、取り込めません。")


def _manifest(archive: zipfile.ZipFile) -> dict[str, Any]:
    if archive.getinfo(MANIFEST).file_size > LONGEST_LINE * 4:
        raise BadArchive("中身が大きすぎるため、取り込めません。")
    told = _json(archive.read(MANIFEST))
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise BadArchive("道筋から書き出したZIPファイルではありません。")
    if told.get("version") != VERSION:
        raise BadArchive("この版では読めない形式です。書き出した版をご確認ください。")
    names = archive.namelist()
    known = {*told["files"], MANIFEST, README}
    if not isinstance(told.get("counts"), dict):
        raise BadArchive("ファイルが壊れているため、読み取れませんでした。")
    needed = {data_name(name, "jsonl") for name in (PEOPLE, *(each._meta.label_lower for each in exported()))}
    if len(names) != len(set(names)) or set(names) != known or not needed <= known:
        raise BadArchive("ファイルの過不足があります。書き出したままのものをお使いください。")
    if not all(_NAME.fullmatch(name) for name in told["files"]):
        raise BadArchive("使えない名前のファイルが含まれています。")
    return told


def _sum(archive: zipfile.ZipFile, name: str) -> str:
    sha = hashlib.sha256()
    with archive.open(name) as content:
        while piece := content.read(_PIECE):
            sha.update(piece)
    return sha.hexdigest()


def _json(text: bytes) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as problem:
        raise BadArchive("ファイルが壊れているため、読み取れませんでした。") from problem


def _no_number(text: str) -> None:
    """NaN and Infinity are Python's, not JSON's."""
    raise ValueError(text)


# ── Bringing it in ──


def is_empty() -> bool:
    """Whether nothing has been brought into the firm yet: no company, and nothing of the business apps."""
    own = ("tenancy", "notices", "reports")
    business = [model for model in tenant_models() if model._meta.app_label not in own]
    return not any(model.objects.exists() for model in (Company, *business))


def require_empty() -> None:
    """Raises NotEmpty."""
    if not is_empty():
        raise NotEmpty("企業や簡易診断が登録されている会社には、取り込めません。")


def bring_in(archive: Archive, firm: Firm, run: UUID) -> dict[str, int]:
    """Bring everything into the firm, in its scope and the caller's transaction; how many rows of what. `run` is this
    import's own id. Raises BadArchive, NotEmpty; then no file is left behind, and the caller rolls back."""
    # Two imports at once: the second finds the firm full.
    firm = Firm.objects.select_for_update().get(pk=firm.pk)
    require_empty()
    reader = Reader(archive, firm, run)
    try:
        reader.read()
    except BaseException as problem:
        for key in reader.files:
            default_storage.delete(key)
        if isinstance(problem, _CONTRADICTIONS):
            raise BadArchive("内容に矛盾があるため、取り込めませんでした。") from problem
        raise
    # Pairs: by its name a number would be taken for an id, where this is imported.
    counts = sorted(reader.counts.items())
    total = sum(reader.counts.values())
    trail.record("import.firm", firm, before=reader.before, run=str(run), count=total, counts=counts)
    return reader.counts


@dataclass
class Reader:
    """One import under way: which old id has become which new one."""

    archive: Archive
    firm: Firm
    run: UUID
    people: People = field(default_factory=People)
    seals: Seals = field(default_factory=Seals)
    before: dict[str, Any] = field(default_factory=dict)
    ids: dict[Any, dict[Any, Any]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    left_out: set[str] = field(default_factory=set)
    later: list[tuple[Any, Any, dict[str, Any]]] = field(default_factory=list)
    old_slug: str = ""

    def __post_init__(self) -> None:
        self.by_name = {model._meta.model_name: model for model in tenant_models()}

    def read(self) -> None:
        """Everything, in the order in which it hangs together."""
        self.old_slug = str(self.archive.manifest["firm"]["slug"])
        self._take_settings()
        for row in self.archive.rows(PEOPLE, PEOPLE_COLUMNS):
            self.people.meet(int(row["id"]), str(row["email"]).lower(), str(row["name"]))
        for model in exported():
            if model is PersonKey:
                self._take_keys()
            else:
                self._read_model(model)
        self._set_later()
        for label, count in self.people.keep_places().items():
            self.counts[label] = self.counts.get(label, 0) + count

    def _take_settings(self) -> None:
        told = self.archive.manifest["firm"]
        values: dict[str, object] = {name: str(told[name]) for name in ("name", "consultants_see")}
        values["requires_second_factor"] = bool(told["requires_second_factor"])
        self.before = apply(self.firm, values, None)
        self.firm.clean_fields(exclude=["slug", "state"])
        self.firm.save(update_fields=list(values))

    def _take_keys(self) -> None:
        for raw in self.archive.rows(PersonKey._meta.label_lower, columns(PersonKey)):
            company_id = self.ids[Company].get(raw["company_id"])
            self.seals.keys[str(raw["person"])] = b64decode(raw["key"], validate=True), company_id

    def _make_way(self, model: Any) -> None:
        """Delete what the empty firm had of this kind; the trail keeps what stood there."""
        for row in model.objects.order_by("pk"):
            trail.record_gone("give_way.import", row)
        model.objects.all().delete()

    def _read_model(self, model: Any) -> None:
        ids = self.ids.setdefault(model, {})
        new: list[Any] = []
        if model.on_export.replaces:
            self._make_way(model)
        for raw in self.archive.rows(model._meta.label_lower, columns(model)):
            row = self._row(model, raw)
            if row is None:
                continue
            twin = self._twin(model, row)
            if twin is None:
                if isinstance(row, Membership):
                    self.people.end(row)
                row.save_base(raw=True, force_insert=True)  # as it was: no new time of change
                _put_due(row)
                new.append(row.pk)
                self.later += [(model, row.pk, raw)] if later_keys(model) else []
            ids[model._meta.pk.to_python(raw[model._meta.pk.attname])] = twin or row.pk
        self._check_where(model, new)
        self.counts[model._meta.label_lower] = len(new)

    def _row(self, model: Any, raw: dict[str, Any]) -> Any:
        """The row as it will stand here; None where it hangs on something that is not in the archive."""
        row = model(firm_id=self.firm.pk)
        raw = self._admitted(raw) if model is Attachment else raw
        keys = {key.attname: key for key in foreign_keys(model)}
        for column in model._meta.concrete_fields:
            name = column.attname
            if column.name == "firm" or column.name in later_keys(model):
                continue
            if column.primary_key:
                row.pk = self._uuid(str(UUID(raw[name]))) if isinstance(column, models.UUIDField) else None
                continue
            value = self._key(keys[name], raw[name]) if name in keys else self._value(model, column, raw)
            needed = not column.null or column.name in model.on_export.needs
            if value is None and raw[name] is not None and needed:
                return None
            setattr(row, name, value)
        row.clean()
        if isinstance(row, Invitation) and NameField.is_link(row.name):
            raise ValidationError("name")
        if isinstance(row, Trail):
            require_readable(row)
            row.details |= {BROUGHT_IN: True}  # whoever wrote it, it was not written here
        return row

    def _admitted(self, raw: dict[str, Any]) -> dict[str, Any]:
        """The row of a file with what the file really is. One that nobody could upload stays out, as one that the
        archive lacks: its row stands, without content."""
        key, name = str(raw["key"]), uploads.clean_name(str(raw["name"]))
        if not self.archive.has(key):
            return raw | {"name": name, "content_type": NO_TYPE}
        with self.archive.zip.open(key) as content:
            try:
                what = uploads.recognize(
                    name, cast("BinaryIO", content), self.archive.zip.getinfo(key).file_size
                )
            except uploads.NotTaken:
                self.left_out.add(key)
                return raw | {"name": name, "content_type": NO_TYPE}
        told = {"content_type": what.content_type, "bytes": what.size, "sha256": what.sha256}
        return raw | {"name": what.name} | told

    def _key(self, key: Any, old: Any) -> Any:
        return (
            self.ids.get(key.related_model, {}).get(key.target_field.to_python(old))
            if old is not None
            else None
        )

    def _value(self, model: Any, column: Any, raw: dict[str, Any]) -> Any:
        name, old = column.attname, raw[column.attname]
        if name == "user_id":
            return self.people.ids.get(old)
        if name == "company_id":  # a number without a key: the trail's
            return self.ids[Company].get(old)
        if name == model.on_export.files and old:
            return self._file(model, str(old))
        if name in model.on_export.ids:
            old = self._translated(model, name, old, raw)
        value = column.to_python(old)
        if isinstance(column, models.CharField | models.TextField) and value:
            value = self._as_typed(column, value)
        if column.choices and value not in dict(column.flatchoices):
            raise ValidationError(name)
        column.run_validators(value)
        if isinstance(value, date) and value.year not in _YEARS:
            raise ValidationError(name)
        return value

    def _as_typed(self, column: Any, text: str) -> str:
        """As a form would have taken it: no longer than the column says, nothing in it that nobody sees."""
        if column.max_length and len(text) > column.max_length:
            raise ValidationError(column.attname)
        return clean_text(text)

    def _twin(self, model: Any, row: Any) -> Any:
        if not model.on_export.twins:
            return None
        where = model.on_export.twins_where
        if any(getattr(row, name) != value for name, value in where.items()):
            return None
        same = {name: getattr(row, name) for name in model.on_export.twins}
        return (
            model.objects.filter(model.on_export.where, **same, **where).values_list("pk", flat=True).first()
        )

    def _set_later(self) -> None:
        """The keys that point in a circle, now that what they point to stands too."""
        for model, pk, raw in self.later:
            keys = [model._meta.get_field(name) for name in later_keys(model)]
            values = {key.attname: self._key(key, raw[key.attname]) for key in keys}
            model.objects.filter(pk=pk).update(**values)

    def _check_where(self, model: Any, new: list[Any]) -> None:
        """No archive brings in what none contains: an operator, a mail that waits to be sent."""
        for at in range(0, len(new), 1000):
            page = new[at : at + 1000]
            if model.objects.filter(model.on_export.where, pk__in=page).count() != len(page):
                raise BadArchive("この会社に取り込めないものが含まれています。")

    # ── Files ──

    def _file(self, model: Any, name: str) -> str:
        """The key under which the file stands here. One that the archive lacks has a key and no content."""
        key = f"firm/{self.firm.pk}/files/{self._uuid(str(UUID(name.rsplit('/', 1)[-1])))}"
        is_here = self.archive.has(name) and name not in self.left_out
        if is_here and name.startswith(f"files/{model._meta.label_lower}/"):
            default_storage.delete(key)  # of an attempt that was killed
            with self.archive.zip.open(name) as content:
                key = default_storage.save(key, File(content))
            self.files.append(key)
        return key

    # ── Ids in texts ──

    def _uuid(self, old: str) -> UUID:
        return uuid5(self.run, old)

    def _translated(self, model: Any, name: str, old: Any, raw: dict[str, Any]) -> Any:
        if name == "subject_id":
            return self._subject(str(raw["subject"]), str(old))
        if name == "changes":
            return {each: self._change(str(raw["subject"]), each, pair) for each, pair in old.items()}
        if name == "details" and not isinstance(old, dict):
            raise ValidationError(name)
        return self._in(old)

    def _subject(self, label: str, old: str) -> str:
        if label == "tenancy.firm":
            return str(self.firm.pk)
        if label == "tenancy.user":
            return str(self.people.ids.get(int(old), 0))
        return str(self._named(label.rpartition(".")[2], old))

    def _change(self, label: str, name: str, pair: Any) -> Any:
        """[before, after] of a field; of a key the new ids. Raises ValidationError for what is no such pair."""
        if not isinstance(pair, list) or len(pair) != 2:
            raise ValidationError(name)
        try:
            column: Any = apps.get_model(label)._meta.get_field(name)
        except LookupError:
            return self._in(pair)
        except FieldDoesNotExist as unknown:  # a field that this version does not have any more
            raise BadArchive(
                "この版では読めない項目が含まれています。書き出した版をご確認ください。"
            ) from unknown
        if column.is_relation and column.related_model in self.by_name.values():
            if not all(each is None or isinstance(each, int) or _ID.fullmatch(str(each)) for each in pair):
                raise ValidationError(name)
            return [self._named(column.related_model._meta.model_name, each) for each in pair]
        return self._in(pair)

    def _in(self, old: Any, called: str = "") -> Any:
        if is_sealed(old):
            return self.seals.anew(old, self._whose(str(old["person"])))
        if isinstance(old, dict):
            return {key: self._in(value, str(key).rpartition(".")[2]) for key, value in old.items()}
        if isinstance(old, list):
            return [self._in(each, called) for each in old]
        if isinstance(old, bool) or old is None or isinstance(old, float):
            return old
        if isinstance(old, UUID):
            return self._uuid(str(old))
        name = _ALSO_CALLED.get(called, called)
        if name in self.by_name and str(old).isdigit():
            return self._named(name, old)
        return self._text(old) if isinstance(old, str) else old

    def _named(self, name: str, old: Any) -> Any:
        """The new id of a thing by its model's name, of the same type; an unknown one points to nothing."""
        if old is None or name not in self.by_name:
            return old
        if _UUID.fullmatch(str(old)):
            return str(self._uuid(str(old)))
        new = self.ids.get(self.by_name[name], {}).get(int(old), 0) if str(old).isdigit() else old
        return str(new) if isinstance(old, str) else new

    def _whose(self, old: str) -> str:
        """Whose a value is here; of each that is gone by now somebody else's."""
        new = self._text(old)
        label, _, number = new.rpartition(":")
        return f"{label}:{self._uuid(old)}" if number == "0" else new

    def _text(self, old: str) -> str:
        if found := _WHOSE.fullmatch(old):
            return f"{found[1]}.{found[2]}:{self._subject(f'{found[1]}.{found[2]}', found[3])}"
        text = _UUID.sub(lambda found: str(self._uuid(found[0])), old)
        companies = self.ids.get(Company, {})
        text = _OF_COMPANY.sub(lambda found: str(companies.get(int(found[0]), 0)), text)
        return re.sub(rf"^/{re.escape(self.old_slug)}/", f"/{self.firm.slug}/", text)


def _put_due(row: Any) -> None:
    """What would have become due of the row where it comes from becomes due here."""
    follows = row.on_export.follows
    if follows is None or any(getattr(row, name) != value for name, value in follows.where.items()):
        return
    if (moment := follows.at(row)) is not None:
        due.put(follows.due, row.firm_id, row.pk, at=moment)
