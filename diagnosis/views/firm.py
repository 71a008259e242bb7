"""What consultants see of the diagnoses: the list, and one of them with all its doors. A company's are in `company`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from diagnosis.actions.firm import (
    CommentMoved,
    NotThisCompany,
    PerhapsTheSame,
    mark_seen,
    revoke_link,
    send_result,
    take_over_company,
    write_comment,
)
from diagnosis.actions.report import REPORT, report_version, request_report
from diagnosis.addresses import result_token, result_url, valid_until
from diagnosis.forms_firm import (
    CommentForm,
    ListForm,
    RevokeForm,
    SendForm,
    TakeOverForm,
)
from diagnosis.history import history
from diagnosis.models import Comment, Diagnosis, DiagnosisQuerySet
from diagnosis.outcome import answers_of, outcome_of
from diagnosis.questionnaire import load
from diagnosis.screens import with_screens
from reports.models import Bar, Job
from tenancy.middleware import visit_of
from tenancy.models import Company, Membership
from tenancy.permissions import access
from tenancy.views.shared import company_of

ROWS = 50


# ── The list ──


@access("diagnoses.read")
@require_safe
def list_(request: HttpRequest, firm: str) -> HttpResponse:
    """All submitted diagnoses, newest first, 50 a page. The same queries for any number of them."""
    form = ListForm(request.GET)
    rows = form.narrow(Diagnosis.objects.submitted()).as_rows()
    return render(request, "diagnosis/firm_list.html", {"form": form, "page_obj": page_of(request, rows)})


# ── One diagnosis ──


@access("diagnoses.read")
@require_safe
def detail(request: HttpRequest, firm: str, diagnosis: UUID) -> HttpResponse:
    """One diagnosis: result, answers, comment, report, link, history. Notes the first look, if it is the firm's own:
    an operator of the installation leaves no traces but in the trail."""
    shown = _diagnosis(diagnosis)
    if visit_of(request).may("diagnoses.edit"):
        mark_seen(diagnosis=shown, actor=actor_of(request))
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
        write_comment(diagnosis=shown, text=text, based_on=based_on, actor=actor_of(request))
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
    request_report(shown, actor_of(request))
    return _to_detail(firm, shown, "report")


@access("diagnoses.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def take_over(request: HttpRequest, firm: str, diagnosis: UUID) -> HttpResponse:
    """支援先企業にする: at once when nothing similar exists, else by choosing which company it is."""
    shown = _diagnosis(diagnosis)
    form = TakeOverForm(request.POST if request.method == "POST" else None, nameless=shown.is_nameless)
    if not form.is_valid():
        is_client = shown.company and shown.company.support_status == Company.Support.CLIENT
        return _to_detail(firm, shown) if is_client else _which_company(request, shown, form)
    if form.name_to_compare and _similar(shown, form.name_to_compare):
        return _which_company(request, shown, form)
    company_id = form.company_id
    chosen = company_of(company_id) if company_id is not None else None
    try:
        taken = take_over_company(
            diagnosis=shown,
            company=chosen,
            is_new=form.is_new,
            name=form.cleaned_data["name"],
            actor=actor_of(request),
        )
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
    shown = get_object_or_404(Diagnosis.objects.given_out(), pk=diagnosis)
    name = "detail" if shown.submitted_at else "invitation"
    back = reverse(f"diagnosis:{name}", args=[firm, shown.pk])
    if request.method != "POST":
        return _sure_to_revoke(request, shown, back)
    form = RevokeForm(request.POST)
    version = form.cleaned_data["version"] if form.is_valid() else 0
    try:
        ended = revoke_link(diagnosis=shown, version=version, actor=actor_of(request))
    except Diagnosis.DoesNotExist as expired:
        raise Http404 from expired
    if ended:
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
    send_result(diagnosis=shown, email=email, actor=actor_of(request))
    messages.success(request, f"{email} へ、結果のリンクをお送りします。")
    return _to_detail(firm, shown)


# ── What the pages are made of ──


def _diagnosis(id: UUID) -> Diagnosis:
    """The submitted diagnosis with its company and who typed it, or 404."""
    rows = Diagnosis.objects.submitted().select_related("company", "typed_by__user", "firm")
    return get_object_or_404(rows, pk=id)


def page_of(request: HttpRequest, rows: DiagnosisQuerySet) -> Page[Diagnosis]:
    """A page of rows, each with its `bottleneck_label`. Two queries."""
    page = Paginator(rows, ROWS).get_page(request.GET.get("page"))
    for row in page:
        stages = {stage.key: stage.short_label for stage in load(row.questionnaire_version).stages}
        row.bottleneck_label = stages.get(row.bottleneck, "なし")  # type: ignore[attr-defined]
    return page


def actor_of(request: HttpRequest) -> Membership:
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
        "has_to_choose": not diagnosis.company_id and (diagnosis.is_nameless or bool(_similar(diagnosis))),
        "history": history(diagnosis),
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
        "lead": (
            "ここまでのご回答は、そのまま残ります。"
            if diagnosis.submitted_at is None
            else "診断の結果とご回答は、そのまま残ります。"
        ),
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


def _which_company(request: HttpRequest, diagnosis: Diagnosis, form: TakeOverForm) -> HttpResponse:
    name = form.name_to_compare if form.is_bound and form.is_valid() else ""
    context = {
        "diagnosis": diagnosis,
        "form": form,
        "compared": name,
        "similar": [diagnosis.company] if diagnosis.company else _similar(diagnosis, name),
        "crumbs": _crumbs(request, diagnosis, "支援先企業にする"),
    }
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "diagnosis/firm_take_over.html", context, status=status)


def _similar(diagnosis: Diagnosis, name: str = "") -> list[Company]:
    """Companies that may be the one of this diagnosis; of one that names none, those like the typed `name`."""
    called = name if diagnosis.is_nameless else diagnosis.company_name
    return list(Company.objects.perhaps_the_same(name=called)[:ROWS]) if called else []


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
