"""The operator of the installation: who gets there, what is seen, and how a firm learns that somebody came in."""

import re
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from notices.models import Mail
from reports.models import Job
from tenancy import clock, due, people
from tenancy.models import Firm, Membership, RateLimit, Trail, User
from tenancy.operator_words import limit_called, work_called
from tenancy.scope import open_scope
from tests.conftest import House
from tests.tenancy.browser import browser, later, leads_to, signs_in, text, with_password, with_second_factor
from tests.test_matrix import CAST, OPERATING, ROUTES, address
from tests.things import plant

ROOT = Path(__file__).resolve().parents[2]
As = Callable[[str], Client]
REASON = "お客様からのお問い合わせの確認のため"
FIRMS, NEW = "/operator/", "/operator/firms/new/"


@pytest.fixture
def operator(db: None) -> User:
    """宇野, who runs the installation, with a second factor."""
    user = User.objects.create_user("uno@operator.example", None, "宇野")
    user.is_operator = True
    user.save()
    return with_second_factor(user)


@pytest.fixture
def inside(operator: User, michisuji: House) -> Client:
    """A browser in which 宇野 has entered the firm."""
    client = signs_in(operator, second_factor=True)
    assert leads_to(enters(client, michisuji)) == "/michisuji/home/"
    return client


def enters(client: Client, house: House, reason: str = REASON, once: object = None) -> object:
    sent = {"reason": reason, "once": str(once or uuid4())}
    return client.post(f"/operator/firms/{house.firm.pk}/enter/", sent)


def pages(house: House) -> list[str]:
    return ["/" + each.replace("<int:firm_id>", str(house.firm.pk)) for each in sorted(OPERATING)]


# ── Who gets there ──


@pytest.mark.parametrize("person", CAST)
def test_for_everybody_else_these_pages_are_not_there(as_: As, michisuji: House, person: str) -> None:
    client = as_(person)
    for path in pages(michisuji):
        answers = [client.get(path), client.post(path)]
        assert [each.status_code for each in answers] == ([302] * 2 if person == "誰か" else [404] * 2), path
        if person != "誰か":
            nowhere = client.get("/operator/nowhere/")
            assert (answers[0].content, nowhere.status_code) == (nowhere.content, 404)


def test_an_operator_without_a_second_factor_in_this_session_is_nobody(
    operator: User, michisuji: House
) -> None:
    client = browser()
    client.force_login(operator)
    assert {client.get(path).status_code for path in pages(michisuji)} == {404}


def test_an_operator_with_one_gets_everywhere(operator: User, michisuji: House) -> None:
    client = signs_in(operator, second_factor=True)
    statuses = {path: client.get(path).status_code for path in pages(michisuji)}
    assert set(statuses.values()) == {200, 405}
    with later(hours=4):
        assert leads_to(client.get(FIRMS)).startswith("/accounts/login/")


def test_who_is_operator_no_longer_is_out_with_the_next_request(operator: User) -> None:
    client = signs_in(operator, second_factor=True)
    User.objects.filter(pk=operator.pk).update(is_operator=False)
    assert client.get(FIRMS).status_code == 404


def test_no_other_site_can_send_an_operator_s_forms(operator: User, michisuji: House) -> None:
    signed_in = signs_in(operator, second_factor=True)
    client = Client(SERVER_NAME="localhost", enforce_csrf_checks=True)
    client.cookies["sessionid"] = signed_in.cookies["sessionid"].value
    assert client.get(FIRMS).status_code == 200
    assert client.post(NEW, {}).status_code == 403
    assert client.post(f"/operator/firms/{michisuji.firm.pk}/enter/", {"reason": REASON}).status_code == 403


def test_an_operator_cannot_give_up_the_second_factor(operator: User) -> None:
    assert signs_in(operator, second_factor=True).post("/accounts/second-factor/remove/").status_code == 403


# ── Entering a firm ──


def test_the_reason_stands_in_the_firm_s_trail_and_an_hour_is_all(
    inside: Client, operator: User, michisuji: House, aoba: House
) -> None:
    with open_scope(michisuji.scope):
        act = Trail.objects.get(act="operator.enter")
    assert (act.user_id, act.role, act.details["reason"]) == (operator.pk, "operator", REASON)
    with open_scope(aoba.scope):
        assert not Trail.objects.filter(act="operator.enter").exists()
    page = text(inside.get("/michisuji/companies/"))
    assert "運用担当として「みちすじ経営パートナーズ」を見ています" in page
    assert inside.get("/aoba/companies/").status_code == 404
    with later(minutes=61):
        assert inside.get("/michisuji/companies/").status_code == 404


def test_inside_an_operator_reads_and_writes_nothing(inside: Client, michisuji: House) -> None:
    things = plant(michisuji)
    before = counts(michisuji)
    refused = {route: inside.post(address(route, "michisuji", things.ids)).status_code for route in ROUTES}
    assert {route for route, status in refused.items() if status not in (403, 404, 405)} == set()
    assert counts(michisuji) == before
    assert inside.get(f"/michisuji/companies/{things.ids['company']}/").status_code == 200
    assert inside.get("/michisuji/settings/").status_code == 403
    assert inside.get(f"/michisuji/diagnoses/{things.ids['diagnosis']}/").status_code == 200
    with open_scope(michisuji.scope):
        things.diagnosis.refresh_from_db()
    assert things.diagnosis.seen_at is None


def counts(house: House) -> tuple[int, int]:
    with open_scope(house.scope):
        return Trail.objects.count(), Membership.objects.count()


@pytest.mark.parametrize("reason", ["", "確認", "短い理由です", "あ" * 301])
def test_without_a_proper_reason_nobody_enters(operator: User, michisuji: House, reason: str) -> None:
    client = signs_in(operator, second_factor=True)
    assert enters(client, michisuji, reason).status_code == 422  # type: ignore[attr-defined]
    assert client.get("/michisuji/home/").status_code == 404


def test_two_clicks_are_one_entry(operator: User, michisuji: House) -> None:
    client, once = signs_in(operator, second_factor=True), uuid4()
    for _click in range(2):
        enters(client, michisuji, once=once)
    with open_scope(michisuji.scope):
        assert Trail.objects.filter(act="operator.enter").count() == 1


def test_leaving_ends_it_at_once_and_coming_again_uses_the_same_place(
    inside: Client, michisuji: House
) -> None:
    leave = f"/operator/firms/{michisuji.firm.pk}/leave/"
    for _click in range(2):
        assert leads_to(inside.post(leave)) == FIRMS
    assert inside.get("/michisuji/home/").status_code == 404
    enters(inside, michisuji, "もう一度、お問い合わせを確認するため")
    assert inside.get("/michisuji/home/").status_code == 200
    with open_scope(michisuji.scope):
        acts = list(Trail.objects.order_by("at").values_list("act", flat=True))
        assert Membership.objects.filter(role="operator").count() == 1
    assert acts == ["operator.enter", "operator.leave", "operator.enter"]


def test_who_works_for_the_firm_does_not_come_in_as_operator(operator: User, michisuji: House) -> None:
    with open_scope(michisuji.scope):
        Membership.objects.create(firm=michisuji.firm, user=operator, role="consultant")
    client = signs_in(operator, second_factor=True)
    assert "入る必要はありません" in text(enters(client, michisuji))
    with open_scope(michisuji.scope):
        assert Membership.objects.get(user=operator).role == "consultant"


def test_who_has_left_the_firm_and_looks_in_stays_among_those_who_left(
    as_: As, operator: User, michisuji: House
) -> None:
    with open_scope(michisuji.scope):
        left = Membership.objects.create(
            firm=michisuji.firm, user=operator, role="consultant", title="顧問", state="ended"
        )
    client = signs_in(operator, second_factor=True)
    assert leads_to(enters(client, michisuji)) == "/michisuji/home/"
    with open_scope(michisuji.scope):
        left.refresh_from_db()
        assert (left.role, left.title, left.state) == ("consultant", "顧問", "ended")
        assert list(Membership.objects.filter(Membership.on_export.where, user=operator)) == [left]
    assert f'/settings/members/{left.pk}/"' in text(as_("青木").get("/michisuji/settings/members/"))


def test_who_joins_while_looking_in_is_a_member_from_then_on(inside: Client, michisuji: House) -> None:
    with open_scope(michisuji.scope):
        invitation = people.invite(
            email="uno@operator.example",
            name="宇野",
            role="consultant",
            company=None,
            actor=michisuji.members["青木"],
        )
    assert inside.post(people.address_of(invitation), {}).status_code == 302
    page = text(inside.get("/michisuji/companies/"))
    assert "運用担当として" not in page
    with later(minutes=61):
        assert inside.get("/michisuji/companies/new/").status_code == 200


# ── Looking ──


def test_the_list_counts_each_firm_s_own(operator: User, michisuji: House, aoba: House) -> None:
    client = signs_in(operator, second_factor=True)
    enters(client, michisuji)  # who looks in counts nowhere
    page = text(client.get(FIRMS))
    rows = {row.split("</th>")[0]: row for row in page.split('<th scope="row">')[1:]}
    for name, members, companies in (("みちすじ経営パートナーズ", 6, 2), ("あおば経営支援", 1, 1)):
        assert f'data-label="メンバー">{members}</td>' in rows[name]
        assert f'data-label="企業">{companies}</td>' in rows[name]


def test_health_names_what_runs(operator: User) -> None:
    page = text(signs_in(operator, second_factor=True).get("/operator/health/"))
    assert page.count("動いています") == 2
    assert "PostgreSQL" in page


def test_queues_tell_waiting_leased_late_and_coming_apart(operator: User, michisuji: House) -> None:
    now = clock.now()
    with open_scope(michisuji.scope):
        for ago in (timedelta(minutes=1), timedelta(minutes=10), timedelta(minutes=-10)):
            due.put("mail", michisuji.firm.pk, uuid4(), at=now - ago)
        taken = uuid4()
        due.put("mail", michisuji.firm.pk, taken, at=now)
    assert due.claim("mail", taken)
    page = text(signs_in(operator, second_factor=True).get("/operator/queues/"))
    cells = [
        f'data-label="{name}">{count}' for name, count in (("待っている", 2), ("処理中", 1), ("これから", 1))
    ]
    assert all(cell in page for cell in cells)
    assert '<span class="state danger">1</span>' in page


def test_what_failed_is_counted_without_a_word_of_whom_it_was_for(operator: User, michisuji: House) -> None:
    things = plant(michisuji)
    with open_scope(michisuji.scope):
        Mail.objects.filter(pk=things.ids["mail"]).update(state="failed", last_error="SMTPDataError")
        Job.objects.filter(pk=things.ids["job"]).update(state="failed", error="MemoryError")
    page = text(signs_in(operator, second_factor=True).get("/operator/failures/"))
    assert all(word in page for word in ("SMTPDataError", "MemoryError", "みちすじ経営パートナーズ"))
    assert things.canary not in page
    assert "x@x.example" not in page


def test_what_failed_is_on_the_first_page_whatever_the_firm_is_called(
    operator: User, michisuji: House
) -> None:
    Firm.objects.bulk_create(Firm(slug=f"a{at}", name=f"A{at:02}") for at in range(21))
    things = plant(michisuji)
    with open_scope(michisuji.scope):
        Job.objects.filter(pk=things.ids["job"]).update(state="failed", error="MemoryError")
    page = text(signs_in(operator, second_factor=True).get("/operator/failures/"))
    assert ("MemoryError" in page, "失敗した処理はありません" in page) == (True, False)


def test_every_limit_and_kind_of_work_has_words() -> None:
    sources = [
        path.read_text("utf-8") for app in ("tenancy", "diagnosis") for path in ROOT.glob(f"{app}/**/*.py")
    ]
    limits = {name for text in sources for name in re.findall(r'\bLimit\("([^"]+)"', text)}
    assert len(limits) > 15
    assert [name for name in sorted(limits) if limit_called(name) == name] == []
    kinds = {name for name in due.KINDS if not name.startswith("tests.")}
    assert [name for name in sorted(kinds) if work_called(name) == name] == []


def test_limits_and_work_are_shown_in_words(operator: User, michisuji: House) -> None:
    RateLimit.objects.create(key=f"inviting:{'ab12' * 8}", starts=0, count=3)
    due.put("expire_job", michisuji.firm.pk, uuid4())
    client = signs_in(operator, second_factor=True)
    assert "コンサルティング会社からのご招待" in text(client.get("/operator/limits/"))
    queues = text(client.get("/operator/queues/"))
    assert "できあがった文書の片付け" in queues
    assert "expire_job" not in queues


def test_counters_name_the_limit_and_nobody(operator: User) -> None:
    RateLimit.objects.create(key=f"codes:{'ab12' * 8}", starts=0, count=77)
    page = text(signs_in(operator, second_factor=True).get("/operator/limits/"))
    assert "codes" in page
    assert 'data-label="回数">77' in page
    assert "ab12" * 8 not in page


# ── Making ──


def test_a_new_firm_s_admin_gets_a_link_that_is_shown_once(operator: User) -> None:
    client = signs_in(operator, second_factor=True)
    sent = {
        "name": "みなと経営",
        "slug": "minato",
        "admin_name": "佐伯",
        "admin_email": "saeki@minato.example",
    }
    page = text(client.post(NEW, sent))
    link = page.split('id="link" value="http://localhost:8000')[1].split('"')[0]
    form = browser().get(link)
    assert form.status_code == 302
    assert "/password/reset/key/" in leads_to(form)
    again = client.post(NEW, sent)
    assert (again.status_code, "すでに使われています" in text(again)) == (422, True)
    assert Firm.objects.filter(slug="minato").count() == 1


def test_the_command_makes_an_operator_and_prints_a_link(db: None) -> None:
    out = StringIO()
    call_command("create_operator", email="Uno@Operator.example", name="宇野\r\nBcc: x", stdout=out)
    user = User.objects.get(email="uno@operator.example")
    assert (user.is_operator, user.has_usable_password(), user.name) == (True, False, "宇野 Bcc: x")
    assert "http://localhost:8000/accounts/password/reset/key/" in out.getvalue()


def test_the_command_makes_an_operator_of_somebody_known_who_keeps_the_password(michisuji: House) -> None:
    known, out = with_password(michisuji.people["馬場"]), StringIO()
    call_command("create_operator", email=known.email, name="別の名前", stdout=out)
    user = User.objects.get(pk=known.pk)
    assert (user.is_operator, user.password, user.name) == (True, known.password, "馬場")
    assert "reset/key" not in out.getvalue()


def test_the_command_refuses_what_is_no_address(db: None) -> None:
    with pytest.raises(CommandError):
        call_command("create_operator", email="nonsense", name="宇野")


def test_a_reason_that_comes_too_late_is_said_to_be_unsaved_and_may_come_back(
    operator: User, michisuji: House
) -> None:
    client = signs_in(operator, second_factor=True)
    page = f"/operator/firms/{michisuji.firm.pk}/enter/"
    assert f'data-keep data-keep-for="{operator.pk}"' in text(client.get(page))
    with later(minutes=16):
        sent = {"reason": REASON, "once": str(uuid4())}
        asked = client.post(page, sent, headers={"Referer": f"http://localhost{page}"}, follow=True)
    assert asked.redirect_chain[0][0] == f"/accounts/reauthenticate/?next={quote(page, safe='')}"
    assert "まだ保存されていません" in text(asked)
    with open_scope(michisuji.scope):
        assert not Membership.objects.filter(user=operator).exists()
