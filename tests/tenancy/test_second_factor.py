"""The second factor: set up, asked for, used up, lost, demanded, and kept from those who guess."""

import base64
import re
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import CommandError, call_command
from django.test import Client, override_settings

from tenancy import clock
from tenancy.models import Firm, Membership, RateLimit, Trail
from tenancy.scope import open_scope
from tests.conftest import PASSWORD, House
from tests.tenancy.browser import (
    LOGIN,
    SECRET,
    app_code,
    browser,
    later,
    leads_to,
    signs_in,
    text,
    with_password,
    with_second_factor,
)

As = Callable[[str], Client]
STEP, SET_UP = "/accounts/login/second-factor/", "/accounts/second-factor/set-up/"
CODES, REMOVE = "/accounts/second-factor/codes/", "/accounts/second-factor/remove/"


@pytest.fixture
def firm(michisuji: House) -> House:
    """青木 and 馬場 have passwords, 青木 a second factor too."""
    with_second_factor(michisuji.people["青木"])
    with_password(michisuji.people["馬場"])
    return michisuji


def demands(house: House) -> None:
    Firm.objects.filter(pk=house.firm.pk).update(requires_second_factor=True)


def test_an_admin_sees_who_has_one(firm: House, as_: As) -> None:
    aoki, page = as_("青木"), "/michisuji/settings/members/"
    rows = re.findall(r'data-label="2段階認証">(.*?)</td>', aoki.get(page).content.decode())
    assert sorted(rows) == ['<span class="state">まだ</span>', "設定済み"]
    for name, said in (("青木", "2段階認証は設定済み"), ("馬場", "2段階認証はまだ設定されていません")):
        assert said in text(aoki.get(f"{page}{firm.members[name].pk}/")), name
    with open_scope(firm.scope):
        Membership.objects.filter(pk=firm.members["馬場"].pk).update(state="ended")
    assert "2段階認証" not in text(aoki.get(f"{page}{firm.members['馬場'].pk}/"))


def at_the_step(house: House, person: str = "青木", to: str = "") -> Client:
    """A browser that has shown the password and is asked for the code."""
    client = browser()
    client.post(LOGIN, {"login": house.people[person].email, "password": PASSWORD, "next": to})
    return client


def sets_up(client: Client, to: str = "") -> tuple[str, Any]:
    """The key that the page showed, and the answer to the app's first code."""
    key = re.search(r'value="([A-Z2-7]{32})"', text(client.get(SET_UP)))
    assert key
    return key[1], client.post(SET_UP, {"code": app_code(key[1]), "next": to})


# ── Setting up ──


def test_the_picture_and_the_key_are_shown_and_the_codes_once(firm: House) -> None:
    client = signs_in(firm.people["馬場"])
    page = text(client.get(SET_UP))
    picture = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', page)
    assert picture
    assert base64.b64decode(picture[1]).lstrip().startswith(b"<?xml")
    _, answer = sets_up(client, to="/michisuji/home/")
    assert leads_to(answer) == CODES
    codes = re.findall(r"<code>(\d{8})</code>", text(client.get(CODES)))
    assert len(codes) == 10
    assert 'href="/michisuji/home/"' in text(client.get(CODES))
    saved = client.post(f"{CODES}file/").content.decode()
    assert all(code in saved for code in codes)
    with later(minutes=14):
        client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    with later(minutes=16):
        assert not re.findall(r"<code>", text(client.get(CODES)))
        assert client.post(f"{CODES}file/").status_code == 302


def test_a_wrong_first_code_sets_nothing_up_and_the_key_stays(firm: House) -> None:
    client = signs_in(firm.people["馬場"])
    wrong = client.post(SET_UP, {"code": "000000"})
    assert (wrong.status_code, "コードが違います" in text(wrong)) == (422, True)
    first, again = (re.search(r'value="([A-Z2-7]{32})"', text(client.get(SET_UP))) for _ in range(2))
    assert first
    assert again
    assert first[1] == again[1]
    assert not Authenticator.objects.filter(user=firm.people["馬場"]).exists()


def test_nothing_of_it_can_be_read_in_the_database(firm: House) -> None:
    stored = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert SECRET not in stored
    key, _ = sets_up(signs_in(firm.people["馬場"]))
    stored = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert key not in stored


def test_a_changed_secret_key_shuts_nobody_out(firm: House, settings: Any) -> None:
    old = settings.SECRET_KEY
    with override_settings(
        SECRET_KEY="another-secret-key-of-fifty-characters-0123456789-x", SECRET_KEY_FALLBACKS=[old]
    ):
        signs_in(firm.people["青木"], second_factor=True)


def test_an_old_secret_key_can_be_taken_out_once_all_is_encrypted_anew(firm: House, settings: Any) -> None:
    old, new = settings.SECRET_KEY, "another-secret-key-of-fifty-characters-0123456789-x"
    with override_settings(SECRET_KEY=new, SECRET_KEY_FALLBACKS=[]):
        assert at_the_step(firm).post(STEP, {"code": app_code()}).status_code == 422
    with override_settings(SECRET_KEY=new, SECRET_KEY_FALLBACKS=[old]):
        call_command("encrypt_second_factors", stdout=StringIO())
    with override_settings(SECRET_KEY=new, SECRET_KEY_FALLBACKS=[]):
        assert at_the_step(firm).post(STEP, {"code": app_code()}).status_code == 302


def test_the_firm_s_trail_tells_of_it_without_the_key(firm: House) -> None:
    key, _ = sets_up(signs_in(firm.people["馬場"]))
    with open_scope(firm.scope):
        act = Trail.objects.get(act="set_up.second_factor")
    assert (act.user_id, act.role) == (firm.people["馬場"].pk, "consultant")
    assert key not in str(vars(act))


# ── Signing in ──


def test_the_password_alone_opens_nothing(firm: House) -> None:
    client = at_the_step(firm)
    assert client.get("/michisuji/home/").status_code == 302
    assert client.get(STEP).status_code == 200


def test_with_the_app_s_code_one_arrives_where_one_wanted_to_go(firm: House) -> None:
    client = at_the_step(firm, to="/michisuji/companies/")
    assert leads_to(client.post(STEP, {"code": app_code()})) == "/michisuji/companies/"
    assert client.get("/michisuji/companies/").status_code == 200


@pytest.mark.parametrize("ago", [-1, 0, 1])
def test_a_code_is_accepted_half_a_minute_early_or_late_but_once(firm: House, ago: int) -> None:
    code = app_code(later=ago)
    assert at_the_step(firm).post(STEP, {"code": code}).status_code == 302
    assert at_the_step(firm).post(STEP, {"code": code}).status_code == 422


def test_a_code_of_two_minutes_ago_is_worth_nothing(firm: House) -> None:
    assert at_the_step(firm).post(STEP, {"code": app_code(later=-4)}).status_code == 422


def test_a_recovery_code_works_once(firm: House) -> None:
    client = signs_in(firm.people["青木"], second_factor=True)
    client.post(CODES)
    code = re.findall(r"<code>(\d{8})</code>", text(client.get(CODES)))[0]
    assert at_the_step(firm).post(STEP, {"code": f"{code[:4]} {code[4:]}"}).status_code == 302
    assert at_the_step(firm).post(STEP, {"code": code}).status_code == 422
    assert "残り9個" in text(client.get("/accounts/second-factor/"))


def test_new_recovery_codes_make_the_old_ones_worthless(firm: House) -> None:
    client = signs_in(firm.people["青木"], second_factor=True)
    client.post(CODES)
    old = re.findall(r"<code>(\d{8})</code>", text(client.get(CODES)))
    client.post(CODES)
    assert at_the_step(firm).post(STEP, {"code": old[0]}).status_code == 422


def test_after_five_guesses_even_the_right_code_is_refused_for_a_while(firm: House) -> None:
    with later(seconds=0):  # the clock stands, so that all of it falls into one window
        for _ in range(5):
            at_the_step(firm).post(STEP, {"code": "123"})
        refused = at_the_step(firm).post(STEP, {"code": app_code()})
    assert (refused.status_code, "お試しの回数が多いため" in text(refused)) == (422, True)
    with later(minutes=6):
        assert at_the_step(firm).post(STEP, {"code": app_code()}).status_code == 302


def test_fifty_guesses_are_all_there_are_in_a_day(firm: House) -> None:
    at_the_step(firm).post(STEP, {"code": "123"})
    RateLimit.objects.filter(key__startswith="second_factor_day:").update(count=50)
    assert at_the_step(firm).post(STEP, {"code": app_code()}).status_code == 422


def test_who_left_the_step_open_can_begin_anew(firm: House) -> None:
    client = at_the_step(firm)
    assert client.get(LOGIN).status_code == 200
    assert client.get(STEP).status_code == 302


# ── Demanded ──


def test_a_firm_that_demands_it_leads_its_people_there_and_back(firm: House) -> None:
    client = signs_in(firm.people["馬場"])
    demands(firm)
    led = client.get("/michisuji/companies/")
    assert leads_to(led) == f"{SET_UP}?next=/michisuji/companies/"
    assert "2段階認証が必要です" in text(client.get(leads_to(led)))
    sets_up(client, to="/michisuji/companies/")
    assert 'href="/michisuji/companies/"' in text(client.get(CODES))
    assert client.get("/michisuji/companies/").status_code == 200


def test_the_api_of_such_a_firm_says_403_to_a_session_without_it(firm: House) -> None:
    client = signs_in(firm.people["馬場"])
    demands(firm)
    answer = client.get("/api/v1/firms/michisuji/companies/")
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:michisuji:problem:forbidden")


def test_who_has_set_it_up_elsewhere_meanwhile_signs_in_again(firm: House) -> None:
    old = signs_in(firm.people["馬場"])
    sets_up(signs_in(firm.people["馬場"]))
    demands(firm)
    assert leads_to(old.get("/michisuji/home/")) == f"{LOGIN}?next=/michisuji/home/"


def test_a_company_s_own_people_are_not_asked_for_it(firm: House, as_: As) -> None:
    demands(firm)
    assert as_("千葉").get("/michisuji/home/", follow=True).status_code == 200


def test_nobody_demands_of_others_what_they_have_not_shown_themselves(firm: House) -> None:
    rules, wanted = "/michisuji/settings/rules/", {"consultants_see": "all", "requires_second_factor": "on"}
    wanted["seen"] = '{"consultants_see": "all", "requires_second_factor": "False"}'
    Authenticator.objects.all().delete()
    client = signs_in(firm.people["青木"])
    refused = client.post(rules, wanted)
    assert (refused.status_code, "先に、ご自身の2段階認証" in text(refused)) == (422, True)
    sets_up(client)
    assert client.post(rules, wanted).status_code == 302
    firm.firm.refresh_from_db()
    assert firm.firm.requires_second_factor
    with open_scope(firm.scope):
        assert Trail.objects.get(act="update.rules").changes == {"requires_second_factor": [False, True]}


def test_it_cannot_be_given_up_where_it_is_demanded(firm: House) -> None:
    client = signs_in(firm.people["青木"], second_factor=True)
    demands(firm)
    assert client.post(REMOVE).status_code == 403
    assert Authenticator.objects.filter(user=firm.people["青木"]).exists()


def test_elsewhere_it_can_and_the_password_alone_is_enough_again(firm: House) -> None:
    client = signs_in(firm.people["青木"], second_factor=True)
    assert client.post(REMOVE).status_code == 302
    assert (
        leads_to(browser().post(LOGIN, {"login": "aoki@michisuji.example", "password": PASSWORD}))
        == "/entrance/"
    )
    demands(firm)
    assert leads_to(client.get("/michisuji/home/")).startswith(SET_UP)


def test_all_of_it_asks_who_one_is_after_a_while(firm: House) -> None:
    client = signs_in(firm.people["青木"], second_factor=True)
    with clock.stopped_at(clock.now() + timedelta(minutes=16)):
        for address in (CODES, REMOVE, SET_UP):
            assert leads_to(client.post(address)).startswith("/accounts/reauthenticate/"), address


def test_who_has_lost_everything_is_helped_from_the_command_line(firm: House) -> None:
    open_elsewhere = signs_in(firm.people["青木"], second_factor=True)
    call_command("remove_second_factor", email="aoki@michisuji.example", stdout=StringIO())
    assert open_elsewhere.get("/michisuji/home/").status_code == 302
    signs_in(firm.people["青木"])
    with open_scope(firm.scope):
        assert Trail.objects.filter(act="remove.second_factor", subject_id=firm.people["青木"].pk).exists()
    with pytest.raises(CommandError):
        call_command("remove_second_factor", email="nobody@x.example")
