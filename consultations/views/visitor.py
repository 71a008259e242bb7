"""What a visitor does before there is a booking: look, choose, ask, wait in the queue, find out where the mail went.

No account and no session. A POST that asks for something has its own short transaction; whatever it answers, what was
typed stands on the page again.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from consultations import labels
from consultations.actions import booking, waiting
from consultations.actions.refusals import AlreadyThisMonth, Lapsed, MailsEnough, NotWelcome
from consultations.actions.telling import tell_already
from consultations.addresses import JOINED, MANAGE, SENT, joined_token, sent_token
from consultations.calc import months
from consultations.forms import AskForm, BookForm, WaitForm
from consultations.models import Consultation, WaitlistEntry
from consultations.office import in_the_office, office_of
from consultations.screens import Free, what_is_free
from consultations.slots import Slot
from consultations.states import ENDED, State
from consultations.views.acting import answered, writing
from consultations.views.asking import (
    JOINED_FROM,
    MADE,
    MAILS,
    PAUSE,
    TRIES,
    attempt,
    made_nothing,
)
from consultations.views.saying import MAILED_OFTEN, TOO_OFTEN, Busy, Said, words_for
from diagnosis.addresses import RESULT, result_token
from diagnosis.forms import MailForm
from diagnosis.models import Diagnosis
from diagnosis.views.visitor import gone
from tenancy import clock
from tenancy.door import Visit
from tenancy.limits import address_of, give_back, within
from tenancy.links import read_token
from tenancy.middleware import visit_of
from tenancy.models import PrivacyNotice
from tenancy.permissions import VISITOR, access
from tenancy.scope import open_scope

# ── The free times ──


@access(VISITOR, limits=TRIES, own_transactions=True)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def book(request: HttpRequest, firm: str) -> HttpResponse:
    """This and the next month's free times, and the form that asks for one of them.

    `?month=`, `?day=` and `?slot=` choose beforehand; `?diagnosis=` attaches a result. A POST without `go=book` only
    looks at another day, with what was typed.
    """
    visit = visit_of(request)
    if request.method != "POST" or request.POST.get("go") != "book":
        with open_scope(visit.scope):
            return _book_page(request, _book_form(request))
    with open_scope(visit.scope):
        form = _book_form(request, sent=True)
        if not form.is_valid():
            return _book_page(request, form)
        asked = form.asked(diagnosis=_diagnosis(request))
    asked_at = clock.now()
    booked = attempt(
        request,
        form,
        MADE,
        lambda: booking.book(id=form.seed_id, slot=form.cleaned_data["slot"], asked=asked),
    )
    if isinstance(booked, Said):
        with open_scope(visit.scope):
            return _book_page(request, form, booked)
    if booked.created_at < asked_at:
        made_nothing(request, form, MADE)
    else:
        within(PAUSE, f"{booked.pk}:{booked.email}")
    return redirect("consultations:sent", firm, sent_token(booked))


def _book_form(request: HttpRequest, *, sent: bool = False) -> BookForm:
    """The form as it was sent; not `sent`, with what is known of who fills it in, and no complaint."""
    if sent:
        return BookForm(request.POST, notice=_notice())
    return BookForm(notice=_notice(), initial=_known(request))


def _known(request: HttpRequest) -> dict[str, Any]:
    """What was typed on the page before; else what the attached diagnosis says."""
    if request.method == "POST":
        return _typed(request.POST)
    known = _asked_before(request) or _diagnosis(request)
    return {name: getattr(known, name) for name in TYPED if hasattr(known, name)}


def _asked_before(request: HttpRequest) -> Consultation | None:
    """The booking whose link leads here to ask once more (`?again=`): what was typed for it stands in the form."""
    link = read_token(MANAGE, request.GET.get("again", ""))
    if link is None:
        return None
    with open_scope(replace(visit_of(request).scope, link=link.id)):
        return Consultation.objects.opened_by(link)


TYPED = ("kind", "company_name", "contact_name", "email", "topic", "seed")


def _typed(data: QueryDict) -> dict[str, Any]:
    given = {name: data[name] for name in TYPED if name in data}
    return given | {"consent": "consent" in data, "months": data.getlist("months")}


def _notice() -> PrivacyNotice | None:
    """The firm's present notice, to which consent is given."""
    found: PrivacyNotice | None = PrivacyNotice.objects.first()
    return found


def _diagnosis_token(request: HttpRequest) -> str:
    given = request.POST.get("diagnosis") or request.GET.get("diagnosis") or ""
    before = None if given else _asked_before(request)
    return given if before is None else _token_of_attached(before)


def _token_of_attached(before: Consultation) -> str:
    """Of the diagnosis that was attached to it; '' without one."""
    if before.diagnosis_id is None:
        return ""
    with in_the_office():
        attached = Diagnosis.objects.get(pk=before.diagnosis_id)
    return result_token(attached, since=attached.submitted_at)


def _diagnosis(request: HttpRequest) -> Diagnosis | None:
    """The submitted diagnosis whose result the visitor holds a link to. Its row is behind the wall of that link."""
    link = read_token(RESULT, _diagnosis_token(request))
    if link is None:
        return None
    with open_scope(replace(visit_of(request).scope, link=link.id)):
        found: Diagnosis | None = Diagnosis.objects.opened_by(link)
    return found if found is not None and found.state == Diagnosis.State.SUBMITTED else None


def _book_page(request: HttpRequest, form: BookForm, said: Said | None = None) -> HttpResponse:
    free = what_is_free()
    wanted, slot = _wanted(request), _slot(request)
    chosen = free.nearest(wanted)
    times = free.at(chosen)
    picked = free.time(slot) or (times[0] if len(times) == 1 else None)
    if said is not None and said.new_seed:
        form = BookForm(notice=form.notice, initial=_typed(request.POST) | {"seed": ""})
    diagnosis = _diagnosis(request)
    context = {
        "form": form,
        "free": free.choosing(chosen),
        "chosen": chosen,
        "missed": wanted is not None and wanted != chosen and request.method == "GET",
        "times": times,
        "picked": picked,
        "kind": _kind(form),
        "said": said,
        "diagnosis": diagnosis,
        "diagnosis_token": _diagnosis_token(request) if diagnosis else "",
        "notice": form.notice,
        "scrolls": request.method == "POST" and "day" in request.POST,
    }
    return _answered(request, "consultations/book.html", context, form, said)


def _answered(
    request: HttpRequest, template: str, context: dict[str, Any], form: AskForm, said: Said | None
) -> HttpResponse:
    status = 422 if form.is_bound and form.errors else 200
    return answered(render(request, template, context, status=status), said)


def _kind(form: AskForm) -> str:
    value = form["kind"].value()
    return str(dict(form.fields["kind"].choices).get(value, ""))  # type: ignore[attr-defined]


def _slot(request: HttpRequest) -> Slot | None:
    """The time chosen so far. Who looks at another day has none yet."""
    if request.method == "POST" and "day" in request.POST:
        return None
    given = request.POST if request.method == "POST" else request.GET
    return Slot.read(given.get("slot", ""))


def _wanted(request: HttpRequest) -> date | None:
    """The day to look at: the one just chosen, else that of the time, else the one shown before, else of `?month=`."""
    given = request.POST if request.method == "POST" else request.GET
    if "day" not in given and (slot := _slot(request)) is not None:
        return months.day_of(slot.starts)
    texts = (given.get("day"), given.get("shown"), f"{given.get('month', '')}-01")
    return next((day for day in map(_read_day, texts) if day is not None), None)


def _read_day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


# ── The queue ──


@access(VISITOR, limits=TRIES, own_transactions=True)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def waitlist(request: HttpRequest, firm: str) -> HttpResponse:
    """Into the queue for the months that are full. A POST without `go=join` only brings along what was typed."""
    visit = visit_of(request)
    if request.method != "POST" or request.POST.get("go") != "join":
        with open_scope(visit.scope):
            known = _joined(request)
            return _joined_page(request, known) if known else _wait_page(request)
    with open_scope(visit.scope):
        free = what_is_free()
        form = WaitForm(request.POST, choices=_all_months(free), notice=_notice())
        if not form.is_valid():
            return _wait_page(request, form, free=free)
        asked = form.asked(diagnosis=_diagnosis(request))
    wanted = [date.fromisoformat(each) for each in form.cleaned_data["months"]]
    asked_at = clock.now()
    entry = attempt(
        request, form, JOINED_FROM, lambda: waiting.join(id=form.seed_id, wanted=wanted, asked=asked)
    )
    if isinstance(entry, Said):
        with open_scope(visit.scope):
            return _wait_page(request, form, entry)
    if entry.created_at < asked_at:
        made_nothing(request, form, JOINED_FROM)
    return redirect(f"{reverse('consultations:waitlist', args=[firm])}?joined={joined_token(entry)}")


def _all_months(free: Free) -> list[tuple[str, str]]:
    """What may be sent: also a month that has become free meanwhile, which is said then (StillFree)."""
    return [
        (each.month.isoformat(), labels.month_label(each.month)) for each in free.months if each.view.is_open
    ]


def _wait_page(
    request: HttpRequest,
    form: WaitForm | None = None,
    said: Said | None = None,
    *,
    free: Free | None = None,
) -> HttpResponse:
    free = free or what_is_free()
    if form is None or (said is not None and said.new_seed):
        initial = _known(request) | ({"seed": ""} if said else {})
        form = WaitForm(
            choices=_all_months(free),
            notice=form.notice if form else _notice(),
            initial=initial | {"months": _months_wanted(request, free)},
        )
    diagnosis = _diagnosis(request)
    context = {
        "form": form,
        "free": free,
        "said": said,
        "chosen": form["months"].value() or [],
        "diagnosis": diagnosis,
        "diagnosis_token": _diagnosis_token(request) if diagnosis else "",
        "notice": form.notice,
        "hours": int(months.ANSWER_AT_MOST.total_seconds() // 3600),
    }
    return _answered(request, "consultations/waitlist.html", context, form, said)


def _months_wanted(request: HttpRequest, free: Free) -> Sequence[str]:
    """Those chosen already; else the one that the visitor came from; else the only one."""
    full = [each.month.isoformat() for each in free.full]
    given = request.POST if request.method == "POST" else request.GET
    asked = [*given.getlist("months"), f"{given.get('month', '')}-01"]
    return [each for each in full if each in asked] or (full if len(full) == 1 else [])


def _joined(request: HttpRequest) -> WaitlistEntry | None:
    """The entry that was just made, by the link that only shows its place in the queue."""
    link = read_token(JOINED, request.GET.get("joined", ""))
    if link is None:
        return None
    with open_scope(replace(visit_of(request).scope, link=link.id)):
        found: WaitlistEntry | None = WaitlistEntry.objects.opened_by(link)
    return found if found is not None and found.state == WaitlistEntry.State.WAITING else None


def _joined_page(request: HttpRequest, entry: WaitlistEntry) -> HttpResponse:
    positions = [(month, waiting.position_in(entry, month)) for month in entry.wanted]
    context = {
        "entry": entry,
        "positions": positions,
        "sender": _sender(),
        "hours": int(months.ANSWER_AT_MOST.total_seconds() // 3600),
    }
    return render(request, "consultations/full.html", context)


def _sender() -> str:
    """The domain that mails come from: what a telephone has to let in."""
    return settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip(">")


# ── Where the mail went ──


@access(VISITOR, link=SENT)
@never_cache
@require_safe
def sent(request: HttpRequest, firm: str, token: str) -> HttpResponse:
    """Not booked yet: where the mail went, until when its link confirms, and what to do when it does not arrive."""
    consultation = Consultation.objects.opened_by(visit_of(request).link)
    if consultation is None:
        return gone(request)
    return _sent_page(request, token, consultation, MailForm(initial={"email": consultation.email}))


def _sent_page(
    request: HttpRequest,
    token: str,
    row: Consultation,
    form: MailForm,
    said: Said | None = None,
    *,
    again: bool = False,
) -> HttpResponse:
    with in_the_office():
        row = Consultation.objects.with_people().get(pk=row.pk)
        context = {
            "token": token,
            "consultation": row,
            "form": form,
            "said": said,
            "state": _stage(row),
            "when": labels.when(row),
            "consultant": str(row.consultant.user),
            "sender": _sender(),
            "month": months.month_of(row.starts_at),
            "again": again or "again" in request.GET,
        }
    status = 422 if form.errors else 200
    return answered(render(request, "consultations/sent.html", context, status=status), said)


def _stage(row: Consultation) -> str:
    """What the page is about: `held`, `confirmed` (or already over), `lapsed`."""
    if row.state == State.HELD and not row.has_lapsed:
        return "held"
    return "lapsed" if row.has_lapsed or row.state in ENDED else "confirmed"


PAUSED = "さきほどお送りしました。1分ほどたってから、もう一度お試しください。"
ENOUGH = "お送りできる回数に達しました。お手数ですが、お電話でお知らせください。"
OTHER_HAS_ONE = (
    "このメールアドレスでは、この月のご予約を承っています。ご案内をお送りしましたので、ご確認ください。"
)
NO_MAIL_THERE = (
    "このメールアドレスへはお送りできません。ほかのアドレスを入力するか、お電話でお知らせください。"
)


@access(VISITOR, link=SENT, limits=TRIES, own_transactions=True)
@require_http_methods(["GET", "HEAD", "POST"])
def sent_again(request: HttpRequest, firm: str, token: str) -> HttpResponse:
    """「届かないとき」: the mail once more, a minute after the last one; to a corrected address at once. Reloaded, it
    is the page with the form."""
    if request.method != "POST":
        return redirect("consultations:sent", firm, token)
    visit = visit_of(request)
    form = MailForm(request.POST)
    with open_scope(visit.scope):
        row = Consultation.objects.opened_by(visit.link)
        if row is None:
            return gone(request)
        if not _may_send(request, form, row):
            return _sent_page(request, token, row, form)
    email = form.cleaned_data["email"]
    sent = _sent_again(visit, row, form)
    if isinstance(sent, Consultation):
        return redirect(f"{reverse('consultations:sent', args=[firm, sent_token(sent)])}?again=1")
    give_back(PAUSE, f"{row.pk}:{email}")
    with open_scope(visit.scope):
        return _sent_page(request, token, row, form, sent)


def _may_send(request: HttpRequest, form: MailForm, row: Consultation) -> bool:
    """Whether a mail may go there now; else the form says what to do. Counts one where it may: to another address
    counts as asking anew, since what is said then may tell something about it."""
    if not form.is_valid() or _stage(row) != "held":
        return False
    email = form.cleaned_data["email"]
    if not within(PAUSE, f"{row.pk}:{email}"):
        form.add_error("email", PAUSED)
    elif email != row.email and (refused := _other_address(request, email)):
        give_back(PAUSE, f"{row.pk}:{email}")
        form.add_error("email", f"{refused.title}。")
    return form.is_valid()


def _other_address(request: HttpRequest, email: str) -> Said | None:
    """Why not to this one; counts it where nothing is in the way."""
    if not within(MADE, address_of(request)):
        return TOO_OFTEN
    return None if within(MAILS, email) else MAILED_OFTEN


def _sent_again(visit: Visit, row: Consultation, form: MailForm) -> Consultation | Said | None:
    """The booking with its new mail; None where the form says why not, or nothing is held any more."""
    email = form.cleaned_data["email"]
    try:
        with writing(office_of(visit.scope)):
            return booking.send_hold_again(consultation=row, email=email)
    except MailsEnough:
        form.add_error("email", ENOUGH)
    except AlreadyThisMonth as problem:
        with open_scope(office_of(visit.scope)):
            tell_already(first=problem.first, once=row.pk)
        form.add_error("email", OTHER_HAS_ONE)
    except NotWelcome:
        form.add_error("email", NO_MAIL_THERE)
    except Lapsed:
        pass
    except Busy as problem:
        return words_for(problem)
    return None
