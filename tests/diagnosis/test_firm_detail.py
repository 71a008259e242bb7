"""One diagnosis as a consultant reads it: answers, comment, report, link, what happened."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from diagnosis.actions import take_over_company
from diagnosis.actions.report import TEMPLATE_VERSION, WITH_THE_LINK
from diagnosis.addresses import result_token
from diagnosis.models import Comment, Diagnosis
from diagnosis.outcome import answers_of
from notices.models import Mail
from reports.models import Job
from tenancy import clock
from tenancy.models import Due, Trail
from tenancy.scope import open_scope
from tests.conftest import House
from tests.diagnosis.firm_help import answered, read_again

As = Callable[[str], Client]


@pytest.fixture
def one(michisuji: House) -> Diagnosis:
    return answered(
        michisuji, contact_name="新井 剛", email="arai@tone.example", industry="製造業", employees=38
    )


@pytest.fixture
def baba(as_: As) -> Client:
    return as_("馬場")


def of(diagnosis: Diagnosis, rest: str = "") -> str:
    return f"/michisuji/diagnoses/{diagnosis.pk}/{rest}"


def page(client: Client, diagnosis: Diagnosis) -> str:
    response = client.get(of(diagnosis))
    assert response.status_code == 200
    return response.content.decode()


# ── Reading ──


def test_it_says_who_answered_and_what_was_consented_to(baba: Client, one: Diagnosis) -> None:
    shown = page(baba, one)
    for words in ("新井 剛 様", 'href="mailto:arai@tone.example"', "製造業", "38名", "第1版に同意"):
        assert words in shown


def test_every_question_stands_there_with_the_words_that_were_chosen(baba: Client, one: Diagnosis) -> None:
    shown = page(baba, one)
    given = [answer for group in answers_of(one) for answer in group.answers]
    assert len(given) == 37
    for answer in given:
        assert answer.question in shown
        assert all(text in shown for text in answer.texts)


def test_the_next_steps_lead_to_the_company_once_there_is_one(
    baba: Client, michisuji: House, one: Diagnosis
) -> None:
    assert "企業のページで進める" not in page(baba, one)
    with open_scope(michisuji.scope):
        company = take_over_company(diagnosis=one, is_new=True, actor=michisuji.members["馬場"])
    assert f'<a href="/michisuji/companies/{company.pk}/"' in page(baba, one)
    assert "企業のページで進める" in page(baba, one)


def test_what_was_not_told_is_a_dash(baba: Client, michisuji: House) -> None:
    assert "<dt>メール</dt><dd>—</dd>" in page(baba, answered(michisuji))


def test_the_first_look_is_kept_and_later_ones_are_not(as_: As, one: Diagnosis, michisuji: House) -> None:
    page(as_("馬場"), one)
    first = read_again(michisuji, one).seen_at
    page(as_("青木"), one)
    assert first is not None
    assert read_again(michisuji, one).seen_at == first
    with open_scope(michisuji.scope):
        assert Trail.objects.filter(act="see.diagnosis").count() == 1


def test_its_history_names_who_did_what(baba: Client, one: Diagnosis) -> None:
    baba.post(of(one, "comment/"), {"text": "拝見しました。", "based_on": 0})
    shown = page(baba, one)
    assert "馬場:コメントを保存しました(第1版)" in shown
    assert "回答を終え、結果が出ました" in shown


def test_more_history_needs_no_more_queries(baba: Client, one: Diagnosis) -> None:
    page(baba, one)
    with CaptureQueriesContext(connection) as few:
        page(baba, one)
    for version in range(6):
        baba.post(of(one, "comment/"), {"text": f"第{version}案", "based_on": version})
    with CaptureQueriesContext(connection) as many:
        page(baba, one)
    assert len(many) == len(few)


def test_answers_under_way_cannot_be_read(baba: Client, michisuji: House) -> None:
    with open_scope(michisuji.scope):
        begun = Diagnosis.objects.create(company_name="途中の会社", questionnaire_version="1.0.0")
    assert baba.get(of(begun)).status_code == 404


# ── Comment ──


def texts(house: House) -> list[str]:
    with open_scope(house.scope):
        return [each.text for each in Comment.objects.order_by("version")]


def test_a_comment_is_kept_as_a_version_and_shown(baba: Client, one: Diagnosis, michisuji: House) -> None:
    answer = baba.post(of(one, "comment/"), {"text": "まず、誰にを決めましょう。", "based_on": 0})
    assert (answer.status_code, answer["Location"]) == (302, of(one))
    assert "まず、誰にを決めましょう。" in page(baba, one)
    assert read_again(michisuji, one).comment_version == 1


def test_a_comment_that_was_emptied_is_not_said_to_be_in_the_report(baba: Client, one: Diagnosis) -> None:
    baba.post(of(one, "comment/"), {"text": "コメント", "based_on": 0})
    assert "コメント第1版を載せています。" in page(baba, one)
    baba.post(of(one, "comment/"), {"text": "", "based_on": 1})
    assert "コメントのないレポートです" in page(baba, one)


def test_a_double_click_saves_one_version(baba: Client, one: Diagnosis, michisuji: House) -> None:
    for _ in range(2):
        assert baba.post(of(one, "comment/"), {"text": "一度だけ", "based_on": 0}).status_code == 302
    assert texts(michisuji) == ["一度だけ"]


def test_who_saves_over_a_newer_comment_sees_both(as_: As, one: Diagnosis, michisuji: House) -> None:
    as_("青木").post(of(one, "comment/"), {"text": "青木の文章", "based_on": 0})
    answer = as_("馬場").post(of(one, "comment/"), {"text": "馬場の文章", "based_on": 0})
    shown = answer.content.decode()
    assert answer.status_code == 409
    assert "青木の文章" in shown
    assert ">\n馬場の文章</textarea>" in shown
    assert '<input type="hidden" name="based_on" value="1"' in shown
    assert texts(michisuji) == ["青木の文章"]


def test_after_seeing_both_it_can_be_saved(as_: As, one: Diagnosis, michisuji: House) -> None:
    as_("青木").post(of(one, "comment/"), {"text": "青木の文章", "based_on": 0})
    as_("馬場").post(of(one, "comment/"), {"text": "二人の文章", "based_on": 1})
    assert texts(michisuji) == ["青木の文章", "二人の文章"]


def test_a_comment_too_long_is_refused_and_not_lost(baba: Client, one: Diagnosis, michisuji: House) -> None:
    answer = baba.post(of(one, "comment/"), {"text": "長" * 4001, "based_on": 0})
    shown = answer.content.decode()
    assert answer.status_code == 422
    assert "4,000文字まで" in shown
    assert "長" * 4001 in shown
    assert texts(michisuji) == []


def test_a_comment_of_ten_megabytes_is_refused_in_words(
    baba: Client, one: Diagnosis, michisuji: House
) -> None:
    answer = baba.post(of(one, "comment/"), {"text": "a" * 10_000_000, "based_on": 0})
    assert answer.status_code == 413
    assert "「戻る」で前の画面に戻り、文章を短くして" in answer.content.decode()
    assert texts(michisuji) == []


def test_an_emptied_comment_is_a_version_too(baba: Client, one: Diagnosis, michisuji: House) -> None:
    baba.post(of(one, "comment/"), {"text": "書きました", "based_on": 0})
    baba.post(of(one, "comment/"), {"text": "", "based_on": 1})
    assert texts(michisuji) == ["書きました", ""]
    assert "コメントを空にしました(第2版)" in page(baba, one)


def test_line_ends_of_browsers_are_no_change(baba: Client, one: Diagnosis, michisuji: House) -> None:
    for text in ("一行目\n二行目", "一行目\r\n二行目"):
        baba.post(of(one, "comment/"), {"text": text, "based_on": 0})
    assert texts(michisuji) == ["一行目\n二行目"]


def test_markup_in_a_comment_stays_text(baba: Client, one: Diagnosis) -> None:
    baba.post(of(one, "comment/"), {"text": "<script>alert(1)</script>", "based_on": 0})
    assert "<script>alert" not in page(baba, one)


# ── Report ──


def test_the_report_is_asked_for_once_for_each_comment(
    baba: Client, one: Diagnosis, michisuji: House
) -> None:
    for _ in range(2):
        answer = baba.post(of(one, "report/"))
        assert (answer.status_code, answer["Location"]) == (302, of(one) + "#report")
    for _ in range(2):
        baba.post(of(one, "comment/"), {"text": "コメント", "based_on": 0})
    baba.post(of(one, "report/"))
    with open_scope(michisuji.scope):
        assert sorted(Job.objects.values_list("version", flat=True)) == [
            f"c0-t{TEMPLATE_VERSION}",
            f"c1-t{TEMPLATE_VERSION}",
        ]


def test_saving_a_comment_has_the_report_made_anew_in_the_members_queue(
    baba: Client, one: Diagnosis, michisuji: House
) -> None:
    answer = baba.post(of(one, "comment/"), {"text": "コメント", "based_on": 0}, follow=True)
    assert "レポートには自動で反映されます。" in answer.content.decode()
    with open_scope(michisuji.scope):
        job = Job.objects.get(version=f"c1-t{TEMPLATE_VERSION}")
        assert job.created_by == michisuji.members["馬場"]
        assert Due.objects.get(object_id=job.pk).queue == "reports"
    assert f"/michisuji/jobs/{job.pk}/" in page(baba, one)
    assert "レポートをつくる" not in page(baba, one)


def test_the_page_shows_how_far_the_report_is(baba: Client, one: Diagnosis, michisuji: House) -> None:
    baba.post(of(one, "report/"))
    with open_scope(michisuji.scope):
        job = Job.objects.get()
        assert f"/michisuji/jobs/{job.pk}/" in page(baba, one)
        Job.objects.update(state="done", file="x.pdf")
    assert f"/michisuji/jobs/{job.pk}/file/" in page(baba, one)


# ── Link ──


def mails(house: House) -> list[Any]:
    with open_scope(house.scope):
        return list(Mail.objects.filter(template__in=WITH_THE_LINK))


def result_of(diagnosis: Diagnosis) -> str:
    return f"/michisuji/diagnosis/r/{result_token(diagnosis)}/"


def test_the_link_that_is_shown_opens_the_result(as_: As, baba: Client, one: Diagnosis) -> None:
    shown = page(baba, one)
    path = shown[shown.index("/michisuji/diagnosis/r/") :].split('"')[0]
    assert as_("誰か").get(path).status_code == 200


def test_revoking_asks_first_and_says_what_is_lost(baba: Client, one: Diagnosis, michisuji: House) -> None:
    asked = baba.get(of(one, "revoke/")).content.decode()
    assert "開けなくなります" in asked
    assert read_again(michisuji, one).link_version == 1


def test_a_revoked_link_opens_nothing_and_a_new_one_does(
    as_: As, baba: Client, one: Diagnosis, michisuji: House
) -> None:
    old = result_of(one)
    for _ in range(2):  # a double click ends one issue of the link, not two
        assert baba.post(of(one, "revoke/"), {"version": 1}).status_code == 302
    now = read_again(michisuji, one)
    assert now.link_version == 2
    assert as_("誰か").get(old).status_code == 410
    assert as_("誰か").get(result_of(now)).status_code == 200


def test_the_link_is_sent_by_mail_once_for_two_clicks(baba: Client, one: Diagnosis, michisuji: House) -> None:
    with clock.stopped_at(clock.now()):
        for _ in range(2):
            assert baba.post(of(one, "send/"), {"email": "arai@tone.example"}).status_code == 302
    assert [mail.to for mail in mails(michisuji)] == ["arai@tone.example"]


def test_a_corrected_address_and_a_new_link_are_sent_within_the_same_minute(
    as_: As, baba: Client, one: Diagnosis, michisuji: House
) -> None:
    with clock.stopped_at(clock.now()):
        for address in ("wrong@tone.example", "right@tone.example"):
            baba.post(of(one, "send/"), {"email": address})
        baba.post(of(one, "revoke/"), {"version": 1})
        baba.post(of(one, "send/"), {"email": "right@tone.example"})
    assert {mail.to for mail in mails(michisuji)} == {"wrong@tone.example", "right@tone.example"}
    with open_scope(michisuji.scope):
        renewed = Mail.objects.get(template="diagnosis_link")
    path = renewed.body[renewed.body.index("/michisuji/diagnosis/r/") :].split()[0]
    assert as_("誰か").get(path).status_code == 200


def test_a_link_with_a_comment_is_announced_as_such(baba: Client, one: Diagnosis, michisuji: House) -> None:
    baba.post(of(one, "comment/"), {"text": "コメント", "based_on": 0})
    baba.post(of(one, "send/"), {"email": "arai@tone.example"})
    with open_scope(michisuji.scope):
        assert Mail.objects.get(to="arai@tone.example").template == "diagnosis_commented"


def test_who_comes_too_late_to_revoke_ends_no_newer_link(
    as_: As, baba: Client, one: Diagnosis, michisuji: House
) -> None:
    baba.post(of(one, "revoke/"), {"version": 1})
    late = baba.post(of(one, "revoke/"), {"version": 1}, follow=True)
    assert "すでに使えません" in late.content.decode()
    assert as_("誰か").get(result_of(read_again(michisuji, one))).status_code == 200


def test_another_address_is_kept_for_the_next_time(baba: Client, one: Diagnosis, michisuji: House) -> None:
    baba.post(of(one, "send/"), {"email": "shacho@tone.example"})
    assert read_again(michisuji, one).email == "shacho@tone.example"
    assert [mail.to for mail in mails(michisuji)] == ["shacho@tone.example"]


def test_an_address_that_is_none_is_refused_and_kept_in_the_field(
    baba: Client, one: Diagnosis, michisuji: House
) -> None:
    answer = baba.post(of(one, "send/"), {"email": "arai＠"})
    assert answer.status_code == 422
    assert "メールアドレスの形をご確認ください" in answer.content.decode()
    assert mails(michisuji) == []


# ── Doors ──


def test_a_post_without_the_token_of_the_form_is_refused(one: Diagnosis, michisuji: House, as_: As) -> None:
    careful = Client(enforce_csrf_checks=True, SERVER_NAME="localhost")
    careful.cookies = as_("馬場").cookies
    for rest in ("comment/", "report/", "company/", "send/", "revoke/"):
        assert careful.post(of(one, rest), {"text": "x", "based_on": 0, "version": 1}).status_code == 403
    assert texts(michisuji) == []


def test_what_changes_something_is_no_get(baba: Client, one: Diagnosis) -> None:
    assert baba.get(of(one, "report/")).status_code == 405
    for form, part in (("comment/", "#comment"), ("send/", "#link")):  # reloaded after an error: to the form
        assert baba.get(of(one, form)).headers["Location"] == of(one) + part


def test_after_the_company_was_taken_over_comments_belong_to_it(
    baba: Client, one: Diagnosis, michisuji: House
) -> None:
    baba.post(of(one, "comment/"), {"text": "コメント", "based_on": 0})
    with open_scope(michisuji.scope):
        company = take_over_company(diagnosis=one, actor=michisuji.members["馬場"])
        assert Comment.objects.get().company == company
