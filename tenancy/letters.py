"""Mails that the house itself has to send. `notices` delivers them and says so at start-up: arrows point down."""

from collections.abc import Mapping
from typing import Protocol


class Post(Protocol):
    def __call__(self, *, key: str, template: str, to: str, context: Mapping[str, object]) -> None: ...


_posts: list[Post] = []


def deliver_by(post: Post) -> None:
    """Name who delivers; the last one named does."""
    _posts[:] = [post]


def send(*, key: str, template: str, to: str, context: Mapping[str, object]) -> None:
    """Queue the mail in the caller's transaction, once for each firm and key. Call in a scope of the firm; raises as
    `notices.actions.queue_mail` does."""
    _posts[0](key=key, template=template, to=to, context=context)
