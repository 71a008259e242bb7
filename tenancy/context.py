"""What the shells need on every page."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from tenancy.door import Visit
from tenancy.models import FirmProfile, PrivacyNotice
from tenancy.navigation import navigation
from tenancy.scope import scope_or_none

THEMES = ("auto", "light", "dark")


@dataclass(frozen=True)
class PublicSite:
    """What the public shell shows of the firm; empty texts are left out of the page."""

    slug: str
    name: str
    url: str
    legal_name: str
    representative: str
    location: str
    phone: str
    phone_href: str
    hours: str
    email: str
    headline: str
    conviction: str
    privacy_url: str
    privacy_summary: str


def shell(request: HttpRequest) -> dict[str, Any]:
    """`theme`; in a firm also `visit`, `firm` and `site` (queried when used); for members `nav` and `who`.

    Outside the scope only the theme: what Django refuses before a view with `own_transactions` opens it (a form whose
    token is gone) is said by an error page.
    """
    theme = request.COOKIES.get("theme", "auto")
    context: dict[str, Any] = {"theme": theme if theme in THEMES else "auto"}
    visit: Visit | None = getattr(request, "visit", None)
    if visit is None or scope_or_none() is None:
        return context
    context |= {"visit": visit, "firm": visit.firm, "site": SimpleLazyObject(lambda: site_of(visit))}
    if visit.membership is not None:
        context |= {"nav": navigation(visit, request.path), "who": visit.membership}
    return context


def site_of(visit: Visit) -> PublicSite | None:
    """The firm's public face, or None while it has not been written. Two queries."""
    profile, privacy = FirmProfile.objects.first(), PrivacyNotice.objects.first()
    if profile is None:
        return None
    copied = (
        "legal_name",
        "representative",
        "location",
        "phone",
        "phone_href",
        "hours",
        "email",
        "headline",
        "conviction",
    )
    return PublicSite(
        slug=visit.firm.slug,
        name=visit.firm.name,
        url=reverse("tenancy:public", args=[visit.firm.slug]),
        privacy_url=reverse("tenancy:privacy", args=[visit.firm.slug]),
        privacy_summary=privacy.summary if privacy else "",
        **{name: getattr(profile, name) for name in copied},
    )
