"""The rival of `benchmarks.booking`: the same lock, count and insert in plain SQL behind a plain WSGI function.

No form, no mail, no trail, no free times, no page. What we take longer than this is the price of the house.
"""

import os
import threading
from collections.abc import Callable, Iterable
from typing import Any

import psycopg2

CAP = 4
_own = threading.local()


def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """POST /?slot=17: 302 for whoever got a place, 409 for the others."""
    got = _book(int(environ["QUERY_STRING"].partition("=")[2]))
    start("302 Found" if got else "409 Conflict", [("Content-Length", "0")])
    return []


def _connection() -> Any:
    if not hasattr(_own, "connection"):
        _own.connection = psycopg2.connect(os.environ["DATABASE_URL"].replace("postgres:", "postgresql:", 1))
    return _own.connection


def _book(slot: int) -> bool:
    with _connection() as transaction, transaction.cursor() as cursor:
        cursor.execute("SELECT cap FROM bare_month WHERE id = 1 FOR NO KEY UPDATE")
        cursor.execute("SELECT number FROM bare_place WHERE month_id = 1")
        numbers = {number for (number,) in cursor.fetchall()}
        if len(numbers) >= CAP:
            return False
        number = next(each for each in range(1, CAP + 1) if each not in numbers)
        cursor.execute("INSERT INTO bare_place (month_id, number, slot) VALUES (1, %s, %s)", [number, slot])
    return True
