"""What a company's own people see of its diagnoses: history, results, reports; and the owner's way to another one."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from diagnosis.actions import report_version, request_report
from diagnosis.actions.own import start_own
from diagnosis.actions.report import REPORT
from diagnosis.addresses import answers_token
from diagnosis.forms_firm import OnceForm
from diagnosis.models import Comment, Diagnosis
from diagnosis.outcome import outcome_of
from diagnosis.questionnaire import load
from reports.models import Bar, Job
from reports.views import file_response
from tenancy.middleware import member_of
from tenancy.permissions import access
from tenancy.views.shared import company_of


@access("company_diagnoses.read")
@require_safe
def detail(request: HttpRequest, firm: str, company: int, diagnosis: UUID) -> HttpResponse:
    """One result as the company reads it, with the consultant's comment and the PDF."""
    shown = _diagnosis(company, diagnosis)
    context = {
        "company": shown.company,
        "diagnosis": shown,
        "outcome": outcome_of(shown),
        "comment": Comment.objects.filter(diagnosis=shown).exclude(text="").first(),
        "title": load(shown.questionnaire_version).title,
        "report": report_context(firm, shown, Job.objects.filter(**_of_report(shown)).first()),
    }
    return render(request, "diagnosis/own_detail.html", context)


@access("company_diagnoses.read")
@require_http_methods(["GET", "HEAD", "POST"])
def report(request: HttpRequest, firm: str, company: int, diagnosis: UUID) -> HttpResponse:
    """The PDF; while it is not done, the page that says so. POST asks for it, also again after a failure."""
    shown = _diagnosis(company, diagnosis)
    to_the_bar = redirect(f"{reverse('diagnosis:own_detail', args=[firm, company, diagnosis])}#report")
    if request.method == "POST":
        request_report(shown, member_of(request))
        return to_the_bar
    job = Job.objects.filter(**_of_report(shown)).first()
    return file_response(job, to_the_bar) if job else to_the_bar


@access("company_diagnoses.read")
@require_safe
def report_status(request: HttpRequest, firm: str, company: int, diagnosis: UUID) -> HttpResponse:
    """The fragment that htmx asks for until the PDF is done."""
    shown = _diagnosis(company, diagnosis)
    job = get_object_or_404(Job, **_of_report(shown))
    return render(request, "diagnosis/_report_bar.html", report_context(firm, shown, job))


@access("company_diagnoses.take")
@require_POST
def take(request: HttpRequest, firm: str, company: int) -> HttpResponse:
    """Begin another diagnosis of the own company, answered on the visitor's pages."""
    its, form = company_of(company), OnceForm(request.POST)
    if not form.is_valid():
        return redirect("diagnosis:of_company", firm, company)
    try:
        started = start_own(company=its, request_id=form.cleaned_data["request_id"], actor=member_of(request))
    except Diagnosis.DoesNotExist as unknown:
        raise Http404 from unknown
    return redirect("diagnosis:answers", firm, answers_token(started))


def report_context(firm: str, diagnosis: Diagnosis, job: Job | None) -> dict[str, Any]:
    """What the fragment with bar, button or way out needs."""
    here = [firm, diagnosis.company_id, diagnosis.pk]
    return {
        "job": job,
        "bar": Bar.of(job) if job else None,
        "poll_url": reverse("diagnosis:own_report_status", args=here),
        "file_url": reverse("diagnosis:own_report", args=here),
        "page_url": f"{reverse('diagnosis:own_detail', args=here)}#report",
    }


def _of_report(diagnosis: Diagnosis) -> dict[str, Any]:
    return {"name": REPORT, "subject": diagnosis.pk, "version": report_version(diagnosis)}


def _diagnosis(company: int, id: UUID) -> Diagnosis:
    rows = Diagnosis.objects.submitted().filter(company_id=company).select_related("company", "firm")
    return get_object_or_404(rows, pk=id)
