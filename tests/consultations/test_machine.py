"""Any sequence of what people, the clock and the workers may do: the product does what `machine.Model` says, refuses
what it refuses, and no rule is broken in between.

Fifty sequences of twenty steps here; `benchmarks/run machine` runs ten thousand (MACHINE_SEQUENCES).
"""

import os
from collections.abc import Callable
from contextlib import ExitStack
from copy import deepcopy
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from consultations import tasks
from consultations.actions import booking, desk, waiting
from consultations.actions.places import GIVE_ON, LAPSE
from consultations.actions.refusals import Refused
from consultations.calc import months
from consultations.models import OVER, REMIND, Consultation, ConsultationMonth, WaitlistEntry
from consultations.slots import Slot
from consultations.states import TAKES_PLACE, WAITING, NotFromHere
from notices.models import Mail
from tenancy import clock
from tenancy.models import Due
from tenancy.scope import open_scope
from tests.conftest import House
from tests.consultations.machine import Model, Refuse
from tests.consultations.office import DECEMBER, JANUARY, NOW, company, opens, times

HOURS = tuple((weekday, time(10), time(13)) for weekday in (1, 3))
MONTHS, COMPANIES, CAP = (DECEMBER, JANUARY), 6, 2
DO = {
    LAPSE: tasks.lapse,
    REMIND: tasks.remind,
    GIVE_ON: tasks.give_on_offers,
    OVER: tasks.over,
}
some = st.integers(0, 1000)  # which one, of however many there are


class Machine(RuleBasedStateMachine):
    house: House
    slots: list[datetime]
    schedule: UUID

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.stack.enter_context(transaction.atomic())
        self.model = Model(NOW, self.slots, {}, CAP)
        self.count = 0
        self.places: dict[date, set[UUID]] = {month: set() for month in MONTHS}
        self.ended: dict[UUID, set[str]] = {}

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.stack.close()

    # ── Doing a thing twice: in the product and in the model ──

    def new_id(self) -> UUID:
        self.count += 1
        return uuid5(self.schedule, str(self.count))

    def both(self, ours: Callable[[], Any], models: Callable[[Model], Any]) -> None:
        """The same, at the same second; whoever is refused changes nothing."""
        self.model.now += timedelta(seconds=1)
        after, said, answered = deepcopy(self.model), "", ""
        try:
            models(after)
            self.model = after
        except Refuse as problem:
            said = str(problem)
        try:
            with clock.stopped_at(self.model.now), open_scope(self.house.scope):
                ours()
        except (Refused, NotFromHere) as problem:
            answered = type(problem).__name__
        assert answered == said

    def slot_of(self, which: int) -> tuple[datetime, date, Slot]:
        starts = self.slots[which % len(self.slots)]
        return starts, months.month_of(starts), Slot(self.schedule, starts)

    def session(self, which: int, *states: str) -> Consultation:
        rows = [each for each in self.model.sessions if each.state in states] or self.model.sessions
        id = rows[which % len(rows)].id
        assert id is not None  # of every session once a step is over
        with open_scope(self.house.scope):
            row: Consultation = Consultation.objects.get(pk=id)
        return row

    def entry(self, which: int) -> WaitlistEntry:
        with open_scope(self.house.scope):
            row: WaitlistEntry = WaitlistEntry.objects.get(
                pk=self.model.entries[which % len(self.model.entries)].id
            )
        return row

    # ── What people do ──

    @initialize(empty=st.booleans())
    def begins(self, empty: bool) -> None:
        """Often with full months and a queue: from nothing few sequences of twenty steps come to an offer."""
        if empty:
            return
        for who, slot in ((0, 8), (1, 12), (2, -3), (3, -6)):
            self.book(who=who, slot=slot, confirmed=True)
        for who, wanted in ((4, {DECEMBER}), (5, {DECEMBER, JANUARY}), (6, {DECEMBER})):
            self.join(who=who, wanted=wanted)

    @rule(who=st.integers(0, COMPANIES), slot=some, confirmed=st.booleans())
    def book(self, who: int, slot: int, confirmed: bool) -> None:
        (starts, month, chosen), id = self.slot_of(slot), self.new_id()
        self.both(
            lambda: booking.book(id=id, slot=chosen, asked=company(who), confirmed=confirmed),
            lambda model: model.book(id, who, starts, month, confirmed),
        )

    @precondition(lambda self: self.model.sessions)
    @rule(which=some)
    def confirm(self, which: int) -> None:
        row = self.session(which, "held", "offered")
        self.both(lambda: booking.confirm(consultation=row), lambda model: model.confirm(row.pk, None))

    @precondition(lambda self: any(each.state == "offered" for each in self.model.sessions))
    @rule(which=some, slot=some)
    def accept_at_another_time(self, which: int, slot: int) -> None:
        row, (starts, _, chosen) = self.session(which, "offered"), self.slot_of(slot)
        self.both(
            lambda: booking.confirm(consultation=row, slot=chosen),
            lambda model: model.confirm(row.pk, starts),
        )

    @precondition(lambda self: self.model.sessions)
    @rule(which=some)
    def cancel(self, which: int) -> None:
        row = self.session(which, "held", "confirmed")
        self.both(lambda: booking.cancel(consultation=row), lambda model: model.cancel(row.pk))

    @precondition(lambda self: self.model.sessions)
    @rule(which=some)
    def cancel_late(self, which: int) -> None:
        """The clock first goes to the evening before."""
        row = self.session(which, "confirmed")
        evening = months.free_until(row.starts_at) + timedelta(hours=1)
        self.model.now = max(self.model.now, evening)
        self.both(lambda: booking.cancel(consultation=row), lambda model: model.cancel(row.pk))

    @precondition(lambda self: self.model.sessions)
    @rule(which=some, slot=some)
    def change(self, which: int, slot: int) -> None:
        row, (starts, month, chosen) = self.session(which, "confirmed"), self.slot_of(slot)
        self.both(
            lambda: booking.change(consultation=row, slot=chosen),
            lambda model: model.change(row.pk, starts, month),
        )

    @precondition(lambda self: self.model.sessions)
    @rule(which=some)
    def put_off(self, which: int) -> None:
        row, actor = self.session(which, "confirmed"), self.house.members["馬場"]
        self.both(
            lambda: booking.put_off(consultation=row, reason="急病", actor=actor),
            lambda model: model.put_off(row.pk),
        )

    @precondition(lambda self: any(each.by_firm for each in self.model.sessions))
    @rule(which=some, slot=some)
    def rebook(self, which: int, slot: int) -> None:
        rows = [each for each in self.model.sessions if each.by_firm]
        old, (starts, month, chosen), id = rows[which % len(rows)].id, self.slot_of(slot), self.new_id()
        assert old
        with open_scope(self.house.scope):
            row = Consultation.objects.get(pk=old)
        self.both(
            lambda: booking.rebook(consultation=row, id=id, slot=chosen),
            lambda model: model.rebook(id, old, starts, month),
        )

    @rule(who=st.integers(0, COMPANIES), wanted=st.sets(st.sampled_from(MONTHS), min_size=1))
    def join(self, who: int, wanted: set[date]) -> None:
        id = self.new_id()
        wanted = {month for month in wanted if not self.model.left(month)} or wanted
        self.both(
            lambda: waiting.join(id=id, wanted=wanted, asked=company(who)),
            lambda model: model.join(id, who, wanted),
        )

    @precondition(lambda self: any(each.state == "offered" for each in self.model.sessions))
    @rule(which=some, keep=st.booleans())
    def decline(self, which: int, keep: bool) -> None:
        row = self.session(which, "offered")
        self.both(
            lambda: waiting.decline(consultation=row, keep=keep), lambda model: model.decline(row.pk, keep)
        )

    @precondition(lambda self: self.model.entries)
    @rule(which=some)
    def leave(self, which: int) -> None:
        row = self.entry(which)
        self.both(lambda: waiting.leave(entry=row), lambda model: model.leave(row.pk))

    @rule(month=st.sampled_from(MONTHS), cap=st.integers(1, 3))
    def set_cap(self, month: date, cap: int) -> None:
        self.both(
            lambda: desk.set_cap(month=month, cap=cap, actor=None), lambda model: model.set_cap(month, cap)
        )

    # ── Clock and workers ──

    @rule(minutes=st.sampled_from([5, 31, 180, 25 * 60, 4 * 24 * 60]))
    def time_passes(self, minutes: int) -> None:
        self.model.now += timedelta(minutes=minutes)

    @precondition(lambda self: any(each.expires for each in self.model.sessions))
    @rule()
    def nobody_answers(self) -> None:
        """Until the first hold or offer has run out, and the workers have seen it."""
        self.model.now = max(
            self.model.now, min(each.expires for each in self.model.sessions if each.expires)
        )
        self.workers_do_what_is_due()

    @rule()
    def workers_do_what_is_due(self) -> None:
        for row in Due.objects.filter(kind__in=DO, due_at__lte=self.model.now).order_by("due_at", "pk"):
            self.model.now += timedelta(seconds=1)
            if Due.objects.filter(pk=row.pk).exists():
                self.one_worker(row)

    def one_worker(self, row: Due) -> None:
        id = row.object_id
        if row.kind == GIVE_ON:
            self.model.give_on(id)
        elif row.kind == OVER:
            self.model.over(id)
        else:
            self.model.lock(self.model.session(id).month)
        with clock.stopped_at(self.model.now):
            DO[row.kind](self.house.firm.pk, str(id))
        self.name_the_new()
        assert not Due.objects.filter(pk=row.pk).exists()

    # ── What must hold ──

    def name_the_new(self) -> None:
        """An offer has its id from the product: of the same entry there is one at a time."""
        known = {each.id for each in self.model.sessions}
        with open_scope(self.house.scope):
            new = Consultation.objects.filter(origin="waitlist").exclude(pk__in=known - {None})
            ids = {(row.entry_id, row.starts_at, row.number): row.pk for row in new}
        for each in self.model.sessions:
            if each.id is None:
                each.id = ids.pop((each.entry, each.starts, each.number))
        assert not ids

    @invariant()
    def the_product_does_what_the_model_says(self) -> None:
        self.name_the_new()
        with open_scope(self.house.scope):
            rows = list(Consultation.objects.all())
            entries = list(WaitlistEntry.objects.order_by("queued_at", "pk"))
        assert {
            row.pk: (row.state, row.starts_at, row.number, row.expires_at, row.entry_id) for row in rows
        } == {
            each.id: (each.state, each.starts, each.number, each.expires, each.entry)
            for each in self.model.sessions
        }
        expected = sorted(self.model.entries, key=lambda each: (each.queued, each.id))
        assert [(row.pk, row.state, row.lapses) for row in entries] == [
            (each.id, each.state, each.lapses) for each in expected
        ]
        self.no_place_was_given_beyond_the_cap(rows)
        self.numbers_and_companies_are_there_once(rows)
        self.whatever_waits_is_due(rows)
        self.mails_go_once_and_none_after_a_cancellation(rows)

    def no_place_was_given_beyond_the_cap(self, rows: list[Consultation]) -> None:
        with open_scope(self.house.scope):
            stored = dict(ConsultationMonth.objects.values_list("month", "cap"))
        for month in MONTHS:
            here = {row.pk for row in rows if row.month == month and row.number and row.state in TAKES_PLACE}
            cap = stored.get(month)
            if here - self.places[month]:
                assert len(here) <= (CAP if cap is None else cap)
            self.places[month] = here

    def numbers_and_companies_are_there_once(self, rows: list[Consultation]) -> None:
        here = [row for row in rows if row.number and row.state in TAKES_PLACE]
        assert len({(row.month, row.number) for row in here}) == len(here)
        assert len({(row.month, row.email) for row in here}) == len(here)

    def whatever_waits_is_due(self, rows: list[Consultation]) -> None:
        waits = {row.pk: row.expires_at for row in rows if row.state in WAITING}
        assert dict(Due.objects.filter(kind=LAPSE).values_list("object_id", "due_at")) == waits

    def mails_go_once_and_none_after_a_cancellation(self, rows: list[Consultation]) -> None:
        with open_scope(self.house.scope):
            mails = list(Mail.objects.values_list("link", "key", "template"))
        assert len({key for _, key, _ in mails}) == len(mails)
        for row in rows:
            if row.state in ("cancelled", "cancelled_late"):
                sent = {key for link, key, _ in mails if link == row.pk}
                assert sent <= self.ended.setdefault(row.pk, sent)
                assert {template for link, _, template in mails if link == row.pk} <= {
                    "cancelled_by_client",
                    "cancelled_by_firm",
                }


@pytest.mark.django_db
def test_whatever_happens_in_whatever_order_the_rules_of_places_hold(michisuji: House) -> None:
    schedule = opens(michisuji, hours=HOURS)
    with clock.stopped_at(NOW), open_scope(michisuji.scope):
        desk.update_desk(values={"cap": CAP}, seen=None, actor=None)
    Machine.house, Machine.schedule = michisuji, schedule.pk
    Machine.slots = [each.starts for month in MONTHS for each in times(michisuji, month)]
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=int(os.environ.get("MACHINE_SEQUENCES", "50")),
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
