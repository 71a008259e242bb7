"""One of everything in a firm, each with a word that must never be seen elsewhere."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

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
from tenancy.links import make_token
from tenancy.models import ApiToken, Company, PublicPerson, Site
from tenancy.scope import open_scope
from tests.conftest import House

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
        company = next(iter(house.companies.values()))
        company.name = company.kana = company.location = canary
        company.support_status = "lead"
        company.save()
        diagnosis = answered(house, canary, company)
        ids = {
            "company": company.pk,
            "other": list(house.companies.values())[-1].pk,
            "site": Site.objects.create(firm=house.firm, company=company, name=canary).pk,
            "person": PublicPerson.objects.create(firm=house.firm, name=f"公開{house.firm.slug}").pk,
            "token": ApiToken.objects.create(
                firm=house.firm, membership=first_member(house), name=canary, hash=canary
            ).pk,
            "mail": Mail.objects.create(
                firm=house.firm, key=canary, to="x@x.example", subject=canary, body=canary
            ).pk,
            "notice": Notice.objects.create(firm=house.firm, key=canary, title=canary, url="/").pk,
            "job": Job.objects.create(
                firm=house.firm, name="x", title=canary, subject=uuid4(), version="1", company=company
            ).pk,
            "diagnosis": diagnosis.pk,
            "invitation": invited(house, canary, company).pk,
            "version": 1,
            "number": 1,
        }
    return Things(canary, ids, diagnosis, company)


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
