"""How long the オンライン相談・壁打ち is kept."""

from consultations.models import (
    Blocked,
    Closed,
    Consultation,
    ConsultationMonth,
    DayException,
    Desk,
    NextAction,
    OpeningWish,
    OutsideBusy,
    OutsideCalendar,
    Schedule,
    SessionNote,
    Task,
    WaitlistEntry,
    Weekly,
)
from consultations.states import State
from tenancy.retention import kept, stays

stays(
    "sessions, their notes and what was agreed, months with their places",
    [Consultation, ConsultationMonth, SessionNote, NextAction, Task],
    "as long as the firm keeps them",
    ends_by="people of the firm",
)
kept(
    "bookings that were never confirmed, and offers that were not taken",
    [Consultation],
    "90 days",
    days=90,
    old=lambda before: Consultation.objects.filter(
        state__in=(State.EXPIRED, State.CANCELLED), confirmed_at=None, ended_at__lt=before
    ),
)
kept(
    "entries of the queue that have ended",
    [WaitlistEntry],
    "90 days after they began",
    days=90,
    old=lambda before: WaitlistEntry.objects.filter(created_at__lt=before).exclude(
        state=WaitlistEntry.State.WAITING
    ),
)
kept(
    "who wanted to be told when a month opens",
    [OpeningWish],
    "90 days",
    days=90,
    old=lambda before: OpeningWish.objects.filter(created_at__lt=before),
)
stays(
    "the desk, consultants' times, closed days, blocked addresses",
    [Desk, Closed, Blocked, Schedule, Weekly, DayException, OutsideCalendar],
    "as long as the firm keeps them",
    ends_by="people of the firm",
)
stays(
    "busy times of calendars elsewhere",
    [OutsideBusy],
    "until the calendar is read again",
    ends_by="the next reading, or with the calendar",
)
