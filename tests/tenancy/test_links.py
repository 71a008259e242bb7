"""Signed links: what they open, for how long, and what ends them."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from tenancy import links
from tenancy.links import LIFETIME, lasts_until_revoked, make_token, read_token

THING = uuid4()


@pytest.fixture
def lasting(monkeypatch: pytest.MonkeyPatch) -> str:
    """A purpose that was declared at start-up, and not in the next test."""
    monkeypatch.setattr(links, "_LASTING", set())
    lasts_until_revoked("test.feed")
    return "test.feed"


def test_a_link_opens_its_thing_for_180_days() -> None:
    today = timezone.now()
    young, old = (
        make_token("test.page", THING, 3, since=today - LIFETIME + each)
        for each in (timedelta(hours=1), -timedelta(hours=1))
    )
    link = read_token("test.page", young)
    assert link is not None
    assert (link.id, link.version) == (THING, 3)
    assert read_token("test.page", old) is None


def test_a_purpose_that_lasts_until_revoked_has_no_last_day(lasting: str) -> None:
    years_ago = timezone.now() - timedelta(days=4_000)
    link = read_token(lasting, make_token(lasting, THING, 3, since=years_ago))
    assert link is not None
    assert link.is_version(3)
    assert read_token("test.page", make_token("test.page", THING, 3, since=years_ago)) is None


@pytest.mark.guard("links.version")
def test_what_lasts_is_revoked_by_its_version_all_the_same(lasting: str) -> None:
    link = read_token(lasting, make_token(lasting, THING, 3))
    assert link is not None
    assert not link.is_version(4)


def test_a_token_of_another_purpose_or_an_altered_one_opens_nothing_however_long_it_lasts(
    lasting: str,
) -> None:
    token = make_token(lasting, THING, 3)
    for each in (make_token("test.page", THING, 3), token[:-1], token.replace(".3~", ".4~"), "", "~~", "あ"):
        assert read_token(lasting, each) is None
