"""準備シート: one session as the firm sees it, and all that is done on it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from consultations import choosing, labels
from consultations.actions import booking
from consultations.actions import firm as acts
from consultations.actions.refusals import AlreadyThisMonth, Full, Lapsed, Refused, TimeTaken, TooLate
from consultations.forms_firm import (
    ActionForm,
    CancelForm,
    CompanyOfForm,
    MarkForm,
    MoveForm,
    NoteForm,
    SummaryForm,
    WhereForm,
)
from consultations.models import Consultation, NextAction, SessionNote
from consultations.office import in_the_office
from consultations.preparation import preparation_of
from consultations.slots import Slot
from consultations.states import ENDED, FIRM, WAITING, NotFromHere, State
from consultations.views.shared import actor_of, session_of
from tenancy import clock
from tenancy.locks import CompanyGone
from tenancy.middleware import visit_of
from tenancy.models import Company
from tenancy.permissions import access
from tenancy.scope import current_scope
from tenancy.views.shared import company_of, says_when_busy

SIMILAR = 20
MOVED_ON = "この予約は、画面を開いたあとで状態が変わりました。いまの内容をご確認ください。"
NOTHING_TO_SEND = "まとめがまだ書かれていません。保存してから、お送りください。"
NOBODY_TO_SEND_TO = "お客様のメールアドレスが削除されているため、まとめをお送りできません。"
ALREADY_SENT = (
    "このまとめは、すでにお送りしています。"
    "次の一歩など、あとから加えたものも、お送りしたリンクからお読みいただけます。"
)
ANYWAY = ("GET", "HEAD", "POST")


@access("consultations.read")
@never_cache
@require_safe
def detail(request: HttpRequest, firm: str, consultation: UUID) -> HttpResponse:
    """The sheet."""
    return _sheet(request, session_of(consultation))


# ── What was said ──


@access("consultations.edit")
@require_http_methods(ANYWAY)
def note(request: HttpRequest, firm: str, consultation: UUID) -> HttpResponse:
    """The firm's own note. 409 with both texts when somebody else saved meanwhile. Reloaded, it is the page with the
    form."""
    return _write(request, session_of(consultation), NoteForm, "note", "社内メモを保存しました。")


@access("consultations.edit")
@says_when_busy
@require_http_methods(ANYWAY)
def summary(request: HttpRequest, firm: str, consultation: UUID) -> HttpResponse:
    """Save the summary; GET asks whether to send it to the address that it shows, `do=send` sends it."""
    shown = session_of(consultation)
    if request.method != "POST":
        return _sure_to_send(request, shown)
    if request.POST.get("do") == "send":
        return _send(request, shown)
    done = "まとめを保存しました。お客様には、メールでお送りするまで見えません。"
    if shown.summary_sent_at:
        done = "まとめを保存しました。お送りしたリンクの内容も新しくなっています。"
    return _write(request, shown, SummaryForm, "summary", done)


def _write(
    request: HttpRequest, shown: Consultation, kind: type[NoteForm], part: str, done: str
) -> HttpResponse:
    if request.method != "POST":
        return _to_sheet(request, shown, part)
    form = kind.sent(request.POST)
    if not form.is_valid():
        return _sheet(request, shown, 422, **{f"{part}_form": form})
    try:
        with in_the_office():
            acts.write_note(
                consultation=shown,
                text=form.cleaned_data["text"],
                is_summary=part == "summary",
                actor=actor_of(request),
                seen=form.seen_at,
            )
    except acts.NoteMoved as moved:
        kept = kind.of(moved.newest, text=form.cleaned_data["text"])
        return _sheet(request, shown, 409, moved=moved.newest, **{f"{part}_form": kept})
    messages.success(request, done)
    return _to_sheet(request, shown)


def _sure_to_send(request: HttpRequest, shown: Consultation) -> HttpResponse:
    with in_the_office():
        written = SessionNote.objects.filter(consultation=shown, is_summary=True).exclude(text="").first()
        agreed = list(NextAction.objects.filter(consultation=shown).order_by("created_at"))
    if written is None or not shown.email:
        messages.warning(request, NOTHING_TO_SEND if shown.email else NOBODY_TO_SEND_TO)
        return _to_sheet(request, shown, "summary")
    if not _can_send(shown):
        return _to_sheet(request, shown, "summary")
    context = {"session": shown, "summary": written, "actions": agreed}
    return render(
        request, "consultations/firm_send.html", context | {"crumbs": _crumbs(request, shown, "まとめを送る")}
    )


def _can_send(shown: Consultation) -> bool:
    """The mail thanks for the time: it has begun, and was not given back."""
    return shown.starts_at <= clock.now() and shown.state not in ENDED


def _send(request: HttpRequest, shown: Consultation) -> HttpResponse:
    try:
        sent = acts.send_summary(consultation=shown, actor=actor_of(request))
    except acts.Empty:
        messages.warning(request, NOTHING_TO_SEND if shown.email else NOBODY_TO_SEND_TO)
        return _to_sheet(request, shown, "summary")
    except acts.TooEarly:
        messages.warning(request, "まとめは、相談が始まってからお送りいただけます。")
        return _to_sheet(request, shown, "summary")
    if sent.summary_sent_at == shown.summary_sent_at:
        messages.info(request, ALREADY_SENT)
    else:
        messages.success(request, f"{shown.email} へ、まとめのリンクをお送りします。")
    return _to_sheet(request, shown)


@access("consultations.edit")
@require_http_methods(ANYWAY)
def action_add(request: HttpRequest, firm: str, consultation: UUID) -> HttpResponse:
    """Something agreed. Reloaded, it is the page with the form."""
    shown = session_of(consultation)
    if request.method != "POST":
        return _to_sheet(request, shown, "agreed")
    form = ActionForm(request.POST)
    if not form.is_valid():
        return _sheet(request, shown, 422, action_form=form)
    with in_the_office():
        acts.agree(consultation=shown, actor=actor_of(request), **form.cleaned_data)
    messages.success(request, "次の一歩を加えました。")
    return _to_sheet(request, shown)


@access("consultations.edit")
@require_POST
def action_tick(request: HttpRequest, firm: str, consultation: UUID, action: UUID) -> HttpResponse:
    """Done, or not yet after all."""
    shown = session_of(consultation)
    with in_the_office():
        row = get_object_or_404(NextAction, pk=action, consultation=shown)
        acts.tick(action=row, done=request.POST.get("done") == "yes", actor=actor_of(request))
    return _to_sheet(request, shown, "agreed")


# ── What becomes of it ──


@access("consultations.edit")
@says_when_busy
@require_http_methods(ANYWAY)
def mark(request: HttpRequest, firm: str, consultation: UUID) -> HttpResponse:
    """It was held, or nobody came; what waits for an answer is confirmed on the telephone. Too early is a 422."""
    shown, form = session_of(consultation), MarkForm(request.POST)
    if request.method != "POST" or not form.is_valid():
        return _to_sheet(request, shown, "result")
    after = State(form.cleaned_data["after"])
    try:
        if after == State.CONFIRMED:
            booking.confirm(consultation=shown, by=FIRM)
        else:
            acts.mark(consultation=shown, after=after, actor=actor_of(request))
    except acts.TooEarly:
        words = "まだ始まっていない相談です。開始の時刻を過ぎてから、結果を記録してください。"
        return _sheet(request, shown, 422, problem=words)
    except (NotFromHere, Lapsed):
        return _sheet(request, session_of(consultation), 409, problem=MOVED_ON)
    messages.success(request, f"「{after.label}」として記録しました。")
    return _to_sheet(request, shown)


@access("consultations.edit")
@says_when_busy
@require_http_methods(ANYWAY)
def where(request: HttpRequest, firm: str, consultation: UUID) -> HttpResponse:
    """How to take part in this session. Reloaded, it is the page with the form."""
    shown = session_of(consultation)
    if request.method != "POST":
        return _to_sheet(request, shown, "where")
    form = WhereForm(request.POST)
    if not form.is_valid():
        return _sheet(request, shown, 422, where_form=form)
    url, phone = form.cleaned_data["meeting_url"], form.cleaned_data["meeting_phone"]
    said = acts.say_where(consultation=shown, url=url, phone=phone, actor=actor_of(request))
    told = _is_to_come(said) and said.sequence != shown.sequence
    messages.success(
        request, "参加方法を保存しました。" + ("お客様へメールでお知らせします。" if told else "")
    )
    return _to_sheet(request, shown)


@access("consultations.edit")
@never_cache
@says_when_busy
@require_http_methods(ANYWAY)
def move(request: HttpRequest, firm: str, consultation: UUID) -> HttpResponse:
    """Another free time, of whatever consultant."""
    shown = session_of(consultation)
    if not _is_to_come(shown):
        return _to_sheet(request, shown)
    if request.method != "POST":
        return _times(request, shown, MoveForm())
    form = MoveForm(request.POST)
    if not form.is_valid():
        return _times(request, shown, form, 422)
    try:
        with in_the_office():
            moved = booking.change(consultation=shown, slot=form.cleaned_data["slot"], by=FIRM)
    except Refused as refused:
        form.add_error("slot", _why_not(refused))
        return _times(request, shown, form, 409)
    if moved.sequence == shown.sequence:
        messages.info(request, "いまと同じ日時です。変更はありません。")
    else:
        when = labels.moment_label(moved.starts_at)
        messages.success(request, f"日時を{when}に変えました。お客様へメールでお知らせします。")
    return _to_sheet(request, shown)


def _is_to_come(shown: Consultation) -> bool:
    return bool(shown.state == State.CONFIRMED and shown.starts_at > clock.now())


def _why_not(refused: Refused) -> str:
    match refused:
        case Full():
            return f"{labels.month_label(refused.month)}は満席です。ほかの月の日時をお選びください。"
        case TimeTaken():
            return "その日時は、たったいま埋まりました。ほかの日時をお選びください。"
        case AlreadyThisMonth():
            return "この会社には、その月のご予約がすでにあります。"
        case TooLate():
            return "すでに始まっている相談の日時は変えられません。"
        case _:
            return MOVED_ON


def _times(request: HttpRequest, shown: Consultation, form: MoveForm, status: int = 200) -> HttpResponse:
    views = choosing.open_views()
    wanted = choosing.months_to_move_to(shown, views)
    chosen = Slot.read(request.POST.get("slot", ""))
    context = {
        "session": shown,
        "form": form,
        "choice": choosing.choice(wanted, request.GET, chosen=chosen, but=shown),
        "full": [labels.month_label(each.month) for each in views if each.month not in wanted],
        "crumbs": _crumbs(request, shown, "日時を変える"),
    }
    return render(request, "consultations/firm_move.html", context, status=status)


@access("consultations.edit")
@never_cache
@says_when_busy
@require_http_methods(ANYWAY)
def cancel(request: HttpRequest, firm: str, consultation: UUID) -> HttpResponse:
    """The client does not come, or the firm cannot hold it: two kinds, each with what follows from it."""
    shown = session_of(consultation)
    if shown.state not in (State.HELD, State.CONFIRMED) or shown.has_lapsed:
        return _to_sheet(request, shown)
    if request.method != "POST":
        return _sure_to_cancel(request, shown, CancelForm())
    form = CancelForm(request.POST)
    if not form.is_valid():
        return _sure_to_cancel(request, shown, form, 422)
    given = form.cleaned_data
    by_firm = given["whose"] == CancelForm.FIRM
    try:
        if by_firm:
            booking.put_off(consultation=shown, reason=given["reason"], actor=actor_of(request))
        else:
            booking.cancel(consultation=shown, by=FIRM, reason=given["reason"])
    except (NotFromHere, Refused):
        return _sheet(request, session_of(consultation), 409, problem=MOVED_ON)
    told = (
        "取り消し、振替のご案内をお送りします。"
        if by_firm
        else "お客様のご都合による取り消しを記録しました。"
    )
    messages.success(request, told)
    return _to_sheet(request, shown)


def _sure_to_cancel(
    request: HttpRequest, shown: Consultation, form: CancelForm, status: int = 200
) -> HttpResponse:
    context = {
        "session": shown,
        "form": form,
        "whose": form["whose"].value(),
        "is_late": shown.state == State.CONFIRMED and clock.now() > shown.free_until,
        "deadline": labels.change_deadline_label(shown),
        "crumbs": _crumbs(request, shown, "予約を取り消す"),
    }
    return render(request, "consultations/firm_cancel.html", context, status=status)


# ── Whose company it is ──


@access("consultations.edit")
@says_when_busy
@require_http_methods(ANYWAY)
def take_over(request: HttpRequest, firm: str, consultation: UUID) -> HttpResponse:
    """支援先企業として登録: one of the similar companies, or a new one. What hangs on the session goes along."""
    shown = session_of(consultation)
    if shown.company_id is not None:
        return _to_sheet(request, shown)
    if request.method != "POST":
        known = {"name": shown.company_name, "representative": shown.contact_name}
        return _which_company(request, shown, CompanyOfForm(initial=known), shown.company_name)
    form = CompanyOfForm(request.POST)
    compared = request.POST.get("compared", "") or shown.company_name
    if not form.is_valid():
        return _which_company(request, shown, form, compared, 422)
    name = form.cleaned_data["name"]
    if form.is_new and name != compared and _similar(name):
        return _which_company(request, shown, form, name)
    try:
        taken = _take(request, shown, form)
    except CompanyGone:
        form.add_error("company", "この企業は、ほかの企業に統合されたか、削除されました。")
        return _which_company(request, shown, form, compared, 409)
    messages.success(request, f"「{taken}」に結び付けました。")
    return _to_sheet(request, shown)


def _take(request: HttpRequest, shown: Consultation, form: CompanyOfForm) -> Company:
    """Who sees assigned companies only is in charge of the new one: otherwise it would be gone from their sight."""
    actor, values = actor_of(request), form.values()
    chosen = None if form.is_new else company_of(int(form.cleaned_data["company"]))
    if not current_scope().sees_whole_firm:
        values["consultant"] = actor
    return acts.take_over_company(consultation=shown, company=chosen, values=values, actor=actor)


def _similar(name: str) -> list[Company]:
    return list(Company.objects.perhaps_the_same(name=name)[:SIMILAR])


def _which_company(
    request: HttpRequest, shown: Consultation, form: CompanyOfForm, name: str, status: int = 200
) -> HttpResponse:
    context = {
        "session": shown,
        "form": form,
        "similar": _similar(name),
        "compared": name,
        "crumbs": _crumbs(request, shown, "支援先企業として登録する"),
    }
    return render(request, "consultations/firm_take_over.html", context, status=status)


# ── What the pages are made of ──


def _to_sheet(request: HttpRequest, shown: Consultation, part: str = "") -> HttpResponseRedirect:
    url = reverse("consultations:detail", args=[visit_of(request).firm.slug, shown.pk])
    return HttpResponseRedirect(f"{url}#{part}" if part else url)


def _sheet(request: HttpRequest, shown: Consultation, status: int = 200, **changed: Any) -> HttpResponse:
    """The sheet, with what was typed still in it."""
    sheet = preparation_of(shown)
    has_begun = shown.starts_at <= clock.now()
    context = {
        "session": shown,
        "sheet": sheet,
        "duration": labels.duration_label(shown),
        "crumbs": _crumbs(request, shown),
        "where_form": WhereForm(
            initial={"meeting_url": shown.meeting_url, "meeting_phone": shown.meeting_phone}
        ),
        "note_form": NoteForm.of(sheet.note),
        "summary_form": SummaryForm.of(sheet.summary),
        "action_form": ActionForm(),
        "can_move": _is_to_come(shown),
        "can_cancel": shown.state in (State.HELD, State.CONFIRMED) and not shown.has_lapsed,
        "can_confirm": shown.state in WAITING and not shown.has_lapsed,
        "can_mark": has_begun and shown.state in (State.CONFIRMED, State.COMPLETED, State.NO_SHOW),
        "can_send": _can_send(shown),
        "can_say_where": shown.is_live and shown.ends_at > clock.now(),
        "is_over": shown.state in (State.CANCELLED, State.CANCELLED_LATE, State.EXPIRED) or shown.has_lapsed,
    }
    return render(request, "consultations/firm_detail.html", context | changed, status=status)


@dataclass(frozen=True)
class Crumb:
    """A step of components/crumbs.html; the last one has no address."""

    label: str
    url: str = ""


def _crumbs(request: HttpRequest, shown: Consultation, *here: str) -> list[Crumb]:
    slug = visit_of(request).firm.slug
    its = reverse("consultations:detail", args=[slug, shown.pk]) if here else ""
    return [
        Crumb("相談の予約", f"{reverse('consultations:list', args=[slug])}?month={shown.month:%Y-%m}"),
        Crumb(shown.company_name, its),
        *(Crumb(label) for label in here),
    ]
