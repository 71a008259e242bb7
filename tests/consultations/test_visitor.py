"""What a visitor does before there is a booking, through the public doors."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from consultations.actions.booking import book, cancel, confirm
from consultations.actions.desk import set_hours
from consultations.addresses import manage_token
from consultations.calc import months
from consultations.forms import SEED
from consultations.models import (
    Blocked,
    Closed,
    Consultation,
    DayException,
    Desk,
    OpeningWish,
    Schedule,
    WaitlistEntry,
)
from consultations.states import State
from diagnosis.addresses import result_token
from notices.models import Mail
from tenancy import clock
from tenancy.links import make_token
from tenancy.models import Membership
from tenancy.scope import open_scope
from tests.conftest import House
from tests.consultations.office import DECEMBER, JANUARY, NOW, a_time, booked, company, opens, times
from tests.things import answered

BOOK, WAIT = "/michisuji/consultation/", "/michisuji/consultation/waitlist/"
TYPED = {
    "company_name": "株式会社利根あおば精工",
    "contact_name": "新井 剛",
    "email": "arai@tone.example",
    "topic": "社内で何を担えばよいか",
    "kind": "diagnosis",
}


def seed(id: UUID | None = None) -> str:
    return make_token(SEED, id or uuid4(), 1, since=clock.now() - timedelta(hours=1))


def form(chosen: object, **typed: Any) -> dict[str, Any]:
    return {
        **TYPED,
        "seed": seed(),
        "privacy_version": 1,
        "consent": "on",
        "slot": str(chosen),
        "go": "book",
        **typed,
    }


def wait_form(*wanted: date, **typed: Any) -> dict[str, Any]:
    return form("", go="join", months=[each.isoformat() for each in wanted], **typed)


@pytest.fixture
def visitor(office: House) -> Client:
    return Client(SERVER_NAME="localhost")


def rows(house: House) -> list[Consultation]:
    with open_scope(house.scope):
        return list(Consultation.objects.order_by("created_at"))


def mails(house: House) -> list[str]:
    with open_scope(house.scope):
        return [
            f"{each.template} {each.to}" for each in Mail.objects.order_by("created_at", "sent_at", "key")
        ]


def text(response: Any) -> str:
    return re.sub(r"<[^>]+>", "", response.content.decode())


def keeps_what_was_typed(response: Any) -> None:
    page = response.content.decode()
    for name, value in TYPED.items():
        assert value in page, name
    assert re.search(r'value="diagnosis"[^>]*checked', page)


def fill(house: House, month: date = DECEMBER, count: int = 4) -> list[Consultation]:
    free = [each for each in times(house, month) if each.starts > NOW + timedelta(days=7)]
    return [booked(house, number, time=time) for number, time in zip(range(count), free, strict=False)]


# ── Looking ──


def test_everybody_sees_what_is_free_before_typing_anything(visitor: Client, office: House) -> None:
    booked(office, 1)
    page = visitor.get(BOOK)
    assert page.status_code == 200
    assert "残り3社" in text(page)
    assert page.content.decode().count('<table class="month') == 2
    assert "日本時間" in text(page)
    assert "048-000-0000" in text(page)
    # Notice of 24 hours: the first day that has a time is the one after next.
    assert "12月8日(火)の空いている時刻" in text(page)
    assert "(成人の日)" in text(page)
    assert "(休業)" in text(page)
    assert "7今日" in text(page)


def test_times_are_tokyos_wherever_the_browser_is(visitor: Client, office: House) -> None:
    there = visitor.get(BOOK, headers={"accept-language": "en-US"}).content.decode()
    assert "10:00–11:00" in there
    assert there.count("10:00–11:00") == visitor.get(BOOK).content.decode().count("10:00–11:00")


def test_a_day_is_chosen_by_link_and_by_button_and_nothing_typed_is_lost(
    visitor: Client, office: House
) -> None:
    assert "12月17日(木)の空いている時刻" in text(visitor.get(f"{BOOK}?day=2026-12-17"))
    assert "1月4日(月)の空いている時刻" in text(visitor.get(f"{BOOK}?month=2027-01"))
    page = visitor.post(BOOK, {**form(""), "go": "", "day": "2026-12-18"})
    assert page.status_code == 200
    assert "12月18日(金)の空いている時刻" in text(page)
    assert "ご確認ください" not in text(page)
    keeps_what_was_typed(page)
    assert rows(office) == []


@pytest.mark.parametrize(
    ("now", "seen"),
    [
        (datetime(2026, 12, 31, 14, 30, tzinfo=UTC), ("12月", "1月")),  # 23:30 in Tokyo
        (datetime(2026, 12, 31, 15, 15, tzinfo=UTC), ("1月", "2月")),  # 0:15 on New Year's Day
    ],
)
def test_the_months_shown_are_tokyos(
    visitor: Client, office: House, now: datetime, seen: tuple[str, str]
) -> None:
    with clock.stopped_at(now):
        page = visitor.get(BOOK).content.decode()
    assert re.findall(r"<caption><b>(\d+月)</b>", page) == list(seen)


@pytest.mark.parametrize(
    "query",
    [
        "slot=99991231T2359Z.{0}",
        "day=9999-12-31",
        "month=0001-01",
        "day=x",
        "month=2026-99",
        "slot=x.y",
        "diagnosis=x",
        "day=2026-12-12",
    ],
)
def test_whatever_stands_in_the_address_the_page_opens(visitor: Client, query: str) -> None:
    assert visitor.get(f"{BOOK}?{query.format(uuid4())}").status_code == 200


def test_a_slot_in_the_address_is_chosen_beforehand(visitor: Client, office: House) -> None:
    time = a_time(office, date(2026, 12, 17), 14)
    page = visitor.get(f"{BOOK}?slot={time.slot}").content.decode()
    assert re.search(rf'value="{re.escape(str(time.slot))}" checked', page)
    assert "12月17日(木) 14:00–15:00" in page


def test_the_page_costs_the_same_however_much_is_booked(visitor: Client, office: House) -> None:
    def cost(url: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert visitor.get(url).status_code == 200
        return len(queries)

    urls = (BOOK, "/michisuji/", "/embed/michisuji/", WAIT)
    before = [cost(url) for url in urls]
    fill(office, count=3)
    fill(office, JANUARY, count=3)
    assert [cost(url) for url in urls] == before
    assert max(before) <= 25 + 4, (
        before
    )  # four savepoints: the tests' own transaction stands around the page's


# ── Full, closed, not yet ──


def test_a_full_month_has_no_times_and_shows_the_way_to_the_queue_and_the_next_month(
    visitor: Client, office: House
) -> None:
    fill(office)
    page = visitor.get(BOOK)
    assert "12月の受付は満席です" in text(page)
    assert f"{WAIT}?month=2026-12" in page.content.decode()
    assert 'value="2026-12-' not in page.content.decode().replace('name="shown" value="2026-12', "")
    assert "1月4日(月)の空いている時刻" in text(page)


def test_a_month_that_is_not_open_yet_says_from_when(visitor: Client, office: House) -> None:
    with open_scope(office.scope):
        Desk.objects.update_or_create(defaults={"opens_on": 10})
    assert "1月分の受付は、2026年12月10日(木) 09:00に始まります" in text(visitor.get(BOOK))


@pytest.mark.parametrize("why", ["closed", "nobody", "no hours"])
def test_where_nothing_can_be_booked_the_page_is_kind(visitor: Client, office: House, why: str) -> None:
    with open_scope(office.scope):
        if why == "closed":
            Desk.objects.update_or_create(defaults={"is_open": False})
        elif why == "nobody":
            Schedule.objects.update(gives=False)
        else:
            set_hours(schedule=Schedule.objects.get(), hours=(), actor=None)
    page = visitor.get(BOOK)
    assert page.status_code == 200
    assert "ただいま" in text(page)
    assert "048-000-0000" in text(page)
    assert "簡易診断" in text(page)
    assert "この日時で申し込む" not in text(page)


# ── Asking ──


def test_asking_holds_the_time_and_leads_to_where_the_mail_went(visitor: Client, office: House) -> None:
    time = a_time(office, date(2026, 12, 17), 14)
    answer = visitor.post(BOOK, form(time.slot), follow=True)
    (row,) = rows(office)
    assert (row.state, row.starts_at, row.origin) == (State.HELD, time.starts, "visitor")
    assert (row.company_name, row.email, row.kind) == (
        "株式会社利根あおば精工",
        "arai@tone.example",
        "diagnosis",
    )
    assert mails(office) == ["booking_hold arai@tone.example"]
    assert "まだ確定していません" in text(answer)
    assert "09:30" in text(answer)
    assert "arai@tone.example" in text(answer)
    assert "届かないとき" in text(answer)
    assert "noindex" in answer.content.decode()


def test_the_same_form_twice_books_once(visitor: Client, office: House) -> None:
    sent = form(a_time(office, date(2026, 12, 17), 14).slot)
    first, second = visitor.post(BOOK, sent), visitor.post(BOOK, sent)
    assert first.status_code == second.status_code == 302
    assert first.headers["Location"] == second.headers["Location"]
    assert len(rows(office)) == 1
    assert mails(office) == ["booking_hold arai@tone.example"]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"company_name": ""}, "会社名を入力してください"),
        ({"email": "x"}, "メールアドレスの形をご確認ください"),
        ({"slot": ""}, "ご希望の時刻をお選びください"),
        ({"slot": "x"}, "ご希望の時刻をお選びください"),
        ({"consent": ""}, "同意の欄にチェックを入れてください"),
        ({"privacy_version": 9}, "個人情報の取扱いが新しくなりました"),
        ({"seed": "x"}, "画面を開き直して"),
        ({"trap": "x"}, "送信を止めました"),
    ],
)
def test_what_is_wrong_is_said_and_the_rest_is_kept(
    visitor: Client, office: House, typed: dict[str, Any], words: str
) -> None:
    sent = form(a_time(office, date(2026, 12, 17), 14).slot, **typed)
    page = visitor.post(BOOK, sent)
    assert page.status_code == 422
    assert words in text(page)
    for name in TYPED.keys() - typed.keys():
        assert TYPED[name] in page.content.decode()
    if "slot" not in typed:
        assert re.search(rf'value="{re.escape(sent["slot"])}" checked', page.content.decode())
    assert rows(office) == []


def test_a_form_sent_within_two_seconds_is_asked_to_be_sent_again(visitor: Client, office: House) -> None:
    slot = a_time(office, date(2026, 12, 17), 14).slot
    page = visitor.post(BOOK, form(slot, seed=make_token(SEED, uuid4(), 1, since=NOW)))
    assert page.status_code == 422
    assert "送信が早すぎた" in text(page)
    keeps_what_was_typed(page)


def test_a_month_that_fills_up_between_page_and_click_offers_the_queue_with_what_was_typed(
    visitor: Client, office: House
) -> None:
    time = a_time(office, date(2026, 12, 17), 14)
    visitor.get(BOOK)
    fill(office)
    page = visitor.post(BOOK, form(time.slot))
    assert page.status_code == 409
    assert "2026年12月は、満席になりました" in text(page)
    keeps_what_was_typed(page)
    assert "この内容でキャンセル待ちへ進む" in text(page)
    queue = visitor.post(f"{WAIT}?month=2026-12", {**form(time.slot), "go": "edit"})
    assert queue.status_code == 200
    keeps_what_was_typed(queue)
    assert re.search(r'name="months" value="2026-12-01"[^>]*checked', queue.content.decode())


def other_firm(house: House, aoba: House) -> str:
    """A time of somebody at another firm."""
    schedule = opens(aoba, "権藤")
    return f"20261217T0500Z.{schedule.pk}"


@pytest.mark.parametrize(
    "why",
    ["past", "soon", "off the hours", "nobody's", "far away", "another firm's", "left", "on leave", "taken"],
)
def test_a_time_that_is_not_there_is_refused_with_the_others(
    visitor: Client, office: House, aoba: House, why: str
) -> None:
    with open_scope(office.scope):
        mine = Schedule.objects.get().pk
    slot = {
        "past": f"20261203T0500Z.{mine}",
        "soon": f"20261207T0500Z.{mine}",
        "off the hours": f"20261217T0515Z.{mine}",
        "nobody's": f"20261217T0500Z.{uuid4()}",
        "far away": f"21991217T0500Z.{mine}",
        "another firm's": other_firm(office, aoba),
    }.get(why, f"20261217T0500Z.{mine}")
    if why == "taken":
        booked(office, 1, time=a_time(office, date(2026, 12, 17), 14))
    if why == "on leave":
        day = date(2026, 12, 17)
        with open_scope(office.scope):
            DayException.objects.create(schedule_id=mine, first_day=day, last_day=day)
    if why == "left":
        opens(office, "青木")
        with open_scope(office.scope):
            Membership.objects.filter(pk=office.members["馬場"].pk).update(state=Membership.State.ENDED)
    before = len(rows(office))
    page = visitor.post(BOOK, form(slot))
    assert page.status_code == 409
    assert "もう空いていません" in text(page)
    assert 'name="slot"' in page.content.decode()
    keeps_what_was_typed(page)
    assert len(rows(office)) == before


def test_who_has_a_place_in_that_month_is_told_by_mail_and_not_on_the_page(
    visitor: Client, office: House
) -> None:
    visitor.post(BOOK, form(a_time(office, date(2026, 12, 17), 14).slot))
    sent = form(a_time(office, date(2026, 12, 18), 10).slot)
    for _ in range(2):
        page = visitor.post(BOOK, sent)
        assert page.status_code == 409
        assert "のお申し込みを、すでに承っています" in text(page)
        assert "14:00" not in text(page).partition("1日を選ぶ")[0]
        assert "/consultation/m/" not in page.content.decode()
        keeps_what_was_typed(page)
    assert mails(office) == ["already_booked arai@tone.example", "booking_hold arai@tone.example"]
    assert len(rows(office)) == 1


def test_a_blocked_address_is_asked_to_telephone(visitor: Client, office: House) -> None:
    with open_scope(office.scope):
        Blocked.objects.create(address="@tone.example")
    page = visitor.post(BOOK, form(a_time(office, date(2026, 12, 17), 14).slot))
    assert page.status_code == 409
    assert "オンラインではお受けできませんでした" in text(page)
    assert "048-000-0000" in text(page)
    keeps_what_was_typed(page)
    assert rows(office) == []


def test_nobody_finds_out_about_many_addresses_by_asking(visitor: Client, office: House) -> None:
    with open_scope(office.scope):
        Blocked.objects.create(address="@tone.example")
    slot = a_time(office, date(2026, 12, 17), 14).slot
    for number in range(10):
        assert visitor.post(BOOK, form(slot, email=f"{number}@tone.example")).status_code == 409
    page = visitor.post(BOOK, form(slot, email="10@tone.example"))
    assert page.status_code == 429
    assert "短い時間に多くのお申し込みがありました" in text(page)
    assert TYPED["topic"] in text(page)


def test_a_month_that_somebody_else_has_for_too_long_is_a_page_to_try_again(
    visitor: Client, office: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told by PostgreSQL itself, at the statement that waits."""
    slot = a_time(office, date(2026, 12, 17), 14).slot

    def refuses(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "FOR NO KEY UPDATE" in sql and "consultations_consultationmonth" in sql:
            raise_lock_not_available()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuses):
        page = visitor.post(BOOK, form(slot))
    assert page.status_code == 503
    assert page.headers["Retry-After"]
    assert "混み合っています" in text(page)
    keeps_what_was_typed(page)
    assert rows(office) == []


def raise_lock_not_available() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '55P03'; END $$")


def test_a_form_of_another_firm_is_sent_again_with_a_new_id(
    visitor: Client, office: House, aoba: House
) -> None:
    opens(aoba, "権藤")
    id = uuid4()
    booked(aoba, 1, time=a_time(aoba, date(2026, 12, 17), 14), id=id)
    page = visitor.post(BOOK, form(a_time(office, date(2026, 12, 17), 14).slot, seed=seed(id)))
    assert page.status_code == 409
    keeps_what_was_typed(page)
    assert rows(office) == []


def test_at_the_months_edge_the_month_is_that_of_tokyo(visitor: Client, office: House) -> None:
    late = tuple((weekday, time(23, 30), time(0)) for weekday in range(7))
    early = tuple((weekday, time(0, 15), time(1)) for weekday in range(7))
    with open_scope(office.scope):
        Desk.objects.update_or_create(defaults={"minutes": 30, "step": 15})
        schedule = Schedule.objects.get()
        schedule.closed_on_holidays = False
        schedule.save(update_fields=["closed_on_holidays"])
        set_hours(schedule=schedule, hours=late + early, actor=None)
        Closed.objects.create(name="休業", first_day=date(2020, 1, 1), last_day=date(2020, 1, 1))
    last = months.at(date(2026, 12, 31), time(23, 30))
    first = months.at(date(2027, 1, 1), time(0, 15))
    for number, starts in enumerate((last, first)):
        slot = f"{starts:%Y%m%dT%H%MZ}.{schedule.pk}"
        sent = form(slot, email=f"edge{number}@tone.example")
        assert visitor.post(BOOK, sent).status_code == 302
    assert [row.month for row in rows(office)] == [DECEMBER, JANUARY]
    assert "12月31日(木)の空いている時刻" in text(visitor.get(f"{BOOK}?day=2026-12-31"))


def test_ten_bookings_an_hour_from_one_address_and_five_a_day_for_one_mail(
    visitor: Client, office: House
) -> None:
    with open_scope(office.scope):
        Desk.objects.update_or_create(defaults={"cap": 30})
    free = [each for each in times(office) if each.starts > NOW + timedelta(days=2)]
    answers = [
        visitor.post(BOOK, form(each.slot, email=f"x{number}@tone.example"))
        for number, each in zip(range(11), free, strict=False)
    ]
    assert [each.status_code for each in answers] == [302] * 10 + [429]
    assert "短い時間に多くのお申し込みがありました" in text(answers[-1])
    assert "新井 剛" in answers[-1].content.decode()


def test_a_mail_address_takes_five_a_day_and_refusals_do_not_count(visitor: Client, office: House) -> None:
    first = a_time(office, date(2026, 12, 17), 14)
    other = booked(office, 1, time=first)
    slot = first.slot
    assert {visitor.post(BOOK, form(slot)).status_code for _ in range(12)} == {409}
    with open_scope(office.scope):
        cancel(consultation=other)
    assert visitor.post(BOOK, form(slot)).status_code == 302
    other_slot = a_time(office, date(2026, 12, 18), 14).slot
    answers = [visitor.post(BOOK, form(other_slot)).status_code for _ in range(5)]  # each sends a mail
    assert answers == [409] * 4 + [429]


# ── A diagnosis attached ──


def test_a_diagnosis_is_attached_and_nothing_is_typed_twice(visitor: Client, office: House) -> None:
    with open_scope(office.scope):
        diagnosis = answered(office, "株式会社診断済み", office.companies["株式会社ア"])
        token = result_token(diagnosis)
    page = visitor.get(f"{BOOK}?diagnosis={token}")
    assert diagnosis.company_name in page.content.decode()
    assert "簡易診断の結果を添えて" in text(page)
    sent = form(a_time(office, date(2026, 12, 17), 14).slot, diagnosis=token)
    assert visitor.post(BOOK, sent).status_code == 302
    assert rows(office)[0].diagnosis_id == diagnosis.pk
    result = visitor.get(f"/michisuji/diagnosis/r/{token}/").content.decode()
    assert f'href="{BOOK}?diagnosis={token}"' in result


# ── The queue ──


def test_joining_the_queue_tells_the_place_and_how_it_goes_on(visitor: Client, office: House) -> None:
    fill(office)
    sent = wait_form(DECEMBER)
    page = visitor.post(WAIT, sent, follow=True)
    assert "キャンセル待ちに登録しました" in text(page)
    assert "現在1番目です" in text(page)
    assert "waitlisted arai@tone.example" in mails(office)
    again = visitor.post(WAIT, sent, follow=True)
    assert "現在1番目です" in text(again)
    with clock.stopped_at(NOW + timedelta(minutes=1)):
        other = visitor.post(WAIT, wait_form(DECEMBER, email="b@b.example"), follow=True)
    assert "現在2番目です" in text(other)
    with open_scope(office.scope):
        assert WaitlistEntry.objects.count() == 2
    assert "/consultation/w/" not in page.content.decode()


def test_who_waits_already_is_told_so(visitor: Client, office: House) -> None:
    fill(office)
    visitor.post(WAIT, wait_form(DECEMBER))
    page = visitor.post(WAIT, wait_form(DECEMBER))
    assert page.status_code == 409
    assert "すでにキャンセル待ちにご登録いただいています" in text(page)
    keeps_what_was_typed(page)


def test_where_the_queue_is_full_too_a_mail_says_more(visitor: Client, office: House) -> None:
    fill(office)
    with open_scope(office.scope):
        Desk.objects.update_or_create(defaults={"waiting_most": 0})
    page = visitor.post(WAIT, wait_form(DECEMBER))
    assert page.status_code == 409
    assert "2026年12月は、キャンセル待ちも満員です" in text(page)
    assert "2027年1月分の受付は" in text(page)
    assert "month_full arai@tone.example" in mails(office)
    with open_scope(office.scope):
        assert OpeningWish.objects.get().month == JANUARY
    keeps_what_was_typed(page)


def test_a_month_that_became_free_again_is_offered_instead(visitor: Client, office: House) -> None:
    taken = fill(office)
    sent = wait_form(DECEMBER)
    visitor.get(WAIT)
    with open_scope(office.scope):
        cancel(consultation=taken[0])
    page = visitor.post(WAIT, sent)
    assert page.status_code == 409
    assert "2026年12月には、いまご予約いただける日があります" in text(page)
    keeps_what_was_typed(page)
    assert "いまは、満席の月がありません" in text(visitor.get(WAIT))


def test_who_has_a_place_in_the_month_does_not_wait_for_it(visitor: Client, office: House) -> None:
    visitor.post(BOOK, form(a_time(office, date(2026, 12, 17), 14).slot))
    fill(office, count=3)
    page = visitor.post(WAIT, wait_form(DECEMBER))
    assert page.status_code == 409
    assert "のお申し込みを、すでに承っています" in text(page)
    assert "already_booked arai@tone.example" in mails(office)


def test_no_month_chosen_is_said_and_the_rest_kept(visitor: Client, office: House) -> None:
    fill(office)
    page = visitor.post(WAIT, wait_form())
    assert page.status_code == 422
    assert "ご希望の月を、1つ以上お選びください" in text(page)
    keeps_what_was_typed(page)


# ── Where the mail went ──


def asks(visitor: Client, office: House) -> str:
    answer = visitor.post(BOOK, form(a_time(office, date(2026, 12, 17), 14).slot))
    return str(answer.headers["Location"])


def test_the_mail_is_sent_again_after_a_minute(visitor: Client, office: House) -> None:
    url = asks(visitor, office)
    at_once = visitor.post(f"{url}again/", {"email": "arai@tone.example"})
    assert at_once.status_code == 422
    assert "1分ほどたってから" in text(at_once)
    with clock.stopped_at(NOW + timedelta(seconds=61)):
        page = visitor.post(f"{url}again/", {"email": "arai@tone.example"}, follow=True)
    assert "もう一度お送りしました" in text(page)
    assert mails(office) == ["booking_hold arai@tone.example"] * 2


def test_a_corrected_address_gets_the_mail_and_the_old_link_opens_nothing(
    visitor: Client, office: House
) -> None:
    url = asks(visitor, office)
    page = visitor.post(f"{url}again/", {"email": "takeshi@tone.example"}, follow=True)
    assert page.status_code == 200
    assert "takeshi@tone.example" in text(page)
    assert visitor.get(url).status_code == 410
    assert rows(office)[0].email == "takeshi@tone.example"


def test_a_correction_to_an_address_that_has_a_place_or_is_blocked_is_said(
    visitor: Client, office: House
) -> None:
    other = booked(office, 1)
    url = asks(visitor, office)
    page = visitor.post(f"{url}again/", {"email": other.email})
    assert page.status_code == 422
    assert "ご予約を承っています" in text(page)
    with open_scope(office.scope):
        Blocked.objects.create(address="no@no.example")
    page = visitor.post(f"{url}again/", {"email": "no@no.example"})
    assert page.status_code == 422
    assert "このメールアドレスへはお送りできません" in text(page)


def test_confirmed_and_lapsed_say_so_without_the_link_that_manages(visitor: Client, office: House) -> None:
    url = asks(visitor, office)
    with clock.stopped_at(NOW + timedelta(minutes=31)):
        lapsed = visitor.get(url)
    assert "もう一度" in text(lapsed)
    assert BOOK in lapsed.content.decode()
    with open_scope(office.scope):
        confirm(consultation=rows_here()[0])
    page = visitor.get(url)
    assert "すでに確定しています" in text(page)
    assert "/consultation/m/" not in page.content.decode()
    again = visitor.post(f"{url}again/", {"email": "arai@tone.example"})
    assert "すでに確定しています" in text(again)
    assert mails(office).count("booking_hold arai@tone.example") == 1


def rows_here() -> list[Consultation]:
    return list(Consultation.objects.all())


def test_a_tampered_link_and_one_of_another_firm_open_nothing(
    visitor: Client, office: House, aoba: House
) -> None:
    url = asks(visitor, office)
    assert visitor.get(f"{url[:-2]}x/").status_code == 410
    assert visitor.post(f"{url[:-2]}x/again/", {"email": "a@a.example"}).status_code == 410
    assert visitor.get(f"{url}again/").headers["Location"] == url
    assert visitor.get(url.replace("michisuji", "aoba")).status_code == 410


# ── The firm's own page, and a frame on its site ──


def test_the_firms_page_says_how_many_places_are_left(visitor: Client, office: House) -> None:
    fill(office, count=3)
    page = visitor.get("/michisuji/")
    assert "残り1社" in text(page)
    assert f'href="{BOOK}"' in page.content.decode()
    assert not page.cookies


def test_the_frame_sets_no_cookie_and_only_the_firms_sites_may_show_it(
    visitor: Client, office: House, aoba: House
) -> None:
    for house, site in ((office, "https://michisuji.example"), (aoba, "https://aoba.example")):
        with open_scope(house.scope):
            Desk.objects.update_or_create(defaults={"embedded_on": f"{site}\nhttps://x; script-src *"})
    page = visitor.get("/embed/michisuji/")
    policy = dict(
        part.strip().partition(" ")[::2] for part in page.headers["Content-Security-Policy"].split(";")
    )
    assert policy["frame-ancestors"] == "https://michisuji.example"
    assert policy["default-src"] == "'none'"
    assert "X-Frame-Options" not in page.headers
    assert "Set-Cookie" not in page.headers
    assert not page.cookies
    html = page.content.decode()
    assert "残り4社" in text(page)
    links = re.findall(r"<a [^>]*>", html)
    assert links
    assert all('target="_blank" rel="noopener"' in link and f'href="{BOOK}' in link for link in links)
    assert not re.search(r"<(form|nav|script)", html)


def test_without_sites_nobody_may_show_the_frame(visitor: Client, office: House) -> None:
    policy = visitor.get("/embed/michisuji/").headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert visitor.get("/embed/nobody/").status_code == 404


def test_what_ran_out_is_asked_for_again_with_what_was_typed(visitor: Client, office: House) -> None:
    with open_scope(office.scope):
        attached = answered(office, "新井")
        asked = replace(company(7), diagnosis=attached)
        held = book(id=uuid4(), slot=times(office)[20].slot, asked=asked)
    with clock.stopped_at(NOW + timedelta(hours=1)):
        page = visitor.get(f"/michisuji/consultation/m/{manage_token(held)}/again/", follow=True)
    shown = page.content.decode()
    assert all(f'value="{each}"' in shown for each in ("株式会社第7", "社長7", "owner7@c7.example"))
    assert "気になること" in shown
    assert page.context["diagnosis"] == attached


def test_nobody_waits_for_a_month_whose_last_sessions_are_too_near_to_be_offered(
    visitor: Client, office: House
) -> None:
    fill(office)
    # Closed from Tuesday, the 29th: the last session begins on Monday at 16:00.
    near = months.at(date(2026, 12, 26), time(14))
    with clock.stopped_at(near):
        assert 'name="months" value="2026-12-01"' in visitor.get(WAIT).content.decode()
    with clock.stopped_at(near + timedelta(minutes=1)):
        assert "キャンセル待ちは承っておりません" in text(visitor.get(BOOK))
        assert 'name="months" value="2026-12-01"' not in visitor.get(WAIT).content.decode()
        sent = visitor.post(WAIT, wait_form(DECEMBER))
    assert sent.status_code == 409
    assert_waits(office, 0)


def assert_waits(house: House, count: int) -> None:
    with open_scope(house.scope):
        assert WaitlistEntry.objects.waiting().count() == count


def test_the_firms_page_says_of_a_full_month_that_the_next_has_places(visitor: Client, office: House) -> None:
    fill(office)
    page = text(visitor.get("/michisuji/"))
    assert "12月は、満席です。キャンセル待ちを承ります。1月は、残り4社です" in page
