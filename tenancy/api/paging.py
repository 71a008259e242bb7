"""Lists in pages by cursor: stable while rows come and go, and as quick on the last page as on the first.

A cursor is signed and holds the sort value and the primary key of the row at the page's edge; ties are exact, however
many rows share a value. An expression to sort by must never be NULL.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core import signing
from django.db.models import F, Q, QuerySet
from django.db.models.expressions import Combinable
from drf_spectacular.utils import inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

DEFAULT_SIZE, LARGEST_SIZE = 50, 200
_SALT = "michisuji.cursor"
ALTERED = "この続きの位置は使えません。はじめのページから取得し直してください。"
OTHER_ORDER = "この続きの位置は、別の並べ替えのものです。"

Orders = Mapping[str, str | Combinable]


@dataclass(frozen=True)
class Cursor:
    """The edge of a page: rows after (`back`: before) the one with this sort value and primary key."""

    ordering: str
    back: bool
    value: str
    pk: str

    def __str__(self) -> str:
        return signing.dumps([self.ordering, self.back, self.value, self.pk], salt=_SALT)

    @classmethod
    def read(cls, text: str, ordering: str) -> "Cursor":
        """Raises ValidationError for a cursor that was altered or belongs to another order."""
        try:
            cursor = cls(*signing.loads(text, salt=_SALT))
        except signing.BadSignature as error:
            raise ValidationError({"cursor": [ALTERED]}) from error
        if cursor.ordering != ordering:
            raise ValidationError({"cursor": [OTHER_ORDER]})
        return cursor


class PageQuery(serializers.Serializer[Any]):
    """What every list takes; a list's own query inherits from it, adds its filters and its `ordering`."""

    cursor = serializers.CharField(required=False, help_text="`next`・`previous` が示す続きの位置")
    page_size = serializers.IntegerField(
        required=False,
        min_value=1,
        default=DEFAULT_SIZE,
        help_text=f"1ページの件数。{LARGEST_SIZE}件まで(それより大きな値は{LARGEST_SIZE}とみなします)",
    )

    @classmethod
    def of(cls, request: Request) -> dict[str, Any]:
        """What was asked for, checked. Raises ValidationError."""
        query = cls(data=request.query_params)
        query.is_valid(raise_exception=True)
        return dict(query.validated_data)


def ordering_field(orders: Orders, usual: str) -> serializers.ChoiceField:
    """The field `ordering` of a list: its names, and each with `-` for the other way round."""
    choices = [prefix + name for name in orders for prefix in ("", "-")]
    return serializers.ChoiceField(choices, default=usual, help_text="並べ替え。`-` を付けると逆順")


def paged(
    request: Request,
    rows: QuerySet[Any],
    query: Mapping[str, Any],
    orders: Orders,
    present: Callable[[Any], dict[str, Any]],
) -> Response:
    """One page of `rows` as `{next, previous, results}`. One query besides what `rows` prefetches."""
    ordering, size = query["ordering"], min(query["page_size"], LARGEST_SIZE)
    cursor = Cursor.read(query["cursor"], ordering) if "cursor" in query else None
    back = cursor is not None and cursor.back
    found = list(_from_edge(rows, orders, ordering, cursor)[: size + 1])
    more, found = len(found) > size, found[:size]
    if back:
        found.reverse()
    links = {
        "next": _link(request, ordering, found[-1:], back=False) if more or back else None,
        "previous": _link(request, ordering, found[:1], back=True) if (more if back else cursor) else None,
    }
    return Response({**links, "results": [present(row) for row in found]})


def _from_edge(rows: QuerySet[Any], orders: Orders, ordering: str, cursor: Cursor | None) -> QuerySet[Any]:
    expression = orders[ordering.removeprefix("-")]
    rows = rows.annotate(sort_value=F(expression) if isinstance(expression, str) else expression)
    down = ordering.startswith("-") != (cursor is not None and cursor.back)
    if cursor is not None:
        beyond = "lt" if down else "gt"
        tie = Q(**{"sort_value": cursor.value, f"pk__{beyond}": cursor.pk})
        rows = rows.filter(Q(**{f"sort_value__{beyond}": cursor.value}) | tie)
    return rows.order_by("-sort_value", "-pk") if down else rows.order_by("sort_value", "pk")


def _link(request: Request, ordering: str, edge: list[Any], *, back: bool) -> str | None:
    if not edge:
        return None
    query = request.query_params.copy()
    query["cursor"] = str(Cursor(ordering, back, str(edge[0].sort_value), str(edge[0].pk)))
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")


def page_of(row: type[serializers.BaseSerializer[Any]]) -> serializers.Serializer[Any]:
    """The description of a page of `row`."""
    name = row.__name__.removesuffix("Data")
    return inline_serializer(
        f"{name}Page",
        {
            "next": serializers.URLField(allow_null=True),
            "previous": serializers.URLField(allow_null=True),
            "results": row(many=True),
        },
    )
