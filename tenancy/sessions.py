"""Sessions in PostgreSQL, as Django's; how long they open what, and what a person sees of the own ones.

A session lasts 30 days. On the firm's side it opens doors for 12 hours from signing in, while it is used at least every
3 hours, and only if it was opened with a password (`is_over`). For what is sensitive the person must have shown who
they are within 15 minutes (`is_fresh`). All of it stands in the session itself: no door asks for one more query.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY, get_authentication_records
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare, salted_hmac

from tenancy import clock
from tenancy.models import Session, User

FIRM_SIDE_AGE = timedelta(hours=12)
FIRM_SIDE_IDLE = timedelta(hours=3)
FRESH_FOR = timedelta(minutes=15)
NOTED_EVERY = timedelta(minutes=5)  # so that reading pages does not mean writing sessions
_SIGNED_IN, _SEEN, _FRESH, _DEVICE, _FIRMS = "signed_in_at", "seen_at", "fresh_at", "device", "firms"
_AWAKE = "awake_at"  # as _SEEN, until the firm's side is over: a place elsewhere does not bring it back

# The first that fits: browsers name the ones they resemble too.
_BROWSERS = {"Edg": "Edge", "Firefox": "Firefox", "FxiOS": "Firefox", "CriOS": "Chrome", "Chrome": "Chrome"}
_BROWSERS |= {"Safari": "Safari"}
_SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Macintosh": "Mac",
}
_SYSTEMS |= {"CrOS": "Chromebook", "Linux": "Linux"}


class SessionStore(db.SessionStore):
    """Stamps a session when it gets its person, by whatever door that is, and keeps the columns of the list."""

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        if key == SESSION_KEY:
            now = clock.now().timestamp()
            self.update({_SIGNED_IN: now, _SEEN: now, _AWAKE: now, _FRESH: now})

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        row: Session = super().create_model_instance(data)  # type: ignore[assignment]
        row.user_id = int(data[SESSION_KEY]) if SESSION_KEY in data else None
        row.device = data.get(_DEVICE, "")
        row.signed_in_at, row.seen_at = _moment(data, _SIGNED_IN), _moment(data, _SEEN)
        row.firms = data.get(_FIRMS, {})
        return row

    def _validate_session_key(self, key: str | None) -> bool:
        """A key typed by hand (it may hold a NUL, which PostgreSQL refuses) is nobody's session, not an error."""
        return bool(key and len(key) >= 8 and key.isascii() and key.isalnum())


def _moment(data: Any, name: str) -> datetime | None:
    stamp = data.get(name)
    return datetime.fromtimestamp(stamp, UTC) if stamp else None


def _since(request: HttpRequest, name: str) -> timedelta:
    """How long ago; for ever where nothing was noted."""
    moment = _moment(request.session, name)
    return clock.now() - moment if moment else timedelta.max


# ── What a session opens ──


def is_over(request: HttpRequest) -> bool:
    """Whether the session opens nothing on the firm's side (any more). No query."""
    too_old = _since(request, _SIGNED_IN) > FIRM_SIDE_AGE or _since(request, _AWAKE) > FIRM_SIDE_IDLE
    ways = _ways(request)
    return too_old or ("code" in ways and "password" not in ways)


def has_second_factor(request: HttpRequest) -> bool:
    """Whether the person has shown a second factor in this session. No query."""
    return "mfa" in _ways(request)


def forget_second_factor(request: HttpRequest) -> None:
    """The person has none any more: what was shown before does not count for the next one."""
    records = [each for each in _records(request) if each["method"] != "mfa"]
    request.session[AUTHENTICATION_METHODS_SESSION_KEY] = records


def is_fresh(request: HttpRequest) -> bool:
    """Whether the person has shown who they are a short while ago, by signing in or once more."""
    return _since(request, _FRESH) <= FRESH_FOR


def refresh(request: HttpRequest) -> None:
    """They have just shown it once more."""
    request.session[_FRESH] = clock.now().timestamp()


def _records(request: HttpRequest) -> list[dict[str, Any]]:
    return list(get_authentication_records(request, request.user))


def _ways(request: HttpRequest) -> set[str]:
    """How the person has shown who they are in this session: password, code, mfa."""
    return {str(each["method"]) for each in _records(request)}


# ── What is noted ──


def note_activity(request: HttpRequest, firm_id: int | None = None) -> None:
    """Note that the session is used, and in which firm, at most every five minutes."""
    now, firms = clock.now().timestamp(), request.session.get(_FIRMS, {})
    was_here = firm_id is None or now - firms.get(str(firm_id), 0) <= NOTED_EVERY.total_seconds()
    if was_here and _since(request, _SEEN) <= NOTED_EVERY:
        return
    request.session[_SEEN] = now
    if not is_over(request):
        request.session[_AWAKE] = now
    if firm_id is not None:
        request.session[_FIRMS] = {**firms, str(firm_id): now}
    note_device(request)


def note_device(request: HttpRequest) -> None:
    """Note with what the person is here, in plain words."""
    request.session[_DEVICE] = device_of(request.headers.get("User-Agent", ""))


def device_of(agent: str) -> str:
    """「Windows の Edge」; '' for what names neither."""
    system = next((name for mark, name in _SYSTEMS.items() if mark in agent), "")
    browser = next((name for mark, name in _BROWSERS.items() if mark in agent), "")
    return " の ".join(each for each in (system, browser) if each)


# ── A person's own sessions ──


def sessions_of(user: User) -> QuerySet[Session]:
    """The person's sessions that still open something, the one used last on top."""
    return Session.objects.filter(user=user, expire_date__gt=clock.now()).order_by("-seen_at", "session_key")


def sessions_in(firm_id: int, user: User) -> list[Session]:
    """The person's sessions that may still open something on the firm's side and were used in this firm; `seen_here`
    is when. The one used last on top. One query."""
    since = clock.now() - FIRM_SIDE_AGE
    used = sessions_of(user).filter(signed_in_at__gt=since, firms__has_key=str(firm_id))
    rows = list(used.defer("session_data"))
    for row in rows:
        row.seen_here = datetime.fromtimestamp(row.firms[str(firm_id)], UTC)
    return sorted(rows, key=lambda row: row.firms[str(firm_id)], reverse=True)


def name_of(session_key: str) -> str:
    """What the session is called in forms and addresses: its key would open it."""
    return salted_hmac("michisuji.session-name", session_key, algorithm="sha256").hexdigest()[:32]


def named(sessions: Iterable[Session], name: str) -> Session | None:
    """The session that is called `name`."""
    return next((each for each in sessions if constant_time_compare(name_of(each.session_key), name)), None)


def end_sessions(user: User, *, but: str | None = None) -> int:
    """Sign the person out everywhere, except in the session with the key `but`, and end what was asked for there.
    Returns in how many places."""
    User.objects.filter(pk=user.pk).update(signed_out_at=clock.now())
    return Session.objects.filter(user=user).exclude(session_key=but or "").delete()[0]
