"""What a form says when it is filled in wrongly: never Django's own words, which do not say what to do."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.db import transaction
from django.test import Client
from django.utils.translation import gettext, override

from tenancy.models import User
from tenancy.scope import open_scope
from tests.acts import POSTS, address_of, answering
from tests.conftest import House
from tests.stage import Sent, Stage
from tests.tenancy.browser import signs_in, with_second_factor
from tests.things import plant

As = Callable[[str], Client]
WRONG = ("", "☃", "9" * 5_000)
ACCOUNT = ("login/", "login/code/", "name/", "email/", "password/reset/")
UNFILLED = {"csrfmiddlewaretoken", "theme", "next"}


DJANGOS = (
    "This field is required.",
    "This field cannot be null.",
    "This field cannot be blank.",
    "Enter a valid value.",
    "Enter a whole number.",
    "Enter a number.",
    "Enter a valid date.",
    "Enter a valid email address.",
    "Enter a valid UUID.",
    "Enter a list of values.",
    "Select a valid choice. %(value)s is not one of the available choices.",
    "Select a valid choice. That choice is not one of the available choices.",
    "“%(pk)s” is not a valid value.",
    "Ensure this value is less than or equal to %(limit_value)s.",
    "No file was submitted. Check the encoding type on the form.",
    "The submitted file is empty.",
)
LONG = "この値は .{1,10} 文字以下でなければなりません"


def djangos_words() -> re.Pattern[str]:
    """What Django's own catalogue says, with anything where a value stands."""
    with override("ja"):
        words = [re.escape(gettext(each)) for each in DJANGOS]
    return re.compile("|".join([LONG, *(re.sub(r"%\\?\(\w+\\?\)[sd]", ".{1,80}?", each) for each in words)]))


WORDS = djangos_words()


def names_in(page: Any) -> set[str]:
    """The fields of the page's forms."""
    html = page.content.decode()
    return set(re.findall(r'<(?:input|textarea|select)\b[^>]*? name="([^"]+)"', html)) - UNFILLED


def said(client: Client, url: str, names: set[str]) -> set[str]:
    """Django's words in the answers to the form sent empty, and with nonsense in all its fields."""
    heard = set()
    for wrong in WRONG:
        with transaction.atomic():
            sent = urlencode(dict.fromkeys(sorted(names), wrong))
            answer = client.post(url, sent, "application/x-www-form-urlencoded")
            transaction.set_rollback(True)
        heard |= set(WORDS.findall(answer.content.decode()))
    return heard


def test_every_form_of_a_firm_answers_in_words_of_our_own(as_: As, michisuji: House, aoba: House) -> None:
    things = plant(michisuji)
    with open_scope(michisuji.scope):
        stage = Stage(michisuji, things, answering(michisuji), Client())
    wrong = {route: in_the_firm(as_, stage, route, (*calls, Sent())[0]) for route, calls in POSTS.items()}
    assert {route: words for route, words in wrong.items() if words} == {}


def in_the_firm(as_: As, stage: Stage, route: str, sent: Sent) -> set[str]:
    with transaction.atomic():
        stage.client, stage.url = as_(sent.who), address_of(stage, route)
        with open_scope(stage.house.scope):
            sent.before(stage)
        names = names_in(stage.client.get(stage.url)) | set(sent.body(stage))
        heard = said(stage.client, stage.url, names)
        transaction.set_rollback(True)
    return heard


def test_every_form_of_an_account_and_of_the_operator_does_so_too(as_: As, michisuji: House) -> None:
    operator = User.objects.create_user("uno@operator.example", None, "宇野")
    User.objects.filter(pk=operator.pk).update(is_operator=True)
    uno = signs_in(with_second_factor(operator), second_factor=True)
    visited = {
        f"/accounts/{each}": as_("誰か" if "log" in each or "reset" in each else "千葉") for each in ACCOUNT
    }
    visited |= dict.fromkeys(("/operator/firms/new/", f"/operator/firms/{michisuji.firm.pk}/enter/"), uno)
    wrong = {url: said(client, url, names_in(client.get(url))) for url, client in visited.items()}
    assert {url: words for url, words in wrong.items() if words} == {}


def test_djangos_words_would_be_heard() -> None:
    with override("ja"):
        missing, number = gettext(DJANGOS[0]), gettext("Enter a number.")
    assert (missing, bool(WORDS.search(f"<p>{missing}</p>"))) == ("この項目は必須です。", True)
    assert WORDS.search(number)
    assert not WORDS.search("お名前を入力してください。")
