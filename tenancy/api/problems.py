"""Every error of the API as problem details (RFC 9457); nothing half-done stays behind."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.http import Http404, JsonResponse
from rest_framework import exceptions, status

from tenancy.locks import CompanyGone
from tenancy.responses import problem

CHECK_INPUT = "入力内容をご確認ください。"
MERGED = "この企業は、ほかの企業に統合されたか、削除されました。もう一度、一覧からご確認ください。"
UNREADABLE = "JSON としてお読みできませんでした。書式と文字コード(UTF-8)をご確認ください。"


# What DRF's own translation lacks.
IN_JAPANESE = {
    "Not a valid string.": "文字列で指定してください。",
    "Must be a valid boolean.": "true か false で指定してください。",
    "Must be a valid UUID.": "UUID の形で指定してください。",
    "Invalid input.": "内容をご確認ください。",
}


class Conflict(exceptions.APIException):
    """What was asked for cannot be had as things stand: `words` say why, `members` what a program may do about it.

    Raised and not answered, so that nothing of the request stays behind and its Idempotency-Key is free again.
    """

    status_code = status.HTTP_409_CONFLICT

    def __init__(self, words: str = "", **members: object) -> None:
        super().__init__(words)
        self.words, self.members = words, members


class TooLarge(exceptions.APIException):
    """The body is larger than the door takes."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE


class Busy(exceptions.APIException):
    """The same request is being worked on at this moment."""

    status_code = status.HTTP_409_CONFLICT
    wait = 1
    words = "同じ要求を処理しています。少し待ってから、もう一度お試しください。"


class KeyReused(exceptions.APIException):
    """The Idempotency-Key stands for a request with another body."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY


def problem_details(exception: Exception, context: dict[str, Any]) -> JsonResponse | None:
    """DRF's exception handler. None for what is no answer but a fault: Django then makes the 500 of it."""
    if connection.in_atomic_block:  # not at the description of the API, which asks no table
        transaction.set_rollback(True)
    if isinstance(exception, CompanyGone):
        return problem(409, MERGED)
    if isinstance(exception, Http404):
        return problem(404)
    if isinstance(exception, PermissionDenied):
        return problem(403)
    if isinstance(exception, exceptions.ValidationError):
        return problem(400, CHECK_INPUT, errors=by_field(exception.detail))
    if isinstance(exception, exceptions.ParseError):
        return problem(400, getattr(exception, "words", UNREADABLE))
    if isinstance(exception, exceptions.APIException):
        return _of_api_exception(exception, context)
    return None


def _of_api_exception(exception: exceptions.APIException, context: dict[str, Any]) -> JsonResponse:
    wait = getattr(exception, "wait", None)
    words = getattr(exception, "words", "")
    members = getattr(exception, "members", {})
    retry_after = math.ceil(wait) if wait else None
    answer = problem(exception.status_code, words, retry_after=retry_after, **members)
    if isinstance(exception, exceptions.MethodNotAllowed):
        answer.headers["Allow"] = ", ".join(
            each for each in context["view"].allowed_methods if each != "OPTIONS"
        )
    return answer


def by_field(detail: Any, path: str = "") -> dict[str, list[str]]:
    """Messages by field; fields inside fields are named with a dot. Messages that belong to no field stand under ''."""
    found: dict[str, list[str]] = {}
    for name, message in _messages(detail, path):
        found.setdefault(name, []).append(message)
    return found


def _messages(detail: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from _messages(inner, _joined(path, "" if name == "non_field_errors" else str(name)))
    elif isinstance(detail, list):
        for inner in detail:
            yield from _messages(inner, path)
    else:
        yield path, IN_JAPANESE.get(str(detail), str(detail))


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path and name else path or name
