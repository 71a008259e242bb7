"""A consultant's own times."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from consultations.actions import desk as actions
from consultations.actions.desk import Hours, schedule_for
from consultations.addresses import FEED
from consultations.calc import months
from consultations.calc.holidays import holiday_name
from consultations.calendars.problems import Reason
from consultations.forms import by_day
from consultations.forms_desk import CalendarForm, ExceptionForm, ScheduleForm, WeekForm, masked
from consultations.free_times import FreeTime, desk_of_firm, free_times, outside_hours
from consultations.models import Closed, DayException, Desk, OutsideCalendar, Schedule, Weekly
from tenancy import clock
from tenancy.editing import ChangedMeanwhile
from tenancy.links import make_token
from tenancy.middleware import member_of, visit_of
from tenancy.models import Membership
from tenancy.permissions import access
from tenancy.trail_reading import history_of
from tenancy.views.shared import says_when_busy

HOME = "consultations:schedule"
PREVIEWED = timedelta(days=13)  # two weeks, today among them
LISTED = 60  # days of holidays and closings


@dataclass(frozen=True)
class DayOff:
    """A public holiday, or a closing of the firm; `last_day` within the days that are listed."""

    name: str
    first_day: date
    last_day: date
    is_holiday: bool


def own_schedule(member: Membership) -> Schedule:
    """The member's schedule; the usual one, not saved, of who has not written any yet."""
    return Schedule.objects.filter(membership=member).first() or Schedule(membership=member)


def _is_saved(schedule: Schedule) -> bool:
    return not schedule._state.adding


# ── The page ──


@access("consultations.edit")
@never_cache
@says_when_busy
@require_http_methods(["GET", "HEAD", "POST"])
def schedule(request: HttpRequest, firm: str) -> HttpResponse:
    """The usual ways, and all else of the consultant's own times. `gives`: an admin begins to give sessions."""
    if request.method == "POST" and "gives" in request.POST:
        return _switch_on(request, firm)
    row = own_schedule(member_of(request))
    form = ScheduleForm(request.POST if request.method == "POST" else None, instance=row)
    if request.method != "POST" or not form.is_valid():
        return _page(request, status=422 if form.errors else 200, form=form)
    member = member_of(request)
    try:
        actions.update_schedule(
            schedule=schedule_for(member),
            values=form.values(),
            seen=form.cleaned_data["seen"],
            actor=member,
        )
    except ChangedMeanwhile as meanwhile:
        return _page(request, status=409, form=form.again(own_schedule(member)), meanwhile=meanwhile)
    messages.success(request, "受け方を保存しました。")
    return redirect(HOME, firm)


def _switch_on(request: HttpRequest, firm: str) -> HttpResponse:
    """Who decides who consults decides it for themselves, too. Raises PermissionDenied."""
    if not visit_of(request).may("firm.settings"):
        raise PermissionDenied
    member = member_of(request)
    actions.let_consult(member=member, gives=True, actor=member)
    messages.success(request, "相談を受けるようにしました。毎週の時間を決めると、予約ページに出ます。")
    return redirect(HOME, firm)


def _page(request: HttpRequest, *, status: int = 200, **context: Any) -> HttpResponse:
    """The whole page; a form in `context` stands for the one that would be there."""
    row = own_schedule(member_of(request))
    calendar = OutsideCalendar.objects.filter(schedule=row).first()
    context = {
        "schedule": row,
        "form": ScheduleForm(instance=row),
        "week": WeekForm.of(_hours_of(row)),
        "exception_form": ExceptionForm(prefix="exception"),
        "calendar_form": CalendarForm(prefix="calendar"),
        "calendar": calendar,
        "masked": masked(calendar) if calendar else "",
        "problem": _problem_of(calendar),
        "feed_url": feed_url(visit_of(request).firm.slug, row) if _is_saved(row) else "",
        "days_off": days_off(),
        "outside": outside_hours(row) if _is_saved(row) else [],
        "events": history_of(row) if _is_saved(row) else [],
        "exceptions": list(DayException.objects.filter(schedule=row, last_day__gte=clock.today())),
        **_preview(row),
        **context,
    }
    return render(request, "consultations/schedule.html", context, status=status)


def _preview(row: Schedule) -> dict[str, Any]:
    """What everybody sees of it in the next two weeks, as long as its months have places."""
    today, desk = clock.today(), desk_of_firm()
    times = free_times(today, today + PREVIEWED, schedule_id=row.pk, desk=desk) if row.gives else []
    opened = [each for each in times if _is_opened(each, desk)]
    return {
        "free_days": list(by_day(opened).items()),
        "preview_until": today + PREVIEWED,
        "desk_is_open": desk.is_open,
    }


def _is_opened(time: FreeTime, desk: Desk) -> bool:
    return months.opens_at(months.month_of(time.starts), desk.opens_on) <= clock.now()


def _problem_of(calendar: OutsideCalendar | None) -> str:
    """Why it could not be read, in words."""
    if calendar is None or not calendar.problem:
        return ""
    known = {**{each.name: each.label for each in Reason}, **{each.value: each.label for each in Reason}}
    return str(known.get(calendar.problem, Reason.AWAY.label))


def feed_url(slug: str, row: Schedule) -> str:
    """Where the consultant's own calendar program asks for the sessions."""
    token = make_token(FEED, row.pk, row.feed_version)
    return settings.PUBLIC_URL + reverse("consultations:feed", args=[slug, token])


def days_off() -> list[DayOff]:
    """Public holidays and the firm's closings of the next 60 days, by day. Two queries."""
    days = [clock.today() + timedelta(days=each) for each in range(LISTED)]
    found = [DayOff(holiday_name(day), day, day, True) for day in days if holiday_name(day)]
    rows = list(Closed.objects.all())
    if not rows and not Desk.objects.exists():
        rows = Closed.usual()
    for row in rows:
        closing = row.as_closing()
        if covered := [day for day in days if closing.covers(day)]:
            found.append(DayOff(row.name, covered[0], covered[-1], False))
    return sorted(found, key=lambda each: (each.first_day, each.name))


# ── The week ──


def _hours_of(row: Schedule) -> list[Hours]:
    return list(Weekly.objects.filter(schedule=row).values_list("weekday", "starts", "ends"))


@access("consultations.edit")
@never_cache
@says_when_busy
@require_http_methods(["GET", "HEAD", "POST"])
def hours(request: HttpRequest, firm: str) -> HttpResponse:
    """The week. `more`: one more pair of a day; nothing is saved then."""
    if request.method != "POST":
        return redirect(HOME, firm)
    week, member = WeekForm.sent(request.POST.dict()), member_of(request)
    if week.more is not None:
        return _page(request, week=week, week_is_typed=True)
    if not week.is_valid():
        return _page(request, status=422, week=week, week_is_typed=True)
    try:
        actions.set_hours(
            schedule=schedule_for(member), hours=week.hours, seen=week.seen_hours(), actor=member
        )
    except ChangedMeanwhile as meanwhile:
        week.seen = WeekForm.of(_hours_of(own_schedule(member))).seen
        return _page(request, status=409, week=week, week_is_typed=True, meanwhile=meanwhile)
    messages.success(request, "毎週の時間を保存しました。")
    return redirect(HOME, firm)


# ── Days that are otherwise ──


@access("consultations.edit")
@never_cache
@says_when_busy
@require_http_methods(["GET", "HEAD", "POST"])
def exception_add(request: HttpRequest, firm: str) -> HttpResponse:
    """Days on which the consultant is away, or there besides the week."""
    if request.method != "POST":
        return redirect(HOME, firm)
    form, member = ExceptionForm(request.POST, prefix="exception"), member_of(request)
    if not form.is_valid():
        return _page(request, status=422, exception_form=form)
    actions.add_exception(schedule=schedule_for(member), **form.cleaned_data, actor=member)
    messages.success(request, "例外の日を加えました。")
    return redirect(HOME, firm)


@access("consultations.edit")
@says_when_busy
@require_http_methods(["GET", "HEAD", "POST"])
def exception_remove(request: HttpRequest, firm: str, exception: int) -> HttpResponse:
    """The days are as the week says. Only one's own."""
    member = member_of(request)
    row = get_object_or_404(DayException, pk=exception, schedule__membership=member)
    if request.method != "POST":
        return redirect(HOME, firm)
    actions.drop_exception(exception=row, actor=member)
    messages.success(request, "例外の日を外しました。")
    return redirect(HOME, firm)


# ── Calendars ──


@access("consultations.edit")
@never_cache
@says_when_busy
@require_http_methods(["GET", "HEAD", "POST"])
def calendar(request: HttpRequest, firm: str) -> HttpResponse:
    """The calendar elsewhere: its address (`calendar-url`), `do=read` reads it now, `do=remove` ends it after asking
    (`?remove`)."""
    member = member_of(request)
    row = OutsideCalendar.objects.filter(schedule__membership=member).select_related("schedule").first()
    if request.method != "POST":
        if row is None or "remove" not in request.GET:
            return redirect(HOME, firm)
        return render(request, "consultations/desk/calendar_remove.html", {"masked": masked(row)})
    if (do := request.POST.get("do")) in ("read", "remove"):
        return _end_or_read(request, firm, row, do)
    form = CalendarForm(request.POST, prefix="calendar")
    if not form.is_valid():
        return _page(request, status=422, calendar_form=form)
    actions.subscribe(schedule=schedule_for(member), url=form.cleaned_data["url"], actor=member)
    messages.success(
        request, "カレンダーを登録しました。まもなく読み込み、予定のある時間を予約できないようにします。"
    )
    return redirect(HOME, firm)


def _end_or_read(
    request: HttpRequest, firm: str, row: OutsideCalendar | None, do: str | None
) -> HttpResponse:
    if row is not None and do == "read":
        actions.read_again(calendar=row)
        messages.success(request, "読み直しを始めました。少したってから、この画面を開き直してください。")
    elif row is not None:
        actions.subscribe(schedule=row.schedule, url="", actor=member_of(request))
        messages.success(request, "カレンダーの読み込みをやめました。")
    return redirect(HOME, firm)


@access("consultations.edit")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def feed_renew(request: HttpRequest, firm: str) -> HttpResponse:
    """Another address of the consultant's own calendar, after saying what stops working."""
    if request.method != "POST":
        return render(request, "consultations/desk/feed_renew.html")
    member = member_of(request)
    actions.renew_feed(schedule=schedule_for(member), actor=member)
    messages.success(
        request, "購読のアドレスを作りなおしました。カレンダーに、新しいアドレスを登録してください。"
    )
    return redirect(HOME, firm)
