"""The ways of a session that begin with a mail, on a phone: a full month, a turn, an offer; and giving back."""

from collections.abc import Callable
from datetime import date, timedelta
from uuid import uuid4

import pytest

from consultations.actions.booking import book
from consultations.actions.waiting import join
from consultations.calc import months
from consultations.free_times import FreeTime, free_times, month_views, this_and_next
from consultations.models import Consultation, WaitlistEntry
from consultations.states import State
from notices.models import Mail
from tenancy import clock
from tenancy.scope import open_scope
from tests.conftest import House
from tests.consultations.office import company, opens
from tests.journeys.conftest import DESK, PHONE, Person

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Someone = Callable[..., Person]


@pytest.fixture
def office(michisuji: House) -> House:
    opens(michisuji)
    return michisuji


def an_open_month() -> date:
    """The next month, or this one where the next cannot be booked yet: either has whole weeks to come."""
    views = [each for each in month_views(this_and_next()) if each.is_open]
    return views[-1].month


def far_ahead(month: date) -> list[FreeTime]:
    """Times that can still be changed, cancelled and offered."""
    first = max(month, clock.today() + timedelta(days=5))
    return free_times(first, months.last_day(month))


def a_full_month(house: House) -> list[Consultation]:
    """Four companies have a session, at different hours."""
    with open_scope(house.scope):
        times = far_ahead(an_open_month())
        return [
            book(id=uuid4(), slot=times[number * 2].slot, asked=company(number), confirmed=True)
            for number in range(4)
        ]


def waits(house: House, number: int) -> WaitlistEntry:
    with open_scope(house.scope):
        return join(id=uuid4(), wanted=[an_open_month()], asked=company(number))


def link_in(house: House, number: int, template: str) -> str:
    """The address in that company's newest mail of the kind."""
    with open_scope(house.scope):
        mail = Mail.objects.filter(to=company(number).email, template=template).latest("created_at")
    return next(word for word in mail.body.split() if "/consultation/" in word)


def state_of(house: House, row: Consultation) -> str:
    with open_scope(house.scope):
        return str(Consultation.objects.get(pk=row.pk).state)


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_a_full_month_then_a_turn_an_offer_and_a_session(someone: Someone, office: House, width: int) -> None:
    rows = a_full_month(office)
    waits(office, 10)
    waiting = someone(width)
    waiting.open(link_in(office, 10, "waitlisted"))
    assert waiting.reads("1番目")

    goes = someone(width, dark=True)
    goes.open(link_in(office, 0, "booking_confirmed"))
    assert goes.reads("ご予約は確定しています")
    goes.press("予約を取り消す")
    goes.press("予約を取り消す")
    assert goes.reads("ご予約を取り消しました")
    assert state_of(office, rows[0]) == State.CANCELLED

    waiting.page.reload()
    assert waiting.reads("ご案内中の枠")
    waiting.open(link_in(office, 10, "offered"))
    waiting.press("この日時で予約する")
    assert waiting.reads("ご予約は確定しています")
    waiting.press("お電話番号・気になることを書き足す")
    waiting.page.get_by_label("気になること").fill("値上げの伝え方")
    waiting.press("保存する")
    assert waiting.reads("値上げの伝え方")
    with waiting.page.expect_download() as download:
        waiting.page.get_by_role("link", name="カレンダーに入れる").click()
    assert download.value.path().read_bytes().startswith(b"BEGIN:VCALENDAR")


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_a_place_given_back_goes_from_one_to_the_next(someone: Someone, office: House, scripts: bool) -> None:
    rows = a_full_month(office)
    first, second = waits(office, 10), waits(office, 11)
    goes = someone(PHONE, scripts=scripts)
    goes.open(link_in(office, 2, "booking_confirmed"))
    goes.press("日時を変える")
    goes.page.locator("input[name=slot]").last.check()
    goes.press("この日時に変える")
    assert goes.reads("日時を変更しました")
    goes.press("予約を取り消す")
    goes.press("予約を取り消す")
    assert state_of(office, rows[2]) == State.CANCELLED

    passes = someone(PHONE, scripts=scripts)
    passes.open(link_in(office, 10, "offered"))
    passes.press("見送って、待ち続ける")
    assert passes.reads("今回のご案内は見送られました")
    passes.press("いまの順番を見る")
    assert passes.reads("2番目")

    takes = someone(PHONE, scripts=scripts)
    takes.open(link_in(office, 11, "offered"))
    takes.press("同じ月のほかの日時を選ぶ")
    takes.page.locator("input[name=slot]").last.check()
    takes.press("この日時で予約する")
    assert takes.reads("ご予約は確定しています")
    passes.page.reload()
    passes.press("キャンセル待ちを取り消す")
    passes.press("取り消す")
    assert passes.reads("キャンセル待ちを取り消しました")
    with open_scope(office.scope):
        first.refresh_from_db()
        second.refresh_from_db()
    assert (first.state, second.state) == (WaitlistEntry.State.LEFT, WaitlistEntry.State.BOOKED)


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_an_owner_books_from_the_own_home(someone: Someone, office: House, width: int) -> None:
    owner = someone(width)
    owner.enter(office.people["千葉"])
    owner.open(f"/michisuji/companies/{office.companies['株式会社ア'].pk}/home/")
    owner.press("空いている日を見る")
    owner.page.locator("input[name=slot]").first.check()
    owner.page.locator("input[name=kind]").first.check()
    owner.page.get_by_label("気になること").first.fill("値上げの伝え方")
    owner.press("この日時で予約する")
    assert owner.reads("ご予約が確定しました")
    owner.press("オンライン相談・壁打ち")
    assert owner.reads("これからの相談")
