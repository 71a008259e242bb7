"""What views of the firm's side share: the door of one session, who acts, and what is said when a month is busy."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from uuid import UUID

from django.db import OperationalError, transaction
from django.http import Http404, HttpRequest, HttpResponse

from consultations.actions.refusals import is_busy
from consultations.glance import session_in_sight
from consultations.models import Consultation
from consultations.office import in_the_office
from tenancy.middleware import visit_of
from tenancy.models import Membership
from tenancy.responses import refusal
from tenancy.scope import current_scope

RETRY_AFTER = 5
_View = TypeVar("_View", bound=Callable[..., HttpResponse])


def session_of(pk: UUID) -> Consultation:
    """The session, or 404: of the whole firm; for who sees assigned companies only, those of nobody's company, of an
    assigned one, and the ones that they give themselves."""
    scope = current_scope()
    with in_the_office():
        found = session_in_sight(pk, scope)
    if found is None:
        raise Http404
    return found


def actor_of(request: HttpRequest) -> Membership:
    """Who acts."""
    membership = visit_of(request).membership
    if membership is None:
        raise Http404
    return membership


def says_when_busy(view: _View) -> _View:
    """503 with Retry-After when the month's lock was not to be had. What the view wrote is undone."""

    @wraps(view)
    def watched(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            with transaction.atomic():
                return view(request, *args, **kwargs)
        except OperationalError as problem:
            if not is_busy(problem):
                raise
            return refusal(request, 503, RETRY_AFTER)

    return watched  # type: ignore[return-value]
