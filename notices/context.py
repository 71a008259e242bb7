"""The bell in the shell."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from notices.models import count_unread
from tenancy.door import Visit
from tenancy.scope import scope_or_none


def bell(request: HttpRequest) -> dict[str, Any]:
    """For members: `notices_url`, and `unread_notices` (counted when the page shows it: one query)."""
    visit: Visit | None = getattr(request, "visit", None)
    member = visit.membership if visit else None
    if visit is None or member is None or not visit.may("notices.read") or scope_or_none() is None:
        return {}
    return {
        "notices_url": reverse("notices:list", args=[visit.firm.slug]),
        "unread_notices": SimpleLazyObject(lambda: count_unread(member)),
    }
