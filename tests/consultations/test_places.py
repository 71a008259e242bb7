"""Places of a month: given, freed, offered, never five."""

from dataclasses import replace
from datetime import time, timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError

from consultations.actions.booking import book, cancel, change, confirm, put_off, rebook
from consultations.actions.desk import (
    keep_busy,
    let_consult,
    set_cap,
    set_hours,
    subscribe,
    update_desk,
    update_schedule,
)
from consultations.actions.refusals import AlreadyThisMonth, AlreadyWaiting, Full, Lapsed, StillFree
from consultations.actions.waiting import decline, end_waiting, join
from consultations.calc import months
from consultations.free_times import month_view
from consultations.models import Consultation, ConsultationMonth, Schedule, Task, WaitlistEntry
from consultations.states import NotFromHere, State
from consultations.tasks import give_on_offers
from notices.models import Mail
from tenancy import clock
from tenancy.erasing import erase_person, find
from tenancy.scope import open_scope
from tests.conftest import House
from tests.consultations.office import DECEMBER, JANUARY, NOW, WEEKDAYS, booked, company, opens, times


def mails_to(house: House, number: int) -> list[str]:
    with open_scope(house.scope):
        found = Mail.objects.filter(to=company(number).email).order_by("created_at", "pk")
        return sorted(found.values_list("template", flat=True))


def waits(house: House, number: int) -> WaitlistEntry:
    """That company joins, so many seconds after the hour."""
    with clock.stopped_at(NOW + timedelta(seconds=number)), open_scope(house.scope):
        return join(id=uuid4(), wanted=[DECEMBER], asked=company(number))


def waits_for_both(house: House, number: int) -> WaitlistEntry:
    with clock.stopped_at(NOW + timedelta(seconds=number)), open_scope(house.scope):
        return join(id=uuid4(), wanted=[DECEMBER, JANUARY], asked=company(number))


def offer_to(house: House, entry: WaitlistEntry) -> Consultation | None:
    with open_scope(house.scope):
        return Consultation.objects.filter(entry=entry, state=State.OFFERED).first()


def test_four_companies_and_no_fifth(office: House) -> None:
    for number in range(4):
        booked(office, number)
    with pytest.raises(Full):
        booked(office, 5)
    with open_scope(office.scope):
        assert month_view(DECEMBER).left == 0
        assert month_view(JANUARY).left == 4


def test_a_hold_that_nobody_confirms_frees_its_place(office: House) -> None:
    held = booked(office, 1, confirmed=False)
    for number in range(2, 5):
        booked(office, number)
    with clock.stopped_at(NOW + timedelta(minutes=31)):
        fifth = booked(office, 5)
        with open_scope(office.scope), pytest.raises(Lapsed):
            confirm(consultation=held)
    assert fifth.number == held.number
    assert mails_to(office, 1) == [
        "hold_lapsed"
    ]  # the other one had not left yet, and asks for what comes too late


def test_what_had_run_out_when_the_cap_is_lowered_is_offered_to_nobody_any_more(office: House) -> None:
    booked(office, 0, confirmed=False)
    for number in range(1, 4):
        booked(office, number)
    entry = waits(office, 10)
    with clock.stopped_at(NOW + timedelta(minutes=31)):
        with open_scope(office.scope):
            set_cap(month=DECEMBER, cap=3, actor=None)
        assert offer_to(office, entry) is None
        with open_scope(office.scope):
            set_cap(month=DECEMBER, cap=4, actor=None)
        assert offer_to(office, entry)


def test_what_had_run_out_when_the_firm_takes_fewer_every_month_is_offered_to_nobody_any_more(
    office: House,
) -> None:
    booked(office, 0, confirmed=False)
    for number in range(1, 4):
        booked(office, number)
    entry = waits(office, 10)
    with clock.stopped_at(NOW + timedelta(minutes=31)):
        with open_scope(office.scope):
            update_desk(values={"cap": 3}, seen=None, actor=None)
        assert offer_to(office, entry) is None


def test_who_has_passed_is_asked_again_by_what_frees_a_time_and_by_nothing_else(office: House) -> None:
    rows, schedule = [booked(office, number) for number in range(4)], opens(office)
    entry = waits(office, 10)
    with open_scope(office.scope):
        cancel(consultation=rows[0])
        decline(consultation=Consultation.objects.get(entry=entry), keep=True)
        update_desk(values={"lead": "お気軽に。"}, seen=None, actor=None)
        update_desk(values={}, seen=None, actor=None)
        update_schedule(schedule=schedule, values={"phone": "048-000-1204"}, seen=None, actor=None)
        set_hours(schedule=schedule, hours=WEEKDAYS[:4], actor=None)
        let_consult(member=office.members["青木"], gives=False, actor=None)
    assert offer_to(office, entry) is None
    with open_scope(office.scope):
        set_hours(schedule=schedule, hours=WEEKDAYS, actor=None)
    assert offer_to(office, entry)


def test_who_has_waited_for_a_month_that_is_over_waits_for_another_though_no_worker_has_come(
    office: House,
) -> None:
    january = times(office, JANUARY)
    for number in range(4):
        booked(office, number)
        booked(office, 20 + number, time=january[-1 - number])
    old = waits(office, 10)
    with clock.stopped_at(months.at(JANUARY, time(9))), open_scope(office.scope):
        new = join(id=uuid4(), wanted=[JANUARY], asked=company(10))
        assert list(WaitlistEntry.objects.waiting()) == [new]
    with open_scope(office.scope):
        old.refresh_from_db()
    assert old.state == WaitlistEntry.State.ENDED
    assert mails_to(office, 10) == ["waiting_over", "waitlisted", "waitlisted"]


def test_more_hours_make_no_place_of_a_full_month_free(office: House) -> None:
    for number in range(4):
        booked(office, number)
    waits(office, 10)
    with open_scope(office.scope):
        set_hours(schedule=Schedule.objects.get(), hours=(*WEEKDAYS, (5, time(10), time(12))), actor=None)
        assert ConsultationMonth.objects.get().freed == 0


def test_a_cancelled_place_is_offered_to_the_first_in_the_queue(office: House) -> None:
    rows = [booked(office, number) for number in range(4)]
    first, second = waits(office, 10), waits(office, 11)
    with open_scope(office.scope):
        cancel(consultation=rows[1])
    offer = offer_to(office, first)
    assert offer is not None
    assert offer.number == rows[1].number
    assert offer_to(office, second) is None
    with open_scope(office.scope):
        assert confirm(consultation=offer).state == State.CONFIRMED
        first.refresh_from_db()
        assert first.state == WaitlistEntry.State.BOOKED
        assert month_view(DECEMBER).left == 0
    assert mails_to(office, 10) == ["booking_confirmed", "offered", "waitlisted"]


def test_an_offer_without_an_answer_goes_on_and_the_second_one_ends_the_entry(office: House) -> None:
    rows = [booked(office, number) for number in range(4)]
    entry = waits(office, 10)
    with open_scope(office.scope):
        cancel(consultation=rows[0])
    with clock.stopped_at(NOW + timedelta(hours=25)), open_scope(office.scope):
        assert month_view(DECEMBER).left == 1  # it has passed on this one: the place can be booked
        cancel(consultation=rows[1])
        entry.refresh_from_db()
        assert (entry.lapses, entry.state) == (1, WaitlistEntry.State.WAITING)
    assert offer_to(office, entry) is not None
    with clock.stopped_at(NOW + timedelta(hours=50)), open_scope(office.scope):
        cancel(consultation=rows[2])
        entry.refresh_from_db()
        assert entry.state == WaitlistEntry.State.ENDED
    assert mails_to(office, 10) == ["offer_ended", "offer_expired", "waitlisted"]


def test_who_declines_and_stays_is_asked_again_after_the_others(office: House) -> None:
    rows = [booked(office, number) for number in range(4)]
    first, second = waits(office, 10), waits(office, 11)
    with open_scope(office.scope):
        cancel(consultation=rows[0])
        offer = offer_to(office, first)
        assert offer
        with clock.stopped_at(NOW + timedelta(minutes=5)):
            decline(consultation=offer, keep=True)
    assert offer_to(office, first) is None
    assert offer_to(office, second) is not None


def test_who_has_booked_meanwhile_does_not_leave_by_declining(office: House) -> None:
    rows = [booked(office, number) for number in range(4)]
    entry = waits(office, 10)
    with open_scope(office.scope):
        cancel(consultation=rows[0])
        offer = offer_to(office, entry)
        assert offer
        WaitlistEntry.objects.filter(pk=entry.pk).update(state=WaitlistEntry.State.BOOKED)
        decline(consultation=offer, keep=False)
        entry.refresh_from_db()
    assert entry.state == WaitlistEntry.State.BOOKED


def test_a_company_has_one_place_a_month(office: House) -> None:
    first = booked(office, 1)
    with pytest.raises(AlreadyThisMonth) as refused:
        booked(office, 1)
    assert refused.value.first == first


def test_a_company_hears_of_its_own_booking_before_it_hears_that_the_month_is_full(office: House) -> None:
    first, *_ = [booked(office, number) for number in range(4)]
    with pytest.raises(AlreadyThisMonth) as refused:
        booked(office, 0)
    assert refused.value.first == first


def test_a_company_hears_of_its_own_booking_where_that_has_taken_the_time(office: House) -> None:
    time = times(office)[10]
    first = booked(office, 1, time=time)
    with pytest.raises(AlreadyThisMonth) as refused:
        booked(office, 1, time=time)
    assert refused.value.first == first


def test_the_same_form_twice_books_once(office: House) -> None:
    id = uuid4()
    time = times(office)[10]
    assert booked(office, 1, id=id, time=time) == booked(office, 1, id=id, time=time)


def test_nobody_waits_for_what_is_free(office: House) -> None:
    with pytest.raises(StillFree):
        waits(office, 10)


def test_a_company_stands_in_the_queue_once_whoever_of_it_asks(office: House) -> None:
    for number in range(4):
        booked(office, number)
    same = "1234567890123"
    with open_scope(office.scope):
        first = join(id=uuid4(), wanted=[DECEMBER], asked=replace(company(10), corporate_number=same))
        with pytest.raises(AlreadyWaiting) as refused:
            join(id=uuid4(), wanted=[DECEMBER], asked=replace(company(11), corporate_number=same))
    assert refused.value.entry == first


def test_a_change_within_the_month_keeps_the_place_and_across_months_frees_it(office: House) -> None:
    rows = [booked(office, number) for number in range(4)]
    entry = waits(office, 10)
    with open_scope(office.scope):
        moved = change(consultation=rows[0], slot=times(office)[-1].slot)
        assert (moved.number, moved.month, moved.sequence) == (1, DECEMBER, 1)
        moved = change(consultation=rows[0], slot=times(office, JANUARY)[-1].slot)
        assert (moved.number, moved.month) == (1, JANUARY)
    assert offer_to(office, entry) is not None


def test_who_is_put_off_by_the_firm_gets_another_time_outside_the_cap(office: House) -> None:
    rows = [booked(office, number) for number in range(4)]
    with open_scope(office.scope):
        put_off(consultation=rows[0], reason="担当者の急病", actor=office.members["馬場"])
        booked(office, 5)
        again = rebook(consultation=rows[0], id=uuid4(), slot=times(office)[-1].slot)
        assert (again.number, again.state) == (None, State.CONFIRMED)
        with pytest.raises(Lapsed):
            rebook(consultation=rows[0], id=uuid4(), slot=times(office)[-1].slot)
    assert mails_to(office, 0) == ["booking_confirmed", "cancelled_by_firm"]  # the first one had not left yet


def test_who_waited_in_vain_is_told_when_the_month_is_over(office: House) -> None:
    for number in range(4):
        booked(office, number)
    entry = waits(office, 10)
    with open_scope(office.scope):
        assert not end_waiting(entry=entry)
        with clock.stopped_at(months.at(JANUARY, months.MIDNIGHT)):
            assert end_waiting(entry=entry)
            assert not end_waiting(entry=entry)
    assert mails_to(office, 10) == ["waiting_over", "waitlisted"]


def test_a_change_says_only_the_new_time(office: House) -> None:
    row = booked(office, 1)
    with open_scope(office.scope):
        change(consultation=row, slot=times(office)[-1].slot)
    assert mails_to(office, 1) == ["booking_changed"]  # the confirmation had not left yet


def test_a_replacement_that_the_firm_puts_off_too_is_replaced_once(office: House) -> None:
    row = booked(office, 1)
    with open_scope(office.scope):
        put_off(consultation=row, reason="急病", actor=office.members["馬場"])
        again = rebook(consultation=row, id=uuid4(), slot=times(office)[-1].slot)
        put_off(consultation=again, reason="急病", actor=office.members["馬場"])
        third = rebook(consultation=again, id=uuid4(), slot=times(office)[-1].slot)
        assert third.state == State.CONFIRMED
        with pytest.raises(Lapsed):
            rebook(consultation=row, id=uuid4(), slot=times(office)[-1].slot)


def test_a_replacement_that_the_client_gives_back_can_be_chosen_anew(office: House) -> None:
    row, id = booked(office, 1), uuid4()
    with open_scope(office.scope):
        put_off(consultation=row, reason="急病", actor=office.members["馬場"])
        again = rebook(consultation=row, id=id, slot=times(office)[-1].slot)
        assert rebook(consultation=row, id=id, slot=times(office)[-1].slot) == again  # the same form twice
        cancel(consultation=again)
        assert rebook(consultation=row, id=uuid4(), slot=times(office)[-1].slot).is_live


def test_a_replacement_in_another_month_frees_no_place(office: House) -> None:
    row = booked(office, 1)
    with open_scope(office.scope):
        put_off(consultation=row, reason="急病", actor=office.members["馬場"])
        again = rebook(consultation=row, id=uuid4(), slot=times(office)[-1].slot)
        freed = month_row(office).freed
        change(consultation=again, slot=times(office, JANUARY)[-1].slot)
        assert month_row(office).freed == freed
        assert month_view(JANUARY).left == 4


def month_row(house: House) -> ConsultationMonth:
    row: ConsultationMonth = ConsultationMonth.objects.get(month=DECEMBER)
    return row


def test_whoever_has_confirmed_nothing_gets_no_replacement(office: House) -> None:
    held = booked(office, 1, confirmed=False)
    with open_scope(office.scope), pytest.raises(NotFromHere):
        put_off(consultation=held, reason="急病", actor=office.members["馬場"])


def test_a_hold_of_somebody_who_was_erased_lapses_and_stops_nobody(office: House) -> None:
    booked(office, 1, confirmed=False)
    with open_scope(office.scope):
        keys = [each.key for each in find(company(1).email).listed]
        assert erase_person(words=company(1).email, keys=keys, actor=office.members["青木"])
        row = Consultation.objects.get()
        assert company(1).email not in row.taken_by
        with clock.stopped_at(NOW + timedelta(minutes=31)):
            booked(office, 2)
        row.refresh_from_db()
        assert row.state == State.EXPIRED


def test_a_form_that_was_sent_to_another_firm_before_books_nothing_here(office: House, aoba: House) -> None:
    id = uuid4()
    booked(office, 1, id=id)
    opens(aoba, "権藤")
    with open_scope(aoba.scope), pytest.raises(IntegrityError):
        book(id=id, slot=times(aoba)[-1].slot, asked=company(1))


def test_who_waits_for_two_months_and_books_one_gives_an_offer_for_the_other_on(office: House) -> None:
    """A worker ends it under the lock of its month: nobody writes into a month without."""
    rows = [booked(office, number) for number in range(4)]
    first = times(office, JANUARY)
    later = [booked(office, number, time=time) for number, time in enumerate(first[8:12], 20)]
    both, after = waits_for_both(office, 10), waits(office, 11)
    with open_scope(office.scope):
        cancel(consultation=rows[0])
        offer = offer_to(office, both)
        assert offer
        set_cap(month=JANUARY, cap=5, actor=None)  # it has its offer: nobody else waits for January
        booked(office, 10, time=times(office, JANUARY)[20])
        both.refresh_from_db()
        assert both.state == WaitlistEntry.State.BOOKED
        assert offer_to(office, after) is None
    give_on_offers(office.firm.pk, str(both.pk))
    assert len(later) == 4
    assert offer_to(office, both) is None
    assert offer_to(office, after) is not None
    assert mails_to(office, 10) == ["booking_confirmed", "waitlisted"]  # the offer had not left yet


def test_a_calendar_that_closes_one_more_time_asks_nobody_again(office: House) -> None:
    with open_scope(office.scope):
        calendar = subscribe(
            schedule=Schedule.objects.get(), url="https://calendar.example/a.ics", actor=None
        )
        assert calendar
        hour = timedelta(hours=1)
        later, latest = NOW + 50 * hour, NOW + 60 * hour
        assert not keep_busy(calendar=calendar, spans=[(later, later + hour)])
        assert not keep_busy(calendar=calendar, spans=[(later, later + hour), (latest, latest + hour)])
        assert keep_busy(calendar=calendar, spans=[(latest, latest + hour)])
        with clock.stopped_at(latest + hour):
            assert not keep_busy(calendar=calendar, spans=[])  # what is over frees nothing


def test_who_is_to_be_called_is_asked_for_once_whatever_rule_changes_meanwhile(office: House) -> None:
    rows = [booked(office, number) for number in range(4)]
    with open_scope(office.scope):
        join(id=uuid4(), wanted=[DECEMBER], asked=company(8))
        set_hours(schedule=Schedule.objects.get(), hours=[], actor=None)
        cancel(consultation=rows[0])
        for lead in ("お気軽に。", "どうぞお気軽に。"):
            update_desk(values={"lead": lead, "cap": 5}, seen=None, actor=None)
        task = Task.objects.get()
        assert (task.kind, task.month) == (Task.Kind.CALL, DECEMBER)
