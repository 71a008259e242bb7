"""HTML to PDF, with a fetcher that reaches nothing but our own static files."""

import logging
import mimetypes
from typing import Any
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.exceptions import SuspiciousFileOperation

# The documents' own address: it exists nowhere (RFC 2606), so that a relative address can only mean a static file.
BASE_URL = "https://documents.invalid/"

log = logging.getLogger(__name__)


class Refused(ValueError):
    """A document asked for something that is neither a static file nor a data URI."""


def render_pdf(html: str) -> bytes:
    """The document as PDF/UA-1. Takes a second or so per six pages: call it outside any transaction.

    Fonts come from the system by name (BIZ UDPGothic, BIZ UDPMincho). What the document asks for elsewhere is left
    out of it and logged.
    """
    from weasyprint import HTML  # a second to import, and only here is it needed

    return bytes(
        HTML(string=html, base_url=BASE_URL, url_fetcher=_fetcher()).write_pdf(pdf_variant="pdf/ua-1")
    )


def static_file(url: str) -> tuple[bytes, str]:
    """Content and type of the static file at `url`. Raises Refused."""
    address = urlsplit(url)
    path = unquote(address.path)
    if f"{address.scheme}://{address.netloc}/" != BASE_URL or not path.startswith(settings.STATIC_URL):
        raise Refused(address.scheme)
    name = path.removeprefix(settings.STATIC_URL)
    try:
        content = _content(name)
    except (SuspiciousFileOperation, OSError) as problem:
        raise Refused("static") from problem
    return content, mimetypes.guess_type(name)[0] or "application/octet-stream"


def _content(name: str) -> bytes:
    """From where they were collected (hashed names), else from where they are written."""
    if staticfiles_storage.exists(name):
        with staticfiles_storage.open(name) as file:
            return bytes(file.read())
    found = finders.find(name)
    if not isinstance(found, str):
        raise FileNotFoundError(name)
    with open(found, "rb") as file:
        return file.read()


def _fetcher() -> Any:
    from weasyprint.urls import URLFetcher, URLFetcherResponse

    class StaticOnly(URLFetcher):  # type: ignore[misc]
        def fetch(self, url: str, headers: Any = None) -> Any:
            if url[:5].lower() == "data:":
                return super().fetch(url, headers)
            try:
                content, kind = static_file(url)
            except Refused as refused:
                log.warning("document asked for something else", extra={"scheme": str(refused)})
                raise
            return URLFetcherResponse(url, content, {"Content-Type": kind})

    return StaticOnly(allowed_protocols={"data"}, allow_redirects=False)
