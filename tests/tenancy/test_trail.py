"""操作の記録: what it keeps, what it never keeps, what it forgets, and how people read it."""

import csv
import io
import re
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from openpyxl import load_workbook

from tenancy import clock, trail
from tenancy.actions import remove_person, save_person, update_company, update_profile
from tenancy.models import (
    ApiToken,
    Attachment,
    Company,
    Invitation,
    Meeting,
    Membership,
    PersonKey,
    PublicPerson,
    Trail,
)
from tenancy.personal import Forgotten, is_sealed, keys_for, opened
from tenancy.scope import Scope, open_scope
from tenancy.trail_reading import history_of
from tenancy.views import trail as pages
from tests.api.conftest import issue
from tests.conftest import House
from tests.diagnosis.journey import Visitor
from tests.test_matrix import text_of

As = Callable[[str], Client]
PAGE = "/michisuji/settings/trail/"


@pytest.fixture
def aoki(as_: As) -> Client:
    return as_("青木")


def scope_of(house: House, name: str) -> Scope:
    """As the door opens it for somebody of the cast."""
    member = house.members[name]
    company = member.company_id
    return Scope(
        firm_id=house.firm.pk,
        user_id=member.user_id,
        companies="*" if company is None else frozenset({company}),
        side="firm" if company is None else "company",
        membership_id=member.pk,
        role=member.role,
    )


def company_of(house: House) -> Company:
    return house.companies["株式会社ア"]


def change(house: House, who: str = "馬場", **values: Any) -> Company:
    with open_scope(scope_of(house, who)):
        return update_company(company=company_of(house), values=values, seen=None, actor=house.members[who])


def act(house: House, name: str) -> Trail:
    with open_scope(house.scope):
        return Trail.objects.newest_first().filter(act=name)[0]


def read(house: House, pair: Any) -> list[Any]:
    with open_scope(house.scope):
        keys = keys_for(pair)
    return [opened(value, keys) for value in pair]


def text(client: Client, query: str = "") -> str:
    answer = client.get(f"{PAGE}{query}")
    assert answer.status_code == 200
    html = answer.content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html[html.index("<main") :]))


def acts_shown(client: Client, query: str) -> list[str]:
    html = client.get(f"{PAGE}{query}").content.decode()
    return re.findall(r'<div class="what">.*?<p>([^<]+)</p>', html, re.S)


# ── What it keeps ──


def test_a_change_keeps_what_stood_there_and_what_stands_there_now(michisuji: House) -> None:
    change(michisuji, location="埼玉県", employees=30, consultant=michisuji.members["青木"])
    row = act(michisuji, "update.company")
    assert row.changes == {
        "location": ["", "埼玉県"],
        "employees": [None, 30],
        "consultant": [None, michisuji.members["青木"].pk],
    }
    assert (row.role, row.user_id) == ("consultant", michisuji.people["馬場"].pk)


def test_what_did_not_change_is_not_written(michisuji: House) -> None:
    change(michisuji, location="埼玉県", industry="")
    change(michisuji, location="埼玉県")
    with open_scope(michisuji.scope):
        assert [set(row.changes) for row in Trail.objects.filter(act="update.company")] == [{"location"}]


def test_of_what_is_deleted_everything_stays(michisuji: House) -> None:
    with open_scope(michisuji.scope):
        person = save_person(person=PublicPerson(name="佐伯 真理子", title="代表"), actor=None)
        id = person.pk
        remove_person(person=person, actor=None)
    row = act(michisuji, "remove.person")
    assert row.subject_id == str(id)
    assert read(michisuji, row.changes["name"]) == ["佐伯 真理子", None]
    assert read(michisuji, row.changes["title"]) == ["代表", None]
    assert row.changes["position"] == [1, None]


def test_an_act_by_token_says_so(michisuji: House) -> None:
    token = issue(michisuji, "馬場")[1]
    Client(SERVER_NAME="localhost").patch(
        f"/api/v1/firms/michisuji/companies/{company_of(michisuji).pk}/",
        '{"location": "埼玉県"}',
        "application/json",
        headers={"Authorization": f"Bearer {token}"},
    )
    assert act(michisuji, "update.company").details == {"by_token": True}


def test_what_opens_something_is_refused_and_of_deleted_rows_left_out(michisuji: House) -> None:
    token, secret = issue(michisuji, "馬場")
    with open_scope(michisuji.scope):
        for given in ({"before": {"hash": "x"}}, {"api_token": secret}, {"password": "x"}):
            with pytest.raises(trail.SecretInTrail):
                trail.record("try.secret", token, **cast(Any, given))
        trail.record_gone("try.gone", token)
    gone = act(michisuji, "try.gone")
    assert "name" in gone.changes
    assert "hash" not in gone.changes
    assert token.hash not in str(gone.changes)


def test_of_a_visitor_only_the_names_of_fields_are_kept(michisuji: House) -> None:
    visitor = Visitor(michisuji).start().answer_all()
    url = visitor.submit(email="arai@tone.example")
    visitor.post(f"{url}mail/", {"email": "secret@tone.example"})
    with open_scope(michisuji.scope):
        rows = list(Trail.objects.filter(role="visitor"))
        assert PersonKey.objects.count() == 0
    assert {"start.diagnosis", "submit.diagnosis", "correct.address", "resend.link"} <= {
        row.act for row in rows
    }
    assert all(row.changes == {} for row in rows)
    assert act(michisuji, "correct.address").details == {"fields": ["email"]}
    assert "tone.example" not in str([row.details for row in rows])


# ── Personal values ──


def test_a_personal_value_is_sealed_with_the_key_of_its_person(michisuji: House) -> None:
    change(michisuji, representative="秘密 太郎")
    change(michisuji, representative="秘密 次郎")
    with connection.cursor() as cursor, open_scope(michisuji.scope):
        cursor.execute("SELECT string_agg(changes::text || details::text, ' ') FROM tenancy_trail")
        assert "秘密" not in cursor.fetchone()[0]
        keys = PersonKey.objects.all()
        assert [key.person for key in keys] == [f"tenancy.company:{company_of(michisuji).pk}"]
    pair = act(michisuji, "update.company").changes["representative"]
    assert all(map(is_sealed, pair))
    assert read(michisuji, pair) == ["秘密 太郎", "秘密 次郎"]


def test_a_forgotten_person_cannot_be_read_and_the_trail_stays(aoki: Client, michisuji: House) -> None:
    change(michisuji, representative="秘密 太郎", location="埼玉県")
    person = f"tenancy.company:{company_of(michisuji).pk}"
    assert "秘密 太郎" in text(aoki)
    with open_scope(michisuji.scope):
        assert [trail.forget(person), trail.forget(person)] == [True, False]
        Company.objects.update(representative="")
    shown = text(aoki)
    assert "秘密" not in shown
    assert "(消去済み)" in shown
    assert "企業の情報を変えました" in shown
    assert "埼玉県" in shown


def test_after_forgetting_a_new_value_brings_no_old_one_back(michisuji: House) -> None:
    change(michisuji, representative="秘密 太郎")
    old = act(michisuji, "update.company").changes["representative"]
    with open_scope(michisuji.scope):
        trail.forget(f"tenancy.company:{company_of(michisuji).pk}")
    change(michisuji, representative="新しい人")
    with pytest.raises(Forgotten):
        read(michisuji, old)


@pytest.mark.django_db(transaction=True)
def test_two_at_once_seal_with_one_key(michisuji: House) -> None:
    """Each waits before committing until the other is at it too, as far as the database lets them."""
    ready, names = threading.Barrier(2), ("青木", "馬場")
    fields = dict(zip(names, ("phone", "representative"), strict=True))
    problems: list[BaseException] = []

    def work(name: str) -> None:
        try:
            with open_scope(scope_of(michisuji, name)):
                ready.wait(5)
                person = PublicPerson(name="同じ人", pk=77, firm=michisuji.firm)
                trail.record("try.seal", person, before={"name": fields[name]})
        except BaseException as problem:  # shown by the assertion below
            problems.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    with open_scope(michisuji.scope):
        assert PersonKey.objects.count() == 1
        rows = list(Trail.objects.filter(act="try.seal"))
    assert sorted(read(michisuji, row.changes["name"])[0] for row in rows) == ["phone", "representative"]


def test_somebody_of_a_company_seals_with_the_firm_s_key_and_cannot_see_it(michisuji: House) -> None:
    user = michisuji.people["千葉"]
    with open_scope(michisuji.scope):
        trail.record("try.name", user, before={"name": "前の名前"})
    with open_scope(scope_of(michisuji, "千葉")):
        trail.record("try.name", user, before={"name": "元の名前"}, company_id=company_of(michisuji).pk)
        assert not PersonKey.objects.exists()
    with open_scope(michisuji.scope):
        assert PersonKey.objects.count() == 1
    assert read(michisuji, act(michisuji, "try.name").changes["name"]) == ["元の名前", "千葉"]


# ── The page ──


def test_the_page_is_for_admins_and_operators(as_: As, michisuji: House) -> None:
    expected = {"青木": 200, "馬場": 403, "千葉": 403, "権藤": 404, "誰か": 302}
    for place in ("", "csv/", "excel/"):
        assert {name: as_(name).get(PAGE + place).status_code for name in expected} == expected
    with open_scope(michisuji.scope):
        Membership.objects.filter(pk=michisuji.members["馬場"].pk).update(role="operator")
    assert as_("馬場").get(PAGE).status_code == 200
    assert 'href="/michisuji/settings/"' not in as_("馬場").get(PAGE).content.decode()


def test_a_row_says_who_did_what_to_what_and_what_stood_there(aoki: Client, michisuji: House) -> None:
    change(
        michisuji, representative="山田 花子", support_status="former", consultant=michisuji.members["青木"]
    )
    shown = text(aoki)
    assert "馬場 (コンサルタント) 企業の情報を変えました" in shown
    assert "代表者 (空) → 山田 花子" in shown
    assert "支援状況 支援中 → 終了" in shown
    assert "担当 (空) → 青木" in shown
    link = f'<a href="/michisuji/companies/{company_of(michisuji).pk}/">株式会社ア</a>'
    assert link in aoki.get(PAGE).content.decode()


def test_a_company_among_the_values_is_called_by_its_name(aoki: Client, michisuji: House) -> None:
    diagnosis, company = Visitor(michisuji).start().row(), company_of(michisuji)
    with open_scope(michisuji.scope):
        diagnosis.company = company
        trail.record("take_over.company", diagnosis, before={"company": None}, company_id=company.pk)
        trail.record("take_over.company", diagnosis, before={"company": 10**9}, company_id=company.pk)
    shown = text(aoki)
    assert "支援先企業 (空) → 株式会社ア" in shown
    assert "支援先企業 (削除済み) → 株式会社ア" in shown


def test_what_is_gone_has_no_link(aoki: Client, michisuji: House) -> None:
    with open_scope(michisuji.scope):
        person = save_person(person=PublicPerson(name="佐伯 真理子"), actor=None)
        remove_person(person=person, actor=None)
    shown = text(aoki)
    assert "システム 公開ページから人を外しました 公開ページの人 お名前 佐伯 真理子 → (空)" in shown


def test_visitors_and_those_who_type_for_others_are_told_apart(
    aoki: Client, as_: As, michisuji: House
) -> None:
    visitor = Visitor(michisuji).start()
    shown = text(aoki)
    assert "お客様(リンク) 回答を始めました" in shown
    with open_scope(scope_of(michisuji, "馬場")):
        trail.record("start.diagnosis", visitor.row(), origin="on_behalf")
    assert "馬場 (コンサルタント) 代理入力 代理入力を始めました" in text(aoki)


def test_somebody_of_another_firm_who_came_as_a_visitor_is_not_named(
    aoki: Client, as_: As, michisuji: House
) -> None:
    visitor = Visitor(michisuji)
    visitor.browser = as_("権藤")
    visitor.start()
    shown = text(aoki)
    assert "お客様(リンク) 回答を始めました" in shown
    assert "権藤" not in shown


def test_it_is_narrowed_down_by_its_address(aoki: Client, michisuji: House) -> None:
    Visitor(michisuji).start()
    change(michisuji, location="埼玉県")
    with open_scope(scope_of(michisuji, "青木")):
        update_profile(values={"headline": "見出し"}, seen=None, actor=None)
        with clock.stopped_at(clock.now() - timedelta(days=10)):
            trail.record("add.person", PublicPerson(pk=1))
    baba = michisuji.people["馬場"].pk
    today, then = clock.today(), clock.today() - timedelta(days=10)
    expected = {
        f"?who={baba}": ["企業の情報を変えました"],
        "?who=visitor": ["回答を始めました"],
        "?act=update.profile": ["公開ページの内容を変えました"],
        "?act=group:公開ページ": ["公開ページの内容を変えました", "公開ページに人を加えました"],
        "?company=ア": ["企業の情報を変えました"],
        f"?company={company_of(michisuji).pk}": ["企業の情報を変えました"],
        "?company=イ": [],
        f"?until={then}": ["公開ページに人を加えました"],
        f"?since={today}&q=公開ページ": ["公開ページの内容を変えました"],
        "?q=支援先企業": ["企業の情報を変えました"],
        "?q=株式会社ア 情報": ["企業の情報を変えました"],
        "?q=馬場": ["企業の情報を変えました"],
        "?q=藤田": [],
        "?q=どこにもない": [],
        "?who=0&act=x&since=いつか": [
            "公開ページの内容を変えました",
            "企業の情報を変えました",
            "回答を始めました",
            "公開ページに人を加えました",
        ],
    }
    assert {query: acts_shown(aoki, query) for query in expected} == expected


def test_what_happened_to_a_member_is_found_by_the_name(aoki: Client, michisuji: House) -> None:
    with open_scope(scope_of(michisuji, "青木")):
        trail.record("update.membership", michisuji.members["藤田"])
        invited = Invitation(email="fuji@b.example", name="藤井", role="consultant", expires_at=clock.now())
        invited.save()
        trail.record("revoke.invitation", invited)
    assert acts_shown(aoki, "?q=藤田") == ["役割や肩書きを変えました"]
    assert acts_shown(aoki, "?q=藤井") == ["招待を取り消しました"]


def test_it_is_paged_and_costs_the_same_for_any_number_of_rows(aoki: Client, michisuji: House) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            aoki.get(PAGE)
        return len(queries)

    change(michisuji, representative="甲")
    cost()
    few = cost()
    for number in range(60):
        change(michisuji, representative=f"乙{number}", location=f"{number}丁目")
    assert cost() == few
    assert len(acts_shown(aoki, "")) == 50
    assert len(acts_shown(aoki, "?page=2")) == 11


def test_another_firm_s_trail_is_not_there(aoki: Client, aoba: House) -> None:
    with open_scope(aoba.scope):
        update_company(
            company=aoba.companies["株式会社ウ"], values={"location": "よそ"}, seen=None, actor=None
        )
    assert "よそ" not in text(aoki)


# ── Taking it away ──


def test_what_is_filtered_is_downloaded_whole_and_calculates_nothing(aoki: Client, michisuji: House) -> None:
    change(michisuji, representative="=1+1", location="埼玉県")
    with open_scope(scope_of(michisuji, "青木")):
        update_profile(values={"headline": "見出し"}, seen=None, actor=None)
    answer = aoki.get(f"{PAGE}csv/?who={michisuji.people['馬場'].pk}")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0] == list(pages.HEADS)
    assert len(rows) == 2
    assert rows[1][1:8] == [
        "馬場",
        "コンサルタント",
        "",
        "企業の情報を変えました",
        "支援先企業",
        "株式会社ア",
        "株式会社ア",
    ]
    assert rows[1][8] == "所在地:(空) → 埼玉県\n代表者:(空) → =1+1"
    sheet: Any = load_workbook(io.BytesIO(aoki.get(f"{PAGE}excel/?act=update.company").content)).active
    assert [row[4].value for row in sheet.rows] == ["何を", "企業の情報を変えました"]
    assert act(michisuji, "export.trail").details == {"count": 1}


def test_a_name_that_begins_like_a_formula_is_only_a_text(aoki: Client, michisuji: House) -> None:
    with open_scope(michisuji.scope):
        Company.objects.filter(pk=company_of(michisuji).pk).update(name="=HYPERLINK(1)")
    change(michisuji, location="埼玉県")
    rows = list(csv.reader(io.StringIO(aoki.get(f"{PAGE}csv/").content.decode("utf-8-sig"))))
    assert rows[1][6] == "'=HYPERLINK(1)"


def test_a_download_that_is_not_everything_says_so(
    aoki: Client, michisuji: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MOST", 2)
    monkeypatch.setattr(pages, "_CHUNK", 1)
    for number in range(3):
        change(michisuji, location=f"{number}丁目")
    assert "2件までを書き出します" in text(aoki)
    rows = list(csv.reader(io.StringIO(aoki.get(f"{PAGE}csv/").content.decode("utf-8-sig"))))
    assert [row[8] for row in rows[1:3]] == ["所在地:1丁目 → 2丁目", "所在地:0丁目 → 1丁目"]
    assert rows[3] == ["新しい順に2件までを書き出しました。それより前は、期間を絞ってお試しください。"]


@pytest.mark.parametrize("kind", ["csv", "excel"])
def test_what_is_written_during_a_download_shifts_no_line(
    aoki: Client, michisuji: House, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(pages, "_CHUNK", 2)
    for number in range(7):
        change(michisuji, location=f"{number}丁目")

    def somebody_acts(execute: Any, sql: str, *rest: Any) -> Any:
        """Between one part and the next, when the names in it are looked up."""
        if 'FROM "tenancy_membership"' in sql and "tenancy_user" in sql:
            trail.record("read.company", company_of(michisuji), company_id=company_of(michisuji).pk)
        return execute(sql, *rest)

    with connection.execute_wrapper(somebody_acts):
        answer = aoki.get(f"{PAGE}{kind}/")
    told = text_of(answer)
    assert [told.count(f"→ {number}丁目") for number in range(7)] == [1] * 7


def test_the_pages_end_where_a_download_does(
    aoki: Client, michisuji: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MOST", 2)
    monkeypatch.setattr(pages, "PER_PAGE", 1)
    for number in range(4):
        change(michisuji, location=f"{number}丁目")
    assert "新しい2件中 1〜1件" in text(aoki)
    assert (len(acts_shown(aoki, "?page=2")), "3丁目" in text(aoki)) == (1, True)
    assert "page=3" not in text(aoki)


# ── On the thing itself ──


def test_the_company_s_page_says_who_changed_it(as_: As, michisuji: House) -> None:
    change(michisuji, representative="山田 花子", location="埼玉県")
    html = as_("馬場").get(f"/michisuji/companies/{company_of(michisuji).pk}/").content.decode()
    assert "馬場:企業の情報を変えました(所在地、代表者)" in html


def test_the_company_s_page_says_who_added_or_renamed_a_site(as_: As, michisuji: House) -> None:
    url = f"/michisuji/companies/{company_of(michisuji).pk}/"
    as_("馬場").post(f"{url}sites/", {"name": "本店"})
    with open_scope(michisuji.scope):
        site = company_of(michisuji).sites.get()
    as_("青木").post(f"{url}sites/{site.pk}/", {"name": "泉店"})
    html = as_("馬場").get(url).content.decode()
    assert "馬場:事業・拠点を加えました" in html
    assert "青木:事業・拠点の名前を変えました" in html


def test_a_meeting_s_page_says_who_changed_it_to_the_firm_alone(as_: As, michisuji: House) -> None:
    company = company_of(michisuji)
    with open_scope(scope_of(michisuji, "馬場")):
        row = Meeting.objects.create(company=company, held_on=clock.today(), body="話", shared=True)
        trail.record("update.meeting", row, company_id=company.pk, before={"body": "前の話"})
    url = f"/michisuji/companies/{company.pk}/meetings/{row.pk}/"
    assert "馬場:面談記録を直しました(話したこと)" in as_("青木").get(url).content.decode()
    assert "最近の変更" not in as_("千葉").get(url).content.decode()


def test_a_file_s_settings_say_who_shared_it(as_: As, michisuji: House) -> None:
    company = company_of(michisuji)
    with open_scope(scope_of(michisuji, "馬場")):
        row = Attachment.objects.create(
            company=company, name="a.pdf", content_type="application/pdf", bytes=1, shared=True, key="x"
        )
        trail.record("update.file", row, company_id=company.pk, before={"shared": False})
    page = as_("青木").get(f"/michisuji/companies/{company.pk}/files/{row.pk}/edit/").content.decode()
    assert "馬場:ファイルの共有を変えました" in page


def test_settings_say_who_changed_them(aoki: Client, michisuji: House) -> None:
    aoki.post("/michisuji/settings/privacy/", {"summary": "要約", "text": "本文", "after": 1})
    aoki.post("/michisuji/settings/public/people/new/", {"name": "佐伯 真理子"})
    assert (
        "青木:個人情報の取扱いを公開しました(第2版)"
        in aoki.get("/michisuji/settings/privacy/").content.decode()
    )
    assert "青木:公開ページに人を加えました" in aoki.get("/michisuji/settings/public/").content.decode()


def test_an_owner_sees_own_people_by_name_and_the_firm_as_the_firm(as_: As, michisuji: House) -> None:
    change(michisuji, location="埼玉県")
    with open_scope(scope_of(michisuji, "土井")):
        trail.record("update.company", company_of(michisuji), company_id=company_of(michisuji).pk)
    html = as_("千葉").get(f"/michisuji/companies/{company_of(michisuji).pk}/home/").content.decode()
    assert "みちすじ経営パートナーズ:企業の情報を変えました(所在地)" in html
    assert "土井:企業の情報を変えました" in html
    assert "馬場" not in html


@pytest.mark.parametrize(("name", "sees"), [("千葉", 1), ("藤田", 0)])
def test_the_wall_shows_a_company_its_own_changes_only(michisuji: House, name: str, sees: int) -> None:
    company = change(michisuji, location="埼玉県")
    with open_scope(scope_of(michisuji, name)):
        assert len(history_of(company)) == sees
        assert Trail.objects.count() == sees


def test_the_history_costs_two_queries_whatever_its_length(michisuji: House) -> None:
    company = change(michisuji, location="埼玉県")
    for number in range(6):
        change(michisuji, "青木", location=f"{number}丁目")
    with open_scope(michisuji.scope), CaptureQueriesContext(connection) as queries:
        assert len(history_of(company)) == 5
    assert len(queries) == 2


def test_a_token_s_end_is_a_change(aoki: Client, michisuji: House) -> None:
    token: ApiToken = issue(michisuji, "青木")[0]
    aoki.post(f"/michisuji/settings/tokens/{token.pk}/revoke/")
    assert act(michisuji, "revoke.api_token").changes["revoked_at"][0] is None
    assert re.search(r"失効した日時 \(空\) → \d{4}年\d+月\d+日", text(aoki))
