"""Who knocks at the API: the door has decided it already; here DRF learns it."""

from typing import Any

from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request


class NoCsrfToken(PermissionDenied):
    """A session without its CSRF token: it may come from another site's page."""

    words = (
        "CSRF トークンを確認できませんでした。X-CSRFToken ヘッダーに、Cookie の csrftoken と同じ値を付けてください。"
        "API トークン(Authorization: Bearer)をお使いのときは不要です。"
    )


class DoorAuthentication(BaseAuthentication):
    """Hands the person whom the door let in to DRF, and checks CSRF where a session was used."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        inner = request._request
        if not getattr(inner.user, "is_authenticated", False):
            return None
        visit = getattr(inner, "visit", None)
        if visit is None or not visit.by_token:
            self._check_csrf(request)
        return inner.user, None

    def _check_csrf(self, request: Request) -> None:
        try:
            SessionAuthentication().enforce_csrf(request)
        except PermissionDenied as refused:
            raise NoCsrfToken from refused

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
