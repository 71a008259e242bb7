"""Structured logs: one JSON line each, with request, firm and actor ids, never personal data or answers."""

import json
import logging
import traceback
from contextvars import ContextVar

from tenancy.scope import scope_or_none

request_id: ContextVar[str] = ContextVar("request_id", default="")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "request", "taskName"}


class JsonFormatter(logging.Formatter):
    """Message, level, logger and the record's own extras. Of an exception: its type and where it was raised, not its
    text, which may quote what a person typed."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"at": self.formatTime(record), "level": record.levelname, "logger": record.name}
        line["message"] = record.getMessage()
        if request_id.get():
            line["request_id"] = request_id.get()
        if scope := scope_or_none():
            line |= {"firm": str(scope.firm_id), "user": str(scope.user_id)}
        line |= {key: str(value) for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            kind, _, where = record.exc_info
            line["exception"] = f"{kind.__name__ if kind else ''}\n{''.join(traceback.format_tb(where))}"
        return json.dumps(line, ensure_ascii=False)
