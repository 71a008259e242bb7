"""What whoever has the mail does with a booking, through the addresses in the mails."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from consultations import addresses
from consultations.actions.booking import cancel, put_off, rebook
from consultations.actions.firm import agree, mark, send_summary, write_note
from consultations.actions.waiting import decline, join, tell_full
from consultations.addresses import FEED, MANAGE, QUEUE, SUMMARY, WISH, manage_token, queue_token
from consultations.free_times import month_view
from consultations.models import Consultation, Schedule, WaitlistEntry
from consultations.states import State
from diagnosis.addresses import result_token, result_url
from notices.models import Mail
from tenancy import clock
from tenancy.links import make_token
from tenancy.models import Trail
from tenancy.scope import open_scope
from tests.conftest import House, as_owner
from tests.consultations.office import DECEMBER, JANUARY, NOW, a_time, booked, company, times
from tests.things import answered

HERE = ("manage", "confirm", "change", "cancel", "details", "answer", "again", "rebook", "event")
As = Callable[[str], Client]


def at(name: str, token: str) -> str:
    return reverse(f"consultations:{name}", args=["michisuji", token])


def page(name: str, token: str) -> HttpResponse:
    return Client(SERVER_NAME="localhost").get(at(name, token))  # type: ignore[return-value]


def send(name: str, token: str, **data: object) -> HttpResponse:
    return Client(SERVER_NAME="localhost").post(at(name, token), data)  # type: ignore[return-value]


def token_of(house: House, row: Consultation) -> str:
    with open_scope(house.scope):
        return manage_token(row)


def fresh(house: House, row: Consultation) -> Consultation:
    with open_scope(house.scope):
        return Consultation.objects.with_people().get(pk=row.pk)


def waits(house: House, number: int) -> WaitlistEntry:
    with clock.stopped_at(NOW + timedelta(seconds=number)), open_scope(house.scope):
        return join(id=uuid4(), wanted=[DECEMBER], asked=company(number))


def offered(house: House) -> tuple[Consultation, WaitlistEntry]:
    """Four have a session, a fifth waits, one of the four goes: the fifth has an offer."""
    rows = [booked(house, number) for number in range(4)]
    entry = waits(house, 10)
    with open_scope(house.scope):
        cancel(consultation=rows[1])
        return Consultation.objects.get(entry=entry, state=State.OFFERED), entry


def a_seed() -> str:
    return make_token("consultations.form", uuid4(), 1, since=NOW - timedelta(hours=1))


# ── Opening changes nothing ──


@pytest.mark.parametrize("name", HERE)
@pytest.mark.parametrize("confirmed", [False, True])
def test_opening_an_address_of_a_booking_changes_nothing(office: House, name: str, confirmed: bool) -> None:
    row = booked(office, 1, confirmed=confirmed)
    before = (_everything(office), _trail(office))
    answer = page(name, token_of(office, row))
    assert answer.status_code in (200, 302) or (name, answer.status_code) == ("event", 404)
    assert (_everything(office), _trail(office)) == before


def test_opening_an_address_of_an_offer_or_a_turn_changes_nothing(office: House) -> None:
    row, entry = offered(office)
    wish = _wish(office)
    with open_scope(office.scope):
        turn, told = queue_token(entry), make_token(WISH, wish, 1)
    before = (_everything(office), _trail(office))
    for name in HERE:
        page(name, token_of(office, row))
    for name in ("queue", "queue_leave"):
        assert page(name, turn).status_code == 200
    assert page("wish", told).status_code == 200
    assert (_everything(office), _trail(office)) == before


def _everything(house: House) -> list[object]:
    with open_scope(house.scope):
        return [list(model.objects.order_by("pk").values()) for model in (Consultation, WaitlistEntry, Mail)]


def _trail(house: House) -> int:
    with open_scope(house.scope):
        return int(Trail.objects.count())


def _wish(house: House):  # type: ignore[no-untyped-def]
    with open_scope(house.scope):
        return tell_full(month=DECEMBER, asked=company(20)).pk


# ── Links ──


def test_a_tampered_a_foreign_and_a_missing_link_are_the_same_page(office: House, aoba: House) -> None:
    row = booked(office, 1)
    token = token_of(office, row)
    dead = make_token(MANAGE, uuid4(), 1)
    for name in (*HERE, "queue", "queue_leave", "wish", "summary", "feed"):
        purpose = {
            "queue": QUEUE,
            "queue_leave": QUEUE,
            "wish": WISH,
            "summary": SUMMARY,
            "feed": FEED,
        }.get(name, MANAGE)
        missing = page(name, make_token(purpose, uuid4(), 1))
        assert missing.status_code == 410, name
        for other in (f"{token}x", make_token("consultations.sent", row.pk, 1), "x"):
            found = page(name, other)
            assert (found.status_code, found.content) == (410, missing.content), name
    there = reverse("consultations:manage", args=["aoba", token])
    elsewhere = reverse("consultations:manage", args=["aoba", dead])
    client = Client(SERVER_NAME="localhost")
    assert client.get(there).status_code == 410
    assert client.get(there).content == client.get(elsewhere).content


@pytest.mark.parametrize("name", ["confirm", "change", "cancel", "details", "answer", "rebook"])
def test_nothing_is_done_by_a_dead_link(office: House, name: str) -> None:
    row = booked(office, 1, confirmed=False)
    before = _everything(office)
    with open_scope(office.scope):
        old = make_token(MANAGE, row.pk, row.link_version + 1)
    assert send(name, old, answer="accept").status_code == 410
    assert _everything(office) == before


@pytest.mark.usefixtures("half_past")
def test_whoever_tries_links_without_end_is_asked_to_wait(office: House) -> None:
    client = Client(SERVER_NAME="localhost")
    tried = [client.post(at("cancel", "x")).status_code for _ in range(61)]
    assert tried == [410] * 60 + [429]


# ── Confirming ──


def test_a_button_confirms_and_pressed_twice_it_has_confirmed_once(office: House) -> None:
    row = booked(office, 1, confirmed=False)
    token = token_of(office, row)
    assert "この内容で予約する" in page("manage", token).content.decode()
    for _ in range(2):
        answer = send("confirm", token)
        assert (answer.status_code, answer["Location"]) == (302, at("manage", token))
    assert fresh(office, row).state == State.CONFIRMED
    assert _mails(office, 1).count("booking_confirmed") == 1
    assert "ご予約は確定しています" in page("manage", token).content.decode()


def test_a_hold_that_ran_out_says_so_and_leads_back_to_the_form(office: House) -> None:
    row = booked(office, 1, confirmed=False)
    token = token_of(office, row)
    with clock.stopped_at(NOW + timedelta(minutes=31)):
        refused = send("confirm", token)
        assert refused.status_code == 410
        assert at("again", token) in refused.content.decode()
        again = page("again", token)
        assert again["Location"] == f"{reverse('consultations:book', args=['michisuji'])}?again={token}"
    assert fresh(office, row).state in (State.HELD, State.EXPIRED)


def _mails(house: House, number: int) -> list[str]:
    with open_scope(house.scope):
        return list(Mail.objects.filter(to=company(number).email).values_list("template", flat=True))


# ── Changing ──


def test_a_time_is_changed_and_the_calendar_file_keeps_its_uid_and_counts_on(office: House) -> None:
    row = booked(office, 1)
    token = token_of(office, row)
    before = page("event", token)
    assert before["Content-Type"].startswith("text/calendar")
    other = times(office)[-1]
    assert str(times(office)[0].slot) in page("change", token).content.decode()
    assert send("change", token, slot=str(other.slot)).status_code == 302
    after = page("event", token)
    assert fresh(office, row).starts_at == other.starts
    assert _line(before, "UID") == _line(after, "UID")
    assert (_line(before, "SEQUENCE"), _line(after, "SEQUENCE")) == ("SEQUENCE:0", "SEQUENCE:1")
    send("cancel", token)
    gone = page("event", token)
    assert (_line(gone, "UID"), _line(gone, "SEQUENCE")) == (_line(before, "UID"), "SEQUENCE:2")
    assert _line(gone, "METHOD") == "METHOD:CANCEL"


def _line(answer: HttpResponse, name: str) -> str:
    lines = answer.content.decode().splitlines()
    return next(each for each in lines if each.startswith(name))


@pytest.mark.parametrize(("second", "changed"), [(0, True), (1, False)])
def test_a_change_is_possible_until_five_in_the_afternoon_of_the_day_before(
    office: House, second: int, changed: bool
) -> None:
    row = booked(office, 1, time=a_time(office, date(2026, 12, 17), 14))
    token, other = token_of(office, row), a_time(office, date(2026, 12, 21), 10)
    deadline = datetime(2026, 12, 16, 8, 0, tzinfo=UTC)  # 17:00 in Tokyo
    with clock.stopped_at(deadline + timedelta(seconds=second)):
        answer = send("change", token, slot=str(other.slot))
    assert answer.status_code == (302 if changed else 409)
    assert (fresh(office, row).starts_at == other.starts) is changed
    if not changed:
        assert "048-000-0000" in answer.content.decode()


@pytest.mark.parametrize(
    ("second", "state"), [(0, State.CANCELLED), (1, State.CANCELLED_LATE)], ids=["in time", "late"]
)
def test_a_cancellation_is_always_possible_and_late_it_keeps_the_place(
    office: House, second: int, state: State
) -> None:
    row = booked(office, 1, time=a_time(office, date(2026, 12, 17), 14))
    token = token_of(office, row)
    with clock.stopped_at(datetime(2026, 12, 16, 8, 0, second, tzinfo=UTC)):
        asked = page("cancel", token).content.decode()
        assert ("使われたもの" in asked) is (state == State.CANCELLED_LATE)
        for _ in range(2):
            assert send("cancel", token).status_code == 302
        assert fresh(office, row).state == state
        with open_scope(office.scope):
            assert month_view(DECEMBER).left == (3 if state == State.CANCELLED_LATE else 4)
    assert _mails(office, 1).count("cancelled_by_client") == 1


def test_a_time_that_somebody_took_meanwhile_shows_the_others(office: House) -> None:
    row, taken = booked(office, 1), times(office)[-1]
    token = token_of(office, row)
    booked(office, 2, time=taken)
    answer = send("change", token, slot=str(taken.slot))
    assert answer.status_code == 409
    assert "もう空いていません" in answer.content.decode()
    assert 'name="slot"' in answer.content.decode()


def test_a_full_month_is_not_moved_into(office: House) -> None:
    row = booked(office, 1)
    january = times(office, JANUARY)
    for number in range(2, 6):
        booked(office, number, time=january[number * 3])
    token = token_of(office, row)
    answer = send("change", token, slot=str(january[-1].slot))
    assert answer.status_code == 409
    assert "満席" in answer.content.decode()
    assert fresh(office, row).month == DECEMBER


@pytest.mark.parametrize(
    "slot",
    [
        "",
        "x",
        "20261217T0500Z.x",
        "99991231T2359Z.00000000-0000-0000-0000-000000000000",
        "20200101T0000Z.00000000-0000-0000-0000-000000000000",
    ],
)
def test_what_is_no_time_changes_nothing(office: House, slot: str) -> None:
    row = booked(office, 1)
    answer = send("change", token_of(office, row), slot=slot)
    assert answer.status_code in (409, 422)
    assert fresh(office, row).starts_at == row.starts_at


@pytest.fixture
def impatient() -> Iterator[None]:
    """Nobody waits for a lock for three seconds in a test."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = 50")
        yield
        cursor.execute("SET lock_timeout = 3000")


@contextmanager
def held_elsewhere(house: House) -> Iterator[None]:
    """Somebody else has the months' rows."""
    holder = as_owner(connection.settings_dict["NAME"])
    with holder, holder.cursor() as cursor:
        names = ("app.user", "app.firm", "app.companies", "app.side", "app.link")
        for name, value in zip(names, house.scope.settings(), strict=True):
            cursor.execute("SELECT set_config(%s, %s, true)", [name, value])
        cursor.execute("SELECT 1 FROM consultations_consultationmonth FOR UPDATE")
        yield
    holder.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("impatient")
def test_a_month_that_somebody_holds_too_long_is_said_and_the_choice_kept(office: House) -> None:
    row, other = booked(office, 1), a_time(office, date(2026, 12, 21), 10)
    token = token_of(office, row)
    with held_elsewhere(office):
        answer = send("change", token, slot=str(other.slot))
        for name in ("confirm", "cancel", "details"):
            assert send(name, token, topic="値上げ").status_code == 503
    assert (answer.status_code, answer["Retry-After"]) == (503, "3")
    assert f'value="{other.slot}" required checked' in answer.content.decode()
    assert fresh(office, row).starts_at == row.starts_at


# ── Offers ──


def test_an_offer_is_accepted_as_it_is(office: House) -> None:
    row, entry = offered(office)
    token = token_of(office, row)
    assert "この日時で予約する" in page("manage", token).content.decode()
    assert send("answer", token, answer="accept").status_code == 302
    assert fresh(office, row).state == State.CONFIRMED
    with open_scope(office.scope):
        entry.refresh_from_db()
    assert entry.state == WaitlistEntry.State.BOOKED


def test_an_offer_is_accepted_at_another_time_of_its_month(office: House) -> None:
    row, _ = offered(office)
    token, other = token_of(office, row), times(office)[-1]
    assert send("answer", token, answer="other", slot=str(other.slot)).status_code == 302
    now = fresh(office, row)
    assert (now.state, now.starts_at, now.number) == (State.CONFIRMED, other.starts, row.number)


def test_another_time_has_to_be_chosen_and_lies_in_the_month(office: House) -> None:
    row, _ = offered(office)
    token = token_of(office, row)
    assert send("answer", token, answer="other").status_code == 422
    beyond = times(office, JANUARY)[-1]
    assert send("answer", token, answer="other", slot=str(beyond.slot)).status_code == 409
    assert send("answer", token, answer="maybe").status_code == 422
    assert fresh(office, row).state == State.OFFERED


@pytest.mark.parametrize(("said", "state"), [("keep", "waiting"), ("leave", "left")])
def test_an_offer_is_passed_on(office: House, said: str, state: str) -> None:
    row, entry = offered(office)
    token = token_of(office, row)
    for _ in range(2):
        assert send("answer", token, answer=said).status_code == 302
    with open_scope(office.scope):
        entry.refresh_from_db()
    assert (fresh(office, row).state, entry.state) == (State.CANCELLED, state)
    shown = page("manage", token).content.decode()
    assert ("いまの順番を見る" in shown) is (said == "keep")


@pytest.mark.parametrize(("first", "then"), [("keep", "leave"), ("leave", "keep"), ("accept", "other")])
def test_who_has_answered_otherwise_in_another_window_is_told_so(
    office: House, first: str, then: str
) -> None:
    row, entry = offered(office)
    token, other = token_of(office, row), times(office)[-1]
    assert send("answer", token, answer=first).status_code == 302
    with open_scope(office.scope):
        entry.refresh_from_db()
    stands = entry.state
    assert send("answer", token, answer=then, slot=str(other.slot)).status_code == 410
    with open_scope(office.scope):
        entry.refresh_from_db()
    assert entry.state == stands
    assert fresh(office, row).starts_at == row.starts_at


def test_an_offer_that_ran_out_is_not_accepted(office: House) -> None:
    row, _ = offered(office)
    with clock.stopped_at(NOW + timedelta(hours=25)):
        assert send("answer", token_of(office, row), answer="accept").status_code == 410
    assert fresh(office, row).state != State.CONFIRMED


# ── What the firm had to put off ──


def test_who_was_put_off_books_another_time_once(office: House) -> None:
    row = booked(office, 1)
    with open_scope(office.scope):
        put_off(consultation=row, reason="担当者の急病", actor=office.members["馬場"])
    token, time = token_of(office, row), times(office)[-1]
    shown = page("manage", token).content.decode()
    assert "担当者の急病" in shown
    assert at("rebook", token) in shown
    assert send("rebook", token, slot=str(time.slot)).status_code == 422  # not our form
    seed = a_seed()
    first = send("rebook", token, slot=str(time.slot), seed=seed)
    assert first.status_code == 302
    again = send("rebook", token, slot=str(time.slot), seed=seed)
    assert _opens(again["Location"]) == _opens(first["Location"])
    assert send("rebook", token, slot=str(times(office)[-1].slot), seed=a_seed()).status_code == 410
    assert _opens(first["Location"]) in page("manage", token).content.decode()
    with open_scope(office.scope):
        assert Consultation.objects.filter(replaces=row, state=State.CONFIRMED, number=None).count() == 1


def _opens(url: str) -> str:
    """The address without when its token was signed, and the signature."""
    return url.rsplit("~", 2)[0]


def test_a_replacement_that_is_given_back_late_is_not_said_to_use_up_a_months_place(office: House) -> None:
    row, time = booked(office, 1), a_time(office, date(2026, 12, 17), 14)
    with open_scope(office.scope):
        put_off(consultation=row, reason="担当者の急病", actor=office.members["馬場"])
        instead = rebook(consultation=row, id=uuid4(), slot=time.slot)
        token = manage_token(instead)
    with clock.stopped_at(time.starts - timedelta(hours=2)):
        asked = page("cancel", token).content.decode()
        assert send("cancel", token).status_code == 302
        told = page("manage", token).content.decode()
    assert "振替は行われたもの" in asked
    assert "振替は行われたもの" in told
    assert "月の枠は使われたもの" not in asked + told
    with open_scope(office.scope):
        assert month_view(DECEMBER).left == 4


def test_what_was_not_put_off_has_no_replacement(office: House) -> None:
    row = booked(office, 1)
    answer = send("rebook", token_of(office, row), slot=str(times(office)[-1].slot), seed=a_seed())
    assert answer.status_code == 410
    with open_scope(office.scope):
        assert Consultation.objects.count() == 1


# ── More to say ──


def test_a_telephone_and_more_words_are_added(office: House) -> None:
    row = booked(office, 1)
    token = token_of(office, row)
    wrong = send("details", token, by_phone="on", topic="値上げの伝え方")
    assert wrong.status_code == 422
    assert "値上げの伝え方" in wrong.content.decode()
    assert send("details", token, by_phone="on", phone="048-000-1204", topic="値上げ").status_code == 302
    now = fresh(office, row)
    assert (now.phone, now.by_phone, now.topic) == ("048-000-1204", True, "値上げ")
    assert "048-000-1204へ、こちらからおかけします" in page("manage", token).content.decode()


def test_who_would_rather_telephone_gets_the_mail_and_the_event_that_say_so(office: House) -> None:
    row = booked(office, 1)
    token = token_of(office, row)
    for _ in range(2):
        send("details", token, by_phone="on", phone="048-000-1204")
    send("details", token, by_phone="on", phone="048-000-1204", topic="値上げ")  # nothing about where
    with open_scope(office.scope):
        mail = Mail.objects.get(template="booking_meeting")
    assert "048-000-1204へ、こちらからおかけします" in mail.body
    assert "SEQUENCE:1" in mail.calendar
    assert fresh(office, row).sequence == 1


def test_a_diagnosis_taken_before_is_attached_by_its_link(office: House) -> None:
    row = booked(office, 1)
    token = token_of(office, row)
    with open_scope(office.scope):
        diagnosis = answered(office, "利根")
        link = result_url("michisuji", result_token(diagnosis))
        revoked = make_token("diagnosis.result", diagnosis.pk, diagnosis.link_version + 1)
    for wrong in ("わかりません", revoked, f"{link[:-3]}xyz/", token):
        assert send("details", token, result=wrong).status_code == 422
    assert fresh(office, row).diagnosis_id is None
    assert send("details", token, result=link).status_code == 302
    assert fresh(office, row).diagnosis == diagnosis
    assert "診断の結果を見る" in page("manage", token).content.decode()
    assert send("details", token, topic="値上げ").status_code == 302
    assert fresh(office, row).diagnosis == diagnosis


# ── Over ──


def test_the_summary_is_read_once_it_was_sent_and_never_the_note(office: House) -> None:
    row = booked(office, 1)
    member = office.members["馬場"]
    with open_scope(office.scope):
        write_note(consultation=row, text="社内だけのメモ", is_summary=False, actor=member)
        write_note(consultation=row, text="次は価格表から", is_summary=True, actor=member)
        agree(consultation=row, id=uuid4(), text="価格表を直す", who="社長1", due_on=None, actor=member)
        token = make_token(SUMMARY, row.pk, row.link_version)
    with clock.stopped_at(row.ends_at):
        assert page("summary", token).status_code == 410
        with open_scope(office.scope):
            mark(consultation=row, after=State.COMPLETED, actor=member)
            send_summary(consultation=row, actor=member)
        shown = page("summary", token)
        over = page("manage", token_of(office, row)).content.decode()
    assert shown.status_code == 200
    words = shown.content.decode()
    assert "次は価格表から" in words
    assert "価格表を直す" in words
    assert "社内だけのメモ" not in words
    assert "まとめと次の一歩を読む" in over


# ── The queue ──


def test_a_turn_is_shown_with_its_reason_and_left_by_a_button(office: House) -> None:
    for number in range(4):
        booked(office, number)
    first, second = waits(office, 10), waits(office, 11)
    with open_scope(office.scope):
        token = queue_token(second)
    shown = page("queue", token).content.decode()
    assert "2番目" in shown
    assert "前に1社がお待ちです" in shown
    for _ in range(2):
        assert send("queue_leave", token).status_code == 302
    with open_scope(office.scope):
        second.refresh_from_db()
        assert second.state == WaitlistEntry.State.LEFT
        assert list(WaitlistEntry.objects.waiting()) == [first]
    assert "取り消しました" in page("queue", token).content.decode()


def test_an_offer_stands_on_the_page_of_the_turn(office: House) -> None:
    row, entry = offered(office)
    with open_scope(office.scope):
        token = queue_token(entry)
    assert _opens(at("manage", token_of(office, row))) in page("queue", token).content.decode()


def test_an_entry_that_passed_one_on_is_told_that_it_waits_for_the_next(office: House) -> None:
    row, entry = offered(office)
    with open_scope(office.scope):
        decline(consultation=row, keep=True)
        token = queue_token(entry)
    assert "見送られたため" in page("queue", token).content.decode()


def test_being_told_of_the_opening_takes_a_button(office: House) -> None:
    with clock.stopped_at(NOW - timedelta(days=20)), open_scope(office.scope):
        wish = tell_full(month=DECEMBER, asked=company(20))
        token = make_token(WISH, wish.pk, 1)
    with clock.stopped_at(NOW - timedelta(days=20)):
        assert "受付開始をメールで受け取る" in page("wish", token).content.decode()
        for _ in range(2):
            assert send("wish", token).status_code == 302
        assert "受付開始をお知らせします" in page("wish", token).content.decode()


# ── The feed ──


def test_the_feed_names_the_companies_until_its_address_is_renewed(office: House) -> None:
    row, other = booked(office, 1), booked(office, 2)
    with open_scope(office.scope):
        cancel(consultation=other)
        schedule = Schedule.objects.get()
        token = make_token(FEED, schedule.pk, schedule.feed_version)
    booked(office, 3, confirmed=False)
    with clock.stopped_at(NOW + timedelta(days=1)):
        answer = page("feed", token)
    text = answer.content.decode()
    assert answer["Content-Type"].startswith("text/calendar")
    assert "private" in answer["Cache-Control"]
    assert text.count("BEGIN:VEVENT") == 2
    assert "株式会社第1" in text
    assert "STATUS:CANCELLED" in text
    assert "株式会社第3" not in text
    assert addresses.MANAGE not in text
    with clock.stopped_at(row.ends_at + timedelta(days=200)):
        assert page("feed", token).status_code == 200  # a calendar asks for years
    with open_scope(office.scope):
        Schedule.objects.update(feed_version=2)
    assert page("feed", token).status_code == 410


def test_who_has_left_has_no_feed(office: House) -> None:
    with open_scope(office.scope):
        schedule = Schedule.objects.get()
        token = make_token(FEED, schedule.pk, 1)
        member = office.members["馬場"]
        member.ends_at = NOW - timedelta(days=1)
        member.save(update_fields=["ends_at"])
    assert page("feed", token).status_code == 410
