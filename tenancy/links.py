"""Signed links: an address that opens one thing for whoever holds it.

The token carries what it opens and which issue of the link it is, signed; so a link is checked before any query, and
is revoked by raising the version on the thing itself.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.core.signing import BadSignature, TimestampSigner

from tenancy import guards

LIFETIME = timedelta(days=180)


@dataclass(frozen=True)
class Link:
    """What a valid token opens: the object's id and the version of its links."""

    id: UUID
    version: int

    def is_version(self, version: int) -> bool:
        """Whether this link has not been revoked: the object's present link version is the one it carries."""
        return self.version == version or not guards.stands("links.version")


def make_token(purpose: str, id: UUID, version: int) -> str:
    """A token for `purpose` (e.g. 'diagnosis.result') that opens `id` while its link version is `version`."""
    body = urlsafe_b64encode(id.bytes).rstrip(b"=").decode()
    return _signer(purpose).sign(f"{body}.{version}")


def read_token(purpose: str, token: str) -> Link | None:
    """The link in `token`, or None if it was altered, is older than 180 days or was made for another purpose."""
    try:
        body, version = _signer(purpose).unsign(token, max_age=LIFETIME).split(".")
        return Link(UUID(bytes=urlsafe_b64decode(body + "==")), int(version))
    except (BadSignature, ValueError):
        return None


def _signer(purpose: str) -> TimestampSigner:
    return TimestampSigner(salt=f"michisuji.link.{purpose}", sep="~")
