"""What the signed link opens: the result, its PDF, and the mail that brings both back."""

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from diagnosis.actions import report_version, request_report, resend_result
from diagnosis.actions.report import REPORT, VISITORS_QUEUE, first_report_is_done
from diagnosis.addresses import RESULT, result_url, valid_until
from diagnosis.forms import MailForm
from diagnosis.models import Comment, Diagnosis
from diagnosis.outcome import outcome_of
from diagnosis.questionnaire import load
from diagnosis.views.visitor import gone, may_send
from reports.models import Bar, Job
from reports.views import file_response
from tenancy.links import signed_at
from tenancy.middleware import visit_of
from tenancy.permissions import VISITOR, Limit, access

RETRIES = (Limit("diagnosis.report", 10, 3600),)

View = Callable[..., HttpResponse]


def reading(view: View) -> View:
    """Give the view the submitted diagnosis of its link; a dead link says so."""

    @wraps(view)
    def wrapped(request: HttpRequest, firm: str, token: str) -> HttpResponse:
        diagnosis = Diagnosis.objects.opened_by(visit_of(request).link)
        if diagnosis is None or diagnosis.state != Diagnosis.State.SUBMITTED:
            return gone(request)
        return view(request, firm, token, diagnosis)

    return wrapped


@access(VISITOR, link=RESULT)
@require_safe
@reading
def result(request: HttpRequest, firm: str, token: str, diagnosis: Diagnosis) -> HttpResponse:
    """The result as it is read: what it says, why, and what to do next."""
    return _render(request, token, diagnosis, MailForm(initial={"email": diagnosis.email}))


def _render(
    request: HttpRequest, token: str, diagnosis: Diagnosis, form: MailForm, *, status: int = 200
) -> HttpResponse:
    firm, job = visit_of(request).firm.slug, _job(diagnosis)
    context = {
        "token": token,
        "diagnosis": diagnosis,
        "outcome": outcome_of(diagnosis),
        "comment": _comment(diagnosis),
        "bar": _bar_context(firm, token, job),
        "made_once": job.is_done or first_report_is_done(diagnosis),
        "mail_form": form,
        "sender": settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip(">"),
        "link_url": result_url(firm, token),
        "valid_until": valid_until(token),
        "title": load(diagnosis.questionnaire_version).title,
    }
    return render(request, "diagnosis/result.html", context, status=status)


def _comment(diagnosis: Diagnosis) -> Comment | None:
    """The newest version, unless it was emptied."""
    newest = Comment.objects.filter(diagnosis=diagnosis).first()
    return newest if newest is not None and newest.text else None


def _job(diagnosis: Diagnosis) -> Job:
    """The job of the present PDF. One that failed stays as it is: trying again is the reader's decision."""
    kept = Job.objects.filter(name=REPORT, subject=diagnosis.pk, version=report_version(diagnosis)).first()
    return kept or request_report(diagnosis)


def _bar_context(firm: str, token: str, job: Job) -> dict[str, object]:
    """What the fragment with bar, button or way out needs."""
    addresses = {
        name: reverse(f"diagnosis:{view}", args=[firm, token])
        for name, view in (("poll_url", "report_status"), ("file_url", "report"))
    }
    page_url = f"{reverse('diagnosis:result', args=[firm, token])}#report"
    return {"job": job, "bar": Bar.of(job), "page_url": page_url, **addresses}


@access(VISITOR, link=RESULT, limits=RETRIES)
@require_http_methods(["GET", "HEAD", "POST"])
@reading
def report(request: HttpRequest, firm: str, token: str, diagnosis: Diagnosis) -> HttpResponse:
    """The PDF; while it is not done, the page that says so. POST tries again what failed."""
    to_the_bar = redirect(f"{reverse('diagnosis:result', args=[firm, token])}#report")
    if request.method == "POST":
        request_report(diagnosis)
        return to_the_bar
    return file_response(_job(diagnosis), to_the_bar, queue=VISITORS_QUEUE)


@access(VISITOR, link=RESULT)
@require_safe
@reading
def report_status(request: HttpRequest, firm: str, token: str, diagnosis: Diagnosis) -> HttpResponse:
    """The fragment that htmx asks for until the PDF is done."""
    context = _bar_context(firm, token, _job(diagnosis)) | {"told": bool(diagnosis.email)}
    return render(request, "diagnosis/_report_bar.html", context)


@access(VISITOR, link=RESULT)
@require_http_methods(["GET", "HEAD", "POST"])
@reading
def mail(request: HttpRequest, firm: str, token: str, diagnosis: Diagnosis) -> HttpResponse:
    """「届かないとき」: correct the address, send the link again. Reloaded, it is the result with the form."""
    if request.method != "POST":
        return redirect("diagnosis:result", firm, token)
    form = MailForm(request.POST)
    if not may_send(form, diagnosis):
        return _render(request, token, diagnosis, form, status=422)
    email = form.cleaned_data["email"]
    resend_result(diagnosis=diagnosis, email=email, since=signed_at(token))
    messages.success(request, f"{email} へお送りしました。")
    return redirect("diagnosis:result", firm, token)  # without #mail: the message stands on top
