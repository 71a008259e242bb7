"""The description of the API (OpenAPI 3.1), the page that shows it, and the words doors describe themselves with.

It holds no tenant's data: everybody may read it.
"""

from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer2, OpenApiYamlRenderer
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tenancy.api import reference
from tenancy.permissions import OPEN, Access, access
from tenancy.responses import PROBLEMS

KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description=(
        "同じ要求を二度送っても一度だけ処理するための、任意の文字列(1〜255文字)。24時間有効です。"
        "二度目からは同じ応答を `Idempotency-Replayed: true` とともにお返しします。"
    ),
)


class Problem(serializers.Serializer[Any]):
    """An error (RFC 9457). `errors`: messages by field."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    errors = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.CharField()), required=False
    )


def refusals(*statuses: int) -> dict[tuple[int, str], OpenApiResponse]:
    """The problems a door may answer, for `extend_schema(responses=…)`."""
    return {
        (status, "application/problem+json"): OpenApiResponse(Problem, PROBLEMS[status].title)
        for status in statuses
    }


class DoorScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """A token in the header, or the session of somebody who has signed in."""

    target_class = "tenancy.api.authentication.DoorAuthentication"
    name = ["token", "session"]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:
        return [
            {"type": "http", "scheme": "bearer", "description": "設定の画面で発行したAPIトークン"},
            {
                "type": "apiKey",
                "in": "cookie",
                "name": "sessionid",
                "description": "ログインしたブラウザー。POST・PATCHには `X-CSRFToken` が必要です。",
            },
        ]


class Schema(APIView):
    """`/api/v1/schema/`: JSON, or YAML for who accepts only that."""

    http_method_names = ("get", "head")
    access = Access(OPEN)
    authentication_classes = ()
    renderer_classes: list[type[BaseRenderer]] = [OpenApiJsonRenderer2, OpenApiYamlRenderer]

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        return Response(_schema())


@cache
def _schema() -> Any:
    """Made once: it depends on the code alone."""
    return SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]


@access(OPEN)
@csrf_exempt  # a POST is no form of ours: it is told which methods there are
@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """`/api/v1/docs/`: the description for people."""
    return render(request, "tenancy/api_docs.html", {"groups": _groups(), "shapes": _shapes()})


@cache
def _groups() -> tuple[reference.Group, ...]:
    return reference.groups(_schema())


@cache
def _shapes() -> tuple[reference.Shape, ...]:
    return reference.shapes(_schema())
