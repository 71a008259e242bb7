"""The demo: two firms with their people, companies and diagnoses, loaded once and never touched again.

What was loaded, and on which day, stands in the firm's audit trail (`load.demo`): the trail cannot be changed, so a
second load, in whatever month, finds it and does nothing, also after somebody has renamed a company in the demo.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from config.demo_consultations import load_consultations
from config.demo_records import load_records
from consultations.models import Schedule
from diagnosis.actions import Respondent, mark_seen, save_answers, start_diagnosis, submit_diagnosis
from diagnosis.models import Diagnosis
from tenancy import actions, clock, trail
from tenancy.clock import end_of
from tenancy.models import Company, Firm, Membership, PublicPerson, Trail, User
from tenancy.permissions import PARTNER
from tenancy.scope import Scope, open_scope

CONTENT = Path(__file__).parent / "content"
# The story's last closed month is 2026-10: this month, in which it is told, becomes the month of the first load.
STORY_MONTH = date(2026, 11, 1)
_ACT = "load.demo"


class NotTheDemo(Exception):
    """A firm with this slug exists that is not the demo's; it is left alone."""


@dataclass(frozen=True)
class Client:
    """A company of the demo: its fields, who is in charge, its sites, and its diagnosis if it has taken one."""

    values: dict[str, Any]
    consultant: str
    sites: list[str]
    since: date
    diagnosed: date | None
    people: list[dict[str, Any]]
    answers: dict[str, Any]
    facts: dict[str, Any]
    meetings: list[dict[str, Any]]
    files: list[dict[str, Any]]


def load_demo() -> list[str]:
    """Load what is missing; the slugs of the firms that were made. Raises NotTheDemo before anything is written."""
    plan, story = _read("demo.json"), _read("demo_story.json")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('load_demo', 0))")
        missing = [firm for firm in plan["firms"] if not _is_loaded(firm["slug"])]
        for firm in missing:
            _load_firm(firm, plan["password"], list(_clients(firm, story)))
        for firm in plan["firms"]:
            _catch_up(firm)
    return [firm["slug"] for firm in missing]


def demo_today(firm: Firm) -> date | None:
    """The day on which the demo was first loaded into this firm; None if it was not. Needs a scope of the firm."""
    first = Trail.objects.filter(firm=firm, act=_ACT).order_by("at").first()
    return date.fromisoformat(first.details["today"]) if first else None


def shifted(day: date, today: date) -> date:
    """A day of the story, moved by whole months so that STORY_MONTH becomes the month of `today`.

    The story's days are all ≤ 28, so that they exist in every month.
    """
    months = (
        day.year * 12 + day.month + (today.year - STORY_MONTH.year) * 12 + today.month - STORY_MONTH.month - 1
    )
    return day.replace(year=months // 12, month=months % 12 + 1)


def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((CONTENT / name).read_text("utf-8"))
    return content


def _is_loaded(slug: str) -> bool:
    firm = Firm.objects.filter(slug=slug).first()
    if firm is None:
        return False
    with open_scope(Scope.of_firm(firm.pk)):
        if demo_today(firm) is None:
            raise NotTheDemo(slug)
    return True


def _catch_up(plan: dict[str, Any]) -> None:
    """A demo that was loaded before there were sessions gets them too, once, if its people are still there."""
    firm = Firm.objects.get(slug=plan["slug"])
    with open_scope(Scope.of_firm(firm.pk)):
        if Schedule.objects.exists():
            return
        here = {each.user.email: each for each in Membership.objects.consulting()}
        members = {each["name"]: here[each["email"]] for each in plan["members"] if each["email"] in here}
        if len(members) == len(plan["members"]):
            load_consultations(plan["consultations"], members)


def _clients(firm: dict[str, Any], story: dict[str, Any]) -> Iterator[Client]:
    sites = {site["key"]: site["site"] for site in story["sites"]}
    for told in story["companies"]:
        if more := firm["story"].get(told["key"]):
            yield _client(
                {**told, **more, "representative": told["ceo"], "case": told["diagnosis_case"]},
                [sites[key] for key in told["sites"]],
                story,
            )
    for company in firm["companies"]:
        yield _client(company, company["sites"], story)


def _client(told: dict[str, Any], sites: list[str], story: dict[str, Any]) -> Client:
    names = ("name", "kana", "industry", "location", "employees", "representative")
    case = story["diagnoses"].get(told.get("case", ""), {"answers": {}, "facts": {}})
    return Client(
        values={name: told[name] for name in names},
        consultant=told["consultant"],
        sites=sites,
        since=date.fromisoformat(told["since"]),
        diagnosed=date.fromisoformat(told["diagnosed"]) if "diagnosed" in told else None,
        people=told.get("people", []),
        meetings=told.get("meetings", []),
        files=told.get("files", []),
        **case,
    )


def _load_firm(plan: dict[str, Any], password: str, clients: list[Client]) -> None:
    today = clock.today()
    head = plan["members"][0]
    made = actions.create_firm(
        slug=plan["slug"], name=plan["name"], admin_email=head["email"], admin_name=head["name"]
    )
    with open_scope(Scope.of_firm(made.firm.pk)):
        members = {each["name"]: _member(made.firm, each, password) for each in plan["members"]}
        actions.update_profile(values=plan["profile"], seen=None, actor=None)
        for person in plan["people"]:
            actions.save_person(person=PublicPerson(**person), actor=None)
        for client in clients:
            consultant = members[client.consultant]
            scope = replace(Scope.of_firm(made.firm.pk), user_id=consultant.user_id, role=consultant.role)
            with open_scope(replace(scope, membership_id=consultant.pk)):
                _load_company(client, consultant, today, password)
        load_consultations(plan["consultations"], members)
        trail.record(_ACT, made.firm, today=today.isoformat())


def _member(firm: Firm, plan: dict[str, Any], password: str, company: Company | None = None) -> Membership:
    """The membership, with the demo's password unless the person already has one; external partners stay a year."""
    user = User.objects.filter(email=plan["email"]).first() or User.objects.create_user(plan["email"])
    if not user.has_usable_password():
        user.name = plan["name"]
        user.set_password(password)
        user.save(update_fields=["name", "password"])
    member: Membership
    ends_at = end_of(timezone.localdate() + timedelta(days=365)) if plan["role"] == PARTNER else None
    place = {"role": plan["role"], "title": plan["title"], "ends_at": ends_at}
    member, _ = Membership.objects.update_or_create(firm=firm, user=user, company=company, defaults=place)
    trail.record("add.member", member, company_id=member.company_id, rows=[user])
    return member


def _load_company(client: Client, consultant: Membership, today: date, password: str) -> None:
    with clock.stopped_at(_moment(client.since, today, 10)):
        company = actions.create_company(
            values={**client.values, "consultant": consultant, "support_status": Company.Support.CLIENT},
            actor=consultant,
        )
        for name in client.sites:
            actions.add_site(company=company, name=name, actor=consultant)
        for each in client.people:
            _member(company.firm, each, password, company)
    if client.diagnosed:
        with clock.stopped_at(_moment(client.diagnosed, today, 14)):
            _diagnose(company, client, consultant)
    load_records(company, client.meetings, client.files, consultant, partial(_moment, today=today, hour=16))


def _diagnose(company: Company, client: Client, consultant: Membership) -> None:
    """As the consultant would type it in a session: a real result and PDF, and no mail to anybody."""
    diagnosis = start_diagnosis(origin=Diagnosis.Origin.ON_BEHALF, company=company, actor=consultant)
    save_answers(diagnosis=diagnosis, answers=client.answers, facts=client.facts)
    respondent = Respondent(
        company_name=company.name,
        contact_name=company.representative,
        industry=company.industry,
        employees=company.employees,
    )
    done = submit_diagnosis(diagnosis=diagnosis, respondent=respondent, actor=consultant)
    mark_seen(diagnosis=done, actor=consultant)


def _moment(day: date, today: date, hour: int) -> datetime:
    return timezone.make_aware(datetime.combine(shifted(day, today), time(hour)))
