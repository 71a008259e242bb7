"""支援先企業 through their pages: who finds them, who changes them, and what two people at once see."""

import csv
import re
import threading
from collections.abc import Callable
from datetime import date, datetime, timedelta
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from openpyxl import load_workbook

from tenancy import clock
from tenancy.actions import NumberTaken, create_company, update_company
from tenancy.models import Company, Firm, Membership, Site, Trail
from tenancy.scope import open_scope
from tests.conftest import House

As = Callable[[str], Client]
LIST = "/michisuji/companies/"
NUMBER = "7000012050002"  # 国税庁 itself


@pytest.fixture
def baba(as_: As) -> Client:
    return as_("馬場")


def fields(page: Any) -> dict[str, str]:
    """What the page's form would send, as the browser reads it."""
    html = page.content.decode()
    form = html[html.index('<form class="form"') :]
    found = {
        name: value.replace("&quot;", '"')
        for name, value in re.findall(r'<input type="[^"]+" name="([^"]+)"(?: value="([^"]*)")?', form)
    }
    for name, options in re.findall(r'<select name="([^"]+)".*?>(.*?)</select>', form, re.S):
        chosen = re.search(r'value="([^"]*)" selected', options)
        found[name] = chosen.group(1) if chosen else ""
    found.pop("csrfmiddlewaretoken", None)
    found.pop("theme", None)
    return found


def typed(baba: Client, url: str, **values: str) -> dict[str, str]:
    return fields(baba.get(url)) | values


def named(house: House, name: str) -> list[Company]:
    with open_scope(house.scope):
        return list(Company.objects.filter(name=name))


def add(house: House, count: int) -> None:
    with open_scope(house.scope):
        rows = [Company(firm=house.firm, name=f"企業{n}", kana=f"キギョウ{n:04}") for n in range(count)]
        Company.objects.bulk_create(rows)


# ── The list ──


def test_the_list_costs_the_same_for_many_companies(baba: Client, michisuji: House) -> None:
    add(michisuji, 18)
    with CaptureQueriesContext(connection) as few:
        baba.get(LIST)
    add(michisuji, 1_980)
    with CaptureQueriesContext(connection) as many:
        page = baba.get(LIST)
    assert len(many) == len(few)
    assert "2000社" in page.content.decode()
    assert len(page.content) < 60_000


@pytest.mark.parametrize("words", ["ときわ", "トキワ", "ﾄｷﾜ", "ときわ 上越", "新潟"])
def test_the_search_makes_no_difference_of_kana_and_width(baba: Client, michisuji: House, words: str) -> None:
    with open_scope(michisuji.scope):
        Company.objects.create(name="株式会社ときわ蔵", kana="トキワグラ", location="新潟県上越市")
    html = baba.get(LIST, {"q": words}).content.decode()
    assert "株式会社ときわ蔵" in html
    assert "有限会社イ" not in html


def test_the_list_is_filtered_by_state_and_consultant(baba: Client, michisuji: House) -> None:
    with open_scope(michisuji.scope):
        Company.objects.create(name="見込みの店", consultant=michisuji.members["馬場"])
    html = baba.get(LIST, {"status": "lead"}).content.decode()
    assert "見込みの店" in html
    assert "株式会社ア" not in html
    html = baba.get(LIST, {"consultant": michisuji.members["馬場"].pk}).content.decode()
    assert "見込みの店" in html
    assert "株式会社ア" not in html


def test_the_companies_of_who_has_left_and_of_nobody_are_found(as_: As, michisuji: House) -> None:
    left = michisuji.members["馬場"]
    with open_scope(michisuji.scope):
        Company.objects.filter(name="株式会社ア").update(consultant=left)
        Company.objects.create(name="保管した店", consultant=left, archived_at=clock.now())
        Membership.objects.filter(pk=left.pk).update(state="ended")
    aoki = as_("青木")
    member = aoki.get(f"/michisuji/settings/members/{left.pk}/").content.decode()
    link = re.search(r'href="(/michisuji/companies/[?][^"]+)"', member)
    assert link
    assert "すべてをほかの人に引き継ぐ" in member
    html = aoki.get(link[1].replace("&amp;", "&")).content.decode()
    assert "馬場(終了)" in html
    assert re.findall(r'<th scope="row"><a [^>]+>([^<]+)', html) == ["保管した店", "株式会社ア"]
    html = aoki.get(LIST, {"consultant": "none"}).content.decode()
    assert re.findall(r'<th scope="row"><a [^>]+>([^<]+)', html) == ["有限会社イ"]


def test_who_left_with_nothing_has_no_list_of_all_companies(as_: As, michisuji: House) -> None:
    left = michisuji.members["馬場"]
    with open_scope(michisuji.scope):
        Membership.objects.filter(pk=left.pk).update(state="ended")
    member = as_("青木").get(f"/michisuji/settings/members/{left.pk}/").content.decode()
    assert "?consultant=" not in member
    assert "引き継ぐ" not in member, "there is nothing to hand over"
    assert "馬場(終了)" not in as_("青木").get(LIST).content.decode()


@pytest.mark.parametrize(
    "query", ["sort=;drop", "status=x", "consultant=999999", "page=-3", "page=x", "q=%00"]
)
def test_an_unreadable_address_shows_the_list_all_the_same(baba: Client, query: str) -> None:
    page = baba.get(f"{LIST}?{query}")
    assert page.status_code == 200
    assert "株式会社ア" in page.content.decode()


def test_the_list_is_sorted_and_paged_by_its_address(baba: Client, michisuji: House) -> None:
    add(michisuji, 60)
    html = baba.get(LIST, {"sort": "-kana"}).content.decode()
    assert html.index("企業59") < html.index("企業58")
    html = baba.get(LIST, {"sort": "-kana", "page": "2"}).content.decode()
    assert "企業0<" in html
    assert "企業59" not in html
    assert "?sort=-kana&amp;page=1" in html


def test_a_search_without_result_says_how_to_go_on(baba: Client) -> None:
    assert "絞り込みを解除する" in baba.get(LIST, {"q": "どこにもない"}).content.decode()


def test_a_firm_without_companies_is_told_how_to_begin(baba: Client, michisuji: House) -> None:
    with open_scope(michisuji.scope):
        Membership.objects.exclude(company=None).delete()
        Company.objects.all().delete()
    assert "支援先企業はまだありません" in baba.get(LIST).content.decode()


# ── Registering ──


def test_a_company_is_registered_with_all_it_needs(baba: Client, michisuji: House) -> None:
    answer = baba.post(
        LIST + "new/",
        typed(
            baba,
            LIST + "new/",
            name="㈱さくら🌸製菓",
            kana="さくらｾｲｶ",
            corporate_number="7-0000-1205-0002".replace("7", "７"),
            employees="12",
            support_status="client",
        ),
    )
    [made] = named(michisuji, "㈱さくら🌸製菓")
    assert answer.headers["Location"] == f"{LIST}{made.pk}/"
    assert (made.kana, made.corporate_number, made.employees) == ("サクラセイカ", NUMBER, 12)
    with open_scope(michisuji.scope):
        act = Trail.objects.get(act="create.company")
    assert (act.subject_id, act.user_id) == (str(made.pk), michisuji.people["馬場"].pk)
    assert "さくら" not in str(act.details)


def test_two_clicks_register_one_company(baba: Client, michisuji: House) -> None:
    sent = typed(baba, LIST + "new/", name="二度おし商店")
    first, second = baba.post(LIST + "new/", sent), baba.post(LIST + "new/", sent)
    assert len(named(michisuji, "二度おし商店")) == 1
    assert first.headers["Location"] == second.headers["Location"]


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("name", "", "会社名を入力してください。"),
        ("kana", "漢字", "カタカナ"),
        ("corporate_number", "123", "13桁"),
        ("corporate_number", "1000012050002", "法人番号公表サイト"),
        ("employees", "十二", "数字"),
        ("consultant", "999999", "選び直して"),
        ("name", "あ" * 101, "100"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(
    baba: Client, michisuji: House, field: str, value: str, says: str
) -> None:
    sent = typed(baba, LIST + "new/", name="ていねい堂", location="長野県松本市") | {field: value}
    page = baba.post(LIST + "new/", sent)
    html = page.content.decode()
    assert page.status_code == 422
    assert says in html
    assert "長野県松本市" in html
    assert named(michisuji, "ていねい堂") == []


def test_names_are_one_visible_line(baba: Client, michisuji: House) -> None:
    sent = typed(baba, LIST + "new/", name="\u202e ていねい\n堂\x00\t")
    baba.post(LIST + "new/", sent)
    assert named(michisuji, "ていねい 堂")
    unseen = baba.post(LIST + "new/", typed(baba, LIST + "new/", name="\u200b\u200b"))
    assert "会社名を入力してください。" in unseen.content.decode()


def test_a_number_that_is_taken_names_the_company(baba: Client, michisuji: House) -> None:
    with open_scope(michisuji.scope):
        Company.objects.filter(name="株式会社ア").update(corporate_number=NUMBER)
    page = baba.post(LIST + "new/", typed(baba, LIST + "new/", name="べつの店", corporate_number=NUMBER))
    assert "この法人番号は「株式会社ア」で登録されています。" in page.content.decode()


def test_the_same_number_may_stand_in_another_firm(
    as_: As, baba: Client, michisuji: House, aoba: House
) -> None:
    with open_scope(aoba.scope):
        Company.objects.filter(name="株式会社ウ").update(corporate_number=NUMBER)
    baba.post(LIST + "new/", typed(baba, LIST + "new/", name="べつの店", corporate_number=NUMBER))
    assert len(named(michisuji, "べつの店")) == 1


def test_companies_that_may_be_the_same_are_proposed_once(baba: Client, michisuji: House) -> None:
    with open_scope(michisuji.scope):
        Company.objects.create(name="株式会社ときわ蔵")
    sent = typed(baba, LIST + "new/", name="ﾄｷﾜ蔵(株)", location="新潟県")
    page = baba.post(LIST + "new/", sent)
    html = page.content.decode()
    assert "すでに登録されている企業かもしれません" in html
    assert "株式会社ときわ蔵" in html
    assert "新潟県" in html
    assert named(michisuji, "ﾄｷﾜ蔵(株)") == []
    assert html.index("もう一度確かめる") < html.index('name="really"')  # Enter presses the first
    again = fields(page) | {"really": "on"}
    assert baba.post(LIST + "new/", again).status_code == 302
    assert len(named(michisuji, "ﾄｷﾜ蔵(株)")) == 1


# ── Changing ──


def edit_url(house: House) -> str:
    return f"{LIST}{house.companies['株式会社ア'].pk}/edit/"


def test_a_change_is_saved_and_the_trail_names_its_fields(baba: Client, michisuji: House) -> None:
    url = edit_url(michisuji)
    baba.post(url, typed(baba, url, location="埼玉県川口市", employees="8"))
    with open_scope(michisuji.scope):
        row = Company.objects.get(name="株式会社ア")
        act = Trail.objects.get(act="update.company")
    assert (row.location, row.employees) == ("埼玉県川口市", 8)
    assert act.changes == {"location": ["", "埼玉県川口市"], "employees": [None, 8]}


def test_a_change_leaves_a_company_with_who_has_left(as_: As, michisuji: House) -> None:
    left = michisuji.members["馬場"]
    with open_scope(michisuji.scope):
        Company.objects.filter(name="株式会社ア").update(consultant=left)
        Membership.objects.filter(pk=left.pk).update(state="ended")
    aoki, url = as_("青木"), edit_url(michisuji)
    assert "馬場(終了)" in aoki.get(url).content.decode()
    assert aoki.post(url, typed(aoki, url, location="草加市")).status_code == 302
    (row,) = named(michisuji, "株式会社ア")
    assert (row.location, row.consultant_id) == ("草加市", left.pk)
    assert "馬場" not in aoki.get("/michisuji/companies/new/").content.decode()


def test_the_second_of_two_people_is_told_what_changed_and_keeps_what_was_typed(
    as_: As, baba: Client, michisuji: House
) -> None:
    url, aoki = edit_url(michisuji), as_("青木")
    mine = typed(baba, url, location="埼玉県川口市")
    aoki.post(url, typed(aoki, url, representative="新しい社長", employees="30"))
    page = baba.post(url, mine)
    html = page.content.decode()
    assert page.status_code == 409
    assert "青木さんが" in html
    assert "<dt>代表者</dt><dd>いまは「新しい社長」です</dd>" in html
    assert 'value="埼玉県川口市"' in html
    assert baba.post(url, fields(page)).status_code == 302
    with open_scope(michisuji.scope):
        row = Company.objects.get(name="株式会社ア")
    assert (row.location, row.representative, row.employees) == ("埼玉県川口市", "新しい社長", 30)


def test_the_second_of_two_clicks_on_save_is_no_conflict(baba: Client, michisuji: House) -> None:
    url = edit_url(michisuji)
    sent = typed(baba, url, location="埼玉県川口市")
    assert [baba.post(url, sent).status_code for _ in range(2)] == [302, 302]
    with open_scope(michisuji.scope):
        assert Trail.objects.filter(act="update.company").count() == 1


def test_a_form_without_memory_of_what_it_showed_overwrites_nothing(baba: Client, michisuji: House) -> None:
    url = edit_url(michisuji)
    page = baba.post(url, typed(baba, url, location="埼玉県川口市", seen="{]"))
    assert page.status_code == 409
    with open_scope(michisuji.scope):
        assert Company.objects.get(name="株式会社ア").location == ""


def test_the_loser_of_a_race_for_a_number_leaves_the_request_whole(michisuji: House) -> None:
    values = {"support_status": "lead", "corporate_number": NUMBER}
    with open_scope(michisuji.scope):
        create_company(values={**values, "name": "北の店"}, actor=None)
        with pytest.raises(NumberTaken):
            create_company(values={**values, "name": "南の宿"}, actor=None)
        with pytest.raises(NumberTaken):
            update_company(company=michisuji.companies["株式会社ア"], values=values, seen=None, actor=None)
        assert Company.objects.filter(corporate_number=NUMBER).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_requests_that_race_for_a_number_make_one_company(as_: As, michisuji: House) -> None:
    barrier, answers = threading.Barrier(2), []

    def register(name: str) -> None:
        browser = as_("馬場")
        sent = {"name": name, "corporate_number": NUMBER, "support_status": "lead", "really": "on"}
        barrier.wait()
        answers.append(browser.post(LIST + "new/", sent))
        connection.close()

    threads = [threading.Thread(target=register, args=(name,)) for name in ("北の店", "南の宿")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [302, 422]
    refused = next(answer for answer in answers if answer.status_code == 422)
    assert "この法人番号は" in refused.content.decode()
    assert len(named(michisuji, "北の店") + named(michisuji, "南の宿")) == 1


@pytest.mark.django_db(transaction=True)
def test_the_second_click_waits_for_the_first_that_is_still_at_work(as_: As, michisuji: House) -> None:
    once, written, answers = uuid4(), threading.Event(), []
    values = {"name": "二度おし商店", "support_status": "lead"}
    browser = as_("馬場")

    def second_click() -> None:
        written.wait()
        answers.append(browser.post(LIST + "new/", {**values, "once": str(once)}))
        connection.close()

    thread = threading.Thread(target=second_click)
    thread.start()
    with open_scope(michisuji.scope):
        made = create_company(values=values, actor=None, once=once)
        written.set()
        thread.join(0.5)
        assert answers == []
    thread.join()
    assert answers[0].headers["Location"] == f"{LIST}{made.pk}/"
    assert len(named(michisuji, "二度おし商店")) == 1


def test_no_registration_searches_the_trail_for_its_form(baba: Client, michisuji: House) -> None:
    values = {"name": "いちど商店", "support_status": "lead", "once": str(uuid4())}
    with CaptureQueriesContext(connection) as captured:
        for _click in range(2):
            assert baba.post(LIST + "new/", values).status_code == 302
    asked = [each["sql"] for each in captured if 'FROM "tenancy_trail"' in each["sql"]]
    assert len(asked) == 4  # proposing and saving, twice
    assert all('"tenancy_trail"."id" = ' in sql for sql in asked)
    assert len(named(michisuji, "いちど商店")) == 1


# ── One company, its sites ──


def sites_of(house: House) -> list[str]:
    with open_scope(house.scope):
        return [site.name for site in Site.objects.all()]


def test_sites_are_added_renamed_and_removed(baba: Client, michisuji: House) -> None:
    url = f"{LIST}{michisuji.companies['株式会社ア'].pk}/"
    for name in ("本店", "駅前店", "駅前店"):
        baba.post(url + "sites/", {"name": name})
    assert sites_of(michisuji) == ["本店", "駅前店"]
    with open_scope(michisuji.scope):
        site = Site.objects.get(name="駅前店")
    page = baba.post(f"{url}sites/{site.pk}/", {"name": "本店"})
    assert page.status_code == 422
    assert "同じ名前の事業・拠点があります" in page.content.decode()
    baba.post(f"{url}sites/{site.pk}/", {"name": "泉店"})
    assert sites_of(michisuji) == ["本店", "泉店"]
    assert "元には戻せません" in baba.get(f"{url}sites/{site.pk}/remove/").content.decode()
    baba.post(f"{url}sites/{site.pk}/remove/")
    assert sites_of(michisuji) == ["本店"]


def test_a_site_without_a_name_keeps_the_page(baba: Client, michisuji: House) -> None:
    page = baba.post(f"{LIST}{michisuji.companies['株式会社ア'].pk}/sites/", {"name": " "})
    assert page.status_code == 422
    assert "名前を入力してください。" in page.content.decode()


def test_a_site_is_found_under_its_own_company_only(baba: Client, michisuji: House) -> None:
    a, i = michisuji.companies["株式会社ア"], michisuji.companies["有限会社イ"]
    baba.post(f"{LIST}{a.pk}/sites/", {"name": "本店"})
    with open_scope(michisuji.scope):
        site = Site.objects.get()
    assert baba.get(f"{LIST}{i.pk}/sites/{site.pk}/").status_code == 404


# ── The walls ──

PLACES = ["", "edit/", "sites/1/", "sites/1/remove/"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("firm", ["michisuji", "aoba"])
def test_another_firms_company_is_answered_like_one_that_does_not_exist(
    as_: As, michisuji: House, aoba: House, place: str, firm: str
) -> None:
    gondo, theirs = as_("権藤"), michisuji.companies["株式会社ア"].pk
    forbidden = gondo.get(f"/{firm}/companies/{theirs}/{place}")
    absent = gondo.get(f"/{firm}/companies/987654321/{place}")
    assert forbidden.status_code == absent.status_code == 404
    assert forbidden.content == absent.content
    assert "株式会社ア" not in forbidden.content.decode()


@pytest.mark.parametrize("place", [*PLACES, "sites/"])
def test_another_firm_changes_nothing(as_: As, michisuji: House, aoba: House, place: str) -> None:
    theirs = michisuji.companies["株式会社ア"].pk
    sent = {"name": "のっとり", "support_status": "lead"}
    for firm in ("michisuji", "aoba"):
        assert as_("権藤").post(f"/{firm}/companies/{theirs}/{place}", sent).status_code in (404, 405)
    assert named(michisuji, "のっとり") == []
    assert sites_of(michisuji) == []


def test_a_consultant_of_another_firm_cannot_be_put_in_charge(
    baba: Client, michisuji: House, aoba: House
) -> None:
    sent = typed(baba, LIST + "new/", name="ていねい堂", consultant=str(aoba.members["権藤"].pk))
    assert baba.post(LIST + "new/", sent).status_code == 422


@pytest.mark.parametrize("url", ["", "new/", "1/", "1/edit/"])
def test_nobody_is_sent_to_sign_in_before_anything_is_looked_up(as_: As, url: str) -> None:
    assert as_("誰か").get(LIST + url).headers["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("name", ["千葉", "土井", "江口"])
def test_people_of_a_company_are_told_kindly_that_this_is_not_theirs(as_: As, name: str) -> None:
    assert as_(name).get(LIST).status_code == 403


@pytest.mark.parametrize(
    ("kept", "given"),
    [
        ("株式会社ときわ蔵(里山みそ本舗)", "里山みそ本舗ときわ蔵"),
        ("株式会社ときわ蔵", "ﾄｷﾜ蔵(株)"),
        ("ひなた行政書士事務所", "行政書士 ひなた行政書士事務所"),
        ("ゆいのま", "美容室ゆいのま"),
        ("株式会社渡辺蔵", "わたなべぐら"),
    ],
)
def test_a_company_is_recognised_under_another_form_of_its_name(
    michisuji: House, kept: str, given: str
) -> None:
    with open_scope(michisuji.scope):
        company = Company.objects.create(firm=michisuji.firm, name=kept, kana="ワタナベグラ")
        assert company in Company.objects.perhaps_the_same(name=given)
        assert company not in Company.objects.perhaps_the_same(name="株式会社つむぎ野工務店")


# ── Last meeting, industry, archive ──


def contacted(house: House, **days_ago: int) -> None:
    with open_scope(house.scope):
        for name, days in days_ago.items():
            Company.objects.create(
                name=name, kana=name, industry="小売", last_contact_on=clock.today() - timedelta(days=days)
            )


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("30", {"三十日"}),
        ("90", {"三十日", "九十日"}),
        ("old", {"九一日"}),
        ("none", {"株式会社ア", "有限会社イ"}),
        ("", {"三十日", "九十日", "九一日", "株式会社ア", "有限会社イ"}),
    ],
)
def test_the_list_is_filtered_by_the_last_meeting(
    baba: Client, michisuji: House, asked: str, found: set[str]
) -> None:
    contacted(michisuji, 三十日=30, 九十日=90, 九一日=91)
    html = baba.get(LIST, {"contact": asked}).content.decode()
    assert {
        name for name in ("三十日", "九十日", "九一日", "株式会社ア", "有限会社イ") if name in html
    } == found


def test_the_list_is_sorted_by_the_last_meeting_with_none_at_the_end(baba: Client, michisuji: House) -> None:
    contacted(michisuji, 先月=30, 先週=7)
    for sort, order in (
        ("-contact", ("先週", "先月", "株式会社ア")),
        ("contact", ("先月", "先週", "株式会社ア")),
    ):
        html = baba.get(LIST, {"sort": sort}).content.decode()
        assert [html.index(name) for name in order] == sorted(html.index(name) for name in order)


def test_the_industries_of_the_firm_are_the_choices(baba: Client, michisuji: House) -> None:
    contacted(michisuji, 店=1)
    html = baba.get(LIST, {"industry": "小売"}).content.decode()
    assert '<option value="小売" selected>' in html
    assert "株式会社ア" not in html


def test_an_archived_company_leaves_lists_and_counts_and_comes_back(baba: Client, michisuji: House) -> None:
    company = michisuji.companies["株式会社ア"]
    url, row = f"{LIST}{company.pk}/archive/", f'<a href="{LIST}{company.pk}/">'
    assert "いつでも戻せます" in baba.get(url).content.decode()
    for _ in range(2):
        baba.post(url, {"to": "archive"})
    assert row not in baba.get(LIST).content.decode()
    assert row in baba.get(LIST, {"archived": "shown"}).content.decode()
    assert ">一覧に戻す</a>" in baba.get(f"{LIST}{company.pk}/").content.decode()
    assert ">1社<" in baba.get("/michisuji/home/").content.decode()
    assert baba.get(f"{LIST}{company.pk}/").status_code == 200
    for _ in range(2):
        baba.post(url, {"to": "list"})
    assert row in baba.get(LIST).content.decode()
    with open_scope(michisuji.scope):
        acts = [act.act for act in Trail.objects.filter(company_id=company.pk).order_by("at")]
    assert acts == ["archive.company", "restore.company"]


def test_a_company_that_became_part_of_another_is_never_listed(baba: Client, michisuji: House) -> None:
    with open_scope(michisuji.scope):
        gone = Company.objects.create(
            name="消えた会社", merged_into=michisuji.companies["株式会社ア"], archived_at=clock.now()
        )
    assert "消えた会社" not in baba.get(LIST, {"archived": "shown"}).content.decode()
    html = baba.post(LIST + "new/", typed(baba, LIST + "new/", name="消えた会社")).content.decode()
    assert "すでに登録されている企業かもしれません" not in html
    assert gone.pk


# ── To take away ──


def test_the_list_is_taken_away_as_csv_as_it_is_filtered(baba: Client, michisuji: House) -> None:
    with open_scope(michisuji.scope):
        Company.objects.create(
            name="=HYPERLINK(1)",
            corporate_number=NUMBER,
            industry="+小売",
            employees=12,
            consultant=michisuji.members["馬場"],
            last_contact_on=date(2026, 10, 5),
        )
    answer = baba.get(LIST + "csv/", {"status": "lead"})
    assert answer.content.startswith("\ufeff会社名,フリガナ,法人番号".encode())
    [row] = list(csv.DictReader(answer.content.decode("utf-8-sig").splitlines()))
    assert (row["会社名"], row["業種"]) == ("'=HYPERLINK(1)", "'+小売")
    assert (row["法人番号"], row["従業員数"], row["担当"]) == (NUMBER, "12", "馬場")
    assert row["最後の面談"] == "2026-10-05"
    assert "filename*=utf-8''" in answer.headers["Content-Disposition"]


def test_the_excel_file_has_texts_as_texts_and_numbers_as_numbers(baba: Client, michisuji: House) -> None:
    with open_scope(michisuji.scope):
        Company.objects.create(name="=1+1", kana="ア", employees=12, last_contact_on=date(2026, 10, 5))
    answer = baba.get(LIST + "excel/", {"status": "lead"})
    sheet = load_workbook(BytesIO(answer.content)).worksheets[0]
    heads, row = list(sheet.iter_rows())
    values = {str(head.value): cell for head, cell in zip(heads, row, strict=True)}
    assert (values["会社名"].value, values["会社名"].data_type) == ("=1+1", "s")
    assert values["従業員数"].value == 12
    assert values["最後の面談"].value == datetime(2026, 10, 5)


# ── Somebody who sees assigned companies only ──


@pytest.fixture
def assigned(michisuji: House) -> House:
    """馬場 sees only what is theirs: 株式会社ア; 有限会社イ is 青木's, with a number."""
    Firm.objects.filter(pk=michisuji.firm.pk).update(consultants_see=Firm.Sees.ASSIGNED)
    with open_scope(michisuji.scope):
        Company.objects.filter(name="株式会社ア").update(consultant=michisuji.members["馬場"])
        other = michisuji.companies["有限会社イ"]
        other.corporate_number, other.industry = NUMBER, "よその業種"
        other.consultant = michisuji.members["青木"]
        other.save()
    return michisuji


def test_lists_counts_choices_and_files_hold_only_ones_own(baba: Client, assigned: House) -> None:
    for url in (LIST, LIST + "csv/", "/michisuji/home/"):
        html = baba.get(url).content.decode()
        assert "有限会社イ" not in html
        assert "よその業種" not in html
    assert ">1社<" in baba.get("/michisuji/home/").content.decode()
    assert baba.get(f"{LIST}{assigned.companies['有限会社イ'].pk}/meetings/").status_code == 404


def test_a_new_company_is_theirs_and_two_clicks_are_one(baba: Client, assigned: House) -> None:
    form = typed(baba, LIST + "new/", name="新しい店", consultant="")
    first, second = (baba.post(LIST + "new/", form) for _ in range(2))
    [made] = named(assigned, "新しい店")
    assert first.headers["Location"] == second.headers["Location"] == f"{LIST}{made.pk}/"
    assert made.consultant_id == assigned.members["馬場"].pk
    assert baba.get(f"{LIST}{made.pk}/").status_code == 200


def test_the_proposal_and_the_number_tell_nothing_of_others_companies(baba: Client, assigned: House) -> None:
    html = baba.post(LIST + "new/", typed(baba, LIST + "new/", name="有限会社イイ")).content.decode()
    assert "有限会社イ<" not in html
    answer = baba.post(LIST + "new/", typed(baba, LIST + "new/", name="別", corporate_number=NUMBER))
    assert answer.status_code == 422
    assert "この法人番号は、ほかの企業で登録されています。" in answer.content.decode()
    assert "有限会社イ" not in answer.content.decode()


def test_a_company_handed_to_somebody_else_disappears_and_says_so(baba: Client, assigned: House) -> None:
    company = assigned.companies["株式会社ア"]
    edit = f"{LIST}{company.pk}/edit/"
    answer = baba.post(edit, typed(baba, edit, consultant=str(assigned.members["青木"].pk)), follow=True)
    assert answer.redirect_chain == [(LIST, 302)]
    assert "担当がほかの方になったため" in answer.content.decode()
    assert baba.get(f"{LIST}{company.pk}/").status_code == 404


def test_a_new_company_of_somebody_else_is_made_once_and_leads_to_the_list(
    baba: Client, assigned: House
) -> None:
    form = typed(baba, LIST + "new/", name="青木の店", consultant=str(assigned.members["青木"].pk))
    for _ in range(2):
        assert baba.post(LIST + "new/", form).headers["Location"] == LIST
    assert len(named(assigned, "青木の店")) == 1
