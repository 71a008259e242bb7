"""What views of the firm's side share: the door of one session, and who acts."""

from uuid import UUID

from django.http import Http404, HttpRequest

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
