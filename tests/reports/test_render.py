"""The PDF: tagged, with its fonts, and out of nothing but what it was given."""

import http.server
import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.templatetags.static import static
from pypdf import PdfReader

from reports.render import BASE_URL, Refused, render_pdf, static_file
from tests.reports.papers import page

PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
    "AAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)


def reader(html: str) -> PdfReader:
    return PdfReader(io.BytesIO(render_pdf(html)))


def pictures(html: str) -> int:
    return sum(len(each.images) for each in reader(html).pages)


def test_a_document_is_tagged_titled_in_japanese_and_carries_its_font() -> None:
    pdf = reader(page("道筋"))
    root: Any = pdf.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "ja"
    assert pdf.metadata is not None
    assert pdf.metadata.title == "紙"
    assert "道筋" in pdf.pages[0].extract_text()
    resources: Any = pdf.pages[0]["/Resources"]
    fonts = resources["/Font"]
    names = [font.get_object()["/BaseFont"] for font in fonts.values()]
    assert all("BIZ-UDPGothic" in name.replace(" ", "-") for name in names), names


def test_our_stylesheets_are_found_by_their_hashed_names() -> None:
    content, kind = static_file(BASE_URL.rstrip("/") + static("css/tokens.css"))
    assert kind == "text/css"
    assert b"--paper" in content
    html = page("道筋").replace("<head>", f'<head><link rel="stylesheet" href="{static("css/tokens.css")}">')
    assert len(reader(html).pages) == 1


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "https://example.com/static/css/tokens.css",
        "http://documents.invalid/static/css/tokens.css",
        BASE_URL + "static/../config/settings.py",
        BASE_URL + "static/%2e%2e/%2e%2e/config/settings.py",
        BASE_URL + "static//etc/passwd",
        BASE_URL + "static/css",
        BASE_URL + "static/",
        BASE_URL + "media/x.pdf",
        BASE_URL + "static/nothing.css",
        "ftp://documents.invalid/static/x",
        "",
    ],
)
def test_nothing_else_is_fetched(url: str) -> None:
    with pytest.raises(Refused):
        static_file(url)


@pytest.fixture
def own_server() -> Iterator[tuple[str, list[str]]]:
    """A server on this machine that notes what is asked of it."""
    asked: list[str] = []

    class Noting(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Noting)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_document_reaches_no_server_and_no_file(own_server: tuple[str, list[str]], tmp_path: Path) -> None:
    server, asked = own_server
    secret = tmp_path / "secret.txt"
    secret.write_text("very secret words")
    ways = f"""
        <img src="{server}/img" alt=""><img src="{secret.as_uri()}" alt=""><img src="{secret}" alt="">
        <link rel="stylesheet" href="{server}/css"><link rel="attachment" href="{secret.as_uri()}">
        <a rel="attachment" href="{server}/attached">x</a>
        <object data="{server}/object"></object><embed src="{secret.as_uri()}">
        <style>@import url({server}/import); @font-face {{ font-family: F; src: url({server}/font) }}
        body {{ background: url({server}/background); font-family: F }}</style>
        <svg width="9" height="9"><image href="{server}/svg" width="9" height="9"/>
        <use href="{server}/use.svg#a"/></svg>
        <img alt="" src="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'><image href='{server}/in'/></svg>">
    """
    pdf = reader(page("道筋").replace("</body>", f"{ways}</body>"))
    assert asked == []
    assert pdf.attachments == {}
    assert "very secret" not in "".join(each.extract_text() for each in pdf.pages)


def test_a_picture_inside_the_document_is_shown() -> None:
    assert pictures(page("道筋").replace("</body>", f'<img alt="点" src="{PIXEL}"></body>')) == 1
