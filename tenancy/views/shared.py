"""What views of several rooms share."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.db import OperationalError, models, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from tenancy.door import Visit
from tenancy.extensions import company_tabs
from tenancy.locks import is_busy
from tenancy.models import Company
from tenancy.responses import refusal

RETRY_AFTER = 5
_View = TypeVar("_View", bound=Callable[..., HttpResponse])


def company_of(pk: int, rows: "models.QuerySet[Company] | None" = None) -> Company:
    """The company in the address, of `rows` (all by default). Raises Http404, also for one that became part of another:
    its addresses lead there (`tenancy.forwarding`)."""
    rows = Company.objects.all() if rows is None else rows
    found: Company = get_object_or_404(rows.filter(merged_into=None), pk=pk)
    return found


def screen(visit: Visit, company: Company, tab: str) -> dict[str, Any]:
    """What every screen of a company needs."""
    return {"company": company, "company_tabs": company_tabs(visit, company, tab)}


def says_when_busy(view: _View) -> _View:
    """503 with Retry-After when a lock was not to be had. What the view wrote is undone."""

    @wraps(view)
    def watched(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            with transaction.atomic():
                return view(request, *args, **kwargs)
        except OperationalError as problem:
            if not is_busy(problem):
                raise
            return refusal(request, 503, RETRY_AFTER)

    return watched  # type: ignore[return-value]
