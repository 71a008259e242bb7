"""What every API view stands on: who knocks (decided at the door), and errors as problem details."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, JsonResponse
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request

from tenancy.responses import problem


class DoorAuthentication(BaseAuthentication):
    """The middleware has already let the person in; this hands it to DRF, and checks CSRF where a session was used."""

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


def problem_details(exception: Exception, context: dict[str, Any]) -> JsonResponse | None:
    """DRF's exception handler: RFC 9457, and nothing half-done stays behind."""
    transaction.set_rollback(True)
    if isinstance(exception, Http404):
        return problem(404)
    if isinstance(exception, PermissionDenied):
        return problem(403)
    if isinstance(exception, exceptions.ValidationError):
        return problem(400, "入力内容をご確認ください。", errors=exception.detail)
    if isinstance(exception, exceptions.Throttled):
        return problem(429)
    if isinstance(exception, exceptions.APIException):
        return problem(exception.status_code)
    return None
