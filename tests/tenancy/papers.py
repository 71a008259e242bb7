"""Files as they come: real ones made by the libraries that the product has, and wrong ones made by hand."""

import io
import struct
import zipfile

from openpyxl import Workbook

PDF = b"%PDF-1.7\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(20)
JPG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01" + bytes(30) + b"\xff\xd9"
GIF = b"GIF89a\x01\x00\x01\x00" + bytes(20) + b";"
WEBP = b"RIFF\x24\x00\x00\x00WEBPVP8 " + bytes(30)
HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(30)
HTML = b"<!doctype html><html><script>alert(1)</script></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
EXE = b"MZ\x90\x00" + bytes(100)


def xlsx() -> bytes:
    content, book = io.BytesIO(), Workbook()
    book.worksheets[0].append(["項目", 1])
    book.save(content)
    return content.getvalue()


def archive(*names: str, content: bytes = b"x") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in names:
            packed.writestr(name, content)
    return out.getvalue()


def office(main: str, *more: str) -> bytes:
    return archive("[Content_Types].xml", main, *more)


def ole(*streams: str) -> bytes:
    """An OLE file whose directory names `streams`."""
    entries = b""
    for stream in streams:
        name = f"{stream}\0".encode("utf-16-le")
        entries += name.ljust(64, b"\0") + struct.pack("<H", len(name)) + bytes(62)
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + entries.ljust(512, b"\0")


def bomb() -> bytes:
    """An Office file of a few kB that says it unpacks to 3 GB."""
    packed = bytearray(office("word/document.xml"))
    at = packed.index(b"PK\x01\x02")
    packed[at + 24 : at + 28] = struct.pack("<I", 3 * 1024**3)
    return bytes(packed)


def crowded() -> bytes:
    """An archive whose end says that its directory is larger than the file."""
    packed = bytearray(office("word/document.xml"))
    at = packed.rindex(b"PK\x05\x06")
    packed[at + 12 : at + 16] = struct.pack("<I", 0x7FFFFFFF)
    return bytes(packed)
