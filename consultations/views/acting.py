"""How a page writes: in a transaction of its own, and after a refusal asked once more what stands."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TypeVar

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse

from consultations.models import Consultation
from consultations.office import in_the_office
from consultations.views.saying import NOT_DONE, Busy, Said, words_for
from diagnosis.views.visitor import gone
from tenancy.locks import is_busy
from tenancy.middleware import visit_of
from tenancy.permissions import Limit
from tenancy.responses import refusal
from tenancy.scope import Scope, open_scope

POSTS = (Limit("consultations.manage", 60, 3600),)
RETRY_AFTER = "3"

View = Callable[..., HttpResponse]
T = TypeVar("T")


class Gone(Exception):
    """The link opens nothing (any more)."""


@contextmanager
def writing(scope: Scope) -> Iterator[None]:
    """The page's own transaction. Raises Busy where the month could not be had in time."""
    try:
        with open_scope(scope):
            yield
    except OperationalError as problem:
        if not is_busy(problem):
            raise
        raise Busy from problem


@contextmanager
def the_row(request: HttpRequest) -> Iterator[Consultation]:
    """The consultation of the link, with its people, in the office. Raises Gone, Busy."""
    visit = visit_of(request)
    with writing(visit.scope):
        found = Consultation.objects.opened_by(visit.link)
        if found is None:
            raise Gone
        with in_the_office():
            yield Consultation.objects.with_people().select_related("entry").get(pk=found.pk)


def by_link(view: View) -> View:
    """A view whose link may open nothing: then it is answered as every dead link is. Busy is said too."""

    @wraps(view)
    def wrapped(request: HttpRequest, firm: str, token: str) -> HttpResponse:
        try:
            return view(request, firm, token)
        except Gone:
            with open_scope(visit_of(request).scope):
                return gone(request)
        except Busy:  # where the view has nothing that was typed to show again
            return refusal(request, 503, int(RETRY_AFTER))

    return wrapped


def answered(response: HttpResponse, said: Said | None) -> HttpResponse:
    """With the status of what was said."""
    if said is not None:
        response.status_code = said.status
        if said.status == 503:
            response.headers["Retry-After"] = RETRY_AFTER
    return response


def acted_on(
    request: HttpRequest,
    act: Callable[[Consultation], T],
    otherwise: Callable[[Consultation, Said], HttpResponse],
) -> T | HttpResponse:
    """Do it in a transaction of its own; refused, the page again in another one, with why. Raises Gone."""
    try:
        with the_row(request) as row:
            return act(row)
    except NOT_DONE as problem:
        said = words_for(problem)
        with the_row(request) as row:
            return answered(otherwise(row, said), said)
