"""The visitor's way through the 簡易診断: start, eight pages, go on elsewhere, who you are.

No account and no session: the signed token in the address is the capability. Every page works without JavaScript.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps
from uuid import uuid4

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from diagnosis import codes
from diagnosis.actions import (
    AlreadySubmitted,
    Incomplete,
    Respondent,
    mail_resume_link,
    make_resume_code,
    save_answers,
    start_diagnosis,
    submit_diagnosis,
)
from diagnosis.addresses import ANSWERS, answers_token, answers_url, code_url, result_token
from diagnosis.calc import Page, missing_by_page, pages
from diagnosis.forms import INDUSTRIES, CodeForm, MailForm, PageForm, StartForm, WhoForm, rows_of
from diagnosis.models import KEPT, Diagnosis, ResumeCode
from diagnosis.progress import progress_of
from diagnosis.qr import qr_picture
from diagnosis.questionnaire import current, load
from tenancy import clock
from tenancy.limits import give_back, within
from tenancy.links import make_token, read_token
from tenancy.middleware import visit_of
from tenancy.models import PrivacyNotice
from tenancy.permissions import VISITOR, Limit, access
from tenancy.scope import current_scope, open_scope

SEED = "diagnosis.start"
STARTS = (
    Limit("diagnosis.start.tries", 60, 3600),
    Limit("diagnosis.start.address", 5, 3600, only_made=True),
    Limit("diagnosis.start.firm", 200, 86_400, per="firm", only_made=True),
)
CODE_TRIES = (Limit("diagnosis.code", 10, 3600),)
RESUME_MAILS = (Limit("diagnosis.resume.mail", 10, 3600),)
RESUME_CODES = (Limit("diagnosis.resume.code", 20, 3600),)
# Counted by diagnosis: whoever holds a link may only ever have so much written.
MAIL_PAUSE = Limit("diagnosis.mail.pause", 1, 60)
MAILS_A_DAY = Limit("diagnosis.mail.day", 5, 86_400)
PAUSE = "さきほどお送りしました。1分ほどたってから、もう一度お試しください。"
ENOUGH = "今日お送りできる回数に達しました。リンクを控えておくか、明日もう一度お試しください。"

NOTHING_SENT: Mapping[str, tuple[str, ...]] = {}

View = Callable[..., HttpResponse]


# ── Start ──


@access(VISITOR, limits=STARTS)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest, firm: str) -> HttpResponse:
    """What the 簡易診断 is, and the button that begins it. `?from=` leads back to answers already begun."""
    form = StartForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        asked_at, diagnosis = clock.now(), _begin(form.cleaned_data["seed"])
        response = redirect("diagnosis:page", firm, answers_token(diagnosis), 1)
        if diagnosis.started_at < asked_at:  # by the first of two clicks: it counts once
            response.headers["Idempotency-Replayed"] = "true"
        return response
    came_from = request.GET.get("from", "")
    context = {
        "form": form,
        "seed": make_token(SEED, uuid4(), 1),
        "code_form": CodeForm(),
        "questionnaire": current(),
        "count": len(current().questions),
        "pages": pages(current()),
        "back": came_from if came_from and read_token(ANSWERS, came_from) else "",
    }
    return render(request, "diagnosis/start.html", context, status=422 if form.is_bound else 200)


def _begin(seed: str) -> Diagnosis:
    """The seed is signed: nobody names an id of their own. Pressed again after submitting, it begins another one."""
    link = read_token(SEED, seed)
    try:
        diagnosis = start_diagnosis(id=link.id if link else None)
    except Diagnosis.DoesNotExist:  # the seed began one at another firm
        return start_diagnosis()
    return diagnosis if diagnosis.state == Diagnosis.State.OPEN else start_diagnosis()


@access(VISITOR, limits=CODE_TRIES)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest, firm: str) -> HttpResponse:
    """Type the short code from another device and go on."""
    form = CodeForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        if token := _token_of(form.cleaned_data["code"]):
            return redirect("diagnosis:answers", firm, token)
        form.add_error(
            "code", "このコードは使えません。入力をご確認ください。コードは24時間で使えなくなります。"
        )
    status = 422 if form.is_bound else 200
    return render(request, "diagnosis/code.html", {"form": form}, status=status)


def _token_of(typed: str) -> str | None:
    """A new answers token for the diagnosis that a valid code stands for."""
    scope = current_scope()
    issued = ResumeCode.objects.typed(scope.firm_id or 0, typed)
    if issued is None:
        return None
    with open_scope(replace(scope, link=issued.diagnosis_id)):
        return answers_token(Diagnosis.objects.get(pk=issued.diagnosis_id))


# ── Answering ──


def answering(view: View) -> View:
    """Give the view the open diagnosis of its link; a submitted one leads to its result, a dead link says so."""

    @wraps(view)
    def wrapped(request: HttpRequest, firm: str, token: str, **kwargs: object) -> HttpResponse:
        diagnosis = Diagnosis.objects.opened_by(visit_of(request).link)
        if diagnosis is None:
            return gone(request)
        if diagnosis.state == Diagnosis.State.SUBMITTED:
            return to_result(request, diagnosis)
        try:
            return view(request, firm, token, diagnosis, **kwargs)
        except AlreadySubmitted:  # from another window, a moment ago
            return to_result(request, diagnosis)

    return wrapped


def gone(request: HttpRequest) -> HttpResponse:
    """The same answer for a link that was altered, has expired, was revoked, or never was."""
    return render(request, "410.html", status=410)


def to_result(request: HttpRequest, diagnosis: Diagnosis) -> HttpResponse:
    """On to the result, for a browser as for htmx; from a 代理入力 to the firm's own page of it.

    That page checks for itself who may read: here everybody is a visitor, whoever is signed in.
    """
    slug = diagnosis.firm.slug
    if diagnosis.origin == Diagnosis.Origin.ON_BEHALF and request.user.is_authenticated:
        response = redirect("diagnosis:detail", slug, diagnosis.pk)
    else:
        token = result_token(diagnosis, since=diagnosis.submitted_at)
        response = redirect("diagnosis:result", slug, token)
    htmx: HtmxDetails = request.htmx  # type: ignore[attr-defined]
    return HttpResponseClientRedirect(response.url) if htmx else response


@access(VISITOR, link=ANSWERS)
@require_safe
@answering
def answers(request: HttpRequest, firm: str, token: str, diagnosis: Diagnosis) -> HttpResponse:
    """Where a link, a code or a QR code leads: the first page with something left, or the last step."""
    progress = progress_of(diagnosis)
    if progress.first_open is None:
        return redirect("diagnosis:who", firm, token)
    return redirect("diagnosis:page", firm, token, progress.first_open)


@access(VISITOR, link=ANSWERS)
@require_http_methods(["GET", "HEAD", "POST"])
@answering
def page(request: HttpRequest, firm: str, token: str, diagnosis: Diagnosis, number: int) -> HttpResponse:
    """One of the eight pages. Whatever button sent it, what was given is kept before anything is said about it."""
    shown = _page(diagnosis, number)
    if request.method != "POST":
        return _render_page(request, token, diagnosis, shown, {})
    form = PageForm(shown, request.POST)
    kept = _keep(form, diagnosis)
    go = request.POST.get("go", "next")
    missing = missing_by_page(load(kept.questionnaire_version), kept.answers, kept.facts)[shown.key]
    errors = ({id: form.said_when_missing(id) for id in missing} if go == "next" else {}) | form.wrong
    if errors:
        return _render_page(request, token, kept, shown, errors, sent=form.sent_where_wrong, status=422)
    return _onward(firm, token, shown, go)


def _keep(form: PageForm, diagnosis: Diagnosis) -> Diagnosis:
    """Save what is valid, whatever else is not."""
    form.is_valid()
    return save_answers(diagnosis=diagnosis, answers=form.answers, facts=form.facts, cleared=form.cleared)


def _onward(firm: str, token: str, shown: Page, go: str) -> HttpResponse:
    number = shown.number - 1 if go == "back" else shown.number + 1
    if number < 1:
        return redirect(f"{reverse('diagnosis:start', args=[firm])}?from={token}")
    if number > shown.of:
        return redirect("diagnosis:who", firm, token)
    return redirect("diagnosis:page", firm, token, number)


def _page(diagnosis: Diagnosis, number: int) -> Page:
    all_pages = pages(load(diagnosis.questionnaire_version))
    if not 1 <= number <= len(all_pages):
        raise Http404
    return all_pages[number - 1]


def _render_page(
    request: HttpRequest,
    token: str,
    diagnosis: Diagnosis,
    shown: Page,
    errors: Mapping[str, str],
    *,
    sent: Mapping[str, tuple[str, ...]] = NOTHING_SENT,
    status: int = 200,
) -> HttpResponse:
    context = {
        "token": token,
        "page": shown,
        "rows": rows_of(shown, diagnosis, errors, sent),
        "general_error": errors.get("", ""),
        "has_errors": bool(errors),
        "progress": progress_of(diagnosis, current=shown.number),
        "title": load(diagnosis.questionnaire_version).title,
        "diagnosis": diagnosis,
    }
    return render(request, "diagnosis/page.html", context, status=status)


@access(VISITOR, link=ANSWERS)
@require_POST
@answering
def save(request: HttpRequest, firm: str, token: str, diagnosis: Diagnosis, number: int) -> HttpResponse:
    """One choice, sent as it is made. Answers with the sentence that says how far it is kept."""
    form = PageForm(_page(diagnosis, number), request.POST)
    kept = _keep(form, diagnosis)
    wrong = next(iter(form.wrong.values()), "")
    context = {"progress": progress_of(kept), "error": wrong}
    return render(request, "diagnosis/_saved.html", context, status=422 if wrong else 200)


# ── Going on elsewhere ──


@access(VISITOR, link=ANSWERS)
@require_safe
@answering
def resume(request: HttpRequest, firm: str, token: str, diagnosis: Diagnosis) -> HttpResponse:
    """How to go on later or on another device: a mail, a short code, a QR code, the address itself."""
    return _render_resume(request, token, diagnosis)


@access(VISITOR, link=ANSWERS, limits=RESUME_MAILS)
@require_http_methods(["GET", "HEAD", "POST"])
@answering
def resume_mail(request: HttpRequest, firm: str, token: str, diagnosis: Diagnosis) -> HttpResponse:
    """Send the link to go on; then what to do when it does not arrive. Reloaded, it is the page with the form."""
    if request.method != "POST":
        return redirect("diagnosis:resume", firm, token)
    form = MailForm(request.POST)
    if not may_send(form, diagnosis):
        return _render_resume(request, token, diagnosis, form=form, status=422)
    email = form.cleaned_data["email"]
    mail_resume_link(diagnosis=diagnosis, token=token, email=email)
    return _render_resume(request, token, diagnosis, form=form, sent_to=email)


def may_send(form: MailForm, diagnosis: Diagnosis) -> bool:
    """Whether the form is valid and a mail may go to its address now: after a minute, five a day for each diagnosis.

    Else the form says what to do. Counts one where it may.
    """
    if not form.is_valid():
        return False
    if not within(MAILS_A_DAY, str(diagnosis.pk)):
        form.add_error("email", ENOUGH)
    elif not within(MAIL_PAUSE, f"{diagnosis.pk}:{form.cleaned_data['email']}"):
        give_back(MAILS_A_DAY, str(diagnosis.pk))
        form.add_error("email", PAUSE)
    return form.is_valid()


@access(VISITOR, link=ANSWERS, limits=RESUME_CODES)
@require_http_methods(["GET", "HEAD", "POST"])
@answering
def resume_code(request: HttpRequest, firm: str, token: str, diagnosis: Diagnosis) -> HttpResponse:
    """Make a short code and show it once: only its hash is kept. Reloaded, it is the page with the button."""
    if request.method != "POST":
        return redirect("diagnosis:resume", firm, token)
    made = codes.spaced(make_resume_code(diagnosis=diagnosis))
    return _render_resume(request, token, diagnosis, code=made)


def _render_resume(
    request: HttpRequest,
    token: str,
    diagnosis: Diagnosis,
    *,
    form: MailForm | None = None,
    sent_to: str = "",
    code: str = "",
    status: int = 200,
) -> HttpResponse:
    url = answers_url(diagnosis.firm.slug, token)
    context = {
        "token": token,
        "form": form or MailForm(initial={"email": diagnosis.email}),
        "sent_to": sent_to,
        "sender": settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip(">"),
        "code": code,
        "code_url": code_url(diagnosis.firm.slug),
        "resume_url": url,
        "qr": qr_picture(url),
        "progress": progress_of(diagnosis),
        "kept_until": diagnosis.started_at + KEPT,
        "title": load(diagnosis.questionnaire_version).title,
    }
    return render(request, "diagnosis/resume.html", context, status=status)


# ── Who you are ──


@access(VISITOR, link=ANSWERS)
@require_http_methods(["GET", "HEAD", "POST"])
@answering
def who(request: HttpRequest, firm: str, token: str, diagnosis: Diagnosis) -> HttpResponse:
    """Asked only at the end. Submitting twice, from two windows or with two clicks, submits once."""
    notice = PrivacyNotice.objects.first()
    form = _who_form(request, diagnosis, notice)
    if form.is_bound and form.is_valid():
        try:
            submitted = submit_diagnosis(diagnosis=diagnosis, respondent=_respondent(form))
        except Incomplete:
            return _render_who(request, token, diagnosis, form, notice, status=422)
        return to_result(request, submitted)
    return _render_who(request, token, diagnosis, form, notice, status=422 if form.is_bound else 200)


def _who_form(request: HttpRequest, diagnosis: Diagnosis, notice: PrivacyNotice | None) -> WhoForm:
    version = notice.version if notice else 0
    known = {name: getattr(diagnosis, name) for name in ("company_name", "contact_name", "email", "industry")}
    return WhoForm(
        request.POST if request.method == "POST" else None,
        present_version=version,
        on_behalf=diagnosis.origin == Diagnosis.Origin.ON_BEHALF,
        initial={**known, "employees": diagnosis.employees, "privacy_version": version},
    )


def _respondent(form: WhoForm) -> Respondent:
    given = form.cleaned_data
    return Respondent(
        company_name=given["company_name"],
        contact_name=given["contact_name"],
        email=given["email"],
        industry=given["industry"],
        employees=given["employees"],
        privacy_version=given["privacy_version"],
    )


def _render_who(
    request: HttpRequest,
    token: str,
    diagnosis: Diagnosis,
    form: WhoForm,
    notice: PrivacyNotice | None,
    *,
    status: int,
) -> HttpResponse:
    context = {
        "token": token,
        "form": form,
        "notice": notice,
        "industries": INDUSTRIES,
        "progress": progress_of(diagnosis),
        "title": load(diagnosis.questionnaire_version).title,
        "diagnosis": diagnosis,
    }
    return render(request, "diagnosis/who.html", context, status=status)
