"""What a file is: by its content, never by what its name or the browser says.

Nothing is unpacked or interpreted. Of zip archives (OOXML) only the directory at the end is read, with limits; of OLE
files (the old Office) only the names in their directory. What is kept is served as a download with its exact type,
`nosniff` and a sandbox (tenancy.views.files), so that a file which is also something else stays a download.
"""

import hashlib
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import puremagic

from tenancy.fields import clean_line

MOST_BYTES = 20 * 1024 * 1024
NAME_AT_MOST = 200
ACCEPTED = "PDF、Word、Excel、PowerPoint、画像(PNG・JPEG・GIF・WebP・HEIC)"
_HEAD, _PIECE = 4_096, 65_536
# A directory of OOXML has some dozens of entries; thousands of sheets still fit into these.
_MOST_ENTRIES, _MOST_DIRECTORY, _MOST_UNPACKED = 20_000, 4 * 1024 * 1024, 1024**3


@dataclass(frozen=True)
class Kind:
    """A kind of file that is accepted. The first extension is the one given to names without a fitting one."""

    content_type: str
    extensions: tuple[str, ...]
    label: str


_OOXML = "application/vnd.openxmlformats-officedocument."
KINDS = {
    "pdf": Kind("application/pdf", ("pdf",), "PDF"),
    "docx": Kind(f"{_OOXML}wordprocessingml.document", ("docx",), "Word"),
    "xlsx": Kind(f"{_OOXML}spreadsheetml.sheet", ("xlsx",), "Excel"),
    "pptx": Kind(f"{_OOXML}presentationml.presentation", ("pptx",), "PowerPoint"),
    "doc": Kind("application/msword", ("doc",), "Word"),
    "xls": Kind("application/vnd.ms-excel", ("xls",), "Excel"),
    "ppt": Kind("application/vnd.ms-powerpoint", ("ppt",), "PowerPoint"),
    "png": Kind("image/png", ("png",), "画像"),
    "jpg": Kind("image/jpeg", ("jpg", "jpeg"), "画像"),
    "gif": Kind("image/gif", ("gif",), "画像"),
    "webp": Kind("image/webp", ("webp",), "画像"),
    "heic": Kind("image/heic", ("heic", "heif"), "画像"),
}
LABELS = {kind.content_type: kind.label for kind in KINDS.values()}
_EXTENSIONS = {extension for kind in KINDS.values() for extension in kind.extensions}
_BY_PUREMAGIC = {".pdf": "pdf", ".png": "png", ".jpg": "jpg", ".gif": "gif", ".webp": "webp"} | dict.fromkeys(
    (".heic", ".heif"), "heic"
)
_MAIN_PART = {"word/document.xml": "docx", "xl/workbook.xml": "xlsx", "ppt/presentation.xml": "pptx"}
_MAIN_STREAM = {"WordDocument": "doc", "Workbook": "xls", "Book": "xls", "PowerPoint Document": "ppt"}
_WITH_MACROS = ("docm", "dotm", "xlsm", "xltm", "xlsb", "xlam", "pptm", "potm", "ppsm", "ppam")


class NotTaken(ValueError):
    """The file cannot be kept. Its text says, in Japanese, which one and what to do."""


@dataclass(frozen=True)
class Recognized:
    """What a file is: its clean name with the right extension, its type, its size and its fingerprint."""

    name: str
    content_type: str
    size: int
    sha256: str


def recognize(name: str, file: BinaryIO, size: int) -> Recognized:
    """What `file` is. Reads it through once and leaves it at its beginning. Raises NotTaken."""
    clean = clean_name(name)
    extension = extension_of(clean)
    if extension in _WITH_MACROS:
        raise NotTaken(_macros(clean))
    if extension and extension not in _EXTENSIONS:
        raise NotTaken(f"「{clean}」は、お預かりできない種類のファイルです。{ACCEPTED}にしてお送りください。")
    if not 0 < size <= MOST_BYTES:
        raise NotTaken(_wrong_size(clean, size))
    kind = KINDS[_kind_of(clean, file, size)]
    return Recognized(_with_extension(clean, kind), kind.content_type, size, _fingerprint(file))


def _fingerprint(file: BinaryIO) -> str:
    """SHA-256, piece by piece; leaves the file at its beginning."""
    digest = hashlib.sha256()
    _from_start(file)
    while piece := file.read(_PIECE):
        digest.update(piece)
    file.seek(0)
    return digest.hexdigest()


def clean_name(name: str) -> str:
    """One printable line in NFC, without the path that some browsers send along; never empty, never hidden."""
    last = re.split(r"[/\\]", clean_line(name))[-1].strip(" .")
    stem, dot, extension = last.rpartition(".")
    if dot and len(extension) <= 8:
        return f"{stem[: NAME_AT_MOST - len(extension) - 1]}.{extension}"
    return last[:NAME_AT_MOST] or "名前のないファイル"


def extension_of(name: str) -> str:
    """In lower case, without the dot; '' where a name has none."""
    _, dot, extension = name.rpartition(".")
    return extension.lower() if dot else ""


def _with_extension(name: str, kind: Kind) -> str:
    """A telephone calls a PNG .jpg: what opens the file is its content, so the name follows it."""
    extension = extension_of(name)
    if extension in kind.extensions:
        return name
    stem = name[: -len(extension) - 1] if extension else name
    return f"{stem[: NAME_AT_MOST - 5]}.{kind.extensions[0]}"


def _kind_of(name: str, file: BinaryIO, size: int) -> str:
    head = _from_start(file).read(_HEAD)
    if head.startswith(b"PK\x03\x04"):
        return _kind_of_zip(name, file, size)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _kind_of_ole(name, file)
    for extension in _likeliest(head):
        if extension in _BY_PUREMAGIC:
            return _BY_PUREMAGIC[extension]
    raise NotTaken(_unlike_its_name(name))


def _likeliest(head: bytes) -> list[str]:
    """What puremagic is surest of: its weaker guesses name half of all formats."""
    try:
        found = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        return []
    return [each.extension for each in found if each.confidence == found[0].confidence]


# ── OOXML ──


def _kind_of_zip(name: str, file: BinaryIO, size: int) -> str:
    parts = set(_entries(name, file, size))
    if any(part.lower().endswith("vbaproject.bin") for part in parts):
        raise NotTaken(_macros(name))
    for part, kind in _MAIN_PART.items():
        if part in parts and "[Content_Types].xml" in parts:
            return kind
    raise NotTaken(
        f"「{name}」は、Word・Excel・PowerPointのファイルではないようです。まとめたファイル(zip)は、"
        "中のファイルを一つずつお送りください。"
    )


def _entries(name: str, file: BinaryIO, size: int) -> Iterator[str]:
    """The names in a zip's directory. Not zipfile: it believes what the archive says about its own size."""
    directory, count = _directory(name, file, size)
    at = unpacked = 0
    for _ in range(count):
        if directory[at : at + 4] != b"PK\x01\x02" or len(directory) < at + 46:
            raise NotTaken(_broken(name))
        unpacked += struct.unpack_from("<I", directory, at + 24)[0]
        name_length, extra, comment = struct.unpack_from("<HHH", directory, at + 28)
        yield directory[at + 46 : at + 46 + name_length].decode("utf-8", "replace")
        at += 46 + name_length + extra + comment
    if unpacked > _MOST_UNPACKED:
        raise NotTaken(_broken(name))


def _directory(name: str, file: BinaryIO, size: int) -> tuple[bytes, int]:
    """The directory's bytes and how many entries it says to have. It must end where the archive ends, which begins with
    the file: what has something else in front or behind is no Office file."""
    file.seek(max(0, size - 22 - 65_535))
    tail = file.read(22 + 65_535)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22:
        raise NotTaken(_broken(name))
    count, length, offset, comment = struct.unpack_from("<HIIH", tail, at + 10)
    end = size - len(tail) + at
    whole = offset + length == end and at + 22 + comment == len(tail)
    if not whole or count > _MOST_ENTRIES or length > _MOST_DIRECTORY:
        raise NotTaken(_broken(name))
    file.seek(offset)
    return file.read(length), count


# ── The old Office ──


# PowerPoint keeps its macros inside its one stream: a VBAInfoContainer with a VBAInfoAtom whose fHasMacros is not 0
# ([MS-PPT] 2.4.10, 2.4.11).
_HAS_MACROS = re.compile(rb"\x1f\0\xff\x03\x14\0\0\0\x02\0\0\x04\x0c\0\0\0.{4}(?!\0\0\0\0)", re.DOTALL)


def _kind_of_ole(name: str, file: BinaryIO) -> str:
    content = _from_start(file).read(MOST_BYTES)
    named = _has_stream(content, "_VBA_PROJECT") or _has_stream(content, "_VBA_PROJECT_CUR")
    if named or _HAS_MACROS.search(content):
        raise NotTaken(_macros(name))
    if _has_stream(content, "EncryptedPackage"):
        raise NotTaken(
            f"「{name}」には、パスワードが付いています。パスワードを外して保存し直してから、お送りください。"
        )
    for stream, kind in _MAIN_STREAM.items():
        if _has_stream(content, stream):
            return kind
    raise NotTaken(_unlike_its_name(name))


def _has_stream(content: bytes, stream: str) -> bool:
    """Whether an entry of the directory has this name: UTF-16 with its end, and the name's length 64 bytes after its
    beginning. Entries stand at multiples of 128 bytes."""
    wanted = f"{stream}\0".encode("utf-16-le")
    at = content.find(wanted)
    while at >= 0:
        if at % 128 == 0 and content[at + 64 : at + 66] == struct.pack("<H", len(wanted)):
            return True
        at = content.find(wanted, at + 1)
    return False


# ── What is said ──


def _from_start(file: BinaryIO) -> BinaryIO:
    file.seek(0)
    return file


def _wrong_size(name: str, size: int) -> str:
    if not size:
        return f"「{name}」は、中身が空です。ファイルをお確かめのうえ、もう一度お選びください。"
    megabytes = -(-size // (1024 * 1024))
    return f"「{name}」は大きすぎます(約{megabytes}MB)。1つ20MBまでです。画像を小さくするか、分けてお送りください。"


def _macros(name: str) -> str:
    return (
        f"「{name}」は、マクロの入るファイルです。マクロのない形式(.docx、.xlsx、.pptx)で保存し直すか、"
        "PDFにしてお送りください。"
    )


def _broken(name: str) -> str:
    return f"「{name}」は、壊れているようです。もとのソフトで開き、保存し直してから、お送りください。"


def _unlike_its_name(name: str) -> str:
    said = extension_of(name)
    what = f"中身が「.{said}」のファイルではないようです" if said else "種類が分かりません"
    return f"「{name}」は、{what}。もとのソフトで開き、{ACCEPTED}として保存し直してから、お送りください。"
