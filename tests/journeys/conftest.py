"""A real browser at a real server with a real worker. What every page must hold is checked at every step."""

import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which
from typing import Any
from urllib.parse import urlsplit

import html5lib
import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.db import connection
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, Response, sync_playwright

from config.processes import Child, Program, stop_all, wait_until
from tenancy.models import User

# Playwright's loop runs in this thread; the tests' own queries are no coroutine's.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

PHONE, DESK = 390, 1280
# The browser without its own windows does the same for a quarter less time; any Chromium will do.
BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome")
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(which, BROWSERS)), "chromium")
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
LOOKED_AT: set[tuple[object, ...]] = set()
READ: set[int] = set()  # pages whose HTML was valid: it is the same in every window
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],  # what is right need not be told
}


@dataclass
class Person:
    """Somebody at a browser window of one width."""

    page: Page
    site: str
    scripts: bool = True
    complaints: list[str] = field(default_factory=list)
    pages: list[Response] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Go to an address and look at the page."""
        self.page.goto(path if path.startswith("http") else self.site + path)
        self.look()

    def press(self, words: str, *, beside: str = "", **options: Any) -> None:
        """Press the button or link with these words, in the list `beside` a name, and look at the page that comes."""
        near = self.page.get_by_role("listitem").filter(has_text=beside) if beside else self.page
        target = near.get_by_role("button", name=words, **options).or_(
            near.get_by_role("link", name=words, **options)
        )
        with self.page.expect_navigation():
            target.first.click()
        self.look()

    def unfold(self, words: str) -> None:
        """Open what is folded on a phone and not on a desk."""
        fold = self.page.locator("summary").filter(has_text=words)
        assert fold.is_visible() == (self.page.evaluate("innerWidth") == PHONE)
        if fold.is_visible():
            fold.click()

    def reads(self, words: str) -> bool:
        return words in self.page.locator("body").inner_text()

    def look(self) -> None:
        """Accessible, valid HTML, unique ids, nothing wider than the window, no complaint of the browser (CSP)."""
        where = f"{self.page.url} at {self.page.viewport_size}"
        if self.pages:
            valid_html(self.pages[-1].text(), where)
            self.pages.clear()
        assert self.complaints == [], where
        if not self.scripts:  # what follows asks the page by a script
            return
        if (seen := self.seen()) not in LOOKED_AT:
            found = Axe().run(self.page, options=RULES).response["violations"]
            assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == [], where
            LOOKED_AT.add(seen)
        assert self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), where

    def seen(self) -> tuple[object, ...]:
        """What is on the screen, without what differs each time (tokens and ids): looked at once it is enough."""
        look = self.page.evaluate("[matchMedia('(prefers-color-scheme: dark)').matches, innerWidth]")
        return (likeness(self.page.content()), *look)

    def enter(self, user: User) -> None:
        """Be signed in without the form, for ways on which signing in is not the point."""
        client = Client(SERVER_NAME="localhost")
        client.force_login(user, "allauth.account.auth_backends.AuthenticationBackend")
        key = client.cookies[settings.SESSION_COOKIE_NAME].value
        self.page.context.add_cookies(
            [{"name": settings.SESSION_COOKIE_NAME, "value": key, "url": self.site}]
        )

    def sign_in(self, email: str, password: str) -> None:
        self.open("/accounts/login/")
        self.page.fill("input[name=login]", email)
        self.page.fill("input[name=password]", password)
        self.press("ログインする")


def likeness(html: str) -> int:
    """Of a page, without its long values (tokens) and numbers."""
    return hash(re.sub(r'value="[^"]{20,}"|\d+', "", html))


def valid_html(text: str, where: str) -> None:
    """Raises AssertionError with the parser's complaint."""
    if (alike := likeness(text)) in READ:
        return
    parser = html5lib.HTMLParser(strict=False, namespaceHTMLElements=False)
    document = parser.parse(text)
    assert parser.errors == [], (where, parser.errors[:3])
    ids = [element.get("id") for element in document.iter() if element.get("id")]
    assert len(ids) == len(set(ids)), (where, sorted(id for id in ids if ids.count(id) > 1))
    READ.add(alike)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield chromium
        chromium.close()


@pytest.fixture
def someone(browser: Browser, live_server: Any, settings: Any) -> Iterator[Callable[..., Person]]:
    """Opens a browser window of a width: `someone(PHONE)`; `dark=True` at night, `scripts=False` without JavaScript."""
    site = live_server.url.replace("127.0.0.1", "localhost")
    settings.PUBLIC_URL = site
    contexts: list[BrowserContext] = []

    def opens(width: int, *, dark: bool = False, scripts: bool = True) -> Person:
        context = browser.new_context(
            viewport={"width": width, "height": 844},
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
            locale="ja-JP",
            timezone_id="Asia/Tokyo",
        )
        contexts.append(context)
        person = Person(context.new_page(), site, scripts)
        listen(person)
        return person

    yield opens
    for context in contexts:
        context.close()


def listen(person: Person) -> None:
    """Note what the browser complains about (CSP above all), and each page, to be read when it is looked at."""

    def said(message: Any) -> None:
        if message.type in ("error", "warning") and "status of 4" not in message.text:
            person.complaints.append(message.text)

    def answered(response: Response) -> None:
        is_page = response.request.resource_type == "document" and not 300 <= response.status < 400
        if is_page and "text/html" in response.headers.get("content-type", ""):
            person.pages.append(response)

    person.page.on("console", said)
    person.page.on("pageerror", lambda error: person.complaints.append(str(error)))
    person.page.on("response", answered)


@pytest.fixture
def worker(live_server: Any, tmp_path: Path) -> Iterator[Child]:
    """A worker like the product's own, on the tests' database, its files where the tests' server looks for them. One
    for each journey: one that outlived it would still be at work while the tables are emptied."""
    address = (
        urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    )
    env = {
        **os.environ,
        "DATABASE_URL": address,
        "DATA_DIR": str(settings.DATA_DIR),
        "PUBLIC_URL": live_server.url.replace("127.0.0.1", "localhost"),
    }
    argv = (
        *(sys.executable, "-m", "celery", "--app", "config", "worker", "--pool", "solo"),
        *("--queues", "kpi,reports,public_reports,mail", "--loglevel", "WARNING"),
        *("--without-gossip", "--without-mingle"),
    )
    child = Child(Program("worker", argv, tmp_path / "worker.log", env=env))
    yield child
    stop_all([child])


def eventually(true: Callable[[], bool], seconds: float = 60) -> None:
    assert wait_until(true, seconds=seconds, interval=0.2)
