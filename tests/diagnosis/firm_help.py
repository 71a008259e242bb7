"""Diagnoses for the tests of the consultant's side, made through the actions that visitors use."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

from diagnosis.actions import Respondent, save_answers, start_diagnosis, submit_diagnosis
from diagnosis.models import Diagnosis
from tenancy.models import Company
from tenancy.scope import open_scope
from tests.conftest import House

CASES: dict[str, dict[str, Any]] = {
    case["id"]: case
    for case in json.loads((Path(__file__).parent / "data" / "diagnosis_cases.json").read_text())["cases"]
}


def answered(
    house: House,
    name: str = "利根あおば精工",
    *,
    case: str = "case02",
    company: Company | None = None,
    **who: Any,
) -> Diagnosis:
    """A submitted diagnosis of the firm with the answers of a published case."""
    with open_scope(house.scope):
        begun = start_diagnosis(company=company)
        save_answers(diagnosis=begun, answers=CASES[case]["answers"], facts=CASES[case]["facts"])
        respondent = Respondent(company_name=name, **{"privacy_version": 1} | who)
        return submit_diagnosis(diagnosis=begun, respondent=respondent)


def read_again(house: House, diagnosis: Diagnosis) -> Diagnosis:
    with open_scope(house.scope):
        return Diagnosis.objects.select_related("company").get(pk=diagnosis.pk)


def companies(house: House) -> int:
    with open_scope(house.scope):
        return Company.objects.count()


def once() -> dict[str, str]:
    """The hidden field of a form that does its work once."""
    return {"request_id": str(uuid4())}
