"""How long a browser stays signed in, what it must show again, and how a person ends what they have left open."""

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tenancy.models import Membership, Session, Trail
from tenancy.scope import open_scope
from tenancy.sessions import device_of
from tests.conftest import PASSWORD, House
from tests.tenancy.browser import (
    CODE,
    CONFIRM,
    browser,
    key_of,
    later,
    leads_to,
    mailed_code,
    mails,
    signs_in,
    text,
    with_password,
)

As = Callable[[str], Client]
HOME, SESSIONS, AGAIN = "/michisuji/home/", "/accounts/sessions/", "/accounts/reauthenticate/"
EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 Version/18.0 Safari/604.1"


@pytest.fixture
def known(michisuji: House) -> House:
    """The firm; 青木 and 馬場 have passwords."""
    with_password(michisuji.people["青木"])
    with_password(michisuji.people["馬場"])
    return michisuji


# ── How long ──


@pytest.mark.parametrize("person", ["青木", "馬場"])
def test_on_the_firm_s_side_it_is_over_after_three_idle_hours(as_: As, person: str) -> None:
    client = as_(person)
    with later(hours=2, minutes=59):
        assert client.get(HOME).status_code == 200
    with later(hours=5, minutes=58):
        assert client.get(HOME).status_code == 200
    with later(hours=9):
        assert leads_to(client.get(HOME)) == "/accounts/login/?next=/michisuji/home/"
        assert "期限が過ぎました" in text(client.get("/accounts/login/"))


def test_a_place_elsewhere_does_not_bring_it_back(as_: As, michisuji: House, aoba: House) -> None:
    with open_scope(aoba.scope):
        Membership.objects.create(
            firm=aoba.firm, user=michisuji.people["馬場"], role="owner", company=aoba.companies["株式会社ウ"]
        )
    client, own = as_("馬場"), f"/aoba/companies/{aoba.companies['株式会社ウ'].pk}/home/"
    with later(hours=9):
        assert client.get(own).status_code == 200
        assert client.get(HOME).status_code == 302


@pytest.mark.parametrize("path", ["settings/members/invite/", "settings/members/{}/"])
def test_whom_the_firm_lets_in_is_decided_by_who_shows_who_they_are(
    as_: As, michisuji: House, path: str
) -> None:
    url = f"/michisuji/{path.format(michisuji.members['馬場'].pk)}"
    client = as_("青木")
    with later(minutes=16):
        sent = {"name": "新田", "email": "nitta@x.example", "role": "admin", "title": ""}
        assert leads_to(client.post(url, sent)).startswith(AGAIN)


@pytest.mark.parametrize("path", ["members/invite/", "invitations/{}/send/", "members/{}/until/"])
def test_whom_a_company_lets_in_and_for_how_long_too(as_: As, michisuji: House, path: str) -> None:
    """A telephone stays signed in for 30 days: whoever picks it up brings nobody along."""
    waits = {"invitations/{}/send/": uuid4(), "members/{}/until/": michisuji.members["江口"].pk}
    url = f"/michisuji/companies/{michisuji.companies['株式会社ア'].pk}/{path.format(waits.get(path))}"
    client = as_("馬場" if "until" in path else "千葉")
    with later(minutes=16):
        sent = {"name": "新田", "email": "nitta@x.example", "role": "staff", "title": ""}
        assert leads_to(client.post(url, sent)).startswith(AGAIN)


def test_on_the_firm_s_side_it_is_over_after_twelve_hours_of_work(as_: As) -> None:
    client = as_("馬場")
    for hour in range(2, 12, 2):
        with later(hours=hour):
            assert client.get(HOME).status_code == 200
    with later(hours=11, minutes=59):
        assert client.get(HOME).status_code == 200
    with later(hours=12, minutes=1):
        assert leads_to(client.get("/entrance/")) == "/accounts/login/?next=/entrance/"
    assert client.get(HOME).status_code == 302  # the session itself has ended


@pytest.mark.parametrize("person", ["千葉", "土井", "江口"])
def test_a_company_s_own_people_stay_for_thirty_days(as_: As, person: str) -> None:
    client = as_(person)
    with later(days=29):
        assert client.get("/entrance/", follow=True).status_code == 200
    assert client.session.get_expiry_age() == 30 * 24 * 3600


def test_the_api_says_401_to_a_session_that_is_over(as_: As) -> None:
    client = as_("馬場")
    with later(hours=4):
        answer = client.get("/api/v1/firms/michisuji/companies/")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_a_code_opens_nothing_on_the_firm_s_side(michisuji: House) -> None:
    client = browser()
    client.post(CODE, {"email": "chiba@a.example"})
    client.post(CONFIRM, {"code": mailed_code(michisuji)})
    assert client.get("/accounts/").status_code == 200
    with open_scope(michisuji.scope):
        Membership.objects.create(firm=michisuji.firm, user=michisuji.people["千葉"], role="consultant")
    assert client.get("/michisuji/companies/").headers["Location"].startswith("/accounts/login/")


def test_reading_pages_does_not_write_the_session(as_: As) -> None:
    client = as_("馬場")
    with CaptureQueriesContext(connection) as queries:
        client.get(HOME)
    assert not [each["sql"] for each in queries if "UPDATE" in each["sql"]]
    with later(minutes=6), CaptureQueriesContext(connection) as queries:
        client.get(HOME)
    assert len([each for each in queries if 'UPDATE "tenancy_session"' in each["sql"]]) == 1


# ── Once more ──


def test_after_a_quarter_of_an_hour_what_is_sensitive_asks_for_the_password(known: House) -> None:
    client = signs_in(known.people["青木"])
    assert client.get("/michisuji/settings/rules/").status_code == 200
    with later(minutes=16):
        asked = client.get("/michisuji/settings/rules/")
        assert leads_to(asked) == f"{AGAIN}?next=/michisuji/settings/rules/"
        assert client.get("/michisuji/settings/").status_code == 200
        wrong = client.post(AGAIN, {"password": "wrong", "next": "/michisuji/settings/rules/"})
        assert (wrong.status_code, "パスワードが違います" in text(wrong)) == (422, True)
        right = client.post(AGAIN, {"password": PASSWORD, "next": "/michisuji/settings/rules/"})
        assert right.headers["Location"] == "/michisuji/settings/rules/"
        assert client.get("/michisuji/settings/rules/").status_code == 200


def test_who_would_rather_not_is_led_to_where_the_way_began(known: House) -> None:
    client, settings = signs_in(known.people["青木"]), "/michisuji/settings/"
    with later(minutes=16):
        asked = client.get(f"{settings}rules/", headers={"Referer": f"http://localhost{settings}"})
        page = leads_to(asked)
        assert page == f"{AGAIN}?next=/michisuji/settings/rules/&back={settings}"
        back = f'<a href="{settings}">やめて、元の画面へ戻る</a>'
        assert back in client.get(page).content.decode()
        assert back in client.post(page, {"password": "wrong"}).content.decode()
        elsewhere = client.get(f"{settings}rules/", headers={"Referer": "https://evil.example/michisuji/"})
        assert leads_to(elsewhere) == f"{AGAIN}?next=/michisuji/settings/rules/"
        for_itself = client.get(f"{settings}rules/", headers={"Referer": f"http://localhost{page}"})
        assert leads_to(for_itself) == f"{AGAIN}?next=/michisuji/settings/rules/", (
            "the way back would be no way out"
        )
        for unsafe in ("https://evil.example/", "//evil.example/", "javascript:alert(1)"):
            assert "やめて、アカウントへ戻る" in client.get(AGAIN, {"back": unsafe}).content.decode()


def test_what_was_sent_too_late_changes_nothing_and_leads_back_to_the_form(known: House) -> None:
    client = signs_in(known.people["青木"])
    sent = {"consultants_see": "assigned"}
    form = "http://localhost/michisuji/settings/rules/"
    with later(minutes=16):
        answer = client.post("/michisuji/settings/rules/", sent, headers={"Referer": form})
    assert leads_to(answer) == f"{AGAIN}?next=/michisuji/settings/rules/"
    known.firm.refresh_from_db()
    assert known.firm.consultants_see == "all"


def test_who_may_not_is_told_so_before_anybody_asks_for_a_password(as_: As) -> None:
    client = as_("馬場")
    with later(minutes=16):
        assert client.get("/michisuji/settings/rules/").status_code == 403


def test_without_a_password_a_code_by_mail_shows_who_one_is(michisuji: House, as_: As) -> None:
    client = as_("千葉")
    with later(minutes=16):
        assert client.get("/accounts/password/set/").headers["Location"].startswith(AGAIN)
        client.post(AGAIN, {"send": "1", "next": "/accounts/password/set/"})
        code = mailed_code(michisuji, "confirm_code")
        wrong = client.post(AGAIN, {"code": str((int(code) + 1) % 10**6).zfill(6)})
        assert wrong.status_code == 422
        right = client.post(AGAIN, {"code": code, "next": "/accounts/password/set/"})
        assert right.headers["Location"] == "/accounts/password/set/"
    new = {"password1": PASSWORD, "password2": PASSWORD}
    with later(minutes=17):
        assert client.post("/accounts/password/set/", new).headers["Location"] == "/accounts/"
    assert michisuji.people["千葉"].check_password(PASSWORD) is False  # the row in memory is the old one
    signs_in(michisuji.people["千葉"])


def test_a_code_that_is_ten_minutes_old_shows_nothing(michisuji: House, as_: As) -> None:
    client = as_("千葉")
    client.post(AGAIN, {"send": "1"})
    with later(minutes=11):
        late = client.post(AGAIN, {"code": mailed_code(michisuji, "confirm_code")})
    assert late.status_code == 422


def test_guesses_of_the_password_are_counted_here_too(known: House) -> None:
    client = signs_in(known.people["馬場"])
    for _ in range(5):
        client.post(AGAIN, {"password": "wrong"})
    assert "受け付けを止めています" in text(client.post(AGAIN, {"password": PASSWORD}))


# ── The own sessions ──


def test_the_list_says_in_plain_words_where_one_is_signed_in(known: House) -> None:
    signs_in(known.people["馬場"], agent=PHONE)
    client = signs_in(known.people["馬場"], agent=EDGE)
    page = text(client.get(SESSIONS))
    assert page.count("<h2>Windows の Edge <span") == 1
    assert page.count("<h2>iPhone の Safari</h2>") == 1
    assert page.count("この端末</span>") == 1


@pytest.mark.parametrize(("agent", "words"), [(EDGE, "Windows の Edge"), ("curl/8", ""), ("", "")])
def test_a_device_has_a_plain_name_or_none(agent: str, words: str) -> None:
    assert device_of(agent) == words


def test_one_forgotten_session_can_be_ended(known: House) -> None:
    forgotten, client = signs_in(known.people["馬場"]), signs_in(known.people["馬場"])
    (name,) = re.findall(r'name="session" value="(\w+)"', text(client.get(SESSIONS)))
    client.post(SESSIONS, {"session": name})
    assert (forgotten.get(HOME).status_code, client.get(HOME).status_code) == (302, 200)


def test_all_others_can_be_ended_at_once(known: House) -> None:
    others = [signs_in(known.people["馬場"]) for _ in range(2)]
    stranger, client = signs_in(known.people["青木"]), signs_in(known.people["馬場"])
    client.post(SESSIONS, {"others": "1"})
    assert [each.get(HOME).status_code for each in [*others, stranger, client]] == [302, 302, 200, 200]


def test_nobody_ends_somebody_else_s_session(known: House) -> None:
    victim, client = signs_in(known.people["青木"]), signs_in(known.people["馬場"])
    signs_in(known.people["青木"])
    (name,) = re.findall(r'name="session" value="(\w+)"', text(victim.get(SESSIONS)))
    client.post(SESSIONS, {"session": name})
    client.post(SESSIONS, {"session": victim.session.session_key})
    assert Session.objects.filter(user=known.people["青木"]).count() == 2


def test_no_page_shows_what_would_open_a_session(known: House) -> None:
    other, client = signs_in(known.people["馬場"]), signs_in(known.people["馬場"])
    page = text(client.get(SESSIONS))
    assert key_of(client) not in page
    assert key_of(other) not in page


def test_a_session_keeps_no_address_of_its_browser(known: House) -> None:
    client = browser(**{"User-Agent": EDGE})
    credentials = {"login": "baba@michisuji.example", "password": PASSWORD}
    client.post("/accounts/login/", credentials, REMOTE_ADDR="203.0.113.77")
    client.get(HOME, REMOTE_ADDR="203.0.113.77")
    kept = str(dict(client.session.items()))
    assert ("203.0.113.77" in kept, "AppleWebKit" in kept) == (False, False)


@pytest.mark.parametrize("way", ["change", "reset"])
def test_a_new_password_ends_the_other_sessions(known: House, way: str) -> None:
    other, client = signs_in(known.people["馬場"]), signs_in(known.people["馬場"])
    new = {"password1": "another horse battery", "password2": "another horse battery"}
    if way == "change":
        client.post("/accounts/password/change/", {"oldpassword": PASSWORD, **new})
        assert client.get(HOME).status_code == 200
        assert text(client.get(SESSIONS)).count("<h2>") == 1
    else:
        reset(known, new)
        assert client.get(HOME).status_code == 302
    assert other.get(HOME).status_code == 302
    assert Session.objects.filter(user=known.people["馬場"]).count() == (way == "change")


def reset(house: House, new: dict[str, str]) -> Any:
    client = browser()
    client.post("/accounts/password/reset/", {"email": "baba@michisuji.example"})
    link = re.search(r"http://localhost:8000(\S+)", mails(house, "password_reset")[-1].body)
    assert link
    form = client.get(link[1])
    return client.post(form.headers["Location"], new)


# ── What a firm's admin sees of a colleague's ──


def test_an_admin_sees_where_a_colleague_is_signed_in_here_and_ends_it(
    as_: As, michisuji: House, aoba: House
) -> None:
    baba, admin = michisuji.members["馬場"], as_("青木")
    page = f"/michisuji/settings/members/{baba.pk}/"
    with_password(baba.user)
    with open_scope(aoba.scope):
        Membership.objects.create(firm=aoba.firm, user=baba.user, role="consultant")
    here, elsewhere = signs_in(baba.user, agent=EDGE), signs_in(baba.user, agent=PHONE)
    assert here.get(HOME).status_code == elsewhere.get("/aoba/home/").status_code == 200
    shown = text(admin.get(page))
    assert ("Windows の Edge" in shown, "iPhone" in shown) == (True, False)
    assert "1台の端末でログアウトしました" in text(admin.post(page + "sign-out/", follow=True))
    assert here.get(HOME).status_code == 302
    assert elsewhere.get("/aoba/home/").status_code == 200
    with open_scope(michisuji.scope):
        assert Trail.objects.filter(act="sign_out.membership", subject_id=str(baba.pk)).count() == 1


def test_an_admin_knows_this_very_device_among_the_own_ones(as_: As, michisuji: House) -> None:
    aoki = michisuji.members["青木"]
    with_password(aoki.user)
    admin = as_("青木")
    page = f"/michisuji/settings/members/{aoki.pk}/"
    admin.get(page)  # notes the session in this firm
    alone = text(admin.get(page))
    assert (alone.count("この端末</span>"), "ログアウトする</button>" in alone) == (1, False)
    signs_in(aoki.user, agent=PHONE).get(HOME)
    both = text(admin.get(page))
    assert (both.count("この端末</span>"), "この端末のほかをすべてログアウトする" in both) == (1, True)
    assert "この端末" not in text(admin.get(f"/michisuji/settings/members/{michisuji.members['馬場'].pk}/"))
