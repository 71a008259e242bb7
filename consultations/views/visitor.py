"""What a visitor does before there is a booking: look, choose, ask, wait in the queue, find out where the mail went.

No account and no session. A POST that asks for something has its own short transaction; whatever it answers, what was
typed stands on the page again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, TypeVar

from django.conf import settings
from django.db import IntegrityError, OperationalError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from consultations import labels
from consultations.actions import booking, waiting
from consultations.actions.refusals import (
    AlreadyThisMonth,
    AlreadyWaiting,
    Full,
    Lapsed,
    MailsEnough,
    NotWelcome,
    QueueFull,
    Refused,
    StillFree,
    TimeTaken,
)
from consultations.actions.telling import tell_already
from consultations.addresses import JOINED, SENT, joined_token, sent_token
from consultations.calc import months
from consultations.forms import AskForm, BookForm, WaitForm
from consultations.free_times import month_view
from consultations.models import Consultation, WaitlistEntry
from consultations.office import in_the_office, office_of
from consultations.screens import Free, what_is_free
from consultations.slots import Slot
from consultations.states import State
from diagnosis.addresses import RESULT
from diagnosis.forms import MailForm
from diagnosis.models import Diagnosis
from tenancy import clock, limits
from tenancy.door import Visit
from tenancy.limits import give_back, within
from tenancy.links import read_token
from tenancy.middleware import visit_of
from tenancy.models import PrivacyNotice
from tenancy.permissions import VISITOR, Limit, access
from tenancy.scope import open_scope

# Choosing a day is one of these too: it sends what was typed, so that nothing is lost.
TRIES = (Limit("consultations.book.tries", 120, 3600),)
# Counted here and not at the door: only what makes something counts, and whoever is over the limit keeps the page.
MADE = Limit("consultations.book.address", 10, 3600)
JOINED_FROM = Limit("consultations.waitlist.address", 10, 3600)
MAILS = Limit("consultations.book.mail", 5, 86_400)
PAUSE = Limit("consultations.hold.pause", 1, 60)
LOCK_NOT_AVAILABLE = "55P03"
RETRY_AFTER = 10  # seconds

_Made = TypeVar("_Made")


@dataclass(frozen=True)
class Said:
    """Why it could not be had, on top of the page. `go`: what is offered instead, `wait` or `book`; `month`: which."""

    status: int
    title: str
    text: str
    go: str = ""
    month: date | None = None
    kind: str = "due"
    phone: bool = False  # the telephone number belongs to it
    new_seed: bool = False  # the form's own id is of no use any more
    mailed: bool = False  # a mail went out that says more


BUSY = Said(
    503,
    "混み合っています。もう一度お試しください",
    "お申し込みが重なっており、受け付けられませんでした。ご記入の内容はそのまま残っています。少し時間をおいて、もう一度ボタンを押してください。",
)
TAKEN = Said(
    409,
    "お選びの時刻は、ほかの方のご予約が入りました",
    "ご記入の内容はそのまま残っています。ほかの時刻をお選びください。",
)
ALREADY = Said(
    409,
    "この月のご予約を、すでに承っています",
    "ご予約は、1社につき月に1回までとしています。ご入力のメールアドレスへ、ご予約の確認・変更ができるリンクをお送りしました。ほかの月の日時は、このままお選びいただけます。",
    phone=True,
    mailed=True,
)
NOT_HERE = Said(
    409,
    "このお申し込みは、オンラインではお受けできませんでした",
    "恐れ入りますが、お電話でご相談ください。",
    phone=True,
)
OLD_FORM = Said(
    409,
    "もう一度、ボタンを押してください",
    "画面の有効期限が過ぎていました。ご記入の内容はそのまま残っています。",
    new_seed=True,
)
TOO_OFTEN = Said(
    429,
    "短い時間に多くのお申し込みがありました",
    "ご記入の内容はそのまま残っています。1時間ほどたってから、もう一度お試しください。",
    phone=True,
)
MAILED_OFTEN = Said(
    429,
    "このメールアドレスでのお申し込みが、今日お受けできる回数に達しました",
    "ご記入の内容はそのまま残っています。明日もう一度お試しください。",
    phone=True,
)
WAITING = Said(
    409,
    "すでにキャンセル待ちにご登録いただいています",
    "ご登録のときにお送りしたメールのリンクから、現在の順番のご確認と、お取り消しができます。",
    kind="good",
    phone=True,
)


def _full(problem: Full) -> Said:
    month = labels.month_label(problem.month)
    return Said(
        409,
        f"{month}は、たったいま満席になりました",
        "ご記入の内容はそのまま残っています。キャンセル待ちに登録するか、ほかの月の日時をお選びください。",
        go="wait",
        month=problem.month,
    )


def _still_free(problem: StillFree) -> Said:
    month = labels.month_label(problem.month)
    return Said(
        409,
        f"{month}には、いまご予約いただける日があります",
        "お待ちいただかなくても、空いている日時をお選びいただけます。ご記入の内容は、そのままお持ちいただけます。",
        go="book",
        month=problem.month,
        kind="good",
    )


def _queue_full(problem: QueueFull) -> Said:
    following = months.after(problem.month)
    opens = labels.moment_label(month_view(following).opens_at)
    return Said(
        409,
        f"{labels.month_label(problem.month)}は、キャンセル待ちも満員です",
        f"{labels.month_label(following)}分の受付は、{opens}に始まります。受付開始のお知らせをご希望の場合は、いまお送りしたメールのリンクからお申し付けください。",
        phone=True,
        mailed=True,
    )


# ── Asking for what others may want too ──


def _attempt(request: HttpRequest, form: AskForm, limit: Limit, act: Callable[[], _Made]) -> _Made | Said:
    """Do it in the office, in a transaction of its own, as often as the limits allow; or say why not.

    Counts the address and the mail before, and gives both back where nothing was made and no mail went out.
    """
    where, mail = limits.address_of(request), form.cleaned_data["email"]
    if not within(limit, where):
        return TOO_OFTEN
    if not within(MAILS, mail):
        give_back(limit, where)
        return MAILED_OFTEN
    done = _done_or_said(visit_of(request), form, act)
    if isinstance(done, Said):
        give_back(limit, where)
        if not done.mailed:
            give_back(MAILS, mail)
    return done


def _done_or_said(visit: Visit, form: AskForm, act: Callable[[], _Made]) -> _Made | Said:
    try:
        with open_scope(office_of(visit.scope)):
            return act()
    except Refused as problem:
        with open_scope(office_of(visit.scope)):
            return _said(problem, form)
    except OperationalError as problem:
        if not _is_busy(problem):
            raise
        return BUSY
    except IntegrityError as problem:
        if "_pkey" not in str(problem):
            raise
        return OLD_FORM  # the form was opened at another firm


def _is_busy(problem: OperationalError) -> bool:
    """Whether PostgreSQL gave up waiting for a lock: somebody else had the month for three seconds."""
    return getattr(problem.__cause__, "pgcode", "") == LOCK_NOT_AVAILABLE


def _said(problem: Refused, form: AskForm) -> Said:
    """The words for it; where a mail says more than the page may, the mail as well."""
    match problem:
        case Full():
            return _full(problem)
        case StillFree():
            return _still_free(problem)
        case AlreadyThisMonth():
            tell_already(first=problem.first, once=form.seed_id)
            return ALREADY
        case QueueFull():
            waiting.tell_full(month=problem.month, asked=form.asked())
            return _queue_full(problem)
        case AlreadyWaiting():
            return WAITING
        case NotWelcome():
            return NOT_HERE
        case TimeTaken():
            return TAKEN
    raise problem


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
    booked = _attempt(
        request,
        form,
        MADE,
        lambda: booking.book(id=form.seed_id, slot=form.cleaned_data["slot"], asked=asked),
    )
    if isinstance(booked, Said):
        with open_scope(visit.scope):
            return _book_page(request, form, booked)
    if booked.created_at < asked_at:  # the same form sent twice: it counts once
        give_back(MADE, limits.address_of(request))
        give_back(MAILS, form.cleaned_data["email"])
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
    diagnosis = _diagnosis(request)
    if diagnosis is None:
        return {}
    return {name: getattr(diagnosis, name) for name in ("company_name", "contact_name", "email")}


TYPED = ("kind", "company_name", "contact_name", "email", "topic", "seed")


def _typed(data: QueryDict) -> dict[str, Any]:
    given = {name: data[name] for name in TYPED if name in data}
    return given | {"consent": "consent" in data, "months": data.getlist("months")}


def _notice() -> PrivacyNotice | None:
    """The firm's present notice, to which consent is given."""
    found: PrivacyNotice | None = PrivacyNotice.objects.first()
    return found


def _diagnosis_token(request: HttpRequest) -> str:
    return request.POST.get("diagnosis") or request.GET.get("diagnosis") or ""


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
    status = said.status if said else 422 if form.is_bound and form.errors else 200
    response = render(request, template, context, status=status)
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER)
    return response


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
    entry = _attempt(
        request, form, JOINED_FROM, lambda: waiting.join(id=form.seed_id, wanted=wanted, asked=asked)
    )
    if isinstance(entry, Said):
        with open_scope(visit.scope):
            return _wait_page(request, form, entry)
    if entry.created_at < asked_at:
        give_back(JOINED_FROM, limits.address_of(request))
        give_back(MAILS, form.cleaned_data["email"])
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
        return render(request, "410.html", status=410)
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
    status = said.status if said else 422 if form.errors else 200
    response = render(request, "consultations/sent.html", context, status=status)
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER)
    return response


def _stage(row: Consultation) -> str:
    """What the page is about: `held`, `confirmed` (or already over), `lapsed`."""
    if row.state == State.HELD and not row.has_lapsed:
        return "held"
    return "lapsed" if row.has_lapsed or row.state == State.CANCELLED else "confirmed"


PAUSED = "さきほどお送りしました。1分ほどたってから、もう一度お試しください。"
ENOUGH = "お送りできる回数に達しました。お手数ですが、お電話でお知らせください。"
OTHER_HAS_ONE = (
    "このメールアドレスでは、この月のご予約を承っています。ご案内をお送りしましたので、ご確認ください。"
)
NO_MAIL_THERE = (
    "このメールアドレスへはお送りできません。ほかのアドレスを入力するか、お電話でお知らせください。"
)


@access(VISITOR, link=SENT, limits=TRIES, own_transactions=True)
@require_POST
def sent_again(request: HttpRequest, firm: str, token: str) -> HttpResponse:
    """「届かないとき」: the mail once more, a minute after the last one, perhaps to a corrected address."""
    visit = visit_of(request)
    form = MailForm(request.POST)
    with open_scope(visit.scope):
        row = Consultation.objects.opened_by(visit.link)
        if row is None:
            return render(request, "410.html", status=410)
        if not _may_send(form, row):
            return _sent_page(request, token, row, form)
    email = form.cleaned_data["email"]
    sent = _sent_again(visit, row, form)
    if isinstance(sent, Consultation):
        return redirect(f"{reverse('consultations:sent', args=[firm, sent_token(sent)])}?again=1")
    give_back(PAUSE, f"{row.pk}:{email}")
    with open_scope(visit.scope):
        return _sent_page(request, token, row, form, sent)


def _may_send(form: MailForm, row: Consultation) -> bool:
    """Whether a mail may go there now; else the form says what to do. Counts one where it may."""
    if not form.is_valid() or _stage(row) != "held":
        return False
    email = form.cleaned_data["email"]
    if not within(PAUSE, f"{row.pk}:{email}"):
        form.add_error("email", PAUSED)
    elif email != row.email and not within(MAILS, email):
        give_back(PAUSE, f"{row.pk}:{email}")
        form.add_error("email", MAILED_OFTEN.title + "。")
    return form.is_valid()


def _sent_again(visit: Visit, row: Consultation, form: MailForm) -> Consultation | Said | None:
    """The booking with its new mail; None where the form says why not, or nothing is held any more."""
    email = form.cleaned_data["email"]
    try:
        with open_scope(office_of(visit.scope)):
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
    except OperationalError as problem:
        if not _is_busy(problem):
            raise
        return BUSY
    return None
