"""Rate limits, counted in PostgreSQL in their own short statement before a request's transaction begins.

Fixed windows: simple, exact under concurrency (one upsert), at worst twice the count across a window's edge. Addresses
are stored as keyed hashes only.
"""

from contextlib import suppress
from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings
from django.core.signing import Signer
from django.db import connection
from django.http import HttpRequest

from tenancy import clock
from tenancy.permissions import Limit


def within(limit: Limit, who: str) -> bool:
    """Count one more for `who` and say whether the limit still holds."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tenancy_ratelimit AS r (key, starts, count) VALUES (%s, %s, 1)"
            " ON CONFLICT (key) DO UPDATE SET count = CASE WHEN r.starts = excluded.starts THEN r.count + 1 ELSE 1 END,"
            " starts = excluded.starts RETURNING count",
            [_key(limit, who), _window(limit)],
        )
        return bool(cursor.fetchone()[0] <= limit.count)


def give_back(limit: Limit, who: str) -> None:
    """Count one less for `who` in the present window: what was counted made nothing."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE tenancy_ratelimit SET count = count - 1 WHERE key = %s AND starts = %s AND count > 0",
            [_key(limit, who), _window(limit)],
        )


def _key(limit: Limit, who: str) -> str:
    return f"{limit.name}:{Signer(salt='michisuji.limit').signature(who)[:32]}"


def _window(limit: Limit) -> int:
    return int(clock.now().timestamp()) // limit.seconds * limit.seconds


def seconds_left(limit: Limit) -> int:
    """How long the present window still lasts; at least 1."""
    return limit.seconds - int(clock.now().timestamp()) % limit.seconds


def address_of(request: HttpRequest) -> str:
    """The client's address: the peer, or the entry that our own outermost proxy wrote into X-Forwarded-For.

    Of an IPv6 address the network (/64): whoever has one has all of its 2⁶⁴ addresses.
    """
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    if settings.TRUSTED_PROXIES and len(hops) >= settings.TRUSTED_PROXIES:
        return _network_of(hops[-settings.TRUSTED_PROXIES])
    return _network_of(request.META.get("REMOTE_ADDR", ""))


def _network_of(address: str) -> str:
    with suppress(ValueError):
        parsed = ip_address(address)
        if isinstance(parsed, IPv6Address):
            mapped = parsed.ipv4_mapped
            return str(mapped or ip_network((parsed, 64), strict=False))
    return address


def forget_old() -> None:
    """Delete counters whose window began more than two days ago."""
    two_days_ago = int(clock.now().timestamp()) - 2 * 86_400
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM tenancy_ratelimit WHERE starts < %s", [two_days_ago])
