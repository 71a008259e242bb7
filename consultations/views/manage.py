"""What whoever has the mail does with a booking. Nothing here is done by GET: programs that scan mails open links."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from consultations import choosing, mails
from consultations.actions import booking, waiting
from consultations.actions.refusals import Lapsed
from consultations.addresses import MANAGE, manage_token
from consultations.calendars.writing import file_text
from consultations.forms import ChooseForm, new_seed
from consultations.forms_manage import AnswerForm, MoreForm
from consultations.managing import Managed, managed
from consultations.models import Consultation, WaitlistEntry
from consultations.slots import Slot
from consultations.states import ENDED, State
from consultations.views.acting import POSTS, acted_on, answered, by_link, the_row
from consultations.views.saying import Said
from tenancy import clock
from tenancy.middleware import visit_of
from tenancy.permissions import VISITOR, access

METHODS = ["GET", "HEAD", "POST"]
NOT_CHOSEN = Said(
    "日時が選ばれていません", "ご希望の日時を1つお選びのうえ、もう一度ボタンを押してください。", 422
)


@access(VISITOR, link=MANAGE)
@never_cache
@require_safe
@by_link
def manage(request: HttpRequest, firm: str, token: str) -> HttpResponse:
    """Where the booking stands, and what can be done with it now."""
    with the_row(request) as row:
        return _page(request, token, row)


def _page(request: HttpRequest, token: str, row: Consultation, said: Said | None = None) -> HttpResponse:
    context = _context(request, token, row) | {"said": said, "own_url": _own_url(request, row)}
    return render(request, "consultations/manage.html", context)


def _own_url(request: HttpRequest, row: Consultation) -> str:
    """The way back for a company's own people, who come from there. Whether they belong to it, that page asks."""
    if row.company_id is None or not request.user.is_authenticated:
        return ""
    slug = visit_of(request).firm.slug
    return reverse("consultations:own_detail", args=[slug, row.company_id, row.pk])


def _context(request: HttpRequest, token: str, row: Consultation) -> dict[str, Any]:
    shown: Managed = managed(row, visit_of(request).firm.slug, token)
    return {"managed": shown, "row": row, "token": token}


@access(VISITOR, link=MANAGE, limits=POSTS, own_transactions=True)
@never_cache
@require_http_methods(METHODS)
@by_link
def confirm(request: HttpRequest, firm: str, token: str) -> HttpResponse:
    """The hold becomes a booking. Opened, it is the page with the button."""
    to_page = redirect("consultations:manage", firm, token)
    if request.method != "POST":
        return _led(request, to_page)
    done = acted_on(
        request,
        lambda row: booking.confirm(consultation=row),
        lambda row, said: _page(request, token, row, said),
    )
    return _said(request, done, "ご予約が確定しました。確認のメールをお送りします。", to_page)


def _led(request: HttpRequest, to_page: HttpResponse) -> HttpResponse:
    """There, if the link opens anything."""
    with the_row(request):
        return to_page


def _said(
    request: HttpRequest, done: Consultation | HttpResponse, words: str, to_page: HttpResponse
) -> HttpResponse:
    """On to the page that says it is done; or the answer that says why not."""
    if isinstance(done, HttpResponse):
        return done
    messages.success(request, words)
    return to_page


# ── Another time ──


@access(VISITOR, link=MANAGE, limits=POSTS, own_transactions=True)
@never_cache
@require_http_methods(METHODS)
@by_link
def change(request: HttpRequest, firm: str, token: str) -> HttpResponse:
    """Another time for what is confirmed: until 17:00 of the day before."""

    def page(row: Consultation, said: Said | None = None) -> HttpResponse:
        if row.state != State.CONFIRMED:
            return _page(request, token, row, said)
        months = choosing.months_to_move_to(row, choosing.open_views())
        return _choose(request, "consultations/change.html", token, row, months, said)

    if request.method != "POST":
        with the_row(request) as row:
            return page(row)
    slot = _slot(request)
    if slot is None:
        with the_row(request) as row:
            return answered(page(row, NOT_CHOSEN), NOT_CHOSEN)
    done = acted_on(request, lambda row: booking.change(consultation=row, slot=slot), page)
    to_page = redirect("consultations:manage", firm, token)
    return _said(request, done, "日時を変更しました。新しい日時をメールでお送りします。", to_page)


def _slot(request: HttpRequest) -> Slot | None:
    return Slot.read(request.POST.get("slot", ""))


def _choose(
    request: HttpRequest,
    template: str,
    token: str,
    row: Consultation,
    months: Sequence[date],
    said: Said | None,
    *,
    seed: str = "",
) -> HttpResponse:
    """A page with the times to choose from; what was chosen stays so."""
    shown = choosing.choice(
        months,
        request.GET,
        chosen=_slot(request),
        but=row,
        passes_over=row.starts_at if row.is_live else None,
    )
    context = _context(request, token, row) | {"choice": shown, "said": said, "seed": seed}
    context["is_over"] = row.starts_at <= clock.now()
    return render(request, template, context)


@access(VISITOR, link=MANAGE, limits=POSTS, own_transactions=True)
@never_cache
@require_http_methods(METHODS)
@by_link
def rebook(request: HttpRequest, firm: str, token: str) -> HttpResponse:
    """Another time for what the firm had to put off, whatever is left of the month's places."""
    form = ChooseForm(request.POST) if request.method == "POST" else None

    def page(row: Consultation, said: Said | None = None) -> HttpResponse:
        if not _to_be_replaced(request, token, row):
            return _page(request, token, row, said)
        seed = form.fresh_seed if form else new_seed()
        months = choosing.open_months()
        return _choose(request, "consultations/rebook.html", token, row, months, said, seed=seed)

    if form is None:
        with the_row(request) as row:
            return page(row)
    if not form.is_valid():
        with the_row(request) as row:
            return answered(page(row, NOT_CHOSEN), NOT_CHOSEN)
    id, slot = form.seed_id, form.cleaned_data["slot"]
    done = acted_on(request, lambda row: booking.rebook(consultation=row, id=id, slot=slot), page)
    if isinstance(done, HttpResponse):
        return done
    to_page = redirect("consultations:manage", firm, manage_token(done))
    return _said(request, done, "新しい日時でご予約が確定しました。確認のメールをお送りします。", to_page)


def _to_be_replaced(request: HttpRequest, token: str, row: Consultation) -> bool:
    shown = managed(row, visit_of(request).firm.slug, token)
    return row.cancelled_by_firm and not shown.replaced_url


@access(VISITOR, link=MANAGE)
@never_cache
@require_safe
@by_link
def again(request: HttpRequest, firm: str, token: str) -> HttpResponse:
    """To the booking form, which knows by the link what was typed once."""
    with the_row(request):
        return redirect(f"{reverse('consultations:book', args=[firm])}?again={token}")


# ── Not coming ──


@access(VISITOR, link=MANAGE, limits=POSTS, own_transactions=True)
@never_cache
@require_http_methods(METHODS)
@by_link
def cancel(request: HttpRequest, firm: str, token: str) -> HttpResponse:
    """Asked first, with what becomes of the month's place; then the booking is given back."""

    def page(row: Consultation, said: Said | None = None) -> HttpResponse:
        comes = row.is_live and row.state != State.OFFERED and row.starts_at > clock.now()
        if not comes or said is not None:
            return _page(request, token, row, said)
        return render(request, "consultations/cancel.html", _context(request, token, row))

    if request.method != "POST":
        with the_row(request) as row:
            return page(row)
    done = acted_on(request, lambda row: booking.cancel(consultation=row), page)
    to_page = redirect("consultations:manage", firm, token)
    return _said(request, done, "ご予約を取り消しました。", to_page)


# ── An offer ──


@access(VISITOR, link=MANAGE, limits=POSTS, own_transactions=True)
@never_cache
@require_http_methods(METHODS)
@by_link
def answer(request: HttpRequest, firm: str, token: str) -> HttpResponse:
    """Yes, at the offered time or another one of the month; or not this time. Opened: the other times."""

    def page(row: Consultation, said: Said | None = None) -> HttpResponse:
        if row.state != State.OFFERED or row.has_lapsed:
            return _page(request, token, row, said)
        return _choose(request, "consultations/answer.html", token, row, [row.month], said)

    if request.method != "POST":
        with the_row(request) as row:
            return page(row)
    form = AnswerForm(request.POST)
    if not form.is_valid():
        with the_row(request) as row:
            return answered(page(row, NOT_CHOSEN), NOT_CHOSEN)
    to_page = redirect("consultations:manage", firm, token)
    done = acted_on(request, lambda row: _answered(row, form), page)
    return _said(request, done, _ANSWERED[form.cleaned_data["answer"]], to_page)


_ANSWERED = {
    AnswerForm.ACCEPT: "ご予約が確定しました。確認のメールをお送りします。",
    AnswerForm.OTHER: "ご予約が確定しました。確認のメールをお送りします。",
    AnswerForm.KEEP: "今回は見送りました。次に空きが出たら、またご案内します。",
    AnswerForm.LEAVE: "今回は見送り、キャンセル待ちをやめました。",
}


def _answered(row: Consultation, form: AnswerForm) -> Consultation:
    """Raises what the actions raise; and Lapsed where another window has answered otherwise."""
    said = form.cleaned_data["answer"]
    if said in (AnswerForm.ACCEPT, AnswerForm.OTHER):
        slot = form.cleaned_data["slot"] if said == AnswerForm.OTHER else None
        if slot and row.state == State.CONFIRMED and slot.starts != row.starts_at:
            raise Lapsed
        return booking.confirm(consultation=row, slot=slot)
    keep = said == AnswerForm.KEEP
    waits = row.entry is not None and row.entry.state == WaitlistEntry.State.WAITING
    if row.state == State.CANCELLED and waits != keep:
        raise Lapsed
    return waiting.decline(consultation=row, keep=keep)


# ── More to say ──


@access(VISITOR, link=MANAGE, limits=POSTS, own_transactions=True)
@never_cache
@require_http_methods(METHODS)
@by_link
def details(request: HttpRequest, firm: str, token: str) -> HttpResponse:
    """A telephone, how to talk, more to say, the diagnosis taken before. `?diagnosis=` brings its token along."""
    with the_row(request) as row:
        if not row.is_live:
            return _page(request, token, row)
        form = _more_form(request, row)
        if not form.is_valid():
            return _details(request, token, row, form)

    def refused(row: Consultation, said: Said) -> HttpResponse:
        return _details(request, token, row, form, said) if row.is_live else _page(request, token, row, said)

    values = form.values()
    done = acted_on(request, lambda row: booking.add_details(consultation=row, values=values), refused)
    to_page = redirect("consultations:manage", firm, token)
    return _said(request, done, "ご要望を保存しました。", to_page)


def _more_form(request: HttpRequest, row: Consultation) -> MoreForm:
    if request.method == "POST":
        return MoreForm(request.POST)
    known = {"phone": row.phone, "by_phone": row.by_phone, "topic": row.topic}
    return MoreForm(initial={**known, "result": request.GET.get("diagnosis", "")})


def _details(
    request: HttpRequest, token: str, row: Consultation, form: MoreForm, said: Said | None = None
) -> HttpResponse:
    context = _context(request, token, row) | {"form": form, "said": said}
    status = 422 if form.errors else 200
    return render(request, "consultations/details.html", context, status=status)


@access(VISITOR, link=MANAGE)
@never_cache
@require_safe
@by_link
def event(request: HttpRequest, firm: str, token: str) -> HttpResponse:
    """The session for a calendar; one that was cancelled takes itself out of it again."""
    with the_row(request) as row:
        if row.confirmed_at is None:
            raise Http404
        text = file_text(mails.event_of(row, cancelled=row.state in ENDED))
    response = HttpResponse(text, content_type="text/calendar; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="soudan.ics"'
    return response
