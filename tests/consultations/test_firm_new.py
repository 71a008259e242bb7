"""代理入力: the consultant on the telephone books for somebody."""

import re
from collections.abc import Callable
from datetime import date, time

import pytest
from django.test import Client

from consultations.actions.desk import update_desk
from consultations.calc import months
from consultations.models import Blocked, Consultation, WaitlistEntry
from consultations.states import State
from tenancy import clock
from tenancy.scope import open_scope
from tests.conftest import House
from tests.consultations.firm_help import NEW, by_telephone, done, read, refused, sees_assigned, templates
from tests.consultations.office import DECEMBER, JANUARY, booked, opens, times

As = Callable[[str], Client]


@pytest.fixture
def baba(as_: As) -> Client:
    return as_("馬場")


def only(house: House) -> Consultation:
    with open_scope(house.scope):
        found: Consultation = Consultation.objects.select_related("booked_by").get(origin="on_behalf")
        return found


def test_a_session_is_booked_and_confirmed_at_once(baba: Client, office: House) -> None:
    slot = times(office)[5].slot
    assert str(slot) in read(baba, NEW)
    said = by_telephone(slot=str(slot))
    for _ in range(2):
        assert "予約を確定し" in done(baba, NEW, **said)
    row = only(office)
    assert (row.state, row.booked_by, row.privacy_version) == (State.CONFIRMED, office.members["馬場"], 1)
    assert templates(office, "denwa@denwa.example") == ["booking_confirmed"]


def test_looking_at_other_days_keeps_what_was_typed_and_books_nothing(baba: Client, office: House) -> None:
    first, later = times(office)[0].slot, times(office, JANUARY)[0].slot
    assert str(later) not in read(baba, NEW)
    said = by_telephone(look="?month=2027-01", kind="both", by_phone="on", company_name="")
    its = office.companies["株式会社ア"]
    page = refused(baba, NEW, 200, **said, company=its.pk)
    assert str(later) in page
    assert str(first) not in page
    for kept in ("電話 太郎", "denwa@denwa.example", "048-111-2222", "後継ぎのこと", said["seed"]):
        assert kept in page
    for kept in (
        r'name="by_phone"[^>]* checked',
        r'name="consent"[^>]* checked',
        r'value="both"[^>]* checked',
    ):
        assert re.search(kept, page)
    assert f'value="{its.pk}" selected' in page
    assert 'class="error"' not in page
    assert 'data-unsaved="yes"' in page
    with open_scope(office.scope):
        assert not Consultation.objects.exists()


def test_the_page_stays_short_however_much_is_free(baba: Client, office: House) -> None:
    opens(office, "青木")
    with open_scope(office.scope):
        update_desk(values={"step": 15}, seen=None, actor=None)
    first = times(office)[0].day
    of_the_day = sum(each.day == first for each in times(office))
    page = read(baba, NEW)
    assert page.count('name="slot"') == of_the_day
    assert len(times(office)) > 10 * of_the_day
    assert "ほかの日を見る" in page
    assert page.count("<small>青木</small>") == page.count("<small>馬場</small>") == of_the_day / 2


def test_what_was_chosen_is_still_chosen_when_something_else_is_wrong(baba: Client, office: House) -> None:
    slot = times(office, JANUARY)[-1].slot
    assert f'value="{slot}" required checked' in refused(
        baba, NEW, 422, **by_telephone(slot=str(slot), email="")
    )


def test_a_company_is_chosen_and_known_by_its_address(baba: Client, office: House) -> None:
    its = office.companies["株式会社ア"]
    page = read(baba, f"{NEW}?company={its.pk}")
    assert 'value="chiba@a.example"' in page
    assert f'value="{its.pk}" selected' in page
    done(baba, NEW, **by_telephone(slot=str(times(office)[5].slot), company=its.pk, company_name=""))
    row = only(office)
    assert (row.company_id, row.company_name) == (its.pk, "株式会社ア")


def test_what_is_missing_is_said_and_what_was_typed_stays(baba: Client, office: House) -> None:
    slot = str(times(office)[5].slot)
    for missing, words in (
        ({"consent": ""}, "口頭で同意をいただいてから"),
        ({"slot": ""}, "ご希望の時刻をお選びください。"),
        ({"email": "だめ"}, "メールアドレスの形"),
        ({"company_name": ""}, "支援先企業をお選びください"),
        ({"by_phone": "on", "phone": ""}, "おかけする番号"),
    ):
        page = refused(baba, NEW, 422, **by_telephone(**({"slot": slot} | missing)))
        assert words in page
        assert "後継ぎのこと" in page
        assert (f'value="{slot}" required checked' in page) == ("slot" not in missing)


def test_a_full_month_offers_its_queue(baba: Client, office: House) -> None:
    free = times(office)[20]
    for number in range(4):
        booked(office, number)
    assert "2026年12月のキャンセル待ちに登録する" in read(baba, NEW)
    page = refused(baba, NEW, 409, **by_telephone(slot=str(free.slot)))
    assert "2026年12月は満席になりました。" in page
    assert "後継ぎのこと" in page
    page = done(baba, NEW, **by_telephone(do="2026-12"))
    assert "キャンセル待ちに登録しました(2026年12月、1番目)。" in page
    with open_scope(office.scope):
        assert WaitlistEntry.objects.for_month(DECEMBER).count() == 1


def test_a_full_month_whose_end_is_near_offers_no_queue(as_: As, office: House) -> None:
    for number in range(4):
        booked(office, number)
    with clock.stopped_at(months.at(date(2026, 12, 29), time(9))):
        page = read(as_("馬場"), NEW)
    assert "2026年12月のキャンセル待ち" not in page
    assert "2027年1月" in page


def test_nobody_waits_for_what_is_free(baba: Client, office: House) -> None:
    assert "空きがあります" in refused(baba, NEW, 409, **by_telephone(do="2026-12"))


def test_the_second_of_a_month_is_led_to_the_first(baba: Client, office: House) -> None:
    first = booked(office, 1)
    page = refused(
        baba, NEW, 409, **by_telephone(slot=str(times(office)[30].slot), email="owner1@c1.example")
    )
    assert "その月のご予約がすでにあります" in page
    assert f"/michisuji/consultations/{first.pk}/" in page


def test_a_blocked_address_is_refused(baba: Client, office: House) -> None:
    with open_scope(office.scope):
        Blocked.objects.create(firm=office.firm, address="@denwa.example")
    page = refused(baba, NEW, 409, **by_telephone(slot=str(times(office)[5].slot)))
    assert "受付は止められています" in page


def test_when_a_time_was_taken_meanwhile_others_near_it_are_offered(baba: Client, office: House) -> None:
    taken = times(office)[-1]
    booked(office, 1, time=taken)
    page = refused(baba, NEW, 409, **by_telephone(slot=str(taken.slot)))
    assert "たったいま埋まりました" in page
    assert str(times(office)[-1].slot) in page
    assert str(times(office)[0].slot) not in page


def test_a_time_of_nobody_here_is_gone(baba: Client, office: House) -> None:
    slot = "20261215T0100Z.11111111-1111-1111-1111-111111111111"
    assert "たったいま埋まりました" in refused(baba, NEW, 409, **by_telephone(slot=slot))


def test_who_sees_assigned_companies_chooses_among_theirs(as_: As, office: House) -> None:
    sees_assigned(office, "株式会社ア")
    baba, other = as_("馬場"), office.companies["有限会社イ"]
    page = read(baba, f"{NEW}?company={other.pk}")
    assert "株式会社ア" in page
    assert "有限会社イ" not in page
    refused(baba, NEW, 422, **by_telephone(slot=str(times(office)[5].slot), company=other.pk))
