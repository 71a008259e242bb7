"""Is the database there, and is it of our version? Asked over a connection of its own, so that one that hangs cannot
make the question hang."""

import psycopg2
from django.db import connection
from django.db.migrations.loader import MigrationLoader

CONNECT_SECONDS = 2


def database_state() -> dict[str, str]:
    """{"database": "up"}, with {"migrations": "missing"} where some are, or {"database": "down"}. At most ~2 s."""
    try:
        applied = _applied()
    except psycopg2.Error:
        return {"database": "down"}
    known = MigrationLoader(None).disk_migrations
    return {"database": "up"} if applied >= set(known) else {"database": "up", "migrations": "missing"}


def _applied() -> set[tuple[str, str]]:
    """(app, name) of the migrations that were run; none where their table is missing."""
    params = connection.get_connection_params() | {"connect_timeout": CONNECT_SECONDS}
    for ours in ("cursor_factory", "context"):
        params.pop(ours, None)
    probe = psycopg2.connect(**params)
    try:
        with probe, probe.cursor() as cursor:
            cursor.execute("SELECT to_regclass('django_migrations') IS NOT NULL")
            if not cursor.fetchone()[0]:
                return set()
            cursor.execute("SELECT app, name FROM django_migrations")
            return set(cursor.fetchall())
    finally:
        probe.close()
