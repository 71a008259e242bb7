"""支援先企業にする, and what a company's page offers: history, 代理入力, a link, two diagnoses side by side."""

import json
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from diagnosis import questionnaire
from diagnosis.actions import Respondent, make_resume_code, save_answers, submit_diagnosis
from diagnosis.calc import pages
from diagnosis.models import NAMELESS, Diagnosis
from notices.models import Mail
from tenancy import clock
from tenancy.models import Company, Trail
from tenancy.scope import open_scope
from tests.conftest import House
from tests.diagnosis.firm_help import CASES, answered, companies, once, read_again

As = Callable[[str], Client]


@pytest.fixture
def baba(as_: As) -> Client:
    return as_("馬場")


@pytest.fixture
def a(michisuji: House) -> Company:
    return michisuji.companies["株式会社ア"]


def take_over(client: Client, diagnosis: Diagnosis, **said: object) -> str:
    answer = client.post(f"/michisuji/diagnoses/{diagnosis.pk}/company/", said)
    assert answer.status_code == 302
    return str(answer["Location"])


def of(company: Company, rest: str = "") -> str:
    return f"/michisuji/companies/{company.pk}/diagnoses/{rest}"


# ── 支援先企業にする ──


def test_one_click_makes_a_client_of_a_company_nobody_knows(baba: Client, michisuji: House) -> None:
    one = answered(michisuji, "新しい会社", industry="製造業", employees=38)
    take_over(baba, one)
    made = read_again(michisuji, one).company
    assert made is not None
    assert (made.name, made.support_status) == ("新しい会社", "client")
    assert (made.industry, made.employees) == ("製造業", 38)


def test_a_second_click_makes_no_second_company(baba: Client, michisuji: House) -> None:
    one = answered(michisuji, "新しい会社")
    before = companies(michisuji)
    for said in ({}, {}, {"company": "new"}):
        take_over(baba, one, **said)
    assert companies(michisuji) == before + 1
    with open_scope(michisuji.scope):
        assert Trail.objects.filter(act="take_over.company").count() == 1


def test_a_company_that_may_be_the_same_is_proposed_first(baba: Client, michisuji: House, a: Company) -> None:
    one = answered(michisuji, "(株)ア")
    before = companies(michisuji)
    where = take_over(baba, one)
    assert where == f"/michisuji/diagnoses/{one.pk}/company/"
    asked = baba.get(where).content.decode()
    assert "株式会社ア" in asked
    assert "この企業に結び付ける" in asked
    assert "新しい企業として登録する" in asked
    assert companies(michisuji) == before


def test_linking_it_fills_only_what_is_empty(baba: Client, michisuji: House, a: Company) -> None:
    with open_scope(michisuji.scope):
        Company.objects.filter(pk=a.pk).update(industry="小売業", support_status="lead")
    one = answered(michisuji, "ア", industry="製造業", employees=12)
    take_over(baba, one, company=a.pk)
    linked = read_again(michisuji, one).company
    assert linked == a
    assert (linked.industry, linked.employees, linked.support_status) == ("小売業", 12, "client")


def test_saying_that_it_is_another_one_makes_a_new_company(
    baba: Client, michisuji: House, a: Company
) -> None:
    one = answered(michisuji, "株式会社ア")
    take_over(baba, one, company="new")
    assert read_again(michisuji, one).company not in (None, a)


def test_a_diagnosis_without_a_name_asks_before_it_becomes_a_company(baba: Client, michisuji: House) -> None:
    one, before = answered(michisuji, NAMELESS), companies(michisuji)
    page = take_over(baba, one)
    assert page.endswith("/company/")
    nothing = baba.post(page, {"company": "new", "name": " "})
    assert nothing.status_code == 422
    assert "会社名を入力してください。" in nothing.content.decode()
    similar = baba.post(page, {"company": "new", "name": "ア工業"}).content.decode()
    assert "「ア工業」に名前の近い企業" not in similar
    assert companies(michisuji) == before + 1
    made = read_again(michisuji, one).company
    assert made is not None
    assert made.name == "ア工業"


def test_a_name_typed_for_a_nameless_diagnosis_is_compared_first(
    baba: Client, michisuji: House, a: Company
) -> None:
    one, before = answered(michisuji, NAMELESS), companies(michisuji)
    page = take_over(baba, one)
    said = {"company": "new", "name": "㈱ア"}
    similar = baba.post(page, said).content.decode()
    assert "「㈱ア」に名前の近い企業が1件" in similar
    assert 'name="compared" value="㈱ア"' in similar
    assert companies(michisuji) == before
    take_over(baba, one, **said, compared="㈱ア")
    assert companies(michisuji) == before + 1


def test_who_says_new_after_somebody_else_linked_it_is_told(
    baba: Client, michisuji: House, a: Company
) -> None:
    one = answered(michisuji, "ア")
    take_over(baba, one, company=a.pk)
    said = baba.post(f"/michisuji/diagnoses/{one.pk}/company/", {"company": "new"}, follow=True)
    assert "すでに「株式会社ア」に結び付いています" in said.content.decode()


def test_a_name_that_grows_when_it_is_folded_can_be_taken_over(baba: Client, michisuji: House) -> None:
    one = answered(michisuji, "㌫" * 60)
    take_over(baba, one)
    assert read_again(michisuji, one).company is not None


def test_what_is_taken_over_is_not_linked_elsewhere(baba: Client, michisuji: House, a: Company) -> None:
    one = answered(michisuji, "新しい会社")
    take_over(baba, one)
    first = read_again(michisuji, one).company
    take_over(baba, one, company=a.pk)
    assert read_again(michisuji, one).company == first
    assert "支援先企業として登録されています" in baba.get(f"/michisuji/diagnoses/{one.pk}/").content.decode()


@pytest.mark.parametrize("said", ["999999999999999999", "9" * 30, "-1", "¹", "x' OR 1=1"])
def test_a_company_that_does_not_exist_links_nothing(baba: Client, michisuji: House, said: str) -> None:
    one = answered(michisuji, "新しい会社")
    before = companies(michisuji)
    baba.post(f"/michisuji/diagnoses/{one.pk}/company/", {"company": said})
    assert read_again(michisuji, one).company is None
    assert companies(michisuji) == before


def test_a_company_of_another_firm_is_none(baba: Client, michisuji: House, aoba: House) -> None:
    one, theirs = answered(michisuji, "新しい会社"), aoba.companies["株式会社ウ"]
    answer = baba.post(f"/michisuji/diagnoses/{one.pk}/company/", {"company": theirs.pk})
    absent = baba.post(f"/michisuji/diagnoses/{one.pk}/company/", {"company": 99_999_999})
    assert answer.status_code == absent.status_code == 404
    assert answer.content == absent.content


# ── The tab ──


def test_the_tab_shows_the_companys_diagnoses_newest_first(
    baba: Client, michisuji: House, a: Company
) -> None:
    first, second = (answered(michisuji, "ア", case=case, company=a) for case in ("case04", "case07"))
    answered(michisuji, "よその会社")
    shown = baba.get(of(a)).content.decode()
    assert shown.index(str(second.pk)) < shown.index(str(first.pk))
    assert shown.count('<th scope="row">') == 2
    assert of(a, "compare/") in shown


def test_the_companys_page_leads_to_it(baba: Client, michisuji: House, a: Company) -> None:
    one = answered(michisuji, "ア", company=a, contact_name="千葉")
    shown = baba.get(f"/michisuji/companies/{a.pk}/").content.decode()
    assert of(a) in shown
    assert f"/michisuji/diagnoses/{one.pk}/" in shown


def test_the_home_page_shows_what_nobody_has_looked_at(baba: Client, michisuji: House) -> None:
    answered(michisuji, "届いた会社")
    shown = baba.get("/michisuji/home/").content.decode()
    assert "届いた会社" in shown
    assert "新しい簡易診断が1件届いています。" in shown


def test_many_of_a_company_need_as_many_queries_as_one(baba: Client, michisuji: House, a: Company) -> None:
    answered(michisuji, "ア", company=a)
    baba.get(of(a))
    with CaptureQueriesContext(connection) as few:
        baba.get(of(a))
    for _ in range(4):
        answered(michisuji, "ア", company=a)
        baba.post(of(a, "on-behalf/"), once())
    with CaptureQueriesContext(connection) as many:
        baba.get(of(a))
    assert abs(len(many) - len(few)) <= 1  # whoever types is one joined row


# ── 代理入力 ──


def test_typing_for_the_company_starts_with_what_is_known_of_it(
    baba: Client, michisuji: House, a: Company
) -> None:
    answer = baba.post(of(a, "on-behalf/"), once())
    assert answer.status_code == 302
    assert answer["Location"].startswith("/michisuji/diagnosis/a/")
    with open_scope(michisuji.scope):
        begun = Diagnosis.objects.get()
        assert (begun.origin, begun.company, begun.typed_by) == ("on_behalf", a, michisuji.members["馬場"])
        assert begun.company_name == "株式会社ア"


def test_two_clicks_start_one(baba: Client, michisuji: House, a: Company) -> None:
    same = once()
    assert (
        baba.post(of(a, "on-behalf/"), same)["Location"] == baba.post(of(a, "on-behalf/"), same)["Location"]
    )
    with open_scope(michisuji.scope):
        assert Diagnosis.objects.count() == 1


def test_an_id_that_stands_for_something_else_starts_nothing(
    baba: Client, michisuji: House, aoba: House, a: Company
) -> None:
    ours, theirs = answered(michisuji, "よその会社"), answered(aoba, "青葉の会社")
    for one in (ours, theirs):
        assert baba.post(of(a, "on-behalf/"), {"request_id": str(one.pk)}).status_code == 404
        invited = baba.post(of(a, "invite/"), {"request_id": str(one.pk), "email": "a@a.example"})
        assert invited.status_code == 404
    with open_scope(michisuji.scope):
        assert Diagnosis.objects.filter(company=a).count() == 0


def test_what_is_typed_for_the_company_says_who_typed_and_who_said_it(
    baba: Client, michisuji: House, a: Company
) -> None:
    where = str(baba.post(of(a, "on-behalf/"), once())["Location"])
    _answer(baba, where)
    page = baba.get(where, follow=True)
    assert "同意をいただきました" in page.content.decode()
    answer = baba.post(
        f"{where}who/",
        {"company_name": "株式会社ア", "contact_name": "千葉", "consent": "on", "privacy_version": 1},
    )
    assert answer.status_code == 302
    with open_scope(michisuji.scope):
        one = Diagnosis.objects.get()
        assert one.state == "submitted"
    assert answer["Location"] == f"/michisuji/diagnoses/{one.pk}/"
    shown = baba.get(f"/michisuji/diagnoses/{one.pk}/").content.decode()
    for words in ("代理入力", "馬場(代理入力)", "千葉 様"):
        assert words in shown


def _answer(client: Client, where: str) -> None:
    given = {**CASES["case02"]["answers"], **CASES["case02"]["facts"]}
    for page in pages(questionnaire.current()):
        data = {id: "na" if given[id] is None else given[id] for id in page.ids}
        assert client.post(f"{where}{page.number}/", data).status_code == 302


# ── A link by mail ──


def test_a_link_is_sent_with_the_company_known_already(
    baba: Client, as_: As, michisuji: House, a: Company
) -> None:
    said = {**once(), "contact_name": "千葉", "email": "chiba@a.example"}
    for _ in range(2):
        assert baba.post(of(a, "invite/"), said)["Location"] == of(a)
    with open_scope(michisuji.scope):
        invited = Diagnosis.objects.get()
        mail = Mail.objects.get(template="diagnosis_invitation")
    assert (invited.origin, invited.company_id, invited.email) == ("invited", a.pk, "chiba@a.example")
    assert mail.to == "chiba@a.example"
    path = mail.body[mail.body.index("/michisuji/diagnosis/a/") :].split()[0]
    assert as_("誰か").get(path).status_code == 302


def test_an_invitation_is_sent_to_a_corrected_address_and_the_first_link_ended(
    baba: Client, as_: As, michisuji: House, a: Company
) -> None:
    baba.post(of(a, "invite/"), {**once(), "contact_name": "千葉", "email": "wrong@a.example"})
    with open_scope(michisuji.scope):
        invited = Diagnosis.objects.get()
        code = make_resume_code(diagnosis=invited)
    page = f"/michisuji/diagnoses/{invited.pk}/invitation/"
    assert page in baba.get(of(a)).content.decode()
    assert 'value="wrong@a.example"' in baba.get(page).content.decode()
    baba.post(f"/michisuji/diagnoses/{invited.pk}/revoke/", {"version": 1})
    assert baba.post(page, {"contact_name": "千葉", "email": "right@"}).status_code == 422
    with clock.stopped_at(clock.now()):
        for _ in range(2):
            assert baba.post(page, {"contact_name": "千葉", "email": "right@a.example"})["Location"] == of(a)
    with open_scope(michisuji.scope):
        first, second = Mail.objects.filter(template="diagnosis_invitation").order_by("created_at", "pk")
    paths = [
        mail.body[mail.body.index("/michisuji/diagnosis/a/") :].split()[0]
        for mail in sorted((first, second), key=lambda mail: mail.to, reverse=True)
    ]
    assert [as_("誰か").get(path).status_code for path in paths] == [410, 302]
    assert as_("誰か").post("/michisuji/diagnosis/code/", {"code": code}).status_code == 422


def test_an_invitation_that_was_answered_is_no_invitation_any_more(
    baba: Client, michisuji: House, a: Company
) -> None:
    baba.post(of(a, "invite/"), {**once(), "contact_name": "千葉", "email": "chiba@a.example"})
    with open_scope(michisuji.scope):
        invited = Diagnosis.objects.get()
        case = CASES["case02"]
        save_answers(diagnosis=invited, answers=case["answers"], facts=case["facts"])
        submit_diagnosis(diagnosis=invited, respondent=Respondent(company_name="ア"))
    page = f"/michisuji/diagnoses/{invited.pk}/invitation/"
    for answer in (baba.get(page), baba.post(page, {"email": "chiba@a.example"})):
        assert answer["Location"] == f"/michisuji/diagnoses/{invited.pk}/"
    history = baba.get(f"/michisuji/diagnoses/{invited.pk}/").content.decode()
    assert "馬場:診断のリンクを送りました" in history
    assert "馬場:回答を始めました" not in history


def test_the_address_of_the_last_time_stands_in_the_form(baba: Client, michisuji: House, a: Company) -> None:
    answered(michisuji, "ア", company=a, contact_name="千葉", email="chiba@a.example")
    assert 'value="chiba@a.example"' in baba.get(of(a, "invite/")).content.decode()


def test_without_an_address_nothing_is_sent_and_nothing_lost(
    baba: Client, michisuji: House, a: Company
) -> None:
    answer = baba.post(of(a, "invite/"), {**once(), "contact_name": "千葉", "email": ""})
    assert answer.status_code == 422
    assert 'value="千葉"' in answer.content.decode()
    with open_scope(michisuji.scope):
        assert not Diagnosis.objects.exists()


# ── Side by side ──


def test_the_newest_two_are_compared(baba: Client, michisuji: House, a: Company) -> None:
    for case in ("case07", "case04", "case02"):
        answered(michisuji, "ア", case=case, company=a)
    shown = baba.get(of(a, "compare/")).content.decode()
    assert "24.9 → 61.8 <b>+36.9</b>" in shown
    assert "見えなくなった兆候" in shown
    assert "変わったご回答" in shown


def test_the_earlier_one_stands_first_whatever_was_chosen_where(
    baba: Client, michisuji: House, a: Company
) -> None:
    early, late = (answered(michisuji, "ア", case=case, company=a) for case in ("case04", "case02"))
    query = f"compare/?before={late.pk}&after={early.pk}"
    assert "24.9 → 61.8 <b>+36.9</b>" in baba.get(of(a, query)).content.decode()


def test_one_alone_cannot_be_compared(baba: Client, michisuji: House, a: Company) -> None:
    answered(michisuji, "ア", company=a)
    assert "比べられる診断がまだありません" in baba.get(of(a, "compare/")).content.decode()


def test_a_diagnosis_of_another_company_is_no_choice(baba: Client, michisuji: House, a: Company) -> None:
    ours = [answered(michisuji, "ア", company=a) for _ in range(2)]
    other = answered(michisuji, "秘密の会社", case="case07")
    shown = baba.get(of(a, f"compare/?before={ours[0].pk}&after={other.pk}")).content.decode()
    assert "秘密の会社" not in shown
    assert "<b>+" not in shown


def test_the_same_one_twice_asks_for_another(baba: Client, michisuji: House, a: Company) -> None:
    one, _ = (answered(michisuji, "ア", company=a) for _ in range(2))
    shown = baba.get(of(a, f"compare/?before={one.pk}&after={one.pk}")).content.decode()
    assert "別々の診断を二つお選びください" in shown


@pytest.fixture
def further_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A second version of the questionnaire, in a folder of its own. No other test may use its number: it is cached."""
    text = (questionnaire.CONTENT / "questionnaire-1.0.0.json").read_text(encoding="utf-8")
    for version in ("1.0.0", "7.7.7"):
        published = json.dumps(json.loads(text) | {"version": version}, ensure_ascii=False)
        (tmp_path / f"questionnaire-{version}.json").write_text(published, encoding="utf-8")
    monkeypatch.setattr(questionnaire, "CONTENT", tmp_path)
    return "7.7.7"


def test_other_versions_of_the_questionnaire_are_not_subtracted(
    baba: Client, michisuji: House, a: Company, further_version: str
) -> None:
    one, _ = (answered(michisuji, "ア", case=case, company=a) for case in ("case04", "case02"))
    with open_scope(michisuji.scope):
        Diagnosis.objects.filter(pk=one.pk).update(questionnaire_version=further_version)
    shown = baba.get(of(a, "compare/")).content.decode()
    assert "設問の版が違うため、点数の差は示していません(前回は第7.7.7版、今回は第1.0.0版)" in shown
    assert "24.9" in shown
    assert "61.8" in shown
    assert "+36.9" not in shown
    assert "変わったご回答" not in shown


# ── Nobody else ──


def test_another_firm_gets_what_it_gets_for_nothing(
    as_: As, michisuji: House, aoba: House, a: Company
) -> None:
    """From its own door with our ids, and from ours: the same answer as for what does not exist."""
    one, gondo = answered(michisuji, company=a), as_("権藤")
    gets = ("", "company/", "revoke/")
    posts = ("comment/", "report/", "company/", "send/", "revoke/")
    for slug in ("aoba", "michisuji"):
        real, absent = f"/{slug}/diagnoses/{one.pk}/", f"/{slug}/diagnoses/{uuid4()}/"
        for rest in gets:
            assert _same(gondo.get(real + rest), gondo.get(absent + rest))
        for rest in posts:
            said = {"text": "x", "based_on": 0, "email": "x@x.example", "version": 1, "company": "new"}
            assert _same(gondo.post(real + rest, said), gondo.post(absent + rest, said))
        real, absent = f"/{slug}/companies/{a.pk}/diagnoses/", f"/{slug}/companies/99999999/diagnoses/"
        for rest in ("", "compare/", "invite/"):
            assert _same(gondo.get(real + rest), gondo.get(absent + rest))
        for rest in ("on-behalf/", "invite/"):
            said = {**once(), "email": "x@x.example"}
            assert _same(gondo.post(real + rest, said), gondo.post(absent + rest, said))
    assert "利根" not in gondo.get("/aoba/diagnoses/").content.decode()
    assert gondo.get("/michisuji/diagnoses/").status_code == 404


def _same(real: object, absent: object) -> bool:
    codes = (real.status_code, absent.status_code)  # type: ignore[attr-defined]
    return codes == (404, 404) and real.content == absent.content  # type: ignore[attr-defined]


def test_company_roles_may_not(as_: As, michisuji: House, a: Company) -> None:
    one = answered(michisuji, company=a)
    for name in ("千葉", "土井", "江口"):
        client = as_(name)
        for path in ("/michisuji/diagnoses/", f"/michisuji/diagnoses/{one.pk}/", of(a, "invite/")):
            answer = client.get(path)
            assert answer.status_code == 403
            assert "利根あおば精工" not in answer.content.decode()
        assert client.post(of(a, "on-behalf/"), once()).status_code == 403


def test_nobody_is_sent_to_sign_in(as_: As, michisuji: House, a: Company) -> None:
    one = answered(michisuji, company=a)
    for path in ("/michisuji/diagnoses/", f"/michisuji/diagnoses/{one.pk}/", of(a)):
        assert as_("誰か").get(path).status_code == 302
