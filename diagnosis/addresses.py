"""The addresses that stand outside the house: signed links in mails, QR codes and copy fields.

They begin with PUBLIC_URL, never with the host of a request.
"""

from datetime import datetime

from django.conf import settings
from django.urls import reverse

from diagnosis.models import Diagnosis
from tenancy.links import LIFETIME, make_token, signed_at

ANSWERS = "diagnosis.answers"
RESULT = "diagnosis.result"


def answers_token(diagnosis: Diagnosis) -> str:
    """A token that goes on answering this diagnosis; once it is submitted, it leads to the result."""
    return make_token(ANSWERS, diagnosis.pk, diagnosis.link_version)


def result_token(diagnosis: Diagnosis, *, since: datetime | None = None) -> str:
    """A token that opens the result and the PDF, for 180 days from now, or from `since`.

    Only the firm makes links from now: whoever holds a link must not be able to hold it for ever.
    """
    return make_token(RESULT, diagnosis.pk, diagnosis.link_version, since=since)


def answers_url(firm: str, token: str) -> str:
    """Where to go on answering, whole, for the firm with that slug."""
    return settings.PUBLIC_URL + reverse("diagnosis:answers", args=[firm, token])


def code_url(firm: str) -> str:
    """Where to type a short code, whole."""
    return settings.PUBLIC_URL + reverse("diagnosis:code", args=[firm])


def result_url(firm: str, token: str) -> str:
    """Where the result stands, whole."""
    return settings.PUBLIC_URL + reverse("diagnosis:result", args=[firm, token])


def detail_url(firm: str, diagnosis: Diagnosis) -> str:
    """Where the consultants read it, whole."""
    return settings.PUBLIC_URL + reverse("diagnosis:detail", args=[firm, diagnosis.pk])


def valid_until(token: str) -> datetime:
    """When a token that `read_token` has accepted ends: its own time of signing and 180 days."""
    return signed_at(token) + LIFETIME
