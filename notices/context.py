"""The bell in the shell."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from notices.models import count_unread
from tenancy.door import Visit
from tenancy.models import Membership
from tenancy.scope import scope_or_none


def bell(request: HttpRequest) -> dict[str, Any]:
    """For members: `notices_url`, and `unread_notices` (counted when the page shows it: one query)."""
    visit: Visit | None = getattr(request, "visit", None)
    member = visit.membership if visit else None
    told = visit is not None and (visit.may("notices.read") or visit.may("company_notices.read"))
    if visit is None or member is None or not told or scope_or_none() is None:
        return {}
    return {
        "notices_url": _address(member, "list"),
        "unread_notices": SimpleLazyObject(lambda: count_unread(member)),
    }


def addresses(member: Membership) -> dict[str, str]:
    """Where the member's notices stand, are marked as read, and are chosen. A notice's is `notices_url` + id + /."""
    return {
        "notices_url": _address(member, "list"),
        "read_all_url": _address(member, "read_all"),
        "choose_url": _address(member, "choose"),
    }


def _address(member: Membership, name: str) -> str:
    slug = member.firm.slug
    if member.company_id is None:
        return reverse(f"notices:{name}", args=[slug])
    return reverse(f"notices:own_{name}", args=[slug, member.company_id])
