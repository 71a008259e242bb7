"""One's own session, as whoever has the mail reads it: where it stands, and what can be done with it now."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.urls import reverse

from consultations import addresses, labels, mails
from consultations.models import Consultation, WaitlistEntry
from consultations.states import State
from diagnosis.addresses import result_token
from diagnosis.models import Diagnosis
from tenancy import clock
from tenancy.links import LIFETIME

# Stage of the page → who stands there. The page has a partial for each: templates/consultations/_manage_<stage>.html.
HELD, OFFERED, EXPIRED, CONFIRMED = "held", "offered", "expired", "confirmed"
OVER, MISSED, PUT_OFF, CANCELLED, DECLINED = "over", "missed", "put_off", "cancelled", "declined"
NEAR = timedelta(days=1)


@dataclass(frozen=True)
class Managed:
    """What the page shows besides the row. Addresses are '' where there is nothing to go to."""

    row: Consultation
    token: str
    stage: str
    date_label: str
    time_label: str
    duration_label: str
    consultant: str
    meeting: str
    meeting_url: str
    deadline: datetime
    is_late: bool
    is_near: bool  # it begins within a day, or goes on
    result_url: str
    summary_url: str
    queue_url: str
    replaced_url: str

    @property
    def wants_diagnosis(self) -> bool:
        """Whether the session is about a diagnosis that is not there yet."""
        return self.row.kind != "advice" and not self.result_url


def managed(row: Consultation, slug: str, token: str) -> Managed:
    """In the office, of a row with its people. Three queries at most."""
    schedule = mails.schedule_of(row)
    usual = schedule.meeting_url if schedule else ""
    stage = _stage(row)
    return Managed(
        row=row,
        token=token,
        stage=stage,
        **labels.when(row),
        consultant=str(row.consultant.user),
        meeting=labels.meeting_label(row, schedule),
        meeting_url="" if row.by_phone else row.meeting_url or usual,
        deadline=row.free_until,
        is_late=clock.now() > row.free_until,
        is_near=row.starts_at - clock.now() < NEAR,
        result_url=_result_url(row.diagnosis, slug),
        summary_url=addresses.summary_url(slug, row) if row.summary_sent_at else "",
        queue_url=_queue_url(row, slug),
        replaced_url=_replaced_url(row, slug) if stage == PUT_OFF else "",
    )


def _stage(row: Consultation) -> str:
    if row.has_lapsed:
        return EXPIRED
    if row.state == State.CANCELLED and row.cancelled_by_firm:
        return PUT_OFF
    if row.state == State.CANCELLED and row.entry_id and row.confirmed_at is None:
        return DECLINED
    if row.state == State.CONFIRMED and row.starts_at <= clock.now():
        return OVER
    return {
        State.HELD: HELD,
        State.OFFERED: OFFERED,
        State.CONFIRMED: CONFIRMED,
        State.COMPLETED: OVER,
        State.NO_SHOW: MISSED,
    }.get(State(row.state), CANCELLED)


def _result_url(diagnosis: Diagnosis | None, slug: str) -> str:
    """The result, by a link that lives no longer than the one that was given when it was answered."""
    if diagnosis is None or diagnosis.submitted_at is None or diagnosis.submitted_at + LIFETIME < clock.now():
        return ""
    token = result_token(diagnosis, since=diagnosis.submitted_at)
    return reverse("diagnosis:result", args=[slug, token])


def _queue_url(row: Consultation, slug: str) -> str:
    """One's turn in the queue, while one waits on."""
    entry = row.entry
    if entry is None or entry.state != WaitlistEntry.State.WAITING:
        return ""
    return reverse("consultations:queue", args=[slug, addresses.queue_token(entry)])


def _replaced_url(row: Consultation, slug: str) -> str:
    """The session that stands instead of the one the firm had to put off."""
    instead = Consultation.objects.filter(replaces=row).exclude(state=State.CANCELLED).first()
    if instead is None:
        return ""
    return reverse("consultations:manage", args=[slug, addresses.manage_token(instead)])
