"""オンライン相談・壁打ち: who offers which times, months and their places, bookings, the queue, what comes of it."""

from consultations.models.afterwards import NextAction, SessionNote, Task
from consultations.models.booking import (
    OPENING,
    OVER,
    REMIND,
    Consultation,
    ConsultationMonth,
    OpeningWish,
    WaitlistEntry,
)
from consultations.models.desk import Blocked, Closed, Desk
from consultations.models.schedule import DayException, OutsideBusy, OutsideCalendar, Schedule, Weekly

__all__ = [
    "OPENING",
    "OVER",
    "REMIND",
    "Blocked",
    "Closed",
    "Consultation",
    "ConsultationMonth",
    "DayException",
    "Desk",
    "NextAction",
    "OpeningWish",
    "OutsideBusy",
    "OutsideCalendar",
    "Schedule",
    "SessionNote",
    "Task",
    "WaitlistEntry",
    "Weekly",
]
