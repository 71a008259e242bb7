"""How the schema is made of the doors. Stands alone: DRF imports it while it is itself being imported."""

from typing import Any

from drf_spectacular.openapi import AutoSchema

from tenancy.permissions import VISITOR, access_of


class DoorSchema(AutoSchema):
    """Describes a door by what `extend_schema` says; docstrings are for those who work on the house."""

    def get_description(self) -> str:  # type: ignore[override]
        return ""

    def get_auth(self) -> list[dict[str, Any]]:
        """Who may come without a token stands in the door's `access`, nowhere else."""
        needed = access_of(type(self.view), self.method)
        ways = [way for way in super().get_auth() if way]
        return [*ways, {}] if needed is not None and needed.permission == VISITOR else ways


def without_docstrings(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """The same for what is sent and answered; a list of choices keeps its words."""
    for each in result["components"]["schemas"].values():
        if "properties" in each:
            each.pop("description", None)
    return result
