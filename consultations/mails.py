"""The mails about a consultation: each worded when what it says happens, in the same transaction, once for its key.

Each answers the rows it wrote, for the trail.
"""

import re
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Model

from consultations import addresses, labels
from consultations.calc import months
from consultations.calendars.writing import OURS, Event, file_text
from consultations.free_times import desk_of_firm
from consultations.models import Consultation, OpeningWish, Schedule, WaitlistEntry
from notices.actions import queue_mail
from tenancy import clock
from tenancy.models import FirmProfile, Membership
from tenancy.templatetags.michisuji import jdate

TITLE = "オンライン相談・壁打ち"


def send_hold(consultation: Consultation) -> list[Model]:
    """The link that confirms; another one for each time it is asked for."""
    assert consultation.expires_at is not None  # of a hold: a constraint
    return _about(
        consultation,
        "booking_hold",
        f"hold:{consultation.holds_sent}",
        hold_deadline_label=labels.moment_label(consultation.expires_at),
        confirm_url=addresses.manage_url(consultation.firm.slug, consultation),
        kind_label=consultation.get_kind_display(),
    )


def send_hold_lapsed(consultation: Consultation) -> list[Model]:
    url = addresses.again_url(consultation.firm.slug, consultation)
    return _about(consultation, "hold_lapsed", "hold_lapsed", booking_url=url)


def send_confirmed(consultation: Consultation) -> list[Model]:
    return _about(
        consultation,
        "booking_confirmed",
        "confirmed",
        with_event=True,
        **_meeting(consultation),
        kind_label=consultation.get_kind_display(),
        change_deadline_label=labels.change_deadline_label(consultation),
    )


def send_changed(consultation: Consultation, before: tuple[datetime, datetime]) -> list[Model]:
    """`before`: start and end as they were."""
    return _about(
        consultation,
        "booking_changed",
        f"changed:{consultation.sequence}",
        with_event=True,
        **_meeting(consultation),
        old_date_label=jdate(before[0]),
        old_time_label=labels.time_label(*before),
    )


def send_meeting(consultation: Consultation, *, former: Membership | None = None) -> list[Model]:
    """How to take part, once it is known, or known anew. `former`: who would have come, before somebody else did."""
    return _about(
        consultation,
        "booking_meeting",
        f"meeting:{consultation.sequence}",
        with_event=True,
        **_meeting(consultation),
        former_consultant_name=str(former.user) if former else "",
    )


def send_reminder(consultation: Consultation) -> list[Model]:
    wants = consultation.kind != "advice" and consultation.diagnosis_id is None
    return _about(
        consultation,
        "booking_reminder",
        f"reminder:{consultation.sequence}",
        **_meeting(consultation),
        change_deadline_label=labels.change_deadline_label(consultation),
        diagnosis_pending=wants,
        diagnosis_url=addresses.diagnosis_url(consultation.firm.slug),
    )


def send_cancelled(consultation: Consultation) -> list[Model]:
    """Of what the client has cancelled."""
    return _about(
        consultation,
        "cancelled_by_client",
        "cancelled",
        with_event=True,
        cancelled=True,
        booking_url=addresses.book_url(consultation.firm.slug),
    )


def send_put_off(consultation: Consultation) -> list[Model]:
    """Of what the firm had to cancel, with the way to another time."""
    return _about(
        consultation,
        "cancelled_by_firm",
        "cancelled",
        with_event=True,
        cancelled=True,
        # The mail goes on with 「のため」: who has written that already reads it once.
        reason_label=re.sub(r"(のため)?[、。]*$", "", consultation.cancel_reason, count=1),
        rebook_url=addresses.rebook_url(consultation.firm.slug, consultation),
    )


def send_offered(consultation: Consultation) -> list[Model]:
    assert consultation.expires_at is not None  # of an offer: a constraint
    url = addresses.manage_url(consultation.firm.slug, consultation)
    return _about(
        consultation,
        "offered",
        "offered",
        month_label=labels.month_label(consultation.month),
        consultant_name=str(consultation.consultant.user),
        offer_deadline_label=labels.moment_label(consultation.expires_at),
        accept_url=url,
        manage_url=url,
    )


def send_offer_expired(consultation: Consultation, entry: WaitlistEntry) -> list[Model]:
    """Once by itself with the queue going on, the second time with its end."""
    ended = entry.state == WaitlistEntry.State.ENDED
    return _about(
        consultation,
        "offer_ended" if ended else "offer_expired",
        "offer_expired",
        month_label=labels.month_label(consultation.month),
        manage_url=addresses.queue_url(entry.firm.slug, entry),
        booking_url=addresses.book_url(consultation.firm.slug),
    )


def send_summary(consultation: Consultation, version: int) -> list[Model]:
    """`version`: of the summary, so that a corrected one is sent again and the same one is not."""
    url = addresses.summary_url(consultation.firm.slug, consultation)
    return _about(consultation, "session_summary", f"summary:{version}", summary_url=url)


def send_waitlisted(entry: WaitlistEntry, position: int, cap: int) -> list[Model]:
    last = max(entry.wanted)
    mail = queue_mail(
        key=f"waitlist:{entry.pk}:waitlisted",
        template="waitlisted",
        to=entry.email,
        link=entry.pk,
        context={
            "company_name": entry.company_name,
            "contact_name": entry.contact_name,
            "month_label": "・".join(labels.month_label(each) for each in entry.wanted),
            "cap": cap,
            "position": position,
            "offer_hours": int(months.ANSWER_AT_MOST.total_seconds() // 3600),
            "next_month_label": labels.month_label(months.after(last)),
            "manage_url": addresses.queue_url(entry.firm.slug, entry),
        },
    )
    return [mail]


def send_waiting_over(entry: WaitlistEntry) -> list[Model]:
    mail = queue_mail(
        key=f"waitlist:{entry.pk}:over",
        template="waiting_over",
        to=entry.email,
        link=entry.pk,
        context={
            "company_name": entry.company_name,
            "contact_name": entry.contact_name,
            "month_label": "・".join(labels.month_label(each) for each in entry.wanted),
            "booking_url": addresses.book_url(entry.firm.slug),
        },
    )
    return [mail]


def send_full(wish: OpeningWish, month_cap: int) -> list[Model]:
    """`wish.month`: the month after the one that is full."""
    desk = desk_of_firm()
    mail = queue_mail(
        key=f"wish:{wish.pk}:full",
        template="month_full",
        to=wish.email,
        link=wish.pk,
        context={
            "company_name": wish.company_name,
            "contact_name": wish.contact_name,
            "month_label": labels.month_label(months.after(wish.month, -1)),
            "cap": month_cap,
            "next_month_label": labels.month_label(wish.month),
            "next_open_label": labels.moment_label(months.opens_at(wish.month, desk.opens_on)),
            "notify_url": addresses.wish_url(wish.firm.slug, wish),
            "diagnosis_url": addresses.diagnosis_url(wish.firm.slug),
        },
    )
    return [mail]


def send_month_open(wish: OpeningWish, cap: int) -> list[Model]:
    mail = queue_mail(
        key=f"wish:{wish.pk}:open",
        template="month_open",
        to=wish.email,
        link=wish.pk,
        context={
            "company_name": wish.company_name,
            "contact_name": wish.contact_name,
            "month_label": labels.month_label(wish.month),
            "cap": cap,
            "booking_url": addresses.book_url(wish.firm.slug, wish.month),
        },
    )
    return [mail]


def send_already(consultation: Consultation, once: UUID) -> list[Model]:
    """To whom has a booking in that month already: the link to it, once for each form that was sent."""
    until = consultation.expires_at
    return _about(
        consultation,
        "already_booked",
        f"already:{once}",
        answer_until_label=labels.moment_label(until) if until else "",
        month_label=labels.month_label(consultation.month),
        manage_url=addresses.manage_url(consultation.firm.slug, consultation),
    )


def _about(
    consultation: Consultation,
    template: str,
    key: str,
    *,
    with_event: bool = False,
    cancelled: bool = False,
    **context: Any,
) -> list[Model]:
    """A mail to whom it is about; none where the person was erased. Its key names the consultation, so that each goes
    out once."""
    if not consultation.email:
        return []
    known = {
        "company_name": consultation.company_name,
        "contact_name": consultation.contact_name,
        "manage_url": addresses.manage_url(consultation.firm.slug, consultation),
        **labels.when(consultation),
    }
    mail = queue_mail(
        key=f"consultation:{consultation.pk}:{key}",
        template=template,
        to=consultation.email,
        link=consultation.pk,
        context={**known, **context},
        calendar=file_text(event_of(consultation, cancelled=cancelled)) if with_event else "",
    )
    return [mail]


def schedule_of(consultation: Consultation) -> Schedule | None:
    """The consultant's schedule, with the usual way to meet."""
    found: Schedule | None = Schedule.objects.filter(membership=consultation.consultant_id).first()
    return found


def _meeting(consultation: Consultation) -> dict[str, Any]:
    return {
        "consultant_name": str(consultation.consultant.user),
        "meeting_label": labels.meeting_label(consultation, schedule_of(consultation)),
    }


def event_of(consultation: Consultation, *, cancelled: bool = False) -> Event:
    """The session as a calendar keeps it: the same UID for ever, a higher SEQUENCE with each change."""
    profile = FirmProfile.objects.select_related("firm").first()
    meeting = labels.meeting_label(consultation, schedule_of(consultation))
    url = addresses.manage_url(consultation.firm.slug, consultation)
    return Event(
        uid=f"{consultation.pk}{OURS}",
        sequence=consultation.sequence,
        starts=consultation.starts_at,
        ends=consultation.ends_at,
        summary=f"{TITLE}({profile.firm.name if profile else ''})",
        description=f"担当:{consultation.consultant.user}\n参加方法:{meeting}\n変更・お取り消し:{url}",
        location=meeting,
        url=url,
        stamp=clock.now(),
        cancelled=cancelled,
        organizer_name=profile.firm.name if profile else "",
        organizer_email=profile.email if profile else "",
    )
