"""Sending one mail of the outbox. Nothing here stands in a transaction while the other server is talking."""

import logging
import re
from email.mime.text import MIMEText
from email.utils import formataddr, parseaddr
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage

from notices.models import Mail, MailQuerySet
from notices.texts import one_line
from tenancy import clock, due
from tenancy.models import Firm
from tenancy.scope import Scope, open_scope

MOST_ATTEMPTS = 8
CALENDAR_NAME = "soudan.ics"
_METHOD = re.compile(r"^METHOD:([A-Z]+)\r?$", re.MULTILINE)

log = logging.getLogger(__name__)


def deliver(firm_id: int, mail_id: UUID, claim: due.Claim) -> None:
    """Send the mail if it is still to be sent. A failure is tried again later; after eight it stays, visibly."""
    with open_scope(Scope.of_firm(firm_id)):
        mail = Mail.objects.select_related("firm").filter(pk=mail_id, state=Mail.State.QUEUED).first()
        if mail is None:
            claim.finish()
            return
    if claim.attempt > MOST_ATTEMPTS:  # workers died over it, so that none could write why
        _not_sent(mail, claim, "WorkerLost")
        return
    try:
        message_of(mail, mail.firm).send()
    except Exception as problem:  # whatever the transport raises, in whatever module it is defined
        log.warning("mail not sent", extra={"mail": mail.pk, "problem": type(problem).__name__})
        _not_sent(mail, claim, type(problem).__name__)
    else:
        _sent(mail, claim)


def message_of(mail: Mail, firm: Firm) -> EmailMessage:
    """The mail as it goes out: from this installation in the firm's name, answers to the firm, the same Message-ID at
    every attempt, so that a second delivery can be told from a second mail."""
    own_address = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    domain = own_address.rpartition("@")[2] or "localhost"
    message = EmailMessage(
        subject=mail.subject,
        body=mail.body,
        from_email=formataddr((one_line(firm.name), own_address)),
        to=[mail.to],
        reply_to=[formataddr((one_line(firm.name), mail.reply_to))],
        headers={"Message-ID": f"<{mail.pk}@{domain}>", "Auto-Submitted": "auto-generated"},
    )
    if mail.calendar:
        message.attach(_calendar_file(mail.calendar))
    return message


def _calendar_file(text: str) -> MIMEText:
    """As an attachment with its method beside the type: mail programs that know calendars offer to keep the date."""
    # Base64, so that no server on the way touches the ends of the lines.
    part = MIMEText(text, "calendar", "utf-8")
    if method := _METHOD.search(text):
        part.set_param("method", method[1])
    part.set_param("name", CALENDAR_NAME)
    part.add_header("Content-Disposition", "attachment", filename=CALENDAR_NAME)
    return part


def _sent(mail: Mail, claim: due.Claim) -> None:
    # Where nothing goes out (the demo) the log is where its addressee reads it.
    forgotten = {"body": "", "calendar": ""} if mail.private and settings.EMAIL_URL else {}
    with open_scope(Scope.of_firm(mail.firm_id)):
        claim.finish()
        _still_queued(mail).update(
            state=Mail.State.SENT, sent_at=clock.now(), attempts=mail.attempts + 1, last_error="", **forgotten
        )


def _not_sent(mail: Mail, claim: due.Claim, problem: str) -> None:
    last = claim.attempt >= MOST_ATTEMPTS
    with open_scope(Scope.of_firm(mail.firm_id)):
        if last:
            claim.finish()
        else:
            claim.again_at(clock.now() + due.backoff(claim.attempt))
        state = Mail.State.FAILED if last else Mail.State.QUEUED
        _still_queued(mail).update(state=state, attempts=mail.attempts + 1, last_error=problem[:80])


def _still_queued(mail: Mail) -> MailQuerySet:
    return Mail.objects.filter(pk=mail.pk, state=Mail.State.QUEUED)
