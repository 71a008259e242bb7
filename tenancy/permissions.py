"""What each role may do (architecture.md §4), and how a view says what it needs.

A view without a declaration fails the start-up checks; `tenancy.middleware` holds every request to it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

ADMIN, CONSULTANT, OWNER, STAFF, PARTNER = "admin", "consultant", "owner", "staff", "partner"
FIRM_ROLES = frozenset({ADMIN, CONSULTANT})

# Permission → roles. Only what exists; each issue adds its own lines.
PERMISSIONS: dict[str, frozenset[str]] = {
    "home.read": FIRM_ROLES,
    "companies.read": FIRM_ROLES,
    "companies.edit": FIRM_ROLES,
    "diagnoses.read": FIRM_ROLES,
    "diagnoses.edit": FIRM_ROLES,
    "notices.read": FIRM_ROLES,
    "firm.settings": frozenset({ADMIN}),
    "firm.mail_log": frozenset({ADMIN}),
    "api.docs": FIRM_ROLES,
}
# Not permissions but words for doors without a membership.
OPEN = "open"  # everybody, no firm, no database scope
SIGNED_IN = "signed_in"  # a person, no firm: the scope sees only what belongs to that person
VISITOR = "visitor"  # everybody, inside a firm's public pages


@dataclass(frozen=True)
class Limit:
    """At most `count` requests of `method` in `seconds`, per address or per firm.

    `only_made`: a request that was refused, or answered with what an earlier one made, gives its count back.
    """

    name: str
    count: int
    seconds: int
    per: str = "address"  # or "firm"
    method: str = "POST"
    only_made: bool = False


@dataclass(frozen=True)
class Access:
    """What a view needs. `link`: the purpose of the signed link expected in the URL's `token`."""

    permission: str
    link: str = ""
    limits: tuple[Limit, ...] = field(default=())

    def __post_init__(self) -> None:
        if self.permission not in PERMISSIONS and self.permission not in (OPEN, SIGNED_IN, VISITOR):
            raise ValueError(f"Unknown permission {self.permission!r}: add it to tenancy.permissions.")


_View = TypeVar("_View", bound=Callable[..., Any])


def access(permission: str, *, link: str = "", limits: tuple[Limit, ...] = ()) -> Callable[[_View], _View]:
    """Declare what a view function needs."""
    declared = Access(permission, link, limits)

    def declare(view: _View) -> _View:
        view.access = declared  # type: ignore[attr-defined]
        return view

    return declare


def access_of(view: Callable[..., Any], method: str) -> Access | None:
    """What `view` needs for this HTTP method; None where nothing is declared.

    A DRF view class declares `access` as one Access or as a dict by method.
    """
    declared = getattr(getattr(view, "cls", None) or getattr(view, "view_class", view), "access", None)
    if isinstance(declared, dict):
        return declared.get("GET" if method in ("HEAD", "OPTIONS") else method, declared.get("GET"))
    return declared if isinstance(declared, Access) else None


def may(role: str | None, permission: str) -> bool:
    """Whether the role may do it. Templates ask the same question as the door."""
    return role is not None and role in PERMISSIONS[permission]
