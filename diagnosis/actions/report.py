"""The PDF of a diagnosis: asking for it, and the mails when it is done or failed."""

from datetime import datetime
from uuid import UUID

from django.urls import reverse

from diagnosis import codes
from diagnosis.addresses import detail_url, result_token, result_url
from diagnosis.models import Diagnosis
from diagnosis.outcome import outcome_of
from notices.actions import notify_firm, queue_mail
from notices.models import Mail
from reports.actions import request_document
from reports.models import Job
from tenancy import clock, trail
from tenancy.links import LIFETIME
from tenancy.models import Membership
from tenancy.templatetags.michisuji import jdate

REPORT = "diagnosis_report"
# Raised whenever templates/diagnosis/report or its CSS changes what is printed: older PDFs are then made again.
TEMPLATE_VERSION = 2
VISITORS_QUEUE = "public_reports"
WITH_THE_LINK = ("diagnosis_ready", "diagnosis_result", "diagnosis_link", "diagnosis_commented")
ANSWERED_WITHIN = 2  # weekdays


def report_version(diagnosis: Diagnosis) -> str:
    """Which PDF is the present one: one per comment version and template version."""
    return f"c{diagnosis.comment_version}-t{TEMPLATE_VERSION}"


def request_report(diagnosis: Diagnosis, actor: Membership | None = None) -> Job:
    """The job that renders the present PDF: the one there is, unless it failed; else a new one."""
    return request_document(
        name=REPORT,
        subject=diagnosis.pk,
        version=report_version(diagnosis),
        company_id=diagnosis.company_id,
        link=diagnosis.pk,
        actor=actor,
        queue="reports" if actor else VISITORS_QUEUE,
    )


def mail_result(
    diagnosis: Diagnosis, *, again: bool = False, since: datetime | None = None, template: str = ""
) -> list[Mail]:
    """Send the respondent the link to the result: once for each issue of the link; `again`: once a minute for the same
    words to the same address.

    The link's 180 days count from now, or from `since`. `template`: in which words; '': those that fit, with the PDF
    made or still to come. Returns the mail, for the trail of who asked for it; none where there is no address.
    """
    if not diagnosis.email:
        return []
    template = template or ("diagnosis_ready" if first_report_is_done(diagnosis) else "diagnosis_result")
    first, *_ = outcome_of(diagnosis).reading.steps
    context = {
        **_addressee(diagnosis),
        "grade": diagnosis.grade,
        "overall": f"{diagnosis.overall}",
        "first_action_title": first.title,
        "expires_label": jdate((since or clock.now()) + LIFETIME),
        "report_url": result_url(diagnosis.firm.slug, result_token(diagnosis, since=since)),
    }
    key = _issue(diagnosis) + (f"{template}:{again_key(diagnosis)}" if again else "")
    return [queue_mail(key=key, template=template, to=diagnosis.email, context=context, link=diagnosis.pk)]


def mail_first_report(diagnosis: Diagnosis) -> None:
    """The first PDF is made: the respondent gets the link."""
    if mails := mail_result(diagnosis):
        trail.record("mail.result", diagnosis, company_id=diagnosis.company_id, rows=mails)


def correct_address(diagnosis: Diagnosis, email: str) -> None:
    """Keep `email` as the respondent's address, on the locked row."""
    before = {"email": diagnosis.email}
    diagnosis.email = email
    diagnosis.save(update_fields=["email"])
    trail.record("correct.address", diagnosis, company_id=diagnosis.company_id, before=before)


def _issue(diagnosis: Diagnosis) -> str:
    """How the keys of mails begin that carry the link as it is issued now."""
    return f"diagnosis_result:{diagnosis.pk}:v{diagnosis.link_version}:"


def again_key(diagnosis: Diagnosis) -> str:
    """The same within a minute, while nothing changed: address, link and comment."""
    state = f"v{diagnosis.link_version}:c{diagnosis.comment_version}"
    return f"{clock.now():%Y%m%d%H%M}:{address_key(diagnosis.email)}:{state}"


def address_key(email: str) -> str:
    """Tells addresses apart in a key without repeating them there."""
    return codes.hash_of(0, email.lower())[:16]


def tell_of_failure(diagnosis: Diagnosis) -> None:
    """The PDF is late: tell the firm, and the respondent by when they will hear from it; once."""
    slug, deadline = diagnosis.firm.slug, jdate(clock.weekdays_later(ANSWERED_WITHIN))
    notice = notify_firm(
        key=f"diagnosis_failed:{diagnosis.pk}",
        title="レポートを作成できませんでした",
        body=f"{diagnosis.company_name}様の診断レポートです。診断の画面から、もう一度お作りください。",
        url=reverse("diagnosis:detail", args=[slug, diagnosis.pk]),
        mail="report_failed",
        context={
            "company_name": diagnosis.company_name,
            "retry_deadline_label": deadline,
            "detail_url": detail_url(slug, diagnosis),
        },
        company_id=diagnosis.company_id,
    )
    mails = [_mail_failure(diagnosis, deadline)] if diagnosis.email else []
    trail.record("tell.failure", diagnosis, company_id=diagnosis.company_id, rows=[notice, *mails])


def _mail_failure(diagnosis: Diagnosis, deadline: str) -> Mail:
    return queue_mail(
        key=f"diagnosis_failed:{diagnosis.pk}",
        template="diagnosis_failed",
        to=diagnosis.email,
        context={**_addressee(diagnosis), "retry_deadline_label": deadline},
        link=diagnosis.pk,
    )


def _addressee(diagnosis: Diagnosis) -> dict[str, str]:
    return {"company_name": diagnosis.company_name, "contact_name": diagnosis.contact_name or "ご担当者"}


def was_sent_a_link(diagnosis: Diagnosis) -> bool:
    """Whether any link to the result was mailed, to whatever address. In the firm's scope; one query."""
    return Mail.objects.filter(link=diagnosis.pk, template__in=WITH_THE_LINK).exists()


def has_the_link(diagnosis: Diagnosis) -> bool:
    """Whether the link as it is issued now is on its way to the respondent's present address, or was sent there.

    In the firm's scope; one query.
    """
    sent = Mail.objects.filter(link=diagnosis.pk, to=diagnosis.email, key__startswith=_issue(diagnosis))
    return sent.exclude(state=Mail.State.FAILED).exists()


def held(id: UUID) -> Diagnosis:
    """The diagnosis, held until the transaction ends: the first mail and a corrected address never pass each other."""
    rows = Diagnosis.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("firm").get(pk=id)


def first_report_is_done(diagnosis: Diagnosis) -> bool:
    """Whether any PDF of it has been made: the first one brings the mail, later ones (a new comment, a lost file) do
    not."""
    made = Job.objects.filter(name=REPORT, subject=diagnosis.pk).exclude(bytes=None)
    return made.exists()


def resend_result(*, diagnosis: Diagnosis, email: str, since: datetime) -> None:
    """Correct the respondent's address and send the link again, to live as long as the link of `since` that was used
    to ask. At once, also before the first PDF: the page behind the link shows how far it is."""
    diagnosis = held(diagnosis.pk)
    if email != diagnosis.email:
        correct_address(diagnosis, email)
    request_report(diagnosis)
    mails = mail_result(diagnosis, again=True, since=since)
    trail.record("resend.link", diagnosis, company_id=diagnosis.company_id, rows=mails)
