"""What the firm was told, and the log of its mails."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from notices.actions import mark_read, send_again
from notices.forms import MailFilter
from notices.models import Mail, Notice
from tenancy.middleware import visit_of
from tenancy.models import Membership
from tenancy.permissions import access

PER_PAGE = 50


@access("notices.read")
@require_safe
def notice_list(request: HttpRequest, firm: str) -> HttpResponse:
    """The member's notices, newest first."""
    member = _member(request)
    notices = Notice.objects.of(member).with_read(member).defer("mail_body", "mail_subject")
    page = Paginator(notices, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "notices/notice_list.html", {"page_obj": page})


@access("notices.read")
@require_POST
def read_all(request: HttpRequest, firm: str) -> HttpResponse:
    """Mark everything as read."""
    member = _member(request)
    mark_read(notices=Notice.objects.unread(member).only("pk", "firm_id"), membership=member)
    messages.success(request, "すべて既読にしました。")
    return redirect("notices:list", firm)


@access("notices.read")
@require_safe
def open_notice(request: HttpRequest, firm: str, notice: UUID) -> HttpResponse:
    """Go where the notice leads; it has been read then."""
    member = _member(request)
    found = get_object_or_404(Notice.objects.of(member), pk=notice)
    mark_read(notices=[found], membership=member)
    return redirect(found.url)


@access("firm.mail_log")
@require_safe
def mail_log(request: HttpRequest, firm: str) -> HttpResponse:
    """The firm's mails, newest first."""
    form = MailFilter(request.GET)
    mails = Mail.objects.search(form.words).newest_first().defer("body")
    if form.chosen:
        mails = mails.filter(state=form.chosen)
    page = Paginator(mails, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "page_obj": page,
        "active": bool(form.words or form.chosen),
        "goes_out": bool(settings.EMAIL_URL),
    }
    return render(request, "notices/mail_log.html", context)


@access("firm.mail_log")
@require_safe
def mail(request: HttpRequest, firm: str, mail: UUID) -> HttpResponse:
    """One mail, in full."""
    found = get_object_or_404(Mail, pk=mail)
    is_mine = found.to == _member(request).user.email
    context = {"mail": found, "readable": is_mine and bool(found.body), "goes_out": bool(settings.EMAIL_URL)}
    return render(request, "notices/mail.html", context)


@access("firm.mail_log")
@require_POST
def mail_again(request: HttpRequest, firm: str, mail: UUID) -> HttpResponse:
    """「もう一度送る」."""
    if send_again(mail=get_object_or_404(Mail, pk=mail), actor=visit_of(request).membership):
        messages.success(request, "もう一度お送りします。")
    return redirect("notices:mail", firm, mail)


def _member(request: HttpRequest) -> Membership:
    """Whoever comes through a door that asks for a permission has a membership."""
    member = visit_of(request).membership
    assert member is not None
    return member
