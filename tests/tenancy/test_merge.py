"""Two companies that are the same become one; within 30 days everything that still exists goes back."""

import threading
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from diagnosis.actions import write_comment
from diagnosis.models import Comment, Diagnosis
from notices.models import Notice, NoticeRead
from tenancy import clock, merging
from tenancy.actions import update_company
from tenancy.keeping import Moves, tenant_models
from tenancy.locks import CompanyGone
from tenancy.merging import NotMergeable, merge, preview, take_back
from tenancy.models import (
    ApiToken,
    Attachment,
    Company,
    CompanyMerge,
    Due,
    Handing,
    Invitation,
    Meeting,
    Membership,
    Site,
    Trail,
)
from tenancy.records import NO_HANDS, remove_meeting, write_meeting
from tenancy.scope import open_scope
from tenancy.tasks import remove_shell
from tenancy.templatetags.michisuji import jdate
from tenancy.trail_reading import history_of
from tests.conftest import House
from tests.things import answered

As = Callable[[str], Client]


@pytest.fixture
def pair(michisuji: House) -> tuple[Company, Company]:
    """The two companies of the cast, the second one with one of everything, and 江口 is a partner of both."""
    a, i = michisuji.companies.values()
    with open_scope(michisuji.scope):
        i.location, i.employees, i.last_contact_on = "川越市", 12, date(2026, 11, 1)
        i.corporate_number = "7000012050002"
        i.save()
        furnish(michisuji, a, i)
    return a, i


def furnish(house: House, a: Company, i: Company) -> None:
    for company, names in ((a, ("本店",)), (i, ("本店", "駅前店"))):
        for name in names:
            Site.objects.create(firm=house.firm, company=company, name=name)
    answered(house, "回答した会社", i)
    partner = Membership.objects.create(
        firm=house.firm, user=house.people["江口"], role="partner", company=i, ends_at=clock.now()
    )
    staff = Membership.objects.create(firm=house.firm, user=house.people["土井"], role="owner", company=i)
    meeting = Meeting.objects.create(
        firm=house.firm, company=i, held_on=date(2026, 11, 1), body="話したこと", created_by=staff
    )
    file = Attachment.objects.create(
        firm=house.firm, company=i, meeting=meeting, name="見積.pdf", bytes=1, key="k", sha256="0"
    )
    for thing in ({"meeting": meeting}, {"attachment": file}):
        Handing.objects.create(firm=house.firm, company=i, membership=partner, **thing)
    ApiToken.objects.create(firm=house.firm, membership=staff, name="鍵", hash="h")
    notice = Notice.objects.create(firm=house.firm, company=i, key="n", title="知らせ", url="/", shared=True)
    NoticeRead.objects.create(firm=house.firm, company=i, notice=notice, membership=staff)
    for company in (a, i):
        Invitation.objects.create(
            firm=house.firm, company=company, email="new@x.example", role="staff", expires_at=clock.now()
        )


def whole(house: House) -> dict[str, Any]:
    """Every row of the firm that says what it holds, but for what a merge itself writes down."""
    said = (Trail, CompanyMerge)
    with open_scope(house.scope):
        return {
            model._meta.label: sorted(
                (sorted((k, str(v)) for k, v in row.items() if k != "updated_at") for row in rows(model)),
            )
            for model in tenant_models()
            if model not in said
        }


def rows(model: Any) -> Any:
    return model.objects.values()


def merged(house: House, kept: Company, gone: Company) -> CompanyMerge:
    with open_scope(house.scope):
        return merge(kept=kept, gone=gone, actor=house.members["馬場"])


def test_every_row_of_the_one_company_is_with_the_other_and_nothing_is_lost(
    michisuji: House, pair: tuple[Company, Company]
) -> None:
    a, i = pair
    with open_scope(michisuji.scope):
        before = {model: model.objects.count() for model in merging.movable()}
    merged(michisuji, a, i)
    with open_scope(michisuji.scope):
        assert {model: model.objects.count() for model in merging.movable()} == before
        left = {model: model.objects.filter(company=i).count() for model in merging.movable()}
        left = {model: count for model, count in left.items() if count}
        assert left == {Site: 1, Membership: 2, Invitation: 1}  # the twins, which open nothing
        assert set(Membership.objects.filter(company=i).values_list("state", flat=True)) == {"ended"}
        assert Invitation.objects.get(company=i).state == "revoked"
        assert sorted(Site.objects.filter(company=a).values_list("name", flat=True)) == ["本店", "駅前店"]


def test_of_one_person_s_two_places_the_stronger_role_stays_and_keeps_what_hung_on_the_other(
    michisuji: House, pair: tuple[Company, Company]
) -> None:
    a, i = pair
    merged(michisuji, a, i)
    with open_scope(michisuji.scope):
        doi = Membership.objects.get(user=michisuji.people["土井"], company=a)
        eguchi = Membership.objects.get(user=michisuji.people["江口"], company=a)
        assert (doi.role, doi.state) == ("owner", "active")
        assert eguchi.ends_at is None  # the place without an end is the stronger one
        assert Meeting.objects.get().created_by == doi
        assert ApiToken.objects.get().membership == doi
        assert NoticeRead.objects.get().membership == doi
        assert {each.membership for each in Handing.objects.all()} == {eguchi}


def test_empty_fields_are_filled_and_what_stood_there_stays(
    michisuji: House, pair: tuple[Company, Company]
) -> None:
    a, i = pair
    with open_scope(michisuji.scope):
        Company.objects.filter(pk=a.pk).update(location="さいたま市")
    merged(michisuji, a, i)
    with open_scope(michisuji.scope):
        a.refresh_from_db()
        assert (a.location, a.employees, a.corporate_number) == ("さいたま市", 12, "7000012050002")
        assert a.last_contact_on == date(2026, 11, 1)


def test_taken_back_everything_is_as_it_was(michisuji: House, pair: tuple[Company, Company]) -> None:
    before = whole(michisuji)
    done = merged(michisuji, *pair)
    assert whole(michisuji) != before
    with open_scope(michisuji.scope):
        take_back(done=done, actor=michisuji.members["馬場"])
    assert whole(michisuji) == before
    with open_scope(michisuji.scope):
        acts = set(Trail.objects.values_list("act", flat=True))
        assert {"merge.company", "take_back.merge"} <= acts
        with pytest.raises(NotMergeable):
            take_back(done=done, actor=None)


def test_what_was_added_since_stays_unless_it_hangs_on_what_goes_back(
    michisuji: House, pair: tuple[Company, Company]
) -> None:
    a, i = pair
    done = merged(michisuji, a, i)
    with open_scope(michisuji.scope):
        moved, file = Meeting.objects.get(), Attachment.objects.get()
        own = Meeting.objects.create(firm=michisuji.firm, company=a, held_on=date(2026, 11, 9), body="新")
        new = Attachment.objects.create(
            firm=michisuji.firm, company=a, meeting=moved, name="追加.pdf", bytes=1, key="l", sha256="0"
        )
        Attachment.objects.filter(pk=file.pk).update(meeting=own)
        partner = michisuji.members["江口"]
        Handing.objects.filter(attachment=None).delete()
        Handing.objects.create(firm=michisuji.firm, company=a, membership=partner, meeting=moved)
        write_comment(
            diagnosis=Diagnosis.objects.get(), text="あとから", based_on=1, actor=michisuji.members["馬場"]
        )
        Company.objects.filter(pk=a.pk).update(location="書き直した")
        take_back(done=done, actor=None)
        assert Meeting.objects.get(pk=own.pk).company == a
        assert Attachment.objects.get(pk=new.pk).company == i  # hangs on the moved record
        assert (Attachment.objects.get(pk=file.pk).company, Attachment.objects.get(pk=file.pk).meeting) == (
            i,
            None,
        )
        assert not Handing.objects.filter(
            meeting=moved
        ).exists()  # the kept company's partner, the other's record
        assert set(Comment.objects.values_list("company", flat=True)) == {i.pk}
        assert Company.objects.get(pk=a.pk).location == "書き直した"


def test_a_merge_can_be_taken_back_until_the_promised_day_is_over(
    michisuji: House, pair: tuple[Company, Company]
) -> None:
    done = merged(michisuji, *pair)
    last = clock.today() + timedelta(days=30)
    client = Client(SERVER_NAME="localhost")
    client.force_login(michisuji.people["馬場"], "allauth.account.auth_backends.AuthenticationBackend")
    page = client.get(f"/michisuji/companies/{pair[0].pk}/").content.decode()
    assert f"{jdate(last)}までは、取り消して" in page
    with (
        clock.stopped_at(clock.end_of(last)),
        open_scope(michisuji.scope),
        pytest.raises(NotMergeable),
    ):
        take_back(done=done, actor=None)
    with clock.stopped_at(clock.end_of(last) - timedelta(seconds=1)), open_scope(michisuji.scope):
        take_back(done=done, actor=None)


def test_after_thirty_days_the_shell_is_removed_and_what_still_reached_it_moves(
    michisuji: House, pair: tuple[Company, Company]
) -> None:
    a, i = pair
    done = merged(michisuji, a, i)
    with open_scope(michisuji.scope):
        late = Meeting.objects.create(
            firm=michisuji.firm, company=i, held_on=date(2026, 11, 9), body="遅れて"
        )
    remove_shell(michisuji.firm.pk, str(done.pk))
    with open_scope(michisuji.scope):
        assert Company.objects.filter(pk=i.pk).exists(), "not yet"
    with clock.stopped_at(clock.now() + timedelta(days=31)):
        with open_scope(michisuji.scope), pytest.raises(NotMergeable):
            take_back(done=done, actor=None)
        remove_shell(michisuji.firm.pk, str(done.pk))
        remove_shell(michisuji.firm.pk, str(done.pk))
    with open_scope(michisuji.scope):
        assert not Company.objects.filter(pk=i.pk).exists()
        assert Meeting.objects.get(pk=late.pk).company == a
        assert Meeting.objects.count() == 2
    assert not Due.objects.filter(kind=merging.SHELL).exists()


def test_the_last_contact_is_that_of_each_company_s_own_meetings(
    michisuji: House, pair: tuple[Company, Company]
) -> None:
    a, i = pair
    with open_scope(michisuji.scope):
        Meeting.objects.all().delete()
        for company, month in ((a, 1), (i, 2), (i, 3)):
            written_on(company, date(2026, month, 1))
        done = merge(kept=a, gone=i, actor=None)
        assert Company.objects.get(pk=a.pk).last_contact_on == date(2026, 3, 1)
        remove_meeting(meeting=Meeting.objects.get(held_on=date(2026, 3, 1)), actor=None)
        take_back(done=done, actor=None)
        contacts = dict(Company.objects.values_list("pk", "last_contact_on"))
    assert contacts == {a.pk: date(2026, 1, 1), i.pk: date(2026, 2, 1)}


def written_on(company: Company, day: date) -> Meeting:
    values = {"held_on": day, "kind": "visit", "body": "話したこと"}
    return write_meeting(company=company, values=values, hands=NO_HANDS, actor=None)


def test_the_trail_of_the_company_says_which_fields_the_merge_filled_and_emptied(
    michisuji: House, pair: tuple[Company, Company]
) -> None:
    a, i = pair
    with open_scope(michisuji.scope):
        Company.objects.filter(pk=i.pk).update(
            representative="千葉 一郎", consultant=michisuji.members["馬場"]
        )
        done = merge(kept=a, gone=i, actor=None)
        filled = [event.what for event in history_of(a)]
        number = Trail.objects.get(act="go.company").changes["corporate_number"]
        take_back(done=done, actor=None)
        emptied = Trail.objects.filter(act="update.company").newest_first()[0].changes
    assert "企業の情報を変えました(法人番号、従業員数、所在地、代表者、担当)" in filled
    assert number == ["7000012050002", None]
    assert emptied["consultant"] == [michisuji.members["馬場"].pk, None]
    assert emptied["representative"][0].keys() == {"sealed", "person"}


def test_a_merge_that_was_taken_back_keeps_no_name(michisuji: House, pair: tuple[Company, Company]) -> None:
    a, i = pair
    with open_scope(michisuji.scope):
        Company.objects.filter(pk=i.pk).update(representative="千葉 一郎")
        done = merge(kept=a, gone=i, actor=None)
        assert "千葉 一郎" in str(CompanyMerge.objects.get().moved)
        take_back(done=done, actor=None)
        assert CompanyMerge.objects.get().moved == {}


def test_a_merge_takes_as_many_statements_for_many_rows_as_for_one(
    michisuji: House, pair: tuple[Company, Company]
) -> None:
    a, i = pair

    def statements() -> int:
        with open_scope(michisuji.scope), CaptureQueriesContext(connection) as captured:
            done = merge(kept=a, gone=Company.objects.get(pk=i.pk), actor=None)
            take_back(done=done, actor=None)
        return len(captured)

    few = statements()
    with open_scope(michisuji.scope):
        staff = Membership.objects.get(user=michisuji.people["土井"], company=i)
        Meeting.objects.bulk_create(
            Meeting(firm=michisuji.firm, company=i, held_on=date(2026, 11, 1), body="話", created_by=staff)
            for _ in range(30)
        )
    assert statements() == few


def test_a_later_merge_is_taken_back_first(michisuji: House, pair: tuple[Company, Company]) -> None:
    a, i = pair
    with open_scope(michisuji.scope):
        third = Company.objects.create(firm=michisuji.firm, name="三社目")
    first = merged(michisuji, a, i)
    second = merged(michisuji, third, a)
    with open_scope(michisuji.scope):
        with pytest.raises(NotMergeable):
            take_back(done=first, actor=None)
        take_back(done=second, actor=None)
        take_back(done=first, actor=None)
        assert Company.objects.listed().count() == 3
        assert Meeting.objects.get().company == i


@pytest.mark.django_db(transaction=True)
def test_of_two_who_merge_each_into_the_other_one_wins(
    michisuji: House, pair: tuple[Company, Company]
) -> None:
    with open_scope(michisuji.scope):
        before = {model: model.objects.count() for model in merging.movable()}
    start, outcomes = threading.Barrier(2), []

    def one(kept: Company, gone: Company) -> None:
        start.wait()
        try:
            merged(michisuji, kept, gone)
            outcomes.append("merged")
        except NotMergeable:
            outcomes.append("too late")
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=each) for each in (pair, pair[::-1])]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(outcomes) == ["merged", "too late"]
    with open_scope(michisuji.scope):
        assert Company.objects.listed().count() == 1
        assert {model: model.objects.count() for model in merging.movable()} == before


def test_the_preview_lists_rows_and_says_what_becomes_one(
    michisuji: House, pair: tuple[Company, Company]
) -> None:
    a, i = pair
    with open_scope(michisuji.scope):
        for number in range(25):
            Site.objects.create(firm=michisuji.firm, company=i, name=f"店{number}")
        told = preview(a, i)
    groups = {each.label: each for each in told.groups}
    assert (groups["事業・拠点"].count, len(groups["事業・拠点"].shown), groups["事業・拠点"].more) == (
        26,
        20,
        6,
    )
    assert "見積.pdf" in groups["ファイル"].shown
    assert {(each.label, each.name) for each in told.conflicts} == {
        ("事業・拠点", "本店"), ("メンバー", "土井"), ("メンバー", "江口"), ("ご招待", "new@x.example"),
    }  # fmt: skip
    assert {row["label"] for row in told.filled} == {"法人番号", "従業員数", "所在地"}
    assert {"label": "従業員数", "value": "12名"} in told.filled
    labels = [model.on_merge.label for model in tenant_models() if isinstance(model.on_merge, Moves)]
    assert len(labels) == len(set(labels))


# ── On the pages ──


def test_a_consultant_chooses_looks_merges_and_takes_back(
    as_: As, michisuji: House, pair: tuple[Company, Company]
) -> None:
    a, i = pair
    client, address = as_("馬場"), f"/michisuji/companies/{a.pk}/merge/"
    assert i.name in client.get(address, {"q": "イ"}).content.decode()
    page = client.get(f"{address}{i.pk}/").content.decode()
    for words in ("見積.pdf", "本店", "強いほうの役割", "7000012050002"):
        assert words in page
    assert client.post(f"{address}{i.pk}/", {"gone": "0"}).status_code == 422
    done = client.post(f"{address}{i.pk}/", {"gone": i.pk}, follow=True)
    assert "統合を取り消す" in done.content.decode()
    old = client.get(f"/michisuji/companies/{i.pk}/")
    assert (old.status_code, old["Location"]) == (302, f"/michisuji/companies/{a.pk}/")
    assert i.name not in client.get("/michisuji/companies/").content.decode()
    again = client.post(f"{address}{i.pk}/", {"gone": i.pk}, follow=True)
    assert "統合できません" in again.content.decode()
    with open_scope(michisuji.scope):
        merge_id = CompanyMerge.objects.get().pk
    assert "残ります" in client.get(f"{address}undo/").content.decode()
    back = client.post(f"{address}undo/", {"merge": merge_id}, follow=True)
    assert "元に戻しました" in back.content.decode()
    assert client.get(f"/michisuji/companies/{i.pk}/").status_code == 200
    assert (
        "取り消せる統合はありません"
        in client.post(f"{address}undo/", {"merge": merge_id}, follow=True).content.decode()
    )


def test_a_company_that_is_looked_like_is_proposed(as_: As, michisuji: House) -> None:
    a = michisuji.companies["株式会社ア"]
    with open_scope(michisuji.scope):
        Company.objects.filter(pk=a.pk).update(name="株式会社ときわ蔵", bare_name="トキワ蔵")
        Company.objects.create(firm=michisuji.firm, name="ときわ蔵(株)")
    assert "ときわ蔵(株)" in as_("馬場").get(f"/michisuji/companies/{a.pk}/merge/").content.decode()


def test_nothing_merges_across_firms_or_with_what_a_limited_consultant_may_not_see(
    as_: As, michisuji: House, aoba: House, pair: tuple[Company, Company]
) -> None:
    a, i = pair
    foreign = aoba.companies["株式会社ウ"]
    michisuji.firm.consultants_see = "assigned"
    michisuji.firm.save()
    with open_scope(michisuji.scope):
        Company.objects.filter(pk=a.pk).update(consultant=michisuji.members["馬場"])
    client = as_("馬場")
    for other in (i.pk, foreign.pk, 10**9):
        address = f"/michisuji/companies/{a.pk}/merge/{other}/"
        assert client.get(address).status_code == 404
        assert client.post(address, {"gone": other}).status_code == 404
    assert (
        as_("青木").post(f"/michisuji/companies/{a.pk}/merge/{foreign.pk}/", {"gone": foreign.pk}).status_code
        == 404
    )
    with open_scope(michisuji.scope):
        assert not CompanyMerge.objects.exists()
        Company.objects.filter(pk=i.pk).update(consultant=michisuji.members["馬場"])
    assert client.post(f"/michisuji/companies/{a.pk}/merge/{i.pk}/", {"gone": i.pk}).status_code == 302
    with open_scope(michisuji.scope):
        assert ApiToken.objects.get().membership.company == a  # of a table that the consultant cannot see


def test_every_row_of_the_preview_can_be_looked_at_and_what_is_not_taken_over_is_named(
    as_: As, michisuji: House
) -> None:
    a, i = michisuji.companies.values()
    with open_scope(michisuji.scope):
        Company.objects.filter(pk=a.pk).update(location="さいたま市", support_status="lead")
        Company.objects.filter(pk=i.pk).update(location="川越市", support_status="client")
        written_on(i, date(2026, 11, 1))
        Site.objects.bulk_create(Site(firm=michisuji.firm, company=i, name=f"店{n:02}") for n in range(60))
        a.refresh_from_db()
        i.refresh_from_db()
        left = {row["label"]: row["value"] for row in preview(a, i).left}
    client, url = as_("馬場"), f"/michisuji/companies/{a.pk}/merge/{i.pk}/"
    page = client.get(url).content.decode()
    assert left == {"会社名": i.name, "所在地": "川越市"}
    assert "引き継がないもの" in page
    assert "支援中" in page
    assert "2026年11月1日(日)" in page
    assert f"{url}?kind=tenancy.site" in page
    all_of_them = (
        client.get(url, {"kind": "tenancy.site"}).content
        + client.get(url, {"kind": "tenancy.site", "page": "2"}).content
    )
    assert all(f"店{n:02}" in all_of_them.decode() for n in range(60))
    assert client.get(url, {"kind": "tenancy.user"}).status_code == 404
    with open_scope(michisuji.scope):
        done = merge(kept=a, gone=i, actor=None)
        assert Company.objects.get(pk=a.pk).support_status == "client"
        take_back(done=done, actor=None)
        assert Company.objects.get(pk=a.pk).support_status == "lead"


# ── Old addresses ──


@pytest.fixture
def met(michisuji: House) -> Meeting:
    """A shared meeting of イ, which is merged into ア; 藤田 was the owner of イ and is one of ア now."""
    a, i = michisuji.companies.values()
    with open_scope(michisuji.scope):
        values = {"held_on": date(2026, 11, 1), "kind": "visit", "body": "話したこと", "shared": True}
        meeting = write_meeting(company=i, values=values, hands=NO_HANDS, actor=None)
        merge(kept=a, gone=i, actor=None)
    return meeting


@pytest.mark.parametrize("person", ["馬場", "藤田"])
@pytest.mark.parametrize("page", ["meetings/", "meetings/{}/", "meetings/?page=1", "timeline/", "diagnoses/"])
def test_an_old_address_leads_to_the_same_page_of_the_kept_company(
    as_: As, michisuji: House, met: Meeting, person: str, page: str
) -> None:
    a, i = michisuji.companies.values()
    there = page.format(met.pk)
    old = as_(person).get(f"/michisuji/companies/{i.pk}/{there}")
    assert (old.status_code, old["Location"]) == (302, f"/michisuji/companies/{a.pk}/{there}")
    assert as_(person).get(old["Location"]).status_code == 200


def test_an_old_address_is_nothing_to_who_may_not_see_the_kept_company(
    as_: As, michisuji: House, aoba: House, met: Meeting
) -> None:
    i = michisuji.companies["有限会社イ"]
    with open_scope(michisuji.scope):
        Membership.objects.filter(user=michisuji.people["藤田"]).update(state="ended")
        other = Company.objects.create(firm=michisuji.firm, name="三社目")
        Membership.objects.create(
            firm=michisuji.firm, user=michisuji.people["藤田"], role="owner", company=other
        )
    michisuji.firm.consultants_see = "assigned"
    michisuji.firm.save()
    for person in ("藤田", "馬場", "権藤"):
        for method in ("get", "post"):
            answers = [
                getattr(as_(person), method)(f"/michisuji/companies/{pk}/meetings/") for pk in (i.pk, 10**9)
            ]
            assert {each.status_code for each in answers} <= {404, 405}
            assert answers[0].content == answers[1].content


def test_a_form_that_was_left_open_is_refused_and_shows_what_was_typed(
    as_: As, michisuji: House, met: Meeting
) -> None:
    a, i = michisuji.companies.values()
    old = f"/michisuji/companies/{i.pk}/"
    sent = {
        "meetings/new/": {"held_on": "2026-11-02", "kind": "visit", "body": "長い話", "shared": "False"},
        "sites/": {"name": "長い名前の店"},
        "edit/": {"name": "長い会社名", "support_status": "client"},
        "archive/": {"to": "archive"},
        "members/invite/": {"email": "new@x.example", "name": "長い名前", "role": "staff"},
    }
    for page, typed in sent.items():
        answer = as_("馬場").post(old + page, typed, headers={"Referer": f"http://testserver{old}{page}"})
        said = answer.content.decode()
        assert answer.status_code == 409, page
        assert "統合されました" in said
        assert all(text in said for name, text in typed.items() if name in ("name", "body", "email"))
        assert f"/companies/{a.pk}/{page}" in said
    with open_scope(michisuji.scope):
        assert not Meeting.objects.filter(company=i).exists()
        assert not Site.objects.filter(company=i).exists()
        assert not Invitation.objects.exists()
        assert Company.objects.get(pk=i.pk).name == "有限会社イ"


def test_the_api_refuses_a_company_that_was_merged(as_: As, michisuji: House, met: Meeting) -> None:
    i = michisuji.companies["有限会社イ"]
    url = f"/api/v1/firms/michisuji/companies/{i.pk}/"
    assert as_("馬場").patch(url, {"name": "新"}, content_type="application/json").status_code == 404
    with open_scope(michisuji.scope), pytest.raises(CompanyGone):
        update_company(company=i, values={"name": "新"}, seen=None, actor=None)


def test_a_notice_leads_to_where_its_thing_is_and_back_again(michisuji: House) -> None:
    a, i = michisuji.companies.values()
    with open_scope(michisuji.scope):
        values = {"held_on": date(2026, 11, 1), "kind": "visit", "body": "話", "shared": True}
        meeting = write_meeting(company=i, values=values, hands=NO_HANDS, actor=None)
        addresses = [Notice.objects.get().url]
        done = merge(kept=a, gone=i, actor=None)
        addresses.append(Notice.objects.get().url)
        take_back(done=done, actor=None)
        addresses.append(Notice.objects.get().url)
    here = "/michisuji/companies/{}/meetings/{}/"
    assert addresses == [here.format(company.pk, meeting.pk) for company in (i, a, i)]


@pytest.mark.django_db(transaction=True)
def test_what_is_written_while_the_company_is_being_merged_is_not_lost_in_it(michisuji: House) -> None:
    a, i = michisuji.companies.values()
    waits, outcomes = threading.Event(), []

    def late() -> None:
        try:
            with open_scope(michisuji.scope):
                waits.set()
                written_on(i, date(2026, 11, 2))
            outcomes.append("written")
        except CompanyGone:
            outcomes.append("refused")
        finally:
            connection.close()

    with open_scope(michisuji.scope):
        merge(kept=a, gone=i, actor=None)
        thread = threading.Thread(target=late)
        thread.start()
        waits.wait()
        until_somebody_waits()
    thread.join()
    assert outcomes == ["refused"]


def until_somebody_waits() -> None:
    """Until another connection waits for a lock of this one."""
    asked = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid)))"
    with connection.cursor() as cursor:
        for _ in range(10_000):
            cursor.execute(asked)
            if cursor.fetchone()[0]:
                return
    raise AssertionError("nobody waits")
