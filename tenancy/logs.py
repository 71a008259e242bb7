"""Structured logs: one JSON line each, with request, firm and actor ids, never personal data or answers, and never what
opens something: of a signed link, a password key or a token only its place is written."""

import json
import logging
import re
import traceback
from contextvars import ContextVar

from tenancy.scope import scope_or_none

request_id: ContextVar[str] = ContextVar("request_id", default="")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "request", "taskName"}
# What stands in an address, also percent-encoded as a `next`, and opens something to whoever reads it.
_BEFORE_KEYS = (
    "/diagnosis/[ar]/",
    "/consultation/(?:[mwns]|sent|feed)/",
    "/invitation/",
    "/reset/key/",
    "/email/confirm/",
)
_BEFORE = "|".join(_BEFORE_KEYS).replace("/", "(?:/|%2F)")
_KEYS = re.compile(rf"({_BEFORE}|[?&](?:from|again|diagnosis)=|\bmst_)(?:(?!%2F)[^\s/?&\"'])+", re.IGNORECASE)


class JsonFormatter(logging.Formatter):
    """Message, level, logger and the record's own extras. Of an exception: its type and where it was raised, not its
    text, which may quote what a person typed."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"at": self.formatTime(record), "level": record.levelname, "logger": record.name}
        line["message"] = without_keys(record.getMessage())
        if request_id.get():
            line["request_id"] = request_id.get()
        if scope := scope_or_none():
            line |= {"firm": str(scope.firm_id), "user": str(scope.user_id)}
        extras = {key: value for key, value in vars(record).items() if key not in _STANDARD}
        line |= {key: without_keys(str(value)) for key, value in extras.items()}
        if record.exc_info:
            kind, _, where = record.exc_info
            line["exception"] = f"{kind.__name__ if kind else ''}\n{''.join(traceback.format_tb(where))}"
        return json.dumps(line, ensure_ascii=False)


def without_keys(text: str) -> str:
    """The text with signed links, password keys and API tokens cut down to where they stood."""
    return _KEYS.sub(r"\1…", text)
