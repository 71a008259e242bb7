"""The states of a consultation, and the moves between them, as data. Nothing else assigns `state`.

A *place* (one of the month's, by company) and a *time* (of a consultant) are two things: which states take which stands
here too, and the database's constraints are made of it.
"""

from dataclasses import dataclass

from django.db import models


class State(models.TextChoices):
    """In the words of content/copy_ja.json. キャンセル待ち is no state of a consultation: `WaitlistEntry`."""

    HELD = "held", "確認待ち"
    OFFERED = "offered", "空きのご案内中"
    CONFIRMED = "confirmed", "確定"
    COMPLETED = "completed", "完了"
    NO_SHOW = "no_show", "ご欠席"
    CANCELLED = "cancelled", "取消"
    CANCELLED_LATE = "cancelled_late", "直前の取消"
    EXPIRED = "expired", "期限切れ"


WAITING = (State.HELD, State.OFFERED)  # for an answer until `expires_at`
TAKES_PLACE = (
    State.HELD,
    State.OFFERED,
    State.CONFIRMED,
    State.COMPLETED,
    State.NO_SHOW,
    State.CANCELLED_LATE,
)
TAKES_TIME = (State.HELD, State.OFFERED, State.CONFIRMED, State.COMPLETED, State.NO_SHOW)
# What a person still reckons with.
LIVE = (State.HELD, State.OFFERED, State.CONFIRMED)
ENDED = (State.CANCELLED, State.CANCELLED_LATE, State.EXPIRED)


@dataclass(frozen=True)
class Move:
    """From a state to another, and by whom: `client` (who booked, by link or signed in), `firm`, `clock`."""

    before: State
    after: State
    by: frozenset[str]


CLIENT, FIRM, CLOCK = "client", "firm", "clock"
MOVES = (
    Move(State.HELD, State.CONFIRMED, frozenset({CLIENT, FIRM})),
    Move(State.HELD, State.CANCELLED, frozenset({CLIENT, FIRM})),
    Move(State.HELD, State.EXPIRED, frozenset({CLOCK})),
    Move(State.OFFERED, State.CONFIRMED, frozenset({CLIENT, FIRM})),
    Move(State.OFFERED, State.CANCELLED, frozenset({CLIENT, FIRM})),
    Move(State.OFFERED, State.EXPIRED, frozenset({CLOCK})),
    Move(State.CONFIRMED, State.CANCELLED, frozenset({CLIENT, FIRM})),
    Move(State.CONFIRMED, State.CANCELLED_LATE, frozenset({CLIENT, FIRM})),
    Move(State.CONFIRMED, State.COMPLETED, frozenset({FIRM})),
    Move(State.CONFIRMED, State.NO_SHOW, frozenset({FIRM})),
    # What was marked by mistake is marked again.
    Move(State.COMPLETED, State.NO_SHOW, frozenset({FIRM})),
    Move(State.NO_SHOW, State.COMPLETED, frozenset({FIRM})),
)


class NotFromHere(ValueError):
    """The consultation stands in a state from which it cannot go there; another window was faster."""

    def __init__(self, before: str, after: str) -> None:
        super().__init__(f"{before} → {after}")
        self.before, self.after = before, after


def allowed(before: str, after: str, by: str) -> bool:
    """Whether the move exists and is theirs."""
    return any(each.before == before and each.after == after and by in each.by for each in MOVES)
