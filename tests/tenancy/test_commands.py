"""The commands by which an installation begins."""

import re
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client

from tenancy.models import Firm, FirmProfile, Membership, PrivacyNotice, Trail, User
from tenancy.scope import Scope, open_scope
from tests.conftest import House

pytestmark = pytest.mark.django_db


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def create(slug: str = "shin", name: str = "新しい経営支援", email: str = "Neu@shin.example") -> str:
    return run("create_firm", "--slug", slug, "--name", name, "--admin-email", email)


def test_a_firm_begins_with_profile_privacy_notice_and_admin() -> None:
    create()
    firm = Firm.objects.get(slug="shin")
    with open_scope(Scope.of_firm(firm.pk)):
        assert FirmProfile.objects.get().legal_name == "新しい経営支援"
        notice = PrivacyNotice.objects.get()
        assert Membership.objects.get().role == "admin"
        assert Trail.objects.filter(act="create.firm").count() == 1
    assert notice.version == 1
    for word in ("30日", "180日", "お渡し", "削除", "お問い合わせ"):
        assert word in notice.text


def test_the_printed_link_lets_the_admin_set_a_password_and_enter() -> None:
    out = create()
    found = re.search(rf"{re.escape(settings.PUBLIC_URL)}(/accounts/password/reset/key/\S+)", out)
    assert found
    browser = Client(SERVER_NAME="localhost")
    page = browser.get(found.group(1), follow=True)
    form = {"password1": "a long enough word", "password2": "a long enough word"}
    browser.post(page.redirect_chain[-1][0], form)
    signed_in = Client(SERVER_NAME="localhost")
    answer = signed_in.post(
        "/accounts/login/", {"login": "neu@shin.example", "password": "a long enough word"}, follow=True
    )
    assert answer.redirect_chain[-1][0] == "/shin/home/"


@pytest.mark.parametrize(
    ("slug", "email", "says"),
    [
        ("api", "a@x.example", "選べません"),
        ("entrance", "a@x.example", "選べません"),
        ("Shin", "a@x.example", "英小文字"),
        ("新しい", "a@x.example", "ハイフン"),
        ("a" * 41, "a@x.example", "40文字"),
        ("michisuji", "a@x.example", "すでに使われています"),
        ("shin", "no-address", "メールアドレス"),
    ],
)
def test_what_cannot_be_made_is_said_and_nothing_is_left_behind(
    michisuji: House, slug: str, email: str, says: str
) -> None:
    before = (Firm.objects.count(), User.objects.count())
    with pytest.raises(CommandError, match=says):
        create(slug=slug, email=email)
    assert (Firm.objects.count(), User.objects.count()) == before


def test_a_person_of_another_firm_keeps_the_password(michisuji: House) -> None:
    out = create(email="aoki@michisuji.example")
    assert "いまのパスワードでログインできます" in out
    assert User.objects.filter(email="aoki@michisuji.example").count() == 1


def test_the_token_command_prints_a_token_that_works_and_nothing_else(michisuji: House) -> None:
    out = run("create_api_token", "--firm", "michisuji", "--email", "BABA@michisuji.example")
    assert re.fullmatch(r"mst_[\w-]{40,}\n", out)
    header = {"Authorization": f"Bearer {out.strip()}"}
    browser = Client(SERVER_NAME="localhost")
    assert browser.get("/api/v1/firms/michisuji/companies/", headers=header).status_code == 200


@pytest.mark.parametrize(
    ("firm", "email"),
    [
        ("nowhere", "baba@michisuji.example"),
        ("michisuji", "gondo@aoba.example"),
        ("aoba", "baba@michisuji.example"),
    ],
)
def test_no_token_without_a_membership(michisuji: House, aoba: House, firm: str, email: str) -> None:
    with pytest.raises(CommandError):
        run("create_api_token", "--firm", firm, "--email", email)
