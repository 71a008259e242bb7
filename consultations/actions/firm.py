"""What the firm does with a session: what became of it, notes, the summary, what was agreed, whose company it is."""

from collections.abc import Mapping
from datetime import date, datetime
from uuid import UUID

from django.db.models import Model, QuerySet

from consultations import labels, mails
from consultations.actions.booking import ask_where
from consultations.actions.places import locked_consultation, move
from consultations.models import REMIND, Consultation, NextAction, Schedule, SessionNote, Task, WaitlistEntry
from consultations.office import in_the_office
from consultations.states import ENDED, FIRM, LIVE, State
from diagnosis.actions import take_over_company as take_over_diagnosis
from diagnosis.models import Diagnosis
from tenancy import actions as tenancy_actions
from tenancy import clock, due, trail
from tenancy.locks import lock_company
from tenancy.models import Company, Membership


class TooEarly(ValueError):
    """A session that has not begun yet has neither been held nor missed."""


class Empty(ValueError):
    """There is nothing to send."""


class NoteMoved(ValueError):
    """Somebody else has saved other words since the page was opened: `newest`. Nothing was written."""

    def __init__(self, newest: SessionNote) -> None:
        super().__init__(newest.pk)
        self.newest = newest


def mark(*, consultation: Consultation, after: State, actor: Membership) -> Consultation:
    """It was held, or nobody came; also to put one right that was marked as the other. Twice is once.

    Raises TooEarly, NotFromHere.
    """
    with in_the_office():
        row, _ = locked_consultation(consultation.pk)
        if row.state == after:
            return row
        if row.starts_at > clock.now():
            raise TooEarly
        before = move(row, after, by=FIRM)
        due.drop(REMIND, row.pk)
        trail.record("mark.consultation", row, company_id=row.company_id, before=before)
        return row


def say_where(*, consultation: Consultation, url: str, phone: str, actor: Membership) -> Consultation:
    """How to take part in this one session. The client is told by mail where it is still to come; the task is done."""
    with in_the_office():
        row, _ = locked_consultation(consultation.pk)
        before = {
            "meeting_url": row.meeting_url,
            "meeting_phone": row.meeting_phone,
            "sequence": row.sequence,
        }
        if (row.meeting_url, row.meeting_phone) == (url, phone):
            return row
        row.meeting_url, row.meeting_phone, row.sequence = url, phone, row.sequence + 1
        row.save(update_fields=list(before))
        rows = _told_where(row, actor)
        trail.record("say_where.consultation", row, company_id=row.company_id, before=before, rows=rows)
        return row


def _told_where(row: Consultation, actor: Membership | None) -> list[Model]:
    rows: list[Model] = []
    if row.state == State.CONFIRMED and row.starts_at > clock.now():
        rows += [*mails.send_meeting(row), *ask_where(row)]
    if labels.has_a_way(row, mails.schedule_of(row)):
        rows += _done_with(Task.objects.open().filter(consultation=row, kind=Task.Kind.SAY_WHERE), actor)
    return rows


def say_usual_way(*, schedule: Schedule, was: Schedule, actor: Membership | None) -> None:
    """The consultant's usual way to meet is another one: whoever comes by it is told, each as by `say_where`."""
    with in_the_office():
        coming = Consultation.objects.filter(
            consultant=schedule.membership_id, state=State.CONFIRMED, starts_at__gt=clock.now()
        )
        for each in coming.order_by("month", "pk"):
            row, _ = locked_consultation(each.pk)
            same = labels.meeting_label(row, was) == labels.meeting_label(row, schedule)
            if same or row.state != State.CONFIRMED or row.consultant_id != schedule.membership_id:
                continue
            before, row.sequence = {"sequence": row.sequence}, row.sequence + 1
            row.save(update_fields=["sequence"])
            rows = _told_where(row, actor)
            trail.record("say_where.consultation", row, company_id=row.company_id, before=before, rows=rows)


def do_task(*, task: Task, actor: Membership) -> None:
    """Somebody has seen to it. Twice is once."""
    for each in _done_with(Task.objects.open().filter(pk=task.pk), actor):
        trail.record("do.task", each, before={"done_at": None})


def _done_with(tasks: QuerySet[Task], actor: Membership | None) -> list[Task]:
    found = list(tasks.select_for_update(of=("self",), no_key=True))
    for each in found:
        each.done_at, each.done_by = clock.now(), actor
        each.save(update_fields=["done_at", "done_by"])
    return found


# ── What was said ──


def _held(consultation: Consultation) -> Consultation:
    """The session's row, held until the transaction ends: whose company it is stands still. Not its month: who writes
    about a session waits for nobody who books."""
    row: Consultation = Consultation.objects.select_for_update(of=("self",), no_key=True).get(
        pk=consultation.pk
    )
    return row


def write_note(
    *,
    consultation: Consultation,
    text: str,
    is_summary: bool,
    actor: Membership,
    seen: datetime | None = None,
) -> SessionNote:
    """The firm's own note, or the summary for the company, which it reads once it is sent.

    `seen`: when the words that the writer saw were saved; None: there were none. Raises NoteMoved.
    """
    with in_the_office():
        row = _held(consultation)
        note, new = SessionNote.objects.select_for_update(of=("self",), no_key=True).get_or_create(
            consultation=row,
            is_summary=is_summary,
            defaults={"company_id": row.company_id, "text": text, "author": actor},
        )
        before = {"text": note.text}
        if not new and note.text == text:
            return note
        if not new and note.updated_at != seen:
            raise NoteMoved(note)
        note.text, note.author, note.updated_at = text, actor, clock.now()
        note.save(update_fields=["text", "author", "updated_at"])
        act = "write.summary" if is_summary else "write.note"
        trail.record(act, note, company_id=note.company_id, before=None if new else before)
        return note


def send_summary(*, consultation: Consultation, actor: Membership) -> Consultation:
    """The summary and what was agreed may be read by link, and the link goes out by a mail that thanks for the time;
    the same text once: its `summary_sent_at` stays then. Raises Empty, TooEarly."""
    with in_the_office():
        row, _ = locked_consultation(consultation.pk)
        _held(row)  # what is agreed at this moment is sent along, or opened afterwards
        if row.starts_at > clock.now():
            raise TooEarly
        note = SessionNote.objects.filter(consultation=row, is_summary=True).exclude(text="").first()
        # After a cancellation nothing is mailed; nor to nobody, where the person was erased.
        if note is None or row.state in ENDED or not row.email:
            raise Empty
        if row.summary_sent_at is not None and note.updated_at <= row.summary_sent_at:
            return row
        note.shared, note.opened_by = True, row.pk
        note.save(update_fields=["shared", "opened_by"])
        NextAction.objects.filter(consultation=row).update(opened_by=row.pk)
        before = {"summary_sent_at": row.summary_sent_at}
        sent = mails.send_summary(row, int(note.updated_at.timestamp()))
        row.summary_sent_at = clock.now()
        row.save(update_fields=["summary_sent_at"])
        agreed = list(NextAction.objects.filter(consultation=row))
        rows = [*sent, note, *agreed]
        trail.record("send.summary", row, company_id=row.company_id, before=before, rows=rows)
        return row


def agree(
    *, consultation: Consultation, id: UUID, text: str, who: str, due_on: date | None, actor: Membership
) -> NextAction:
    """Something that was agreed, with who does it and until when. The same `id` is agreed once."""
    with in_the_office():
        row = _held(consultation)  # the same form at the same moment waits here
        if (known := NextAction.objects.filter(pk=id).first()) is not None:
            return known
        agreed = NextAction(
            id=id,
            consultation=row,
            company_id=row.company_id,
            opened_by=row.pk if row.summary_sent_at else None,
            text=text,
            who=who,
            due_on=due_on,
        )
        agreed.save(force_insert=True)
        trail.record("agree.next_action", agreed, company_id=agreed.company_id)
        return agreed


def tick(*, action: NextAction, done: bool, actor: Membership) -> NextAction:
    """It is done, or not yet after all."""
    row: NextAction = NextAction.objects.select_for_update(of=("self",), no_key=True).get(pk=action.pk)
    if (row.done_at is not None) == done:
        return row
    before = {"done_at": row.done_at}
    row.done_at = clock.now() if done else None
    row.save(update_fields=["done_at"])
    trail.record("tick.next_action", row, company_id=row.company_id, before=before)
    return row


# ── Whose company it is ──


def take_over_company(
    *, consultation: Consultation, company: Company | None, values: Mapping[str, object], actor: Membership
) -> Company:
    """The visitor's company becomes a client company of the firm: this one, or a new one of `values`. Whatever hangs on
    the session goes along: notes, what was agreed, and the diagnosis that was attached. Twice is once.

    Raises what `tenancy.actions.create_company` raises, and CompanyGone.
    """
    with in_the_office():
        # The company before the month, as whoever books for a company does.
        known = lock_company(company.pk) if company else None
        row, _ = locked_consultation(consultation.pk)
        if row.company_id is not None:
            return Company.objects.get(pk=row.company_id)
        taken = known or tenancy_actions.create_company(values=values, actor=actor)
        rows = _hang_on(row, taken)
        trail.record(
            "take_over.consultation",
            row,
            company_id=taken.pk,
            before={"company": None},
            rows=rows,
            new=company is None,
        )
        _take_diagnosis(row, taken, actor)
        return taken


def _hang_on(row: Consultation, company: Company) -> list[Model]:
    """The session and what belongs to it, also the person's turn in the queue; the rows that went along."""
    row.company = company
    row.save(update_fields=["company"])
    turns = WaitlistEntry.objects.filter(company=None, email=row.email).exclude(email="")
    along = (
        SessionNote.objects.filter(consultation=row),
        NextAction.objects.filter(consultation=row),
        turns.select_for_update(of=("self",), no_key=True),
    )
    rows: list[Model] = [each for found in along for each in found]
    for found in along:
        found.update(company=company)
    return rows


def _take_diagnosis(row: Consultation, company: Company, actor: Membership) -> None:
    """What the visitor has answered belongs to the same company."""
    diagnosis = (
        Diagnosis.objects.filter(pk=row.diagnosis_id, company=None).first() if row.diagnosis_id else None
    )
    if diagnosis is not None:
        take_over_diagnosis(diagnosis=diagnosis, company=company, support="", actor=actor)


# ── Handing over ──


def sessions_of(member: Membership) -> int:
    """How many sessions still to come are theirs."""
    return Consultation.objects.live().filter(consultant=member, starts_at__gt=clock.now()).count()


def hand_over_sessions(leaving: Membership, to: Membership, actor: Membership) -> list[Model]:
    """The sessions still to come become another consultant's, at the same times; one that the other has no time for
    stays, and is seen to by hand. Clients are told by mail who comes, and how to take part."""
    moved: list[Model] = []
    coming = Consultation.objects.filter(consultant=leaving, state__in=LIVE, starts_at__gt=clock.now())
    for each in coming.order_by("month", "pk"):
        row, _ = locked_consultation(each.pk)
        if row.state not in LIVE or row.consultant_id != leaving.pk:  # until the lock was ours
            continue
        busy = Consultation.objects.busy().filter(consultant=to)
        taken = busy.filter(starts_at__lt=row.busy_until, busy_until__gt=row.starts_at).exists()
        if row.is_live and not taken:
            _hand_over(row, leaving, to)
            moved.append(row)
    return moved


def _hand_over(row: Consultation, leaving: Membership, to: Membership) -> None:
    values = {"consultant": to, "meeting_url": "", "meeting_phone": "", "sequence": row.sequence + 1}
    before = {"consultant": leaving.pk, "sequence": row.sequence}
    before |= {name: getattr(row, name) for name in ("meeting_url", "meeting_phone") if getattr(row, name)}
    for name, value in values.items():
        setattr(row, name, value)
    row.save(update_fields=list(values))
    rows: list[Model] = []
    if row.state == State.CONFIRMED:
        rows = [*mails.send_meeting(row, former=leaving), *ask_where(row)]
    trail.record("hand_over.consultation", row, company_id=row.company_id, before=before, rows=rows)


def tasks_of(member: Membership) -> int:
    return Task.objects.open().filter(member=member).count()


def hand_over_tasks(leaving: Membership, to: Membership, actor: Membership) -> list[Model]:
    """What waits for the one waits for the other."""
    rows = list(Task.objects.open().filter(member=leaving).select_for_update(of=("self",), no_key=True))
    for each in rows:
        each.member = to
        each.save(update_fields=["member"])
    return list(rows)
