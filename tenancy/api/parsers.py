"""Reading a request's body. Stands alone: DRF imports it while it is itself being imported."""

import json
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser


class NoObject(ParseError):
    """JSON, but not `{…}`."""

    words = "JSON のオブジェクト({…})でお送りください。"


class CarefulJSONParser(JSONParser):
    """DRF's, and refuses what it would only stumble over later: nesting without end, halves of characters."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None
    ) -> dict[str, Any]:
        try:
            data: dict[str, Any] = super().parse(stream, media_type, parser_context)
            json.dumps(data, ensure_ascii=False).encode()
        except (RecursionError, UnicodeEncodeError) as error:
            raise ParseError from error
        if not isinstance(data, dict):
            raise NoObject
        return data
