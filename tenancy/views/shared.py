"""What views of several rooms share."""

from typing import Any

from django.db import models
from django.shortcuts import get_object_or_404

from tenancy.door import Visit
from tenancy.extensions import company_tabs
from tenancy.models import Company


def company_of(pk: int, rows: "models.QuerySet[Company] | None" = None) -> Company:
    """The company in the address, of `rows` (all by default). Raises Http404, also for one that became part of another:
    its addresses lead there (`tenancy.forwarding`)."""
    rows = Company.objects.all() if rows is None else rows
    found: Company = get_object_or_404(rows.filter(merged_into=None), pk=pk)
    return found


def screen(visit: Visit, company: Company, tab: str) -> dict[str, Any]:
    """What every screen of a company needs."""
    return {"company": company, "company_tabs": company_tabs(visit, company, tab)}
