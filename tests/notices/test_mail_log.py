"""What the firm's admin sees of its mails."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from notices.models import Mail
from tenancy import people
from tenancy.scope import open_scope
from tests.conftest import House

As = Callable[[str], Client]


def add(house: House, number: int, **fields: object) -> list[Mail]:
    with open_scope(house.scope):
        return Mail.objects.bulk_create(
            Mail(
                firm=house.firm,
                **{
                    "key": f"k{each}",
                    "template": "report_ready",
                    "to": f"kigyo{each}@a.example",
                    "reply_to": "soudan@a.example",
                    "subject": f"ご案内{each}",
                    "body": "本文",
                    **fields,
                },
            )
            for each in range(number)
        )


@pytest.mark.parametrize(
    ("who", "status"),
    [("青木", 200), ("馬場", 403), ("千葉", 403), ("土井", 403), ("江口", 403), ("権藤", 404), ("誰か", 302)],
)
def test_only_the_firms_admin_reads_the_mails(michisuji: House, as_: As, who: str, status: int) -> None:
    mail = add(michisuji, 1)[0]
    for path in ("", f"{mail.pk}/"):
        answer = as_(who).get(f"/michisuji/settings/mail/{path}")
        assert answer.status_code == status
        assert ("ご案内0" in answer.content.decode()) == (status == 200)
    if status != 200:
        assert as_(who).post(f"/michisuji/settings/mail/{mail.pk}/again/").status_code == status


def test_another_firms_admin_does_not_find_it_under_the_own_address(michisuji: House, as_: As) -> None:
    mail = add(michisuji, 1)[0]
    assert as_("権藤").get(f"/aoba/settings/mail/{mail.pk}/").status_code == 404
    assert "ご案内0" not in as_("権藤").get("/aoba/settings/mail/").content.decode()


def test_a_private_mail_is_read_by_its_addressee_alone(michisuji: House, as_: As) -> None:
    own, other = (
        add(michisuji, 1, key=to, to=to, body="合言葉", private=True)[0]
        for to in ("aoki@michisuji.example", "baba@michisuji.example")
    )
    assert "合言葉" in as_("青木").get(f"/michisuji/settings/mail/{own.pk}/").content.decode()
    assert "合言葉" not in as_("青木").get(f"/michisuji/settings/mail/{other.pk}/").content.decode()


def test_the_log_says_that_a_calendar_file_goes_along_and_not_what_is_in_it(
    michisuji: House, as_: As
) -> None:
    plain, dated = (
        add(michisuji, 1, key=text, calendar=text)[0] for text in ("", "BEGIN:VCALENDAR\r\nSUMMARY:秘密\r\n")
    )
    assert "soudan.ics" not in as_("青木").get(f"/michisuji/settings/mail/{plain.pk}/").content.decode()
    page = as_("青木").get(f"/michisuji/settings/mail/{dated.pk}/").content.decode()
    assert "カレンダーのファイル(soudan.ics)" in page
    assert "秘密" not in page


def test_the_log_says_that_mails_go_nowhere_else(michisuji: House, as_: As, settings: object) -> None:
    assert "メールは外へ送られません" in as_("青木").get("/michisuji/settings/mail/").content.decode()
    settings.EMAIL_URL = "smtp://mail.example"  # type: ignore[attr-defined]
    assert "メールは外へ送られません" not in as_("青木").get("/michisuji/settings/mail/").content.decode()


def test_a_mail_is_shown_in_full_its_links_can_be_followed_and_nothing_in_it_is_html(
    michisuji: House, as_: As
) -> None:
    mail = add(
        michisuji, 1, body="株式会社ア\n<script>x</script>\nhttp://localhost:8000/michisuji/r/~a_b/\n以上"
    )[0]
    page = as_("青木").get(f"/michisuji/settings/mail/{mail.pk}/").content.decode()
    assert 'href="http://localhost:8000/michisuji/r/~a_b/"' in page
    assert "&lt;script&gt;x&lt;/script&gt;" in page
    assert "<script>x" not in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=kigyo1@", ["ご案内1"]),
        ("q=ご案内2", ["ご案内2"]),
        ("q=KIGYO0 案内", ["ご案内0"]),
        ("state=failed", []),
        ("state=queued", ["ご案内0", "ご案内1", "ご案内2"]),
        ("state=nonsense&page=x", ["ご案内0", "ご案内1", "ご案内2"]),
        ("q=どこにもない", []),
    ],
)
def test_the_log_is_searched_by_address_subject_and_state(
    michisuji: House, as_: As, query: str, found: list[str]
) -> None:
    add(michisuji, 3)
    page = as_("青木").get(f"/michisuji/settings/mail/?{query}").content.decode()
    assert [each for each in ("ご案内0", "ご案内1", "ご案内2") if f">{each}</a>" in page] == found


def test_a_failed_mail_is_sent_again_by_one_click_and_not_by_two(michisuji: House, as_: As) -> None:
    mail = add(michisuji, 1, state="failed", attempts=8, last_error="SMTPServerDisconnected")[0]
    address = f"/michisuji/settings/mail/{mail.pk}/"
    assert "もう一度送る" in as_("青木").get(address).content.decode()
    aoki = as_("青木")
    assert "もう一度お送りします。" in aoki.post(f"{address}again/", follow=True).content.decode()
    assert "もう一度お送りします。" not in aoki.post(f"{address}again/", follow=True).content.decode()
    with open_scope(michisuji.scope):
        assert Mail.objects.get().state == "queued"
    assert "もう一度送る</button>" not in aoki.get(address).content.decode()


def test_a_long_log_costs_as_many_queries_as_a_short_one(michisuji: House, as_: As) -> None:
    aoki = as_("青木")
    add(michisuji, 2)
    with CaptureQueriesContext(
        connection,
    ) as few:
        aoki.get("/michisuji/settings/mail/")
    with open_scope(michisuji.scope):
        Mail.objects.all().delete()
    add(michisuji, 120)
    with CaptureQueriesContext(connection) as many:
        page = aoki.get("/michisuji/settings/mail/").content.decode()
    assert len(many) == len(few)
    assert page.count("@a.example</small>") == 50
    assert "120件中 1〜50件" in page


@pytest.mark.parametrize(("address", "readable"), [("", True), ("smtp://mail.example", False)])
def test_an_invitation_is_read_by_an_admin_only_where_no_mail_goes_out(
    michisuji: House, as_: As, settings: Any, address: str, readable: bool
) -> None:
    settings.EMAIL_URL = address
    with open_scope(michisuji.scope):
        people.invite(
            email="new@x.example",
            name="新田",
            role="consultant",
            company=None,
            actor=michisuji.members["青木"],
        )
        (mail,) = Mail.objects.filter(template="invitation")
    page = as_("青木").get(f"/michisuji/settings/mail/{mail.pk}/").content.decode()
    assert ("/michisuji/invitation/" in page) == readable


def test_whoever_tries_the_demo_reads_a_code_by_a_command_and_nobody_where_mails_go_out(
    michisuji: House, settings: Any
) -> None:
    add(michisuji, 1, private=True, body="123456", calendar="BEGIN:VCALENDAR", to="chiba@a.example")
    out = StringIO()
    call_command("read_mail", "Chiba@a.example", stdout=out)
    assert "123456" in out.getvalue()
    assert "soudan.ics ──\nBEGIN:VCALENDAR" in out.getvalue()
    with pytest.raises(CommandError, match="no mail"):
        call_command("read_mail", "nobody@a.example")
    settings.EMAIL_URL = "smtp://mail.example"
    with pytest.raises(CommandError, match="go out"):
        call_command("read_mail", "chiba@a.example")
