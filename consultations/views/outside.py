"""What is read elsewhere: the summary by link, the private calendar feed."""

from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from consultations import addresses, labels, mails
from consultations.addresses import FEED, SUMMARY
from consultations.calendars.writing import OURS, Event, feed_text
from consultations.models import Consultation, NextAction, Schedule, SessionNote
from consultations.office import in_the_office
from consultations.states import State
from consultations.views.acting import Gone, by_link
from tenancy import clock
from tenancy.middleware import visit_of
from tenancy.models import FirmProfile, Membership
from tenancy.permissions import VISITOR, access

KEPT_IN_FEED = timedelta(days=30)
HELD = (State.CONFIRMED, State.COMPLETED, State.NO_SHOW)
GIVEN_BACK = (State.CANCELLED, State.CANCELLED_LATE)


@access(VISITOR, link=SUMMARY)
@never_cache
@require_safe
@by_link
def summary(request: HttpRequest, firm: str, token: str) -> HttpResponse:
    """What was said and agreed, once it was sent. Notes and what was agreed are read through the wall of the link."""
    row = Consultation.objects.opened_by(visit_of(request).link)
    note = SessionNote.objects.filter(consultation=row, is_summary=True, shared=True).first() if row else None
    if row is None or note is None or row.summary_sent_at is None:
        raise Gone
    agreed = list(NextAction.objects.filter(consultation=row).order_by("due_on", "created_at"))
    with in_the_office():
        whole = Consultation.objects.with_people().get(pk=row.pk)
        book_url = reverse("consultations:book", args=[firm])
        context = {"row": whole, "note": note, "agreed": agreed, "book_url": book_url} | labels.when(whole)
        context["consultant"] = str(whole.consultant.user)
        return render(request, "consultations/summary.html", context)


@access(VISITOR, link=FEED)
@require_safe
@by_link
def feed(request: HttpRequest, firm: str, token: str) -> HttpResponse:
    """A consultant's sessions as a calendar that others subscribe to: from 30 days ago on. It names the company and
    where the session is read, nothing that somebody has written."""
    visit = visit_of(request)
    schedule = Schedule.objects.filter(pk=visit.link.id).first() if visit.link else None
    if schedule is None or visit.link is None or not visit.link.is_version(schedule.feed_version):
        raise Gone
    with in_the_office():
        if not Membership.objects.consulting().filter(pk=schedule.membership_id).exists():
            raise Gone
        text = feed_text(_events(schedule, firm), name=f"{mails.TITLE}({visit.firm.name})")
    response = HttpResponse(text, content_type="text/calendar; charset=utf-8")
    response.headers["Content-Disposition"] = 'inline; filename="soudan.ics"'
    response.headers["Cache-Control"] = "private, max-age=300"
    return response


def _events(schedule: Schedule, slug: str) -> Iterable[Event]:
    """Three queries."""
    since = clock.now() - KEPT_IN_FEED
    shown = Q(state__in=HELD) | Q(state__in=GIVEN_BACK, ended_at__gte=since, confirmed_at__isnull=False)
    rows = Consultation.objects.with_people().filter(
        shown, consultant=schedule.membership_id, starts_at__gte=since
    )
    profile = FirmProfile.objects.first()
    email = profile.email if profile else ""
    return [_event(row, schedule, slug, email) for row in rows.order_by("starts_at")]


def _event(row: Consultation, schedule: Schedule, slug: str, email: str) -> Event:
    cancelled = row.state in GIVEN_BACK
    url = addresses.detail_url(slug, row)
    return Event(
        uid=f"{row.pk}{OURS}",
        sequence=row.sequence,
        starts=row.starts_at,
        ends=row.ends_at,
        summary=f"{row.company_name}({row.get_kind_display()})",
        description=f"準備シート:{url}",
        location="お電話" if row.by_phone else labels.meeting_label(row, schedule),
        url=url,
        stamp=row.ended_at if cancelled and row.ended_at else row.confirmed_at or row.created_at,
        cancelled=cancelled,
        organizer_name=row.firm.name,
        organizer_email=email,
    )
