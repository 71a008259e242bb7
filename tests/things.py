"""One of everything in a firm, each with a word that must never be seen elsewhere."""

import json
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from consultations.calc import months
from consultations.models import (
    Blocked,
    Closed,
    Consultation,
    DayException,
    NextAction,
    OpeningWish,
    Schedule,
    SessionNote,
    Task,
    WaitlistEntry,
)
from diagnosis.actions import (
    Respondent,
    invite,
    save_answers,
    start_diagnosis,
    submit_diagnosis,
    write_comment,
)
from diagnosis.models import Diagnosis
from notices.models import Mail, Notice
from reports.models import Job
from tenancy import clock
from tenancy.links import make_token
from tenancy.models import (
    ApiToken,
    Attachment,
    Company,
    Handing,
    Invitation,
    Meeting,
    Membership,
    PublicPerson,
    Site,
    User,
)
from tenancy.scope import open_scope
from tests.conftest import House
from tests.tenancy import papers

CASES = json.loads((Path(__file__).parent / "diagnosis/data/diagnosis_cases.json").read_text())


@dataclass
class Things:
    """What was planted: by the name it has in addresses; `canary` is in every text of it."""

    canary: str
    ids: dict[str, Any]
    diagnosis: Diagnosis
    company: Company


def plant(house: House) -> Things:
    """Plant one of everything; what is of a company, in the house's first one."""
    canary = f"カナリア{house.firm.slug}"
    with open_scope(house.scope):
        planted = plant_in(house, next(iter(house.companies.values())), canary)
        planted.ids |= {
            "other": list(house.companies.values())[-1].pk,
            "person": PublicPerson.objects.create(firm=house.firm, name=f"公開{house.firm.slug}").pk,
            "token": ApiToken.objects.create(
                firm=house.firm, membership=first_member(house), name=canary, hash=canary
            ).pk,
            "mail": Mail.objects.create(
                firm=house.firm, key=canary, to="x@x.example", subject=canary, body=canary
            ).pk,
            "notice": Notice.objects.create(firm=house.firm, key=canary, title=canary, url="/").pk,
            "colleague": first_member(house).pk,
            "exception": DayException.objects.create(
                firm=house.firm,
                schedule=Schedule.objects.get_or_create(membership=first_member(house))[0],
                first_day=clock.today(),
                last_day=clock.today(),
                reason=canary,
            ).pk,
            "closed": Closed.objects.create(
                firm=house.firm, name=canary, first_day=clock.today(), last_day=clock.today()
            ).pk,
            "blocked": Blocked.objects.create(firm=house.firm, address=canary).pk,
            "wish": OpeningWish.objects.create(
                firm=house.firm,
                month=months.after(clock.today().replace(day=1), 2),
                company_name=canary,
                email="wishes@x.example",
            ).pk,
            "version": 1,
            "number": 1,
            "month": f"{clock.today():%Y-%m}",
        }
    return planted


def plant_sibling(house: House) -> Things:
    """Plant one of everything that is of a company in the house's second one."""
    with open_scope(house.scope):
        return plant_in(house, list(house.companies.values())[1], "カナリア隣")


def plant_in(house: House, company: Company, canary: str) -> Things:
    """Plant one of everything in the company. Call inside the firm's scope."""
    company.name = company.kana = company.location = company.industry = canary
    company.support_status = "lead"
    company.save()
    diagnosis = answered(house, canary, company)
    ids = {
        "company": company.pk,
        "site": Site.objects.create(firm=house.firm, company=company, name=canary).pk,
        "job": Job.objects.create(
            firm=house.firm, name="x", title=canary, subject=uuid4(), version="1", company=company
        ).pk,
        "diagnosis": diagnosis.pk,
        "invitation": invited(house, canary, company).pk,
        "invite": Invitation.objects.create(
            firm=house.firm,
            company=company,
            name=canary,
            email="invited@y.example",
            role="staff",
            expires_at=clock.now() + timedelta(days=7),
        ).pk,
        "member": own_person(house, company).pk,
        "meeting": noted(house, company, canary, shared=True).pk,
        "file": filed(house, company, canary, shared=True).pk,
    }
    ids |= talked(house, company, canary, diagnosis)
    for member in Membership.objects.filter(company=company, role="partner"):
        for thing in ({"meeting_id": ids["meeting"]}, {"attachment_id": ids["file"]}):
            Handing.objects.create(firm=house.firm, company=company, membership=member, **thing)
    return Things(canary, ids, diagnosis, company)


def own_person(house: House, company: Company) -> Membership:
    """An external partner of the company."""
    email = f"partner{company.pk}@{house.firm.slug}.example"
    user = User.objects.create_user(email, None, f"外部{house.firm.slug}{company.name}")
    member: Membership = Membership.objects.create(
        firm=house.firm, user=user, role="partner", company=company, ends_at=clock.now() + timedelta(days=30)
    )
    return member


def answered(house: House, name: str, company: Company | None = None) -> Diagnosis:
    """A submitted diagnosis of case01, with a comment. Call inside the firm's scope."""
    case = CASES["cases"][0]
    diagnosis = start_diagnosis(company=company)
    save_answers(diagnosis=diagnosis, answers=case["answers"], facts=case["facts"])
    submit_diagnosis(diagnosis=diagnosis, respondent=Respondent(company_name=name, contact_name=name))
    diagnosis.refresh_from_db()
    write_comment(diagnosis=diagnosis, text=name, based_on=0, actor=first_member(house))
    diagnosis.refresh_from_db()
    return diagnosis


def noted(house: House, company: Company, text: str, **fields: Any) -> Meeting:
    """A 面談記録 with `text` in all it says. Call inside the firm's scope."""
    words = dict.fromkeys(("attendees", "body", "next_steps"), text)
    values = {"held_on": date(2026, 11, 2), **words, **fields}
    row: Meeting = Meeting.objects.create(firm=house.firm, company=company, **values)
    return row


def filed(house: House, company: Company, text: str, **fields: Any) -> Attachment:
    """A PDF in the storage with `text` as its name and in it. Call inside the firm's scope."""
    content = papers.PDF + text.encode()
    key = default_storage.save(f"firm/{house.firm.pk}/files/{uuid4()}", ContentFile(content))
    row: Attachment = Attachment.objects.create(
        firm=house.firm,
        company=company,
        name=f"{text}.pdf",
        content_type="application/pdf",
        bytes=len(content),
        sha256="0" * 64,
        key=key,
        **fields,
    )
    return row


def talked(house: House, company: Company, text: str, diagnosis: Diagnosis) -> dict[str, Any]:
    """A session still to come, with what hangs on one, and somebody who waits; `text` in all of it. Call inside the
    firm's scope."""
    session = session_of(house, company, text, diagnosis=diagnosis)
    entry = WaitlistEntry.objects.create(
        firm=house.firm,
        company=company,
        company_name=text,
        contact_name=text,
        email=f"waits{company.pk}@x.example",
        months=[session.month.isoformat()],
    )
    SessionNote.objects.create(firm=house.firm, company=company, consultation=session, text=text)
    action = NextAction.objects.create(
        firm=house.firm, company=company, consultation=session, text=text, who=text
    )
    task = Task.objects.create(firm=house.firm, kind="say_where", key=text, consultation=session)
    return {
        "consultation": session.pk,
        "booking": session.pk,
        "entry": entry.pk,
        "action": action.pk,
        "task": task.pk,
    }


def session_of(house: House, company: Company | None, text: str, **fields: Any) -> Consultation:
    """A confirmed session in eight days. Its place is the next one; nobody is told. Call inside the firm's scope."""
    starts = clock.now().replace(minute=0, second=0, microsecond=0) + timedelta(days=8)
    taken = Consultation.objects.filter(consultant=first_member(house)).count()
    starts += timedelta(hours=2 * taken)
    month = months.month_of(starts)
    row: Consultation = Consultation.objects.create(
        firm=house.firm,
        company=company,
        company_name=text,
        contact_name=text,
        email=f"session{taken}@x.example",
        topic=text,
        taken_by=f"{text}{taken}",
        consultant=first_member(house),
        state="confirmed",
        month=month,
        number=Consultation.objects.filter(month=month).count() + 1,
        starts_at=starts,
        ends_at=starts + timedelta(hours=1),
        busy_until=starts + timedelta(hours=1),
        confirmed_at=clock.now(),
        **fields,
    )
    return row


def invited(house: House, name: str, company: Company) -> Diagnosis:
    """An invitation that waits for answers. Call inside the firm's scope."""
    return invite(
        company=company,
        contact_name=name,
        email="invited@x.example",
        request_id=uuid4(),
        actor=first_member(house),
    )


def first_member(house: House) -> Any:
    return next(iter(house.members.values()))


def result_token(diagnosis: Diagnosis) -> str:
    return make_token("diagnosis.result", diagnosis.pk, diagnosis.link_version)
