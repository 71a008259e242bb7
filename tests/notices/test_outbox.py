"""The outbox: said once, sent outside any transaction, tried again, visible when it failed."""

import re
import smtplib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import parseaddr
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail as django_mail
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection, transaction
from django.test import Client

from notices.actions import queue_mail, send_again
from notices.delivery import MOST_ATTEMPTS
from notices.models import Mail
from notices.tasks import send_mail
from notices.texts import MailIncomplete
from tenancy import clock
from tenancy.account_urls import MAIL_SECONDS
from tenancy.models import Due, FirmProfile, Trail
from tenancy.scope import Scope, open_scope
from tenancy.templatetags.michisuji import jdate
from tenancy.walls import WrongScope
from tests.conftest import House

READY = {
    "company_name": "株式会社ア",
    "contact_name": "千葉",
    "grade": "B",
    "overall": "61.2",
    "first_action_title": "誰に届けるかを一つに決める",
    "expires_label": "2027年5月21日(金)",
    "report_url": "http://localhost:8000/michisuji/diagnosis/r/abc/",
}


class Refusing(BaseEmailBackend):
    """A mail server that is away."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        raise smtplib.SMTPServerDisconnected(f"connection lost while sending to {email_messages[0].to}")


class Watching(BaseEmailBackend):
    """Notes whether a transaction stood open while it was talking."""

    in_transaction: list[bool] = []

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        self.in_transaction.append(connection.in_atomic_block)
        return len(email_messages)


def visitor(house: House) -> Scope:
    return Scope(firm_id=house.firm.pk, link=uuid4())


def queue(house: House, *, key: str = "ready:1", to: str = "chiba@a.example", **changes: Any) -> None:
    with open_scope(visitor(house)):
        queue_mail(key=key, template="diagnosis_ready", to=to, context=READY | changes)


def the_mail(house: House) -> Mail:
    with open_scope(house.scope):
        return Mail.objects.get()


def send(house: House) -> Mail:
    """What a worker does with the only mail, as soon as it is due."""
    mail = the_mail(house)
    Due.objects.filter(kind="mail", object_id=mail.pk).update(due_at=clock.now())
    send_mail(house.firm.pk, str(mail.pk))
    return the_mail(house)


# ── Queueing ──


def test_a_visitor_can_have_a_mail_sent_but_cannot_read_the_outbox(michisuji: House) -> None:
    with open_scope(visitor(michisuji)):
        queue_mail(key="ready:1", template="diagnosis_ready", to="chiba@a.example", context=READY)
        assert not Mail.objects.exists()
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM notices_mail")
            assert cursor.fetchone() == (0,)
    mail = the_mail(michisuji)
    assert (mail.state, mail.reply_to, mail.to) == ("queued", "soudan@michisuji.example", "chiba@a.example")
    assert mail.body.startswith("株式会社ア\n千葉 様\n")
    assert "みちすじ経営パートナーズ\n048-000-0000\nsoudan@michisuji.example" in mail.body


@pytest.mark.guard("outbox.once")
def test_the_same_mail_is_queued_once(michisuji: House) -> None:
    queue(michisuji)
    queue(michisuji, company_name="別の言葉")
    assert the_mail(michisuji).body.startswith("株式会社ア")
    assert Due.objects.filter(kind="mail").count() == 1


@pytest.mark.django_db(transaction=True)
def test_eight_at_once_queue_one_mail(michisuji: House) -> None:
    def one(_: int) -> None:
        try:
            queue(michisuji)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(8)))
    assert the_mail(michisuji).state == "queued"
    assert Due.objects.filter(kind="mail").count() == 1


def test_the_same_key_in_two_firms_is_two_mails(michisuji: House, aoba: House) -> None:
    queue(michisuji)
    queue(aoba)
    assert the_mail(michisuji).pk != the_mail(aoba).pk
    assert the_mail(aoba).reply_to == "soudan@aoba.example"


def test_a_mail_that_was_sent_is_not_sent_again_by_the_same_key(michisuji: House) -> None:
    queue(michisuji)
    send(michisuji)
    queue(michisuji)
    assert send(michisuji).attempts == 1
    assert len(django_mail.outbox) == 1
    assert not Due.objects.filter(kind="mail").exists()


def test_what_was_rolled_back_is_not_said(michisuji: House) -> None:
    with open_scope(visitor(michisuji)), transaction.atomic():
        queue_mail(key="ready:1", template="diagnosis_ready", to="chiba@a.example", context=READY)
        transaction.set_rollback(True)
    with open_scope(michisuji.scope):
        assert not Mail.objects.exists()
    assert not Due.objects.exists()


def test_nobody_queues_a_mail_in_another_firms_name(michisuji: House, aoba: House) -> None:
    with open_scope(visitor(michisuji)):
        with pytest.raises(PermissionError):
            queue_mail(
                key="k", template="diagnosis_ready", to="a@a.example", context=READY, firm_id=aoba.firm.pk
            )
        with pytest.raises(WrongScope):
            Mail(firm=aoba.firm, key="k", template="t", to="a@a.example", reply_to="a@a.example").save()


def test_a_mail_with_a_hole_in_it_is_not_queued(michisuji: House) -> None:
    with pytest.raises(MailIncomplete):
        queue(michisuji, grade=None)


def test_until_the_profile_is_written_answers_go_to_the_installation(michisuji: House) -> None:
    with open_scope(michisuji.scope):
        FirmProfile.objects.all().delete()
    queue(michisuji)
    assert the_mail(michisuji).reply_to == "michisuji@localhost"


# ── No header out of what somebody typed ──


@pytest.mark.parametrize("to", ["a@a.example\nBcc: b@b.example", "a@a.example, b@b.example", "", "ア"])
def test_an_address_is_one_address(michisuji: House, to: str) -> None:
    with pytest.raises(ValidationError):
        queue(michisuji, to=to)


def test_line_breaks_in_a_name_do_not_become_headers(michisuji: House) -> None:
    michisuji.firm.name = "みちすじ\r\nBcc: evil@evil.example"
    michisuji.firm.save()
    with open_scope(visitor(michisuji)):
        context = {
            "company_name": "ア\r\nBcc: evil@evil.example",
            "grade": "A\x00",
            "detail_url": "http://x/",
        }
        queue_mail(key="k", template="new_diagnosis", to="aoki@michisuji.example", context=context)
    assert the_mail(michisuji).subject == "【新しい簡易診断】ア Bcc: evil@evil.example様がご回答になりました"
    send(michisuji)
    message = django_mail.outbox[0]
    assert message.recipients() == ["aoki@michisuji.example"]
    assert message.message()["Bcc"] is None


# ── Sending ──


def test_a_mail_goes_out_in_the_firms_name_and_answers_go_to_the_firm(michisuji: House) -> None:
    queue(michisuji)
    sent = send(michisuji)
    assert (sent.state, sent.attempts, sent.last_error) == ("sent", 1, "")
    assert sent.sent_at is not None
    message = django_mail.outbox[0]
    assert message.subject == "【診断結果】戦略とプロセスの簡易診断レポート"
    headers = message.message()
    name, address = parseaddr(headers["From"])
    assert (str(make_header(decode_header(name))), address) == (
        "みちすじ経営パートナーズ",
        "michisuji@localhost",
    )
    assert parseaddr(headers["Reply-To"])[1] == "soudan@michisuji.example"
    assert headers["Message-ID"] == f"<{sent.pk}@localhost>"
    assert headers["Date"]
    assert not Due.objects.filter(kind="mail").exists()


CALENDAR = (
    "BEGIN:VCALENDAR\r\nMETHOD:CANCEL\r\nBEGIN:VEVENT\r\nSUMMARY:オンライン相談\r\n"
    "DESCRIPTION:METHOD:x\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


def queue_with_calendar(house: House, text: str = CALENDAR) -> None:
    with open_scope(visitor(house)):
        queue_mail(key="k", template="diagnosis_ready", to="chiba@a.example", context=READY, calendar=text)


def test_a_calendar_file_goes_along_byte_by_byte_with_its_method_beside_its_type(michisuji: House) -> None:
    queue_with_calendar(michisuji)
    assert send(michisuji).calendar == CALENDAR
    raw = django_mail.outbox[0].message().as_bytes()
    text, calendar = message_from_bytes(raw, policy=policy.default).iter_parts()
    assert text.get_content_type() == "text/plain"
    assert calendar.get_content_type() == "text/calendar"
    assert {name: calendar.get_param(name) for name in ("charset", "method")} == {
        "charset": "utf-8",
        "method": "CANCEL",
    }
    assert (calendar.get_filename(), calendar.get_content_disposition()) == ("soudan.ics", "attachment")
    assert calendar.get_payload(decode=True) == CALENDAR.encode()


def test_a_calendar_file_without_a_method_names_none(michisuji: House) -> None:
    queue_with_calendar(michisuji, "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")
    send(michisuji)
    assert "method=" not in django_mail.outbox[0].message().as_string()


def test_a_mail_without_a_calendar_has_one_part(michisuji: House) -> None:
    queue(michisuji)
    send(michisuji)
    assert not django_mail.outbox[0].message().is_multipart()


@pytest.mark.parametrize(("address", "kept"), [("", CALENDAR), ("smtp://mail.example", "")])
def test_the_calendar_of_a_private_mail_is_forgotten_with_its_text_once_it_has_left(
    michisuji: House, settings: Any, address: str, kept: str
) -> None:
    settings.EMAIL_URL = address
    queue_with_calendar(michisuji)
    with open_scope(michisuji.scope):
        Mail.objects.update(private=True)
    assert send(michisuji).calendar == kept


def test_two_bells_send_one_mail(michisuji: House) -> None:
    queue(michisuji)
    mail = send(michisuji)
    send_mail(michisuji.firm.pk, str(mail.pk))
    assert len(django_mail.outbox) == 1


@pytest.mark.django_db(transaction=True)
def test_no_transaction_stands_open_while_the_mail_server_is_talking(michisuji: House, settings: Any) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Watching"
    Watching.in_transaction.clear()
    queue(michisuji)
    assert send(michisuji).state == "sent"
    assert Watching.in_transaction == [False]


def test_a_mail_server_that_is_away_is_tried_again_later(michisuji: House, settings: Any) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Refusing"
    queue(michisuji)
    mail = send(michisuji)
    assert (mail.state, mail.attempts, mail.last_error) == ("queued", 1, "SMTPServerDisconnected")
    waits = Due.objects.get(kind="mail")
    assert waits.lease_until is None
    assert timedelta(seconds=5) < waits.due_at - clock.now() <= timedelta(seconds=10)
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    mail = send(michisuji)
    assert (mail.state, mail.attempts, mail.last_error) == ("sent", 2, "")


def test_after_eight_attempts_it_stays_and_can_be_sent_again(michisuji: House, settings: Any) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Refusing"
    queue(michisuji)
    for _ in range(MOST_ATTEMPTS):
        assert the_mail(michisuji).state == "queued"
        send(michisuji)
    mail = the_mail(michisuji)
    assert (mail.state, mail.attempts) == ("failed", 8)
    assert not Due.objects.filter(kind="mail").exists()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    with open_scope(michisuji.scope):
        assert send_again(mail=mail, actor=michisuji.members["青木"])
        assert not send_again(mail=mail, actor=michisuji.members["青木"])
        assert Trail.objects.filter(act="send_again.mail").count() == 1
    mail = send(michisuji)
    assert (mail.state, mail.attempts) == ("sent", 9)


def test_a_mail_over_which_workers_die_does_not_go_on_forever(michisuji: House) -> None:
    queue(michisuji)
    Due.objects.filter(kind="mail").update(attempts=MOST_ATTEMPTS)
    assert send(michisuji).state == "failed"
    assert django_mail.outbox == []


@pytest.mark.guard("due.fence")
def test_a_worker_that_lost_its_lease_does_not_write_over_the_other_one(
    michisuji: House, settings: Any
) -> None:
    queue(michisuji)
    settings.EMAIL_BACKEND = f"{__name__}.TakenOver"
    mail = send(michisuji)
    assert (mail.state, Due.objects.get(kind="mail").attempts) == ("queued", 7)


class TakenOver(BaseEmailBackend):
    """While it is talking, another worker takes the mail over."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        Due.objects.filter(kind="mail").update(attempts=7)
        return len(email_messages)


# ── Mails with a key to the house ──


As = Callable[[str], Client]


def test_a_new_password_is_asked_for_by_a_mail_that_only_its_reader_sees(
    michisuji: House, as_: As, settings: Any
) -> None:
    settings.EMAIL_URL = "smtp://mail.example"
    answer = as_("誰か").post("/accounts/password/reset/", {"email": "baba@michisuji.example"})
    assert answer.status_code == 302
    mail = the_mail(michisuji)
    assert mail.private
    assert mail.to == "baba@michisuji.example"
    assert "http://localhost:8000/accounts/password/reset/key/" in mail.body
    until = mail.created_at + timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)
    assert re.search(rf"{re.escape(jdate(until))} \d\d:\d\dまで", mail.body)
    link = next(word for word in mail.body.split() if "/reset/key/" in word)
    page = as_("青木").get(f"/michisuji/settings/mail/{mail.pk}/").content.decode()
    assert mail.subject in page
    assert "/reset/key/" not in page
    assert send(michisuji).body == ""
    assert link in str(django_mail.outbox[0].body)
    assert as_("誰か").get(link.removeprefix("http://localhost:8000"), follow=True).status_code == 200


def test_an_unknown_address_gets_the_same_answer_and_no_mail(michisuji: House, as_: As) -> None:
    asked_at = time.monotonic()
    answer = as_("誰か").post("/accounts/password/reset/", {"email": "nobody@nowhere.example"})
    assert time.monotonic() - asked_at >= MAIL_SECONDS  # as long as for an address that is known
    assert answer.status_code == 302
    with open_scope(michisuji.scope):
        assert not Mail.objects.exists()
    assert django_mail.outbox == []
