"""The visitor's way: start, eight pages, go on elsewhere, who you are, result. Without JavaScript unless it says so."""

import re
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from django.core.signing import TimestampSigner
from django.test import Client
from django.utils import timezone

from diagnosis.actions import expire_diagnosis
from diagnosis.models import Comment, Diagnosis, ResumeCode
from diagnosis.tasks import expire
from diagnosis.views.visitor import STARTS
from notices.models import Mail, Notice
from reports.models import Job
from tenancy import clock
from tenancy.limits import within
from tenancy.links import make_token, signed_at
from tenancy.models import Due, PrivacyNotice
from tenancy.scope import open_scope
from tests.conftest import House
from tests.diagnosis.journey import ANSWERS, FACTS, WHO, Visitor, page_data, result_token, text


@pytest.fixture
def visitor(michisuji: House) -> Visitor:
    return Visitor(michisuji)


@pytest.fixture
def begun(visitor: Visitor) -> Visitor:
    return visitor.start()


@pytest.fixture
def answered(begun: Visitor) -> Visitor:
    return begun.answer_all()


def mails(house: House, template: str = "") -> list[Mail]:
    with open_scope(house.scope):
        rows = Mail.objects.order_by("created_at")
        return list(rows.filter(template=template) if template else rows)


# ── Start ──


def test_the_start_page_says_what_it_is(visitor: Visitor) -> None:
    page = text(visitor.get(visitor.url("start")))
    for words in ("戦略とプロセスの簡易診断", "30問・約12分", "途中で保存", "再開コード", "診断を始める"):
        assert words in page


def test_the_button_begins_one_diagnosis_and_leads_to_its_first_page(begun: Visitor) -> None:
    row = begun.row()
    assert (row.state, row.origin, row.questionnaire_version) == ("open", "visitor", "1.0.0")
    assert Due.objects.filter(kind="diagnosis.expire", object_id=row.pk).count() == 1
    assert "主に、どのようなお客様に" in text(begun.get(begun.here("page", 1)))


def test_two_clicks_on_the_button_begin_one_diagnosis(visitor: Visitor) -> None:
    seed = re.search(r'name="seed" value="([^"]+)"', text(visitor.get(visitor.url("start"))))
    assert seed
    for _ in range(2):
        assert visitor.post(visitor.url("start"), {"seed": seed[1]}).status_code == 302
    with open_scope(visitor.house.scope):
        assert Diagnosis.objects.count() == 1


def test_a_second_click_on_the_button_counts_for_nothing(visitor: Visitor) -> None:
    seed = re.search(r'name="seed" value="([^"]+)"', text(visitor.get(visitor.url("start"))))
    assert seed
    answers = [visitor.post(visitor.url("start"), {"seed": seed[1]}).status_code for _ in range(7)]
    assert answers == [302] * 7
    for _ in range(4):
        visitor.start()


def test_nobody_names_the_id_of_a_diagnosis_to_come_into_it(answered: Visitor) -> None:
    stranger = Visitor(answered.house, "192.0.2.9")
    forged = f"{make_token('diagnosis.answers', answered.id, 1)}"
    answer = stranger.post(stranger.url("start"), {"seed": forged})
    assert str(answered.id) not in answer.url
    with open_scope(answered.house.scope):
        assert Diagnosis.objects.count() == 2


def test_the_button_of_one_firm_pressed_at_another_begins_one_there(visitor: Visitor, aoba: House) -> None:
    visitor.start()
    seed = make_token("diagnosis.start", visitor.id, 1)
    answer = Visitor(aoba).post("/aoba/diagnosis/", {"seed": seed})
    assert answer.status_code == 302
    with open_scope(aoba.scope):
        assert Diagnosis.objects.exclude(pk=visitor.id).count() == 1


def test_a_program_that_fills_in_every_field_begins_nothing(visitor: Visitor) -> None:
    answer = visitor.post(visitor.url("start"), {"trap": "https://spam.example"})
    assert answer.status_code == 422
    assert "自動入力" in text(answer)
    with open_scope(visitor.house.scope):
        assert not Diagnosis.objects.exists()


@pytest.mark.usefixtures("half_past")
def test_a_sixth_diagnosis_within_the_hour_from_one_address_is_refused_in_kind_words(
    visitor: Visitor,
) -> None:
    for _ in range(5):
        assert visitor.post(visitor.url("start")).status_code == 302
    refused = visitor.post(visitor.url("start"))
    assert refused.status_code == 429
    assert all(word in text(refused) for word in ("時間をおいて", "分ほど", "048-000-0000"))
    assert Visitor(visitor.house, "192.0.2.7").post(visitor.url("start")).status_code == 302


@pytest.mark.usefixtures("half_past")
def test_a_firm_takes_two_hundred_new_ones_a_day(visitor: Visitor) -> None:
    a_day = next(limit for limit in STARTS if limit.per == "firm")
    for _ in range(199):
        assert within(a_day, visitor.slug)
    assert Visitor(visitor.house, "203.0.113.2").post(visitor.url("start")).status_code == 302
    assert Visitor(visitor.house, "203.0.113.1").post(visitor.url("start")).status_code == 429


# ── The pages ──


def test_every_page_saves_and_leads_on_to_the_next(begun: Visitor) -> None:
    for number in range(1, 9):
        answer = begun.post(begun.here("page", number), page_data(number))
        expected = begun.here("page", number + 1) if number < 8 else begun.here("who")
        assert (answer.status_code, answer.url) == (302, expected)
    row = begun.row()
    assert row.answers == ANSWERS
    assert row.facts == FACTS


def test_an_incomplete_page_keeps_what_was_given_and_says_what_is_missing(begun: Visitor) -> None:
    answer = begun.post(begun.here("page", 1), {"strategy_target": "2", "go": "next"})
    page = text(answer)
    assert answer.status_code == 422
    assert 'href="#strategy_value-group"' in page
    assert "まだお選びいただいていません" in page
    assert "設問1:" not in page
    assert re.search(r'name="strategy_target" value="2" checked', page)
    assert begun.row().answers == {"strategy_target": 2}


def test_the_rest_may_be_answered_later_and_back_saves_too(begun: Visitor) -> None:
    some = dict(list(page_data(2).items())[:2])
    later = begun.post(begun.here("page", 2), some | {"go": "later"})
    assert later.url == begun.here("page", 3)
    back = begun.post(begun.here("page", 3), page_data(3) | {"go": "back"})
    assert back.url == begun.here("page", 2)
    assert set(begun.row().answers) == {*some, *page_data(3)}
    first = begun.post(begun.here("page", 1), {"strategy_target": "0", "go": "back"})
    assert first.url.startswith(begun.url("start") + "?from=")
    assert "回答の続きへ戻る" in text(begun.get(first.url))
    assert begun.row().answers["strategy_target"] == 0


@pytest.mark.parametrize(
    ("number", "sent"),
    [
        (1, {"strategy_target": "5"}),
        (1, {"strategy_target": "-1"}),
        (1, {"strategy_target": "na"}),
        (1, {"strategy_target": "2.0"}),
        (1, {"strategy_target": "<script>"}),
        (1, {"x_posting": "1"}),
        (1, {"result": "{}"}),
        (8, {"x_extareas": ["", "money"]}),
        (8, {"x_posting": "na"}),
        (8, {"x_extareas": ["", "na", "sales"]}),
        (8, {"x_extareas": ["", "none", "na"]}),
    ],
)
def test_a_value_that_is_not_offered_is_refused_and_loses_nothing(
    begun: Visitor, number: int, sent: dict[str, Any]
) -> None:
    begun.post(begun.here("page", number), page_data(number))
    before = begun.row()
    answer = begun.post(begun.here("page", number), page_data(number) | sent)
    assert answer.status_code == 422
    assert "<script>" not in text(answer).split("<main")[1]
    after = begun.row()
    assert (after.answers, after.facts) == (before.answers, before.facts)


def test_the_exclusive_row_says_in_words_that_it_stands_alone(begun: Visitor) -> None:
    answer = begun.post(begun.here("page", 8), page_data(8) | {"x_extareas": ["", "na", "sales"]})
    assert "ほかの選択肢と一緒にはお選びいただけません" in text(answer)
    for value in ("na", "sales"):
        assert re.search(rf'name="x_extareas" value="{value}" checked', text(answer)), value


def test_none_of_the_options_and_not_applicable_are_two_different_answers(begun: Visitor) -> None:
    begun.post(begun.here("page", 8), page_data(8) | {"x_extareas": ["", "none"]})
    assert begun.row().facts["x_extareas"] == []
    begun.post(begun.here("page", 8), page_data(8) | {"x_extareas": ["", "na"]})
    assert begun.row().facts["x_extareas"] is None


def test_taking_away_the_last_mark_takes_the_answer_back(begun: Visitor) -> None:
    begun.post(begun.here("page", 8), page_data(8) | {"x_extareas": ["", "sales"]})
    answer = begun.post(begun.here("page", 8), page_data(8) | {"x_extareas": [""]})
    assert answer.status_code == 422
    assert "x_extareas" not in begun.row().facts


def test_two_devices_answer_the_same_diagnosis_and_lose_nothing(begun: Visitor) -> None:
    begun.post(begun.here("save", 1), {"strategy_target": "3"})
    begun.post(begun.here("save", 1), {"strategy_value": "1"})
    begun.post(begun.here("save", 8), {"x_posting": "4"})
    row = begun.row()
    assert row.answers == {"strategy_target": 3, "strategy_value": 1}
    assert row.facts == {"x_posting": 4}


def test_with_javascript_each_choice_is_saved_and_said(begun: Visitor) -> None:
    with clock.stopped_at(timezone.make_aware(datetime(2026, 11, 22, 14, 32))):
        begun.post(begun.here("save", 1), {"strategy_target": "3"}, HTTP_HX_REQUEST="true")
        answer = begun.post(begun.here("save", 1), {"strategy_value": "3"}, HTTP_HX_REQUEST="true")
    assert "2問目まで保存しました(14:32)" in text(answer)
    assert "<html" not in text(answer)
    wrong = begun.post(begun.here("save", 1), {"strategy_value": "9"}, HTTP_HX_REQUEST="true")
    assert wrong.status_code == 422
    assert "選択肢の中から" in text(wrong)


def test_a_page_shows_what_is_stored_and_links_to_the_pages_reached(begun: Visitor) -> None:
    begun.post(begun.here("page", 1), page_data(1))
    page = text(begun.get(begun.here("page", 2)))
    assert f'href="{begun.here("page", 1)}"' in page
    assert f'href="{begun.here("page", 5)}"' not in page
    assert 'class="done"' in page
    assert len(re.findall(r" checked>", text(begun.get(begun.here("page", 1))))) == len(page_data(1))


def test_there_is_no_ninth_page(begun: Visitor) -> None:
    assert begun.get(begun.here("page", 9)).status_code == 404
    assert begun.get(begun.here("page", 0)).status_code == 404


def test_a_link_opens_the_first_page_with_something_left(begun: Visitor) -> None:
    begun.post(begun.here("page", 1), page_data(1))
    assert begun.get(begun.here("answers")).url == begun.here("page", 2)
    begun.answer_all()
    assert begun.get(begun.here("answers")).url == begun.here("who")


# ── Links that do not open ──


def aged(purpose: str, id: Any, days: int, version: int = 1) -> str:
    """A token as it was made `days` ago."""
    signed_at = timezone.now() - timedelta(days=days)
    with patch.object(TimestampSigner, "timestamp", lambda self: _b62(int(signed_at.timestamp()))):
        return make_token(purpose, id, version)


def _b62(number: int) -> str:
    from django.core.signing import b62_encode

    return b62_encode(number)


@pytest.mark.guard("links.version")
def test_altered_old_revoked_and_foreign_links_get_the_same_answer(answered: Visitor, aoba: House) -> None:
    result = answered.submit()
    token, id = result_token(result), answered.id
    bodies = set()
    for bad in (
        token[:-2] + ("aa" if token[-2:] != "aa" else "bb"),
        aged("diagnosis.result", id, 181),
        make_token("diagnosis.answers", id, 1),
        make_token("diagnosis.result", id, 2),
        make_token("diagnosis.result", uuid4(), 1),
        "x",
    ):
        answer = answered.get(answered.url("result", bad))
        assert answer.status_code == 410
        assert "no-store" in answer["Cache-Control"]
        assert "048-000-0000" in text(answer)
        assert answered.get(answered.url("report", bad)).status_code == 410
        bodies.add(text(answer))
    assert len(bodies) == 1
    assert answered.get(answered.url("result", aged("diagnosis.result", id, 179))).status_code == 200
    elsewhere = answered.get(result.replace(answered.slug, aoba.firm.slug))
    assert elsewhere.status_code == 410


def test_from_a_link_to_answers_the_result_opens_for_180_days_after_submitting(answered: Visitor) -> None:
    answered.submit()
    submitted_at = timezone.now() - timedelta(days=100)
    with open_scope(answered.house.scope):
        Diagnosis.objects.filter(pk=answered.id).update(submitted_at=submitted_at)
    answer = answered.get(answered.here("answers"))
    assert signed_at(result_token(answer.url)) == submitted_at.replace(microsecond=0)


def test_a_link_to_answers_opens_no_result_and_a_link_to_a_result_no_answers(begun: Visitor) -> None:
    assert begun.get(begun.url("result", begun.token)).status_code == 410
    unfinished = make_token("diagnosis.result", begun.id, 1)
    assert begun.get(begun.url("result", unfinished)).status_code == 410
    assert begun.get(begun.url("page", unfinished, 1)).status_code == 410


# ── Going on elsewhere ──


def test_the_link_to_go_on_comes_by_mail_once_a_minute_and_address(begun: Visitor) -> None:
    with clock.stopped_at(clock.now()):
        sent = begun.post(begun.here("resume_mail"), {"email": " Arai@Tone.example "})
        again = begun.post(begun.here("resume_mail"), {"email": "arai@tone.example"})
    for words in ("お送りしました", "arai@tone.example", "届かないとき", "迷惑メール"):
        assert words in text(sent)
    assert again.status_code == 422
    assert "1分ほどたってから" in text(again)
    assert "<b>お送りしました" not in text(again)
    begun.post(begun.here("resume_mail"), {"email": "other@tone.example"})
    first, second = mails(begun.house, "diagnosis_resume")
    assert first.to == "arai@tone.example"
    assert second.to == "other@tone.example"
    with clock.stopped_at(timezone.now() + timedelta(seconds=61)):
        begun.post(begun.here("resume_mail"), {"email": "arai@tone.example"})
    assert len(mails(begun.house, "diagnosis_resume")) == 3
    assert begun.here("answers") in first.body
    assert "http://localhost" in first.body


@pytest.mark.usefixtures("half_past")
def test_after_five_mails_a_day_the_page_says_so_and_sends_nothing(begun: Visitor) -> None:
    for number in range(6):
        answer = begun.post(begun.here("resume_mail"), {"email": f"arai{number}@tone.example"})
    assert answer.status_code == 422
    assert "今日お送りできる回数に達しました" in text(answer)
    assert "<b>お送りしました" not in text(answer)
    assert len(mails(begun.house, "diagnosis_resume")) == 5


@pytest.mark.parametrize(
    ("name", "page"), [("resume_mail", "resume"), ("resume_code", "resume"), ("result_mail", "result")]
)
def test_a_form_s_address_that_is_reloaded_leads_to_the_form(answered: Visitor, name: str, page: str) -> None:
    token = result_token(answered.submit()) if page == "result" else answered.token
    assert answered.get(answered.url(name, token)).url == answered.url(page, token)


def test_a_wrong_address_is_said_beside_its_field_and_kept(begun: Visitor) -> None:
    answer = begun.post(begun.here("resume_mail"), {"email": "arai@"})
    assert answer.status_code == 422
    assert "メールアドレスの形をご確認ください" in text(answer)
    assert 'value="arai@"' in text(answer)
    assert not mails(begun.house)


def test_a_short_code_opens_the_same_answers_on_another_device(begun: Visitor) -> None:
    begun.post(begun.here("page", 1), page_data(1))
    shown = re.search(r"再開コード </span>([0-9A-Z ]{9})<", text(begun.post(begun.here("resume_code"))))
    assert shown
    with open_scope(begun.house.scope):
        stored = ResumeCode.objects.get()
    assert shown[1].replace(" ", "") not in stored.hash
    other = Visitor(begun.house, "192.0.2.8")
    answer = other.post(other.url("code"), {"code": f" {shown[1].lower()} "})
    assert answer.status_code == 302
    onward = other.get(answer.url)
    assert onward.url.endswith("/2/")
    assert other.get(onward.url).status_code == 200


def test_a_code_is_good_for_a_day_only_the_newest_and_only_at_its_firm(begun: Visitor, aoba: House) -> None:
    def issue() -> str:
        shown = re.search(r"再開コード </span>([0-9A-Z ]{9})<", text(begun.post(begun.here("resume_code"))))
        assert shown
        return shown[1]

    old, new = issue(), issue()
    assert begun.post(begun.url("code"), {"code": old}).status_code == 422
    assert begun.post(Visitor(aoba).url("code"), {"code": new}).status_code == 422
    with clock.stopped_at(timezone.now() + timedelta(hours=24, seconds=1)):
        late = begun.post(begun.url("code"), {"code": new})
    assert late.status_code == 422
    assert "24時間" in text(late)
    assert begun.post(begun.url("code"), {"code": new}).status_code == 302


@pytest.mark.usefixtures("half_past")
def test_codes_cannot_be_guessed_at_leisure(visitor: Visitor) -> None:
    for _ in range(10):
        assert visitor.post(visitor.url("code"), {"code": "AAAAAAAA"}).status_code == 422
    assert visitor.post(visitor.url("code"), {"code": "AAAAAAAA"}).status_code == 429


def test_the_resume_page_draws_the_link_as_a_qr_code_without_styles(begun: Visitor) -> None:
    page = text(begun.get(begun.here("resume")))
    assert 'aria-labelledby="qr-title"' in page
    assert "style=" not in page
    assert begun.here("answers") in page


# ── Who you are ──


def test_submitting_shows_the_result_and_tells_the_firm_once(answered: Visitor) -> None:
    url = answered.submit()
    page = answered.get(url)
    row = answered.row()
    assert page.status_code == 200
    assert (row.state, row.grade, row.company_name, row.employees) == (
        "submitted",
        "C",
        "株式会社利根あおば精工",
        24,
    )
    assert row.privacy_version == 1
    assert row.consented_at is not None
    assert not Due.objects.filter(kind="diagnosis.expire", object_id=row.pk).exists()
    with open_scope(answered.house.scope):
        assert Job.objects.get(subject=row.pk).state == "queued"
        assert Notice.objects.get().title == "新しい簡易診断が届きました"


def test_submitting_again_changes_nothing_and_leads_to_the_same_result(answered: Visitor) -> None:
    answered.submit()
    again = answered.post(answered.here("who"), WHO | {"company_name": "別の名前"})
    assert "/r/" in again.url
    assert answered.row().company_name == "株式会社利根あおば精工"
    with open_scope(answered.house.scope):
        assert (Job.objects.count(), Notice.objects.count()) == (1, 1)


def test_after_submitting_every_page_of_answers_leads_to_the_result(answered: Visitor) -> None:
    answered.submit()
    for address in (
        answered.here("page", 3),
        answered.here("who"),
        answered.here("resume"),
        answered.here("answers"),
    ):
        assert "/r/" in answered.get(address).url
    assert "/r/" in answered.post(answered.here("page", 1), page_data(1)).url
    htmx = answered.post(answered.here("save", 1), {"strategy_target": "0"}, HTTP_HX_REQUEST="true")
    assert "/r/" in htmx["HX-Redirect"]
    assert answered.row().answers == ANSWERS


def test_with_answers_missing_it_says_which_pages_and_submits_nothing(begun: Visitor) -> None:
    begun.post(begun.here("page", 1), page_data(1))
    page = text(begun.get(begun.here("who")))
    assert "顧客理解(あと" in page
    assert begun.here("page", 2) in page
    answer = begun.post(begun.here("who"), WHO)
    assert answer.status_code == 422
    assert "新井 剛" in text(answer)
    assert begun.row().state == "open"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"company_name": ""}, "会社名を入力してください"),
        ({"company_name": "\u200b \r\n"}, "会社名を入力してください"),
        ({"company_name": "あ" * 101}, "100文字まで"),
        ({"contact_name": "あ" * 61}, "60文字まで"),
        ({"email": "arai"}, "メールアドレスの形"),
        ({"employees": "たくさん"}, "数字で入力してください"),
        ({"employees": "-3"}, "0から1,000,000"),
        ({"employees": "99999999999999999999999"}, "0から1,000,000"),
        ({"consent": ""}, "同意の欄にチェック"),
        # Both stand in the mail to whatever address is typed: they would be a link in the firm's name.
        (
            {"company_name": "無料 https://evil.example/"},
            "会社名だけを入力してください。URLは入れられません。",
        ),
        (
            {"contact_name": "www.evil.example"},
            "お名前だけを入力してください。URLやメールアドレスは入れられません。",
        ),
        ({"privacy_version": "7"}, "新しくなりました"),
        ({"privacy_version": "x"}, "新しくなりました"),
        ({"trap": "spam"}, "自動入力"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(
    answered: Visitor, changed: dict[str, str], said: str
) -> None:
    answer = answered.post(answered.here("who"), WHO | changed)
    page = text(answer)
    assert answer.status_code == 422
    assert said in page
    for name in ("company_name", "contact_name", "email", "industry"):
        assert (WHO | changed)[name].strip("\u200b \r\n") in page
    assert answered.row().state == "open"


def test_odd_but_honest_input_is_kept_as_it_is_meant(answered: Visitor) -> None:
    answered.submit(
        company_name="  ㈱ﾄｷﾜ蔵🍶\u202e\x00 本店\r\n",
        contact_name="山田\t太郎👨‍👩‍👧",
        email="Taro@Tokiwa.Example",
        industry="か\u3099す",
        employees="1,200名",
    )
    row = answered.row()
    assert row.company_name == "㈱ﾄｷﾜ蔵🍶 本店"
    assert row.contact_name == "山田 太郎👨‍👩‍👧"
    assert row.email == "taro@tokiwa.example"
    assert row.industry == "がす"
    assert row.employees == 1200


def test_only_the_company_name_is_needed(answered: Visitor) -> None:
    url = answered.submit(contact_name="", email="", industry="", employees="")
    assert "御中" in text(answered.get(url))


def test_consent_is_to_the_notice_that_was_on_the_screen(answered: Visitor) -> None:
    with open_scope(answered.house.scope):
        PrivacyNotice.objects.create(version=2, summary="新しい取扱い", text="本文")
    answer = answered.post(answered.here("who"), WHO)
    assert answer.status_code == 422
    assert "新しい取扱い" in text(answer)
    assert 'name="consent"' in text(answer)
    assert not re.search(r'name="consent"[^>]*checked', text(answer))  # to be ticked for what is read now
    answered.submit(privacy_version="2")
    assert answered.row().privacy_version == 2


# ── The result ──


def test_the_result_says_everything_and_names_no_company_where_it_is_shared(answered: Visitor) -> None:
    page = text(answered.get(answered.submit()))
    for words in (
        "総合評価", "四つの段階の流れ", "七つの軸", "軸ごとの所見", "気になる兆候", "次の三つの一歩", "すでにある強み",
        "専門家の判断", "この診断をもとに相談を予約する", "このページのリンクを保存", "まで開けます",
    ):  # fmt: skip
        assert words in page, words
    head = page.split("</head>")[0]
    assert "利根あおば" not in head
    assert 'content="noindex"' in head


def test_a_result_is_kept_by_no_cache(answered: Visitor) -> None:
    answer = answered.get(answered.submit())
    assert answer["Cache-Control"] == "private, no-store"


def test_the_consultants_comment_is_read_by_the_respondent(answered: Visitor) -> None:
    url = answered.submit()
    with open_scope(answered.house.scope):
        author = answered.house.members["馬場"]
        Comment.objects.create(
            diagnosis_id=answered.id, version=1, text="よく整理されています。", author=author
        )
        Diagnosis.objects.filter(pk=answered.id).update(comment_version=1)
    assert "よく整理されています。" in text(answered.get(url))


def test_while_the_report_is_made_a_bar_and_a_link_stand_there(answered: Visitor) -> None:
    url = answered.submit()
    page = text(answered.get(url))
    assert 'role="progressbar"' in page
    assert f'href="{url}#report"' in page
    token = result_token(url)
    assert answered.get(answered.url("report", token)).url == f"{url}#report"
    fragment = text(answered.get(answered.url("report_status", token)))
    assert 'role="progressbar"' in fragment
    assert "<html" not in fragment


def test_a_report_that_failed_is_tried_again_by_the_reader_alone(answered: Visitor) -> None:
    url = answered.submit()
    token = result_token(url)
    with open_scope(answered.house.scope):
        Job.objects.update(state="failed")
    assert "もう一度つくる" in text(answered.get(url))
    with open_scope(answered.house.scope):
        assert Job.objects.get().state == "failed"
    for _ in range(2):
        assert answered.post(answered.url("report", token)).status_code == 302
    with open_scope(answered.house.scope):
        assert Job.objects.get().state == "queued"


def test_a_mail_that_does_not_arrive_is_sent_again_to_the_corrected_address(answered: Visitor) -> None:
    url = answered.submit()
    address = answered.url("result_mail", result_token(url))
    with clock.stopped_at(clock.now()):
        sent = answered.post(address, {"email": "right@tone.example"}, follow=True)
        soon = answered.post(address, {"email": "right@tone.example"})
    assert "right@tone.example へお送りしました" in text(sent)
    assert answered.row().email == "right@tone.example"
    assert [mail.to for mail in mails(answered.house, "diagnosis_result")] == ["right@tone.example"]
    assert soon.status_code == 422
    assert "1分ほど" in text(soon)


# ── Unfinished answers ──


def test_unfinished_answers_are_deleted_after_thirty_days(begun: Visitor) -> None:
    begun.post(begun.here("page", 1), page_data(1))
    due = Due.objects.get(kind="diagnosis.expire")
    assert due.due_at - begun.row().started_at == timedelta(days=30)
    expire(begun.house.firm.pk, str(begun.id))
    assert begun.row().answers
    with clock.stopped_at(timezone.now() + timedelta(days=30, minutes=1)):
        expire(begun.house.firm.pk, str(begun.id))
        expire(begun.house.firm.pk, str(begun.id))
    with open_scope(begun.house.scope):
        assert not Diagnosis.objects.exists()
    assert begun.get(begun.here("page", 1)).status_code == 410


def test_submitted_answers_stay_whatever_is_due(answered: Visitor) -> None:
    answered.submit()
    with open_scope(answered.house.scope):
        assert not expire_diagnosis(diagnosis=answered.row())
    assert answered.row().state == "submitted"


def test_a_visitor_of_another_firm_sees_nothing_of_it(begun: Visitor, aoba: House) -> None:
    browser = Client(SERVER_NAME="localhost")
    there = begun.here("page", 1).replace(begun.slug, aoba.firm.slug)
    assert browser.get(there).status_code == 410
