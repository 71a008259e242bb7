"""Fetching a calendar from an address that somebody typed in: real names, real sockets, real TLS."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from consultations.calendars.fetching import (
    MOST_BYTES,
    Address,
    CalendarNotRead,
    Reach,
    Reason,
    fetch,
    fetch_within,
    is_public,
)

CALENDAR = b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"
CHUNK = b"A" * 10_000


def reason_of(ask: Callable[[], bytes]) -> Reason:
    with pytest.raises(CalendarNotRead) as refused:
        ask()
    assert not any(part in str(refused.value) for part in ("http", "localhost", "127."))
    return refused.value.reason


# ── Addresses that nobody is sent to ──


@pytest.mark.parametrize(
    "url",
    [
        "",
        "calendar.ics",
        "//calendar.example/a.ics",
        "http://calendar.example/a.ics",
        "ftp://calendar.example/a.ics",
        "file:///etc/passwd",
        "gopher://calendar.example/",
        "https://",
        "https:///a.ics",
        "https://user:pass@calendar.example/a.ics",
        "https://user@calendar.example/a.ics",
        "https://@calendar.example/a.ics",
        "https://calendar.example\\@127.0.0.1/",
        "https://calendar.example:22/a.ics",
        "https://calendar.example:8443/a.ics",
        "https://calendar.example:0/a.ics",
        "https://calendar.example:443x/a.ics",
        "https://calendar.example:99999/a.ics",
        "https://a..example/a.ics",
        f"https://{'a' * 64}.example/a.ics",
        "https://[::1/a.ics",
    ],
)
def test_an_address_that_is_not_plain_https_is_refused(url: str) -> None:
    assert reason_of(lambda: fetch(url)) == Reason.ADDRESS


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[::ffff:10.0.0.1]",
        "[::ffff:127.0.0.1]",
        "[::10.0.0.1]",
        "[64:ff9b::10.0.0.1]",
        "[64:ff9b:1::1]",
        "[2002:a00:1::]",
        "[2001:0:a00:1::]",
        "[fe80::1]",
        "[fc00::1]",
        "[fec0::1]",
        "[ff02::1]",
        "[2001:db8::1]",
        "localhost",
        "LOCALHOST",
        "\uff4cocalhost",  # a full-width l: idna makes it the same name
    ],
)
def test_an_address_or_a_name_that_is_not_public_is_refused(host: str) -> None:
    assert reason_of(lambda: fetch(f"https://{host}/a.ics")) == Reason.NOT_PUBLIC
    assert reason_of(lambda: fetch(f"webcal://{host}:443/a.ics")) == Reason.NOT_PUBLIC


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"])
def test_what_is_on_the_internet_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


def test_a_name_that_does_not_exist_is_nobody_there() -> None:
    assert reason_of(lambda: fetch("https://calendar.invalid/a.ics")) == Reason.AWAY


# ── A server that may be reached ──


class Handler(BaseHTTPRequestHandler):
    """Answers by path; notes what it was asked with."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append((self.path, dict(self.headers)))
        name = self.path.strip("/").split("?")[0].split("-")[0]
        getattr(self, f"give_{name}", self.give_calendar)()

    def answer(self, status: int, content: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for key, value in ({"Content_Length": str(len(content))} | headers).items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def give_calendar(self) -> None:
        self.answer(200, CALENDAR)

    def give_status(self) -> None:
        self.answer(int(self.path.rpartition("-")[2]))

    def give_large(self) -> None:
        size = int(self.path.rpartition("-")[2])
        self.answer(200, b"A" * size)

    def give_endless(self) -> None:
        """As many chunks as anybody takes."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(CHUNK), CHUNK))
        except OSError:
            self.close_connection = True

    def give_packed(self) -> None:
        self.answer(200, CALENDAR, Content_Encoding="gzip")

    def give_half(self) -> None:
        self.answer(200, CALENDAR, Content_Length=str(len(CALENDAR) + 5))
        self.close_connection = True

    def give_around(self) -> None:
        """Once around less each time, then the calendar."""
        left = int(self.path.rpartition("-")[2])
        self.answer(302, Location=f"/around-{left - 1}" if left > 1 else "/calendar")

    def give_to(self) -> None:
        self.answer(301, Location=self.path.partition("?")[2])

    def give_nowhere(self) -> None:
        self.answer(302)

    def give_never(self) -> None:
        """Says nothing until the test is over."""
        self.server.over.wait(20)
        self.close_connection = True

    def give_drops(self) -> None:
        """A byte at a time, for longer than anybody has."""
        self.close_connection = True
        try:
            for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n":
                self.wfile.write(bytes([byte]))
                self.server.over.wait(0.1)
        except OSError:
            pass

    def give_rubbish(self) -> None:
        self.wfile.write(b"what is this\r\n\r\n")
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, certificate: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.over = threading.Event()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        self.names: list[str | None] = []
        context.sni_callback = lambda socket, name, context: self.names.append(name)
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # who hangs up in the middle is what is tested


@dataclass
class Calendars:
    """The server, and what reaches it. `looked_at`: every address that was."""

    server: Server
    reach: Reach
    looked_at: list[Address] = field(default_factory=list)

    def fetch(self, path: str, host: str = "localhost", **changes: object) -> bytes:
        return fetch_within(replace(self.reach, **changes), f"https://{host}{path}")  # type: ignore[arg-type]

    def reason(self, path: str, host: str = "localhost", **changes: object) -> Reason:
        return reason_of(lambda: self.fetch(path, host, **changes))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For `localhost` and no other name."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "localhost.pem"
    no_password = serialization.NoEncryption()
    pkcs8 = serialization.PrivateFormat.PKCS8
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, pkcs8, no_password)
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


@pytest.fixture
def calendars(certificate: Path) -> Iterator[Calendars]:
    """A calendar server on this machine, which everybody else may not reach."""
    server = Server(certificate)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    looked_at: list[Address] = []

    def may_reach(address: Address) -> bool:
        looked_at.append(address)
        return address.is_loopback

    port = server.server_address[1]
    yield Calendars(server, Reach(may_reach, int(port), str(certificate)), looked_at)
    server.over.set()
    server.shutdown()
    server.server_close()


def test_a_calendar_is_fetched_over_tls_that_proves_the_name(calendars: Calendars) -> None:
    assert calendars.fetch("/calendar?a=1&b=%2F") == CALENDAR
    ((path, headers),) = calendars.server.asked
    assert path == "/calendar?a=1&b=%2F"
    assert headers["Host"] == f"localhost:{calendars.reach.port}"
    assert headers["Accept-Encoding"] == "identity"
    assert not {"Cookie", "Authorization", "Referer"} & set(headers)
    assert calendars.server.names == ["localhost"]


def test_the_same_server_is_refused_to_everybody_else(calendars: Calendars) -> None:
    assert calendars.reason("/calendar", may_reach=is_public) == Reason.NOT_PUBLIC
    assert calendars.server.asked == []


def test_letters_that_may_not_stand_in_a_request_are_encoded(calendars: Calendars) -> None:
    assert calendars.fetch("/予定 1\r\nX-Evil: 1#part") == CALENDAR
    ((path, headers),) = calendars.server.asked
    assert path == "/%E4%BA%88%E5%AE%9A%201X-Evil:%201"
    assert "X-Evil" not in headers


def test_a_certificate_for_another_name_or_by_nobody_is_refused(calendars: Calendars) -> None:
    assert calendars.reason("/calendar", host="127.0.0.1") == Reason.CERTIFICATE
    assert calendars.reason("/calendar", authorities=None) == Reason.CERTIFICATE
    assert calendars.server.asked == []


@pytest.mark.parametrize("found", [["127.0.0.1", "10.0.0.1"], ["10.0.0.1", "127.0.0.1"]])
def test_one_address_among_several_that_may_not_be_reached_refuses_the_name(
    calendars: Calendars, monkeypatch: pytest.MonkeyPatch, found: list[str]
) -> None:
    """The name server is the part that is played: it says two addresses for one name."""
    answers_by(monkeypatch, lambda name: found if name == "localhost" else [name])
    assert calendars.reason("/calendar") == Reason.NOT_PUBLIC
    assert calendars.server.asked == []


def test_the_next_address_is_asked_where_the_first_is_dead(
    calendars: Calendars, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers_by(monkeypatch, lambda name: ["127.0.0.2", "127.0.0.1"] if name == "localhost" else [name])
    assert calendars.fetch("/calendar") == CALENDAR


def answers_by(monkeypatch: pytest.MonkeyPatch, said: Callable[[str], list[str]]) -> list[str]:
    """Let a name server of the test's answer, and note what it was asked."""
    real, asked = socket.getaddrinfo, list[str]()

    def answer(host: str, *args: Any, **kwargs: Any) -> list[Any]:
        asked.append(host)
        return [info for each in said(host) for info in real(each, *args, **kwargs)]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return asked


def test_the_address_that_was_looked_at_is_the_one_that_is_asked(
    calendars: Calendars, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name server says another address from the second time on: nobody asks it a second time."""
    answers = iter([["127.0.0.1"], ["192.0.2.1"], ["192.0.2.1"]])
    asked = answers_by(monkeypatch, lambda name: next(answers) if name == "localhost" else [name])
    assert calendars.fetch("/calendar") == CALENDAR
    assert asked == ["localhost", "127.0.0.1"]


def test_a_proxy_of_the_environment_is_not_asked(
    calendars: Calendars, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert calendars.fetch("/calendar") == CALENDAR


# ── Redirects ──


def test_three_redirects_are_followed_and_not_four(calendars: Calendars) -> None:
    assert calendars.fetch("/around-3") == CALENDAR
    assert calendars.reason("/around-4") == Reason.REDIRECTS
    assert calendars.reason("/nowhere") == Reason.REDIRECTS
    assert [str(address) for address in set(calendars.looked_at)] == ["127.0.0.1"]
    assert len(calendars.looked_at) == 4 + 4 + 4


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://localhost/calendar", Reason.ADDRESS),
        ("file:///etc/passwd", Reason.ADDRESS),
        ("https://a:b@localhost/calendar", Reason.ADDRESS),
        ("https://localhost:22/calendar", Reason.ADDRESS),
        ("//192.168.1.1/", Reason.NOT_PUBLIC),
        ("https://169.254.169.254/latest/meta-data/", Reason.NOT_PUBLIC),
        ("https://[::ffff:10.0.0.1]/", Reason.NOT_PUBLIC),
    ],
)
def test_where_a_redirect_leads_is_looked_at_anew(
    calendars: Calendars, location: str, reason: Reason
) -> None:
    assert calendars.reason(f"/to?{location}") == reason
    assert len(calendars.server.asked) == 1


# ── What is too much, too late or nothing ──


def test_a_calendar_has_at_most_one_megabyte_whether_its_size_is_told_or_not(calendars: Calendars) -> None:
    assert len(calendars.fetch(f"/large-{MOST_BYTES}")) == MOST_BYTES
    assert calendars.reason(f"/large-{MOST_BYTES + 1}") == Reason.TOO_LARGE
    assert calendars.reason("/endless") == Reason.TOO_LARGE


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/status-401", Reason.REFUSED),
        ("/status-403", Reason.REFUSED),
        ("/status-404", Reason.NOT_FOUND),
        ("/status-410", Reason.NOT_FOUND),
        ("/status-204", Reason.AWAY),
        ("/status-500", Reason.AWAY),
        ("/packed", Reason.NOT_A_CALENDAR),
        ("/half", Reason.AWAY),
        ("/rubbish", Reason.AWAY),
    ],
)
def test_every_other_answer_has_its_reason(calendars: Calendars, path: str, reason: Reason) -> None:
    assert calendars.reason(path) == reason


def test_who_says_nothing_is_not_waited_for(calendars: Calendars) -> None:
    assert calendars.reason("/never", seconds=0.3) == Reason.AWAY
    assert len(calendars.server.asked) == 1
    assert calendars.reason("/calendar", seconds=0) == Reason.AWAY
    assert len(calendars.server.asked) == 1


def test_who_answers_byte_by_byte_gets_no_more_time_than_others(calendars: Calendars) -> None:
    assert calendars.reason("/drops", seconds=0.5) == Reason.AWAY
    assert len(calendars.server.asked) == 1


def test_nobody_at_the_door_is_away(calendars: Calendars) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        assert calendars.reason("/calendar", port=port) == Reason.AWAY


def test_who_answers_in_plain_text_at_the_door_of_tls_is_away(calendars: Calendars) -> None:
    with socket.socket() as plain:
        plain.bind(("127.0.0.1", 0))
        plain.listen()

        def answer() -> None:
            client, _ = plain.accept()
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            client.close()

        threading.Thread(target=answer, daemon=True).start()
        assert calendars.reason("/calendar", port=plain.getsockname()[1]) == Reason.AWAY


def test_every_reason_is_a_japanese_sentence_that_says_what_to_do() -> None:
    for reason in Reason:
        assert reason.label.endswith("。")
        assert len(reason.label) <= 70
