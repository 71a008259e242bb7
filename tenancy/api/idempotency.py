"""`Idempotency-Key`: the same POST, sent again after a lost answer, is done once and answered alike.

1. The key counts for 24 hours, for one membership (a visitor: one address) and one route. Firm, who, route and key are
   hashed together; the hash is what is stored and locked.
2. A lock of the transaction on that hash (`pg_try_advisory_xact_lock`) makes a request at the same moment answer 409 at
   once instead of waiting. It is released after the commit, so whoever gets it next sees what was kept.
3. What is kept is found: same body → that answer again, byte by byte; another body → 422.
4. Otherwise the work is done and its answer kept *in the same transaction*: there is never one without the other.
   Refusals (≥ 400) are rolled back as a whole and kept nowhere; the same key may try again.

The table stands behind the firm's wall, and no visitor's scope sees a row of it. A row holds what a visitor was
answered, so the only way to it is the hash of the key that this visitor sent: it is looked up in a short scope of the
firm, here and nowhere else. Rows are deleted within an hour after they have ended.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid5

from django.db import connection
from django.http import HttpResponse
from rest_framework.exceptions import ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from tenancy import clock, due, limits
from tenancy.api.problems import Busy, KeyReused
from tenancy.due import Claim
from tenancy.models import IdempotencyKey
from tenancy.scope import Scope, open_scope

KEPT = timedelta(hours=24)
LONGEST = 255
FORGET = "idempotency.forget"
_HOURS = UUID("8f0d3c52-6f0e-5d0a-9a55-3f8f3b1f6a10")  # a namespace: one due row per firm and hour

due.kind(FORGET, task="tenancy.forget_idempotency_keys", queue="mail")

Handler = Callable[..., Any]


@dataclass(frozen=True)
class Attempt:
    """One request with a key: `hash` of firm, who, route and key; `body` the hash of what was sent."""

    firm_id: int
    hash: str
    body: str


def once(handler: Handler) -> Handler:
    """Let a POST handler of a `Door` honour `Idempotency-Key`; without the header it is called as ever."""

    @wraps(handler)
    def answer(view: Any, request: Request, *args: Any, **kwargs: Any) -> Any:
        if "Idempotency-Key" not in request.headers:
            return handler(view, request, *args, **kwargs)
        attempt = attempt_of(request, view.visit)
        take(attempt)
        if (kept := find(attempt)) is not None:
            return again(kept)
        response = handler(view, request, *args, **kwargs)
        if response.status_code < 400:
            keep(attempt, response)
        return response

    return answer


def attempt_of(request: Request, visit: Any) -> Attempt:
    """Raises ValidationError for a key that is empty, longer than 255 characters or not printable ASCII."""
    key = request.headers["Idempotency-Key"]
    if not (0 < len(key) <= LONGEST and key.isascii() and key.isprintable()):
        raise ValidationError({"Idempotency-Key": ["1〜255文字の半角英数字・記号で指定してください。"]})
    inner = request._request
    who = f"m{visit.membership.pk}" if visit.membership else f"a{limits.address_of(inner)}"
    parts = (str(visit.firm.pk), who, f"{inner.method} {inner.path_info}", key)
    return Attempt(visit.firm.pk, _hash("\0".join(parts).encode()), _hash(inner.body))


def take(attempt: Attempt) -> None:
    """Hold the key until the transaction ends. Raises Busy when another request holds it."""
    number = int.from_bytes(bytes.fromhex(attempt.hash)[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        if not cursor.fetchone()[0]:
            raise Busy


def find(attempt: Attempt) -> IdempotencyKey | None:
    """What was answered to this key. Raises KeyReused when that was for another body."""
    with open_scope(Scope.of_firm(attempt.firm_id)):
        kept: IdempotencyKey | None = IdempotencyKey.objects.filter(
            hash=attempt.hash, expires_at__gt=clock.now()
        ).first()
    if kept is not None and kept.body != attempt.body:
        raise KeyReused
    return kept


def again(kept: IdempotencyKey) -> HttpResponse:
    """The kept answer, marked as such."""
    response = HttpResponse(kept.answer, status=kept.status, content_type="application/json")
    response.headers["Idempotency-Replayed"] = "true"
    return response


def keep(attempt: Attempt, response: Response) -> None:
    """Keep the answer, in the transaction that did the work."""
    expires = clock.now() + KEPT
    answer = JSONRenderer().render(response.data).decode()
    values = {"body": attempt.body, "status": response.status_code, "answer": answer, "expires_at": expires}
    with open_scope(Scope.of_firm(attempt.firm_id)):
        IdempotencyKey.objects.update_or_create(hash=attempt.hash, defaults=values)
    moment = _full_hour_after(expires)
    due.put(FORGET, attempt.firm_id, uuid5(_HOURS, f"{attempt.firm_id} {moment.isoformat()}"), at=moment)


def forget(firm_id: int, object_id: str) -> None:
    """Delete the firm's keys that have ended; for the task that `keep` makes due."""

    def work(claim: Claim) -> None:
        with open_scope(Scope.of_firm(firm_id)):
            claim.finish()
            IdempotencyKey.objects.filter(expires_at__lte=clock.now()).delete()

    due.run(FORGET, object_id, work)


def _full_hour_after(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


def _hash(content: bytes) -> str:
    return sha256(content).hexdigest()
