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
WITH_THE_LINK = ("diagnosis_ready", "diagnosis_link", "diagnosis_commented")
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
    diagnosis: Diagnosis,
    *,
    again: bool = False,
    since: datetime | None = None,
    template: str = "diagnosis_ready",
) -> None:
    """Send the respondent the link to result and PDF: once; `again`: once a minute for each address and link version.

    The link's 180 days count from now, or from `since`. `template`: in which words.
    """
    if not diagnosis.email:
        return
    suffix = (
        f":{clock.now():%Y%m%d%H%M}:{address_key(diagnosis.email)}:{diagnosis.link_version}" if again else ""
    )
    first, *_ = outcome_of(diagnosis).reading.steps
    context = {
        **_addressee(diagnosis),
        "grade": diagnosis.grade,
        "overall": f"{diagnosis.overall}",
        "first_action_title": first.title,
        "expires_label": jdate((since or clock.now()) + LIFETIME),
        "report_url": result_url(diagnosis.firm.slug, result_token(diagnosis, since=since)),
    }
    queue_mail(
        key=f"diagnosis_ready:{diagnosis.pk}{suffix}",
        template=template,
        to=diagnosis.email,
        context=context,
        link=diagnosis.pk,
    )


def tell_of_failure(diagnosis: Diagnosis) -> None:
    """The PDF is late: tell the firm, and the respondent by when they will hear from it; once."""
    slug, deadline = diagnosis.firm.slug, jdate(clock.weekdays_later(ANSWERED_WITHIN))
    notify_firm(
        key=f"diagnosis_failed:{diagnosis.pk}",
        title="レポートを作成できませんでした",
        body=f"{diagnosis.company_name} 診断の画面から、もう一度お作りください。",
        url=reverse("diagnosis:detail", args=[slug, diagnosis.pk]),
        mail="report_failed",
        context={
            "company_name": diagnosis.company_name,
            "retry_deadline_label": deadline,
            "detail_url": detail_url(slug, diagnosis),
        },
    )
    if not diagnosis.email:
        return
    queue_mail(
        key=f"diagnosis_failed:{diagnosis.pk}",
        template="diagnosis_failed",
        to=diagnosis.email,
        context={**_addressee(diagnosis), "retry_deadline_label": deadline},
        link=diagnosis.pk,
    )


def _addressee(diagnosis: Diagnosis) -> dict[str, str]:
    return {"company_name": diagnosis.company_name, "contact_name": diagnosis.contact_name or "ご担当者"}


def address_key(email: str) -> str:
    """Tells addresses apart in a key without repeating them there."""
    return codes.hash_of(0, email.lower())[:16]


def has_the_link(diagnosis: Diagnosis) -> bool:
    """Whether the link was sent to the respondent's present address already. In the firm's scope; one query."""
    sent = Mail.objects.filter(link=diagnosis.pk, to=diagnosis.email, template__in=WITH_THE_LINK)
    return sent.exists()


def held(id: UUID) -> Diagnosis:
    """The diagnosis, held until the transaction ends: the first mail and a corrected address never pass each other."""
    rows = Diagnosis.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("firm").get(pk=id)


def first_report_is_done(diagnosis: Diagnosis) -> bool:
    """Whether any PDF of it has been made: the first one brings the mail, later ones (a new comment) do not."""
    return Job.objects.filter(name=REPORT, subject=diagnosis.pk, state=Job.State.DONE).exists()


def resend_result(*, diagnosis: Diagnosis, email: str, since: datetime) -> bool:
    """Correct the respondent's address and send the link again, to live as long as the link of `since` that was used
    to ask. False: the first PDF is not done yet, so the mail is still to come, to the corrected address."""
    diagnosis = held(diagnosis.pk)
    if email != diagnosis.email:
        diagnosis.email = email
        diagnosis.save(update_fields=["email"])
        trail.record("correct.address", diagnosis, company_id=diagnosis.company_id)
    request_report(diagnosis)
    if not first_report_is_done(diagnosis):
        return False
    mail_result(diagnosis, again=True, since=since)
    return True
