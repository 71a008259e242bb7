"""What places, times and the queue should do, said a second time: plain Python, no database, no code of the product.

`Model` is the firm in memory. Each of its methods either changes it or raises Refuse with the name of the refusal; then
nothing of it may be kept, as nothing of a rolled back transaction is.

The queue's order, as domain.md §8 has it, with what we added: who waits is asked in the order of `queued_at`; who has
let an offer pass (by declining and waiting on, or without an answer) goes to the end *and is not asked again until a
place of that month becomes free again* (`passed` against `freed`). Else the only one who waits would be asked for the
same place for ever, and nobody could book it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

TOKYO = ZoneInfo("Asia/Tokyo")
HOUR = timedelta(hours=1)
TAKES_PLACE = {"held", "offered", "confirmed", "cancelled_late"}
TAKES_TIME = {"held", "offered", "confirmed"}


class Refuse(Exception):
    """Named as the product's own exception."""


@dataclass
class Session:
    id: UUID | None  # None: an offer of this very step, which the product names
    company: int
    state: str
    starts: datetime
    number: int | None
    expires: datetime | None = None
    entry: UUID | None = None
    replaces: UUID | None = None
    by_firm: bool = False

    @property
    def month(self) -> date:
        return self.starts.astimezone(TOKYO).date().replace(day=1)

    @property
    def free_until(self) -> datetime:
        day = self.starts.astimezone(TOKYO).date() - timedelta(days=1)
        return datetime.combine(day, time(17), TOKYO)


@dataclass
class Entry:
    id: UUID
    company: int
    months: list[date]
    queued: datetime
    state: str = "waiting"
    lapses: int = 0
    passed: dict[date, int] = field(default_factory=dict)


@dataclass
class Model:
    now: datetime
    slots: list[datetime]
    caps: dict[date, int]
    usual_cap: int
    sessions: list[Session] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    freed: dict[date, int] = field(default_factory=dict)
    closed: set[datetime] = field(default_factory=set)

    # ── What stands ──

    def cap(self, month: date) -> int:
        return self.caps.get(month, self.usual_cap)

    def stands(self, each: Session) -> bool:
        return each.expires is None or each.expires > self.now

    def taking(self, month: date) -> list[Session]:
        return [
            each
            for each in self.sessions
            if each.month == month
            and each.state in TAKES_PLACE
            and each.number is not None
            and self.stands(each)
        ]

    def free(self, month: date, ahead: timedelta, but: Session | None = None) -> list[datetime]:
        busy = {
            each.starts
            for each in self.sessions
            if each.state in TAKES_TIME and self.stands(each) and each is not but
        }
        first = month.replace(day=1)
        return [
            slot
            for slot in self.slots
            if slot not in busy | self.closed
            and slot.astimezone(TOKYO).date().replace(day=1) == first
            and slot >= self.now + ahead
        ]

    def given_ahead(self, month: date, ahead: timedelta) -> bool:
        """Whether a session is given so far ahead in the month, booked or not."""
        first = month.replace(day=1)
        days = [slot for slot in self.slots if slot.astimezone(TOKYO).date().replace(day=1) == first]
        return any(slot not in self.closed and slot >= self.now + ahead for slot in days)

    def left(self, month: date) -> int:
        return max(0, self.cap(month) - len(self.taking(month)))

    def next_number(self, month: date) -> int | None:
        numbers = {each.number for each in self.taking(month)}
        if len(numbers) >= self.cap(month):
            return None
        return next(number for number in range(1, 100) if number not in numbers)

    def session(self, id: UUID) -> Session:
        return next(each for each in self.sessions if each.id == id)

    def entry(self, id: UUID | None) -> Entry:
        return next(each for each in self.entries if each.id == id)

    def waiting(self, month: date) -> list[Entry]:
        here = [each for each in self.entries if each.state == "waiting" and month in each.months]
        return sorted(here, key=lambda each: (each.queued, each.id))

    def first_of(self, company: int, month: date, but: Session | None = None) -> bool:
        return not any(each.company == company and each is not but for each in self.taking(month))

    # ── Under the month's lock ──

    def lock(self, *months: date) -> None:
        for month in sorted(set(months)):
            self.sweep(month)
            self.fill(month)

    def sweep(self, month: date) -> None:
        stale = [each for each in self.sessions if each.month == month and not self.stands(each)]
        for each in sorted(stale, key=lambda each: (each.expires or self.now, each.number or 0)):
            self.lapse(each)

    def lapse(self, row: Session) -> None:
        was_offer, month = row.state == "offered", row.month
        row.state, row.number, row.expires = "expired", None, None
        self.free_one(month)
        if not was_offer:
            return
        entry = self.entry(row.entry)
        if entry.state == "waiting":
            entry.lapses += 1
            if entry.lapses >= 2:
                entry.state = "ended"
            else:
                self.to_the_end(entry, month)

    def free_one(self, month: date) -> None:
        self.freed[month] = self.freed.get(month, 0) + 1

    def to_the_end(self, entry: Entry, month: date) -> None:
        entry.queued = self.now
        entry.passed[month] = self.freed.get(month, 0)

    def has_offer(self, entry: Entry) -> bool:
        return any(
            each.entry == entry.id and each.state in TAKES_TIME and self.stands(each)
            for each in self.sessions
        )

    def asked_next(self, month: date) -> list[Entry]:
        return [
            each
            for each in self.waiting(month)
            if each.passed.get(month, -1) < self.freed.get(month, 0)
            and not self.has_offer(each)
            and self.first_of(each.company, month)
        ]

    def fill(self, month: date) -> None:
        after = (month.replace(day=28) + timedelta(days=4)).replace(day=1)
        if self.now.astimezone(TOKYO).date() >= after:
            return
        while (number := self.next_number(month)) and (queue := self.asked_next(month)):
            ahead = self.free(month, 50 * HOUR)
            if not ahead:
                return
            until = max(min(self.now + 24 * HOUR, ahead[0] - 48 * HOUR), self.now + 2 * HOUR)
            entry = queue[0]
            self.sessions.append(Session(None, entry.company, "offered", ahead[0], number, until, entry.id))

    def leave_queue(self, company: int) -> None:
        for each in self.entries:
            if each.company == company and each.state == "waiting":
                each.state = "booked"

    def give_back(self, row: Session) -> None:
        if row.replaces is None:
            self.free_one(row.month)
            self.fill(row.month)

    # ── What people do ──

    def refusal(self, why: str, company: int, month: date) -> Refuse:
        """A company hears first of what it has itself."""
        return Refuse(why if self.first_of(company, month) else "AlreadyThisMonth")

    def book(self, id: UUID, company: int, slot: datetime, month: date, confirmed: bool) -> None:
        if len(self.taking(month)) >= self.cap(month):
            raise self.refusal("Full", company, month)
        if slot not in self.free(month, 24 * HOUR):
            raise self.refusal("TimeTaken", company, month)
        self.lock(month)
        if slot not in self.free(month, 24 * HOUR):
            raise self.refusal("TimeTaken", company, month)
        if (number := self.next_number(month)) is None:
            raise self.refusal("Full", company, month)
        if not self.first_of(company, month):
            raise Refuse("AlreadyThisMonth")
        state, until = ("confirmed", None) if confirmed else ("held", self.now + HOUR / 2)
        self.sessions.append(Session(id, company, state, slot, number, until))
        if confirmed:
            self.leave_queue(company)

    def confirm(self, id: UUID, slot: datetime | None) -> None:
        row = self.session(id)
        self.lock(row.month)
        if row.state == "confirmed":
            return
        if row.state == "expired":
            raise Refuse("Lapsed")
        if slot and row.state == "offered":
            if slot not in self.free(row.month, 24 * HOUR, but=row):
                raise Refuse("TimeTaken")
            row.starts = slot
        if row.state not in ("held", "offered"):
            raise Refuse("NotFromHere")
        row.state, row.expires = "confirmed", None
        self.leave_queue(row.company)

    def cancel(self, id: UUID) -> None:
        row = self.session(id)
        self.lock(row.month)
        if row.state in ("cancelled", "cancelled_late"):
            return
        if row.state == "expired":
            raise Refuse("Lapsed")
        if row.state == "confirmed" and row.starts <= self.now:
            raise Refuse("TooLate")
        if row.state == "offered":
            raise Refuse("NotFromHere")
        if row.state == "confirmed" and self.now > row.free_until:
            row.state = "cancelled_late"
            return
        row.state, row.number, row.expires = "cancelled", None, None
        self.give_back(row)

    def change(self, id: UUID, slot: datetime, wanted: date) -> None:
        row = self.session(id)
        self.lock(row.month, wanted)
        number = self.next_number(wanted)
        self.lock(row.month)
        if row.state != "confirmed":
            raise Refuse("Lapsed")
        if self.now > row.free_until or row.starts <= self.now:
            raise Refuse("TooLate")
        if slot not in self.free(wanted, 24 * HOUR, but=row):
            raise Refuse("TimeTaken")
        before = row.month
        if before != wanted and row.replaces is None:
            if number is None:
                raise Refuse("Full")
            if not self.first_of(row.company, wanted, but=row):
                raise Refuse("AlreadyThisMonth")
            row.number = number
        row.starts = slot
        if before != wanted and row.replaces is None:
            self.free_one(before)
            self.fill(before)

    def put_off(self, id: UUID) -> None:
        row = self.session(id)
        self.lock(row.month)
        if row.state == "cancelled" and row.by_firm:
            return
        if row.state != "confirmed":
            raise Refuse("NotFromHere")
        if row.starts > self.now:
            self.closed.add(row.starts)
        row.state, row.number, row.by_firm = "cancelled", None, True
        self.give_back(row)

    def rebook(self, id: UUID, old: UUID, slot: datetime, wanted: date) -> None:
        row = self.session(old)
        self.lock(row.month, wanted)
        there = [each for each in self.sessions if each.replaces == old]
        if not row.by_firm or any(each.state != "cancelled" or each.by_firm for each in there):
            raise Refuse("Lapsed")
        if slot not in self.free(wanted, 24 * HOUR):
            raise Refuse("TimeTaken")
        self.sessions.append(Session(id, row.company, "confirmed", slot, None, replaces=old))
        self.leave_queue(row.company)

    def join(self, id: UUID, company: int, months: Iterable[date]) -> None:
        wanted, left = sorted(set(months)), {}
        for month in wanted:
            self.lock(month)
            left[month] = self.left(month)
        for month in wanted:
            direct = self.left(month)
            waiting = [each for each in self.waiting(month) if not self.has_offer(each)]
            queue = [each for each in waiting if each.passed.get(month, -1) < self.freed.get(month, 0)]
            if queue and self.free(month, 50 * HOUR):
                direct = max(0, direct - len(queue))
            if left[month] and direct and self.free(month, 24 * HOUR):
                raise Refuse("StillFree")
            if not self.given_ahead(month, 50 * HOUR):
                raise Refuse("QueueFull")  # whoever cancelled now, it could not be offered
            if not self.first_of(company, month):
                raise Refuse("AlreadyThisMonth")
        self.waits_nowhere_yet(company)
        self.entries.append(Entry(id, company, wanted, self.now))

    def waits_nowhere_yet(self, company: int) -> None:
        """But where all months are over, whether a worker has been there or not."""
        for each in self.entries:
            if each.company == company and each.state == "waiting":
                self.over(each.id)
                if each.state == "waiting":
                    raise Refuse("AlreadyWaiting")

    def decline(self, id: UUID, keep: bool) -> None:
        row = self.session(id)
        self.lock(row.month)
        if row.state == "cancelled":
            return
        if row.state != "offered":
            raise Refuse("Lapsed")
        self._declined(row, keep)

    def _declined(self, row: Session, keep: bool) -> None:
        row.state, row.number, row.expires = "cancelled", None, None
        self.free_one(row.month)
        entry = self.entry(row.entry)
        if entry.state == "waiting" and keep:
            self.to_the_end(entry, row.month)
        elif entry.state == "waiting":
            entry.state = "left"
        self.fill(row.month)

    def leave(self, id: UUID) -> None:
        entry = self.entry(id)
        self.lock(*entry.months)
        if entry.state != "waiting":
            return
        entry.state = "left"
        for row in [each for each in self.sessions if each.entry == id and each.state == "offered"]:
            self.lock(row.month)
            self._declined(row, keep=False)

    def set_cap(self, month: date, cap: int) -> None:
        self.sweep(month)
        if self.caps.get(month) != cap:
            self.caps[month] = cap
            self.free_one(month)
        self.fill(month)

    # ── What workers do ──

    def give_on(self, id: UUID) -> None:
        entry = self.entry(id)
        for month in entry.months:
            self.lock(month)
            for row in list(self.sessions):
                if (row.entry, row.state, row.month) == (id, "offered", month) and entry.state != "waiting":
                    self.lapse(row)
                    self.fill(month)

    def over(self, id: UUID) -> None:
        entry, today = self.entry(id), self.now.astimezone(TOKYO).date()
        if entry.state == "waiting" and all(
            (month.replace(day=28) + timedelta(days=4)).replace(day=1) <= today for month in entry.months
        ):
            entry.state = "ended"
