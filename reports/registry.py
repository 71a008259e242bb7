"""The documents that can be made. Each app registers its own in documents.py, which is imported at start-up."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import IO
from uuid import UUID

from reports.models import Job


@dataclass(frozen=True)
class Document:
    """A kind of document. `build` and `filename` are called in the firm's scope, in a worker; `build` answers the whole
    HTML, whose stylesheets and pictures are our static files or data URIs: nothing else is fetched. `when_done` and
    `when_failed` run in the transaction that ends the job, so what they write stands exactly once.

    `write` instead of `build`: the app itself writes the file, of whatever type, however large. It is called without a
    scope and without a transaction. Whoever wants to see the job or its file needs `permission`, and for the file, with
    `fresh`, has to show once more who they are (`tenancy.sessions`). `doing` and `done`: what the job says
    meanwhile and in the end. `leads_to`: the name of the firm's page where one goes on then, and what its button says;
    `begins_at`: the same for a job that failed and cannot itself be begun again.
    """

    name: str
    title: str
    template_version: str
    build: Callable[[UUID], str]
    filename: Callable[[UUID], str]
    when_done: Callable[[Job], None]
    when_failed: Callable[[Job], None]
    write: Callable[[Job, IO[bytes]], None] | None = None
    content_type: str = "application/pdf"
    extension: str = "pdf"
    permission: str = "companies.read"
    fresh: bool = False
    label: str = "レポート(PDF)を開く"
    doing: str = "内容を書き出しています"
    done: str = "できあがりました"
    leads_to: tuple[str, str] | None = None
    begins_at: tuple[str, str] | None = None


class NotMade(Exception):
    """The document cannot be made, and trying again would not help; the text says why, for people (100 letters)."""


_documents: dict[str, Document] = {}


def register(document: Document) -> Document:
    """Make a document known. Raises ValueError when another one has its name."""
    if _documents.setdefault(document.name, document) is not document:
        raise ValueError(f"Two documents are called {document.name!r}.")
    return document


def document(name: str) -> Document:
    """The registered document. Raises KeyError."""
    return _documents[name]


def known(name: str) -> Document | None:
    """The registered document, or None: jobs outlive the apps that asked for them."""
    return _documents.get(name)
