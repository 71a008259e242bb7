"""準備シート: what it shows, and all that is done on it."""

from collections.abc import Callable
from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.conf import settings
from django.test import Client

from consultations.actions.asking import Asked
from consultations.actions.booking import book
from consultations.actions.desk import set_cap
from consultations.actions.firm import agree, hand_over_sessions, write_note
from consultations.actions.waiting import join
from consultations.addresses import summary_url
from consultations.models import Consultation, DayException, NextAction, Schedule, SessionNote, Task
from consultations.slots import Slot
from consultations.states import State
from diagnosis.models import Diagnosis
from notices.models import Mail
from tenancy import clock
from tenancy.merging.joining import merge
from tenancy.models import Company
from tenancy.scope import open_scope
from tests.conftest import House
from tests.consultations.firm_help import (
    after,
    done,
    fresh,
    queries_of,
    read,
    refused,
    sees_assigned,
    sheet,
    templates,
)
from tests.consultations.office import DECEMBER, JANUARY, NOW, booked, company, times
from tests.diagnosis.firm_help import answered
from tests.things import noted

As = Callable[[str], Client]


@pytest.fixture
def baba(as_: As) -> Client:
    return as_("馬場")


def with_diagnosis(house: House, diagnosis: Diagnosis) -> Consultation:
    slot = next(each for each in times(house) if each.starts > NOW + timedelta(days=8)).slot
    asked = Asked("みずうみ企画", "水海 修", "mizu@mizuumi.example", "紹介が続かない", diagnosis=diagnosis)
    with open_scope(house.scope):
        return book(id=uuid4(), slot=slot, asked=asked, confirmed=True)


def notes(house: House, row: Consultation) -> dict[bool, str]:
    with open_scope(house.scope):
        return dict(SessionNote.objects.filter(consultation=row).values_list("is_summary", "text"))


# ── What it shows ──


def test_it_shows_who_comes_when_and_what_for(baba: Client, office: House) -> None:
    row = booked(office, 1)
    page = read(baba, sheet(row))
    for words in (
        "株式会社第1",
        "社長1 様",
        "owner1@c1.example",
        "気になること",
        "https://meet.example/baba",
    ):
        assert words in page
    assert "オンライン相談・壁打ちは、今回がはじめてです。" in page


def test_it_shows_the_diagnosis_with_grade_stages_and_signs(baba: Client, office: House) -> None:
    diagnosis = answered(office, "みずうみ企画", case="case04")
    page = read(baba, sheet(with_diagnosis(office, diagnosis)))
    assert f"/michisuji/diagnoses/{diagnosis.pk}/" in page
    for words in ("出会い", "契約", "リピート", "ファン化", "総合評価"):
        assert words in page


def test_it_shows_earlier_sessions_with_their_notes_and_open_steps(baba: Client, office: House) -> None:
    row = booked(office, 1)
    done(baba, sheet(row, "note/"), text="後継ぎの話は奥様と。")
    done(baba, sheet(row, "actions/"), id=uuid4(), text="名簿を作る", who="社長", due_on="2026-12-20")
    slot = times(office, JANUARY)[0].slot
    with open_scope(office.scope):
        again = book(id=uuid4(), slot=slot, asked=company(1), confirmed=True)
    page = read(baba, sheet(again))
    assert "後継ぎの話は奥様と。" in page
    assert "前回までの次の一歩" in page
    assert "名簿を作る" in page


def test_it_shows_the_meetings_of_the_company(baba: Client, office: House) -> None:
    its = office.companies["株式会社ア"]
    with open_scope(office.scope):
        noted(office, its, "見積の出し方を話しました")
    row = booked(office, 1)
    with open_scope(office.scope):
        Consultation.objects.filter(pk=row.pk).update(company=its)
    assert "見積の出し方を話しました" in read(baba, sheet(row))


def test_somebody_with_the_same_telephone_is_shown_and_not_refused(baba: Client, office: House) -> None:
    first, second = booked(office, 1), booked(office, 2)
    with open_scope(office.scope):
        Consultation.objects.filter(pk__in=[first.pk, second.pk]).update(phone="048-000-1204")
    page = read(baba, sheet(second))
    assert "同じ会社かもしれません" in page
    assert "電話番号が同じです" in page


def test_free_mail_makes_nobody_a_suspect(baba: Client, office: House) -> None:
    first, second = booked(office, 1), booked(office, 2)
    with open_scope(office.scope):
        Consultation.objects.filter(pk=first.pk).update(email="a@gmail.com")
        Consultation.objects.filter(pk=second.pk).update(email="b@gmail.com")
    assert "同じ会社かもしれません" not in read(baba, sheet(second))


def test_it_takes_the_same_queries_however_much_there_is(baba: Client, office: House) -> None:
    row = booked(office, 1)
    done(baba, sheet(row, "note/"), text="一つ")
    few = queries_of(baba, sheet(row))
    for number in range(2, 5):
        other = booked(office, number)
        done(baba, sheet(other, "note/"), text="もう一つ")
        done(baba, sheet(row, "actions/"), id=uuid4(), text="一歩", who="社長")
        with open_scope(office.scope):
            Consultation.objects.filter(pk=other.pk).update(email=row.email, phone="048-000-1204")
    assert queries_of(baba, sheet(row)) == few


def test_a_firm_next_door_finds_nothing_here(as_: As, office: House) -> None:
    row = booked(office, 1)
    assert as_("権藤").get(sheet(row)).status_code == 404
    assert as_("権藤").post(sheet(row, "note/"), {"text": "見えないはず"}).status_code == 404
    assert notes(office, row) == {}


# ── What was said ──


def test_the_note_stays_within_the_firm_and_the_summary_until_it_is_sent(
    as_: As, baba: Client, office: House
) -> None:
    row = booked(office, 1)
    assert "社内メモを保存しました。" in done(baba, sheet(row, "note/"), text="社内だけ")
    done(baba, sheet(row, "summary/"), text="お客様へ")
    link = summary_url("michisuji", row).removeprefix(settings.PUBLIC_URL)
    assert "お客様へ</p>" not in as_("誰か").get(link).content.decode()
    with after(row):
        later = as_("馬場")
        asked = read(later, sheet(row, "summary/"))
        page = done(later, sheet(row, "summary/"), do="send")
    assert "owner1@c1.example" in asked
    assert "社内だけ" not in asked
    assert "owner1@c1.example へ、まとめのリンクをお送りします。" in page
    sent = read(as_("誰か"), link)
    assert "お客様へ" in sent
    assert "社内だけ" not in sent


def test_the_same_summary_is_mailed_once_and_a_corrected_one_again(
    as_: As, baba: Client, office: House
) -> None:
    row = booked(office, 1)
    done(baba, sheet(row, "summary/"), text="まとめ")
    with after(row):
        later = as_("馬場")
        assert "リンクをお送りします。" in done(later, sheet(row, "summary/"), do="send")
    with clock.stopped_at(row.starts_at + timedelta(minutes=31)):
        again = done(later, sheet(row, "summary/"), do="send")
    assert "リンクをお送りします。" not in again
    assert "すでにお送りしています。" in again
    assert fresh(office, row).summary_sent_at == row.starts_at + timedelta(minutes=30)
    assert templates(office, "owner1@c1.example").count("session_summary") == 1
    seen = NOW.isoformat()
    with clock.stopped_at(row.ends_at):
        done(later, sheet(row, "summary/"), text="直したまとめ", seen=seen)
        done(later, sheet(row, "summary/"), do="send")
    assert templates(office, "owner1@c1.example").count("session_summary") == 2


def test_what_is_written_while_companies_are_merged_hangs_where_the_session_does(office: House) -> None:
    gone, kept = office.companies["株式会社ア"], office.companies["有限会社イ"]
    asked, slot = Asked(gone.name, "社長", "a@a.example", company=gone), times(office)[0].slot
    with open_scope(office.scope):
        opened = book(id=uuid4(), slot=slot, asked=asked, confirmed=True)
        merge(kept=kept, gone=gone, actor=office.members["青木"])
        write_note(consultation=opened, text="まとめ", is_summary=True, actor=office.members["馬場"])
        agree(
            consultation=opened,
            id=uuid4(),
            text="見積もりの様式",
            who="社長",
            due_on=None,
            actor=office.members["馬場"],
        )
        assert SessionNote.objects.get().company_id == kept.pk
        assert NextAction.objects.get().company_id == kept.pk


def test_who_agreed_and_ticked_something_is_read_on_the_sheet(baba: Client, office: House) -> None:
    row = booked(office, 1)
    page = done(baba, sheet(row, "actions/"), id=uuid4(), text="話す", who="社長", due_on="")
    assert "馬場:次の一歩を加えました" in page


def test_nothing_is_sent_while_nothing_is_written(as_: As, office: House) -> None:
    row = booked(office, 1)
    with after(row):
        baba = as_("馬場")
        assert "まだ書かれていません" in done(baba, sheet(row, "summary/"), do="send")
        assert baba.get(sheet(row, "summary/")).status_code == 302
    assert "session_summary" not in templates(office, "owner1@c1.example")


def test_no_mail_thanks_for_a_session_that_has_not_begun(baba: Client, office: House) -> None:
    row = booked(office, 1)
    assert "相談が始まると" in done(baba, sheet(row, "summary/"), text="用意しておくまとめ")
    assert baba.get(sheet(row, "summary/")).status_code == 302
    assert "相談が始まってから" in done(baba, sheet(row, "summary/"), do="send")
    assert "session_summary" not in templates(office, "owner1@c1.example")


def test_two_who_write_at_once_lose_nothing(as_: As, baba: Client, office: House) -> None:
    row = booked(office, 1)
    done(baba, sheet(row, "note/"), text="馬場の文章")
    page = refused(as_("青木"), sheet(row, "note/"), 409, text="青木の文章", seen="")
    assert "馬場の文章" in page
    assert "青木の文章" in page
    assert notes(office, row) == {False: "馬場の文章"}
    done(as_("青木"), sheet(row, "note/"), text="二人の文章", seen=NOW.isoformat())
    assert notes(office, row) == {False: "二人の文章"}


def test_a_note_that_is_too_long_stays_on_the_page(baba: Client, office: House) -> None:
    row = booked(office, 1)
    page = refused(baba, sheet(row, "note/"), 422, text="あ" * 8001)
    assert "あ" * 8001 in page
    assert notes(office, row) == {}


def test_steps_are_agreed_once_and_ticked_both_ways(baba: Client, office: House) -> None:
    row, id = booked(office, 1), uuid4()
    for _ in range(2):
        done(baba, sheet(row, "actions/"), id=id, text="名簿を作る", who="社長", due_on="2026-12-20")
    with open_scope(office.scope):
        [step] = NextAction.objects.all()
        assert (step.who, step.due_on) == ("社長", date(2026, 12, 20))
    assert "まだに戻す" in done(baba, sheet(row, f"actions/{id}/"), done="yes")
    assert "まだに戻す" not in done(baba, sheet(row, f"actions/{id}/"), done="no")
    other = booked(office, 2)
    assert baba.post(sheet(other, f"actions/{id}/"), {"done": "yes"}).status_code == 404


def test_a_step_without_words_says_so_and_keeps_the_rest(baba: Client, office: House) -> None:
    row = booked(office, 1)
    page = refused(baba, sheet(row, "actions/"), 422, id=uuid4(), text="", who="石井さん")
    assert "することを入力してください。" in page
    assert "石井さん" in page


# ── What becomes of it ──


def test_a_session_is_marked_after_it_has_begun_and_not_before(as_: As, baba: Client, office: House) -> None:
    row = booked(office, 1)
    assert "まだ始まっていない相談です" in refused(baba, sheet(row, "mark/"), 422, after="completed")
    with after(row):
        baba = as_("馬場")
        assert "「完了」として記録しました。" in done(baba, sheet(row, "mark/"), after="completed")
        assert "「ご欠席」として記録しました。" in done(baba, sheet(row, "mark/"), after="no_show")
        assert "「完了」として記録しました。" in done(baba, sheet(row, "mark/"), after="completed")
    assert fresh(office, row).state == State.COMPLETED


def test_what_was_cancelled_is_marked_by_nobody(as_: As, baba: Client, office: House) -> None:
    row = booked(office, 1)
    done(baba, sheet(row, "cancel/"), whose="client")
    with after(row):
        assert "状態が変わりました" in refused(as_("馬場"), sheet(row, "mark/"), 409, after="completed")


def test_a_hold_is_confirmed_for_who_calls(baba: Client, office: House) -> None:
    row = booked(office, 1, confirmed=False)
    assert "確定する" in read(baba, sheet(row))
    done(baba, sheet(row, "mark/"), after="confirmed")
    assert fresh(office, row).state == State.CONFIRMED
    assert "booking_confirmed" in templates(office, "owner1@c1.example")


def test_an_offer_is_taken_for_who_calls(baba: Client, office: House) -> None:
    rows = [booked(office, number) for number in range(4)]
    with open_scope(office.scope):
        join(id=uuid4(), wanted=[DECEMBER], asked=company(9))
    done(baba, sheet(rows[0], "cancel/"), whose="client")
    with open_scope(office.scope):
        offer = Consultation.objects.get(state=State.OFFERED)
    done(baba, sheet(offer, "mark/"), after="confirmed")
    assert "booking_confirmed" in templates(office, "owner9@c9.example")


def test_how_to_take_part_is_said_and_mailed(baba: Client, office: House) -> None:
    with open_scope(office.scope):
        Schedule.objects.update(meeting_url="")
    row = booked(office, 1)
    assert "未定" in read(baba, sheet(row))
    page = refused(baba, sheet(row, "where/"), 422, meeting_url="javascript:alert(1)")
    assert "https:// から始まるリンク" in page
    page = done(baba, sheet(row, "where/"), meeting_url="https://meet.example/once", meeting_phone="")
    assert "https://meet.example/once" in page
    assert "booking_meeting" in templates(office, "owner1@c1.example")
    assert "ご対応いただきたいこと" not in read(baba, "/michisuji/consultations/")


def test_a_session_is_moved_to_a_free_time_and_the_client_told(baba: Client, office: House) -> None:
    row = booked(office, 1)
    free = [each for each in times(office) if each.starts > row.starts_at][3]
    assert str(free.slot) in read(baba, sheet(row, "move/"))
    done(baba, sheet(row, "move/"), slot=str(free.slot))
    moved = fresh(office, row)
    assert (moved.starts_at, moved.number) == (free.starts, row.number)
    assert "booking_changed" in templates(office, "owner1@c1.example")


def test_a_session_is_moved_to_another_month_which_is_a_link_away(baba: Client, office: House) -> None:
    row, later = booked(office, 1), times(office, JANUARY)[0]
    page = read(baba, sheet(row, "move/"))
    assert str(later.slot) not in page
    assert 'href="?month=2027-01"' in page
    assert str(later.slot) in read(baba, sheet(row, "move/?month=2027-01"))
    done(baba, sheet(row, "move/?month=2027-01"), slot=str(later.slot))
    assert fresh(office, row).starts_at == later.starts


def test_a_full_month_is_said_to_be_full_and_offers_no_time(baba: Client, office: House) -> None:
    row = booked(office, 1)
    with open_scope(office.scope):
        set_cap(month=JANUARY, cap=0, actor=None)
    page = read(baba, sheet(row, "move/?month=2027-01"))
    assert "2027年1月は満席です。" in page
    assert 'href="?month=2027-01"' not in page
    assert str(times(office, JANUARY)[0].slot) not in page


def test_what_changes_nothing_is_mailed_to_nobody_and_not_said_to_be(baba: Client, office: House) -> None:
    row = booked(office, 1)
    same = str(Slot(times(office)[0].slot.schedule_id, row.starts_at))
    assert "変更はありません" in done(baba, sheet(row, "move/"), slot=same)
    page = done(baba, sheet(row, "where/"), meeting_url="", meeting_phone="")
    assert "参加方法を保存しました。" in page
    assert "メールでお知らせします。" not in page.partition("参加方法を保存しました。")[2][:40]
    assert templates(office, "owner1@c1.example") == ["booking_confirmed"]


def test_a_time_that_is_gone_is_refused_and_the_session_stays(baba: Client, office: House) -> None:
    row, other = booked(office, 1), booked(office, 2)
    taken = str(Slot(times(office)[0].slot.schedule_id, other.starts_at))
    assert "たったいま埋まりました" in refused(baba, sheet(row, "move/"), 409, slot=taken)
    assert "お選びください" in refused(baba, sheet(row, "move/"), 422, slot="")
    assert fresh(office, row).starts_at == row.starts_at


def test_the_client_s_cancellation_frees_the_place(baba: Client, office: House) -> None:
    row = booked(office, 1)
    page = done(baba, sheet(row, "cancel/"), whose="client", reason="出張のため")
    assert "お客様のご都合による取り消しを記録しました。" in page
    ended = fresh(office, row)
    assert (ended.state, ended.number, ended.cancelled_by_firm) == (State.CANCELLED, None, False)
    assert "cancelled_by_client" in templates(office, "owner1@c1.example")


def test_a_late_cancellation_is_said_to_keep_its_place(as_: As, office: House) -> None:
    row = booked(office, 1)
    with clock.stopped_at(row.starts_at - timedelta(hours=2)):
        baba = as_("馬場")
        assert "直前の取消" in read(baba, sheet(row, "cancel/"))
        done(baba, sheet(row, "cancel/"), whose="client")
    assert fresh(office, row).state == State.CANCELLED_LATE


def test_the_firm_puts_off_with_a_reason_and_offers_another_time(baba: Client, office: House) -> None:
    row = booked(office, 1)
    page = refused(baba, sheet(row, "cancel/"), 422, whose="firm", reason=" ")
    assert "お客様にお伝えする理由を入力してください。" in page
    page = done(baba, sheet(row, "cancel/"), whose="firm", reason="担当者の急病のため")
    assert "振替のご案内をお送りします。" in page
    assert "担当者の急病のため" in page
    ended = fresh(office, row)
    assert (ended.state, ended.cancelled_by_firm) == (State.CANCELLED, True)
    assert "cancelled_by_firm" in templates(office, "owner1@c1.example")
    with open_scope(office.scope):
        assert DayException.objects.count() == 1


# ── Whose company it is ──


def test_a_new_company_takes_notes_steps_and_diagnosis_along(baba: Client, office: House) -> None:
    diagnosis = answered(office, "みずうみ企画")
    row = with_diagnosis(office, diagnosis)
    done(baba, sheet(row, "note/"), text="社内だけ")
    done(baba, sheet(row, "actions/"), id=uuid4(), text="一歩", who="社長")
    assert 'value="水海 修"' in read(baba, sheet(row, "company/"))
    said = {"name": "みずうみ企画", "representative": "水海 修", "support_status": "lead"}
    done(baba, sheet(row, "company/"), company="new", **said)
    with open_scope(office.scope):
        made = Company.objects.get(name="みずうみ企画")
        assert (made.representative, made.support_status) == ("水海 修", "lead")
        for model in (Consultation, SessionNote, NextAction, Diagnosis):
            assert [each.company_id for each in model.objects.all()] == [made.pk]
    done(baba, sheet(row, "company/"), company="new", **said)
    with open_scope(office.scope):
        assert Company.objects.filter(name="みずうみ企画").count() == 1


def test_a_company_that_may_be_the_same_is_proposed_and_keeps_what_it_has(
    baba: Client, office: House
) -> None:
    row, its = booked(office, 1), office.companies["株式会社ア"]
    page = refused(baba, sheet(row, "company/"), 200, company="new", name="(株)ア", support_status="client")
    assert "この企業に結び付ける" in page
    done(baba, sheet(row, "company/"), company=its.pk)
    assert fresh(office, row).company_id == its.pk
    with open_scope(office.scope):
        assert Company.objects.get(pk=its.pk).name == "株式会社ア"


@pytest.mark.parametrize("chosen", ["", "x", "999999999999"])
def test_a_company_that_is_not_there_is_not_taken(baba: Client, office: House, chosen: str) -> None:
    row = booked(office, 1)
    assert baba.post(sheet(row, "company/"), {"company": chosen}).status_code in (404, 422)
    assert fresh(office, row).company_id is None


# ── Who may ──


def test_who_sees_assigned_companies_opens_their_own_and_no_other_s(as_: As, office: House) -> None:
    nobodys, theirs, others, given = (booked(office, number) for number in range(4))
    with open_scope(office.scope):
        Consultation.objects.update(consultant=office.members["青木"])
        for row, name in ((theirs, "株式会社ア"), (others, "有限会社イ"), (given, "有限会社イ")):
            Consultation.objects.filter(pk=row.pk).update(company=office.companies[name])
        Consultation.objects.filter(pk=given.pk).update(consultant=office.members["馬場"])
    sees_assigned(office, "株式会社ア")
    baba = as_("馬場")
    for row in (nobodys, theirs, given):
        assert row.company_name in read(baba, sheet(row))
        done(baba, sheet(row, "note/"), text="書けます")
    assert f"/michisuji/companies/{office.companies['有限会社イ'].pk}/" not in read(baba, sheet(given))
    read(baba, sheet(others), 404)
    for door in ("note/", "summary/", "actions/", "mark/", "where/", "move/", "cancel/", "company/"):
        assert baba.post(sheet(others, door), {"text": "書けません"}).status_code == 404
    assert notes(office, others) == {}


def test_who_sees_assigned_companies_is_in_charge_of_the_one_they_register(as_: As, office: House) -> None:
    row = booked(office, 1)
    sees_assigned(office)
    baba = as_("馬場")
    page = done(baba, sheet(row, "company/"), company="new", name="新しい会社", support_status="lead")
    assert "新しい会社" in page
    assert "新しい会社" in read(baba, "/michisuji/companies/")


# ── Handing over ──


def test_who_leaves_hands_sessions_over_and_clients_hear_who_comes(as_: As, office: House) -> None:
    row, clash = booked(office, 1), booked(office, 2)
    admin, leaving = office.members["青木"], office.members["馬場"]
    with open_scope(office.scope):
        Consultation.objects.filter(pk=clash.pk).update(
            consultant=admin, starts_at=row.starts_at, ends_at=row.ends_at, busy_until=row.busy_until
        )
        assert hand_over_sessions(leaving, admin, admin) == []
        Consultation.objects.filter(pk=clash.pk).update(
            starts_at=row.busy_until,
            ends_at=row.busy_until + timedelta(hours=1),
            busy_until=row.busy_until + timedelta(hours=1),
        )
        assert hand_over_sessions(leaving, admin, admin) == [row]
    assert fresh(office, row).consultant == admin
    with open_scope(office.scope):
        mail = Mail.objects.get(template="booking_meeting", to="owner1@c1.example")
    assert "担当者が、馬場から青木に変わりました。" in mail.body


def test_a_leaving_consultant_s_sessions_and_tasks_go_along_in_one_act(as_: As, office: House) -> None:
    with open_scope(office.scope):
        Schedule.objects.update(meeting_url="")
    row, admin = booked(office, 1), office.members["青木"]
    url = f"/michisuji/settings/members/{office.members['馬場'].pk}/hand-over/"
    page = read(as_("青木"), url)
    assert "これからの相談" in page
    assert page.count("1件") >= 2
    assert as_("青木").post(url, {"to": admin.pk, "end": "on"}).status_code == 302
    with open_scope(office.scope):
        assert fresh(office, row).consultant == admin
        assert {task.member_id for task in Task.objects.open()} == {admin.pk}
