"""Fetching an outside calendar from an address that somebody typed in, without becoming their way into our network.

1. The address is https, has no name and password in it, and no other port than 443.
2. The name is looked up once. One address among those found that is not public: the whole name is refused.
3. The connection goes to an address that was looked at, never to the name again: a second answer of the name server
   (DNS rebinding) changes nothing. TLS still proves the name.
4. A redirect begins at 1; the third one is the last.
5. At most 1 MB, at most 10 seconds in all, and no proxy, whatever the environment says.
"""

import socket
import ssl
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from threading import Thread
from time import monotonic
from typing import Any, cast
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from consultations.calendars.problems import CalendarNotRead, Reason

__all__ = ["CalendarNotRead", "Reason", "fetch"]

MOST_BYTES = 1_000_000
MOST_REDIRECTS = 3
SECONDS = 10.0
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ASKED_FOR = {"Accept": "text/calendar, */*;q=0.1", "Accept-Encoding": "identity", "User-Agent": "Michisuji"}
_REASONS = {401: Reason.REFUSED, 403: Reason.REFUSED, 404: Reason.NOT_FOUND, 410: Reason.NOT_FOUND}

_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")

Address = IPv4Address | IPv6Address


def is_public(address: Address) -> bool:
    """Whether the address is somewhere on the internet, also for one that carries an IPv4 address within itself."""
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_multicast
    if address.ipv4_mapped:
        return is_public(address.ipv4_mapped)
    if address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
    # Tunnels end at the IPv4 address within: whose network that is, nobody knows here.
    tunnel = address.sixtofour or address.teredo
    return address in _GLOBAL_UNICAST and address.is_global and not tunnel


@dataclass(frozen=True)
class Reach:
    """What may be reached. Tests reach themselves; nobody else passes one."""

    may_reach: Callable[[Address], bool] = is_public
    port: int = 443
    authorities: str | None = None  # a file with certificates; None: the system's
    seconds: float = SECONDS


def fetch(url: str) -> bytes:
    """What stands at the address, at most 1 MB. `webcal://` is https by another name.

    Raises CalendarNotRead. Blocks for up to 10 seconds: for workers, outside any transaction.
    """
    return fetch_within(Reach(), url)


def fetch_within(reach: Reach, url: str) -> bytes:
    """As `fetch`, with other limits."""
    until = monotonic() + reach.seconds
    for _ in range(MOST_REDIRECTS + 1):
        parts = _checked(url, reach.port)
        found = _ask(reach, parts, until)
        if isinstance(found, bytes):
            return found
        url = urljoin(parts.geturl(), found)
    raise CalendarNotRead(Reason.REDIRECTS)


def _checked(url: str, port: int) -> SplitResult:
    """The address in parts: https, its name in ASCII."""
    try:
        parts = urlsplit(url.strip())
        name = (parts.hostname or "").encode("idna").decode()
        others_port = parts.port not in (None, port)
    except ValueError:  # UnicodeError among them
        raise CalendarNotRead(Reason.ADDRESS) from None
    if parts.scheme not in ("https", "webcal") or not name or "@" in parts.netloc or others_port:
        raise CalendarNotRead(Reason.ADDRESS)
    return parts._replace(scheme="https", netloc=f"[{name}]" if ":" in name else name)


def _ask(reach: Reach, parts: SplitResult, until: float) -> bytes | str:
    """The content, or where else to look."""
    name = parts.hostname or ""
    connection = _Connection(name, _addresses(reach, name, until), reach, until)
    try:
        connection.request("GET", _target(parts), headers=_ASKED_FOR)
        return _answer(connection.getresponse())
    except ssl.SSLCertVerificationError:
        raise CalendarNotRead(Reason.CERTIFICATE) from None
    except (OSError, HTTPException, ValueError):
        raise CalendarNotRead(Reason.AWAY) from None
    finally:
        connection.close()


def _addresses(reach: Reach, name: str, until: float) -> list[str]:
    """Where the name stands. Looked up beside us, because a lookup has no time limit of its own."""
    found: Future[list[Any]] = Future()
    Thread(target=_look_up, args=(found, name, reach.port), daemon=True).start()
    try:
        addresses = list(dict.fromkeys(info[4][0] for info in found.result(_left(until))))
    except (OSError, UnicodeError):
        raise CalendarNotRead(Reason.AWAY) from None
    if not addresses or not all(reach.may_reach(ip_address(each)) for each in addresses):
        raise CalendarNotRead(Reason.NOT_PUBLIC)
    return addresses


def _look_up(found: "Future[list[Any]]", name: str, port: int) -> None:
    try:
        found.set_result(socket.getaddrinfo(name, port, type=socket.SOCK_STREAM))
    except Exception as problem:
        found.set_exception(problem)


def _answer(response: HTTPResponse) -> bytes | str:
    if response.status in _REDIRECTS:
        return response.getheader("Location") or ""
    if response.status != 200:
        raise CalendarNotRead(_REASONS.get(response.status, Reason.AWAY))
    if response.getheader("Content-Encoding", "identity").lower() != "identity":  # we asked for none
        raise CalendarNotRead(Reason.NOT_A_CALENDAR)
    content = response.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise CalendarNotRead(Reason.TOO_LARGE)
    if response.length:  # the other side has stopped in the middle
        raise CalendarNotRead(Reason.AWAY)
    return content


def _target(parts: SplitResult) -> str:
    """Path and query, with whatever may not stand in a request percent-encoded."""
    target = parts.path or "/"
    if parts.query:
        target += f"?{parts.query}"
    return quote(target, safe="/?%:@!$&'()*+,;=~-._[]")


def _left(until: float) -> float:
    left = until - monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _TimedSocket(ssl.SSLSocket):
    """Each read has only what is left of the time for all: somebody who sends a byte a second does not get more."""

    until: float | None = None

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        if self.until is not None:
            self.settimeout(_left(self.until))
        return super().recv_into(*args, **kwargs)


class _Connection(HTTPSConnection):
    """To one of the addresses that were looked at; TLS and the Host header speak of the name."""

    def __init__(self, name: str, addresses: list[str], reach: Reach, until: float) -> None:
        self.context = ssl.create_default_context(cafile=reach.authorities)
        self.context.sslsocket_class = _TimedSocket
        super().__init__(name, reach.port, context=self.context)
        self.addresses, self.until = addresses, until

    def connect(self) -> None:
        raw = self._reached()
        try:
            raw.settimeout(_left(self.until))
            sock = cast(_TimedSocket, self.context.wrap_socket(raw, server_hostname=self.host))
        except BaseException:
            raw.close()
            raise
        sock.until = self.until
        self.sock = sock

    def _reached(self) -> socket.socket:
        """The first address that answers. Each gets an equal part of the time, so that a dead one leaves some."""
        problem: OSError = OSError("no address")
        for tried, address in enumerate(self.addresses):
            share = _left(self.until) / (len(self.addresses) - tried)
            try:
                return socket.create_connection((address, self.port), timeout=share)
            except OSError as last:
                problem = last
        raise problem
