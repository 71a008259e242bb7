"""Writing the audit trail: one row per act, in the same transaction as the act."""

from typing import Any

from django.db import models

from tenancy.logs import request_id
from tenancy.models import Trail
from tenancy.scope import current_scope


def record(act: str, subject: models.Model, *, company_id: int | None = None, **details: Any) -> None:
    """Write that the scope's user did `act` to `subject`. `details`: ids, states and names of fields; never what a
    person typed. One INSERT, without reading it back: visitors may add to the trail but not see it."""
    scope = current_scope()
    Trail(
        firm_id=scope.firm_id or 0,  # 0: no firm, PostgreSQL refuses it
        company_id=company_id,
        user_id=scope.user_id,
        role=scope.role,
        act=act,
        subject=subject._meta.label_lower,
        subject_id=str(subject.pk),
        details=details,
        request_id=request_id.get(),
    ).save(force_insert=True)
