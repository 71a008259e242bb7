"""Who belongs where: invitations, roles, last days, handing over. Through the doors; races at the actions."""

import re
import threading
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test import Client

from notices.models import Mail
from notices.tasks import mail_notice
from tenancy import clock, people
from tenancy.actions import create_api_token
from tenancy.merging import merge, take_back
from tenancy.models import Company, Due, Firm, Handing, Invitation, Meeting, Membership, Trail, User
from tenancy.scope import open_scope
from tenancy.templatetags.michisuji import jdate
from tests.conftest import House
from tests.tenancy.test_companies import fields

As = Callable[[str], Client]
NEW = {"name": "新田 花", "email": "nitta@a.example"}
PASSWORD = "tadashii uma no denchi"


def company_of(house: House, name: str = "株式会社ア") -> str:
    return f"/michisuji/companies/{house.companies[name].pk}/"


def invite(client: Client, url: str, role: str, **more: str) -> Any:
    return client.post(url, {**NEW, "role": role, "title": "", **more})


def letters(house: House, to: str = NEW["email"]) -> list[Mail]:
    with open_scope(house.scope):
        return list(Mail.objects.filter(to=to).order_by("created_at"))


def link_in(mail: Mail) -> str:
    found = re.search(r"http://localhost:8000(/\S+)", mail.body)
    assert found
    return found[1]


def invited(house: House, as_: As, role: str = "owner", who: str = "馬場") -> str:
    """The link that came by mail."""
    company = role not in ("admin", "consultant")
    url = company_of(house) + "members/invite/" if company else "/michisuji/settings/members/invite/"
    ends = {"ends_on": str(clock.today() + timedelta(days=3))} if role == "partner" else {}
    assert invite(as_(who), url, role, **ends).status_code == 302
    return link_in(letters(house)[-1])


def membership(house: House, email: str) -> Membership | None:
    with open_scope(house.scope):
        found: Membership | None = Membership.objects.filter(user__email=email).first()
    return found


def fresh() -> Client:
    return Client(SERVER_NAME="localhost")


# ── Inviting and accepting ──


def test_an_owner_accepts_with_one_button_and_is_at_home(as_: As, michisuji: House) -> None:
    link, browser = invited(michisuji, as_), fresh()
    page = browser.get(link).content.decode()
    assert "「株式会社ア」へのご招待" in page
    assert "馬場様(みちすじ経営パートナーズ)から、新田 花 様へのご招待です" in page
    answer = browser.post(link, {"name": "新田 花", "password": ""}, follow=True)
    assert answer.redirect_chain == [(company_of(michisuji) + "home/", 302)]
    assert "新田 花 様、こんにちは" in answer.content.decode()
    member = membership(michisuji, NEW["email"])
    assert member is not None
    assert (member.role, member.company_id) == ("owner", michisuji.companies["株式会社ア"].pk)


def test_a_consultant_has_to_choose_a_password(as_: As, michisuji: House) -> None:
    link, browser = invited(michisuji, as_, "consultant", "青木"), fresh()
    for weak in ("", "short", "111111111111", NEW["email"]):
        assert browser.post(link, {"name": "新田 花", "password": weak}).status_code == 422
    assert membership(michisuji, NEW["email"]) is None
    answer = browser.post(link, {"name": "新田 花", "password": PASSWORD}, follow=True)
    assert answer.redirect_chain == [("/michisuji/home/", 302)]
    assert User.objects.get(email=NEW["email"]).check_password(PASSWORD)


def test_who_has_an_account_signs_in_first_and_keeps_the_password(
    as_: As, michisuji: House, aoba: House
) -> None:
    assert (
        invite(
            as_("馬場"), company_of(michisuji) + "members/invite/", "owner", email="gondo@aoba.example"
        ).status_code
        == 302
    )
    link = link_in(letters(michisuji, "gondo@aoba.example")[-1])
    assert "ログインして参加する" in fresh().get(link).content.decode()
    refused = fresh().post(link, {"name": "だれか", "password": PASSWORD})
    assert refused.status_code == 409
    assert not User.objects.get(email="gondo@aoba.example").check_password(PASSWORD)
    assert as_("権藤").post(link).status_code == 302
    assert as_("権藤").get(company_of(michisuji) + "home/").status_code == 200
    assert as_("権藤").get("/aoba/home/").status_code == 200


def test_an_invitation_is_worthless_to_anybody_else(as_: As, michisuji: House) -> None:
    link = invited(michisuji, as_)
    page = as_("藤田").get(link).content.decode()
    assert "fujita@i.example でログインしています" in page
    assert as_("藤田").post(link).status_code == 409
    assert membership(michisuji, NEW["email"]) is None
    with open_scope(michisuji.scope):
        assert Membership.objects.filter(user=michisuji.people["藤田"]).count() == 1


def test_an_invitation_is_worthless_in_another_firm(as_: As, michisuji: House, aoba: House) -> None:
    link = invited(michisuji, as_)
    assert fresh().get(link.replace("/michisuji/", "/aoba/")).status_code == 410


@pytest.mark.guard("links.version")
def test_a_link_opens_once_and_not_after_it_was_sent_anew_or_taken_back(as_: As, michisuji: House) -> None:
    first = invited(michisuji, as_)
    with open_scope(michisuji.scope):
        invitation = Invitation.objects.get()
    base = company_of(michisuji) + f"invitations/{invitation.pk}/"
    as_("馬場").post(base + "send/")
    second = link_in(letters(michisuji)[-1])
    assert second != first
    assert fresh().get(first).status_code == 410
    as_("馬場").post(base + "revoke/")
    assert fresh().get(second).status_code == 410
    third = invited(michisuji, as_)
    assert fresh().post(third, {"name": "新田 花", "password": ""}).status_code == 302
    assert fresh().post(third, {"name": "だれか", "password": ""}).status_code == 410
    told = {
        fresh().get(link).content for link in (first, second, third, third.replace(third[-9:-1], "xxxxxxxx"))
    }
    assert len(told) == 1  # whether it was used, taken back or never stood: the same
    assert 'href="/accounts/login/"' in told.pop().decode()


def test_an_invitation_ends_when_the_seventh_day_is_over(as_: As, michisuji: House) -> None:
    link = invited(michisuji, as_)
    last = clock.today() + timedelta(days=7)
    assert f"{jdate(last)}までに" in letters(michisuji)[-1].body
    with clock.stopped_at(clock.end_of(last) - timedelta(seconds=1)):
        assert f"{jdate(last)}を過ぎると" in fresh().get(link).content.decode()
        page = as_("馬場").get(company_of(michisuji) + "members/").content.decode()
        assert f"お返事の期限<b>{jdate(last)}" in page
    with clock.stopped_at(clock.end_of(last)):
        assert fresh().post(link, {"name": "新田 花", "password": ""}).status_code == 410
        invited(michisuji, as_)  # the expired one makes way


def test_an_invitation_lasts_no_longer_than_the_place(as_: As, michisuji: House) -> None:
    url, today = company_of(michisuji) + "members/", clock.today()
    assert invite(as_("馬場"), url + "invite/", "partner", ends_on=str(today)).status_code == 302
    (mail,) = letters(michisuji)
    assert f"{jdate(today)}までに" in mail.body
    with open_scope(michisuji.scope):
        invitation = Invitation.objects.get()
    with clock.stopped_at(clock.end_of(today)):
        answer = fresh().post(link_in(mail), {"name": "新田 花", "password": ""})
        assert answer.status_code == 410
        assert membership(michisuji, NEW["email"]) is None
        page = as_("馬場").get(url).content.decode()
        assert f"期限切れ<b>{jdate(today)}" in page
        assert "もう一度送る" not in page
        sent = as_("馬場").post(company_of(michisuji) + f"invitations/{invitation.pk}/send/", follow=True)
        assert "新しくご招待ください" in sent.content.decode()
        invited(michisuji, as_, "partner")  # the one that ended makes way
    assert len(letters(michisuji)) == 2


def test_the_same_invitation_again_is_said_and_sends_nothing(as_: As, michisuji: House) -> None:
    invited(michisuji, as_)
    again = invite(as_("馬場"), company_of(michisuji) + "members/invite/", "staff")
    assert again.status_code == 422
    assert "お返事を待っています" in again.content.decode()
    assert 'value="新田 花"' in again.content.decode()
    assert len(letters(michisuji)) == 1


def test_an_owner_invites_staff_and_nobody_else(as_: As, michisuji: House) -> None:
    url = company_of(michisuji) + "members/invite/"
    for role in ("owner", "partner", "admin", "consultant"):
        assert invite(as_("千葉"), url, role, ends_on=str(clock.today())).status_code == 422
    assert invite(as_("千葉"), url, "staff").status_code == 302


def test_an_owner_invites_in_the_name_of_the_company(as_: As, michisuji: House) -> None:
    link = invited(michisuji, as_, "staff", "千葉")
    (mail,) = letters(michisuji)
    assert "「株式会社ア」の千葉様が、社員としてご招待しています" in mail.body
    assert mail.private
    assert "千葉様(株式会社ア)から、新田 花 様へのご招待です" in fresh().get(link).content.decode()
    with open_scope(michisuji.scope):
        Membership.objects.filter(pk=michisuji.members["千葉"].pk).delete()
    assert "<p>みちすじ経営パートナーズから、新田 花 様へ" in fresh().get(link).content.decode()


def test_who_is_there_already_is_said_with_how_to_change_it(as_: As, michisuji: House) -> None:
    theirs = invite(as_("馬場"), company_of(michisuji) + "members/invite/", "staff", email="chiba@a.example")
    assert "参加を終えるか" in theirs.content.decode()
    ours = invite(as_("青木"), "/michisuji/settings/members/invite/", "admin", email="baba@michisuji.example")
    assert "メンバーの一覧でお名前を選ぶ" in ours.content.decode()


def test_an_owner_is_offered_what_to_do_with_invitations_of_staff_only(as_: As, michisuji: House) -> None:
    url = company_of(michisuji) + "members/"
    for number, (who, role) in enumerate((("馬場", "owner"), ("千葉", "staff"))):
        answer = invite(as_(who), url + "invite/", role, email=f"new{number}@a.example")
        assert answer.status_code == 302
    offered = {
        who: re.findall(r'action="([^"]+/invitations/[^"]+)"', as_(who).get(url).content.decode())
        for who in ("千葉", "馬場")
    }
    assert [len(each) for each in offered.values()] == [2, 4]
    assert "new0@a.example" in as_("千葉").get(url).content.decode()
    assert {as_("千葉").post(each).status_code for each in offered["千葉"]} == {302}


def test_a_name_with_a_line_break_is_no_header(as_: As, michisuji: House) -> None:
    url = company_of(michisuji) + "members/invite/"
    as_("馬場").post(url, {**NEW, "name": "新田\r\nBcc: x", "role": "owner"})
    (mail,) = letters(michisuji)
    assert "\n" not in mail.subject
    assert "\nBcc:" not in mail.body


def test_somebody_of_the_firm_needs_no_place_in_a_company(as_: As, michisuji: House) -> None:
    with open_scope(michisuji.scope):
        invitation = people.invite(
            email="aoki@michisuji.example",
            name="青木",
            role="owner",
            company=michisuji.companies["株式会社ア"],
            actor=michisuji.members["馬場"],
        )
    answer = as_("青木").post(people.address_of(invitation), follow=True)
    assert answer.redirect_chain == [("/michisuji/home/", 302)]
    assert "すでに会社のメンバー" in answer.content.decode()
    assert "aoki@" not in as_("馬場").get(company_of(michisuji) + "members/").content.decode(), "answered"
    with open_scope(michisuji.scope):
        assert [each.role for each in Membership.objects.filter(user=michisuji.people["青木"])] == ["admin"]


# ── Ends ──


def test_a_partner_comes_in_until_the_last_day_is_over(as_: As, michisuji: House) -> None:
    home, until = company_of(michisuji) + "home/", clock.today() + timedelta(days=10)
    url = company_of(michisuji) + f"members/{michisuji.members['江口'].pk}/until/"
    assert as_("馬場").post(url, {"ends_on": str(until)}).status_code == 302
    end = clock.end_of(until)
    with clock.stopped_at(end - timedelta(seconds=1)):
        assert as_("江口").get(home).status_code == 200
    with clock.stopped_at(end):
        assert as_("江口").get(home).status_code == 404


@pytest.mark.parametrize("day", ["", "2020-01-01", "2999-01-01", "いつか"])
def test_a_partner_s_last_day_has_to_be_a_day_ahead(as_: As, michisuji: House, day: str) -> None:
    url = company_of(michisuji) + "members/invite/"
    assert invite(as_("馬場"), url, "partner", ends_on=day).status_code == 422
    assert letters(michisuji) == []


def test_an_owner_ends_a_partner_and_staff_but_no_other_owner(as_: As, michisuji: House) -> None:
    def end(who: str, whom: int) -> int:
        return as_(who).post(company_of(michisuji) + f"members/{whom}/end/").status_code

    with open_scope(michisuji.scope):
        other = Membership.objects.create(
            firm=michisuji.firm,
            user=User.objects.create_user("second@a.example"),
            role="owner",
            company=michisuji.companies["株式会社ア"],
        )
    page = as_("千葉").get(company_of(michisuji) + "members/").content.decode()
    assert set(re.findall(r"members/(\d+)/end/", page)) == {
        str(michisuji.members[name].pk) for name in ("土井", "江口")
    }
    assert end("千葉", other.pk) == 404
    assert end("千葉", michisuji.members["藤田"].pk) == 404
    assert end("千葉", michisuji.members["馬場"].pk) == 404
    assert end("土井", michisuji.members["江口"].pk) == 403
    assert as_("江口").get(company_of(michisuji) + "home/").status_code == 200
    assert end("千葉", michisuji.members["江口"].pk) == 302
    assert as_("江口").get(company_of(michisuji) + "home/").status_code == 404
    assert end("千葉", michisuji.members["土井"].pk) == 302
    assert end("馬場", other.pk) == 302


def test_what_a_person_had_does_not_come_back_with_them(as_: As, michisuji: House) -> None:
    a, eguchi = michisuji.companies["株式会社ア"], michisuji.members["江口"]
    baba = michisuji.members["馬場"]
    with open_scope(michisuji.scope):
        meeting = Meeting.objects.create(company=a, held_on=clock.today(), body="話したこと", shared=True)
        Handing.objects.create(company=a, membership=eguchi, meeting=meeting)
        _, key = create_api_token(membership=baba, name="会計", actor=None)
    read = company_of(michisuji) + f"meetings/{meeting.pk}/"
    api = {"Authorization": f"Bearer {key}"}
    assert as_("江口").get(read).status_code == 200
    assert fresh().get("/api/v1/firms/michisuji/companies/", headers=api).status_code == 200

    as_("馬場").post(company_of(michisuji) + f"members/{eguchi.pk}/end/")
    as_("青木").post(f"/michisuji/settings/members/{baba.pk}/end/")
    for member, role in ((eguchi, "partner"), (baba, "consultant")):
        with open_scope(michisuji.scope):
            again = people.invite(
                email=member.user.email,
                name="同じ人",
                role=role,
                company=a if role == "partner" else None,
                actor=michisuji.members["青木"],
            )
            people.accept(invitation=again, user=member.user)
    assert as_("江口").get(company_of(michisuji) + "home/").status_code == 200
    assert as_("江口").get(read).status_code == 404
    assert as_("馬場").get("/michisuji/companies/").status_code == 200
    assert fresh().get("/api/v1/firms/michisuji/companies/", headers=api).status_code == 401


@pytest.mark.usefixtures("half_past")
def test_our_name_is_not_lent_to_nuisance(as_: As, michisuji: House, aoba: House) -> None:
    client, url = as_("千葉"), company_of(michisuji) + "members/invite/"
    for name in ("無料 https://evil.example/", "www.evil.example", "a@evil.example"):
        assert "お名前だけを" in client.post(url, {**NEW, "name": name, "role": "staff"}).content.decode()
    assert invite(client, url, "staff").status_code == 302
    link = link_in(letters(michisuji)[-1])
    assert (
        "お名前だけを"
        in fresh().post(link, {"name": "https://evil.example", "password": ""}).content.decode()
    )
    with open_scope(michisuji.scope):
        again = company_of(michisuji) + f"invitations/{Invitation.objects.get().pk}/send/"
    for _ in range(6):
        client.post(again)
    assert len(letters(michisuji)) == people.TO_ADDRESS.count
    assert "1日にお送りできる数" in client.post(again, follow=True).content.decode()
    elsewhere = f"/aoba/companies/{aoba.companies['株式会社ウ'].pk}/members/invite/"
    beside = f"/michisuji/companies/{michisuji.companies['有限会社イ'].pk}/members/invite/"
    for other, place in (("権藤", elsewhere), ("藤田", beside)):
        assert invite(as_(other), place, "staff").status_code == 302, "nobody learns whom others have invited"


@pytest.mark.parametrize("how", ["ended", "demoted"])
def test_who_may_not_invite_any_more_has_invited_nobody(as_: As, michisuji: House, how: str) -> None:
    admin = michisuji.members["馬場"]
    with open_scope(michisuji.scope):
        Membership.objects.filter(pk=admin.pk).update(role="admin")
    link = invited(michisuji, as_, "admin", "馬場")
    page, sent = f"/michisuji/settings/members/{admin.pk}/", {"role": "consultant", "title": ""}
    as_("青木").post(page + "end/" if how == "ended" else page, {} if how == "ended" else sent)
    assert fresh().post(link, {"name": "新田 花", "password": PASSWORD}).status_code == 410
    assert membership(michisuji, NEW["email"]) is None


# ── The firm's own ──


def test_a_demoted_admin_is_refused_with_the_next_request(as_: As, michisuji: House) -> None:
    baba = as_("馬場")
    url = f"/michisuji/settings/members/{michisuji.members['馬場'].pk}/"
    as_("青木").post(url, {"role": "admin", "title": ""})
    assert baba.get("/michisuji/settings/").status_code == 200
    as_("青木").post(url, {"role": "consultant", "title": ""})
    assert baba.get("/michisuji/settings/").status_code == 403


def test_who_has_left_gets_no_new_role(as_: As, michisuji: House) -> None:
    baba = michisuji.members["馬場"]
    url = f"/michisuji/settings/members/{baba.pk}/"
    assert as_("青木").post(url + "end/").status_code == 302
    answer = as_("青木").post(url, {"role": "admin", "title": "部長"}, follow=True)
    assert "新しくご招待ください" in answer.content.decode()
    with open_scope(michisuji.scope):
        baba.refresh_from_db()
    assert (baba.role, baba.title) == ("consultant", "")


def test_the_last_admin_stays(as_: As, michisuji: House) -> None:
    url = f"/michisuji/settings/members/{michisuji.members['青木'].pk}/"
    for part, sent in (("", {"role": "consultant", "title": ""}), ("end/", {})):
        answer = as_("青木").post(url + part, sent)
        assert answer.status_code == 422
        assert "管理者がいなくなる" in answer.content.decode()
    assert as_("青木").get("/michisuji/settings/").status_code == 200


def test_everything_of_a_leaving_consultant_goes_to_another_in_one_act(as_: As, michisuji: House) -> None:
    baba, aoki = michisuji.members["馬場"], michisuji.members["青木"]
    with open_scope(michisuji.scope):
        Company.objects.update(consultant=baba)
    url = f"/michisuji/settings/members/{baba.pk}/hand-over/"
    assert "2件" in as_("青木").get(url).content.decode()
    assert as_("青木").post(url, {"to": aoki.pk, "end": "on"}).status_code == 302
    with open_scope(michisuji.scope):
        assert set(Company.objects.values_list("consultant", flat=True)) == {aoki.pk}
        assert Trail.objects.filter(act="hand_over.membership", subject_id=str(baba.pk)).count() == 1
    assert as_("馬場").get("/michisuji/home/").status_code == 404


def test_each_company_s_own_trail_says_who_took_it_over_and_one_that_was_merged_is_not_counted(
    as_: As, michisuji: House
) -> None:
    baba, aoki = michisuji.members["馬場"], michisuji.members["青木"]
    kept, gone = michisuji.companies.values()
    with open_scope(michisuji.scope):
        Company.objects.update(consultant=baba)
        done = merge(kept=kept, gone=gone, actor=None)
    url = f"/michisuji/settings/members/{baba.pk}/hand-over/"
    assert "1件" in as_("青木").get(url).content.decode()
    as_("青木").post(url, {"to": aoki.pk})
    assert (
        "企業の情報を変えました(担当)" in as_("青木").get(f"/michisuji/companies/{kept.pk}/").content.decode()
    )
    with open_scope(michisuji.scope):
        act = Trail.objects.of(kept).newest_first()[0]
        assert (act.act, act.changes) == ("update.company", {"consultant": [baba.pk, aoki.pk]})
        assert take_back(done=done, actor=None).consultant_id == aoki.pk, "the way back leads to who is there"


def test_nothing_is_handed_over_to_somebody_of_another_firm(as_: As, michisuji: House, aoba: House) -> None:
    url = f"/michisuji/settings/members/{michisuji.members['馬場'].pk}/hand-over/"
    for wrong in (aoba.members["権藤"].pk, michisuji.members["千葉"].pk, ""):
        assert as_("青木").post(url, {"to": wrong}).status_code == 422


def test_many_companies_are_put_in_one_s_charge_at_once(as_: As, michisuji: House) -> None:
    baba, url = michisuji.members["馬場"], "/michisuji/companies/assign/?sort=-kana"
    both = [company.pk for company in michisuji.companies.values()]
    for _ in range(2):
        answer = as_("青木").post(url, {"companies": both, "to": baba.pk}, follow=True)
        assert answer.redirect_chain == [(url, 302)]
        assert "2社の担当を、馬場さんにしました。" in answer.content.decode()
    as_("青木").post(url, {"companies": both[:1], "to": "none"})
    with open_scope(michisuji.scope):
        charge = Company.objects.order_by("pk").values_list("consultant", flat=True)
        assert list(charge) == [None, baba.pk]
        first = Trail.objects.filter(act="update.company", subject_id=str(both[0])).order_by("at")
        assert [row.changes for row in first] == [
            {"consultant": [None, baba.pk]},
            {"consultant": [baba.pk, None]},
        ]


def news_of(client: Client) -> list[tuple[str, str]]:
    """Title and address of each notice in the member's list, newest first."""
    page = client.get("/michisuji/notices/")
    return [(notice.title, notice.url) for notice in page.context["page_obj"]]


def mailed(house: House) -> list[tuple[str, str, str]]:
    """To whom a worker sends what about companies in their charge, rung twice."""
    for _ in range(2):
        for row in list(Due.objects.filter(kind="notice")):
            mail_notice(house.firm.pk, str(row.object_id))
    with open_scope(house.scope):
        mails = Mail.objects.filter(template="in_charge").order_by("created_at")
        return [(mail.to, mail.subject, mail.body.splitlines()[2]) for mail in mails]


def test_whoever_gets_companies_hears_of_it_once_for_each_act(as_: As, michisuji: House) -> None:
    aoki, baba = michisuji.members["青木"], michisuji.members["馬場"]
    with open_scope(michisuji.scope):
        more = [Company.objects.create(name=f"{name}商店", consultant=aoki) for name in "一二三"]
    one, edit = more[0], f"/michisuji/companies/{more[0].pk}/edit/"
    mine = f"/michisuji/companies/?consultant={baba.pk}"
    for _ in range(2):
        form = {**fields(as_("青木").get(edit)), "consultant": baba.pk}
        assert as_("青木").post(edit, form).status_code == 302
    for _ in range(2):
        both = [company.pk for company in michisuji.companies.values()]
        as_("青木").post("/michisuji/companies/assign/", {"companies": both, "to": baba.pk})
    as_("青木").post(f"/michisuji/settings/members/{aoki.pk}/hand-over/", {"to": baba.pk})
    new = "/michisuji/companies/new/"
    form = {**fields(as_("青木").get(new)), "name": "新しい店", "consultant": baba.pk}
    for _ in range(2):
        as_("青木").post(new, form)
    with open_scope(michisuji.scope):
        made = Company.objects.get(name="新しい店")
    assert news_of(as_("馬場")) == [
        ("「新しい店」の担当になりました", f"/michisuji/companies/{made.pk}/"),
        ("「二商店」ほか1社の担当になりました", mine),
        ("「株式会社ア」ほか1社の担当になりました", mine),
        ("「一商店」の担当になりました", f"/michisuji/companies/{one.pk}/"),
    ]
    assert news_of(as_("青木")) == [], "nobody else's news, nor of one's own act"
    assert mailed(michisuji)[1] == (
        "baba@michisuji.example",
        "【お知らせ】「株式会社ア」ほか1社の担当になりました",
        "青木様が、2社(「株式会社ア」、「有限会社イ」)の担当を馬場様にしました。",
    )
    assert len(mailed(michisuji)) == 4
    assert "二商店" in as_("馬場").get(mine).content.decode()


def test_who_takes_companies_themselves_is_told_nothing_and_who_wants_no_mail_gets_none(
    as_: As, michisuji: House
) -> None:
    aoki, baba = michisuji.members["青木"], michisuji.members["馬場"]
    both = [company.pk for company in michisuji.companies.values()]
    as_("青木").post("/michisuji/companies/assign/", {"companies": both, "to": aoki.pk})
    assert news_of(as_("青木")) == []
    as_("馬場").post("/michisuji/notices/settings/", {"wanted": ["new_diagnosis"]})
    as_("青木").post("/michisuji/companies/assign/", {"companies": both, "to": baba.pk})
    assert len(news_of(as_("馬場"))) == 1
    assert mailed(michisuji) == []


def test_the_news_of_companies_is_read_by_who_sees_them(as_: As, michisuji: House) -> None:
    Firm.objects.filter(pk=michisuji.firm.pk).update(consultants_see="assigned")
    baba, url = michisuji.members["馬場"], "/michisuji/companies/assign/"
    both = [company.pk for company in michisuji.companies.values()]
    as_("青木").post(url, {"companies": both, "to": baba.pk})
    [(title, _)] = news_of(as_("馬場"))
    assert title == "「株式会社ア」ほか1社の担当になりました"
    assert 'class="unread">1' in as_("馬場").get("/michisuji/home/").content.decode()
    as_("青木").post(url, {"companies": both[:1], "to": "none"})
    assert news_of(as_("馬場")) == []
    assert mailed(michisuji) == []


def test_no_mail_names_a_company_that_has_moved_on_before_it_goes_out(as_: As, michisuji: House) -> None:
    Firm.objects.filter(pk=michisuji.firm.pk).update(consultants_see="assigned")
    baba, url = michisuji.members["馬場"], "/michisuji/companies/assign/"
    both = [company.pk for company in michisuji.companies.values()]
    as_("青木").post(url, {"companies": both, "to": baba.pk})
    as_("青木").post(url, {"companies": both[1:], "to": "none"})
    [(_, _, said)] = mailed(michisuji)
    assert said == "青木様が、「株式会社ア」ほか1社の担当を馬場様にしました。"
    with open_scope(michisuji.scope):
        assert not Mail.objects.filter(body__contains="有限会社イ").exists()


def test_what_cannot_be_assigned_is_said_and_the_choice_is_kept(
    as_: As, michisuji: House, aoba: House
) -> None:
    url = "/michisuji/companies/assign/"
    own, foreign = michisuji.companies["株式会社ア"].pk, aoba.companies["株式会社ウ"].pk
    baba, gondo = michisuji.members["馬場"].pk, aoba.members["権藤"].pk
    for sent, said in (
        ({"to": baba}, "1社以上選んでください"),
        ({"companies": [own]}, "新しい担当を選んでください"),
        ({"companies": [own], "to": gondo}, "新しい担当を"),
        ({"companies": [own], "to": michisuji.members["千葉"].pk}, "新しい担当を"),
        ({"companies": [own, foreign], "to": baba}, "もう一度選んでください"),
        ({"companies": [own, "一番"], "to": baba}, "企業を一覧から選んでください"),
    ):
        answer = as_("青木").post(url, sent)
        assert answer.status_code == 422
        assert said in answer.content.decode()
        assert (f'value="{own}" checked' in answer.content.decode()) == ("companies" in sent)
    with open_scope(michisuji.scope):
        assert not Company.objects.exclude(consultant=None).exists()


def test_a_consultant_sees_assigned_companies_only_where_the_firm_wants_it(as_: As, michisuji: House) -> None:
    with open_scope(michisuji.scope):
        Company.objects.filter(name="株式会社ア").update(consultant=michisuji.members["馬場"])
    Firm.objects.filter(pk=michisuji.firm.pk).update(consultants_see="assigned")
    listed = as_("馬場").get("/michisuji/companies/").content.decode()
    assert "株式会社ア" in listed
    assert "有限会社イ" not in listed
    assert as_("馬場").get(company_of(michisuji, "有限会社イ")).status_code == 404
    assert as_("馬場").get("/michisuji/home/").status_code == 200
    assert "有限会社イ" in as_("青木").get("/michisuji/companies/").content.decode()


# ── Several places ──


def test_who_belongs_to_several_places_chooses_and_finds_each(as_: As, michisuji: House, aoba: House) -> None:
    with open_scope(aoba.scope):
        Membership.objects.create(
            firm=aoba.firm,
            user=michisuji.people["千葉"],
            role="staff",
            company=aoba.companies["株式会社ウ"],
        )
    page = as_("千葉").get("/entrance/").content.decode()
    assert company_of(michisuji) + "home/" in page
    assert "株式会社ウ" in page
    assert as_("土井").get("/entrance/").headers["Location"] == company_of(michisuji) + "home/"
    assert "株式会社ア" in as_("土井").get("/entrance/?choose").content.decode()


# ── At once ──


def at_once(works: list[Callable[[], Any]]) -> list[Any]:
    """Run the works in threads that start together; what each answered, or raised."""
    ready, results = threading.Barrier(len(works)), [None] * len(works)

    def run(place: int, work: Callable[[], Any]) -> None:
        try:
            ready.wait()
            results[place] = work()
        except Exception as problem:
            results[place] = problem  # type: ignore[call-overload]
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.django_db(transaction=True)
def test_the_same_invitation_accepted_twice_at_once_makes_one_membership(as_: As, michisuji: House) -> None:
    for number in range(8):
        with open_scope(michisuji.scope):
            invitation = people.invite(
                email=f"new{number}@a.example",
                name="新田",
                role="staff",
                company=michisuji.companies["株式会社ア"],
                actor=michisuji.members["馬場"],
            )
        link = people.address_of(invitation)
        answers = at_once([lambda link=link: fresh().post(link, {"name": "新田", "password": ""})] * 3)  # type: ignore[misc]
        assert sorted(answer.status_code for answer in answers) == [302, 410, 410]
        assert User.objects.filter(email=f"new{number}@a.example").count() == 1
        with open_scope(michisuji.scope):
            assert Membership.objects.filter(user__email=f"new{number}@a.example").count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_admins_who_demote_each_other_at_once_leave_one(michisuji: House) -> None:
    aoki, baba = michisuji.members["青木"], michisuji.members["馬場"]

    def demote(actor: Membership, other: Membership) -> None:
        with open_scope(michisuji.scope):
            people.change_member(member=other, role="consultant", title="", actor=actor)

    for _ in range(8):
        with open_scope(michisuji.scope):
            Membership.objects.filter(pk__in=[aoki.pk, baba.pk]).update(role="admin")
        results = at_once([lambda: demote(aoki, baba), lambda: demote(baba, aoki)])
        assert [type(each) for each in results if each] == [PermissionDenied]
        with open_scope(michisuji.scope):
            assert Membership.objects.active().filter(role="admin").count() == 1


def test_dates_end_when_the_day_ends_in_tokyo() -> None:
    assert clock.end_of(date(2026, 11, 30)).isoformat() == "2026-12-01T00:00:00+09:00"


# ── Long lists ──


def test_lists_of_people_are_paged(as_: As, michisuji: House) -> None:
    users = User.objects.bulk_create(
        User(email=f"former{at}@michisuji.example", name=f"退職者{at:02}") for at in range(60)
    )
    with open_scope(michisuji.scope):
        places = (
            {"role": "consultant", "state": "ended"},
            {"role": "staff", "company": michisuji.companies["株式会社ア"]},
        )
        for place in places:
            Membership.objects.bulk_create(
                Membership(firm=michisuji.firm, user=user, **place) for user in users
            )
    for url, all_of_them in (("/michisuji/settings/members/", 62), (company_of(michisuji) + "members/", 63)):
        first, second = (as_("青木").get(f"{url}?page={page}").content.decode() for page in (1, 2))
        assert f"{all_of_them}件中 1〜50件" in first, url
        assert first.count("@") + second.count("@") >= all_of_them
        assert [first.count("退職者59"), second.count("退職者59") > 0] == [0, True]
