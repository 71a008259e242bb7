"""Sessions in PostgreSQL, as Django's; a cookie that cannot be a session's key is never asked for."""

from django.contrib.sessions.backends import db


class SessionStore(db.SessionStore):
    """A key that was typed by hand (it may hold a NUL, which PostgreSQL refuses) is nobody's session, not an error."""

    def _validate_session_key(self, key: str | None) -> bool:
        return bool(key and len(key) >= 8 and key.isascii() and key.isalnum())
