"""The addresses that stand outside the house: signed links in mails and calendars.

They begin with PUBLIC_URL, never with the host of a request.
"""

from datetime import date

from django.conf import settings
from django.urls import reverse

from consultations.models import Consultation, OpeningWish, WaitlistEntry
from tenancy.links import make_token

MANAGE = "consultations.manage"  # one's own booking: confirm, change, cancel, answer an offer, book again
SENT = "consultations.sent"  # the page after asking, which must not confirm what the mail confirms
JOINED = "consultations.joined"  # the page after joining the queue: it shows, and manages nothing
QUEUE = "consultations.queue"  # one's own entry in the queue
WISH = "consultations.wish"  # being told when a month opens
SUMMARY = "consultations.summary"
FEED = "consultations.feed"


def manage_token(consultation: Consultation) -> str:
    """A token with which whoever has the mail manages this booking."""
    return make_token(MANAGE, consultation.pk, consultation.link_version)


def sent_token(consultation: Consultation) -> str:
    """A token for the page that says where the mail went: the same one however often the form is sent."""
    return make_token(SENT, consultation.pk, consultation.link_version, since=consultation.created_at)


def queue_token(entry: WaitlistEntry) -> str:
    """A token with which whoever has the mail manages this entry."""
    return make_token(QUEUE, entry.pk, entry.link_version)


def joined_token(entry: WaitlistEntry) -> str:
    """A token for the page that says which in the queue they are: the same one however often the form is sent."""
    return make_token(JOINED, entry.pk, entry.link_version, since=entry.created_at)


def manage_url(slug: str, consultation: Consultation) -> str:
    return _whole("consultations:manage", slug, manage_token(consultation))


def again_url(slug: str, consultation: Consultation) -> str:
    """Where to book again what was typed once: the same link, which knows what it is about."""
    return _whole("consultations:again", slug, manage_token(consultation))


def rebook_url(slug: str, consultation: Consultation) -> str:
    """Where a company that the firm had to put off chooses another time."""
    return _whole("consultations:rebook", slug, manage_token(consultation))


def queue_url(slug: str, entry: WaitlistEntry) -> str:
    return _whole("consultations:queue", slug, queue_token(entry))


def wish_url(slug: str, wish: OpeningWish) -> str:
    return _whole("consultations:wish", slug, make_token(WISH, wish.pk, 1))


def summary_url(slug: str, consultation: Consultation) -> str:
    return _whole(
        "consultations:summary", slug, make_token(SUMMARY, consultation.pk, consultation.link_version)
    )


def book_url(slug: str, month: date | None = None) -> str:
    """The public page with the free times."""
    url = _whole("consultations:book", slug)
    return f"{url}?month={month:%Y-%m}" if month else url


def waitlist_url(slug: str, month: date) -> str:
    """Where to join the queue of a month that is full."""
    return f"{_whole('consultations:waitlist', slug)}?month={month:%Y-%m}"


def diagnosis_url(slug: str) -> str:
    return _whole("diagnosis:start", slug)


def detail_url(slug: str, consultation: Consultation) -> str:
    """Where the consultants read it, whole."""
    return _whole("consultations:detail", slug, consultation.pk)


def _whole(name: str, *args: object) -> str:
    return settings.PUBLIC_URL + reverse(name, args=args)
