"""The edges of HTTP that a person may meet: more sent than is taken, the address of a form opened as a page."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponsePermanentRedirect,
    UnreadablePostError,
)
from django.middleware import common

from tenancy.face import face_of, resolved
from tenancy.permissions import access_of
from tenancy.responses import is_api, refusal

MOST_TAKEN = 65 * 1024 * 1024  # of one request (files: tenancy.uploads), unless its view declares more
MOST_READ = 256 * 1024 * 1024  # more than any view declares
_PIECE = 64 * 1024
OF_PAGES = ("GET", "HEAD", "POST")  # what links and forms can send

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class EdgesMiddleware:
    """Lets every answer arrive, and gives those a page that Django leaves empty."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = _of_no_page(request) or _too_large(request) or self.get_response(request)
        if response.status_code == 405 and request.method in OF_PAGES and not is_api(request):
            response = _with_a_page(request, response)
        read_to_the_end(request)
        return _without_body(response) if request.method == "HEAD" else response


class SameAgain(HttpResponsePermanentRedirect):
    """308: with the same method and what was sent, where a browser makes a GET of a POST at 301."""

    status_code = 308


class CommonMiddleware(common.CommonMiddleware):
    """Django's; also a POST finds its way where only the last slash is missing."""

    response_redirect_class = SameAgain


def _of_no_page(request: HttpRequest) -> HttpResponse | None:
    """No page takes it, whoever asks: refused before anybody asks the database who that is."""
    if request.method in OF_PAGES or is_api(request):
        return None
    answer = refusal(request, 405)
    answer.headers["Allow"] = ", ".join(OF_PAGES)
    return answer


def _too_large(request: HttpRequest) -> HttpResponse | None:
    """Refused by what its head says, before anybody looks at the body or asks the database who it is from."""
    said = request.META.get("CONTENT_LENGTH") or "0"
    size = int(said) if said.isdecimal() else 0
    return refusal(request, 413) if size > MOST_TAKEN and size > _most_of_view(request) else None


def _most_of_view(request: HttpRequest) -> int:
    """What the view of this address has declared for itself; 0 where it has not."""
    match = resolved(request)
    access = access_of(match.func, request.method or "GET") if match else None
    return access.most_taken if access else 0


def _without_body(response: HttpResponseBase) -> HttpResponseBase:
    """The answer to HEAD: as to GET, its length included, but nothing after the headers."""
    if not response.streaming:
        response.content = b""  # type: ignore[attr-defined]
    return response


def _with_a_page(request: HttpRequest, response: HttpResponseBase) -> HttpResponse:
    page = refusal(request, 405, site=face_of(request))
    page.headers["Allow"] = response.headers.get("Allow", "")
    return page


def read_to_the_end(request: HttpRequest) -> None:
    """Take what was sent and not read, up to 256 MB, piece by piece, and drop it.

    A server that closes with bytes unread resets the connection: the answer that says what to do would never be seen.
    """
    taken = 0
    try:
        while taken < MOST_READ and (piece := request.read(_PIECE)):
            taken += len(piece)
    except UnreadablePostError:
        return


def no_sooner_than(seconds: float, view: Callable[..., Any]) -> Callable[..., Any]:
    """The view; a POST takes at least `seconds`, so that the time says nothing about whom it was for."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        ready_at = time.monotonic() + seconds
        answer = view(request, *args, **kwargs)
        if request.method == "POST":
            time.sleep(max(0.0, ready_at - time.monotonic()))
        return answer

    return wrapped
