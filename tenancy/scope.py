"""The scope: who asks, for which firm, which companies, from which side, by which link.

Both walls read it: the managers (`tenancy.walls`) through a ContextVar, PostgreSQL's row security through five
transaction-local settings. One function sets them together and nothing else does. No scope means an exception, never
all rows; there is no scope that sees more than one firm.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from django.db import connection, transaction

NO_LINK = UUID(int=0)
ALL: Literal["*"] = "*"
Side = Literal["firm", "company", "visitor"]


class NoScope(RuntimeError):
    """A tenant's table was touched outside a scope."""


@dataclass(frozen=True)
class Scope:
    """What may be seen. `firm_id` None: only what belongs to `user_id` itself (where do I belong?).

    `side`: who works for the firm sees of the companies in scope also what is not shared with them. `role` and
    `by_token` are for the trail; no wall asks for them.
    """

    firm_id: int | None = None
    user_id: int | None = None
    companies: Literal["*"] | frozenset[int] = frozenset()
    side: Side = "visitor"
    link: UUID = NO_LINK
    membership_id: int | None = None
    role: str = ""
    by_token: bool = False

    @classmethod
    def of_firm(cls, firm_id: int) -> "Scope":
        """The whole firm, no person: jobs, sweeps, commands."""
        return cls(firm_id=firm_id, companies=ALL, side="firm")

    @property
    def sees_whole_firm(self) -> bool:
        return self.companies == ALL

    def settings(self) -> tuple[str, str, str, str, str]:
        """The five values as PostgreSQL reads them; 0 and the nil UUID match no row."""
        companies = ALL if self.companies == ALL else f"{{{','.join(map(str, sorted(self.companies)))}}}"
        return str(self.user_id or 0), str(self.firm_id or 0), companies, self.side, str(self.link)


_current: ContextVar[Scope | None] = ContextVar("scope", default=None)


def current_scope() -> Scope:
    """The scope in force. Raises NoScope."""
    scope = _current.get()
    if scope is None:
        raise NoScope("A tenant's data was asked for outside a scope: open_scope(…) first.")
    return scope


def scope_or_none() -> Scope | None:
    """The scope in force, or None; for logs and error pages only."""
    return _current.get()


@contextmanager
def open_scope(scope: Scope, *, told: bool = True) -> Iterator[Scope]:
    """Run a block inside `scope` and its own transaction (a savepoint when nested); the earlier scope returns on exit.

    After an exception the rollback brings PostgreSQL's settings back; otherwise they are set back explicitly, so that
    a test's outer transaction does not keep them. Costs one statement on entry; on exit one where it is nested, none
    at the outermost, whose COMMIT clears transaction-local settings. With `told=False` PostgreSQL hears of it with the
    first `change_scope`; a tenant's table asked before that is an error, as without a scope.
    """
    before, nested = _current.get(), connection.in_atomic_block
    with transaction.atomic():
        token = _set(scope) if told else _current.set(scope)
        try:
            yield scope
        finally:
            _current.reset(token)
        if nested and not connection.needs_rollback:
            _tell_postgres(before)


def change_scope(**changes: object) -> Scope:
    """Replace fields of the scope in force until its block ends: the door learns who knocks in two steps."""
    scope = replace(current_scope(), **changes)  # type: ignore[arg-type]
    _set(scope)
    return scope


@contextmanager
def whole_firm() -> Iterator[Scope]:
    """The firm of the scope in force with all its companies, for the same person: for the few acts whose rows the
    person may not see before or after them (a new company of somebody who sees assigned ones only, a number that must
    be free in the whole firm). What it reads must not reach the page."""
    with open_scope(replace(current_scope(), companies=ALL, side="firm")) as scope:
        yield scope


def _set(scope: Scope) -> Token[Scope | None]:
    _tell_postgres(scope)
    return _current.set(scope)


def _tell_postgres(scope: Scope | None) -> None:
    """Empty strings, not RESET: a policy that casts '' fails loudly, as one without any setting does."""
    values = scope.settings() if scope else ("", "", "", "", "")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('app.user', %s, true), set_config('app.firm', %s, true),"
            " set_config('app.companies', %s, true), set_config('app.side', %s, true),"
            " set_config('app.link', %s, true)",
            values,
        )
