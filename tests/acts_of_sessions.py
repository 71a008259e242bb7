"""How each address of the sessions is called so that it writes: the part of `tests/acts.py` that is theirs."""

from datetime import time, timedelta
from typing import Any
from uuid import uuid4

from consultations import addresses
from consultations.actions.booking import put_off
from consultations.calc import months
from consultations.forms import SEED
from consultations.free_times import free_times
from consultations.models import Consultation, Desk, NextAction, Schedule, SessionNote, WaitlistEntry, Weekly
from tenancy import clock
from tenancy.links import make_token
from tenancy.scope import open_scope
from tests.consultations.test_schedule import typed_week
from tests.stage import Sent, Stage
from tests.tenancy.test_companies import fields

PURPOSES = {
    "m": addresses.MANAGE,
    "sent": addresses.SENT,
    "w": addresses.QUEUE,
    "n": addresses.WISH,
    "s": addresses.SUMMARY,
    "feed": addresses.FEED,
}
THING = {addresses.QUEUE: "entry", addresses.WISH: "wish"}
PATH = "/michisuji/consultations/schedule/"


def token_of(stage: Stage, route: str) -> str:
    """The signed link that opens what is planted."""
    purpose = PURPOSES.get(route.split("/")[1], "")
    return make_token(purpose, stage.things.ids[THING.get(purpose, "consultation")], 1)


# ── What stands before ──


def gives_sessions(stage: Stage) -> None:
    """馬場 gives sessions every day, so that whatever day it is there are times in two months."""
    values = {"gives": True, "closed_on_holidays": False, "meeting_url": "https://meet.example/baba"}
    schedule = Schedule.objects.create(membership=stage.house.members["馬場"], **values)
    for weekday in range(7):
        Weekly.objects.create(schedule=schedule, weekday=weekday, starts=time(9), ends=time(18))


def now_is(**values: Any) -> Any:
    """The planted session stands otherwise."""

    def before(stage: Stage) -> None:
        gives_sessions(stage)
        changed = {name: value(stage) if callable(value) else value for name, value in values.items()}
        Consultation.objects.filter(pk=stage.things.ids["consultation"]).update(**changed)

    return before


def in_a_while(stage: Stage) -> Any:
    return clock.now() + timedelta(minutes=20)


held = now_is(state="held", expires_at=in_a_while, confirmed_at=None)
offered = now_is(
    state="offered",
    expires_at=in_a_while,
    confirmed_at=None,
    entry_id=lambda stage: stage.things.ids["entry"],
)
confirmed = now_is()


def nothing_stands(stage: Stage) -> None:
    """The company's session was cancelled, and it does not wait either."""
    now_is(state="cancelled", number=None, ended_at=lambda stage: clock.now())(stage)
    WaitlistEntry.objects.update(state="left")


def past(stage: Stage) -> None:
    starts = clock.now() - timedelta(hours=3)
    now_is(
        starts_at=starts,
        ends_at=starts + timedelta(hours=1),
        busy_until=starts + timedelta(hours=1),
        month=months.month_of(starts),
    )(stage)


def put_off_already(stage: Stage) -> None:
    gives_sessions(stage)
    put_off(consultation=the_session(stage), reason="急病", actor=stage.house.members["馬場"])


def summarized(stage: Stage) -> None:
    past(stage)
    SessionNote.objects.create(
        company=stage.things.company, consultation=the_session(stage), is_summary=True, text="まとめ"
    )


def of_nobody(stage: Stage) -> None:
    """A visitor's, whose diagnosis nobody has taken over either."""
    now_is(company=None, diagnosis=None)(stage)
    for model in (SessionNote, NextAction):
        model.objects.filter(consultation=stage.things.ids["consultation"]).update(company=None)


def all_full(stage: Stage) -> None:
    """No place is left in this month and the next, and who waits is somebody else."""
    gives_sessions(stage)
    Desk.objects.create(cap=0)


def the_session(stage: Stage) -> Consultation:
    row: Consultation = Consultation.objects.get(pk=stage.things.ids["consultation"])
    return row


# ── What is sent ──


def seed() -> str:
    return make_token(SEED, uuid4(), 1, since=clock.now() - timedelta(minutes=5))


def a_slot(stage: Stage) -> str:
    """The last free time of those that can be booked now."""
    with open_scope(stage.house.scope):
        this = clock.today().replace(day=1)
        return str(free_times(clock.today(), months.last_day(months.after(this)))[-1].slot)


WHO = {
    "company_name": "株式会社さがみ",
    "contact_name": "相模 太郎",
    "email": "sagami@x.example",
    "topic": "気になること",
    "kind": "advice",
}
CONSENT = {"privacy_version": "1", "consent": "on"}


def booking(stage: Stage) -> dict[str, Any]:
    return {**WHO, **CONSENT, "seed": seed(), "slot": a_slot(stage), "go": "book"}


def waiting(stage: Stage) -> dict[str, Any]:
    month = clock.today().replace(day=1).isoformat()
    return {**WHO, **CONSENT, "seed": seed(), "months": [month], "go": "join"}


def on_behalf(stage: Stage) -> dict[str, Any]:
    return {**WHO, "seed": seed(), "slot": a_slot(stage), "consent": "on", "do": "book"}


def own_booking(stage: Stage) -> dict[str, Any]:
    slot = {"slot": a_slot(stage), "seed": seed()}
    return {"kind": "advice", "topic": "気になること", **slot}


def chosen(stage: Stage) -> dict[str, Any]:
    return {"slot": a_slot(stage), "seed": seed()}


def note_seen(stage: Stage) -> str:
    with open_scope(stage.house.scope):
        return SessionNote.objects.get(is_summary=False).updated_at.isoformat()


def schedule_form(stage: Stage, **typed: str) -> dict[str, str]:
    return {**fields(stage.client.get(PATH)), **typed}


ONE, MANAGE = "consultations/<uuid:consultation>/", "consultation/m/<str:token>/"
SCHEDULE, SETTINGS = "consultations/schedule/", "settings/consultations/"

POSTS: dict[str, tuple[Sent, ...]] = {
    "consultation/": (Sent(booking, "誰か", before=gives_sessions),),
    "consultation/waitlist/": (Sent(waiting, "誰か", before=all_full),),
    "consultation/sent/<str:token>/again/": (
        Sent(lambda stage: {"email": "corrected@x.example"}, "誰か", before=held),
    ),
    f"{MANAGE}confirm/": (Sent(who="誰か", before=held),),
    f"{MANAGE}change/": (Sent(chosen, "誰か", before=confirmed),),
    f"{MANAGE}cancel/": (Sent(who="誰か", before=confirmed),),
    f"{MANAGE}details/": (Sent(lambda stage: {"phone": "090-0000-0000", "by_phone": "on"}, "誰か"),),
    f"{MANAGE}answer/": (
        Sent(lambda stage: {"answer": "accept"}, "誰か", before=offered),
        Sent(lambda stage: {"answer": "keep"}, "誰か", before=offered),
        Sent(lambda stage: {"answer": "leave"}, "誰か", before=offered),
    ),
    f"{MANAGE}rebook/": (Sent(chosen, "誰か", before=put_off_already),),
    "consultation/w/<str:token>/leave/": (Sent(who="誰か"),),
    "consultation/n/<str:token>/": (Sent(who="誰か"),),
    "consultations/new/": (Sent(on_behalf, "馬場", before=gives_sessions),),
    "consultations/tasks/<uuid:task>/": (Sent(who="馬場"),),
    SCHEDULE: (Sent(lambda stage: schedule_form(stage, phone="048-1"), "馬場", before=gives_sessions),),
    f"{SCHEDULE}hours/": (
        Sent(
            lambda stage: typed_week(stage.client, d0p0="10:00-12:00"),
            "馬場",
            before=gives_sessions,
        ),
    ),
    f"{SCHEDULE}exceptions/": (
        Sent(
            lambda stage: {"exception-is_open": "closed", "exception-first_day": str(clock.today())},
            "馬場",
            before=gives_sessions,
        ),
    ),
    f"{SCHEDULE}exceptions/<int:exception>/remove/": (Sent(),),
    f"{SCHEDULE}calendar/": (
        Sent(lambda stage: {"calendar-url": "https://x.example/a.ics"}, "馬場", before=gives_sessions),
    ),
    f"{SCHEDULE}feed/": (Sent(who="馬場", before=gives_sessions),),
    f"{ONE}note/": (Sent(lambda stage: {"text": "書き直した", "seen": note_seen(stage)}, "馬場"),),
    f"{ONE}summary/": (
        Sent(lambda stage: {"text": "まとめ", "seen": ""}, "馬場"),
        Sent(lambda stage: {"do": "send"}, "馬場", before=summarized),
    ),
    f"{ONE}actions/": (Sent(lambda stage: {"id": uuid4(), "text": "すること", "who": "担当"}, "馬場"),),
    f"{ONE}actions/<uuid:action>/": (Sent(lambda stage: {"done": "yes"}, "馬場"),),
    f"{ONE}mark/": (Sent(lambda stage: {"after": "completed"}, "馬場", before=past),),
    f"{ONE}where/": (Sent(lambda stage: {"meeting_url": "https://meet.example/once"}, "馬場"),),
    f"{ONE}move/": (Sent(chosen, "馬場", before=confirmed),),
    f"{ONE}cancel/": (
        Sent(lambda stage: {"whose": "client", "reason": "ご都合"}, "馬場", before=confirmed),
        Sent(lambda stage: {"whose": "firm", "reason": "急病"}, "馬場", before=confirmed),
    ),
    f"{ONE}company/": (
        Sent(lambda stage: {"company": stage.things.company.pk}, "馬場", before=of_nobody),
        Sent(
            lambda stage: {"company": "new", "name": "新しい会社", "support_status": "lead"},
            "馬場",
            before=of_nobody,
        ),
    ),
    SETTINGS: (Sent(lambda stage: stage.form(cap="5")),),
    f"{SETTINGS}people/": (Sent(lambda stage: {"gives": [stage.house.members["馬場"].pk]}),),
    f"{SETTINGS}months/": (Sent(lambda stage: {"month": f"{clock.today():%Y-%m}", "cap": "6"}),),
    f"{SETTINGS}closed/": (
        Sent(lambda stage: {"closed-name": "創立記念日", "closed-first_day": str(clock.today())}),
    ),
    f"{SETTINGS}closed/<int:closed>/remove/": (Sent(),),
    f"{SETTINGS}blocked/": (Sent(lambda stage: {"blocked-address": "@spam.example"}),),
    f"{SETTINGS}blocked/<int:blocked>/remove/": (Sent(),),
    "companies/<int:company>/consultations/book/": (Sent(own_booking, "千葉", before=nothing_stands),),
}


def api_booking(stage: Stage) -> dict[str, Any]:
    return {**WHO, "slot": a_slot(stage)}


API: dict[str, tuple[Sent, ...]] = {
    "POST consultations/bookings/": (Sent(api_booking, "誰か", before=gives_sessions),),
    "POST consultations/bookings/<uuid:booking>/cancel/": (
        Sent(lambda stage: {"reason": "ご都合"}, "馬場"),
        Sent(lambda stage: {}, "千葉"),
    ),
}
