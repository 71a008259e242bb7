"""A company's diagnoses: its list, 代理入力, an invitation, two side by side."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from diagnosis.actions.firm import invite, send_invitation, start_on_behalf
from diagnosis.addresses import answers_token, answers_url
from diagnosis.forms_firm import CompareForm, InvitationForm, InviteForm, OnceForm
from diagnosis.models import KEPT, Diagnosis
from diagnosis.questionnaire import load
from diagnosis.side_by_side import side_by_side
from diagnosis.views.firm import ROWS, Crumb, actor_of, page_of
from tenancy.extensions import company_tabs
from tenancy.middleware import visit_of
from tenancy.models import Company
from tenancy.permissions import access
from tenancy.views.shared import company_of


@access("company_diagnoses.read")
@require_safe
def of_company(request: HttpRequest, firm: str, company: int) -> HttpResponse:
    """The company's diagnoses, newest first; for the firm also what is under way, for an owner what they have begun
    themselves; and another one."""
    its = company_of(company)
    rows = Diagnosis.objects.submitted().filter(company=its).as_rows()
    if not actor_of(request).is_firm_side:
        begun = _begun_by_owners(its) if visit_of(request).may("company_diagnoses.take") else []
        context = {"company": its, "page_obj": page_of(request, rows), "once": OnceForm(), "under_way": begun}
        return render(request, "diagnosis/own_list.html", context)
    under_way = [_begun(row) for row in Diagnosis.objects.under_way().filter(company=its)[:ROWS]]
    context = {"page_obj": page_of(request, rows), "under_way": under_way, "once": OnceForm()}
    return render(request, "diagnosis/firm_company.html", _in_company(request, its) | context)


@access("diagnoses.edit")
@require_POST
def on_behalf(request: HttpRequest, firm: str, company: int) -> HttpResponse:
    """代理入力: an open diagnosis for the company, answered on the visitor's own pages."""
    its, form = company_of(company), OnceForm(request.POST)
    if not form.is_valid():
        return redirect("diagnosis:of_company", firm, company)
    try:
        started = start_on_behalf(
            company=its, request_id=form.cleaned_data["request_id"], actor=actor_of(request)
        )
    except Diagnosis.DoesNotExist as unknown:
        raise Http404 from unknown
    return redirect("diagnosis:answers", firm, answers_token(started))


@access("diagnoses.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def invite_company(request: HttpRequest, firm: str, company: int) -> HttpResponse:
    """診断のリンクを送る: by mail, with the company known already."""
    its = company_of(company)
    form = InviteForm(request.POST) if request.method == "POST" else InviteForm.known_of(its)
    if not form.is_valid():
        context = _in_company(request, its, "リンクを送る") | {"form": form}
        return render(request, "diagnosis/firm_invite.html", context, status=422 if form.is_bound else 200)
    try:
        invite(company=its, actor=actor_of(request), **form.cleaned_data)
    except Diagnosis.DoesNotExist as unknown:
        raise Http404 from unknown
    messages.success(request, f"{form.cleaned_data['email']} へ、診断のリンクをお送りします。")
    return redirect("diagnosis:of_company", firm, company)


@access("diagnoses.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, firm: str, invitation: UUID) -> HttpResponse:
    """An invitation that is not answered yet: its link, to whom it goes once more, the way to end it."""
    row = get_object_or_404(
        Diagnosis.objects.given_out().filter(origin=Diagnosis.Origin.INVITED), pk=invitation
    )
    known = {"contact_name": row.contact_name, "email": row.email}
    form = InvitationForm(request.POST) if request.method == "POST" else InvitationForm(initial=known)
    if row.submitted_at is None and not form.is_valid():
        return _invitation(request, row, form)
    try:
        sent = not row.submitted_at and send_invitation(
            diagnosis=row, actor=actor_of(request), **form.cleaned_data
        )
    except Diagnosis.DoesNotExist as expired:
        raise Http404 from expired
    if not sent:
        messages.info(request, "すでにご回答がそろっています。結果をご覧ください。")
        return redirect("diagnosis:detail", firm, row.pk)
    messages.success(request, f"{form.cleaned_data['email']} へ、診断のリンクをお送りします。")
    return redirect("diagnosis:of_company", firm, row.company_id)


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


@access("company_diagnoses.read")
@require_safe
def compare(request: HttpRequest, firm: str, company: int) -> HttpResponse:
    """Two diagnoses of a company side by side: the newest two, or those chosen."""
    its = company_of(company)
    diagnoses = list(Diagnosis.objects.submitted().filter(company=its))
    form = CompareForm(request.GET or _newest_two(diagnoses), diagnoses)
    context = _in_company(request, its, "比べる") | {
        "form": form,
        "enough": len(diagnoses) > 1,
        "own": not actor_of(request).is_firm_side,
    }
    if form.is_valid():
        before, after = form.pair
        context |= {"before": before, "after": after, "sides": side_by_side(before, after)}
    return render(request, "diagnosis/firm_compare.html", context)


@dataclass(frozen=True)
class Begun:
    """A diagnosis under way: how far it is, and where whoever looks goes on with it; '' where others answer."""

    row: Diagnosis
    answered: int
    of: int
    resume_url: str


def _begun_by_owners(company: Company) -> list[Begun]:
    """What was begun on the company's own pages: whoever has closed the window finds the way back here."""
    rows = Diagnosis.objects.under_way().filter(company=company, origin=Diagnosis.Origin.OWN)
    return [_begun(row, goes_on=True) for row in rows[:ROWS]]


def _begun(row: Diagnosis, *, goes_on: bool = False) -> Begun:
    asked = load(row.questionnaire_version)
    here = goes_on or row.typed_by_id is not None
    url = reverse("diagnosis:answers", args=[row.firm.slug, answers_token(row)]) if here else ""
    return Begun(row, len(row.answers) + len(row.facts), len(asked.questions) + len(asked.facts), url)


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
