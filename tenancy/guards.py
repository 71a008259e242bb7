"""Guards that can be taken out, one at a time, to see a test fail.

`./script/test --without walls.policy` runs the suite with that guard off; CI does so for each and demands a failure.
Outside pytest nothing can switch a guard off: `settings.WITHOUT_GUARD` is empty there, whatever the environment says.
"""

from django.conf import settings

GUARDS = {
    "walls.read": "the default manager adds the scope to every query",
    "walls.write": "saving into another firm is refused before PostgreSQL is asked",
    "walls.policy": "row-level security on every tenant table",
    "walls.keys": "composite foreign keys: no link from one firm's row to another's",
    "door.permission": "a member may do only what the role may do",
    "door.rollback": "a request that failed leaves nothing behind",
    "links.version": "a link that was revoked opens nothing",
    "due.fence": "a worker that lost its lease cannot write its result",
    "outbox.once": "the same mail is queued once",
    "month.cap": "places of a month are given under its lock, and the database gives no number twice",
}


def stands(name: str) -> bool:
    """Whether the guard `name` is in force. Raises KeyError for a name that is no guard."""
    GUARDS[name]
    return name != settings.WITHOUT_GUARD
