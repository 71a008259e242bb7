"""The door: who knocks, at which firm, with what role. Used by the middleware for pages and API alike."""

import hashlib
from dataclasses import dataclass

from django.http import HttpRequest

from tenancy import clock, guards
from tenancy.links import Link, read_token
from tenancy.models import ApiToken, Firm, Membership, User
from tenancy.permissions import SIGNED_IN, VISITOR, Access, may
from tenancy.scope import Scope, change_scope

TOUCH_EVERY_SECONDS = 60  # a token's last use is written at most this often


class Closed(Exception):
    """The door stays closed. `status`: 401 nobody signed in, 403 a member who may not, 404 everything else."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass
class Visit:
    """What the door found out; the view reads it as `request.visit`."""

    firm: Firm
    membership: Membership | None = None
    link: Link | None = None
    by_token: bool = False

    @property
    def role(self) -> str | None:
        return self.membership.role if self.membership else None

    def may(self, permission: str) -> bool:
        return may(self.role, permission)


def bearer(request: HttpRequest) -> str:
    """The token of an `Authorization: Bearer` header, or ''."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def enter_firm(request: HttpRequest, slug: str, access: Access, token: str = "") -> Visit:
    """Open the scope for this request and return the visit. Must run inside `open_scope(Scope(user_id=…))`.

    Raises Closed. Firms that do not exist and firms where the person has no membership take the same queries.
    """
    if access.permission == VISITOR and not bearer(request):
        return _enter_as_visitor(request, slug, access, token)
    membership = _by_token(request, slug) if bearer(request) else _by_session(request, slug)
    if membership is None:
        raise Closed(401 if bearer(request) else 404)
    change_scope(**vars(membership.scope()))
    visit = Visit(membership.firm, membership, by_token=bool(bearer(request)))
    if access.permission not in (VISITOR, SIGNED_IN) and guards.stands("door.permission"):
        if not visit.may(access.permission):
            raise Closed(403)
    return visit


def _enter_as_visitor(request: HttpRequest, slug: str, access: Access, token: str) -> Visit:
    """Public pages: the firm, no company, and the one thing a signed link opens."""
    link = read_token(access.link, token) if access.link else None
    firm = Firm.objects.filter(slug=slug, state=Firm.State.ACTIVE).first()
    if firm is None:
        raise Closed(404)
    scope = Scope(firm_id=firm.pk)
    change_scope(firm_id=firm.pk, companies=frozenset(), link=link.id if link else scope.link)
    return Visit(firm, link=link)


def _by_session(request: HttpRequest, slug: str) -> Membership | None:
    if not isinstance(request.user, User) or not request.user.is_active:
        return None
    members = Membership.objects.active().select_related("firm").filter(firm__slug=slug)
    if guards.stands("door.membership"):
        members = members.filter(user_id=request.user.pk)
    return members.order_by("pk").first()


def _by_token(request: HttpRequest, slug: str) -> Membership | None:
    """The token's membership. Tokens stand behind the firm's wall, so the firm named in the address is asked for it."""
    firm = Firm.objects.filter(slug=slug, state=Firm.State.ACTIVE).first()
    change_scope(**vars(Scope.of_firm(firm.pk if firm else 0)))
    token = (
        ApiToken.objects.filter(hash=hash_of(bearer(request)), revoked_at=None)
        .select_related("membership__firm", "membership__user")
        .first()
    )
    if token is None or token.membership.state != Membership.State.ACTIVE or not token.membership.user.is_active:
        return None
    now = clock.now()
    if token.last_used_at is None or (now - token.last_used_at).total_seconds() > TOUCH_EVERY_SECONDS:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    request.user = token.membership.user
    return token.membership
