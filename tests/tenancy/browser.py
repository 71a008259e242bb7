"""Help for tests about signing in: passwords, what the mails say, codes of an app."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import unquote

from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.test import Client

from notices.models import Mail
from tenancy import clock
from tenancy.models import User
from tenancy.scope import open_scope
from tests.conftest import PASSWORD, House

LOGIN, CODE, CONFIRM = "/accounts/login/", "/accounts/login/code/", "/accounts/login/code/confirm/"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def browser(**headers: str) -> Client:
    return Client(SERVER_NAME="localhost", headers=headers or None)


def with_password(user: User) -> User:
    user.set_password(PASSWORD)
    user.save(update_fields=["password"])
    return user


def with_second_factor(user: User) -> User:
    """With a password and an app whose key is SECRET."""
    TOTP.activate(user, SECRET)
    RecoveryCodes.activate(user)
    return with_password(user)


def app_code(secret: str = SECRET, later: int = 0) -> str:
    """What the app shows now, or `later` half minutes from now."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30 + later)))


def signs_in(user: User, *, second_factor: bool = False, agent: str = "") -> Client:
    """A browser in which the person has signed in with the password, and then with the app's code."""
    client = browser(**{"User-Agent": agent})
    answer = client.post(LOGIN, {"login": user.email, "password": PASSWORD})
    if second_factor:
        assert answer.headers["Location"] == "/accounts/login/second-factor/"
        answer = client.post("/accounts/login/second-factor/", {"code": app_code()})
    assert answer.status_code == 302, answer.content.decode()
    return client


def mails(house: House, template: str = "") -> list[Mail]:
    """The firm's mails, the oldest first."""
    with open_scope(house.scope):
        found = Mail.objects.order_by("created_at")
        return list(found.filter(template=template) if template else found)


def mailed_code(house: House, template: str = "login_code") -> str:
    """The six digits of the latest such mail."""
    found = re.search(r"^(\d{6})$", mails(house, template)[-1].body, re.MULTILINE)
    assert found
    return found[1]


def mailed_path(mail: Mail, site: str = "http://localhost:8000") -> str:
    """The link of the mail, without the site it must begin with."""
    found = re.search(r"^(http\S+)$", mail.body, re.MULTILINE)
    assert found
    assert found[1].startswith(site + "/")
    return found[1].removeprefix(site)


@contextmanager
def later(**ago: float) -> Iterator[None]:
    """Inside it is that much later."""
    with clock.stopped_at(clock.now() + timedelta(**ago)):
        yield


def key_of(client: Client) -> str:
    """What the browser's cookie says: who has it has the session."""
    return str(client.session.session_key)


def leads_to(answer: Any) -> str:
    return unquote(answer.headers["Location"])


def text(answer: Any) -> str:
    return unescape(answer.content.decode())


def without_what_differs(answer: Any, *words: str) -> str:
    """The page without tokens, and without the words that were typed."""
    page = re.sub(r'value="[A-Za-z0-9]{64}"', "", text(answer))
    for word in words:
        page = page.replace(word, "〈〉")
    return page
