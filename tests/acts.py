"""How each address is called so that it writes, and which writes need no row in the trail.

A new route that takes a POST gets a line here: without one `tests/tenancy/test_acts.py` fails. A line says what is sent
and, where it takes one, who sends it and what has to stand before it (done in the firm's scope).
"""

import json
import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, models

from diagnosis.actions import make_resume_code, save_answers, start_diagnosis
from diagnosis.addresses import answers_token, result_token
from diagnosis.models import Comment, Diagnosis
from notices.models import Mail
from reports.models import Job
from tenancy import clock, erasing, leaving, merging, people
from tenancy.links import make_token
from tenancy.models import (
    Company,
    CompanyMerge,
    Firm,
    Invitation,
    Meeting,
    Membership,
    PublicPerson,
    Session,
    Trail,
    User,
)
from tenancy.scope import open_scope
from tenancy.walls import FirmModel
from tests import acts_of_sessions as sessions
from tests.conftest import House
from tests.diagnosis.journey import WHO, page_data
from tests.stage import Sent, Stage
from tests.test_matrix import address
from tests.things import CASES

# ── What needs no row in the trail, and why ──

UNAUDITED_TABLES: dict[str, str] = {
    "tenancy.trail": "it is the trail",
    "tenancy.personkey": "a key is made when the first value is sealed; destroying one is the act that is recorded",
    "tenancy.idempotencykey": "the API's memory of its own answers, for 24 hours",
    "notices.noticeread": "who has read a notice: a mark, not a change of anything",
    "consultations.outsidebusy": "what a calendar elsewhere says, read again every quarter of an hour",
    "diagnosis.resumecode": "a hash for a day; the act that made or ended it is recorded on its diagnosis",
}
UNAUDITED_COLUMNS: dict[str, dict[str, str]] = {
    "diagnosis.diagnosis": {
        "answers": "saved with each choice while they are open; begun and submitted are recorded",
        "facts": "as answers",
        "updated_at": "as answers",
    },
    "consultations.consultationmonth": {"freed": "counted by acts that are recorded"},
    "consultations.outsidecalendar": dict.fromkeys(
        ("asked_at", "read_at", "problem"), "how far the reading is"
    ),
    "notices.mail": dict.fromkeys(("attempts", "last_error", "sent_at"), "how far the delivery is"),
    "reports.job": dict.fromkeys(("progress", "message", "attempts", "draft"), "how far the worker is"),
    "tenancy.apitoken": {"last_used_at": "a counter"},
    "tenancy.company": {"last_contact_on": "kept from the meetings, which are recorded"},
    "tenancy.user": {"last_login": "the session's"},
}

# ── What stands before an act ──


def answering(house: House) -> Diagnosis:
    """Answers that lack only who gave them. Call inside the firm's scope."""
    case = CASES["cases"][0]
    return save_answers(diagnosis=start_diagnosis(), answers=case["answers"], facts=case["facts"])


def address_of(stage: Stage, route: str) -> str:
    """The route's address; a signed link for answers (`/a/`), the result (`/r/`) or an invitation in it."""
    token = answers_token(stage.answering) if "/a/" in route else result_token(stage.things.diagnosis)
    if route.startswith("invitation/"):
        token = make_token(people.LINK, stage.things.ids["invite"], 1)
    if route.startswith("consultation/"):
        token = sessions.token_of(stage, route)
    ids = stage.things.ids | ({"token": token} if "<str:token>" in route else {})
    return address(route, stage.house.firm.slug, ids)


def signed_in_elsewhere(stage: Stage) -> None:
    now = clock.now()
    Session.objects.create(
        session_key="elsewhere",
        expire_date=now + timedelta(days=1),
        user=stage.house.members["青木"].user,
        signed_in_at=now,
        seen_at=now,
        firms={str(stage.house.firm.pk): now.timestamp()},
    )


def failed_jobs(stage: Stage) -> None:
    Job.objects.update(state=Job.State.FAILED, file="")


def not_linked(stage: Stage) -> None:
    Comment.objects.filter(diagnosis=stage.things.diagnosis).update(company=None)
    Diagnosis.objects.filter(pk=stage.things.diagnosis.pk).update(company=None)


def failed_mail(stage: Stage) -> None:
    Mail.objects.filter(pk=stage.things.ids["mail"]).update(state=Mail.State.FAILED, last_error="x")


def second_admin(stage: Stage) -> None:
    Membership.objects.filter(pk=stage.house.members["馬場"].pk).update(role="admin")


def in_charge(stage: Stage) -> None:
    Company.objects.filter(pk=stage.things.company.pk).update(consultant=stage.house.members["青木"])


def invited_to_the_firm(stage: Stage) -> None:
    Invitation.objects.filter(pk=stage.things.ids["invite"]).update(company=None, role="consultant")


def other_company(stage: Stage) -> Company:
    found: Company = Company.objects.get(pk=stage.things.ids["other"])
    return found


def merged(stage: Stage) -> None:
    Meeting.objects.create(company=other_company(stage), held_on=clock.today(), body="話したこと")
    merging.merge(kept=stage.things.company, gone=other_company(stage), actor=stage.house.members["馬場"])


def the_merge(stage: Stage) -> dict[str, Any]:
    with open_scope(stage.house.scope):
        return {"merge": CompanyMerge.objects.get().pk}


def ordered_to_go(stage: Stage) -> None:
    firm = stage.house.firm
    leaving.order_deletion(firm=firm, typed=firm.name, actor=stage.house.members["青木"])


def whom_to_erase(stage: Stage) -> dict[str, Any]:
    with open_scope(stage.house.scope):
        found = erasing.find(stage.things.canary)
    return {"q": stage.things.canary, "pick": [each.key for each in found.listed], "confirmed": "yes"}


def a_neighbour(stage: Stage) -> None:
    PublicPerson.objects.create(name="隣の人", position=1)


def a_pdf() -> SimpleUploadedFile:
    return SimpleUploadedFile(
        "資料.pdf", b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n", "application/pdf"
    )


def seed(stage: Stage) -> dict[str, str]:
    found = re.search(r'name="seed" value="([^"]+)"', stage.client.get(stage.url).content.decode())
    assert found
    return {"seed": found[1]}


def a_code(stage: Stage) -> dict[str, str]:
    with open_scope(stage.house.scope):
        return {"code": make_resume_code(diagnosis=stage.answering)}


# ── Pages ──

_PERSON = {"name": "佐伯 真理子", "title": "代表"}
_INVITED = {"name": "新田 花", "email": "nitta@x.example", "title": ""}
_MAIL = {"contact_name": "宛先", "email": "atesaki@x.example"}

POSTS: dict[str, tuple[Sent, ...]] = {
    "companies/new/": (Sent(lambda stage: stage.form(name="新しい会社"), "馬場"),),
    "companies/assign/": (
        Sent(lambda stage: {"companies": [stage.things.ids["other"]], "to": stage.house.members["青木"].pk}),
        Sent(lambda stage: {"companies": [stage.things.ids["other"]], "to": stage.house.members["馬場"].pk}),
    ),
    "companies/<int:company>/edit/": (
        Sent(
            lambda stage: stage.form(location="埼玉県", representative="新しい社長", employees="30"), "馬場"
        ),
    ),
    "companies/<int:company>/members/invite/": (Sent(lambda stage: {**_INVITED, "role": "staff"}, "千葉"),),
    "companies/<int:company>/members/<int:member>/end/": (Sent(who="千葉"),),
    "companies/<int:company>/members/<int:member>/until/": (
        Sent(lambda stage: {"ends_on": str(clock.today())}, "馬場"),
    ),
    "companies/<int:company>/invitations/<uuid:invite>/send/": (Sent(who="千葉"),),
    "companies/<int:company>/invitations/<uuid:invite>/revoke/": (Sent(who="馬場"),),
    "companies/<int:company>/notices/read/": (Sent(who="千葉", audited=False),),
    "companies/<int:company>/notices/settings/": (Sent(who="千葉"),),
    "companies/<int:company>/diagnoses/take/": (Sent(lambda stage: {"request_id": uuid4()}, "千葉"),),
    "companies/<int:company>/diagnoses/<uuid:diagnosis>/report/": (Sent(who="千葉", before=failed_jobs),),
    "companies/<int:company>/archive/": (Sent(lambda stage: {"to": "archive"}, "馬場"),),
    "companies/<int:company>/merge/<int:other>/": (
        Sent(lambda stage: {"gone": stage.things.ids["other"]}, "馬場"),
    ),
    "companies/<int:company>/merge/undo/": (Sent(the_merge, "馬場", before=merged),),
    "companies/<int:company>/meetings/new/": (
        Sent(
            lambda stage: {
                "held_on": str(clock.today()),
                "kind": "visit",
                "body": "話したこと",
                "shared": "True",
                "handed": [stage.house.members["江口"].pk],
            },
            "馬場",
        ),
    ),
    "companies/<int:company>/meetings/<uuid:meeting>/edit/": (
        Sent(lambda stage: stage.form(body="直したこと"), "馬場"),
    ),
    "companies/<int:company>/meetings/<uuid:meeting>/remove/": (Sent(who="馬場"),),
    "companies/<int:company>/files/new/": (Sent(lambda stage: stage.form(files=a_pdf()), "馬場"),),
    "companies/<int:company>/files/<uuid:file>/edit/": (
        Sent(lambda stage: {**stage.form(), "shared": "False"}, "馬場"),
    ),
    "companies/<int:company>/files/<uuid:file>/remove/": (Sent(who="馬場"),),
    "companies/<int:company>/sites/": (Sent(lambda stage: {"name": "新しい店"}, "馬場"),),
    "companies/<int:company>/sites/<int:site>/": (Sent(lambda stage: {"name": "別の店"}, "馬場"),),
    "companies/<int:company>/sites/<int:site>/remove/": (Sent(who="馬場"),),
    "companies/<int:company>/diagnoses/invite/": (Sent(lambda stage: {"request_id": uuid4(), **_MAIL}),),
    "companies/<int:company>/diagnoses/on-behalf/": (Sent(lambda stage: {"request_id": uuid4()}),),
    "diagnoses/<uuid:diagnosis>/comment/": (Sent(lambda stage: {"text": "新しいコメント", "based_on": 1}),),
    "diagnoses/<uuid:diagnosis>/company/": (
        Sent(),
        Sent(lambda stage: {"company": stage.things.company.pk}, before=not_linked),
        Sent(lambda stage: {"company": "new"}, before=not_linked),
    ),
    "diagnoses/<uuid:diagnosis>/report/": (Sent(before=failed_jobs),),
    "diagnoses/<uuid:diagnosis>/revoke/": (Sent(lambda stage: {"version": 1}),),
    "diagnoses/<uuid:diagnosis>/send/": (Sent(lambda stage: {"email": "new@x.example"}),),
    "diagnoses/<uuid:invitation>/invitation/": (Sent(lambda stage: _MAIL),),
    "jobs/<uuid:job>/again/": (Sent(before=failed_jobs),),
    "notices/read/": (Sent(audited=False),),
    "notices/settings/": (Sent(),),
    "settings/invitations/<uuid:invite>/send/": (Sent(before=invited_to_the_firm),),
    "settings/invitations/<uuid:invite>/revoke/": (Sent(before=invited_to_the_firm),),
    "settings/members/invite/": (Sent(lambda stage: {**_INVITED, "role": "consultant"}),),
    "settings/members/<int:colleague>/": (Sent(lambda stage: {"role": "admin", "title": "代表"}),),
    "settings/members/<int:colleague>/sign-out/": (Sent(before=signed_in_elsewhere, audited=False),),
    "settings/members/<int:colleague>/end/": (Sent(before=second_admin),),
    "settings/members/<int:colleague>/hand-over/": (
        Sent(lambda stage: {"to": stage.house.members["馬場"].pk}, before=in_charge),
    ),
    "settings/delete/": (Sent(lambda stage: {"name": stage.house.firm.name}),),
    "settings/delete/back/": (Sent(before=ordered_to_go),),
    "settings/erase/": (Sent(whom_to_erase),),
    "settings/export/": (Sent(lambda stage: {"once": uuid4()}),),
    "settings/import/": (),  # needs an empty firm: tests/tenancy/test_export.py
    "settings/mail/<uuid:mail>/again/": (Sent(before=failed_mail),),
    "settings/privacy/": (Sent(lambda stage: {"summary": "要約", "text": "本文", "after": 1}),),
    "settings/public/": (
        Sent(
            lambda stage: stage.form(
                headline="見出し", conviction="考え", representative="代表者", phone="03-1"
            )
        ),
    ),
    "settings/public/people/new/": (Sent(lambda stage: _PERSON),),
    "settings/public/people/<int:person>/": (Sent(lambda stage: _PERSON),),
    "settings/public/people/<int:person>/move/": (Sent(lambda stage: {"to": "down"}, before=a_neighbour),),
    "settings/public/people/<int:person>/remove/": (Sent(),),
    "settings/rules/": (Sent(lambda stage: stage.form(consultants_see="assigned")),),
    "settings/tokens/": (Sent(lambda stage: {"name": "連携", "once": uuid4()}),),
    "settings/tokens/<int:token>/revoke/": (Sent(),),
    # Visitors, also by signed link.
    "invitation/<str:token>/": (Sent(lambda stage: {"name": "新田 花", "password": ""}, "誰か"),),
    "diagnosis/": (Sent(seed, "誰か"),),
    "diagnosis/code/": (Sent(a_code, "誰か", audited=False),),
    "diagnosis/a/<str:token>/<int:number>/": (Sent(lambda stage: page_data(1), "誰か", audited=False),),
    "diagnosis/a/<str:token>/<int:number>/save/": (Sent(lambda stage: page_data(1), "誰か", audited=False),),
    "diagnosis/a/<str:token>/resume/mail/": (Sent(lambda stage: {"email": "later@x.example"}, "誰か"),),
    "diagnosis/a/<str:token>/resume/code/": (Sent(who="誰か", audited=False),),
    "diagnosis/a/<str:token>/who/": (Sent(lambda stage: WHO, "誰か"), Sent(lambda stage: WHO, "馬場")),
    "diagnosis/r/<str:token>/report/": (Sent(who="誰か", before=failed_jobs),),
    "diagnosis/r/<str:token>/mail/": (Sent(lambda stage: {"email": "other@x.example"}, "誰か"),),
}

POSTS |= sessions.POSTS

# ── The API: method and route below firms/<firm>/ ──

_ANSWERS = {name: CASES["cases"][0][name] for name in ("answers", "facts")}

API: dict[str, tuple[Sent, ...]] = {
    "POST companies/": (Sent(lambda stage: {"name": "新しい会社", "representative": "新しい社長"}, "馬場"),),
    "PATCH companies/<int:company>/": (Sent(lambda stage: {"representative": "次の社長"}, "馬場"),),
    "POST diagnoses/": (
        Sent(lambda stage: _ANSWERS, "誰か"),
        Sent(lambda stage: {**_ANSWERS, "company": stage.things.company.pk}, "馬場"),
    ),
    "POST diagnoses/<uuid:diagnosis>/report/": (Sent(who="馬場", before=failed_jobs),),
}

API |= sessions.API

# ── What was written, and what the trail says of it ──

Row = tuple[str, str]
Rows = dict[Row, dict[str, Any]]


def audited_models() -> list[type[models.Model]]:
    """The tenants' tables, firms and people."""
    tenants = [model for model in apps.get_models() if issubclass(model, FirmModel) or model in (Firm, User)]
    return [model for model in tenants if model._meta.label_lower not in UNAUDITED_TABLES]


def rows_of(house: House) -> Rows:
    """All rows of the firm (and of people and firms) without the columns that need no row in the trail."""
    found: Rows = {}
    with open_scope(house.scope), connection.cursor() as cursor:
        for model in audited_models():
            label, pk = model._meta.label_lower, model._meta.pk.column
            cursor.execute(f'SELECT "{pk}"::text, to_jsonb(t)::text FROM "{model._meta.db_table}" AS t')
            for id, text in cursor.fetchall():
                row = json.loads(text)
                found[label, id] = {
                    name: row[name] for name in row.keys() - UNAUDITED_COLUMNS.get(label, {}).keys()
                }
    return found


def written(before: Rows, after: Rows) -> set[Row]:
    """Rows that were added, changed or deleted."""
    return {row for row in before.keys() | after.keys() if before.get(row) != after.get(row)}


def acts_since(house: House, known: set[Any]) -> list[Trail]:
    with open_scope(house.scope):
        return list(Trail.objects.exclude(pk__in=known))


def named(acts: list[Trail]) -> set[Row]:
    """Rows that the trail names: what something was done to, and what else the same act wrote."""
    further = {
        (label, id) for act in acts for label, ids in act.details.get("rows", {}).items() for id in ids
    }
    return {(act.subject, act.subject_id) for act in acts} | further
