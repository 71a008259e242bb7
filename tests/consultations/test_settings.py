"""相談の受付: what an admin sets, and nobody else."""

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import html5lib
import pytest
from django.test import Client

from consultations.actions.desk import close_days, let_consult
from consultations.forms_desk import origin_of
from consultations.free_times import closings_of_firm, month_view
from consultations.models import Blocked, Closed, ConsultationMonth, Desk, Schedule
from consultations.states import State
from tenancy.models import Trail
from tenancy.scope import open_scope
from tests.conftest import House
from tests.consultations.office import DECEMBER, JANUARY, booked, times
from tests.tenancy.test_companies import fields

As = Callable[[str], Client]
BASE = "/michisuji/settings/consultations/"


@pytest.fixture
def aoki(as_: As) -> Client:
    return as_("青木")


def desk_of(house: House) -> Desk:
    with open_scope(house.scope):
        found: Desk = Desk.objects.get()
    return found


def rules(aoki: Client, **values: str) -> dict[str, str]:
    """What the form would send."""
    page = aoki.get(BASE)
    page.content = page.content[: page.content.index(b"</form>", page.content.index(b'<form class="form"'))]
    return fields(page) | {"lead": "", "note": "", "embedded_on": ""} | values


def text(answer: Any) -> str:
    return str(answer.content.decode())


def test_it_is_the_admins_only(as_: As, office: House) -> None:
    expected = {"青木": 200, "馬場": 403, "千葉": 403, "権藤": 404, "誰か": 302}
    assert {name: as_(name).get(BASE).status_code for name in expected} == expected
    for path in ("", "people/", "months/", "closed/", "blocked/", "closed/1/remove/", "blocked/1/remove/"):
        assert as_("馬場").post(BASE + path).status_code == 403, path


def test_the_page_is_well_formed_and_stands_among_the_settings(aoki: Client, office: House) -> None:
    page = text(aoki.get(BASE))
    html5lib.HTMLParser(strict=True).parse(page)
    assert f'href="{BASE}"' in text(aoki.get("/michisuji/settings/"))


# ── The rules ──


def test_what_the_admin_sets_counts_from_now_on(aoki: Client, office: House) -> None:
    assert aoki.post(BASE, rules(aoki, cap="2", lead="お気軽に。")).status_code == 302
    assert (desk_of(office).cap, desk_of(office).lead) == (2, "お気軽に。")
    with open_scope(office.scope):
        assert month_view(DECEMBER).cap == 2


def test_with_the_first_save_the_usual_closings_become_rows(aoki: Client, office: House) -> None:
    page = text(aoki.get(BASE))
    assert "年末年始" in page
    assert "上の決まりを一度保存すると" in page
    aoki.post(BASE, rules(aoki))
    with open_scope(office.scope):
        assert [each.name for each in Closed.objects.all()] == ["夏季休業", "年末年始"]
    assert "上の決まりを一度保存すると" not in text(aoki.get(BASE))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cap", "100"),
        ("cap", "-1"),
        ("cap", "たくさん"),
        ("minutes", "10"),
        ("step", "241"),
        ("opens_on", "29"),
        ("lead", "あ" * 401),
        ("embedded_on", "http://www.example.jp"),
        ("embedded_on", "https://www.example.jp\nなにか"),
    ],
)
def test_what_cannot_be_is_said_at_its_field_and_loses_nothing(
    aoki: Client, office: House, name: str, value: str
) -> None:
    answer = aoki.post(BASE, rules(aoki, note="持ち物は要りません。") | {name: value})
    assert answer.status_code == 422
    assert f'href="#id_{name}"' in text(answer)
    assert "この値は" not in text(answer)
    assert "持ち物は要りません。" in text(answer)
    with open_scope(office.scope):
        assert not Desk.objects.exists()


def test_two_admins_at_once_do_not_overwrite_each_other(aoki: Client, office: House) -> None:
    mine = rules(aoki, lead="こちら。")
    aoki.post(BASE, rules(aoki, cap="3"))
    answer = aoki.post(BASE, mine)
    assert answer.status_code == 409
    assert "<dt>毎月の定員(社)</dt><dd>いまは「3」です</dd>" in text(answer)
    assert "こちら。" in text(answer)
    assert desk_of(office).lead == ""


def test_a_lower_cap_cancels_nothing_and_says_so(aoki: Client, office: House) -> None:
    rows = [booked(office, number) for number in range(3)]
    answer = aoki.post(BASE, rules(aoki, cap="1"), follow=True)
    assert "2026年12月は、すでに3社の枠が埋まっています。いまあるご予約は取り消されません。" in text(answer)
    with open_scope(office.scope):
        assert {type(row).objects.get(pk=row.pk).state for row in rows} == {State.CONFIRMED}
        assert month_view(DECEMBER).left == 0
    assert "定員より2社多い" in text(aoki.get(BASE))


# ── Sites that may show it ──


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("https://www.example.jp", "https://www.example.jp"),
        ("HTTPS://WWW.Example.JP/soudan/?x=1#y", "https://www.example.jp"),
        ("https://example.jp:443/", "https://example.jp"),
        ("https://example.jp:8443", "https://example.jp:8443"),
        ("https://みちすじ.example", "https://xn--78jbx3j.example"),
    ],
)
def test_a_site_is_kept_as_browsers_compare_it(typed: str, kept: str) -> None:
    assert origin_of(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "http://example.jp",
        "example.jp",
        "https://",
        "https://*.example.jp",
        "https://user@example.jp",
        "https://localhost",
        "https://127.0.0.1",
        "https://[::1]",
        "https://example.jp:99999",
        "https://example.jp; script-src *",
        "https://a b.example",
        "javascript:alert(1)",
        f"https://{'a' * 64}.example",
    ],
)
def test_what_is_no_site_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        origin_of(typed)


def test_the_code_to_embed_names_the_firm_and_the_sites_are_listed(aoki: Client, office: House) -> None:
    aoki.post(
        BASE, rules(aoki, embedded_on="https://A.example/x\r\n\r\nhttps://a.example\r\nhttps://b.example")
    )
    assert desk_of(office).sites == ["https://a.example", "https://b.example"]
    page = text(aoki.get(BASE))
    assert "&lt;iframe src=&quot;http" in page
    assert "/embed/michisuji/&quot;" in page
    assert "https://a.example、https://b.example" in page


# ── Months ──


def test_a_month_has_its_own_cap_and_gives_it_back(aoki: Client, office: House) -> None:
    aoki.post(f"{BASE}months/", {"month": "2027-01", "cap": "6"})
    with open_scope(office.scope):
        assert (month_view(JANUARY).cap, month_view(DECEMBER).cap) == (6, 4)
    aoki.post(f"{BASE}months/", {"month": "2027-01", "cap": "", "seen": "6"})
    with open_scope(office.scope):
        assert month_view(JANUARY).cap == 4


def test_a_months_cap_that_somebody_else_has_set_is_asked_again(aoki: Client, office: House) -> None:
    aoki.post(f"{BASE}months/", {"month": "2027-01", "cap": "2"})
    answer = aoki.post(f"{BASE}months/", {"month": "2027-01", "cap": "6", "seen": ""})
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "ほかの画面で、2社に変わりました" in page
    assert re.search(r'name="cap" value="6"', page)
    with open_scope(office.scope):
        assert month_view(JANUARY).cap == 2
    aoki.post(f"{BASE}months/", {"month": "2027-01", "cap": "6", "seen": "2"})
    with open_scope(office.scope):
        assert month_view(JANUARY).cap == 6


def test_who_closes_days_hears_of_sessions_that_stand_there(aoki: Client, office: House) -> None:
    day = booked(office, 1).starts_at.date()
    sent = {"closed-name": "研修", "closed-first_day": day, "closed-last_day": day}
    page = aoki.post(f"{BASE}closed/", sent, follow=True).content.decode()
    assert "すでにご予約が1件あります" in page


@pytest.mark.parametrize(
    "sent", [{"month": "2027-06", "cap": "3"}, {"month": "2026-11", "cap": "3"}, {"month": "", "cap": "3"}]
)
def test_only_this_month_and_the_next_five_are_set(aoki: Client, office: House, sent: dict[str, str]) -> None:
    assert aoki.post(f"{BASE}months/", sent).status_code == 422
    with open_scope(office.scope):
        assert not ConsultationMonth.objects.exists()


def test_a_cap_that_is_none_is_said_in_its_month(aoki: Client, office: House) -> None:
    answer = aoki.post(f"{BASE}months/", {"month": "2027-01", "cap": "-3"})
    assert answer.status_code == 422
    assert 'value="-3"' in text(answer)
    assert '<a href="#id_2027-01_cap">2027年1月の定員:0〜99の数字で入力してください。</a>' in text(answer)
    html5lib.HTMLParser(strict=True).parse(text(answer))


# ── People ──


def gives(house: House, name: str) -> bool:
    with open_scope(house.scope):
        return bool(Schedule.objects.filter(membership=house.members[name], gives=True).exists())


def test_the_admin_says_who_gives_sessions(aoki: Client, office: House) -> None:
    aoki_id, baba_id = (str(office.members[name].pk) for name in ("青木", "馬場"))
    aoki.post(f"{BASE}people/", {"gives": [aoki_id], "gave": [baba_id]})
    assert (gives(office, "青木"), gives(office, "馬場")) == (True, False)
    assert times(office) == []
    assert "毎週の時間がまだありません" in text(aoki.get(BASE))


def test_what_another_admin_chose_meanwhile_stays(aoki: Client, office: House) -> None:
    baba_id = str(office.members["馬場"].pk)
    with open_scope(office.scope):
        let_consult(member=office.members["青木"], gives=True, actor=None)
    aoki.post(f"{BASE}people/", {"gives": [baba_id], "gave": [baba_id]})  # shown before that
    assert (gives(office, "青木"), gives(office, "馬場")) == (True, True)


def test_nobody_from_elsewhere_is_made_to_consult(aoki: Client, office: House, aoba: House) -> None:
    strangers = [str(aoba.members["権藤"].pk), str(office.members["千葉"].pk), "x"]
    assert aoki.post(f"{BASE}people/", {"gives": strangers}).status_code == 302
    with open_scope(office.scope):
        assert Schedule.objects.count() == 1
    with open_scope(aoba.scope):
        assert not Schedule.objects.exists()


# ── Closed days ──


def closed(**values: str) -> dict[str, str]:
    return {f"closed-{name}": value for name, value in values.items()}


def test_on_a_closed_day_nothing_is_free_and_reopened_it_is(aoki: Client, office: House) -> None:
    tenth = date(2026, 12, 10)
    assert any(each.day == tenth for each in times(office))
    aoki.post(f"{BASE}closed/", closed(name="創立記念日", first_day="2026-12-10"))
    assert not any(each.day == tenth for each in times(office))
    with open_scope(office.scope):
        assert len(closings_of_firm()) == 3  # the usual ones stay
        row = Closed.objects.get(name="創立記念日")
    aoki.post(f"{BASE}closed/{row.pk}/remove/")
    assert any(each.day == tenth for each in times(office))


@pytest.mark.parametrize(
    ("sent", "at"),
    [
        ({"name": "", "first_day": "2026-12-10"}, "name"),
        ({"name": "休み", "first_day": ""}, "first_day"),
        ({"name": "休み", "first_day": "2026-12-01"}, "first_day"),
        ({"name": "休み", "first_day": "2026-12-10", "last_day": "2026-12-09"}, "last_day"),
        ({"name": "休み", "first_day": "2026-12-10", "last_day": "2028-12-09"}, "last_day"),
    ],
)
def test_days_that_cannot_be_closed_are_said_at_their_field(
    aoki: Client, office: House, sent: dict[str, str], at: str
) -> None:
    answer = aoki.post(f"{BASE}closed/", closed(**sent))
    assert answer.status_code == 422
    assert f'href="#id_closed-{at}"' in text(answer)
    with open_scope(office.scope):
        assert not Closed.objects.exists()


def test_what_closes_every_year_may_have_begun_in_the_past(aoki: Client, office: House) -> None:
    sent = closed(name="創立記念日", first_day="2020-12-10", every_year="on")
    for _ in range(2):
        assert aoki.post(f"{BASE}closed/", sent).status_code == 302
    with open_scope(office.scope):
        assert Closed.objects.filter(first_day__day=10).count() == 1
    assert not any(each.day == date(2026, 12, 10) for each in times(office))
    assert "毎年 12月10日" in text(aoki.get(BASE))


# ── Blocked addresses ──


def test_an_address_is_blocked_once_and_let_in_again(aoki: Client, office: House) -> None:
    for _ in range(2):
        aoki.post(f"{BASE}blocked/", {"blocked-address": " @Spam.example ", "blocked-reason": "営業"})
    with open_scope(office.scope):
        row = Blocked.objects.get()
    assert row.address == "@spam.example"
    aoki.post(f"{BASE}blocked/{row.pk}/remove/")
    with open_scope(office.scope):
        assert not Blocked.objects.exists()


def test_a_newer_reason_is_kept_and_no_reason_takes_none_away(aoki: Client, office: House) -> None:
    for reason in ("営業", "いたずら", "", "いたずら"):
        aoki.post(f"{BASE}blocked/", {"blocked-address": "@spam.example", "blocked-reason": reason})
    with open_scope(office.scope):
        row = Blocked.objects.get()
        acts = {act.act: act.changes for act in Trail.objects.of(row)}
        assert Trail.objects.of(row).count() == 2
    assert list(acts["update.blocked"]) == ["reason"]
    assert row.reason == "いたずら"
    assert "受付を止めた宛先について変えました(理由)" in text(aoki.get(BASE))


def blocks(house: House, count: int) -> None:
    with open_scope(house.scope):
        Blocked.objects.bulk_create(
            Blocked(
                firm=house.firm, address=f"n{number:04}@spam.example", reason="営業" if number < 30 else ""
            )
            for number in range(count)
        )


def test_of_many_blocked_addresses_the_newest_stand_there_and_others_are_found(
    aoki: Client, office: House
) -> None:
    blocks(office, 2000)
    page = text(aoki.get(BASE))
    assert page.count("@spam.example</h3>") == 20
    assert "n1999@spam.example" in page
    assert "止めている2000件のうち、新しく加えた20件です。" in page
    page = text(aoki.get(BASE, {"blocked": "N0003 spam"}))
    assert page.count("@spam.example</h3>") == 1
    assert "「N0003 spam」に当たる宛先は1件です。" in page
    page = text(aoki.get(BASE, {"blocked": "営業"}))
    assert "当たる宛先は30件です。新しく加えた20件をお示ししています。" in page
    html5lib.HTMLParser(strict=True).parse(page)
    assert "当たる宛先は0件です。" in text(aoki.get(BASE, {"blocked": "だれも%\0"}))


def test_few_blocked_addresses_need_no_search(aoki: Client, office: House) -> None:
    blocks(office, 20)
    page = text(aoki.get(BASE))
    assert page.count("@spam.example</h3>") == 20
    assert 'name="blocked"' not in page


@pytest.mark.parametrize("address", ["", "spam", "@", "@spam", "a@b@c.example", "@a b.example"])
def test_what_is_no_address_is_refused(aoki: Client, office: House, address: str) -> None:
    answer = aoki.post(f"{BASE}blocked/", {"blocked-address": address, "blocked-reason": "理由"})
    assert answer.status_code == 422
    assert 'value="理由"' in text(answer)


def test_another_firms_rows_are_not_there(as_: As, office: House, aoba: House) -> None:
    with open_scope(aoba.scope):
        day = date(2026, 12, 10)
        row = close_days(name="休み", first_day=day, last_day=day, every_year=False, actor=None)
    answers = [as_("青木").post(f"{BASE}closed/{each}/remove/") for each in (row.pk, 10**9)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content


def test_a_get_of_a_form_s_address_leads_to_the_page(aoki: Client, office: House) -> None:
    for path in ("people/", "months/", "closed/", "blocked/"):
        answer = aoki.get(BASE + path)
        assert (answer.status_code, answer.headers["Location"]) == (302, BASE)


def test_who_changed_what_stands_on_the_page(aoki: Client, office: House) -> None:
    aoki.post(BASE, rules(aoki, cap="3"))
    assert "青木:相談の受付の決まりを変えました" in text(aoki.get(BASE))
