"""What the オンライン相談・壁打ち adds to the firm's public page."""

from collections.abc import Mapping
from typing import Any

from consultations.screens import what_is_free
from tenancy.door import Visit
from tenancy.extensions import public_panel


def free_places(visit: Visit) -> Mapping[str, Any] | None:
    """「今月の残り◯社」 for everybody; nothing where nothing can be booked and nobody can wait for anything."""
    free = what_is_free()
    shown = free.desk.is_open and (free.open or free.full)
    others = [each for each in free.open if each != free.first]
    return {"month": free.first, "others": others} if shown else None


public_panel(
    "consultations",
    templates={
        "above": "consultations/_public_places.html",
        "calls": "consultations/_public_call.html",
        "about": "consultations/_public_about.html",
    },
    build=free_places,
)
