"""What the firm was told, and the log of its mails."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from notices.actions import choose_mails, mark_read, send_again
from notices.context import addresses
from notices.delivery import CALENDAR_NAME
from notices.forms import ChooseForm, MailFilter
from notices.models import Mail, Notice
from notices.texts import PRIVATE
from tenancy.middleware import member_of, visit_of
from tenancy.permissions import access, may

PER_PAGE = 50


# ── Notices: of the firm, and the same for a company's own people ──


@access("notices.read")
@require_safe
def notice_list(request: HttpRequest, firm: str) -> HttpResponse:
    """The member's notices, newest first."""
    return _list(request)


@access("company_notices.read")
@require_safe
def own_list(request: HttpRequest, firm: str, company: int) -> HttpResponse:
    """What an owner or their staff were told, newest first."""
    return _list(request)


@access("notices.read")
@require_POST
def read_all(request: HttpRequest, firm: str) -> HttpResponse:
    """Mark everything as read."""
    return _read_all(request)


@access("company_notices.read")
@require_POST
def own_read_all(request: HttpRequest, firm: str, company: int) -> HttpResponse:
    """Mark everything as read."""
    return _read_all(request)


@access("notices.read")
@require_safe
def open_notice(request: HttpRequest, firm: str, notice: UUID) -> HttpResponse:
    """Go where the notice leads; it has been read then."""
    return _open(request, notice)


@access("company_notices.read")
@require_safe
def own_open(request: HttpRequest, firm: str, company: int, notice: UUID) -> HttpResponse:
    """Go where the notice leads; it has been read then."""
    return _open(request, notice)


@access("notices.read")
@require_http_methods(["GET", "HEAD", "POST"])
def choose(request: HttpRequest, firm: str) -> HttpResponse:
    """Which notices come by mail too."""
    return _choose(request)


@access("company_notices.choose")
@require_http_methods(["GET", "HEAD", "POST"])
def own_choose(request: HttpRequest, firm: str, company: int) -> HttpResponse:
    """Which notices come by mail too."""
    return _choose(request)


def _list(request: HttpRequest) -> HttpResponse:
    member = member_of(request)
    notices = Notice.objects.of(member).with_read(member).defer("mail_body", "mail_subject")
    page = Paginator(notices, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "notices/notice_list.html", {"page_obj": page, **addresses(member)})


def _read_all(request: HttpRequest) -> HttpResponse:
    member = member_of(request)
    unread = Notice.objects.unread(member).only("pk", "firm_id", "company_id")
    mark_read(notices=unread, membership=member)
    messages.success(request, "すべて既読にしました。")
    return redirect(addresses(member)["notices_url"])


def _open(request: HttpRequest, notice: UUID) -> HttpResponse:
    member = member_of(request)
    found = get_object_or_404(Notice.objects.of(member), pk=notice)
    mark_read(notices=[found], membership=member)
    return redirect(found.url)


def _choose(request: HttpRequest) -> HttpResponse:
    member = member_of(request)
    has_list = may(member.role, "notices.read") or may(member.role, "company_notices.read")
    here = [member.firm.slug, member.company_id]
    back = addresses(member)["notices_url"] if has_list else reverse("tenancy:company_home", args=here)
    form = ChooseForm(request.POST if request.method == "POST" else None, membership=member)
    if request.method == "POST" and form.is_valid():
        choose_mails(membership=member, wanted=form.cleaned_data["wanted"])
        messages.success(request, "メールで受け取るお知らせを保存しました。")
        return redirect(back)
    context = {"form": form, "back_url": back, "has_list": has_list}
    return render(request, "notices/choose.html", context, status=422 if form.errors else 200)


# ── The mail log ──


@access("firm.mail_log")
@require_safe
def mail_log(request: HttpRequest, firm: str) -> HttpResponse:
    """The firm's mails, newest first."""
    form = MailFilter(request.GET)
    mails = Mail.objects.search(form.words).newest_first().defer("body", "calendar")
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
    is_mine = found.to == member_of(request).user.email
    # Where nothing goes out, an admin passes an invitation on by hand.
    mine = is_mine or (found.template in PRIVATE and not settings.EMAIL_URL)
    context = {
        "mail": found,
        "readable": mine and bool(found.body),
        "calendar_name": CALENDAR_NAME if found.calendar else "",
        "goes_out": bool(settings.EMAIL_URL),
    }
    return render(request, "notices/mail.html", context)


@access("firm.mail_log")
@require_POST
def mail_again(request: HttpRequest, firm: str, mail: UUID) -> HttpResponse:
    """「もう一度送る」."""
    if send_again(mail=get_object_or_404(Mail, pk=mail), actor=visit_of(request).membership):
        messages.success(request, "もう一度お送りします。")
    return redirect("notices:mail", firm, mail)
