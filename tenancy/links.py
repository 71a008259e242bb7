"""Signed links: an address that opens one thing for whoever holds it.

The token carries what it opens and which issue of the link it is, signed; so a link is checked before any query, and
is revoked by raising the version on the thing itself. It ends after 180 days, unless its purpose says otherwise.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.core.signing import BadSignature, TimestampSigner, b62_decode, b62_encode

from tenancy import guards

LIFETIME = timedelta(days=180)
_LASTING: set[str] = set()


@dataclass(frozen=True)
class Link:
    """What a valid token opens: the object's id and the version of its links."""

    id: UUID
    version: int

    def is_version(self, version: int) -> bool:
        """Whether this link has not been revoked: the object's present link version is the one it carries."""
        return self.version == version or not guards.stands("links.version")


def lasts_until_revoked(purpose: str) -> None:
    """Say at start-up that links for `purpose` are not over after 180 days: a program that asks again every hour for
    years, as a calendar does, cannot be sent a new one. Only the version ends them, and a secret key taken out."""
    _LASTING.add(purpose)


def make_token(purpose: str, id: UUID, version: int, *, since: datetime | None = None) -> str:
    """A token for `purpose` (e.g. 'diagnosis.result') that opens `id` while its link version is `version`.

    Its 180 days count from now, or from `since`: what one link makes of another must not live longer than the first.
    """
    body = urlsafe_b64encode(id.bytes).rstrip(b"=").decode()
    return _signer(purpose, since).sign(f"{body}.{version}")


def read_token(purpose: str, token: str) -> Link | None:
    """The link in `token`, or None if it was altered, was made for another purpose or is older than 180 days, unless
    the purpose lasts until revoked."""
    longest = None if purpose in _LASTING else LIFETIME
    try:
        body, version = _signer(purpose).unsign(token, max_age=longest).split(".")
        return Link(UUID(bytes=urlsafe_b64decode(body + "==")), int(version))
    except (BadSignature, ValueError):
        return None


def signed_at(token: str) -> datetime:
    """When a token that `read_token` has accepted was signed: its 180 days count from there."""
    return datetime.fromtimestamp(b62_decode(token.rsplit("~", 2)[-2]), UTC)


class _Signer(TimestampSigner):
    """Django's, with a moment of ours instead of now where one is given."""

    since: datetime | None = None

    def timestamp(self) -> str:
        return b62_encode(int(self.since.timestamp())) if self.since else super().timestamp()


def _signer(purpose: str, since: datetime | None = None) -> TimestampSigner:
    signer = _Signer(salt=f"michisuji.link.{purpose}", sep="~")
    signer.since = since
    return signer
