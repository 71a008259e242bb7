"""自分の予定表: when a consultant gives sessions, as they set it themselves."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import html5lib
import pytest
from django.test import Client

from consultations.actions.booking import cancel
from consultations.actions.desk import CALENDAR, subscribe, update_desk
from consultations.actions.firm import say_where
from consultations.addresses import FEED
from consultations.calendars.problems import Reason
from consultations.models import DayException, OutsideBusy, OutsideCalendar, Schedule, Task, Weekly
from notices.models import Mail
from tenancy import clock
from tenancy.links import read_token
from tenancy.models import Due
from tenancy.scope import open_scope
from tests.conftest import House
from tests.consultations.office import MEETING, NOW, a_time, booked, company, times
from tests.tenancy.test_companies import fields

As = Callable[[str], Client]
BASE = "/michisuji/consultations/schedule/"
ICS = "https://calendar.example/private-0123456789/basic.ics"


@pytest.fixture
def baba(as_: As) -> Client:
    return as_("馬場")


def text(answer: Any) -> str:
    return str(answer.content.decode())


def own(house: House, name: str = "馬場") -> Schedule:
    with open_scope(house.scope):
        found: Schedule = Schedule.objects.get(membership=house.members[name])
    return found


def week(house: House, name: str = "馬場") -> list[str]:
    with open_scope(house.scope):
        rows = Weekly.objects.filter(schedule__membership=house.members[name])
        return [f"{row.weekday} {row.starts:%H:%M}-{row.ends:%H:%M}" for row in rows]


def shown(baba: Client, action: str) -> dict[str, str]:
    """What the form that goes to `action` would send."""
    page = baba.get(BASE)
    html = text(page)
    at = html.rindex("<form", 0, html.index(f'action="{BASE}{action}'))
    page.content = html[at : html.index("</form>", at)].encode()
    return fields(page)


def typed_week(baba: Client, **hours: str) -> dict[str, str]:
    """The week as shown, with `d0p1="13:00-15:00"` typed into it."""
    sent = shown(baba, "hours/")
    for name, span in hours.items():
        sent[f"{name}-from"], _, sent[f"{name}-until"] = span.partition("-")
    return sent


def test_it_is_of_those_who_work_for_the_firm(as_: As, office: House) -> None:
    expected = {"青木": 200, "馬場": 200, "千葉": 403, "江口": 403, "権藤": 404, "誰か": 302}
    assert {name: as_(name).get(BASE).status_code for name in expected} == expected
    for path in ("", "hours/", "exceptions/", "exceptions/1/remove/", "calendar/", "feed/"):
        assert as_("千葉").post(BASE + path).status_code == 403, path


def test_looking_writes_nothing(as_: As, office: House) -> None:
    page = text(as_("青木").get(BASE))
    html5lib.HTMLParser(strict=True).parse(page)
    with open_scope(office.scope):
        assert not Schedule.objects.filter(membership=office.members["青木"]).exists()


def test_the_page_is_well_formed_with_all_that_can_stand_on_it(baba: Client, office: House) -> None:
    booked(office, 1)
    with open_scope(office.scope):
        subscribe(schedule=own(office), url=ICS, actor=None)
        Weekly.objects.all().delete()
    html5lib.HTMLParser(strict=True).parse(text(baba.get(BASE)))


# ── Who gives sessions ──


def test_who_does_not_give_sessions_yet_is_told_who_decides(as_: As, michisuji: House) -> None:
    told = text(as_("馬場").get(BASE))
    assert "まだ、相談を受ける人になっていません" in told
    assert "管理者に" in told
    assert as_("馬場").post(BASE, {"gives": "yes"}).status_code == 403
    with open_scope(michisuji.scope):
        assert not Schedule.objects.filter(gives=True).exists()


def test_an_admin_switches_it_on_here(as_: As, michisuji: House) -> None:
    assert "自分も相談を受ける" in text(as_("青木").get(BASE))
    as_("青木").post(BASE, {"gives": "yes"})
    assert own(michisuji, "青木").gives
    assert "まだ、相談を受ける人になっていません" not in text(as_("青木").get(BASE))


# ── The week ──


def test_a_day_has_as_many_hours_as_are_typed(baba: Client, office: House) -> None:
    sent = typed_week(baba, d0p0="10:00-12:00", d0p1="13:00-15:00", d5p0="9:00-24:00", d1p0="-")
    assert baba.post(f"{BASE}hours/", sent).status_code == 302
    assert week(office) == [
        "0 10:00-12:00",
        "0 13:00-15:00",
        *[f"{day} 10:00-17:00" for day in (2, 3, 4)],
        "5 09:00-00:00",
    ]
    assert 'value="24:00"' in text(baba.get(BASE))


def test_one_more_pair_keeps_what_was_typed_and_saves_nothing(baba: Client, office: House) -> None:
    before = week(office)
    page = baba.post(f"{BASE}hours/", typed_week(baba, d0p1="18:00-20:00") | {"more": "0"})
    assert page.status_code == 200
    assert 'name="d0p2-from"' in text(page)
    assert 'name="d1p2-from"' not in text(page)
    assert 'value="18:00"' in text(page)
    assert "まだ保存されていません" in text(page)
    assert week(office) == before


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("10:00-12:00", "11:00-13:00", "ほかの時間と重なっています。"),
        ("10:00-24:00", "11:00-13:00", "ほかの時間と重なっています。"),
        ("10:00-12:00", "15:00-13:00", "「まで」は「から」より後の時刻にしてください。"),
        ("10:00-12:00", "13:00-13:00", "「まで」は「から」より後の時刻にしてください。"),
        ("10:00-12:00", "13:00-", "「から」と「まで」の両方を入力してください。"),
        ("10:00-12:00", "13時-25:00", "時刻は「13:30」の形で入力してください。"),
    ],
)
def test_what_is_wrong_is_said_at_its_pair_and_nothing_is_lost(
    baba: Client, office: House, first: str, second: str, said: str
) -> None:
    before = week(office)
    page = baba.post(f"{BASE}hours/", typed_week(baba, d0p0=first, d0p1=second, d6p0="08:00-09:00"))
    assert page.status_code == 422
    assert f'<a href="#d0p1-from">月曜日:{said}</a>' in text(page)
    assert 'id="d0p1-error"' in text(page)
    assert f'value="{second.partition("-")[0]}"' in text(page)
    assert 'value="08:00"' in text(page)
    assert week(office) == before


def test_hours_that_only_touch_do_not_overlap(baba: Client, office: House) -> None:
    sent = typed_week(baba, d0p0="10:00-12:00", d0p1="12:00-13:00")
    assert baba.post(f"{BASE}hours/", sent).status_code == 302


def test_another_window_does_not_undo_the_week(baba: Client, office: House) -> None:
    mine = typed_week(baba, d6p0="10:00-12:00")
    baba.post(f"{BASE}hours/", typed_week(baba, d5p0="10:00-12:00"))
    page = baba.post(f"{BASE}hours/", mine)
    assert page.status_code == 409
    assert "ほかの変更を保存しました" in text(page)
    assert "5 10:00-12:00" in week(office)
    assert "6 10:00-12:00" not in week(office)
    again = baba.post(
        f"{BASE}hours/", mine | {"seen": text(page).split('name="seen" value="')[1].split('"')[0]}
    )
    assert again.status_code == 302
    assert "6 10:00-12:00" in week(office)


def test_a_session_outside_new_hours_is_kept_and_shown(baba: Client, office: House) -> None:
    row = booked(office, 1, time=a_time(office, date(2026, 12, 15), 10))
    assert "受ける時間の外にあるご予約" not in text(baba.get(BASE))
    baba.post(f"{BASE}hours/", typed_week(baba, d1p0="13:00-17:00"))
    page = text(baba.get(BASE))
    assert "受ける時間の外にあるご予約" in page
    assert f"/michisuji/consultations/{row.pk}/" in page
    with open_scope(office.scope):
        row.refresh_from_db()
        assert row.state == "confirmed"
        cancel(consultation=row)
    assert "受ける時間の外にあるご予約" not in text(baba.get(BASE))


# ── How sessions are taken ──


def test_the_usual_ways_are_kept(baba: Client, office: House) -> None:
    values = {"fields_of_work": "事業承継", "notice_hours": "48", "phone": "048-000-0000"}
    assert baba.post(BASE, shown(baba, '" ') | values).status_code == 302
    row = own(office)
    assert (row.fields_of_work, row.notice_hours, row.phone) == ("事業承継", 48, "048-000-0000")
    assert row.meeting_url == MEETING
    assert times(office)[0].starts >= NOW + timedelta(hours=48)


def test_who_comes_by_the_usual_way_is_told_when_there_is_one_and_when_it_is_another(
    baba: Client, office: House
) -> None:
    baba.post(BASE, shown(baba, '" ') | {"meeting_url": ""})
    booked(office, 1)
    by_the_way = booked(office, 2)
    with open_scope(office.scope):
        url = "https://meet.example/once"
        say_where(consultation=by_the_way, url=url, phone="", actor=office.members["馬場"])
        assert Task.objects.open().count() == 1
    for usual in ("https://meet.example/baba", "https://meet.example/other"):
        baba.post(BASE, shown(baba, '" ') | {"meeting_url": usual})
        baba.post(BASE, shown(baba, '" ') | {"fields_of_work": usual[-5:]})
    with open_scope(office.scope):
        told = [each.body for each in Mail.objects.filter(to=company(1).email, template="booking_meeting")]
        assert [sum(usual in each for each in told) for usual in ("/baba", "/other")] == [1, 1]
        assert Mail.objects.filter(to=company(2).email, template="booking_meeting").count() == 1
        assert not Task.objects.open().exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("meeting_url", "http://meet.example/x"),
        ("meeting_url", "javascript:alert(1)"),
        ("meeting_url", "会議"),
        ("phone", "よやく"),
        ("buffer", "241"),
        ("notice_hours", "-1"),
        ("horizon_days", "181"),
        ("fields_of_work", "あ" * 61),
    ],
)
def test_ways_that_cannot_be_are_said_at_their_field(
    baba: Client, office: House, name: str, value: str
) -> None:
    page = baba.post(BASE, shown(baba, '" ') | {"fields_of_work": "値決め", name: value})
    assert page.status_code == 422
    assert f'href="#id_{name}"' in text(page)
    assert name == "fields_of_work" or 'value="値決め"' in text(page)
    assert own(office).fields_of_work == ""


def test_two_windows_do_not_overwrite_each_other(baba: Client, office: House) -> None:
    mine = shown(baba, '" ') | {"fields_of_work": "こちら"}
    baba.post(BASE, shown(baba, '" ') | {"phone": "048-111-1111"})
    page = baba.post(BASE, mine)
    assert page.status_code == 409
    assert "いまは「048-111-1111」です" in text(page)
    assert 'value="こちら"' in text(page)


# ── Days that are otherwise ──


def exception(**values: str) -> dict[str, str]:
    sent = {
        "is_open": "closed",
        "first_day": "2026-12-15",
        "last_day": "",
        "starts": "",
        "ends": "",
        "reason": "",
    }
    return {f"exception-{name}": value for name, value in (sent | values).items()}


def days(house: House) -> set[date]:
    return {each.day for each in times(house)}


def test_a_day_away_closes_it_and_taken_back_opens_it(baba: Client, office: House) -> None:
    day = date(2026, 12, 15)
    for _ in range(2):  # the same button twice
        assert baba.post(f"{BASE}exceptions/", exception(reason="研修")).status_code == 302
    assert day not in days(office)
    assert "研修" in text(baba.get(BASE))
    with open_scope(office.scope):
        row = DayException.objects.get()
    baba.post(f"{BASE}exceptions/{row.pk}/remove/")
    assert day in days(office)


def test_a_part_of_a_day_and_a_day_besides_the_week(baba: Client, office: House) -> None:
    baba.post(f"{BASE}exceptions/", exception(starts="10:00", ends="16:00"))
    assert [each.starts.hour for each in times(office) if each.day == date(2026, 12, 15)] == [16]
    saturday = exception(is_open="open", first_day="2026-12-19", starts="10:00", ends="11:00")
    baba.post(f"{BASE}exceptions/", saturday)
    assert date(2026, 12, 19) in days(office)


@pytest.mark.parametrize(
    ("values", "at"),
    [
        ({"first_day": ""}, "first_day"),
        ({"first_day": "2026-12-06"}, "first_day"),
        ({"first_day": "2026-12-20", "last_day": "2026-12-19"}, "last_day"),
        ({"first_day": "2026-12-20", "last_day": "2028-12-19"}, "last_day"),
        ({"starts": "10:00"}, "ends"),
        ({"ends": "10:00"}, "starts"),
        ({"starts": "12:00", "ends": "10:00"}, "ends"),
        ({"starts": "よる"}, "starts"),
        ({"is_open": "open"}, "starts"),
        ({"is_open": "maybe"}, "is_open"),
        ({"reason": "あ" * 101}, "reason"),
    ],
)
def test_days_that_cannot_be_are_said_at_their_field(
    baba: Client, office: House, values: dict[str, str], at: str
) -> None:
    page = baba.post(f"{BASE}exceptions/", exception(**values))
    assert page.status_code == 422
    assert f'href="#id_exception-{at}' in text(page)
    with open_scope(office.scope):
        assert not DayException.objects.exists()


def test_an_exception_that_is_over_is_not_listed_any_more_and_the_page_says_so(
    as_: As, office: House
) -> None:
    as_("馬場").post(f"{BASE}exceptions/", exception(last_day="2026-12-16", reason="研修"))
    with clock.stopped_at(NOW + timedelta(days=9)):
        assert "研修" in text(as_("馬場").get(BASE))
    with clock.stopped_at(NOW + timedelta(days=10)):
        page = text(as_("馬場").get(BASE))
    assert "研修" not in page
    assert "過ぎた日は、ここには出ません。" in page


def test_another_consultants_exception_is_not_there(as_: As, office: House) -> None:
    as_("馬場").post(f"{BASE}exceptions/", exception())
    with open_scope(office.scope):
        row = DayException.objects.get()
    answers = [as_("青木").post(f"{BASE}exceptions/{each}/remove/") for each in (row.pk, 10**9)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content


def test_holidays_and_closings_of_the_next_weeks_are_listed(baba: Client, office: House) -> None:
    page = text(baba.get(BASE))
    for name in ("年末年始", "元日", "成人の日"):
        assert name in page
    assert "建国記念の日" not in page  # 66 days ahead


# ── Calendars ──


def calendar_of(house: House) -> OutsideCalendar | None:
    with open_scope(house.scope):
        found: OutsideCalendar | None = OutsideCalendar.objects.first()
    return found


def due_rows(house: House) -> int:
    return int(Due.objects.filter(kind=CALENDAR, firm_id=house.firm.pk).count())


@pytest.mark.parametrize("typed", [ICS, f" {ICS} ", ICS.replace("https", "webcal")])
def test_a_calendar_is_read_at_once_and_its_address_shown_to_nobody(
    baba: Client, office: House, typed: str
) -> None:
    assert baba.post(f"{BASE}calendar/", {"calendar-url": typed}).status_code == 302
    found = calendar_of(office)
    assert found is not None
    assert (found.url, due_rows(office)) == (ICS, 1)
    page = text(baba.get(BASE))
    assert "https://calendar.example/…" in page
    assert "private-0123456789" not in page


@pytest.mark.parametrize("typed", ["", "http://calendar.example/x.ics", "ftp://a.example/", "x", "https://"])
def test_what_is_no_https_address_is_refused(baba: Client, office: House, typed: str) -> None:
    page = baba.post(f"{BASE}calendar/", {"calendar-url": typed})
    assert page.status_code == 422
    assert 'href="#id_calendar-url"' in text(page)
    assert calendar_of(office) is None


def test_why_it_could_not_be_read_stands_there_in_words(baba: Client, office: House) -> None:
    baba.post(f"{BASE}calendar/", {"calendar-url": ICS})
    with open_scope(office.scope):
        for kept in (Reason.NOT_FOUND.name, Reason.NOT_FOUND.value):
            OutsideCalendar.objects.update(problem=kept)
    assert Reason.NOT_FOUND.label in text(baba.get(BASE))


def test_it_is_read_again_when_asked(baba: Client, office: House) -> None:
    baba.post(f"{BASE}calendar/", {"calendar-url": ICS})
    Due.objects.filter(kind=CALENDAR).update(due_at=NOW + timedelta(minutes=15))
    baba.post(f"{BASE}calendar/", {"do": "read"})
    assert Due.objects.get(kind=CALENDAR).due_at == NOW


def test_it_ends_after_asking_and_its_times_are_free(baba: Client, office: House) -> None:
    baba.post(f"{BASE}calendar/", {"calendar-url": ICS})
    first = times(office)[0]
    with open_scope(office.scope):
        OutsideBusy.objects.create(schedule=own(office), starts_at=first.starts, ends_at=first.ends)
    assert first not in times(office)
    asks = text(baba.get(f"{BASE}calendar/?remove"))
    assert "読み込みをやめますか" in asks
    assert calendar_of(office) is not None
    baba.post(f"{BASE}calendar/", {"do": "remove"})
    assert calendar_of(office) is None
    assert due_rows(office) == 0
    assert first in times(office)


def test_the_feed_has_an_address_and_a_new_one_ends_the_old(baba: Client, office: House) -> None:
    def link() -> Any:
        page = text(baba.get(BASE))
        return read_token(FEED, page.split("/michisuji/consultation/feed/")[1].split("/")[0])

    before = link()
    assert (before.id, before.version) == (own(office).pk, own(office).feed_version)
    assert "作りなおしますか" in text(baba.get(f"{BASE}feed/"))
    assert link() == before
    baba.post(f"{BASE}feed/")
    assert link().is_version(own(office).feed_version)
    assert not before.is_version(own(office).feed_version)


# ── What everybody sees of it ──


def test_the_preview_shows_what_can_be_booked_in_two_weeks(baba: Client, office: House) -> None:
    first = times(office)[0]
    booked(office, 1, time=first)
    page = text(baba.get(BASE))
    part = page[page.index('id="free"') : page.index('id="ways"')]
    assert "2026年12月8日(火)" in part
    assert "11:00–12:00" in part
    assert part.count("10:00–11:00") == 8  # of nine weekdays from the 8th to the 20th, all but the first
    assert "12月21日" not in part


def test_a_month_that_cannot_be_booked_yet_is_not_in_the_preview(as_: As, office: House) -> None:
    with open_scope(office.scope):
        update_desk(values={"opens_on": 20}, seen=None, actor=None)
    with clock.stopped_at(NOW + timedelta(days=17)):  # 24 December, four days after January opened
        assert "2027年1月4日" in text(as_("馬場").get(BASE))
        with open_scope(office.scope):
            update_desk(values={"opens_on": 28}, seen=None, actor=None)
        assert "2027年1月4日" not in text(as_("馬場").get(BASE))
        with open_scope(office.scope):
            update_desk(values={"is_open": False}, seen=None, actor=None)
        assert "会社全体の受付を止めています" in text(as_("馬場").get(BASE))


def test_a_get_of_a_form_s_address_leads_to_the_page(baba: Client, office: House) -> None:
    for path in ("hours/", "exceptions/", "calendar/"):
        answer = baba.get(BASE + path)
        assert (answer.status_code, answer.headers["Location"]) == (302, BASE)
    assert baba.get(f"{BASE}exceptions/{uuid4().int % 10**9}/remove/").status_code == 404
