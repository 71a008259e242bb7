"""What happened to a diagnosis, in words, out of the audit trail."""

from diagnosis.models import Diagnosis
from tenancy.models import Trail
from tenancy.trail_reading import Event, history_of

MOST = 200


def history(diagnosis: Diagnosis) -> list[Event]:
    """What happened to it, newest first; who answered is called ご回答者. Two queries."""
    return history_of(diagnosis, limit=MOST, visitor="ご回答者", leave_out=_is_invited_start)


def _is_invited_start(row: Trail) -> bool:
    """An invitation is begun by who sends it; nobody answers yet."""
    return row.act == "start.diagnosis" and row.details.get("origin") == "invited"
