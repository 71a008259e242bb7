"""Telling somebody by mail what a page must not say to whoever sits in front of it."""

from uuid import UUID

from consultations import mails
from consultations.models import Consultation
from consultations.office import in_the_office
from tenancy import trail

ALREADY = "mail.already"


def tell_already(*, first: Consultation, once: UUID) -> None:
    """Who asks for a second place of a month gets the link to the first, at the address that has it. Once for each form
    that was sent."""
    with in_the_office():
        if trail.done(ALREADY, once) is not None:
            return
        row = Consultation.objects.with_people().get(pk=first.pk)
        sent = mails.send_already(row, once)
        trail.record(ALREADY, row, company_id=row.company_id, rows=sent, once=once)
