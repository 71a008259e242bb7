"""One request, one transaction, one scope; and the declared permission, checked before the view runs."""

import re
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.contrib.auth import logout
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.http import FileResponse, HttpRequest, HttpResponseBase
from django.urls import ResolverMatch

from tenancy import guards, limits, sessions
from tenancy.door import Closed, Visit, bearer, enter_firm, is_strict_about
from tenancy.face import face_of, resolved
from tenancy.forwarding import forwarded
from tenancy.locks import CompanyGone
from tenancy.logs import request_id
from tenancy.models import Membership
from tenancy.permissions import OPEN, OPERATING, SIGNED_IN, VISITOR, Access, Limit, access_of
from tenancy.responses import is_api, lead_to, refusal
from tenancy.scope import Scope, open_scope

GetResponse = Callable[[HttpRequest], HttpResponseBase]
Counted = tuple[Limit, str]
ENDED = "安全のため、ログインの期限が過ぎました。もう一度、パスワードでログインしてください。"
NOT_SAVED = "お送りいただいた内容は、まだ保存されていません。このあと、入力の画面でもう一度お送りください。"
_SAFE_ID = re.compile(r"[A-Za-z0-9-]{8,40}")


class RequestIdMiddleware:
    """Give each request an id, for logs, the trail and the person on the telephone."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("X-Request-ID", "")
        token = request_id.set(given if _SAFE_ID.fullmatch(given) else uuid4().hex)
        try:
            response = self.get_response(request)
            response.headers["X-Request-ID"] = request_id.get()
        finally:
            request_id.reset(token)
        return response


class ScopeMiddleware:
    """The innermost middleware. Around the view it

    1. finds the view's declared `Access` (none: not ours; allauth's own pages run without a scope),
    2. turns away who is not signed in, before any look-up,
    3. counts the declared limits, outside the transaction, so that they also count what is rolled back,
    4. opens the transaction and the scope, enters the firm, checks the permission,
    5. lets Django run and *render* the view inside,
    6. rolls back when the view raised or the answer is an error of ours (≥ 500), and
    7. leads on from the old addresses of a company that became part of another one.

    A view with `own_transactions` runs after 4 has been closed again: the body may still be on its way.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        match = resolved(request)
        access = access_of(match.func, request.method or "GET") if match else None
        if match is None or access is None or access.permission == OPEN:
            return self.get_response(request)
        try:
            self._turn_away_strangers(request, access)
            counted = self._count(request, access.limits, match)
            with self._transaction(request, told=access.permission != VISITOR or is_api(request)):
                self._enter(request, match, access)
                if not access.own_transactions:
                    response = self._answer(request, access)
            if access.own_transactions:
                response = self._kept_apart(request, access, self.get_response(request))
            self._give_back(counted, response)
        except Closed as closed:
            response = self._refuse(request, closed)
        return self._led_on(request, match, response)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """Remember it: Django turns a view's exception into a response before it reaches `__call__`. A company that
        went away while the view was at work is answered as one that was not there."""
        request.view_raised = True  # type: ignore[attr-defined]
        return refusal(request, 404) if isinstance(exception, CompanyGone) else None

    def _led_on(
        self, request: HttpRequest, match: ResolverMatch, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Where there is nothing at a company's address, perhaps there is at that of the company it became part of."""
        if response.status_code != 404 or "company" not in match.kwargs or is_api(request):
            return response
        return forwarded(request, match) or response

    def _answer(self, request: HttpRequest, access: Access) -> HttpResponseBase:
        response = self._kept_apart(request, access, self.get_response(request))
        failed = getattr(request, "view_raised", False) or response.status_code >= 500
        if failed and guards.stands("door.rollback"):
            transaction.set_rollback(True)
        return response

    def _kept_apart(
        self, request: HttpRequest, access: Access, response: HttpResponseBase
    ) -> HttpResponseBase:
        """The answer, kept by no cache. Raises ImproperlyConfigured when it is streamed."""
        if response.streaming and not isinstance(response, FileResponse):  # a file asks no table
            raise ImproperlyConfigured(
                "A tenant's answer must not be streamed: its scope would be closed by then."
            )
        if access.permission != VISITOR or access.link or is_api(request):
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    def _enter(self, request: HttpRequest, match: ResolverMatch, access: Access) -> None:
        """Open the door that the view stands behind. Raises Closed."""
        firm_id = None
        if access.permission in (SIGNED_IN, OPERATING):
            self._let_in_without_a_firm(request, access)
        else:
            named = match.kwargs
            visit = enter_firm(request, named["firm"], access, named.get("token", ""), named.get("company"))
            request.visit = visit  # type: ignore[attr-defined]
            firm_id = visit.firm.pk
        if access.permission == VISITOR or bearer(request):
            return
        if access.fresh and not sessions.is_fresh(request):
            raise Closed(403, leads_to="account_reauthenticate")
        sessions.note_activity(request, firm_id)

    def _let_in_without_a_firm(self, request: HttpRequest, access: Access) -> None:
        """Pages of the person and of the installation. The latter are not there for others than operators who have
        shown a second factor."""
        user = request.user
        if sessions.is_over(request) and is_strict_about(user):  # type: ignore[arg-type]
            raise Closed(401, ends_session=True)
        operating = getattr(user, "is_operator", False) and sessions.has_second_factor(request)
        if access.permission == OPERATING and not operating:
            raise Closed(404)

    def _refuse(self, request: HttpRequest, closed: Closed) -> HttpResponseBase:
        """What a closed door answers; after the transaction, so that what ends a session is not rolled back."""
        if closed.ends_session:
            logout(request)
            messages.warning(request, ENDED)
        if request.method == "POST" and (closed.status == 401 or closed.leads_to) and not is_api(request):
            messages.warning(request, NOT_SAVED)
        if closed.leads_to and not is_api(request):
            return lead_to(request, closed.leads_to)
        site = face_of(request) if closed.status == 429 else None
        return refusal(request, closed.status, closed.retry_after, site=site)

    def _turn_away_strangers(self, request: HttpRequest, access: Access) -> None:
        if access.permission != VISITOR and not bearer(request) and not request.user.is_authenticated:
            raise Closed(401)

    def _count(
        self, request: HttpRequest, declared: tuple[Limit, ...], match: ResolverMatch
    ) -> list[Counted]:
        counted = []
        for limit in declared:
            if limit.method != request.method or bearer(request) or self._is_member(request, match):
                continue
            who = limits.address_of(request) if limit.per == "address" else match.kwargs["firm"]
            if not limits.within(limit, who):
                raise Closed(429, retry_after=limits.seconds_left(limit))
            counted.append((limit, who))
        return counted

    def _give_back(self, counted: list[Counted], response: HttpResponseBase) -> None:
        """Of limits on what is made: a refusal and an answer repeated for the same key made nothing."""
        if response.status_code < 400 and "Idempotency-Replayed" not in response.headers:
            return
        for limit, who in counted:
            if limit.only_made:
                limits.give_back(limit, who)

    def _is_member(self, request: HttpRequest, match: ResolverMatch) -> bool:
        """At the API, limits are for visitors; on pages everybody comes as one."""
        if not is_api(request) or not request.user.is_authenticated:
            return False
        with self._transaction(request):
            return Membership.objects.active().filter(firm__slug=match.kwargs["firm"]).exists()

    @contextmanager
    def _transaction(self, request: HttpRequest, *, told: bool = True) -> Any:
        """Not `told` where the door opens without asking a tenant's table: a visitor's first question is the firm."""
        user_id = getattr(request.user, "pk", None)
        with open_scope(Scope(user_id=user_id), told=told):
            yield


def visit_of(request: HttpRequest) -> Visit:
    """The visit of a request that came through a firm's door."""
    return request.visit  # type: ignore[attr-defined,no-any-return]


def member_of(request: HttpRequest) -> Membership:
    """The membership of a request that came through a members' door."""
    member = visit_of(request).membership
    assert member is not None  # whoever passed a door that asks for a permission has one
    return member
