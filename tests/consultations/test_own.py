"""A company's own people: what they see of their sessions, and how an owner books without retyping."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from consultations.actions.asking import Asked
from consultations.actions.booking import book, cancel
from consultations.actions.firm import agree, mark, send_summary, tick, write_note
from consultations.addresses import manage_token
from consultations.free_times import month_view
from consultations.models import Consultation, WaitlistEntry
from consultations.states import State
from notices.models import Mail
from tenancy import clock
from tenancy.links import make_token
from tenancy.scope import open_scope
from tests.conftest import House
from tests.consultations.office import DECEMBER, JANUARY, MEETING, NOW, booked, times
from tests.things import answered, session_of

As = Callable[[str], Client]


def at(house: House, name: str, *more: object, company: str = "株式会社ア") -> str:
    return reverse(f"consultations:{name}", args=["michisuji", house.companies[company].pk, *more])


def a_seed() -> str:
    return make_token("consultations.form", uuid4(), 1, since=NOW - timedelta(hours=1))


def sends(client: Client, house: House, **data: object) -> HttpResponse:
    typed = {"act": "book", "kind": "advice", "topic": "値上げの伝え方", "seed": a_seed(), **data}
    return client.post(at(house, "own_book"), typed)  # type: ignore[return-value]


def session(house: House, company: str = "株式会社ア", time: int = 60) -> Consultation:
    """That company has a session, booked by itself."""
    with open_scope(house.scope):
        its = house.companies[company]
        asked = Asked(its.name, "千葉", f"c{its.pk}@a.example", topic="値上げの伝え方", company=its)
        return book(id=uuid4(), slot=times(house)[time].slot, asked=asked, confirmed=True)


def words(answer: Any) -> str:
    return str(answer.content.decode())


def test_an_owner_looks_at_another_month_and_keeps_what_was_typed(office: House, as_: As) -> None:
    client, seed = as_("千葉"), a_seed()
    page = words(sends(client, office, look="?month=2027-01", kind="both", topic="採用の話", seed=seed))
    assert "2027年1月6日" in page
    assert "2026年12月9日" not in page
    assert "採用の話" in page
    assert seed in page
    assert re.search(r'value="both"[^>]*checked', page)
    assert 'class="error"' not in page
    with open_scope(office.scope):
        assert Consultation.objects.count() == 0


def test_an_owner_books_with_a_time_and_nothing_typed_again(office: House, as_: As) -> None:
    client, time = as_("千葉"), times(office)[-1]
    with open_scope(office.scope):
        diagnosis = answered(office, "千葉", office.companies["株式会社ア"])
    page = words(client.get(at(office, "own_book")))
    assert "株式会社ア 千葉 様として予約します" in page
    assert "company_name" not in page
    assert f'value="{diagnosis.pk}" selected' in page
    seed = a_seed()
    for _ in range(2):
        answer = sends(client, office, slot=str(time.slot), seed=seed, diagnosis=str(diagnosis.pk))
        assert answer.status_code == 302
    with open_scope(office.scope):
        made = Consultation.objects.with_people().select_related("booked_by").get()
        mails = Mail.objects.filter(to="chiba@a.example", template="booking_confirmed").count()
    assert answer["Location"] == at(office, "own_detail", made.pk)
    assert (made.state, made.origin, made.starts_at) == (State.CONFIRMED, "owner", time.starts)
    assert (made.company, made.email, made.contact_name) == (
        office.companies["株式会社ア"],
        "chiba@a.example",
        "千葉",
    )
    assert (made.booked_by, made.diagnosis, mails) == (office.members["千葉"], diagnosis, 1)


def test_a_second_session_of_the_month_is_refused_kindly(office: House, as_: As) -> None:
    client = as_("千葉")
    session(office)
    answer = sends(client, office, slot=str(times(office)[-1].slot))
    assert answer.status_code == 409
    assert "すでに承っています" in words(answer)
    assert "値上げの伝え方" in words(answer)
    page = words(client.get(at(office, "own_book")))
    assert "2026年12月は、すでにご予約いただいています" in page
    assert all(str(each.slot) not in page for each in times(office))


def test_a_time_that_somebody_took_meanwhile_keeps_what_was_typed(office: House, as_: As) -> None:
    client, time = as_("千葉"), times(office)[-1]
    booked(office, 2, time=time)
    answer = sends(client, office, slot=str(time.slot))
    assert answer.status_code == 409
    assert "値上げの伝え方" in words(answer)
    assert sends(client, office).status_code == 422
    assert sends(client, office, slot=str(times(office)[-1].slot), seed="x").status_code == 422


def test_when_a_month_is_full_the_owner_joins_its_queue(office: House, as_: As) -> None:
    client = as_("千葉")
    for number in range(4):
        booked(office, number)
    page = words(client.get(at(office, "own_book")))
    assert "12月の受付は満席です" in page
    assert f"{JANUARY:%Y-%m}" not in page.split('id="full"')[1]
    data = {"act": "wait", "months": ["2026-12-01"], "slot": ""}
    assert sends(client, office, months=[], act="wait").status_code == 422
    assert sends(client, office, **data).status_code == 302
    with open_scope(office.scope):
        entry = WaitlistEntry.objects.get()
    assert (entry.company_id, entry.wanted) == (office.companies["株式会社ア"].pk, [DECEMBER])
    assert "1番目" in words(client.get(at(office, "of_company")))
    again = sends(client, office, **data)
    assert again.status_code == 409
    assert "すでにキャンセル待ち" in words(again)


def test_a_month_that_fills_up_between_page_and_click_offers_the_queue(office: House, as_: As) -> None:
    client, time = as_("千葉"), times(office)[-1]
    for number in range(4):
        booked(office, number)
    answer = sends(client, office, slot=str(time.slot))
    assert answer.status_code == 409
    assert "2026年12月は、満席になりました" in words(answer)
    assert "キャンセル待ちに登録する" in words(answer)
    assert "値上げの伝え方" in words(answer)


@pytest.mark.parametrize(
    ("who", "reads", "books"), [("千葉", 200, 200), ("土井", 200, 403), ("江口", 403, 403)]
)
def test_owners_book_staff_read_and_partners_do_neither(
    office: House, as_: As, who: str, reads: int, books: int
) -> None:
    row, client = session(office), as_(who)
    assert client.get(at(office, "of_company")).status_code == reads
    assert client.get(at(office, "own_detail", row.pk)).status_code == reads
    assert client.get(at(office, "own_book")).status_code == books


def test_the_owner_of_another_company_sees_nothing(office: House, as_: As) -> None:
    row, client = session(office), as_("藤田")
    assert client.get(at(office, "of_company")).status_code == 404
    assert client.get(at(office, "own_book")).status_code == 404
    assert client.get(at(office, "own_detail", row.pk)).status_code == 404
    own = at(office, "own_detail", row.pk, company="有限会社イ")
    assert client.get(own).status_code == 404
    page = words(client.get(at(office, "of_company", company="有限会社イ")))
    assert "ご予約はありません" in page
    assert "値上げの伝え方" not in page
    with open_scope(office.scope):
        before = Consultation.objects.count()
    assert client.post(at(office, "own_book"), {"slot": str(times(office)[-1].slot)}).status_code == 404
    with open_scope(office.scope):
        assert Consultation.objects.count() == before


def test_a_session_of_the_own_company_leads_an_owner_to_where_it_is_changed(office: House, as_: As) -> None:
    row = session(office)
    page = words(as_("千葉").get(at(office, "own_detail", row.pk)))
    assert MEETING in page
    assert "/consultation/m/" in page
    assert "/consultation/m/" not in words(as_("土井").get(at(office, "own_detail", row.pk)))


def test_what_was_agreed_leads_the_firm_and_nobody_else_to_where_it_is_ticked(office: House, as_: As) -> None:
    row = session(office)
    with open_scope(office.scope):
        agree(
            consultation=row, id=uuid4(), text="話す", who="千葉", due_on=None, actor=office.members["馬場"]
        )
    link = f"/michisuji/consultations/{row.pk}/#agreed"
    pages = (at(office, "of_company"), f"/michisuji/companies/{office.companies['株式会社ア'].pk}/")
    assert all(link in words(as_("馬場").get(page)) for page in pages)
    assert link not in words(as_("千葉").get(at(office, "of_company")))


def test_what_was_agreed_and_the_summary_are_read_and_the_note_never(office: House, as_: As) -> None:
    row, member = session(office), office.members["馬場"]
    with open_scope(office.scope):
        write_note(consultation=row, text="社内だけのメモ", is_summary=False, actor=member)
        write_note(consultation=row, text="まだ送らないまとめ", is_summary=True, actor=member)
        done = agree(
            consultation=row,
            id=uuid4(),
            text="価格表を直す",
            who="千葉",
            due_on=date(2027, 1, 8),
            actor=member,
        )
        agree(consultation=row, id=uuid4(), text="三社に話す", who="馬場", due_on=None, actor=member)
        tick(action=done, done=True, actor=member)
    with clock.stopped_at(row.ends_at):
        client = as_("千葉")
        page = words(client.get(at(office, "of_company")))
        assert "三社に話す" in page
        assert "済み" in page
        assert "まだ送らないまとめ" not in page
        with open_scope(office.scope):
            mark(consultation=row, after=State.COMPLETED, actor=member)
            send_summary(consultation=row, actor=member)
        for url in (at(office, "of_company"), at(office, "own_detail", row.pk)):
            page = words(client.get(url))
            assert "まだ送らないまとめ" in page
            assert "社内だけのメモ" not in page


@pytest.mark.parametrize("who", ["千葉", "馬場"])
def test_all_that_is_to_be_done_is_listed_and_of_what_is_done_the_newest(
    office: House, as_: As, who: str
) -> None:
    row, member = session(office), office.members["馬場"]
    with open_scope(office.scope):
        for number in range(25):
            due = JANUARY + timedelta(days=number)
            agree(consultation=row, id=uuid4(), text=f"開{number:02}", who="千葉", due_on=due, actor=member)
        for number in range(21):
            with clock.stopped_at(NOW + timedelta(minutes=number)):
                ticked = agree(
                    consultation=row, id=uuid4(), text=f"済{number:02}", who="千葉", due_on=None, actor=member
                )
                tick(action=ticked, done=True, actor=member)
                if number == 19:
                    assert "新しい20件" not in words(as_(who).get(at(office, "of_company")))
    page = words(as_(who).get(at(office, "of_company")))
    found = re.findall(r">([開済]\d\d)<", page)
    assert found == [f"開{number:02}" for number in range(25)] + [
        f"済{20 - number:02}" for number in range(20)
    ]
    assert "済んだものは、新しい20件までをお示ししています。" in page


def test_the_owners_home_names_the_next_session_or_how_to_book(office: House, as_: As) -> None:
    home = reverse("tenancy:company_home", args=["michisuji", office.companies["株式会社ア"].pk])
    client = as_("千葉")
    page = words(client.get(home))
    assert "残り4社" in page
    assert at(office, "own_book") in page
    assert at(office, "own_book") not in words(as_("土井").get(home))
    row = session(office)
    page = words(client.get(home))
    assert at(office, "own_detail", row.pk) in page
    assert "日時を変える・取り消す" in page


def test_the_firm_reads_the_companys_sessions_in_a_tab_and_on_its_overview(office: House, as_: As) -> None:
    row, client = session(office), as_("馬場")
    detail = reverse("consultations:detail", args=["michisuji", row.pk])
    overview = reverse("tenancy:company", args=["michisuji", office.companies["株式会社ア"].pk])
    assert detail in words(client.get(at(office, "of_company")))
    assert detail in words(client.get(overview))
    assert "オンライン相談・壁打ちを予約しました" in words(client.get(overview))
    assert client.get(at(office, "own_detail", row.pk))["Location"] == detail


@pytest.mark.parametrize("who", ["千葉", "馬場"])
def test_the_companys_page_costs_the_same_for_many_sessions(office: House, as_: As, who: str) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(url).status_code == 200
        return len(queries)

    url, client = at(office, "of_company"), as_(who)
    _has_talked(office)
    cost()  # the first visit notes that somebody looked
    once = cost()
    for _ in range(3):
        _has_talked(office)
    assert cost() == once


def _has_talked(house: House) -> None:
    """Another session that is over, with a summary and something agreed; and one to come."""
    its, member = house.companies["株式会社ア"], house.members["馬場"]
    with open_scope(house.scope):
        for state in (State.COMPLETED, State.CONFIRMED):
            row = session_of(house, its, "値上げ")
            row.state = state
            row.save(update_fields=["state"])
            write_note(consultation=row, text="まとめ", is_summary=True, actor=member)
            agree(consultation=row, id=uuid4(), text="話す", who="千葉", due_on=None, actor=member)
            with clock.stopped_at(row.ends_at):
                send_summary(consultation=row, actor=member)


def test_who_is_signed_in_finds_the_way_back_from_the_page_of_the_link(office: House, as_: As) -> None:
    row = session(office)
    with open_scope(office.scope):
        link = reverse("consultations:manage", args=["michisuji", manage_token(row)])
    assert at(office, "own_detail", row.pk) in words(as_("千葉").get(link))
    assert at(office, "own_detail", row.pk) not in words(as_("誰か").get(link))


def test_opening_the_companys_pages_changes_nothing(office: House, as_: As) -> None:
    row, client = session(office), as_("千葉")
    with open_scope(office.scope):
        before = (list(Consultation.objects.values()), Mail.objects.count())
    for url in (at(office, "of_company"), at(office, "own_book"), at(office, "own_detail", row.pk)):
        assert client.get(url).status_code == 200
    with open_scope(office.scope):
        assert (list(Consultation.objects.values()), Mail.objects.count()) == before


def test_a_session_that_was_given_back_stands_among_the_past_ones(office: House, as_: As) -> None:
    row = session(office)
    with open_scope(office.scope):
        cancel(consultation=row)
        assert month_view(DECEMBER).left == 4
    page = words(as_("千葉").get(at(office, "of_company")))
    assert "これまでの相談" in page
    assert "取消" in page
