"""アカウント: what a person sees and changes of the own account, whatever firms they belong to."""

import base64
from typing import Any

from allauth.account import views
from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import get_next_redirect_url
from allauth.mfa.adapter import get_adapter
from allauth.mfa.totp.internal.auth import generate_totp_secret
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tenancy import account, clock, limits
from tenancy import second_factor as factor
from tenancy import sessions as browsers
from tenancy.forms_account import EmailForm, NameForm, SetUpForm
from tenancy.models import Membership, User
from tenancy.permissions import OPEN, SIGNED_IN, Access, Limit, access
from tenancy.views.doors import Place
from tenancy.views.signing_in import sending_domain

EMAIL_CHANGES = Limit("email_change", 5, 3_600)
_SECRET, _SHOW_CODES = "second_factor_secret", "show_recovery_codes_until"  # names in the session


def _user(request: HttpRequest) -> User:
    return request.user  # type: ignore[return-value]


# ── Overview and name ──


@access(SIGNED_IN)
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Name, e-mail, password, second factor, sessions, and where the person belongs."""
    return _overview(request, NameForm(initial={"name": _user(request).name}))


@access(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def name(request: HttpRequest) -> HttpResponse:
    """Change the name; a form that comes back with errors stands at this address."""
    if request.method != "POST":
        return redirect("account")
    form = NameForm(request.POST)
    if not form.is_valid():
        return _overview(request, form, status=422)
    account.rename(user=_user(request), name=form.cleaned_data["name"])
    messages.success(request, "お名前を保存しました。")
    return redirect("account")


def _overview(request: HttpRequest, form: NameForm, status: int = 200) -> HttpResponse:
    user = _user(request)
    members = Membership.objects.active().select_related("firm").order_by("firm__name", "pk")
    context = {
        "form": form,
        "user": user,
        "has_password": user.has_usable_password(),
        "has_second_factor": factor.is_set_up(user),
        "places": [Place.of_member(member) for member in members],
    }
    return render(request, "account/overview.html", context, status=status)


# ── Password ──


class PasswordChangeView(views.PasswordChangeView):  # type: ignore[misc]
    """The old one is asked for: that is the proof. The other sessions end (`notices.accounts`)."""

    access = Access(SIGNED_IN)

    def form_invalid(self, form: Any) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)  # type: ignore[no-any-return]


class PasswordSetView(views.PasswordSetView):  # type: ignore[misc]
    """For people who came in by code and have none yet."""

    access = Access(SIGNED_IN, fresh=True)

    def form_invalid(self, form: Any) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)  # type: ignore[no-any-return]


password_change = PasswordChangeView.as_view(success_url="/accounts/")
password_set = PasswordSetView.as_view(success_url="/accounts/")


# ── E-mail ──


@access(SIGNED_IN, fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def email(request: HttpRequest) -> HttpResponse:
    """Ask for another address. The answer is the same whether the new one is free or somebody's."""
    user = _user(request)
    form = EmailForm(request.POST if request.method == "POST" else None, user=user)
    if form.is_valid():
        if limits.within(EMAIL_CHANGES, str(user.pk)):
            account.ask_to_change_email(user=user, email=form.cleaned_data["email"])
            request.session["email_asked"] = form.cleaned_data["email"]
            return redirect("account_email_sent")
        form.add_error(
            "email", "続けてお申し込みになれる回数を超えました。1時間ほどたってから、お試しください。"
        )
    context = {"form": form, "user": user}
    return render(request, "account/email.html", context, status=422 if form.errors else 200)


@access(SIGNED_IN)
@require_safe
def email_sent(request: HttpRequest) -> HttpResponse:
    """Where the link went, and what to do when it does not arrive."""
    asked = request.session.get("email_asked")
    if not asked:
        return redirect("account_change_email")
    return render(request, "account/email_sent.html", {"email": asked, "sender": sending_domain()})


@access(OPEN)
@require_http_methods(["GET", "HEAD", "POST"])
def email_confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Opened from the mail, on whatever device; a button, because mail programs open links by themselves."""
    if request.method == "POST" and account.change_email(token=token):
        messages.success(
            request, "メールアドレスが変わりました。次からは、新しいアドレスでログインしてください。"
        )
        return redirect("account" if request.user.is_authenticated else "account_login")
    asked = account.asked_change(token) if request.method != "POST" else None
    context = {"email": asked[1] if asked else ""}
    return render(request, "account/email_confirm.html", context, status=200 if asked else 410)


# ── Sessions ──


@access(SIGNED_IN, fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def sessions(request: HttpRequest) -> HttpResponse:
    """Where one is signed in. POST `session`: end that one; `others`: all but this."""
    user, own_key = _user(request), request.session.session_key or ""
    found = list(browsers.sessions_of(user))
    if request.method != "POST":
        rows = [
            {"row": each, "name": browsers.name_of(each.session_key), "own": each.session_key == own_key}
            for each in found
        ]
        return render(request, "account/sessions.html", {"rows": rows})
    if "others" in request.POST:
        browsers.end_sessions(user, but=own_key)
        messages.success(request, "この端末のほかは、すべてログアウトしました。")
    elif one := browsers.named(found, request.POST.get("session", "")):
        one.delete()
        messages.success(request, "選んだ端末をログアウトしました。")
    return redirect("account_sessions")


# ── Second factor ──


@access(SIGNED_IN)
@require_safe
def second_factor(request: HttpRequest) -> HttpResponse:
    """Whether it is set up, how many recovery codes are left, and what can be done."""
    user = _user(request)
    is_on = factor.is_set_up(user)
    codes_left = len(factor.recovery_codes(user)) if is_on else 0
    context = {"is_on": is_on, "required": factor.is_required_of(user), "codes_left": codes_left}
    return render(request, "mfa/index.html", context)


@access(SIGNED_IN, fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def second_factor_set_up(request: HttpRequest) -> HttpResponse:
    """Scan the picture, type the first code. The key stays until it is used, also when the page is opened again."""
    user = _user(request)
    if factor.is_set_up(user):
        return redirect("mfa_index")
    secret = request.session.setdefault(_SECRET, generate_totp_secret())
    form = SetUpForm(request.POST if request.method == "POST" else None, user=user, secret=secret)
    if form.is_valid():
        return _set_up(request, user, secret)
    url = get_adapter().build_totp_url(user, secret)
    picture = base64.b64encode(get_adapter().build_totp_svg(url).encode()).decode()
    context = {"form": form, "key": secret, "picture": f"data:image/svg+xml;base64,{picture}"}
    context |= {"next": get_next_redirect_url(request) or "", "url": url}
    return render(request, "mfa/set_up.html", context, status=422 if form.errors else 200)


def _set_up(request: HttpRequest, user: User, secret: str) -> HttpResponse:
    try:
        made = account.set_up_second_factor(user=user, secret=secret)
    except account.AlreadySetUp:
        return redirect("mfa_index")
    request.session.pop(_SECRET, None)
    record_authentication(request, user, "mfa", id=made.pk, type=made.type)  # the code has just been shown
    _may_see_codes(request)
    request.session["after_recovery_codes"] = get_next_redirect_url(request) or ""
    return redirect("mfa_view_recovery_codes")


@access(SIGNED_IN, fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def second_factor_remove(request: HttpRequest) -> HttpResponse:
    """Do without again, where no firm wants it."""
    user = _user(request)
    required = factor.is_required_of(user)
    if request.method == "POST" and not required:
        account.remove_second_factor(user=user)
        browsers.forget_second_factor(request)
        messages.success(request, "2段階認証をやめました。")
        return redirect("mfa_index")
    status = 403 if request.method == "POST" else 200
    return render(request, "mfa/remove.html", {"required": required}, status=status)


@access(SIGNED_IN, fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def recovery_codes(request: HttpRequest) -> HttpResponse:
    """The codes, for a quarter of an hour after they were made and never again. POST makes new ones."""
    user = _user(request)
    if not factor.is_set_up(user):
        return redirect("mfa_index")
    if request.method == "POST":
        account.renew_recovery_codes(user=user)
        _may_see_codes(request)
        messages.success(request, "リカバリーコードを作り直しました。前のコードは、お使いになれません。")
        return redirect("mfa_view_recovery_codes")
    shown = _sees_codes(request)
    codes = factor.recovery_codes(user)
    context = {"codes": codes if shown else [], "left": len(codes)}
    context["next"] = request.session.get("after_recovery_codes", "") if shown else ""
    return render(request, "mfa/recovery_codes.html", context)


@access(SIGNED_IN, fresh=True)
@require_POST
def recovery_codes_file(request: HttpRequest) -> HttpResponse:
    """The same as a text file, while they may be seen."""
    if not _sees_codes(request):
        return redirect("mfa_view_recovery_codes")
    lines = ["道筋 Michisuji リカバリーコード", f"{_user(request).email}", "それぞれ一度だけ使えます。", ""]
    text = "\r\n".join([*lines, *factor.recovery_codes(_user(request)), ""])
    response = HttpResponse("\ufeff" + text, content_type="text/plain; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="michisuji-recovery-codes.txt"'
    return response


def _may_see_codes(request: HttpRequest) -> None:
    request.session[_SHOW_CODES] = (clock.now() + browsers.FRESH_FOR).timestamp()


def _sees_codes(request: HttpRequest) -> bool:
    return bool(request.session.get(_SHOW_CODES, 0) > clock.now().timestamp())
