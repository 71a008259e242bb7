"""What people read when they sign in, fail to, and leave."""

from html import unescape

import pytest
from django.test import Client

from tests.conftest import PASSWORD, House

LOGIN = "/accounts/login/"
MAIL = "baba@michisuji.example"


@pytest.fixture
def browser(michisuji: House) -> Client:
    michisuji.people["馬場"].set_password(PASSWORD)
    michisuji.people["馬場"].save()
    return Client(SERVER_NAME="localhost")


def text(answer: object) -> str:
    return unescape(answer.content.decode())  # type: ignore[attr-defined]


def test_who_signs_in_and_out_is_told_so_briefly(browser: Client) -> None:
    arrived = text(browser.post(LOGIN, {"login": MAIL, "password": PASSWORD}, follow=True))
    assert "<p>ログインしました。</p>" in arrived
    assert "としてログイン" not in arrived
    left = browser.post("/accounts/logout/")
    assert [str(each) for each in left.wsgi_request._messages] == ["ログアウトしました。"]  # type: ignore[attr-defined]


def test_who_changes_the_password_is_told_so(browser: Client) -> None:
    browser.post(LOGIN, {"login": MAIL, "password": PASSWORD})
    new = "another horse battery"
    sent = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    answer = browser.post("/accounts/password/change/", sent)
    assert "パスワードを変更しました。" in [str(each) for each in answer.wsgi_request._messages]  # type: ignore[attr-defined]


def test_after_many_failures_the_page_says_how_long_to_wait_and_leads_to_a_new_password(
    browser: Client,
) -> None:
    for _ in range(5):
        wrong = browser.post(LOGIN, {"login": MAIL, "password": "wrong"})
        assert "5分ほど待ってから" not in text(wrong)
    page = text(browser.post(LOGIN, {"login": MAIL, "password": PASSWORD}))
    assert (
        "5分ほど待ってから、もう一度お試しください。パスワードをお忘れの場合は、再設定してください。" in page
    )
    assert 'href="/accounts/password/reset/"' in page
