"""What people read when they sign in, fail to, and leave; and what keeps others from signing in as them."""

import re
from typing import Any

import pytest
from django.test import Client

from tenancy.models import Membership
from tenancy.scope import open_scope
from tests.conftest import PASSWORD, House
from tests.tenancy.browser import (
    CODE,
    CONFIRM,
    LOGIN,
    browser,
    later,
    mailed_code,
    mails,
    text,
    with_password,
    without_what_differs,
)

MAIL = "baba@michisuji.example"
OWNER = "chiba@a.example"


@pytest.fixture
def consultant(michisuji: House) -> Client:
    """A browser in which nobody is signed in; 馬場 has a password."""
    with_password(michisuji.people["馬場"])
    return browser()


def asks_for_a_code(email: str, **headers: str) -> tuple[Client, Any]:
    """A browser that has asked for a code, and the page that followed."""
    client = browser(**headers)
    return client, client.post(CODE, {"email": email}, follow=True)


# ── By password ──


def test_who_signs_in_and_out_is_told_so_briefly(consultant: Client) -> None:
    arrived = text(consultant.post(LOGIN, {"login": MAIL, "password": PASSWORD}, follow=True))
    assert "<p>ログインしました。</p>" in arrived
    assert "としてログイン" not in arrived
    left = consultant.post("/accounts/logout/")
    assert [str(each) for each in left.wsgi_request._messages] == ["ログアウトしました。"]  # type: ignore[attr-defined]


def test_who_changes_the_password_is_told_so(consultant: Client) -> None:
    consultant.post(LOGIN, {"login": MAIL, "password": PASSWORD})
    new = "another horse battery"
    sent = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    answer = consultant.post("/accounts/password/change/", sent)
    assert "パスワードを変更しました。" in [str(each) for each in answer.wsgi_request._messages]  # type: ignore[attr-defined]


def test_after_many_failures_the_page_says_how_long_to_wait_and_leads_to_a_new_password(
    consultant: Client,
) -> None:
    for _ in range(5):
        wrong = consultant.post(LOGIN, {"login": MAIL, "password": "wrong"})
        assert "5分ほど待ってから" not in text(wrong)
    page = text(consultant.post(LOGIN, {"login": MAIL, "password": PASSWORD}))
    assert (
        "5分ほど待ってから、もう一度お試しください。パスワードをお忘れの場合は、再設定してください。" in page
    )
    assert 'href="/accounts/password/reset/"' in page


def test_a_wrong_password_and_an_unknown_address_get_the_same_page(consultant: Client) -> None:
    known = consultant.post(LOGIN, {"login": MAIL, "password": "wrong"})
    unknown = browser().post(LOGIN, {"login": "nobody@x.example", "password": "wrong"})
    assert without_what_differs(known, MAIL) == without_what_differs(unknown, "nobody@x.example")


def test_signing_in_gives_the_browser_another_session(consultant: Client) -> None:
    consultant.get(LOGIN)
    session = consultant.session
    session["planted"] = "before"
    session.save()
    planted = str(session.session_key)
    consultant.cookies["sessionid"] = planted
    consultant.post(LOGIN, {"login": MAIL, "password": PASSWORD})
    assert consultant.cookies["sessionid"].value != planted
    thief = browser()
    thief.cookies["sessionid"] = planted
    assert thief.get("/michisuji/home/").status_code == 302


@pytest.mark.parametrize(
    "address",
    [
        *(LOGIN, CODE, "/accounts/password/reset/", "/accounts/name/", "/accounts/email/"),
        *("/accounts/sessions/", "/accounts/second-factor/set-up/", "/accounts/reauthenticate/"),
    ],
)
def test_no_other_site_can_send_these_forms(michisuji: House, address: str) -> None:
    client = Client(SERVER_NAME="localhost", enforce_csrf_checks=True)
    client.force_login(michisuji.people["千葉"])
    assert client.post(address, {}).status_code == 403


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_after_signing_in_nobody_is_led_to_another_site(consultant: Client, target: str) -> None:
    answer = consultant.post(LOGIN, {"login": MAIL, "password": PASSWORD, "next": target})
    assert answer.headers["Location"] == "/entrance/"
    consultant.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": target})
    again = consultant.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": target})
    assert again.headers["Location"] == "/accounts/"


# ── By code ──


def test_an_owner_signs_in_with_the_code_of_the_mail_and_stays_for_thirty_days(michisuji: House) -> None:
    client, asked = asks_for_a_code(OWNER)
    assert "届かないとき" in text(asked)
    assert OWNER in text(asked)
    before = client.cookies["sessionid"].value
    code = mailed_code(michisuji)
    answer = client.post(CONFIRM, {"code": f" {code[:3]} {code[3:]}"})
    assert answer.headers["Location"] == "/entrance/"
    assert client.cookies["sessionid"]["max-age"] == 30 * 24 * 3600
    assert client.cookies["sessionid"].value != before
    home = client.get("/entrance/", follow=True)
    assert (home.status_code, home.redirect_chain[-1][0][-6:]) == (200, "/home/")


def test_the_code_of_a_mail_is_for_nobody_else_to_read(michisuji: House, as_: Any) -> None:
    asks_for_a_code(OWNER)
    (mail,) = mails(michisuji)
    code = mailed_code(michisuji)
    assert (mail.to, mail.private) == (OWNER, True)
    assert code not in text(as_("青木").get(f"/michisuji/settings/mail/{mail.pk}/"))


@pytest.mark.parametrize("email", ["aoki@michisuji.example", MAIL])
def test_who_works_for_the_firm_is_asked_by_mail_to_use_the_password(michisuji: House, email: str) -> None:
    client, _ = asks_for_a_code(email)
    (mail,) = mails(michisuji)
    assert (mail.template, mail.to) == ("login_by_password", email)
    assert not re.search(r"^\d{6}$", mail.body, re.MULTILINE)
    for code in ("", "000000"):
        assert client.post(CONFIRM, {"code": code}).status_code == 200
    assert client.get("/michisuji/home/").status_code == 302


def test_the_page_after_asking_for_a_code_is_the_same_for_everybody(michisuji: House) -> None:
    pages = set()
    for email in (OWNER, MAIL, "nobody@x.example"):
        client, asked = asks_for_a_code(email)
        wrong = client.post(CONFIRM, {"code": "000000"})
        pages.add((without_what_differs(asked, email), without_what_differs(wrong, email)))
    assert len(pages) == 1


def test_who_was_let_go_gets_no_code(michisuji: House) -> None:
    with open_scope(michisuji.scope):
        Membership.objects.filter(pk=michisuji.members["千葉"].pk).update(state="ended")
    asks_for_a_code(OWNER)
    assert mails(michisuji) == []


def test_after_five_wrong_codes_one_begins_anew(michisuji: House) -> None:
    client, _ = asks_for_a_code(OWNER)
    code = mailed_code(michisuji)
    wrong = str((int(code) + 1) % 10**6).zfill(6)
    answers = [client.post(CONFIRM, {"code": wrong}) for _ in range(5)]
    assert [each.status_code for each in answers] == [200, 200, 200, 200, 302]
    assert "このコードは使えなくなりました" in text(client.get(answers[-1].headers["Location"]))
    assert client.post(CONFIRM, {"code": code}).headers["Location"] == CODE
    assert client.get("/entrance/").status_code == 302


def test_guesses_are_counted_for_the_address_whatever_the_browser(michisuji: House) -> None:
    with later(seconds=0):  # the clock stands, so that all of it falls into one window
        for _ in range(3):
            client, _ = asks_for_a_code(OWNER)
            for _ in range(4):
                client.post(CONFIRM, {"code": "nonsense"})
        client, _ = asks_for_a_code(OWNER)
        refused = client.post(CONFIRM, {"code": mailed_code(michisuji)})
    assert "お試しの回数が多いため" in text(refused)
    assert client.get("/entrance/").status_code == 302


def a_minute_passes(client: Client) -> None:
    session = client.session
    session["account_login"]["state"]["stages"]["login_by_code"]["data"]["at"] -= 61
    session.save()


def test_another_code_is_sent_after_a_minute_and_the_first_is_worth_nothing(michisuji: House) -> None:
    client, _ = asks_for_a_code(OWNER)
    first = mailed_code(michisuji)
    too_soon = client.post(CONFIRM, {"action": "resend"}, follow=True)
    assert "秒ほどお待ちになってから" in text(too_soon)
    assert len(mails(michisuji)) == 1
    a_minute_passes(client)
    assert "もう一度お送りしました" in text(client.post(CONFIRM, {"action": "resend"}, follow=True))
    second = mailed_code(michisuji)
    assert (len(mails(michisuji)), first != second) == (2, True)
    client.post(CONFIRM, {"code": first})
    assert client.get("/accounts/").status_code == 302
    client.post(CONFIRM, {"code": second})
    assert client.get("/accounts/").status_code == 200


def test_the_address_can_be_corrected_and_the_password_used_instead(michisuji: House) -> None:
    client, _ = asks_for_a_code("chiba@a.exmaple")
    assert client.get(CODE).status_code == 200
    asks = client.post(CODE, {"email": OWNER}, follow=True)
    assert OWNER in text(asks)
    assert client.get(LOGIN).status_code == 200


def test_asking_for_codes_again_and_again_stops(michisuji: House) -> None:
    answers = [browser().post(CODE, {"email": OWNER}) for _ in range(6)]
    assert [each.status_code for each in answers] == [302] * 5 + [200]
    assert len(mails(michisuji)) == 5


# ── Mails ──


def test_links_in_mails_come_from_the_installation_not_from_the_browser(michisuji: House) -> None:
    refused = Client(SERVER_NAME="evil.example").post("/accounts/password/reset/", {"email": MAIL})
    assert refused.status_code == 400
    browser(**{"X-Forwarded-Host": "evil.example"}).post("/accounts/password/reset/", {"email": MAIL})
    asks_for_a_code(MAIL, **{"X-Forwarded-Host": "evil.example"})
    sent = mails(michisuji)
    assert [each.template for each in sent] == ["password_reset", "login_by_password"]
    assert all("http://localhost:8000/accounts/" in each.body and "evil" not in each.body for each in sent)


@pytest.mark.parametrize(
    "email", ["chiba@a.example\nBcc: x@evil.example", "chiba@a.example%0aBcc:x@evil.example"]
)
def test_an_address_with_a_line_break_gets_no_mail(michisuji: House, email: str) -> None:
    answer = browser().post(CODE, {"email": email})
    assert answer.status_code in (200, 302)
    assert all(each.to == OWNER for each in mails(michisuji))


def test_a_lost_password_is_asked_for_in_the_same_words_by_everybody(michisuji: House) -> None:
    known = browser().post("/accounts/password/reset/", {"email": MAIL}, follow=True)
    unknown = browser().post("/accounts/password/reset/", {"email": "nobody@x.example"}, follow=True)
    assert without_what_differs(known) == without_what_differs(unknown)
    assert len(mails(michisuji)) == 1
