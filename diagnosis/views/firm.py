"""What consultants see of the diagnoses: the list, one of them with all its doors, two side by side, a company's."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from diagnosis.actions.firm import (
    CommentMoved,
    NotThisCompany,
    PerhapsTheSame,
    invite,
    mark_seen,
    revoke_link,
    send_invitation,
    send_result,
    start_on_behalf,
    take_over_company,
    write_comment,
)
from diagnosis.actions.report import REPORT, report_version, request_report
from diagnosis.actions.visitor import KEPT
from diagnosis.addresses import answers_token, answers_url, result_token, result_url, valid_until
from diagnosis.forms_firm import (
    CommentForm,
    CompareForm,
    InvitationForm,
    InviteForm,
    ListForm,
    OnceForm,
    RevokeForm,
    SendForm,
    TakeOverForm,
)
from diagnosis.history import history_of
from diagnosis.models import Comment, Diagnosis, DiagnosisQuerySet
from diagnosis.outcome import answers_of, outcome_of
from diagnosis.questionnaire import load
from diagnosis.screens import with_screens
from diagnosis.side_by_side import side_by_side
from reports.models import Bar, Job
from tenancy.extensions import company_tabs
from tenancy.middleware import visit_of
from tenancy.models import Company, Membership
from tenancy.permissions import access

ROWS = 50


# ── The list ──


@access("diagnoses.read")
@require_safe
def list_(request: HttpRequest, firm: str) -> HttpResponse:
    """All submitted diagnoses, newest first, 50 a page. The same queries for any number of them."""
    form = ListForm(request.GET)
    rows = form.narrow(Diagnosis.objects.submitted()).as_rows()
    return render(request, "diagnosis/firm_list.html", {"form": form, "page_obj": _page(request, rows)})


# ── One diagnosis ──


@access("diagnoses.read")
@require_safe
def detail(request: HttpRequest, firm: str, diagnosis: UUID) -> HttpResponse:
    """One diagnosis: result, answers, comment, report, link, history. Notes the first look."""
    shown = _diagnosis(diagnosis)
    mark_seen(diagnosis=shown, actor=_actor(request))
    return render(request, "diagnosis/firm_detail.html", _detail(request, shown))


@access("diagnoses.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def comment(request: HttpRequest, firm: str, diagnosis: UUID) -> HttpResponse:
    """Save the comment. 409 with both texts when somebody else saved meanwhile, 422 when it is too long.

    Reloaded, it is the page with the form.
    """
    shown, form = _diagnosis(diagnosis), CommentForm(request.POST)
    if request.method != "POST":
        return _to_detail(firm, shown, "comment")
    if not form.is_valid():
        return _again(request, shown, 422, comment_form=form)
    text, based_on = form.cleaned_data["text"], form.cleaned_data["based_on"]
    try:
        write_comment(diagnosis=shown, text=text, based_on=based_on, actor=_actor(request))
    except CommentMoved as moved:
        kept = CommentForm(initial={"text": text, "based_on": moved.newest.version})
        return _again(request, shown, 409, comment_form=kept, moved=moved.newest)
    messages.success(request, "コメントを保存しました。レポートには自動で反映されます。")
    return _to_detail(firm, shown)


@access("diagnoses.edit")
@require_POST
def report(request: HttpRequest, firm: str, diagnosis: UUID) -> HttpResponse:
    """Ask for the present PDF; the one there is, if it is there."""
    shown = _diagnosis(diagnosis)
    request_report(shown, _actor(request))
    return _to_detail(firm, shown, "report")


@access("diagnoses.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def take_over(request: HttpRequest, firm: str, diagnosis: UUID) -> HttpResponse:
    """支援先企業にする: at once when nothing similar exists, else by choosing which company it is."""
    shown = _diagnosis(diagnosis)
    form = TakeOverForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        is_client = shown.company and shown.company.support_status == Company.Support.CLIENT
        return _to_detail(firm, shown) if is_client else _which_company(request, shown)
    company_id = form.company_id
    chosen = get_object_or_404(Company, pk=company_id) if company_id is not None else None
    try:
        taken = take_over_company(diagnosis=shown, company=chosen, is_new=form.is_new, actor=_actor(request))
    except PerhapsTheSame:
        return redirect("diagnosis:take_over", firm, shown.pk)
    except NotThisCompany as other:
        messages.warning(request, f"すでに「{other.company}」に結び付いています。")
        return _to_detail(firm, shown)
    messages.success(request, f"「{taken}」を支援先企業にしました。")
    return _to_detail(firm, shown)


@access("diagnoses.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def revoke(request: HttpRequest, firm: str, diagnosis: UUID) -> HttpResponse:
    """End the links given out so far, to a result or to questions, after saying what that means."""
    shown = get_object_or_404(_with_links(), pk=diagnosis)
    back = reverse(
        f"diagnosis:{'invitation' if shown.submitted_at is None else 'detail'}", args=[firm, shown.pk]
    )
    if request.method != "POST":
        return _sure_to_revoke(request, shown, back)
    form = RevokeForm(request.POST)
    version = form.cleaned_data["version"] if form.is_valid() else 0
    if revoke_link(diagnosis=shown, version=version, actor=_actor(request)):
        messages.success(request, "それまでのリンクを使えなくしました。新しいリンクをお送りいただけます。")
    else:
        messages.warning(
            request, "そのリンクは、すでに使えません。いまのリンクは、そのままお使いになれます。"
        )
    return HttpResponseRedirect(back)


@access("diagnoses.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def send(request: HttpRequest, firm: str, diagnosis: UUID) -> HttpResponse:
    """Send the link to the result by mail. Reloaded, it is the page with the form."""
    shown, form = _diagnosis(diagnosis), SendForm(request.POST)
    if request.method != "POST":
        return _to_detail(firm, shown, "link")
    if not form.is_valid():
        return _again(request, shown, 422, send_form=form)
    email = form.cleaned_data["email"]
    send_result(diagnosis=shown, email=email, actor=_actor(request))
    messages.success(request, f"{email} へ、結果のリンクをお送りします。")
    return _to_detail(firm, shown)


# ── A company's diagnoses ──


@access("diagnoses.read")
@require_safe
def of_company(request: HttpRequest, firm: str, company: int) -> HttpResponse:
    """The company's diagnoses, newest first; what is under way; another one."""
    its = get_object_or_404(Company, pk=company)
    rows = Diagnosis.objects.submitted().filter(company=its).as_rows()
    under_way = [_begun(row) for row in Diagnosis.objects.under_way().filter(company=its)[:ROWS]]
    context = {"page_obj": _page(request, rows), "under_way": under_way, "once": OnceForm()}
    return render(request, "diagnosis/firm_company.html", _in_company(request, its) | context)


@access("diagnoses.edit")
@require_POST
def on_behalf(request: HttpRequest, firm: str, company: int) -> HttpResponse:
    """代理入力: an open diagnosis for the company, answered on the visitor's own pages."""
    its, form = get_object_or_404(Company, pk=company), OnceForm(request.POST)
    if not form.is_valid():
        return redirect("diagnosis:of_company", firm, company)
    try:
        started = start_on_behalf(
            company=its, request_id=form.cleaned_data["request_id"], actor=_actor(request)
        )
    except Diagnosis.DoesNotExist as unknown:
        raise Http404 from unknown
    return redirect("diagnosis:answers", firm, answers_token(started))


@access("diagnoses.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def invite_company(request: HttpRequest, firm: str, company: int) -> HttpResponse:
    """診断のリンクを送る: by mail, with the company known already."""
    its = get_object_or_404(Company, pk=company)
    form = InviteForm(request.POST) if request.method == "POST" else InviteForm.known_of(its)
    if not form.is_valid():
        context = _in_company(request, its, "リンクを送る") | {"form": form}
        return render(request, "diagnosis/firm_invite.html", context, status=422 if form.is_bound else 200)
    try:
        invite(company=its, actor=_actor(request), **form.cleaned_data)
    except Diagnosis.DoesNotExist as unknown:
        raise Http404 from unknown
    messages.success(request, f"{form.cleaned_data['email']} へ、診断のリンクをお送りします。")
    return redirect("diagnosis:of_company", firm, company)


@access("diagnoses.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, firm: str, invitation: UUID) -> HttpResponse:
    """An invitation that is not answered yet: its link, to whom it goes once more, the way to end it."""
    row = get_object_or_404(_with_links().filter(origin=Diagnosis.Origin.INVITED), pk=invitation)
    known = {"contact_name": row.contact_name, "email": row.email}
    form = InvitationForm(request.POST) if request.method == "POST" else InvitationForm(initial=known)
    if row.submitted_at is None and not form.is_valid():
        return _invitation(request, row, form)
    if row.submitted_at or not send_invitation(diagnosis=row, actor=_actor(request), **form.cleaned_data):
        messages.info(request, "すでにご回答がそろっています。結果をご覧ください。")
        return _to_detail(firm, row)
    messages.success(request, f"{form.cleaned_data['email']} へ、診断のリンクをお送りします。")
    return redirect("diagnosis:of_company", firm, row.company_id)


def _with_links() -> DiagnosisQuerySet:
    """Those whose links the firm may end: with a result, or on the way to one by an invitation."""
    invited = Q(origin=Diagnosis.Origin.INVITED)
    found = Diagnosis.objects.filter(Q(state=Diagnosis.State.SUBMITTED) | invited)
    return found.select_related("company", "firm")


def _invitation(request: HttpRequest, diagnosis: Diagnosis, form: InvitationForm) -> HttpResponse:
    company = diagnosis.company
    assert company is not None  # invite() names one
    context = _in_company(request, company, "お送りしたリンク") | {
        "diagnosis": diagnosis,
        "form": form,
        "link_url": answers_url(visit_of(request).firm.slug, answers_token(diagnosis)),
        "link_until": diagnosis.started_at + KEPT,
    }
    return render(request, "diagnosis/firm_invitation.html", context, status=422 if form.is_bound else 200)


@access("diagnoses.read")
@require_safe
def compare(request: HttpRequest, firm: str, company: int) -> HttpResponse:
    """Two diagnoses of a company side by side: the newest two, or those chosen."""
    its = get_object_or_404(Company, pk=company)
    diagnoses = list(Diagnosis.objects.submitted().filter(company=its))
    form = CompareForm(request.GET or _newest_two(diagnoses), diagnoses)
    context = _in_company(request, its, "比べる") | {"form": form, "enough": len(diagnoses) > 1}
    if form.is_valid():
        before, after = form.pair
        context |= {"before": before, "after": after, "sides": side_by_side(before, after)}
    return render(request, "diagnosis/firm_compare.html", context)


# ── What they share ──


def _diagnosis(id: UUID) -> Diagnosis:
    """The submitted diagnosis with its company and who typed it, or 404."""
    rows = Diagnosis.objects.submitted().select_related("company", "typed_by__user", "firm")
    return get_object_or_404(rows, pk=id)


def _page(request: HttpRequest, rows: DiagnosisQuerySet) -> Page[Diagnosis]:
    """A page of rows, each with its `bottleneck_label`. Two queries."""
    page = Paginator(rows, ROWS).get_page(request.GET.get("page"))
    for row in page:
        stages = {stage.key: stage.short_label for stage in load(row.questionnaire_version).stages}
        row.bottleneck_label = stages.get(row.bottleneck, "なし")  # type: ignore[attr-defined]
    return page


@dataclass(frozen=True)
class Begun:
    """A diagnosis under way: how far it is, and where a 代理入力 goes on."""

    row: Diagnosis
    answered: int
    of: int
    resume_url: str


def _begun(row: Diagnosis) -> Begun:
    asked = load(row.questionnaire_version)
    url = reverse("diagnosis:answers", args=[row.firm.slug, answers_token(row)]) if row.typed_by_id else ""
    return Begun(row, len(row.answers) + len(row.facts), len(asked.questions) + len(asked.facts), url)


def _actor(request: HttpRequest) -> Membership:
    membership = visit_of(request).membership
    if membership is None:
        raise Http404
    return membership


def _to_detail(firm: str, diagnosis: Diagnosis, part: str = "") -> HttpResponseRedirect:
    """To the page; to a part of it only where no message waits on top."""
    url = reverse("diagnosis:detail", args=[firm, diagnosis.pk])
    return HttpResponseRedirect(f"{url}#{part}" if part else url)


def _again(request: HttpRequest, diagnosis: Diagnosis, status: int, **changed: Any) -> HttpResponse:
    """The detail page with what was typed still in it."""
    context = _detail(request, diagnosis) | changed
    return render(request, "diagnosis/firm_detail.html", context, status=status)


def _detail(request: HttpRequest, diagnosis: Diagnosis) -> dict[str, Any]:
    newest = Comment.objects.select_related("author__user").filter(diagnosis=diagnosis).first()
    based_on = {"text": newest.text, "based_on": newest.version} if newest else {"based_on": 0}
    similar = (
        () if diagnosis.company_id else Company.objects.perhaps_the_same(name=diagnosis.company_name)[:1]
    )
    outcome = outcome_of(diagnosis)
    return {
        "crumbs": _crumbs(request, diagnosis),
        "diagnosis": diagnosis,
        "outcome": outcome,
        "steps": with_screens(outcome.reading.steps, visit_of(request).firm.slug, diagnosis.company),
        "answers": answers_of(diagnosis),
        "newest": newest,
        "comment_form": CommentForm(initial=based_on),
        "send_form": SendForm(initial={"email": diagnosis.email}),
        "has_similar": bool(similar),
        "history": history_of(diagnosis),
        **_link(request, diagnosis),
        **_report(request, diagnosis),
    }


def _link(request: HttpRequest, diagnosis: Diagnosis) -> dict[str, str | datetime]:
    """A link of today to pass on; those given out earlier open the same."""
    token = result_token(diagnosis)
    return {"link_url": result_url(visit_of(request).firm.slug, token), "link_until": valid_until(token)}


def _report(request: HttpRequest, diagnosis: Diagnosis) -> dict[str, Any]:
    """The job of the present PDF, if it was asked for. One query."""
    version = report_version(diagnosis)
    job = Job.objects.filter(name=REPORT, subject=diagnosis.pk, version=version).first()
    return {"job": job, "bar": Bar.of(job) if job else None}


def _sure_to_revoke(request: HttpRequest, diagnosis: Diagnosis, back_url: str) -> HttpResponse:
    context = {
        "diagnosis": diagnosis,
        "back_url": back_url,
        "crumbs": [
            Crumb("簡易診断", reverse("diagnosis:list", args=[visit_of(request).firm.slug])),
            Crumb(diagnosis.company_name, back_url),
            Crumb("リンクを使えなくする"),
        ],
        "lost": [
            "これまでにメールでお送りしたリンクと、お渡ししたリンクのすべてが開けなくなります。",
            "元には戻せません。必要なときは、新しいリンクをお送りください。",
        ],
        "fields": [{"name": "version", "value": diagnosis.link_version}],
    }
    return render(request, "diagnosis/firm_revoke.html", context)


def _which_company(request: HttpRequest, diagnosis: Diagnosis) -> HttpResponse:
    if diagnosis.company is not None:
        similar = [diagnosis.company]
    else:
        similar = list(Company.objects.perhaps_the_same(name=diagnosis.company_name)[:ROWS])
    crumbs = _crumbs(request, diagnosis, "支援先企業にする")
    context = {"diagnosis": diagnosis, "similar": similar, "crumbs": crumbs}
    return render(request, "diagnosis/firm_take_over.html", context)


@dataclass(frozen=True)
class Crumb:
    """A step of components/crumbs.html; the last one has no address."""

    label: str
    url: str = ""


def _crumbs(request: HttpRequest, diagnosis: Diagnosis, *here: str) -> list[Crumb]:
    slug = visit_of(request).firm.slug
    return [
        Crumb("簡易診断", reverse("diagnosis:list", args=[slug])),
        Crumb(diagnosis.company_name, reverse("diagnosis:detail", args=[slug, diagnosis.pk]) if here else ""),
        *(Crumb(label) for label in here),
    ]


def _in_company(request: HttpRequest, company: Company, *here: str) -> dict[str, Any]:
    visit = visit_of(request)
    crumbs = [
        Crumb("支援先企業", reverse("tenancy:companies", args=[visit.firm.slug])),
        Crumb(company.name, reverse("tenancy:company", args=[visit.firm.slug, company.pk])),
        Crumb("診断", reverse("diagnosis:of_company", args=[visit.firm.slug, company.pk]) if here else ""),
        *(Crumb(label) for label in here),
    ]
    return {"company": company, "tabs": company_tabs(visit, company, "diagnosis"), "crumbs": crumbs}


def _newest_two(diagnoses: list[Diagnosis]) -> dict[str, str] | None:
    if len(diagnoses) < 2:
        return None
    return {"before": str(diagnoses[1].pk), "after": str(diagnoses[0].pk)}
