"""`firms/<firm>/diagnoses/`: the 簡易診断 through the API."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from diagnosis.actions import start_diagnosis
from diagnosis.models import Diagnosis
from notices.models import Mail, Notice
from notices.tasks import mail_notice
from reports.models import Job
from tenancy.models import Due
from tenancy.scope import open_scope
from tests.api.conftest import CASE, CASES, V1, Program, answered, same
from tests.conftest import House

pytestmark = pytest.mark.django_db

DIAGNOSES = f"{V1}/diagnoses/"
KEYS = {
    "id", "state", "origin", "company", "company_name", "grade", "overall", "bottleneck", "started_at",
    "submitted_at", "questionnaire_version", "respondent", "answers", "facts", "result", "comment", "result_url",
}  # fmt: skip


def without_link(body: dict[str, Any]) -> dict[str, Any]:
    """A link is signed anew with each answer: a second later it is another one."""
    assert body["result_url"]
    return {**body, "result_url": None}


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda case: str(case["id"]))
def test_every_published_case_is_met_to_the_digit(baba: Program, case: dict[str, Any]) -> None:
    answer = baba.post(DIAGNOSES, {"answers": case["answers"], "facts": case["facts"]})
    assert answer.status_code == 201, answer.json()
    assert answer.json()["result"] == case["expected"]
    read = baba.get(f"{DIAGNOSES}{answer.json()['id']}/")
    assert without_link(read.json()) == without_link(answer.json())


def test_a_visitor_sends_answers_alone_and_gets_the_result(nobody: Program, baba: Program) -> None:
    answer = nobody.post(DIAGNOSES, answered())
    assert answer.status_code == 201, answer.json()
    body = answer.json()
    assert set(body) == KEYS
    assert set(body["result"]) == set(CASE["expected"])
    assert (body["state"], body["origin"], body["company"]) == ("submitted", "api", None)
    assert (body["answers"], body["facts"]) == (CASE["answers"], CASE["facts"])
    page = Client(SERVER_NAME="localhost").get(body["result_url"].removeprefix("http://localhost:8000"))
    assert page.status_code == 200
    assert baba.get(f"{DIAGNOSES}{body['id']}/").json()["result"] == CASE["expected"]


def test_a_diagnosis_for_a_client_company_carries_what_is_known_of_it(
    baba: Program, michisuji: House
) -> None:
    company = michisuji.companies["株式会社ア"]
    body = baba.post(DIAGNOSES, answered(company=company.pk)).json()
    assert (body["company"], body["company_name"]) == (company.pk, "株式会社ア")
    assert body["respondent"]["company_name"] == "株式会社ア"


def test_submitting_asks_for_the_report_once(baba: Program, michisuji: House) -> None:
    body = baba.post(DIAGNOSES, answered()).json()
    with open_scope(michisuji.scope):
        job = Job.objects.get(subject=body["id"])
    assert list(Due.objects.filter(object_id=job.pk).values_list("queue", flat=True)) == ["reports"]
    again = baba.post(f"{DIAGNOSES}{body['id']}/report/")
    assert (again.status_code, again.json()["id"]) == (202, str(job.pk))


def test_whose_program_sends_a_diagnosis_is_not_told_of_it(baba: Program, michisuji: House) -> None:
    baba.post(DIAGNOSES, answered())
    with open_scope(michisuji.scope):
        unread = {name: Notice.objects.unread(michisuji.members[name]).count() for name in ("青木", "馬場")}
    assert unread == {"青木": 1, "馬場": 0}
    mail_notice(michisuji.firm.pk, str(Due.objects.get(kind="notice").object_id))
    with open_scope(michisuji.scope):
        assert [mail.to for mail in Mail.objects.all()] == ["aoki@michisuji.example"]


def test_a_visitors_report_waits_in_the_visitors_queue(nobody: Program) -> None:
    nobody.post(DIAGNOSES, answered())
    assert Due.objects.filter(kind="report", queue="public_reports").count() == 1


# ── Who answered ──

PERSON = {
    "company_name": "ときわ蔵 株式会社",
    "contact_name": "常盤 花子",
    "email": "Hanako@Tokiwa.example",
    "industry": "食品・酒類製造",
    "employees": 24,
}


def test_consent_is_kept_with_version_and_time(nobody: Program, michisuji: House) -> None:
    body = nobody.post(DIAGNOSES, answered(respondent={**PERSON, "consent": True})).json()
    assert body["respondent"] == {**PERSON, "email": "hanako@tokiwa.example"}
    with open_scope(michisuji.scope):
        kept = Diagnosis.objects.get(pk=body["id"])
    assert kept.privacy_version == 1
    assert kept.consented_at is not None


def test_a_visitor_who_gives_a_name_or_address_has_to_consent(nobody: Program, michisuji: House) -> None:
    refused = nobody.post(DIAGNOSES, answered(respondent={"email": "a@example.jp", "consent": False}))
    assert refused.status_code == 400
    assert set(refused.json()["errors"]) == {"respondent.consent"}
    assert nobody.post(DIAGNOSES, answered(respondent={"company_name": "ア"})).status_code == 201
    with open_scope(michisuji.scope):
        assert Diagnosis.objects.get().consented_at is None


def test_a_member_may_type_for_somebody(baba: Program) -> None:
    assert baba.post(DIAGNOSES, answered(respondent=PERSON)).status_code == 201


@pytest.mark.parametrize(
    ("respondent", "field"),
    [
        ({"email": "nowhere"}, "respondent.email"),
        ({"employees": -1}, "respondent.employees"),
        ({"employees": "many"}, "respondent.employees"),
        ({"company_name": "あ" * 101}, "respondent.company_name"),
        ({"company_name": {"a": 1}}, "respondent.company_name"),
        ("株式会社ア", "respondent"),
    ],
)
def test_what_a_respondent_cannot_be_is_named(baba: Program, respondent: Any, field: str) -> None:
    answer = baba.post(DIAGNOSES, answered(respondent=respondent))
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {field}


# ── Answers ──


def test_what_is_missing_or_wrong_is_told_by_question_all_at_once(baba: Program) -> None:
    answers = {**CASE["answers"], "strategy_target": 5, "con_steps": True, "stranger": 1}
    del answers["strategy_value"]
    facts = {**CASE["facts"], "x_extareas": "production"}
    refused = baba.post(DIAGNOSES, {"answers": answers, "facts": facts, "respondent": {"email": "x"}})
    assert refused.status_code == 400
    wrong = {"strategy_target", "strategy_value", "con_steps", "stranger", "x_extareas", "respondent.email"}
    assert set(refused.json()["errors"]) == wrong
    assert baba.get(DIAGNOSES).json()["results"] == []


def test_wrong_types_and_wrong_answers_are_told_at_once(baba: Program) -> None:
    sent = answered(company="ア", respondent={"employees": "many", "email": {}})
    sent["answers"] = {**CASE["answers"], "strategy_target": 5}
    refused = baba.post(DIAGNOSES, sent)
    assert refused.status_code == 400
    wrong = {"company", "respondent.employees", "respondent.email", "strategy_target"}
    assert set(refused.json()["errors"]) == wrong


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"answers", "facts"}),
        ({"answers": [], "facts": {}}, {"answers"}),
        ({"answers": "x", "facts": None}, {"answers", "facts"}),
        (answered(company="ア"), {"company"}),
    ],
)
def test_a_body_of_another_shape_is_refused_by_field(
    baba: Program, body: dict[str, Any], fields: set[str]
) -> None:
    answer = baba.post(DIAGNOSES, body)
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == fields


# ── Others' ──


def test_another_firms_company_cannot_be_diagnosed_nor_told_from_a_missing_one(
    baba: Program, nobody: Program, aoba: House, michisuji: House
) -> None:
    foreign, own = aoba.companies["株式会社ウ"].pk, michisuji.companies["株式会社ア"].pk
    there = baba.post(DIAGNOSES, answered(company=foreign))
    assert there.status_code == 404
    assert same(there, baba.post(DIAGNOSES, answered(company=foreign + 1000)))
    assert same(nobody.post(DIAGNOSES, answered(company=own)), nobody.post(DIAGNOSES, answered(company=1)))
    assert baba.get(DIAGNOSES, company=foreign).json()["results"] == []


def test_another_firms_diagnosis_and_job_are_as_missing_as_those_that_do_not_exist(
    baba: Program, gondo: Program, aoba: House
) -> None:
    foreign = gondo.post("/api/v1/firms/aoba/diagnoses/", answered()).json()["id"]
    job = gondo.post(f"/api/v1/firms/aoba/diagnoses/{foreign}/report/").json()["id"]
    assert gondo.get(f"/api/v1/firms/aoba/jobs/{job}/").status_code == 200
    nowhere = uuid4()
    for call, path, id in (
        (baba.get, DIAGNOSES + "{}/", foreign),
        (baba.post, DIAGNOSES + "{}/report/", foreign),
        (baba.get, V1 + "/jobs/{}/", job),
        (baba.get, V1 + "/jobs/{}/file/", job),
    ):
        there = call(path.format(id))
        assert there.status_code == 404
        assert same(there, call(path.format(nowhere)))


# ── Lists ──


def listed(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.json()
    return [each["id"] for each in answer.json()["results"]]


def test_the_list_is_narrowed_down_sorted_and_shows_no_answers(baba: Program, michisuji: House) -> None:
    company = michisuji.companies["株式会社ア"]
    linked = baba.post(DIAGNOSES, answered(company=company.pk)).json()["id"]
    worst = CASES["cases"][-1]
    other = baba.post(
        DIAGNOSES,
        {"answers": worst["answers"], "facts": worst["facts"], "respondent": {"company_name": "ときわ蔵"}},
    ).json()
    with open_scope(michisuji.scope):
        begun = str(start_diagnosis().pk)
    assert listed(baba.get(DIAGNOSES)) == [begun, other["id"], linked]
    assert listed(baba.get(DIAGNOSES, state="open")) == [begun]
    assert listed(baba.get(DIAGNOSES, company=company.pk)) == [linked]
    assert listed(baba.get(DIAGNOSES, q="トキワ")) == [other["id"]]
    assert other["id"] in listed(baba.get(DIAGNOSES, grade=other["grade"]))
    assert listed(baba.get(DIAGNOSES, origin="visitor")) == [begun]
    assert listed(baba.get(DIAGNOSES, ordering="submitted_at")) == [begun, linked, other["id"]]
    assert listed(baba.get(DIAGNOSES, ordering="overall"))[0] == begun
    row = baba.get(DIAGNOSES).json()["results"][0]
    assert not {"answers", "facts", "result", "respondent"} & set(row)


@pytest.mark.parametrize(
    "ordering", ["started_at", "-submitted_at", "overall", "-overall", "grade", "company_name"]
)
def test_pages_show_every_diagnosis_once(baba: Program, michisuji: House, ordering: str) -> None:
    for _ in range(3):
        baba.post(DIAGNOSES, answered())
    with open_scope(michisuji.scope):
        for _ in range(2):
            start_diagnosis()
    found, answer = [], baba.get(DIAGNOSES, ordering=ordering, page_size=2)
    while True:
        found += listed(answer)
        if not (link := answer.json()["next"]):
            break
        answer = baba.get(link.removeprefix("http://localhost"))
    assert found == listed(baba.get(DIAGNOSES, ordering=ordering))
    assert len(set(found)) == 5


@pytest.mark.parametrize("query", [{"grade": "Z"}, {"state": "x"}, {"company": "x"}, {"ordering": "answers"}])
def test_what_the_list_cannot_be_asked_is_refused_by_name(baba: Program, query: dict[str, str]) -> None:
    answer = baba.get(DIAGNOSES, **query)
    assert (answer.status_code, set(answer.json()["errors"])) == (400, set(query))


def test_a_long_list_needs_as_many_queries_as_a_short_one(baba: Program, michisuji: House) -> None:
    baba.post(DIAGNOSES, answered(company=michisuji.companies["株式会社ア"].pk))
    with CaptureQueriesContext(connection) as few:
        baba.get(DIAGNOSES)
    with open_scope(michisuji.scope):
        for company in michisuji.companies.values():
            for _ in range(10):
                start_diagnosis(company=company)
    with CaptureQueriesContext(connection) as many:
        assert len(listed(baba.get(DIAGNOSES))) == 21
    assert len(few) == len(many)


# ── Limits ──


@pytest.mark.usefixtures("half_past")
def test_the_sixth_diagnosis_of_a_visitor_in_an_hour_has_to_wait(nobody: Program, baba: Program) -> None:
    for _ in range(5):
        assert nobody.post(DIAGNOSES, answered()).status_code == 201
    refused = nobody.post(DIAGNOSES, answered())
    assert refused.status_code == 429
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    assert baba.post(DIAGNOSES, answered()).status_code == 201


# ── Reports and jobs ──


def test_a_job_is_shown_with_state_progress_and_message(baba: Program) -> None:
    diagnosis = baba.post(DIAGNOSES, answered()).json()["id"]
    asked = baba.post(f"{DIAGNOSES}{diagnosis}/report/")
    job = baba.get(f"{V1}/jobs/{asked.json()['id']}/")
    assert asked.json() == job.json()
    body = job.json()
    assert set(body) == {"id", "state", "progress", "message", "result_url"}
    assert (body["state"], body["progress"], body["result_url"]) == ("queued", 0, None)
    assert baba.get(f"{V1}/jobs/{body['id']}/file/").status_code == 404


def test_a_finished_job_leads_to_its_file(
    baba: Program, michisuji: House, settings: Any, tmp_path: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    (tmp_path / "report.pdf").write_bytes(b"%PDF-1.7 x")
    diagnosis = baba.post(DIAGNOSES, answered()).json()["id"]
    with open_scope(michisuji.scope):
        Job.objects.filter(subject=diagnosis).update(
            state="done", progress=1, file="report.pdf", filename="診断.pdf"
        )
    body = baba.post(f"{DIAGNOSES}{diagnosis}/report/").json()
    assert (body["state"], body["progress"]) == ("done", 1)
    for accept in ("*/*", "application/pdf"):
        headers = {"Authorization": f"Bearer {baba.token}", "Accept": accept}
        file = baba.client.get(body["result_url"].removeprefix("http://localhost"), headers=headers)
        assert (file.status_code, file.content) == (200, b"%PDF-1.7 x")
        assert file.headers["Content-Type"] == "application/pdf"


def test_a_diagnosis_that_is_not_finished_has_no_report(baba: Program, michisuji: House) -> None:
    with open_scope(michisuji.scope):
        begun = start_diagnosis()
    answer = baba.post(f"{DIAGNOSES}{begun.pk}/report/")
    assert answer.status_code == 409
    assert "回答がまだ終わっていない" in answer.json()["detail"]
