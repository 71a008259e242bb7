"""The demo's sessions: the month of the story, as far as it has been told by the day of loading, and the next one.

Written through the same actions as by hand, each at its own moment.
"""

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import uuid4

from consultations.actions.asking import Asked
from consultations.actions.booking import book, cancel, confirm
from consultations.actions.desk import let_consult, set_hours, update_desk, update_schedule
from consultations.actions.firm import agree, mark, send_summary, write_note
from consultations.actions.waiting import join
from consultations.calc import months
from consultations.free_times import FreeTime, free_times
from consultations.models import Consultation
from consultations.states import State
from diagnosis.models import Diagnosis
from tenancy import clock
from tenancy.models import Company, Membership

Members = dict[str, Membership]


def load_consultations(plan: dict[str, Any], members: Members) -> None:
    """Set up the desk and the consultants' hours, then tell the month."""
    this, present = clock.today().replace(day=1), clock.now()
    with clock.stopped_at(months.at(months.after(this, -1), time(9))):
        _set_up(plan, members)
    told = plan["bookings"]
    # Before the month began: its places were taken, and the next ones queued.
    with clock.stopped_at(min(months.at(this - timedelta(days=4), time(10)), present)):
        rows = [(each, _booked(each, this, members)) for each in told if each["month"] == 0]
    for number, each in enumerate(plan["waiting"]):
        with clock.stopped_at(min(months.at(this - timedelta(days=3 - number), time(11)), present)):
            join(id=uuid4(), wanted=[this], asked=_asked(each))
    for each, row in rows:
        _told_on(each, row, plan["waiting"], present, members)
    with clock.stopped_at(max(present, months.at(this, months.OPENS_AT))):  # the next one is open by then
        for each in told:
            if each["month"] == 1:
                _booked(each, months.after(this), members)
    for row in Consultation.objects.filter(state=State.CONFIRMED, ends_at__lt=present):
        _held(row, None, members)


def _set_up(plan: dict[str, Any], members: Members) -> None:
    update_desk(values=plan["desk"], seen=None, actor=None)
    for told in plan["schedules"]:
        schedule = let_consult(member=members[told["member"]], gives=True, actor=None)
        values = {"fields_of_work": told["fields_of_work"], "meeting_url": told["meeting_url"]}
        update_schedule(schedule=schedule, values=values, seen=None, actor=None)
        hours = [
            (day, time.fromisoformat(starts), time.fromisoformat(ends)) for day, starts, ends in told["hours"]
        ]
        set_hours(schedule=schedule, hours=hours, actor=None)


def _booked(told: dict[str, Any], month: date, members: Members) -> Consultation:
    """At the consultant's free time that is nearest to the day of the story."""
    day = month.replace(day=told["day"])
    times = free_times(max(month, clock.today()), months.last_day(month))
    mine = [each for each in times if each.member_id == members[told["with"]].pk]

    def distance(each: FreeTime) -> tuple[int, datetime]:
        return abs((each.day - day).days), each.starts

    return book(id=uuid4(), slot=min(mine, key=distance).slot, asked=_asked(told), confirmed=True)


def _asked(told: dict[str, Any]) -> Asked:
    """With the company and its diagnosis where the firm knows it."""
    company = Company.objects.filter(name=told["company"]).first()
    found = Diagnosis.objects.submitted().filter(company=company).first() if company else None
    return Asked(
        company_name=told["company"],
        contact_name=told["contact"],
        email=told["email"],
        topic=told["topic"],
        kind=told["kind"],
        company=company,
        diagnosis=found,
        privacy_version=1,
    )


def _told_on(
    told: dict[str, Any],
    row: Consultation,
    waiting: list[dict[str, Any]],
    present: datetime,
    members: Members,
) -> None:
    """What became of it by now: cancelled, and the place taken over; or held."""
    if "cancelled" in told:
        _cancelled(told, row, waiting, present)
    elif row.ends_at < present:
        _held(row, told, members)


def _cancelled(
    told: dict[str, Any], row: Consultation, waiting: list[dict[str, Any]], present: datetime
) -> None:
    """On its day, if that has come, the place goes to the first in the queue, who answers two hours later."""
    day = min(row.month.replace(day=told["cancelled"]), months.day_of(row.starts_at) - timedelta(days=3))
    moment = months.at(day, time(11))
    if moment + timedelta(hours=2) > present:
        return
    with clock.stopped_at(moment):
        cancel(consultation=row, reason="急な出張のため")
    offer = Consultation.objects.filter(state=State.OFFERED, email=waiting[0]["email"]).first()
    if offer is not None:
        with clock.stopped_at(moment + timedelta(hours=2)):
            confirm(consultation=offer)


def _held(row: Consultation, told: dict[str, Any] | None, members: Members) -> None:
    """Marked as held on the same day; with what was noted and agreed, where the story tells it."""
    consultant = row.consultant
    with clock.stopped_at(row.ends_at + timedelta(minutes=20)):
        mark(consultation=row, after=State.COMPLETED, actor=consultant)
        if told is None or "summary" not in told:
            return
        write_note(consultation=row, text=told["note"], is_summary=False, actor=consultant)
        write_note(consultation=row, text=told["summary"], is_summary=True, actor=consultant)
        for text, who, day in told["actions"]:
            due_on = row.month.replace(day=day)
            agree(consultation=row, id=uuid4(), text=text, who=who, due_on=due_on, actor=consultant)
        send_summary(consultation=row, actor=consultant)
