"""Acting in the firm's office: what a visitor, an owner or a consultant with few companies may not see, but what
decides whether they get a place or a time.

Who asks for a place sees none of the others' bookings. Whether one is left is decided by all of them. So what counts,
compares and gives runs with the whole firm in scope, for the same person; what leaves the office are numbers, times,
and the one row it was about.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from tenancy.scope import ALL, Scope, current_scope, open_scope
from tenancy.trail import VISITOR


def office_of(scope: Scope) -> Scope:
    """The same person and link, with the whole firm. In the trail a visitor stays one."""
    role = scope.role or (VISITOR if scope.side == "visitor" else "")
    return replace(scope, companies=ALL, side="firm", role=role)


@contextmanager
def in_the_office() -> Iterator[Scope]:
    """The office of the scope in force, in the same transaction; that scope itself where it is one already."""
    scope = current_scope()
    if scope.sees_whole_firm and scope.side == "firm":
        yield scope
        return
    with open_scope(office_of(scope)) as opened:
        yield opened
