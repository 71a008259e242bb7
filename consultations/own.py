"""What a company's sessions come to, as its own people and the firm's page of it read them.

Rows are read in the scope of who asks: the wall decides. Names of consultants are the firm's: asked in the office.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Q

from consultations.free_times import MonthView, month_views, this_and_next
from consultations.models import Consultation, NextAction, SessionNote
from consultations.models.booking import ConsultationQuerySet
from consultations.office import in_the_office
from consultations.states import LIVE, TAKES_PLACE, State
from tenancy import clock
from tenancy.models import Company, Membership

DONE_AT_MOST = 20


@dataclass(frozen=True)
class Session:
    """A session with the name of who holds it, and the summary that was shared."""

    row: Consultation
    consultant: str
    summary: str = ""

    @property
    def minutes(self) -> int:
        return int((self.row.ends_at - self.row.starts_at).total_seconds() // 60)


def coming(company: Company) -> ConsultationQuerySet:
    """What is still to come, also what waits for an answer; the next one first."""
    rows: ConsultationQuerySet = Consultation.objects.live().filter(company=company, state__in=LIVE)
    return rows.filter(starts_at__gt=clock.now()).order_by("starts_at", "pk")


def past(company: Company) -> ConsultationQuerySet:
    """What is over, and what was confirmed and given back; the newest first."""
    over = Q(state__in=(State.COMPLETED, State.NO_SHOW)) | Q(
        state=State.CONFIRMED, starts_at__lte=clock.now()
    )
    given_back = Q(state__in=(State.CANCELLED, State.CANCELLED_LATE), confirmed_at__isnull=False)
    rows: ConsultationQuerySet = Consultation.objects.filter(over | given_back, company=company)
    return rows.order_by("-starts_at", "pk")


def sessions(rows: Iterable[Consultation]) -> list[Session]:
    """With names and shared summaries: two queries, however many there are."""
    found = list(rows)
    with in_the_office():
        members = Membership.objects.filter(pk__in={row.consultant_id for row in found})
        names = {each.pk: str(each.user) for each in members.select_related("user")}
    notes = SessionNote.objects.filter(consultation__in=found, is_summary=True, shared=True)
    summaries = dict(notes.values_list("consultation", "text"))
    return [Session(row, names.get(row.consultant_id, ""), summaries.get(row.pk, "")) for row in found]


@dataclass(frozen=True)
class Agreed:
    """What was agreed with a company. `is_cut`: more is done than stands here; each session's own page has the rest."""

    rows: Sequence[NextAction]
    is_cut: bool


def agreed_with(company: Company) -> Agreed:
    """All that is to be done, the soonest first; below it what was done lately, the newest first. Two queries."""
    its = NextAction.objects.filter(company=company)
    done = list(its.done()[: DONE_AT_MOST + 1])
    return Agreed([*its.open(), *done[:DONE_AT_MOST]], len(done) > DONE_AT_MOST)


def months_seen() -> list[MonthView]:
    """This month and the next, where they can be booked."""
    return [each for each in month_views(this_and_next()) if each.is_open]


def taken_months(company: Company, seen: Iterable[MonthView]) -> list[date]:
    """Of these months, those in which the company has its place."""
    rows = Consultation.objects.not_lapsed().filter(company=company, month__in=[each.month for each in seen])
    places = rows.filter(state__in=TAKES_PLACE, number__isnull=False)
    return sorted(set(places.values_list("month", flat=True)))
