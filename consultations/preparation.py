"""準備シート: all that is known before a session, on one sheet. The same queries for any number of rows."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from consultations import labels, mails
from consultations.glance import Like, suspects_of
from consultations.models import Consultation, NextAction, Schedule, SessionNote
from consultations.office import in_the_office
from consultations.states import State
from diagnosis.models import Diagnosis
from diagnosis.outcome import Outcome, outcome_of
from tenancy.models import Meeting
from tenancy.scope import Scope, current_scope
from tenancy.trail_reading import Event, history_of

EARLIER_AT_MOST = 10
MEETINGS = 3
HISTORY = 12


@dataclass(frozen=True)
class Earlier:
    """A session before this one (or beside it) of the same company, with what was written of it."""

    row: Consultation
    note: str
    summary: str


@dataclass(frozen=True)
class Preparation:
    """What the sheet shows. `sees_company`, `sees_diagnosis`: whether the reader may open what is linked."""

    session: Consultation
    schedule: Schedule | None
    way: str
    has_a_way: bool
    outcome: Outcome | None
    sees_company: bool
    sees_diagnosis: bool
    earlier: tuple[Earlier, ...]
    meetings: tuple[Meeting, ...]
    actions: tuple[NextAction, ...]
    before: tuple[NextAction, ...]
    like: tuple[Like, ...]
    note: SessionNote | None
    summary: SessionNote | None
    history: tuple[Event, ...]


def preparation_of(session: Consultation) -> Preparation:
    """The sheet of a session that the scope in force may see. Ten queries at most.

    A consultant who sees assigned companies only reads of others' what belongs to the own session, and no more.
    """
    scope = current_scope()
    meetings = Meeting.objects.filter(company=session.company_id).newest_first()[:MEETINGS]
    with in_the_office():
        earlier = list(_earlier(session, scope))
        notes = list(SessionNote.objects.filter(consultation__in=[session, *earlier]))
        actions = list(NextAction.objects.filter(consultation__in=[session, *earlier]).order_by("created_at"))
        way = _way(session)
        like = suspects_of(session, scope)
        own = [each for each in notes if each.consultation_id == session.pk]
        agreed = [each for each in actions if each.consultation_id == session.pk]
        history = history_of(session, *own, *agreed, limit=HISTORY)
    return Preparation(
        session=session,
        **way,
        **_answered(session, scope),
        sees_company=_sees(session.company_id, scope),
        earlier=tuple(_with_notes(each, notes) for each in earlier),
        meetings=tuple(meetings) if session.company_id else (),
        actions=tuple(agreed),
        before=tuple(each for each in actions if each.consultation_id != session.pk and not each.done_at),
        like=tuple(like),
        note=next((each for each in own if not each.is_summary), None),
        summary=next((each for each in own if each.is_summary), None),
        history=tuple(history),
    )


def _way(session: Consultation) -> dict[str, Any]:
    """How the client takes part, as far as it is known."""
    schedule = mails.schedule_of(session)
    way, has_one = labels.meeting_label(session, schedule), labels.has_a_way(session, schedule)
    return {"schedule": schedule, "way": way, "has_a_way": has_one}


def _answered(session: Consultation, scope: Scope) -> dict[str, Any]:
    """What the diagnosis says, and whether the reader may open it."""
    diagnosis = session.diagnosis if session.diagnosis and session.diagnosis.submitted_at else None
    outcome = outcome_of(diagnosis) if diagnosis else None
    return {"outcome": outcome, "sees_diagnosis": _opens(diagnosis, scope)}


def _sees(company_id: int | None, scope: Scope) -> bool:
    """Whether there is a company that the reader may open."""
    return company_id is not None and (scope.sees_whole_firm or company_id in scope.companies)


def _opens(diagnosis: Diagnosis | None, scope: Scope) -> bool:
    """Whether the reader may open it: who sees the whole firm also one that nobody has taken over."""
    return diagnosis is not None and (scope.sees_whole_firm or _sees(diagnosis.company_id, scope))


def _earlier(session: Consultation, scope: Scope) -> list[Consultation]:
    """Others of the same company or the same address, as far as the reader may see them, the newest first."""
    same = Q(email=session.email) if session.email else Q(pk__in=())
    if session.company_id is not None:
        same |= Q(company=session.company_id)
    rows = Consultation.objects.visible_to(scope).filter(same).exclude(pk=session.pk)
    rows = rows.exclude(state=State.EXPIRED).select_related("consultant__user")
    return list(rows.order_by("-starts_at")[:EARLIER_AT_MOST])


def _with_notes(row: Consultation, notes: list[SessionNote]) -> Earlier:
    texts = {each.is_summary: each.text for each in notes if each.consultation_id == row.pk}
    return Earlier(row, texts.get(False, ""), texts.get(True, ""))
