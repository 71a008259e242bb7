"""What views share: the door of one session, who acts, and a form in which days are looked at."""

from collections.abc import Iterable
from uuid import UUID

from django.http import Http404, HttpRequest, QueryDict

from consultations.glance import session_in_sight
from consultations.models import Consultation
from consultations.office import in_the_office
from tenancy.middleware import visit_of
from tenancy.models import Membership
from tenancy.scope import current_scope


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


# ── A form that is sent only to look at other days (`look`) ──


def only_looks(request: HttpRequest) -> bool:
    """Whether nothing is to be done: what was typed comes back, with other days."""
    return "look" in request.POST


def typed_so_far(request: HttpRequest, names: Iterable[str]) -> dict[str, str]:
    """Of these fields, what was typed before looking at other days."""
    typed = request.POST if only_looks(request) else QueryDict()
    return {name: typed[name] for name in names if name in typed}


def days_wanted(request: HttpRequest) -> QueryDict:
    """Which days to look at, as `choosing.choice` reads it."""
    look = request.POST.get("look")
    return request.GET if look is None else QueryDict(look.lstrip("?"))
