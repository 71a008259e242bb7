"""面談記録: written once, changed by one at a time, read by whom it is shared with and by nobody else."""

import threading
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client

from tenancy import clock
from tenancy.models import Attachment, Company, Handing, Meeting, Trail
from tenancy.records import NO_HANDS, AlreadyWritten, Hands, write_meeting
from tenancy.scope import Scope, open_scope
from tests.conftest import House
from tests.tenancy.test_companies import fields
from tests.things import filed, noted

As = Callable[[str], Client]
OWN_PEOPLE = ("千葉", "土井", "江口")


@pytest.fixture
def company(michisuji: House) -> Company:
    return michisuji.companies["株式会社ア"]


@pytest.fixture
def baba(as_: As) -> Client:
    return as_("馬場")


def room(company: Company, rest: str = "") -> str:
    return f"/michisuji/companies/{company.pk}/meetings/{rest}"


def test_a_meeting_with_many_files_shows_them_by_pages(
    baba: Client, michisuji: House, company: Company
) -> None:
    with open_scope(michisuji.scope):
        row = noted(michisuji, company, "話")
        for at in range(21):
            filed(michisuji, company, f"資料{at:02}", meeting=row)
    first, second = (baba.get(room(company, f"{row.pk}/?page={page}")).content.decode() for page in (1, 2))
    assert ("21件中 1〜20件" in first, first.count("資料"), second.count("資料")) == (True, 20, 1)


def form(client: Client, url: str, **values: Any) -> dict[str, Any]:
    """What the form at `url` would send, with `values` typed into it."""
    page = client.get(url)
    sent: dict[str, Any] = {name: value for name, value in fields(page).items() if name != "handed"}
    html = page.content.decode()
    for name in ("body", "next_steps"):
        begin = html.index(">", html.index(f'<textarea name="{name}"')) + 1
        sent[name] = html[begin : html.index("</textarea>", begin)].lstrip("\r\n")
    sent["shared"] = (
        "True" if 'value="True" id="id_shared_1" checked' in html.replace(" required", "") else "False"
    )
    return sent | values


def write(client: Client, company: Company, **values: Any) -> Any:
    typed = {"body": "来月の見学会について", **values}
    return client.post(room(company, "new/"), form(client, room(company, "new/"), **typed))


def meetings(house: House) -> list[Meeting]:
    with open_scope(house.scope):
        return list(Meeting.objects.newest_first())


def last_contact(house: House, company: Company) -> date | None:
    with open_scope(house.scope):
        return Company.objects.get(pk=company.pk).last_contact_on


# ── Writing ──


def test_a_meeting_is_written_and_becomes_the_last_contact(
    baba: Client, michisuji: House, company: Company
) -> None:
    answer = write(baba, company, attendees="社長", next_steps="見積を直す", kind="online")
    [made] = meetings(michisuji)
    assert answer.headers["Location"] == room(company, f"{made.pk}/")
    assert (made.held_on, made.kind, made.attendees, made.shared) == (clock.today(), "online", "社長", False)
    assert made.created_by_id == michisuji.members["馬場"].pk
    assert last_contact(michisuji, company) == clock.today()
    with open_scope(michisuji.scope):
        act = Trail.objects.get(act="write.meeting")
    assert (act.subject_id, act.company_id) == (str(made.pk), company.pk)
    assert "見積" not in str(act.details)


def test_the_last_contact_follows_what_is_written_changed_and_deleted(
    baba: Client, michisuji: House, company: Company
) -> None:
    write(baba, company, held_on="2026-10-05")
    write(baba, company, held_on="2026-09-01")
    assert last_contact(michisuji, company) == date(2026, 10, 5)
    newest = meetings(michisuji)[0]
    edit = room(company, f"{newest.pk}/edit/")
    assert baba.post(edit, form(baba, edit, held_on="2026-08-08")).status_code == 302
    assert last_contact(michisuji, company) == date(2026, 9, 1)
    for row in meetings(michisuji):
        baba.post(room(company, f"{row.pk}/remove/"))
    assert last_contact(michisuji, company) is None


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"held_on": str(clock.today() + timedelta(days=2))}, "これからの面談は"),
        ({"held_on": "0026-10-05"}, "2000年から明日までの日付"),
        ({"held_on": ""}, "面談の日付を入力してください"),
        ({"body": " "}, "話したことを入力してください"),
        ({"body": "長" * 8_001}, "8,000文字まで"),
        ({"kind": "x"}, "面談の方法を選んでください"),
        ({"shared": "x"}, "見られる人を選んでください"),
    ],
)
def test_what_cannot_be_kept_is_said_and_nothing_typed_is_lost(
    baba: Client, michisuji: House, company: Company, values: dict[str, str], said: str
) -> None:
    answer = write(baba, company, next_steps="ここまで打った言葉", **values)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert "ここまで打った言葉" in answer.content.decode()
    assert meetings(michisuji) == []


def test_tomorrow_in_another_time_zone_is_still_taken(
    baba: Client, michisuji: House, company: Company
) -> None:
    assert write(baba, company, held_on=str(clock.today() + timedelta(days=1))).status_code == 302


def test_two_people_at_one_record_lose_nothing(
    baba: Client, as_: As, michisuji: House, company: Company
) -> None:
    write(baba, company, body="はじめの言葉")
    edit = room(company, f"{meetings(michisuji)[0].pk}/edit/")
    mine, aoki = form(baba, edit, body="馬場の言葉"), as_("青木")
    aoki.post(edit, form(aoki, edit, body="青木の言葉", shared="True"))
    answer = baba.post(edit, mine)
    html = answer.content.decode()
    assert answer.status_code == 409
    assert "馬場の言葉" in html
    assert "青木の言葉" in html
    assert meetings(michisuji)[0].body == "青木の言葉"


def test_a_record_deleted_meanwhile_is_not_found(baba: Client, michisuji: House, company: Company) -> None:
    write(baba, company)
    made = meetings(michisuji)[0]
    edit = room(company, f"{made.pk}/edit/")
    typed = form(baba, edit, body="x")
    baba.post(room(company, f"{made.pk}/remove/"))
    assert baba.post(edit, typed).status_code == 404
    assert baba.post(room(company, f"{made.pk}/remove/")).status_code == 404


def test_deleting_asks_first_and_leaves_the_files_with_the_company(
    baba: Client, michisuji: House, company: Company
) -> None:
    with open_scope(michisuji.scope):
        row = noted(michisuji, company, "消す記録")
        kept = filed(michisuji, company, "残る紙", meeting=row)
    remove = room(company, f"{row.pk}/remove/")
    assert "企業のファイルとして残ります" in baba.get(remove).content.decode()
    baba.post(remove)
    with open_scope(michisuji.scope):
        assert not Meeting.objects.exists()
        assert Attachment.objects.get(pk=kept.pk).meeting is None


def test_two_clicks_write_one_meeting(baba: Client, michisuji: House, company: Company) -> None:
    typed = form(baba, room(company, "new/"), body="一度だけ")
    first, second = (baba.post(room(company, "new/"), typed) for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"]
    assert len(meetings(michisuji)) == 1


def test_what_was_typed_into_the_same_form_once_more_is_not_lost(
    baba: Client, michisuji: House, company: Company
) -> None:
    """A browser that keeps the page shows it on the way back with the same id."""
    typed = form(baba, room(company, "new/"), body="はじめの文")
    first = baba.post(room(company, "new/"), typed).headers["Location"]
    other = baba.post(room(company, "new/"), typed | {"body": "書き足した文"}).headers["Location"]
    assert "書き足した文" in baba.get(other).content.decode()
    shared = baba.post(room(company, "new/"), typed | {"shared": "True"}, follow=True)
    assert shared.redirect_chain == [(first, 302)]
    assert "変えるときは「記録を直す」から" in shared.content.decode(), "said, and not taken for done"
    assert [row.shared for row in meetings(michisuji)] == [False, False]


def test_who_goes_back_and_saves_the_same_again_is_led_to_what_there_is(
    baba: Client, as_: As, michisuji: House, company: Company
) -> None:
    address = write(baba, company).headers["Location"]
    again = write(baba, company)  # the way back fetches the form anew, with an id of its own
    assert again.headers["Location"] == address
    assert "すでに保存されています。同じものは増やしていません。" in baba.get(address).content.decode()
    shared = baba.post(
        again.request["PATH_INFO"],
        form(baba, room(company, "new/"), body="来月の見学会について", shared="True"),
        follow=True,
    )
    assert shared.redirect_chain == [(address, 302)]
    assert "変えるときは「記録を直す」から" in shared.content.decode()
    [row] = meetings(michisuji)
    assert not row.shared, "what was chosen otherwise is said, and not done in silence"
    write(baba, company, body="再来月の見学会について")
    write(baba, company, kind="phone")
    write(as_("青木"), company)
    assert len(meetings(michisuji)) == 4, "another text, another way, another person"
    with clock.stopped_at(clock.now() + timedelta(minutes=61)):
        write(baba, company)
    assert len(meetings(michisuji)) == 5


@pytest.mark.django_db(transaction=True)
def test_the_same_from_two_forms_at_the_same_moment_is_one_meeting(
    michisuji: House, company: Company
) -> None:
    values = {"held_on": date(2026, 11, 2), "kind": "visit", "body": "話", "shared": False}
    refused: list[AlreadyWritten] = []

    def click() -> None:
        with open_scope(michisuji.scope):
            try:
                write_meeting(company=company, values=values, hands=NO_HANDS, actor=None, once=uuid4())
            except AlreadyWritten as there:
                refused.append(there)
        connection.close()

    at_once(*[click] * 6)
    [row] = meetings(michisuji)
    assert [there.meeting for there in refused] == [row] * 5


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_the_same_moment_write_one_meeting(michisuji: House, company: Company) -> None:
    once, made = uuid4(), []

    def click() -> None:
        values = {"held_on": date(2026, 10, 5), "body": "同時", "shared": False}
        with open_scope(michisuji.scope):
            row = write_meeting(company=company, values=values, hands=NO_HANDS, actor=None, once=once)
            made.append(row.pk)
        connection.close()

    at_once(*[click] * 6)
    assert len(made) == 6
    assert len(set(made)) == 1
    assert len(meetings(michisuji)) == 1


@pytest.mark.django_db(transaction=True)
def test_meetings_written_at_the_same_moment_leave_the_newest_day(michisuji: House, company: Company) -> None:
    days = [date(2026, 10, day) for day in range(1, 13)]

    def writes(day: date) -> Callable[[], None]:
        def click() -> None:
            with open_scope(michisuji.scope):
                write_meeting(
                    company=company, values={"held_on": day, "body": "x"}, hands=NO_HANDS, actor=None
                )
            connection.close()

        return click

    at_once(*map(writes, days))
    assert last_contact(michisuji, company) == max(days)


def at_once(*clicks: Callable[[], None]) -> None:
    threads = [threading.Thread(target=click) for click in clicks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# ── Reading ──


def test_the_list_is_paged_and_costs_the_same_for_many(
    baba: Client, michisuji: House, company: Company, django_assert_num_queries: Any
) -> None:
    with open_scope(michisuji.scope):
        noted(michisuji, company, "ひとつめ")
    with django_assert_num_queries(12):
        baba.get(room(company))
    with open_scope(michisuji.scope):
        for day in range(1, 25):
            noted(michisuji, company, f"記録{day}", held_on=date(2026, 9, day))
    with django_assert_num_queries(12):
        page = baba.get(room(company)).content.decode()
    assert "25件中 1〜20件" in page
    assert page.index("ひとつめ") < page.index("記録24") < page.index("記録23")


@pytest.mark.parametrize("person", OWN_PEOPLE)
def test_the_companys_people_read_only_what_is_shared(
    as_: As, michisuji: House, company: Company, person: str
) -> None:
    with open_scope(michisuji.scope):
        private, shared = (
            noted(michisuji, company, "内々の話"),
            noted(michisuji, company, "共有の話", shared=True),
        )
        Handing.objects.create(company=company, membership=michisuji.members["江口"], meeting=shared)
    client = as_(person)
    html = client.get(room(company)).content.decode()
    assert "共有の話" in html
    assert "内々の話" not in html
    assert "面談を記録する" not in html
    assert client.get(room(company, f"{private.pk}/")).status_code == 404
    page = client.get(room(company, f"{shared.pk}/")).content.decode()
    assert "共有の話" in page
    assert "記録を直す" not in page
    for rest in ("new/", f"{shared.pk}/edit/", f"{shared.pk}/remove/"):
        assert client.post(room(company, rest), {"body": "x"}).status_code == 403, rest


def test_a_partner_reads_only_what_was_handed_over(as_: As, michisuji: House, company: Company) -> None:
    with open_scope(michisuji.scope):
        noted(michisuji, company, "皆に共有", shared=True)
    eguchi, baba = as_("江口"), as_("馬場")
    assert "皆に共有" not in eguchi.get(room(company)).content.decode()
    row, partner = meetings(michisuji)[0], michisuji.members["江口"].pk
    url = room(company, f"{row.pk}/")
    assert eguchi.get(url).status_code == 404
    baba.post(url + "edit/", form(baba, url + "edit/", handed=[partner]))
    assert "皆に共有" in eguchi.get(url).content.decode()
    baba.post(url + "edit/", form(baba, url + "edit/", handed=[partner], shared="False"))
    assert eguchi.get(url).status_code == 404
    baba.post(url + "edit/", form(baba, url + "edit/", shared="True"))
    assert eguchi.get(url).status_code == 404, "taken back with the sharing"


def test_two_people_ticking_partners_do_not_undo_each_other() -> None:
    assert Hands.between([1, 2], [2, 3]) == Hands(frozenset({3}), frozenset({1}))


@pytest.mark.guard("walls.policy")
@pytest.mark.parametrize("person", [*OWN_PEOPLE, "藤田"])
def test_raw_sql_in_a_companys_scope_finds_no_private_record(
    michisuji: House, company: Company, person: str
) -> None:
    with open_scope(michisuji.scope):
        noted(michisuji, company, "内々の話")
        filed(michisuji, company, "内々の紙")
    member = michisuji.members[person]
    scope = Scope(michisuji.firm.pk, member.user_id, frozenset({member.company_id or 0}), "company")
    with open_scope(scope), connection.cursor() as cursor:
        for table in ("tenancy_meeting", "tenancy_attachment"):
            cursor.execute(f"SELECT count(*) FROM {table}")
            assert cursor.fetchone() == (0,), table


@pytest.mark.parametrize("person", ["千葉", "土井", "江口", "藤田", "権藤"])
def test_no_address_tells_them_of_a_private_record_or_file(
    as_: As, michisuji: House, company: Company, person: str
) -> None:
    with open_scope(michisuji.scope):
        row = noted(michisuji, company, "秘密の話")
        file = filed(michisuji, company, "秘密の紙", meeting=row)
    client, base = as_(person), f"/michisuji/companies/{company.pk}/"
    rooms = ["home/", "timeline/", "meetings/", f"meetings/{row.pk}/", f"meetings/{row.pk}/edit/"]
    rooms += ["files/", f"files/{file.pk}/", f"files/{file.pk}/edit/", f"files/{file.pk}/remove/", ""]
    for rest in rooms:
        assert "秘密の" not in client.get(base + rest).content.decode(), rest
    assert client.get(base + f"files/{file.pk}/").status_code == 404
