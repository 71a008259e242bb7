"""The month's lock, and all that may only happen under it: who gets a place, whose time is over, who is next.

1. `locked_month` takes the month's row (`FOR NO KEY UPDATE OF self`). Whoever gives or frees a place has it, so all of
   them stand in a row; READ COMMITTED then shows each what those before it have done.
2. What has run out lapses there: no place waits for a worker.
3. Free places are offered to who waits, in their order, before anybody else sees them (`fill`).
4. What is taken is counted, never kept; a place is a number, and the database gives none of them twice.

Months are always locked in the order of their days.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, Model, QuerySet

from consultations import mails
from consultations.actions.asking import asked_of, same_company
from consultations.calc import months
from consultations.calc.places import free_number, left
from consultations.free_times import FreeTime, cap_of, desk_of_firm, eligible, offerable
from consultations.models import REMIND, Consultation, ConsultationMonth, Desk, Task, WaitlistEntry
from consultations.states import CLOCK, ENDED, TAKES_PLACE, WAITING, NotFromHere, State, allowed
from notices.actions import withdraw_mails
from tenancy import clock, due, guards, trail
from tenancy.models import Company

LAPSE, GIVE_ON = "consultations.lapse", "consultations.give_on"  # kinds of due work, declared in tasks
COME_BACK = timedelta(minutes=1)
LAPSES_ALLOWED = 2  # the second offer without an answer ends the entry


@dataclass(frozen=True)
class Places:
    """A month under its lock."""

    row: ConsultationMonth
    desk: Desk
    numbers: frozenset[int]

    @property
    def cap(self) -> int:
        return cap_of(self.row, self.desk)

    @property
    def left(self) -> int:
        return left(self.cap, len(self.numbers))

    @property
    def next_number(self) -> int | None:
        """The number of the place to give next; None when the month is full."""
        return free_number(self.cap, self.numbers)


def locked_month(month: date) -> Places:
    """The month, locked until the transaction ends: what had run out has lapsed, who waits was offered what is free.

    Waits three seconds for the lock at most, as everywhere here; then PostgreSQL raises LockNotAvailable.
    """
    return _filled(swept_month(month))


def swept_month(month: date) -> Places:
    """The same, but nobody was offered anything yet: for who changes first how much there is, and calls `fill` then."""
    row = lock_month(month)
    desk = desk_of_firm()
    places, has_stale = _counted(row, desk)
    if has_stale:
        for each in list(Consultation.objects.lapsed().filter(month=month).select_related("entry", "firm")):
            lapse(each, row)
        places = _places(row, desk)
    return places


def locked_months(wanted: Iterable[date]) -> dict[date, Places]:
    """Several months, locked in the order of their days."""
    return {month: locked_month(month) for month in sorted(set(wanted))}


def lock_month(month: date) -> ConsultationMonth:
    """The row alone. A worker takes it before it ends its claim: whoever has the month drops due rows, and two that
    want the same things must take them in the same order."""
    rows = ConsultationMonth.objects.filter(month=month)
    if guards.stands("month.cap"):
        rows = rows.select_for_update(of=("self",), no_key=True)
    found = rows.first()
    return _begun(month, rows) if found is None else found


def _begun(month: date, rows: QuerySet[ConsultationMonth]) -> ConsultationMonth:
    """The row of a month that nobody has needed before. Of two who begin it, one makes it."""
    made, is_new = ConsultationMonth.objects.get_or_create(month=month)
    if is_new:
        trail.record("begin.month", made)
    return rows.get()


def _places(row: ConsultationMonth, desk: Desk) -> Places:
    return _counted(row, desk)[0]


def _counted(row: ConsultationMonth, desk: Desk) -> tuple[Places, bool]:
    """What is taken, and whether something has run out that nobody has written down yet. One query."""
    rows = Consultation.objects.filter(month=row.month, state__in=TAKES_PLACE)
    found = list(rows.values_list("number", "expires_at"))
    now = clock.now()
    numbers = frozenset(number for number, until in found if number and (until is None or until > now))
    return Places(row, desk, numbers), any(until is not None and until <= now for _, until in found)


# ── Moves ──


def move(consultation: Consultation, after: State, *, by: str, **changes: object) -> dict[str, object]:
    """The one place in which a state changes. Saves it with `changes` and answers what stood there before, for the
    trail. Raises NotFromHere."""
    if not allowed(consultation.state, after, by):
        raise NotFromHere(consultation.state, after)
    values = {"state": after, "expires_at": None, **changes}
    if after in ENDED:
        values["ended_at"] = clock.now()
        values |= {} if after == State.CANCELLED_LATE else {"number": None}
    before = {name: getattr(consultation, name) for name in values}
    for name, value in values.items():
        setattr(consultation, name, value)
    consultation.save(update_fields=list(values))
    if before["state"] in WAITING:
        due.drop(LAPSE, consultation.pk)
    if after in ENDED:
        due.drop(REMIND, consultation.pk)
    return {name: value for name, value in before.items() if value != values[name]}


def freed(row: ConsultationMonth) -> None:
    """A place of the month became free: who has passed on what there was is asked again."""
    ConsultationMonth.objects.filter(pk=row.pk).update(freed=F("freed") + 1)
    row.freed += 1


def lapse(consultation: Consultation, row: ConsultationMonth) -> None:
    """Its time is over: the place is free again. Under the month's lock."""
    was_offer = consultation.state == State.OFFERED
    before = move(consultation, State.EXPIRED, by=CLOCK)
    freed(row)
    rows: list[Model] = [row, *withdraw_mails(link=consultation.pk)]  # what asks for an answer comes too late
    if not was_offer:
        rows += mails.send_hold_lapsed(consultation)
    elif (entry := locked_turn(consultation.entry_id)) is not None:
        rows += [entry, *_let_pass(consultation, entry, row)]
    company_id = consultation.company_id
    trail.record("lapse.consultation", consultation, company_id=company_id, before=before, rows=rows)


def give_on(entry: WaitlistEntry) -> None:
    """Offers that still stand although their entry does not wait any more: under the lock of their month they end."""
    for month in entry.wanted:
        places = locked_month(month)
        offers = Consultation.objects.filter(entry=entry, month=month, state=State.OFFERED)
        for offer in offers.select_related("entry", "firm").exclude(entry__state=WaitlistEntry.State.WAITING):
            lapse(offer, places.row)
            fill(places.row, places.desk)


def _let_pass(consultation: Consultation, entry: WaitlistEntry, row: ConsultationMonth) -> list[Model]:
    """An offer without an answer: once, the entry goes to the end of the queue; then the queue ends for it."""
    entry.lapses += 1
    if entry.lapses >= LAPSES_ALLOWED:
        entry.state = WaitlistEntry.State.ENDED
        entry.save(update_fields=["lapses", "state"])
    else:
        to_the_end(entry, row, "lapses")
    return mails.send_offer_expired(consultation, entry)


def locked_turn(id: UUID | None) -> WaitlistEntry | None:
    """The entry of an offer, while it still waits: under another month's lock it may have booked meanwhile."""
    if id is None:
        return None
    rows = WaitlistEntry.objects.waiting().select_related("firm")
    found: WaitlistEntry | None = rows.select_for_update(of=("self",), no_key=True).filter(pk=id).first()
    return found


def to_the_end(entry: WaitlistEntry, row: ConsultationMonth, *fields: str) -> None:
    """The entry's turn comes last from now on, and not before a place becomes free again."""
    entry.queued_at = clock.now()
    entry.passed = {**entry.passed, row.month.isoformat(): row.freed}
    entry.save(update_fields=["queued_at", "passed", *fields])


# ── Who is next ──


def fill(row: ConsultationMonth, desk: Desk) -> None:
    """Offer what is free to who waits for the month, in their order, until nothing is left or nobody waits. Under the
    month's lock. One query where the month is full, two where nobody waits.

    Without a time far enough ahead nothing is offered: whoever is first is to be called, and the place can be booked.
    """
    _filled(_places(row, desk))


def _filled(places: Places) -> Places:
    row, desk = places.row, places.desk
    if not places.left or not desk.is_open or months.last_day(row.month) < clock.today():
        return places
    queue = eligible(WaitlistEntry.objects.for_month(row.month).select_related("firm"), row)
    for entry in queue:
        if (number := places.next_number) is None:
            break
        if _has_one(entry, row):
            continue
        time = offerable(row.month, desk)
        if time is None:
            _ask_to_call(entry, row)
            break
        if not _is_at_rest(entry) or _offer(entry, time, number) is None:
            break
        places = _places(row, desk)
    return places


def _is_at_rest(entry: WaitlistEntry) -> bool:
    """Whether nobody writes into the entry's company, or merges it, at this moment. Its lock stands before the month's:
    here it is not waited for, and a worker comes back to it."""
    if entry.company_id is None:
        return True
    rows = Company.objects.select_for_update(of=("self",), no_key=True, skip_locked=True)
    found = rows.filter(pk=entry.company_id, merged_into=None).first()
    if found is None:
        due.put(GIVE_ON, entry.firm_id, entry.pk, at=clock.now() + COME_BACK)
    return found is not None


def _has_one(entry: WaitlistEntry, row: ConsultationMonth) -> bool:
    """Whether the entry has an offer already, or its company a place of that month."""
    live = Consultation.objects.live()
    if live.filter(entry=entry).exists():
        return True
    return Consultation.objects.taking(row.month).filter(same_company(asked_of(entry))).exists()


def _offer(entry: WaitlistEntry, time: FreeTime, number: int) -> Consultation | None:
    """None where the database refuses: at the edge of a month, where the time before it is another month's. Whoever has
    the lock next offers again; what this transaction is really about does not fail for it."""
    offered = Consultation(
        state=State.OFFERED,
        origin=Consultation.Origin.WAITLIST,
        number=number,
        expires_at=months.answer_by(time.starts, clock.now()),
        entry=entry,
        taken_by=entry.company_key,
        **asked_of(entry).columns(),
        **placed_at(time),
    )
    offered.firm = entry.firm
    try:
        with transaction.atomic():
            offered.save(force_insert=True)
    except IntegrityError:
        return None
    due.put(LAPSE, offered.firm_id, offered.pk, at=offered.expires_at)
    sent = mails.send_offered(offered)
    trail.record("offer.consultation", offered, company_id=offered.company_id, rows=sent)
    return offered


def placed_at(time: FreeTime) -> dict[str, object]:
    """The columns of a consultation that say when and with whom."""
    return {
        "consultant_id": time.member_id,
        "starts_at": time.starts,
        "ends_at": time.ends,
        "busy_until": time.busy_until,
        "month": months.month_of(time.starts),
    }


def _ask_to_call(entry: WaitlistEntry, row: ConsultationMonth) -> None:
    """A place, but no time that could still be offered: somebody calls, once."""
    put_task(Task.Kind.CALL, f"call:{entry.pk}:{row.month}", entry=entry, month=row.month)


def put_task(
    kind: Task.Kind,
    key: str,
    *,
    consultation: Consultation | None = None,
    entry: WaitlistEntry | None = None,
    month: date | None = None,
    member_id: int | None = None,
) -> list[Task]:
    """Have somebody see to it; the same key asks once. The new task, for the trail of the act that makes it."""
    if Task.objects.filter(key=key).exists():
        return []
    task = Task(kind=kind, key=key, consultation=consultation, entry=entry, month=month, member_id=member_id)
    task.save(force_insert=True)
    trail.record("put.task", task, kind=kind.value)
    return [task]


def locked_consultation(id: UUID) -> tuple[Consultation, Places]:
    """The consultation as it stands, under the lock of its month. Raises Consultation.DoesNotExist.

    Its month may change between looking and locking; then it is locked again, later months after earlier ones.
    """
    month = Consultation.objects.values_list("month", flat=True).get(pk=id)
    while True:
        places = locked_month(month)
        row = Consultation.objects.with_people().select_related("entry").get(pk=id)
        if row.month == month:
            return row, places
        month = row.month
