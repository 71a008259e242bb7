"""Booking by program: the doors of a firm's own site, and of its other software."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.db import connections

from consultations.actions.desk import block
from consultations.models import Consultation, ConsultationMonth
from consultations.states import State
from notices.models import Mail
from tenancy import clock
from tenancy.scope import open_scope
from tests.api.conftest import V1, Program, Programs, answered
from tests.conftest import House
from tests.consultations.office import DECEMBER, NOW, booked, opens

BASE = f"{V1}/consultations"
BOOKINGS = f"{BASE}/bookings/"
KANDA = "1180301018771"  # a number of the right shape


@pytest.fixture(autouse=True)
def _monday() -> Iterator[None]:
    with clock.stopped_at(NOW):
        yield


@pytest.fixture
def office(michisuji: House) -> House:
    opens(michisuji)
    return michisuji


def slots(who: Program, month: str = "2026-12") -> list[str]:
    return [each["slot"] for each in who.get(f"{BASE}/slots/", month=month).json()["results"]]


def asked(slot: str, number: int = 1, **more: Any) -> dict[str, Any]:
    """What api.md says a program posts."""
    return {
        "slot": slot,
        "kind": "advice",
        "company_name": f"株式会社第{number}",
        "contact_name": f"社長{number}",
        "email": f"owner{number}@c{number}.example",
        "topic": "値上げの伝え方",
    } | more


def count(house: House) -> int:
    with open_scope(house.scope):
        return int(Consultation.objects.count())


# ── Places and times ──


def test_everybody_reads_how_many_places_a_month_has(nobody: Program, office: House) -> None:
    booked(office, 1)
    answer = nobody.get(f"{BASE}/months/2026-12/")
    assert answer.status_code == 200
    assert answer.json() == {
        "month": "2026-12",
        "cap": 4,
        "taken": 1,
        "left": 3,
        "waiting": 0,
        "direct": 3,
        "is_open": True,
        "opens_at": "2026-11-01T09:00:00+09:00",
    }


@pytest.mark.parametrize("month", ["2026-13", "2026-1", "1999-12", "x", "2026-12-01"])
def test_what_is_no_month_is_not_there(nobody: Program, office: House, month: str) -> None:
    assert nobody.get(f"{BASE}/months/{month}/").status_code == 404


def test_everybody_reads_the_free_times_of_this_and_the_next_month(nobody: Program, office: House) -> None:
    both = nobody.get(f"{BASE}/slots/").json()
    assert (both["next"], both["previous"]) == (None, None)
    assert [each["slot"] for each in both["results"]] == slots(nobody) + slots(nobody, "2027-01")
    first = both["results"][0]
    assert first["consultant"] == "馬場"
    assert first["starts_at"] == "2026-12-08T10:00:00+09:00"
    refused = nobody.get(f"{BASE}/slots/", month="2027-02")
    assert refused.status_code == 400
    assert set(refused.json()["errors"]) == {"month"}


def test_a_booked_time_is_offered_to_nobody_else(nobody: Program, office: House) -> None:
    slot = slots(nobody)[0]
    assert nobody.post(BOOKINGS, asked(slot)).status_code == 201
    assert slot not in slots(nobody)


# ── Booking ──


def test_a_visitors_program_holds_a_place_until_the_mail_is_confirmed(nobody: Program, office: House) -> None:
    answer = nobody.post(BOOKINGS, asked(slots(nobody)[0], corporate_number=f" {KANDA[:4]}-{KANDA[4:]}"))
    assert answer.status_code == 201
    body = answer.json()
    assert (body["state"], body["origin"], body["month"]) == ("held", "api", "2026-12")
    assert body["expires_at"] == "2026-12-07T09:30:00+09:00"
    assert body["corporate_number"] == KANDA
    with open_scope(office.scope):
        row = Consultation.objects.get(pk=body["id"])
        assert (row.state, row.privacy_version) == (State.HELD, 1)
        assert Mail.objects.get(template="booking_hold").to == "owner1@c1.example"
    assert nobody.get(f"{BASE}/months/2026-12/").json()["left"] == 3


def test_nothing_in_the_answer_confirms_what_the_mail_confirms(nobody: Program, office: House) -> None:
    answer = nobody.post(BOOKINGS, asked(slots(nobody)[0]))
    assert "/consultation/m/" not in answer.content.decode()


def test_a_full_month_leads_to_its_queue(nobody: Program, office: House) -> None:
    left = slots(nobody)
    for number in range(4):
        assert nobody.post(BOOKINGS, asked(left[number], number)).status_code == 201
    refused = nobody.post(BOOKINGS, asked(left[5], 5))
    assert refused.status_code == 409
    assert refused.headers["Content-Type"] == "application/problem+json"
    url = refused.json()["waitlist_url"]
    assert url.startswith("http")
    assert urlsplit(url)[2:4] == ("/michisuji/consultation/waitlist/", "month=2026-12")
    assert count(office) == 4


def test_a_taken_a_past_and_a_foreign_time_are_all_taken(nobody: Program, office: House, aoba: House) -> None:
    mine = slots(nobody)
    theirs = opens(aoba, "権藤")
    nobody.post(BOOKINGS, asked(mine[0]))
    past = mine[1].replace("20261208", "20261201")
    foreign = f"{mine[1].split('.')[0]}.{theirs.pk}"
    for slot in (mine[0], past, foreign, f"{mine[1].split('.')[0]}.{uuid4()}"):
        refused = nobody.post(BOOKINGS, asked(slot, 2))
        assert refused.status_code == 409
        assert "waitlist_url" not in refused.json()
        assert "ほかの日時" in refused.json()["detail"]


def test_a_company_books_once_a_month(nobody: Program, office: House) -> None:
    left = slots(nobody)
    nobody.post(BOOKINGS, asked(left[0], corporate_number=KANDA))
    for again in (
        nobody.post(BOOKINGS, asked(left[1])),
        nobody.post(BOOKINGS, asked(left[1], 2, corporate_number=KANDA)),
    ):
        assert again.status_code == 409
        assert "すでにお持ち" in again.json()["detail"]
    assert count(office) == 1


def test_all_that_is_wrong_is_said_by_field(nobody: Program, office: House) -> None:
    sent = {
        "slot": "明日",
        "kind": "lunch",
        "company_name": " ",
        "email": "tanaka",
        "topic": "あ" * 2_001,
        "corporate_number": "1234567890123",
    }
    refused = nobody.post(BOOKINGS, sent)
    assert refused.status_code == 400
    assert set(refused.json()["errors"]) == {
        "slot",
        "kind",
        "company_name",
        "contact_name",
        "email",
        "topic",
        "corporate_number",
    }
    assert nobody.post(BOOKINGS, "[]").status_code == 400
    assert count(office) == 0


def test_a_blocked_address_is_told_to_telephone(nobody: Program, office: House) -> None:
    with open_scope(office.scope):
        block(address="@c1.example", reason="", actor=None)
    refused = nobody.post(BOOKINGS, asked(slots(nobody)[0]))
    assert refused.status_code == 409
    assert "お電話" in refused.json()["detail"]


def test_an_owner_books_for_the_own_company(program: Programs, office: House) -> None:
    chiba = program("千葉")
    body = chiba.post(BOOKINGS, asked(slots(chiba)[0], company=office.companies["有限会社イ"].pk)).json()
    assert body["company"] == office.companies["株式会社ア"].pk


def test_a_consultant_books_for_a_company_in_sight(baba: Program, office: House, aoba: House) -> None:
    there, left = office.companies["有限会社イ"].pk, slots(baba)
    assert baba.post(BOOKINGS, asked(left[0], company=there)).json()["company"] == there
    elsewhere = aoba.companies["株式会社ウ"].pk
    assert baba.post(BOOKINGS, asked(left[1], 2, company=elsewhere)).status_code == 404


def test_a_company_is_named_by_its_number_however_a_program_writes_it(baba: Program, office: House) -> None:
    there, left = office.companies["有限会社イ"].pk, slots(baba)
    assert baba.post(BOOKINGS, asked(left[0], company=f"{there}.0")).json()["company"] == there
    assert baba.post(BOOKINGS, asked(left[1], 2, company=10**30)).status_code == 404


@pytest.mark.parametrize("name", ["土井", "江口"])
def test_staff_and_partners_book_nothing(program: Programs, office: House, name: str) -> None:
    someone = program(name)
    assert someone.post(BOOKINGS, asked(slots(someone)[0])).status_code == 403


# ── A diagnosis that goes along ──


def test_a_visitor_shows_the_link_of_the_result(nobody: Program, office: House) -> None:
    made, left = nobody.post(f"{V1}/diagnoses/", answered()).json(), slots(nobody)
    body = nobody.post(BOOKINGS, asked(left[0], diagnosis=made["result_url"])).json()
    assert body["diagnosis"] == made["id"]
    token = made["result_url"].rstrip("/").rpartition("/")[2]
    assert nobody.post(BOOKINGS, asked(left[1], 2, diagnosis=token)).json()["diagnosis"] == made["id"]


def test_an_id_proves_nothing_about_a_visitor(nobody: Program, baba: Program, office: House) -> None:
    made, left = nobody.post(f"{V1}/diagnoses/", answered()).json(), slots(nobody)
    wrong = [
        nobody.post(BOOKINGS, asked(left[0], diagnosis=each)) for each in (made["id"], str(uuid4()), "?")
    ]
    assert [each.status_code for each in wrong] == [400, 400, 400]
    assert len({each.content for each in wrong}) == 1
    assert baba.post(BOOKINGS, asked(left[0], diagnosis=made["id"])).json()["diagnosis"] == made["id"]


def test_an_owner_attaches_no_diagnosis_of_another_company(
    program: Programs, baba: Program, office: House
) -> None:
    other = answered(company=office.companies["有限会社イ"].pk)
    made, chiba = baba.post(f"{V1}/diagnoses/", other).json(), program("千葉")
    refused = chiba.post(BOOKINGS, asked(slots(chiba)[0], diagnosis=made["id"]))
    assert set(refused.json()["errors"]) == {"diagnosis"}


# ── Twice, and at once ──


def test_the_same_key_books_once(nobody: Program, office: House) -> None:
    body = asked(slots(nobody)[0])
    first = nobody.post(BOOKINGS, body, Idempotency_Key="k")
    again = nobody.post(BOOKINGS, body, Idempotency_Key="k")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["Idempotency-Replayed"] == "true"
    assert nobody.post(BOOKINGS, body | {"topic": "ほか"}, Idempotency_Key="k").status_code == 422
    assert count(office) == 1


def test_a_refusal_leaves_the_key_free(nobody: Program, office: House) -> None:
    left = slots(nobody)
    nobody.post(BOOKINGS, asked(left[0]))
    assert nobody.post(BOOKINGS, asked(left[0], 2), Idempotency_Key="k").status_code == 409
    assert nobody.post(BOOKINGS, asked(left[1], 2), Idempotency_Key="k").status_code == 201


@pytest.mark.django_db(transaction=True)
def test_the_same_key_at_the_same_moment_books_once(office: House) -> None:
    body, start, statuses = asked(slots(Program())[0]), threading.Barrier(8), []

    def post() -> None:
        with clock.stopped_at(NOW):
            start.wait()
            statuses.append(Program().post(BOOKINGS, body, Idempotency_Key="k").status_code)
        connections.close_all()

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    assert count(office) == 1


@pytest.mark.django_db(transaction=True)
def test_who_cannot_have_the_month_in_time_is_told_when_to_try_again(office: House) -> None:
    booked(office, 1)  # the month has a row
    left, holds, go_on = slots(Program()), threading.Event(), threading.Event()

    def hold() -> None:
        with open_scope(office.scope):
            list(ConsultationMonth.objects.select_for_update(no_key=True).filter(month=DECEMBER))
            holds.set()
            go_on.wait(20)
        connections.close_all()

    thread = threading.Thread(target=hold)
    thread.start()
    assert holds.wait(20)
    refused = Program().post(BOOKINGS, asked(left[3], 2), Idempotency_Key="k")
    go_on.set()
    thread.join()
    assert refused.status_code == 503
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert int(refused.headers["Retry-After"]) >= 1
    assert Program().post(BOOKINGS, asked(left[3], 2), Idempotency_Key="k").status_code == 201


def test_visitors_have_a_limit_and_members_none(
    nobody: Program, baba: Program, office: House, half_past: None
) -> None:
    tries = [nobody.post(BOOKINGS, {}).status_code for _ in range(241)]
    assert set(tries[:240]) == {400}
    assert tries[240] == 429
    assert baba.post(BOOKINGS, {}).status_code == 400


def test_nobodys_mailbox_is_filled_by_others(nobody: Program, office: House, half_past: None) -> None:
    statuses = []
    for number in range(6):  # every hold has lapsed before the next one
        with clock.stopped_at(NOW + timedelta(minutes=31 * number)):
            statuses.append(nobody.post(BOOKINGS, asked(slots(nobody)[-1])).status_code)
    assert statuses == [201] * 5 + [429]
    with open_scope(office.scope):
        assert Consultation.objects.count() == 5


# ── The firm's side ──


@pytest.mark.parametrize("path", ["bookings/", f"bookings/{uuid4()}/"])
def test_bookings_are_nobody_elses_to_read(nobody: Program, gondo: Program, office: House, path: str) -> None:
    assert nobody.get(f"{BASE}/{path}").status_code == 401
    assert gondo.get(f"{BASE}/{path}").status_code == 404


def test_the_firm_lists_filters_and_reads(baba: Program, office: House) -> None:
    held, done = booked(office, 1, confirmed=False), booked(office, 2)
    listed = baba.get(BOOKINGS).json()["results"]
    assert {each["id"] for each in listed} == {str(held.pk), str(done.pk)}
    only = baba.get(BOOKINGS, state="held", month="2026-12").json()["results"]
    assert [each["id"] for each in only] == [str(held.pk)]
    assert baba.get(BOOKINGS, month="2027-01").json()["results"] == []
    assert baba.get(BOOKINGS, month="2026-13").status_code == 400
    one = baba.get(f"{BOOKINGS}{done.pk}/").json()
    assert (one["company_name"], one["consultant"], one["expires_at"]) == ("株式会社第2", "馬場", None)


def test_what_has_run_out_is_expired_before_any_worker_came(program: Programs, office: House) -> None:
    row = booked(office, 1, confirmed=False)
    with clock.stopped_at(NOW + timedelta(minutes=30)):
        baba = program("馬場")
        one = baba.get(f"{BOOKINGS}{row.pk}/").json()
        assert (one["state"], one["expires_at"]) == ("expired", None)
        assert baba.get(BOOKINGS, state="held").json()["results"] == []
        assert [each["id"] for each in baba.get(BOOKINGS, state="expired").json()["results"]] == [str(row.pk)]


def test_a_month_of_another_shape_is_told_the_shape(baba: Program, office: House) -> None:
    answer = baba.get(BOOKINGS, month="12月")
    assert answer.status_code == 400
    assert answer.json()["errors"] == {"month": ["YYYY-MM の形で指定してください。"]}


def test_a_company_s_people_read_their_own(program: Programs, office: House) -> None:
    chiba = program("千葉")
    own = chiba.post(BOOKINGS, asked(slots(chiba)[0])).json()["id"]
    other = booked(office, 2)
    for name in ("千葉", "土井"):
        assert [each["id"] for each in program(name).get(BOOKINGS).json()["results"]] == [own]
        assert program(name).get(f"{BOOKINGS}{other.pk}/").status_code == 404
    fujita = program("藤田")
    assert fujita.get(BOOKINGS).json()["results"] == []
    answers = [fujita.get(f"{BOOKINGS}{each}/") for each in (own, uuid4())]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content
    assert program("江口").get(BOOKINGS).status_code == 403


def test_the_firm_cancels_and_the_place_is_free(baba: Program, nobody: Program, office: House) -> None:
    row = booked(office, 1)
    answer = baba.post(f"{BOOKINGS}{row.pk}/cancel/", {"reason": "お電話で"})
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert nobody.get(f"{BASE}/months/2026-12/").json()["left"] == 4
    with open_scope(office.scope):
        assert Consultation.objects.get(pk=row.pk).cancel_reason == "お電話で"
    assert baba.post(f"{BOOKINGS}{row.pk}/cancel/").json()["state"] == "cancelled"
    assert baba.post(f"{BOOKINGS}{row.pk}/cancel/", {"reason": "あ" * 201}).status_code == 400


def test_an_owner_cancels_the_own_and_no_other(program: Programs, office: House) -> None:
    chiba, fujita = program("千葉"), program("藤田")
    own = chiba.post(BOOKINGS, asked(slots(chiba)[0])).json()["id"]
    answers = [fujita.post(f"{BOOKINGS}{each}/cancel/") for each in (own, uuid4())]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content
    assert program("土井").post(f"{BOOKINGS}{own}/cancel/").status_code == 403
    assert chiba.post(f"{BOOKINGS}{own}/cancel/").json()["state"] == "cancelled"


def test_what_is_over_cannot_be_cancelled(program: Programs, office: House) -> None:
    chiba = program("千葉")
    own = chiba.post(BOOKINGS, asked(slots(chiba)[0])).json()["id"]
    with clock.stopped_at(NOW + timedelta(minutes=31)):
        refused = chiba.post(f"{BOOKINGS}{own}/cancel/")
    assert refused.status_code == 409
    assert "期限" in refused.json()["detail"]


@pytest.mark.parametrize("name", ["誰か", "権藤"])
def test_nobody_else_cancels(program: Programs, office: House, name: str) -> None:
    row = booked(office, 1)
    expected = {"誰か": 401, "権藤": 404}[name]
    assert program(name).post(f"{BOOKINGS}{row.pk}/cancel/").status_code == expected


def test_a_consultant_who_sees_assigned_companies_sees_what_they_give_and_no_other_booking(
    program: Programs, office: House
) -> None:
    chiba, nobodys = program("千葉"), booked(office, 2)
    own = chiba.post(BOOKINGS, asked(slots(chiba)[0])).json()["id"]
    office.firm.consultants_see = "assigned"
    office.firm.save(update_fields=["consultants_see"])

    def seen(name: str) -> set[str]:
        return {each["id"] for each in program(name).get(BOOKINGS).json()["results"]}

    assert seen("馬場") == seen("青木") == {own, str(nobodys.pk)}
    with open_scope(office.scope):
        Consultation.objects.update(consultant=office.members["青木"])
    assert seen("馬場") == {str(nobodys.pk)}
    assert program("馬場").get(f"{BOOKINGS}{own}/").status_code == 404
    assert program("青木").get(f"{BOOKINGS}{own}/").status_code == 200
    assert seen("千葉") == {own}
