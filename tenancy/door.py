"""The door: who knocks, at which firm, with what role. Used by the middleware for pages and API alike."""

import hashlib
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import Any

from django.db.models import F, Q
from django.db.models.lookups import Exact
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from tenancy import clock, guards, second_factor, sessions
from tenancy.links import Link, read_token
from tenancy.models import ApiToken, Company, Firm, Membership, User
from tenancy.permissions import CONSULTANT, FIRM_SIDE, OPERATOR, SIGNED_IN, VISITOR, Access, may
from tenancy.responses import is_api
from tenancy.scope import ALL, Scope, change_scope, current_scope

TOKEN_MARK = "mst_"  # lets secret scanners know one when they see it
TOUCH_EVERY_SECONDS = 60  # a token's last use is written at most this often


class Closed(Exception):
    """The door stays closed. `status`: 401 nobody signed in, 403 a member who may not, 404 everything else;
    429 too often, then `retry_after` says in how many seconds again.

    `leads_to`: the name of the page on which the person does what is missing, and then comes back. `ends_session`: the
    session opens nothing any more, and signing in begins a new one.
    """

    def __init__(
        self, status: int, retry_after: int | None = None, *, leads_to: str = "", ends_session: bool = False
    ) -> None:
        super().__init__(status)
        self.status, self.retry_after = status, retry_after
        self.leads_to, self.ends_session = leads_to, ends_session


@dataclass
class Visit:
    """What the door found out; the view reads it as `request.visit`.

    `scope`: what the visit may see, for views with `own_transactions`, which open it themselves.
    """

    firm: Firm
    membership: Membership | None = None
    link: Link | None = None
    by_token: bool = False
    scope: Scope = field(default_factory=current_scope)

    @property
    def role(self) -> str | None:
        return self.membership.role if self.membership else None

    def may(self, permission: str) -> bool:
        return may(self.role, permission)


def bearer(request: HttpRequest) -> str:
    """The token of an `Authorization: Bearer` header, or ''; '' on pages, where a token opens nothing."""
    if not is_api(request):
        return ""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def make_token_text(firm_id: int, once: str = "") -> str:
    """A new API token; the same one for the same `once`, which without the secret key nobody can compute.

    It says which firm's wall it stands behind, so that it can be looked up at any address.
    """
    made = (
        salted_hmac("michisuji.api-token", f"{firm_id}:{once}", algorithm="sha256").digest() if once else b""
    )
    return f"{TOKEN_MARK}{firm_id}_{urlsafe_b64encode(made).decode().rstrip('=') or token_urlsafe(32)}"


def firm_of(token: str) -> int:
    """The firm that an API token names, 0 if it names none."""
    found = re.fullmatch(rf"{TOKEN_MARK}([0-9]{{1,18}})_[A-Za-z0-9_-]+", token)
    return int(found[1]) if found else 0


def hash_of(token: str) -> str:
    """What is kept of a token: enough to know it again, nothing to knock with."""
    return hashlib.sha256(token.encode()).hexdigest()


def enter_firm(
    request: HttpRequest, slug: str, access: Access, token: str = "", company: int | None = None
) -> Visit:
    """Open the scope for this request and return the visit. Must run inside `open_scope(Scope(user_id=…))`.

    A visitors' page takes everybody as a visitor; a visitors' door of the API knows its members.
    Raises Closed. Firms that do not exist and firms where the person has no membership take the same queries; so do
    companies (`company`, where the address names one).
    """
    if access.permission == VISITOR and not bearer(request) and not is_api(request):
        return _enter_as_visitor(request, slug, access, token)
    membership = _by_token(request, slug) if bearer(request) else _by_session(request, slug, company)
    if membership is None and access.permission == VISITOR and not bearer(request):
        return _enter_as_visitor(request, slug, access, token)
    if membership is None:
        raise Closed(401 if bearer(request) else 404)
    _open_scope_of(membership, by_token=bool(bearer(request)))
    visit = Visit(membership.firm, membership, by_token=bool(bearer(request)))
    needs_a_role = access.permission not in (VISITOR, SIGNED_IN) and guards.stands("door.permission")
    if needs_a_role and not visit.may(access.permission):
        raise Closed(403)
    if membership.role == OPERATOR and request.method not in ("GET", "HEAD", "OPTIONS"):
        raise Closed(403)  # whatever the permission allows others to send: an operator looks
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


def _open_scope_of(membership: Membership, *, by_token: bool) -> None:
    """What this member may see: the firm's side everything of the firm, or the companies it is in charge of where the
    firm wants it so (one query and one statement more); the others their company."""
    who = {
        "firm_id": membership.firm_id,
        "user_id": membership.user_id,
        "membership_id": membership.pk,
        "role": membership.role,
        "by_token": by_token,
    }
    if not membership.is_firm_side:
        change_scope(**who, side="company", companies=frozenset({membership.company_id}))
        return
    change_scope(**who, side="firm", companies=ALL)
    if _sees_only_assigned(membership):
        mine = Company.objects.filter(consultant=membership).values_list("pk", flat=True)
        change_scope(companies=frozenset(mine))


def _sees_only_assigned(membership: Membership) -> bool:
    return membership.role == CONSULTANT and membership.firm.consultants_see == Firm.Sees.ASSIGNED


def sees_company(membership: Membership, company_id: int) -> bool:
    """Whether the member sees the company as things stand now, whatever the scope said when it was opened. One query,
    none for a company's own people."""
    if membership.company_id is not None:
        return membership.company_id == company_id
    mine = {"consultant": membership} if _sees_only_assigned(membership) else {}
    return bool(Company.objects.filter(pk=company_id, **mine).exists())


def _by_session(request: HttpRequest, slug: str, company: int | None) -> Membership | None:
    """The person's place on the firm's side, or in the company that the address names; where it names none, the
    longest-standing place."""
    if not isinstance(request.user, User) or not request.user.is_active:
        return None
    members = Membership.objects.active().select_related("firm").filter(user_id=request.user.pk)
    if company is not None:
        members = members.filter(Q(company=None) | Q(company_id=company))
    own_side_first = F("company").asc(nulls_first=True)
    # Last: who joined during a visit as operator is a member from then on.
    looks_in: Any = Exact(F("role"), OPERATOR)
    membership = members.filter(firm__slug=slug).order_by(own_side_first, looks_in, "pk").first()
    if membership is not None:
        membership.user = request.user  # known already: the shell names it without another query
    if membership is not None and membership.is_firm_side:
        _require_strong_session(request, membership.firm)
    return membership


def _require_strong_session(request: HttpRequest, firm: Firm) -> None:
    """On the firm's side: signed in with a password, not long ago, and with a second factor where the firm wants it.

    Raises Closed(401) when the person has to sign in again, Closed(403) when they have to set up a second factor first.
    """
    if sessions.is_over(request):
        raise Closed(401, ends_session=True)
    if firm.requires_second_factor and not sessions.has_second_factor(request):
        if second_factor.is_set_up(request.user):  # type: ignore[arg-type]  # set up elsewhere after this session began
            raise Closed(401, ends_session=True)
        raise Closed(403, leads_to="mfa_activate_totp")


def is_strict_about(user: User) -> bool:
    """Whether the person works on a firm's side, or runs the installation. In the scope of that person; a query."""
    return user.is_operator or Membership.objects.active().filter(role__in=FIRM_SIDE).exists()


def _by_token(request: HttpRequest, slug: str) -> Membership | None:
    """The token's membership; None for a token that is unknown, revoked or of somebody who has left.

    Raises Closed(404) when it is good, but for another firm than the one in the address, with the same queries.
    """
    change_scope(**vars(Scope.of_firm(firm_of(bearer(request)))))
    token = (
        ApiToken.objects.filter(hash=hash_of(bearer(request)), revoked_at=None)
        .select_related("membership__firm", "membership__user")
        .first()
    )
    if token is None or not _is_in_force(token.membership):
        return None
    _touch(token)
    if token.membership.firm.slug != slug:
        raise Closed(404)
    request.user = token.membership.user
    return token.membership


def _touch(token: ApiToken) -> None:
    """Note the use. Never waits: of requests at the same moment, one notes it."""
    now = clock.now()
    if token.last_used_at and (now - token.last_used_at).total_seconds() <= TOUCH_EVERY_SECONDS:
        return
    free = ApiToken.objects.select_for_update(skip_locked=True, no_key=True).filter(pk=token.pk)
    if free.exists():
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)


def _is_in_force(membership: Membership) -> bool:
    lasts = membership.ends_at is None or membership.ends_at > clock.now()
    active = membership.state == Membership.State.ACTIVE and membership.firm.state == Firm.State.ACTIVE
    return lasts and active and membership.user.is_active
