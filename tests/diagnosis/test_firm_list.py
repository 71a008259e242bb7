"""The list of diagnoses that consultants see."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from diagnosis.models import Diagnosis
from notices.models import Notice
from tenancy.scope import open_scope
from tests.conftest import House
from tests.diagnosis.firm_help import answered

As = Callable[[str], Client]
LIST = "/michisuji/diagnoses/"


def shown(client: Client, query: str = "") -> str:
    response = client.get(LIST + query)
    assert response.status_code == 200
    return response.content.decode()


def test_it_says_company_grade_points_bottleneck_and_signs_of_each(as_: As, michisuji: House) -> None:
    answered(michisuji, "ときわ蔵", case="case04")
    page = shown(as_("馬場"))
    row = page[page.index("ときわ蔵") :]
    for word in ("<b>E</b>", "24.9", "リピート", ">9<", "公開ページから", "まだ見ていない", "引き継ぎ待ち"):
        assert word in row


def test_the_newest_stands_first(as_: As, michisuji: House) -> None:
    for name in ("はじめの会社", "つぎの会社"):
        answered(michisuji, name)
    page = shown(as_("馬場"))
    assert page.index("つぎの会社") < page.index("はじめの会社")


def test_opening_one_takes_it_off_those_not_looked_at(as_: As, michisuji: House) -> None:
    one, client = answered(michisuji), as_("馬場")
    assert "利根あおば精工" in shown(client, "?show=unseen")
    client.get(f"{LIST}{one.pk}/")
    assert "利根あおば精工" not in shown(client, "?show=unseen")


def test_whoever_typed_one_for_a_company_need_not_look_again(as_: As, michisuji: House) -> None:
    one, client = answered(michisuji, "聞き取った会社"), as_("馬場")
    with open_scope(michisuji.scope):
        Diagnosis.objects.filter(pk=one.pk).update(origin="on_behalf")
    assert "聞き取った会社" not in shown(client, "?show=unseen")
    assert "まだ見ていない</span>" not in shown(client)


def test_only_what_waits_to_be_taken_over_or_only_clients(as_: As, michisuji: House) -> None:
    answered(michisuji, "まだの会社")
    answered(michisuji, "株式会社ア", company=michisuji.companies["株式会社ア"])
    client = as_("馬場")
    waiting, clients = shown(client, "?show=waiting"), shown(client, "?show=clients")
    assert "まだの会社" in waiting
    assert "株式会社ア" not in waiting
    assert "株式会社ア" in clients
    assert "まだの会社" not in clients


def test_by_grade(as_: As, michisuji: House) -> None:
    answered(michisuji, "優れた会社", case="case07")
    answered(michisuji, "これからの会社", case="case04")
    page = shown(as_("馬場"), "?grade=A")
    assert "優れた会社" in page
    assert "これからの会社" not in page


@pytest.mark.parametrize("words", ["ﾄｷﾜ", "ときわ", "トキワ ec", "EC"])
def test_names_are_found_in_any_width_case_and_kana(as_: As, michisuji: House, words: str) -> None:
    answered(michisuji, "トキワ蔵EC")
    answered(michisuji, "べつの会社")
    page = shown(as_("馬場"), f"?q={words}")
    assert "トキワ蔵EC" in page
    assert "べつの会社" not in page


def test_nothing_found_leads_back_to_all(as_: As, michisuji: House) -> None:
    answered(michisuji)
    assert "該当するものが見つかりませんでした" in shown(as_("馬場"), "?q=いない会社")


def test_a_choice_that_does_not_exist_narrows_nothing(as_: As, michisuji: House) -> None:
    answered(michisuji)
    assert "利根あおば精工" in shown(as_("馬場"), "?show=%27&grade=Z&page=999")


def test_the_notice_of_a_new_one_leads_to_it(as_: As, michisuji: House) -> None:
    one, client = answered(michisuji), as_("馬場")
    with open_scope(michisuji.scope):
        address = Notice.objects.get(url__contains=str(one.pk)).url
    assert address == f"{LIST}{one.pk}/"
    assert client.get(address).status_code == 200


def test_an_empty_list_says_how_it_fills(as_: As) -> None:
    assert "簡易診断はまだ届いていません" in shown(as_("馬場"))


def test_answers_under_way_are_not_in_it(as_: As, michisuji: House) -> None:
    with open_scope(michisuji.scope):
        Diagnosis.objects.create(company_name="途中の会社", questionnaire_version="1.0.0")
    assert "途中の会社" not in shown(as_("馬場"))


def test_fifty_stand_on_a_page(as_: As, michisuji: House) -> None:
    one = answered(michisuji)
    _copies(michisuji, one, 51)
    client = as_("馬場")
    assert shown(client).count('<th scope="row">') == 50
    assert shown(client, "?page=2").count('<th scope="row">') == 2


def test_many_need_as_many_queries_as_one(as_: As, michisuji: House) -> None:
    one, client = answered(michisuji), as_("馬場")
    shown(client)
    with CaptureQueriesContext(connection) as few:
        shown(client)
    _copies(michisuji, one, 45)
    with CaptureQueriesContext(connection) as many:
        shown(client)
    assert len(many) == len(few)


def _copies(house: House, diagnosis: Diagnosis, count: int) -> None:
    with open_scope(house.scope):
        for number in range(count):
            diagnosis.pk = None
            diagnosis.id = Diagnosis._meta.pk.get_default()
            diagnosis.company_name = f"会社{number}"
            diagnosis.save(force_insert=True)


def test_a_home_where_nothing_waits_shows_the_latest_and_the_way_on(as_: As, michisuji: House) -> None:
    answered(michisuji, "株式会社ア", company=michisuji.companies["株式会社ア"])
    with open_scope(michisuji.scope):
        Diagnosis.objects.update(origin="on_behalf")
    page = as_("馬場").get("/michisuji/home/").content.decode()
    for words in (
        "今日、急ぎのものはありません。",
        "最近の簡易診断",
        "コメントはまだ",
        "リンクを送るか代理で入力します",
    ):
        assert words in page
    assert "届いた簡易診断" not in page
