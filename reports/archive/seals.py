"""Personal values in an archive's trail: opened with the keys in it, and sealed anew with keys of this firm.

No key is brought in. Whoever has the archive has its keys, and would have those to what this firm writes from now on;
and a stranger may have put anything in their place.
"""

from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError

from tenancy.personal import Forgotten, opened, seal


@dataclass
class Seals:
    """The archive's keys by whom they are of, as the archive calls them, and the company (here) they hang on."""

    keys: dict[str, tuple[bytes, int | None]] = field(default_factory=dict)

    def anew(self, value: dict[str, Any], person: str) -> Any:
        """A sealed value of the archive as it stands here, where it is `person`'s. What the archive has no key to, or
        no right one, cannot be read here either. Raises ValidationError for what `tenancy.personal` never made."""
        if not all(isinstance(each, str) for each in value.values()):
            raise ValidationError("sealed")
        key, company_id = self.keys.get(value["person"], (b"", None))
        try:
            content = opened(value, {value["person"]: key})
        except Forgotten:
            return {**value, "person": person, "sealed": ""}
        return seal(person, [content], company_id=company_id)[0]
