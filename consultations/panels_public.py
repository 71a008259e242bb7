"""What the オンライン相談・壁打ち adds to the firm's public page."""

from collections.abc import Mapping
from typing import Any

from consultations.screens import month_now
from tenancy.door import Visit
from tenancy.extensions import public_panel


def free_places(visit: Visit) -> Mapping[str, Any]:
    """「今月の残り◯社」 for everybody, where the firm gives sessions."""
    return {"month": month_now()}


public_panel(
    "consultations",
    templates={
        "above": "consultations/_public_places.html",
        "calls": "consultations/_public_call.html",
        "about": "consultations/_public_about.html",
    },
    build=free_places,
)
