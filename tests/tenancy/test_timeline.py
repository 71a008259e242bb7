"""これまでのこと: what happened with a company, newest first, for each who asks only their part."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tenancy import clock
from tenancy.actions import archive_company
from tenancy.models import Company, Handing
from tenancy.scope import open_scope
from tests.conftest import House
from tests.things import answered, filed, noted

As = Callable[[str], Client]


@pytest.fixture
def company(michisuji: House) -> Company:
    return michisuji.companies["株式会社ア"]


def at(day: int) -> datetime:
    return timezone.make_aware(datetime(2026, 11, day, 9))


@pytest.fixture
def eventful(michisuji: House, company: Company) -> House:
    """Registered on the 1st, a meeting on the 2nd, a file on the 3rd, a diagnosis on the 4th, archived on the 5th."""
    with open_scope(michisuji.scope):
        Company.objects.filter(pk=company.pk).update(created_at=at(1))
        noted(michisuji, company, "内々の話", attendees="社長")
        with clock.stopped_at(at(3)):
            filed(michisuji, company, "内々の紙")
        with clock.stopped_at(at(4)):
            answered(michisuji, "株式会社ア", company)
        with clock.stopped_at(at(5)):
            archive_company(company=company, archived=True, actor=None)
    return michisuji


def room(company: Company, rest: str = "timeline/") -> str:
    return f"/michisuji/companies/{company.pk}/{rest}"


def test_what_happened_stands_newest_first_with_a_way_to_it(
    as_: As, eventful: House, company: Company
) -> None:
    html = as_("馬場").get(room(company)).content.decode()
    words = ("保管しました", "コメントしました", "総合評価", "内々の紙", "面談しました(訪問)", "登録しました")
    places = [html.index(each) for each in words]
    assert places[0] < min(places[1:3])
    assert places[2:] == sorted(places[2:])
    assert "社長" in html
    assert html.count(f'href="{room(company, "meetings/")}') > 1


@pytest.mark.parametrize("person", ["千葉", "土井", "江口"])
def test_the_companys_people_hear_only_of_what_is_shared(
    as_: As, eventful: House, company: Company, person: str
) -> None:
    with open_scope(eventful.scope):
        file = filed(eventful, company, "お渡しする紙", shared=True)
        Handing.objects.create(company=company, membership=eventful.members["江口"], attachment=file)
    html = as_(person).get(room(company)).content.decode()
    assert "お渡しする紙" in html
    for word in ("内々の紙", "面談しました", "登録しました", "保管しました", "/michisuji/diagnoses/"):
        assert word not in html, word
    assert ("総合評価" in html) == (person != "江口")
    assert "お渡しする紙" in as_(person).get(room(company, "home/")).content.decode()


def test_a_long_story_is_paged_and_costs_the_same(
    as_: As, michisuji: House, company: Company, django_assert_num_queries: Any
) -> None:
    baba = as_("馬場")
    with django_assert_num_queries(15):
        baba.get(room(company))
    with open_scope(michisuji.scope):
        for number in range(45):  # all at one moment, as one upload of many
            with clock.stopped_at(at(7)):
                filed(michisuji, company, f"紙{number:02}")
    with django_assert_num_queries(15):
        pages = [baba.get(room(company), {"page": page}).content.decode() for page in ("1",)]
    pages += [baba.get(room(company), {"page": page}).content.decode() for page in ("2", "3")]
    told = [f"紙{number:02}" for number in range(45)]
    assert sorted(each for page in pages for each in told if each in page) == told
    assert "?page=2" in pages[0]
    assert "?page=4" not in pages[2]


@pytest.mark.parametrize("page", ["0", "-1", "x", "²", "99999999999"])
def test_an_unreadable_page_is_the_first_or_the_last(
    as_: As, eventful: House, company: Company, page: str
) -> None:
    assert as_("馬場").get(room(company), {"page": page}).status_code == 200


def test_the_overview_shows_what_comes_next_the_files_and_the_newest(
    as_: As, michisuji: House, company: Company
) -> None:
    with open_scope(michisuji.scope):
        noted(michisuji, company, "見積を直す")
        for number in range(12):
            filed(michisuji, company, f"紙{number:02}")
    html = as_("馬場").get(room(company, "")).content.decode()
    assert "次にすること" in html
    assert "見積を直す" in html
    assert "すべてのファイル(12件)" in html
    assert html.count("を保存しました") == 10
    assert f'href="{room(company)}"' in html


def test_the_owners_home_shows_the_next_steps_that_are_shared(
    as_: As, michisuji: House, company: Company
) -> None:
    with open_scope(michisuji.scope):
        noted(michisuji, company, "共有の約束", shared=True)
        noted(michisuji, company, "内々の約束", held_on="2026-11-20")
    html = as_("千葉").get(room(company, "home/")).content.decode()
    assert "共有の約束" in html
    assert "内々の約束" not in html
    assert "共有の約束" not in as_("江口").get(room(company, "home/")).content.decode()
