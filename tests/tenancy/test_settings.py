"""設定: what an admin sets, and nobody else."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from tenancy.models import ApiToken, FirmProfile, PrivacyNotice, PublicPerson
from tenancy.scope import open_scope
from tests.conftest import House
from tests.tenancy.test_companies import fields

As = Callable[[str], Client]
BASE = "/michisuji/settings/"
PAGES = ["", "public/", "public/people/new/", "privacy/", "privacy/1/", "members/", "tokens/"]


@pytest.fixture
def aoki(as_: As) -> Client:
    return as_("青木")


def profile(house: House) -> FirmProfile:
    with open_scope(house.scope):
        found: FirmProfile = FirmProfile.objects.get()
    return found


def people(house: House) -> list[str]:
    with open_scope(house.scope):
        return [person.name for person in PublicPerson.objects.all()]


def versions(house: House) -> list[tuple[int, str]]:
    with open_scope(house.scope):
        return list(PrivacyNotice.objects.values_list("version", "text"))


@pytest.mark.parametrize("page", PAGES)
def test_each_page_is_the_admins_only(as_: As, michisuji: House, page: str) -> None:
    expected = {"青木": 200, "馬場": 403, "千葉": 403, "権藤": 404, "誰か": 302}
    assert {name: as_(name).get(BASE + page).status_code for name in expected} == expected


# ── 公開ページ ──


def sent_profile(aoki: Client, **values: str) -> dict[str, str]:
    texts = {"headline": "", "conviction": ""}
    return fields(aoki.get(BASE + "public/")) | texts | values


def test_what_the_admin_writes_stands_on_the_public_page(aoki: Client, as_: As) -> None:
    sent = sent_profile(aoki, headline="誰に、何を。\n手段は、あとで。", conviction="一つめ。\n\n二つめ。")
    assert aoki.post(BASE + "public/", sent).status_code == 302
    html = as_("誰か").get("/michisuji/").content.decode()
    assert '誰に、<br class="narrow">何を。<br>手段は、' in html
    assert "<p>一つめ。</p>" in html
    assert "<p>二つめ。</p>" in html


def test_what_an_admin_writes_is_never_markup(aoki: Client, as_: As) -> None:
    aoki.post(BASE + "public/", sent_profile(aoki, headline="<script>x</script>", conviction="<b>y</b>"))
    html = as_("誰か").get("/michisuji/").content.decode()
    assert "<script>x" not in html
    assert "<b>y" not in html


def test_a_wrong_telephone_number_loses_nothing(aoki: Client, michisuji: House) -> None:
    page = aoki.post(BASE + "public/", sent_profile(aoki, phone="よやく", location="埼玉県"))
    assert page.status_code == 422
    assert "数字とハイフンで入力してください。" in page.content.decode()
    assert 'value="埼玉県"' in page.content.decode()
    assert profile(michisuji).phone == "048-000-0000"


def test_two_admins_at_once_do_not_overwrite_each_other(aoki: Client, michisuji: House) -> None:
    mine = sent_profile(aoki, location="埼玉県")
    aoki.post(BASE + "public/", sent_profile(aoki, hours="平日"))
    page = aoki.post(BASE + "public/", mine)
    assert page.status_code == 409
    assert "<dt>受付時間</dt><dd>いまは「平日」です</dd>" in page.content.decode()
    assert (profile(michisuji).location, profile(michisuji).hours) == ("", "平日")


def test_people_are_put_in_order_and_taken_off(aoki: Client, michisuji: House) -> None:
    for name in ("佐伯 真理子", "大槻 健", "西野 彩"):
        aoki.post(BASE + "public/people/new/", {"name": name})
    with open_scope(michisuji.scope):
        ids = {person.name: person.pk for person in PublicPerson.objects.all()}
    aoki.post(f"{BASE}public/people/{ids['西野 彩']}/move/", {"to": "up"})
    aoki.post(f"{BASE}public/people/{ids['佐伯 真理子']}/move/", {"to": "up"})
    assert people(michisuji) == ["佐伯 真理子", "西野 彩", "大槻 健"]
    aoki.post(f"{BASE}public/people/{ids['大槻 健']}/", {"name": "大槻 健一"})
    aoki.post(f"{BASE}public/people/{ids['西野 彩']}/remove/")
    assert people(michisuji) == ["佐伯 真理子", "大槻 健一"]


def test_two_clicks_add_one_person_and_another_of_the_same_name_is_said(
    aoki: Client, michisuji: House
) -> None:
    sent = [{"name": "佐伯 真理子"}, {"name": "佐伯 真理子"}, {"name": "佐伯 真理子", "title": "代表"}]
    answers = [aoki.post(BASE + "public/people/new/", each) for each in sent]
    assert [answer.status_code for answer in answers] == [302, 302, 422]
    assert "すでに載っています" in answers[2].content.decode()
    assert people(michisuji) == ["佐伯 真理子"]


@pytest.mark.parametrize("place", ["", "move/", "remove/"])
def test_another_firms_person_is_answered_like_nobody(
    as_: As, michisuji: House, aoba: House, place: str
) -> None:
    with open_scope(michisuji.scope):
        person = PublicPerson.objects.create(name="佐伯 真理子")
    answer = as_("権藤").post(f"/aoba/settings/public/people/{person.pk}/{place}", {"name": "x", "to": "up"})
    assert answer.status_code == 404
    assert people(michisuji) == ["佐伯 真理子"]


# ── 個人情報の取扱い ──


def publish(aoki: Client, after: int, text: str) -> Any:
    return aoki.post(BASE + "privacy/", {"summary": "要約", "text": text, "after": after})


def test_new_words_are_a_new_version_and_earlier_ones_stay(aoki: Client, as_: As, michisuji: House) -> None:
    publish(aoki, 1, "## 使いみち\n- 診断のため")
    assert versions(michisuji) == [(2, "## 使いみち\n- 診断のため"), (1, "本文です。")]
    html = as_("誰か").get("/michisuji/privacy/").content.decode()
    assert "<h2>使いみち</h2>" in html
    assert "<li>診断のため</li>" in html
    assert "第2版" in html
    assert "本文です。" in aoki.get(BASE + "privacy/1/").content.decode()


def test_publishing_twice_is_one_version(aoki: Client, michisuji: House) -> None:
    assert [publish(aoki, 1, "新しい文").status_code for _ in range(2)] == [302, 302]
    assert [version for version, _ in versions(michisuji)] == [2, 1]


def test_the_same_words_with_a_browser_s_line_ends_are_no_new_version(aoki: Client, michisuji: House) -> None:
    publish(aoki, 1, "本文\n\n- 一つ")
    publish(aoki, 2, "本文\r\n\r\n- 一つ")
    assert versions(michisuji)[0] == (2, "本文\n\n- 一つ")


def test_somebody_elses_version_is_not_buried(aoki: Client, michisuji: House) -> None:
    publish(aoki, 1, "先に出た文")
    page = publish(aoki, 1, "あとの文")
    assert page.status_code == 409
    assert "第2版が公開されました" in page.content.decode()
    assert "あとの文" in page.content.decode()
    assert [version for version, _ in versions(michisuji)] == [2, 1]


# ── APIトークン ──


def test_a_token_is_shown_once_works_and_can_be_revoked(aoki: Client, michisuji: House) -> None:
    page = aoki.post(BASE + "tokens/", {"name": "会計ソフト"})
    text = page.context["text"]
    assert text in page.content.decode()
    assert text not in aoki.get(BASE + "tokens/").content.decode()
    with open_scope(michisuji.scope):
        token = ApiToken.objects.get()
    assert text not in (token.hash, token.name)
    header = {"Authorization": f"Bearer {text}"}
    url = "/api/v1/firms/michisuji/companies/"
    assert Client().get(url, headers=header, SERVER_NAME="localhost").status_code == 200
    assert "すぐにつながらなくなります" in aoki.get(f"{BASE}tokens/{token.pk}/revoke/").content.decode()
    aoki.post(f"{BASE}tokens/{token.pk}/revoke/")
    assert Client().get(url, headers=header, SERVER_NAME="localhost").status_code == 401


def test_two_clicks_make_one_token_and_both_answers_show_it(aoki: Client, michisuji: House) -> None:
    page = aoki.get(BASE + "tokens/").content.decode()
    once = re.search(r'name="once" value="([^"]+)"', page)
    assert once
    sent = {"name": "会計ソフト", "once": once[1]}
    shown = {
        found
        for _ in range(2)
        for found in re.findall(r"mst_[\w-]{40,}", aoki.post(BASE + "tokens/", sent).content.decode())
    }
    assert len(shown) == 1
    with open_scope(michisuji.scope):
        token = ApiToken.objects.get()
    aoki.post(f"{BASE}tokens/{token.pk}/revoke/")
    assert shown.pop() not in aoki.post(BASE + "tokens/", sent).content.decode()
    assert once[1] not in aoki.get(BASE + "tokens/").content.decode()


def test_another_firms_token_cannot_be_revoked(as_: As, aoki: Client, michisuji: House) -> None:
    aoki.post(BASE + "tokens/", {"name": "会計ソフト"})
    with open_scope(michisuji.scope):
        token = ApiToken.objects.get()
    assert as_("権藤").post(f"/aoba/settings/tokens/{token.pk}/revoke/").status_code == 404
    with open_scope(michisuji.scope):
        assert ApiToken.objects.get().revoked_at is None
