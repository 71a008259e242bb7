"""Who may what: every view declares it, the registry holds it, and docs/security.md shows it.

UPDATE_DOCS=1 ./script/test tests/tenancy/test_permissions.py      # writes the table anew
"""

import os
import re
from pathlib import Path

import pytest
from django.conf import settings

from tenancy.checks import declared, patterns
from tenancy.models import Membership
from tenancy.permissions import PERMISSIONS, Access

SECURITY = Path(settings.BASE_DIR) / "docs" / "security.md"
ROLES = list(Membership.Role)
_TABLE = re.compile(r"(<!-- permissions: begin -->\n).*?(<!-- permissions: end -->)", re.DOTALL)


def table() -> str:
    head = ["permission", "what it allows", *(role.label for role in ROLES)]
    rows = [
        [
            f"`{name}`",
            permission.label,
            *("○" if role in permission.roles else "" for role in ROLES),
        ]
        for name, permission in PERMISSIONS.items()
    ]
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def needed() -> set[str]:
    """Every permission that a view asks for, at whatever method."""
    found = [declared(view) for _, view in patterns()]
    each = [one for access in found for one in (access.values() if isinstance(access, dict) else [access])]
    return {access.permission for access in each if isinstance(access, Access)}


def test_the_table_in_the_docs_is_the_registry() -> None:
    text = SECURITY.read_text(encoding="utf-8")
    fresh = _TABLE.sub(lambda found: found[1] + table() + found[2], text)
    if os.environ.get("UPDATE_DOCS"):
        SECURITY.write_text(fresh, encoding="utf-8")
    assert SECURITY.read_text(encoding="utf-8") == fresh
    assert "| `home.read` |" in fresh


def test_every_permission_opens_some_door() -> None:
    assert set(PERMISSIONS) - needed() == set()


@pytest.mark.parametrize("name", ["", "companies", "companies.write"])
def test_a_permission_that_is_not_in_the_registry_stops_the_start(name: str) -> None:
    with pytest.raises(ValueError, match="Unknown permission"):
        Access(name)
