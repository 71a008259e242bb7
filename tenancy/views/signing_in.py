"""Signing in: by password or by a code by mail, with a second factor; and showing once more who one is.

The first two are django-allauth's, so that its stages, limits and signed-in records stay its own.
"""

import time
from typing import Any, cast

from allauth.account import views
from allauth.account.adapter import get_adapter
from allauth.account.internal.decorators import login_stage_required
from allauth.account.internal.flows.login import record_authentication
from allauth.account.internal.stagekit import clear_login
from allauth.account.utils import get_next_redirect_url
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from tenancy import clock, limits, sessions
from tenancy.forms_account import (
    CODES_A_DAY,
    TOO_MANY,
    CodeAgainForm,
    ConfirmCodeForm,
    PasswordAgainForm,
    RequestCodeForm,
    SecondFactorForm,
)
from tenancy.models import User
from tenancy.permissions import OPEN, SIGNED_IN, Access, access
from tenancy.second_factor import SecondFactorStage

SEND_AGAIN_SECONDS = 60
_CODE = "reauthentication_code"  # in the session: the code and until when (seconds) it is good
_SPENT = "コードが続けて違っていたため、このコードは使えなくなりました。もう一度、コードをお送りください。"


class _FromTheStart:
    """Whoever opens the first page of signing in begins anew: allauth would lead back to the step left open."""

    access = Access(OPEN)

    def _redirect_to_pending_stage(self, request: HttpRequest, stage: Any) -> None:
        clear_login(request)


class LoginView(_FromTheStart, views.LoginView):  # type: ignore[misc]
    """By e-mail and password."""


class RequestCodeView(_FromTheStart, views.RequestLoginCodeView):  # type: ignore[misc]
    """Ask for a code by mail. The same page for everybody, whether a code, another mail or nothing was sent."""

    form_class = RequestCodeForm

    def form_valid(self, form: RequestCodeForm) -> HttpResponse:
        form.send_password_people_away()
        return super().form_valid(form)  # type: ignore[no-any-return]


class ConfirmCodeView(views.ConfirmLoginCodeView):  # type: ignore[misc]
    """Type the code; what to do when it does not arrive."""

    access = Access(OPEN)
    form_class = ConfirmCodeForm

    def get_form_kwargs(self) -> dict[str, Any]:
        kwargs: dict[str, Any] = super().get_form_kwargs()
        who = {} if self._action == "resend" else {"who": self._process.state["email"]}
        return {**kwargs, **who}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "sender": sending_domain()}

    def form_invalid(self, form: Any) -> HttpResponse:
        """As allauth's, but the last wrong code says what to do now: it speaks of passwords and minutes to wait."""
        if self._process.record_invalid_attempt():
            return self.render_to_response(self.get_context_data(form=form))  # type: ignore[no-any-return]
        messages.error(self.request, _SPENT)
        return redirect(self.passthrough_next_url(reverse("account_request_login_code")))

    def _resend_form_valid(self, form: Any) -> HttpResponse:
        state = self._process.state
        wait = SEND_AGAIN_SECONDS - (time.time() - state.get("sent_at", state["at"]))
        if wait > 0:
            messages.warning(
                self.request, f"あと{int(wait) + 1}秒ほどお待ちになってから、もう一度お送りください。"
            )
            return redirect(self.request.get_full_path())
        state["sent_at"] = time.time()
        messages.success(self.request, "コードをもう一度お送りしました。前のコードはお使いになれません。")
        return super()._resend_form_valid(form)  # type: ignore[no-any-return]


login = LoginView.as_view()
request_code = RequestCodeView.as_view()
confirm_code = ConfirmCodeView.as_view()


@access(OPEN)
@login_stage_required(stage=SecondFactorStage.key, redirect_urlname="account_login")  # type: ignore[untyped-decorator]
@require_http_methods(["GET", "HEAD", "POST"])
def second_factor(request: HttpRequest) -> HttpResponse:
    """The last step of signing in, for whoever has set it up."""
    stage: SecondFactorStage = request._login_stage  # type: ignore[attr-defined]
    form = SecondFactorForm(request.POST or None, user=stage.login.user)
    if form.is_valid() and form.authenticator is not None:
        shown = form.authenticator
        record_authentication(request, stage.login.user, "mfa", id=shown.pk, type=shown.type)
        return cast(HttpResponse, stage.exit())
    return render(request, "mfa/authenticate.html", {"form": form}, status=422 if form.errors else 200)


# ── Once more ──


@access(SIGNED_IN)
@never_cache
@sensitive_post_parameters("password", "code")
@require_http_methods(["GET", "HEAD", "POST"])
def reauthenticate(request: HttpRequest) -> HttpResponse:
    """Show once more who one is, by password or, without one, by a code by mail; then back to where one came from."""
    user: User = request.user  # type: ignore[assignment]
    by_password = user.has_usable_password()
    if request.method == "POST" and not by_password and "send" in request.POST:
        _send_code(request, user)
        return redirect(request.get_full_path())
    form = _form_of(request, user, by_password)
    if form.is_valid():
        request.session.pop(_CODE, None)
        method = "password" if by_password else "code"
        record_authentication(request, user, method=method, reauthenticated=True)
        sessions.refresh(request)
        return redirect(get_next_redirect_url(request) or "account")
    context = {
        "form": form,
        "by_password": by_password,
        "sent": _CODE in request.session,
        "next": get_next_redirect_url(request) or "",
        "back": get_next_redirect_url(request, "back") or "",
        "email": user.email,
    }
    return render(request, "account/reauthenticate.html", context, status=422 if form.errors else 200)


def _form_of(request: HttpRequest, user: User, by_password: bool) -> PasswordAgainForm | CodeAgainForm:
    data = request.POST if request.method == "POST" else None
    if by_password:
        return PasswordAgainForm(data, user=user)
    code, until = request.session.get(_CODE, ("", 0))
    return CodeAgainForm(data, user=user, expected=code if until > clock.now().timestamp() else "")


def sending_domain() -> str:
    """Where our mails come from, for people who must let them in."""
    return settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip(">")


def _send_code(request: HttpRequest, user: User) -> None:
    if not limits.within(CODES_A_DAY, user.email):
        messages.warning(request, TOO_MANY)
        return
    code = get_adapter().generate_login_code()
    until = clock.now().timestamp() + settings.ACCOUNT_LOGIN_BY_CODE_TIMEOUT
    request.session[_CODE] = [code, until]
    get_adapter().send_mail("account/email/reauthentication_code", user.email, {"user": user, "code": code})
    messages.success(request, "確認のコードをメールでお送りしました。")
