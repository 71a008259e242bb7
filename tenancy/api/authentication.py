"""Who knocks at the API: the door has decided it already; here DRF learns it."""

from typing import Any

from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request


class DoorAuthentication(BaseAuthentication):
    """Hands the person whom the door let in to DRF, and checks CSRF where a session was used."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        inner = request._request
        if not getattr(inner.user, "is_authenticated", False):
            return None
        visit = getattr(inner, "visit", None)
        if visit is None or not visit.by_token:
            SessionAuthentication().enforce_csrf(request)
        return inner.user, None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
