"""相談の予約: who comes next, what waits for somebody, the month at a glance, the table and its files."""

from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from uuid import uuid4

import pytest
from django.test import Client
from openpyxl import load_workbook

from consultations.actions.asking import Asked
from consultations.actions.booking import book, put_off, rebook
from consultations.actions.desk import set_cap
from consultations.actions.waiting import join
from consultations.models import Consultation, Schedule, Task, WaitlistEntry
from tenancy import clock
from tenancy.models import User
from tenancy.scope import open_scope
from tests.conftest import House
from tests.consultations.firm_help import LIST, after, done, queries_of, read, sees_assigned
from tests.consultations.office import DECEMBER, NOW, booked, company, opens, times
from tests.tenancy.browser import signs_in, with_second_factor

As = Callable[[str], Client]


@pytest.fixture
def baba(as_: As) -> Client:
    return as_("馬場")


@pytest.fixture
def inside(office: House) -> Client:
    """A browser in which the operator of the installation has entered the firm."""
    user = User.objects.create_user("uno@operator.example", None, "宇野")
    user.is_operator = True
    user.save()
    client = signs_in(with_second_factor(user), second_factor=True)
    reason = {"reason": "お客様からのお問い合わせの確認のため", "once": str(uuid4())}
    assert client.post(f"/operator/firms/{office.firm.pk}/enter/", reason).status_code == 302
    return client


def of_company(house: House, name: str, number: int = 0) -> Consultation:
    """A confirmed session of a 支援先企業."""
    its = house.companies[name]
    asked = Asked(name, "社長", f"{its.pk}@own.example", company=its)
    slot = [each for each in times(house) if each.starts > NOW + timedelta(days=7)][number].slot
    with open_scope(house.scope):
        return book(id=uuid4(), slot=slot, asked=asked, confirmed=True)


def test_the_month_is_read_at_a_glance(baba: Client, office: House) -> None:
    booked(office, 1)
    booked(office, 2, confirmed=False)
    page = read(baba, LIST)
    assert "2026年12月の枠" in page
    assert "株式会社第1" in page
    assert page.count('class="open"') == 2
    assert '<dt>埋まり</dt><dd class="value">1<small>社' in page
    assert "確認待ち 1社・ご案内中 0社" in page


def test_the_month_counts_the_places_that_were_given_back_and_no_change_of_a_rule(
    baba: Client, office: House
) -> None:
    row = booked(office, 1)
    page = read(baba, LIST)
    assert "取消・期限切れで空いた枠 <b>0</b>" in page
    with open_scope(office.scope):
        put_off(consultation=row, reason="急病", actor=office.members["馬場"])
        set_cap(month=DECEMBER, cap=2, actor=None)
        set_cap(month=DECEMBER, cap=None, actor=None)
    assert "取消・期限切れで空いた枠 <b>1</b>" in read(baba, LIST)


def test_the_next_sessions_lead_to_their_sheets(baba: Client, office: House) -> None:
    row = booked(office, 1)
    booked(office, 2, confirmed=False)
    page = read(baba, LIST)
    assert f'href="/michisuji/consultations/{row.pk}/" aria-label="株式会社第1の準備シートを開く"' in page
    assert "株式会社第2の準備シートを開く" not in page


def test_a_full_month_shows_who_waits_in_their_turn_and_who_may_be_whom(baba: Client, office: House) -> None:
    for number in range(4):
        booked(office, number)
    with open_scope(office.scope):
        join(id=uuid4(), wanted=[DECEMBER], asked=company(8))
    with clock.stopped_at(NOW + timedelta(seconds=1)), open_scope(office.scope):
        join(id=uuid4(), wanted=[DECEMBER], asked=Asked("(株)第1", "別の人", "other@gmail.com"))
    page = read(baba, LIST)
    first, second = page.index("1番 株式会社第8"), page.index("2番 (株)第1")
    assert first < second
    assert page.count("重複の疑い") == 1
    assert "会社名が同じです" in page


def test_a_replacement_stands_outside_the_places(baba: Client, office: House) -> None:
    row, actor = booked(office, 1), office.members["馬場"]
    with open_scope(office.scope):
        put_off(consultation=row, reason="急病のため", actor=actor)
    slot = next(each for each in times(office) if each.starts > NOW + timedelta(days=9)).slot
    with open_scope(office.scope):
        rebook(consultation=row, id=uuid4(), slot=slot)
    page = read(baba, LIST)
    assert "枠外" in page
    assert page.count('class="open"') == 4


def test_months_are_turned_and_nonsense_shows_this_one(baba: Client, office: House) -> None:
    booked(office, 1)
    assert "株式会社第1" not in read(baba, f"{LIST}?month=2027-01").partition("2027年1月の枠")[2]
    for nonsense in (
        "2026-13",
        "0001-01",
        "9999-12",
    ):  # before the first of all months, after the last there is none
        assert "2026年12月の枠" in read(baba, f"{LIST}?month={nonsense}")


def test_the_table_is_narrowed_by_state_and_words(baba: Client, office: House) -> None:
    booked(office, 1)
    booked(office, 2, confirmed=False)

    def table(query: str) -> str:
        return read(baba, f"{LIST}?{query}").partition("のご予約</h2>")[2]

    assert "株式会社第1" not in table("state=held")
    assert "株式会社第2" in table("state=held")
    assert "株式会社第2" not in table("q=第1")
    assert "該当するものが見つかりませんでした" in table("q=どこにもない")


def test_a_hold_that_ran_out_reads_as_run_out_before_any_worker_came(as_: As, office: House) -> None:
    row = booked(office, 1, confirmed=False)
    with after(row):
        baba = as_("馬場")
        assert "期限切れ" in read(baba, f"{LIST}?state=expired")
        assert "株式会社第1" not in read(baba, f"{LIST}?state=held").partition("のご予約</h2>")[2]


def test_the_table_is_taken_away_as_csv_and_excel(baba: Client, office: House) -> None:
    booked(office, 1)
    lines = baba.get(f"{LIST}csv/?month=2026-12").content.decode("utf-8-sig").splitlines()
    assert len(lines) == 2
    assert "株式会社第1" in lines[1]
    book_ = load_workbook(BytesIO(baba.get(f"{LIST}excel/?month=2026-12").content))
    assert book_.active is not None
    assert [each.value for each in book_.active["C"]] == ["会社名", "株式会社第1"]


def test_what_waits_for_somebody_is_done_once(baba: Client, office: House) -> None:
    with open_scope(office.scope):
        Schedule.objects.update(meeting_url="")
    booked(office, 1)
    with open_scope(office.scope):
        task = Task.objects.get()
    assert "参加方法をお知らせください" in read(baba, LIST)
    url = f"{LIST}tasks/{task.pk}/"
    assert "対応済みにしました。" in done(baba, url)
    assert "対応済みにしました。" not in done(baba, url)
    assert "参加方法をお知らせください" not in read(baba, LIST)
    assert baba.post(f"{LIST}tasks/{uuid4()}/").status_code == 404
    with open_scope(office.scope):
        task.refresh_from_db()
        assert task.done_by == office.members["馬場"]


def test_a_task_of_a_cancelled_session_waits_for_nobody(baba: Client, office: House) -> None:
    with open_scope(office.scope):
        Schedule.objects.update(meeting_url="")
    row = booked(office, 1)
    done(baba, f"{LIST}{row.pk}/cancel/", whose="client")
    assert "ご対応いただきたいこと" not in read(baba, LIST)


def test_settings_and_the_trail_are_offered_to_who_may_open_them(
    as_: As, baba: Client, office: House
) -> None:
    assert "/michisuji/settings/consultations/" in read(as_("青木"), LIST)
    assert "/michisuji/settings/consultations/" not in read(baba, LIST)
    booked(office, 1)
    trail = read(as_("青木"), "/michisuji/settings/trail/?act=group:オンライン相談・壁打ち")
    assert "お申し込みを受けました" in trail


def test_who_sees_assigned_companies_counts_all_places_and_names_only_theirs(as_: As, office: House) -> None:
    opens(office, "青木")
    a, i = of_company(office, "株式会社ア", 0), of_company(office, "有限会社イ", 2)
    with open_scope(office.scope):
        Consultation.objects.update(consultant=office.members["青木"])
        assert {a.number, i.number} == {1, 2}
    sees_assigned(office, "株式会社ア")
    page = read(as_("馬場"), LIST)
    assert "株式会社ア" in page
    assert "有限会社イ" not in page
    assert "ほかの担当の企業" in page
    assert page.count('class="open"') == 2
    assert "有限会社イ" not in as_("馬場").get(f"{LIST}csv/?month=2026-12").content.decode()
    assert "有限会社イ" in read(as_("青木"), LIST)


def test_the_list_takes_the_same_queries_for_one_and_for_four(baba: Client, office: House) -> None:
    booked(office, 0)
    with open_scope(office.scope):
        join_one(office, 20)
    few = queries_of(baba, LIST)
    for number in range(1, 4):
        booked(office, number)
    for number in range(21, 25):
        join_one(office, number)
    assert queries_of(baba, LIST) == few


def join_one(house: House, number: int) -> None:
    """Straight into the queue of December, whether it is full or not."""
    with open_scope(house.scope):
        WaitlistEntry.objects.create(
            firm=house.firm,
            months=[DECEMBER.isoformat()],
            passed={DECEMBER.isoformat(): 10_000},
            company_name=f"待つ会社{number}",
            contact_name="待つ人",
            email=f"w{number}@w{number}.example",
        )


def test_home_says_who_comes_today(as_: As, baba: Client, office: House) -> None:
    row = booked(office, 1)
    assert "相談があります。" not in read(baba, "/michisuji/home/")
    with clock.stopped_at(row.starts_at - timedelta(hours=1)):
        page = read(as_("馬場"), "/michisuji/home/")
    assert "株式会社第1様の相談があります。" in page
    assert "株式会社第1の準備シートを開く" in page
    assert "12月の枠 1 / 4社" in page


def test_home_takes_the_same_queries_for_one_and_for_four(baba: Client, office: House) -> None:
    booked(office, 0)
    few = queries_of(baba, "/michisuji/home/")
    for number in range(1, 4):
        booked(office, number)
    assert queries_of(baba, "/michisuji/home/") == few


def test_an_operator_reads_and_is_offered_nothing_to_change(office: House, inside: Client) -> None:
    row = booked(office, 1)
    for url in (LIST, f"{LIST}{row.pk}/", "/michisuji/home/"):
        page = read(inside, url)
        assert "株式会社第1" in page
        assert "/michisuji/consultations/new/" not in page
        for words in ("対応済みにする</button>", "保存する</button>", "日時を変える", "CSVでダウンロード"):
            assert words not in page
    assert inside.get(f"{LIST}csv/").status_code == 403
