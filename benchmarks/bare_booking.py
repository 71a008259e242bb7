"""The rival of `benchmarks.booking`: the same site and page, but behind its form only the lock itself, in plain SQL.

Lock the month, count, insert: no queue, no rules of times, no mail, no trail. What we take longer than this is the
price of what a booking means.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from config.wsgi import application

__all__ = ["application"]

from django.db import connection

from consultations.actions import booking
from consultations.actions.asking import Asked
from consultations.actions.refusals import Full
from consultations.calc import months
from consultations.models import Consultation, Schedule
from consultations.slots import Slot
from tenancy import clock

CAP = 4
LOCK = "SELECT id FROM consultations_consultationmonth WHERE month = %s FOR NO KEY UPDATE"
COUNT = "SELECT number FROM consultations_consultation WHERE month = %s AND number IS NOT NULL"


def book(*, id: UUID, slot: Slot, asked: Asked, **_: Any) -> Consultation:
    """Four statements."""
    month = months.month_of(slot.starts)
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [month])
        cursor.execute(COUNT, [month])
        numbers = {number for (number,) in cursor.fetchall()}
    if len(numbers) >= CAP:
        raise Full(month)
    ends = slot.starts + timedelta(minutes=30)
    row = Consultation(
        id=id,
        number=next(each for each in range(1, CAP + 1) if each not in numbers),
        month=month,
        starts_at=slot.starts,
        ends_at=ends,
        busy_until=ends,
        consultant_id=Schedule.objects.get(pk=slot.schedule_id).membership_id,
        expires_at=clock.now() + months.HOLD,
        taken_by=asked.email,
        **asked.columns(),
    )
    row.save(force_insert=True)
    return row


booking.book = book  # in this process only
