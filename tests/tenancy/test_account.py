"""What people change about their own account, and what nobody can make of these forms."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from tenancy.models import Membership, Trail, User
from tenancy.scope import open_scope
from tests.conftest import PASSWORD, House
from tests.tenancy.browser import (
    LOGIN,
    browser,
    later,
    leads_to,
    mailed_path,
    mails,
    signs_in,
    text,
    with_password,
    without_what_differs,
)

As = Callable[[str], Client]
ACCOUNT, NAME, EMAIL = "/accounts/", "/accounts/name/", "/accounts/email/"
NEW = "chiba-new@a.example"


def fresh(user: User) -> User:
    return User.objects.get(pk=user.pk)


def asks_for(client: Client, email: str) -> Any:
    return client.post(EMAIL, {"email": email}, follow=True)


# ── Overview and name ──


@pytest.mark.parametrize("person", ["青木", "馬場", "千葉", "土井", "江口", "藤田", "権藤"])
def test_everybody_sees_their_own_account_and_places(as_: As, person: str) -> None:
    page = text(as_(person).get(ACCOUNT))
    own, other = (
        ("あおば経営支援", "みちすじ") if person == "権藤" else ("みちすじ経営パートナーズ", "あおば")
    )
    assert own in page
    assert other not in page


@pytest.mark.parametrize("address", [ACCOUNT, NAME, EMAIL, "/accounts/sessions/", "/accounts/second-factor/"])
def test_strangers_are_led_to_sign_in(as_: As, address: str) -> None:
    assert leads_to(as_("誰か").get(address)) == f"/accounts/login/?next={address}"


@pytest.mark.parametrize("name", ["無料 https://evil.example/", "www.evil.example", "a@evil.example"])
def test_a_name_is_no_link_in_the_invitations_that_one_sends(as_: As, michisuji: House, name: str) -> None:
    answer = as_("千葉").post(NAME, {"name": name})
    assert (answer.status_code, "お名前だけを" in text(answer)) == (422, True)
    assert fresh(michisuji.people["千葉"]).name == michisuji.people["千葉"].name


def test_a_new_name_is_read_by_everybody_and_stands_in_each_firm_s_trail(
    as_: As, michisuji: House, aoba: House
) -> None:
    with open_scope(aoba.scope):
        Membership.objects.create(firm=aoba.firm, user=michisuji.people["馬場"], role="consultant")
    assert leads_to(as_("馬場").post(NAME, {"name": "馬場 みなみ"})) == ACCOUNT
    assert "馬場 みなみ" in text(as_("青木").get("/michisuji/settings/members/"))
    for house in (michisuji, aoba):
        with open_scope(house.scope):
            act = Trail.objects.get(act="update.user")
        assert (act.user_id, list(act.changes)) == (michisuji.people["馬場"].pk, ["name"])
        assert "みなみ" not in str(vars(act))


def test_the_same_name_once_more_is_no_change(as_: As, michisuji: House) -> None:
    for _ in range(2):
        as_("馬場").post(NAME, {"name": "馬場 みなみ"})
    with open_scope(michisuji.scope):
        assert Trail.objects.filter(act="update.user").count() == 1


def test_an_empty_name_comes_back_with_words(as_: As, michisuji: House) -> None:
    answer = as_("馬場").post(NAME, {"name": "  "})
    assert (answer.status_code, "お名前を入力してください。" in text(answer)) == (422, True)
    assert fresh(michisuji.people["馬場"]).name == "馬場"


def test_the_form_takes_a_name_and_nothing_else(as_: As, michisuji: House) -> None:
    sent = {"name": "千葉 改", "is_operator": "on", "is_active": "", "email": "x@x.example", "role": "admin"}
    as_("千葉").post(NAME, sent | {"user": michisuji.people["青木"].pk, "password": "x" * 20, "pk": "1"})
    user = fresh(michisuji.people["千葉"])
    assert (user.name, user.email, user.is_operator, user.is_active) == (
        "千葉 改",
        "chiba@a.example",
        False,
        True,
    )
    with open_scope(michisuji.scope):
        assert Membership.objects.get(user=user).role == "owner"
    assert not user.has_usable_password()


def test_a_name_with_line_breaks_makes_no_header_of_a_mail(as_: As, michisuji: House) -> None:
    as_("千葉").post(NAME, {"name": "千葉\r\nBcc: evil.example"})
    assert fresh(michisuji.people["千葉"]).name == "千葉 Bcc: evil.example"
    browser().post("/accounts/password/reset/", {"email": "chiba@a.example"})
    (mail,) = mails(michisuji)
    assert "Bcc" not in mail.subject
    assert "\nBcc" not in mail.body


# ── E-mail ──


def test_a_new_address_counts_once_its_link_is_opened_and_the_old_one_is_told(
    as_: As, michisuji: House
) -> None:
    client = as_("千葉")
    sent = asks_for(client, NEW)
    assert (sent.status_code, NEW in text(sent), "届かないとき" in text(sent)) == (200, True, True)
    assert fresh(michisuji.people["千葉"]).email == "chiba@a.example"
    (mail,) = mails(michisuji)
    assert (mail.to, mail.template, mail.private) == (NEW, "email_confirmation", True)

    elsewhere, link = browser(), mailed_path(mail)
    assert NEW in text(elsewhere.get(link))
    assert fresh(michisuji.people["千葉"]).email == "chiba@a.example"  # opened is not yet confirmed
    assert leads_to(elsewhere.post(link)) == LOGIN
    assert fresh(michisuji.people["千葉"]).email == NEW
    assert [(each.to, each.template) for each in mails(michisuji)][1:] == [
        ("chiba@a.example", "email_changed")
    ]
    assert NEW not in mails(michisuji)[1].body
    with open_scope(michisuji.scope):
        assert list(Trail.objects.get(act="update.user").changes) == ["email"]


def test_the_new_address_signs_in_and_the_old_one_does_not(as_: As, michisuji: House) -> None:
    with_password(michisuji.people["千葉"])
    client = as_("千葉")
    asks_for(client, NEW)
    client.post(mailed_path(mails(michisuji)[0]))
    answers = [
        browser().post(LOGIN, {"login": each, "password": PASSWORD}) for each in (NEW, "chiba@a.example")
    ]
    assert [each.status_code for each in answers] == [302, 200]


def test_an_address_that_somebody_has_gets_the_same_answer_and_no_mail(as_: As, michisuji: House) -> None:
    free, taken = asks_for(as_("千葉"), NEW), asks_for(as_("千葉"), "doi@a.example")
    assert without_what_differs(free, NEW) == without_what_differs(taken, "doi@a.example")
    assert [each.to for each in mails(michisuji)] == [NEW]


def test_an_address_that_somebody_took_meanwhile_is_left_to_them(as_: As, michisuji: House) -> None:
    asks_for(as_("千葉"), NEW)
    User.objects.filter(pk=michisuji.people["土井"].pk).update(email=NEW)
    answer = browser().post(mailed_path(mails(michisuji)[0]))
    assert (answer.status_code, "もうお使いになれません" in text(answer)) == (410, True)
    assert fresh(michisuji.people["千葉"]).email == "chiba@a.example"


def test_a_link_works_once_and_for_a_day(as_: As, michisuji: House) -> None:
    asks_for(as_("千葉"), NEW)
    link = mailed_path(mails(michisuji)[0])
    altered = link[:-8] + ("AAAA" if link[-8:-4] != "AAAA" else "BBBB") + link[-4:]
    assert [browser().post(each).status_code for each in (altered, link, link)] == [410, 302, 410]
    assert fresh(michisuji.people["千葉"]).email == NEW


def test_the_link_says_nothing_to_who_reads_it(as_: As, michisuji: House) -> None:
    asks_for(as_("千葉"), NEW)
    assert "chiba" not in mailed_path(mails(michisuji)[0])


def test_changing_the_address_asks_who_one_is(as_: As, michisuji: House) -> None:
    client = as_("千葉")
    with later(minutes=16):
        assert leads_to(client.post(EMAIL, {"email": NEW})).startswith("/accounts/reauthenticate/")
    assert mails(michisuji) == []


def test_nobody_sends_mails_to_the_world_from_here(as_: As, michisuji: House) -> None:
    client = as_("千葉")
    with later(seconds=0):
        answers = [client.post(EMAIL, {"email": f"x{each}@x.example"}) for each in range(6)]
    assert [each.status_code for each in answers] == [302] * 5 + [422]
    assert len(mails(michisuji)) == 5


@pytest.mark.parametrize("email", ["chiba@a.example", "nonsense", "a@b.example\nBcc: c@d.example", ""])
def test_what_is_no_new_address_comes_back(as_: As, michisuji: House, email: str) -> None:
    assert as_("千葉").post(EMAIL, {"email": email}).status_code == 422
    assert mails(michisuji) == []


@pytest.mark.parametrize("ended", ["a new password", "signed out everywhere"])
def test_what_an_intruder_asked_for_ends_with_the_intruder(michisuji: House, ended: str) -> None:
    chiba = michisuji.people["千葉"]
    with_password(chiba)
    intruder, owner = signs_in(chiba), signs_in(chiba)
    asks_for(intruder, NEW)
    link = mailed_path(mails(michisuji)[-1])
    if ended == "a new password":
        words = {
            "oldpassword": PASSWORD,
            "password1": "kumo wa shiroi hanabi",
            "password2": "kumo wa shiroi hanabi",
        }
        assert owner.post("/accounts/password/change/", words).status_code == 302
    else:
        assert owner.post("/accounts/sessions/", {"others": "1"}).status_code == 302
    assert (intruder.get(link).status_code, intruder.post(link).status_code) == (410, 410)
    assert fresh(chiba).email == "chiba@a.example"


# ── Password ──


def test_the_old_password_is_needed_for_a_new_one(michisuji: House) -> None:
    client = signs_in(with_password(michisuji.people["馬場"]))
    new = {"password1": "another horse battery", "password2": "another horse battery"}
    wrong = client.post("/accounts/password/change/", {"oldpassword": "wrong", **new})
    assert wrong.status_code == 422
    assert fresh(michisuji.people["馬場"]).check_password(PASSWORD)


def test_who_came_in_by_code_decides_on_a_password_and_signs_in_with_it(as_: As, michisuji: House) -> None:
    client = as_("千葉")
    assert leads_to(client.get("/accounts/password/change/")) == "/accounts/password/set/"
    weak = client.post("/accounts/password/set/", {"password1": "12345", "password2": "12345"})
    assert weak.status_code == 422
    assert (
        leads_to(client.post("/accounts/password/set/", {"password1": PASSWORD, "password2": PASSWORD}))
        == ACCOUNT
    )
    assert client.get(ACCOUNT).status_code == 200
    signs_in(michisuji.people["千葉"])
