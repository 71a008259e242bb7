"""The demo: what the story tells, loaded once."""

import json
import re
from datetime import date, datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from config.demo import CONTENT, STORY_MONTH, demo_today, shifted
from consultations.free_times import month_views, this_and_next
from consultations.models import (
    Consultation,
    NextAction,
    Schedule,
    SessionNote,
    Task,
    WaitlistEntry,
)
from consultations.states import State
from diagnosis.models import Diagnosis
from notices.models import Notice
from reports.models import Job
from tenancy import clock
from tenancy.models import Company, Firm, Membership, PublicPerson, Site, Trail, User
from tenancy.scope import Scope, open_scope
from tests.conftest import House

pytestmark = pytest.mark.django_db
FIRST_LOAD = timezone.make_aware(datetime(2027, 3, 9, 12))


def load(moment: datetime = FIRST_LOAD) -> str:
    out = StringIO()
    with clock.stopped_at(moment):
        call_command("load_demo", stdout=out)
    return out.getvalue()


def everything() -> dict[str, Any]:
    """All rows of both firms, as they stand."""
    rows: dict[str, Any] = {"user": list(User.objects.order_by("pk").values())}
    for firm in Firm.objects.order_by("slug"):
        with open_scope(Scope.of_firm(firm.pk)):
            for model in (Company, Site, Membership, PublicPerson, Diagnosis, Job, Trail):
                rows[f"{firm.slug}.{model.__name__}"] = list(model.objects.order_by("pk").values())
    return rows


def test_loading_twice_changes_nothing_also_in_another_month() -> None:
    load()
    before = everything()
    assert "読み込み済み" in load(timezone.make_aware(datetime(2027, 8, 1)))
    assert everything() == before


@pytest.mark.parametrize(
    ("day", "taken", "waiting"),
    [(1, 4, 2), (10, 4, 2), (17, 4, 2), (26, 4, 1), (31, 4, 1)],
    ids=lambda value: str(value),
)
def test_the_month_is_told_as_far_as_it_has_come(day: int, taken: int, waiting: int) -> None:
    moment = timezone.make_aware(datetime(2026, 12, day, 0, 30))
    load(moment)
    firm = Firm.objects.get(slug="michisuji")
    with clock.stopped_at(moment), open_scope(Scope.of_firm(firm.pk)):
        this, following = month_views(this_and_next())
        assert (this.taken, this.left, this.waiting) == (taken, 0, waiting)
        assert (following.taken, following.left) == (2, 2)
        gone = Consultation.objects.filter(state=State.CONFIRMED, ends_at__lt=moment)
        assert not gone.exists()


def test_a_demo_from_before_there_were_sessions_gets_them_once() -> None:
    load()
    firm = Firm.objects.get(slug="michisuji")
    with open_scope(Scope.of_firm(firm.pk)):
        for model in (Task, SessionNote, NextAction, Consultation, WaitlistEntry, Schedule):
            model.objects.all().delete()
    load()
    load()
    with clock.stopped_at(FIRST_LOAD), open_scope(Scope.of_firm(firm.pk)):
        assert [view.taken for view in month_views(this_and_next())] == [4, 2]


def test_a_company_renamed_in_the_demo_is_not_loaded_again() -> None:
    load()
    firm = Firm.objects.get(slug="michisuji")
    with open_scope(Scope.of_firm(firm.pk)):
        Company.objects.filter(name="美容室ゆいのま").update(name="美容室ゆいのま 本店")
    load()
    with open_scope(Scope.of_firm(firm.pk)):
        assert Company.objects.count() == 6


def test_the_demo_tells_the_story() -> None:
    load()
    story = json.loads((CONTENT / "demo_story.json").read_text("utf-8"))
    firm = Firm.objects.get(slug="michisuji")
    with open_scope(Scope.of_firm(firm.pk)):
        assert demo_today(firm) == date(2027, 3, 9)
        for told in story["companies"]:
            company = Company.objects.select_related("consultant__user").get(name=told["name"])
            assert (company.location, company.employees) == (told["location"], told["employees"])
            assert company.consultant is not None
            assert company.consultant.user.name == told["consultant"]
            assert company.sites.count() == len(told["sites"])
            diagnosis = Diagnosis.objects.submitted().get(company=company)
            case = story["diagnoses"][told["diagnosis_case"]]
            assert (diagnosis.answers, diagnosis.facts) == (case["answers"], case["facts"])
            assert diagnosis.submitted_at is not None
            assert diagnosis.submitted_at < FIRST_LOAD
        assert Diagnosis.objects.count() == Job.objects.count() == 6
        assert not Notice.objects.filter(shared=False).exclude(key__startswith="consultation:").exists()


def test_what_a_consultant_typed_in_the_demo_is_the_consultant_s() -> None:
    load()
    with open_scope(Scope.of_firm(Firm.objects.get(slug="michisuji").pk)):
        acts = Trail.objects.filter(act__endswith=".diagnosis")
        assert acts.exists()
        assert not acts.filter(user_id=None).exists()


def test_the_storys_scores_stand_in_the_results() -> None:
    load()
    firm = Firm.objects.get(slug="michisuji")
    with open_scope(Scope.of_firm(firm.pk)):
        tone = Diagnosis.objects.get(company__name="株式会社利根あおば精工")
    assert (tone.grade, str(tone.overall)) == ("D", "37.3")


AT_HOME = {
    "admin@demo.example": "/michisuji/home/",
    "consultant@demo.example": "/michisuji/home/",
    "rival@demo.example": "/aoba/home/",
    "owner@demo.example": "/michisuji/companies/[0-9]+/home/",
    "staff@demo.example": "/michisuji/companies/[0-9]+/home/",
    "partner@demo.example": "/michisuji/companies/[0-9]+/home/",
    "owner2@demo.example": "/michisuji/companies/[0-9]+/home/",
}


def test_the_demos_people_can_sign_in() -> None:
    load()
    arrived = {}
    for email in AT_HOME:
        sent = {"login": email, "password": "michisuji-demo"}
        answer = Client(SERVER_NAME="localhost").post("/accounts/login/", sent, follow=True)
        arrived[email] = answer.redirect_chain[-1][0]
    assert {email: at for email, at in arrived.items() if not re.fullmatch(AT_HOME[email], at)} == {}


def test_a_firm_that_is_not_the_demos_is_left_alone(michisuji: House) -> None:
    before = everything()
    with pytest.raises(CommandError, match="デモではない"):
        load()
    assert everything() == before


@pytest.mark.parametrize(
    ("day", "today", "moved"),
    [
        (date(2026, 10, 21), date(2026, 11, 30), date(2026, 10, 21)),
        (date(2026, 10, 21), date(2027, 1, 1), date(2026, 12, 21)),
        (date(2026, 10, 21), date(2027, 3, 9), date(2027, 2, 21)),
        (date(2025, 1, 28), date(2026, 1, 31), date(2024, 3, 28)),
    ],
)
def test_the_storys_days_move_by_whole_months(day: date, today: date, moved: date) -> None:
    assert date(2026, 11, 1) == STORY_MONTH
    assert shifted(day, today) == moved


def test_every_day_of_the_story_exists_in_every_month() -> None:
    days = re.findall(r'"\d{4}-\d\d-(\d\d)"', (CONTENT / "demo.json").read_text("utf-8"))
    assert {int(day) for day in days} <= set(range(1, 29))
