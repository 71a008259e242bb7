"""How django-allauth behaves here: by invitation only, its mails through the outbox of a firm of the person's."""

import hashlib
import logging
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django.urls import reverse

from notices.actions import queue_mail
from tenancy import clock, sessions, trail
from tenancy.models import Membership, User
from tenancy.scope import Scope, open_scope
from tenancy.templatetags.michisuji import jdate, jtime

# allauth's name → ours, what allauth calls its address, what our text calls it.
_LINK_MAILS = {
    "account/email/password_reset_key": ("password_reset", "password_reset_url", "reset_url"),
    "account/email/email_confirmation": ("email_confirmation", "activate_url", "confirm_url"),
    "account/email/email_confirmation_signup": ("email_confirmation", "activate_url", "confirm_url"),
}
# Those that carry a code or nothing at all; each is another mail, however alike.
_PLAIN_MAILS = {
    "account/email/login_code": "login_code",
    "account/email/reauthentication_code": "confirm_code",
    "account/email/login_by_password": "login_by_password",
    "account/email/email_changed": "email_changed",
}

log = logging.getLogger(__name__)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """No self sign-up; mails in our words, private, and only to people who belong to a firm."""

    # The page with the message has the link to the new password.
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "too_many_login_attempts": (
            "ログインの失敗が続いたため、いったん受け付けを止めています。5分ほど待ってから、もう一度お試しください。"
            "パスワードをお忘れの場合は、再設定してください。"
        ),
        "enter_current_password": "いまのパスワードが違います。もう一度入力してください。",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Ours ask before they run (`@access(…, fresh=True)`); allauth would let in whoever has no password."""
        return False

    def get_login_stages(self) -> list[str]:
        """After the password or the code: the second factor."""
        return ["allauth.account.stages.LoginByCodeStage", "tenancy.second_factor.SecondFactorStage"]

    def login(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        super().login(request, user)
        sessions.note_device(request)

    def set_password(self, user: User, password: str) -> None:
        """A new password ends the other sessions: what somebody else has opened with the old one is closed."""
        super().set_password(user, password)
        mine = self.request.user.pk == user.pk
        sessions.end_sessions(user, but=self.request.session.session_key if mine else None)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Queue it. An address without an account gets nothing: the page says the same in either case."""
        user = context.get("user") or User.objects.filter(email=email.lower(), is_active=True).first()
        known = template_prefix in _LINK_MAILS or template_prefix in _PLAIN_MAILS
        firm_id = _firm_of(user) if isinstance(user, User) and known else None
        if not isinstance(user, User) or firm_id is None:
            log.info("account mail not sent", extra={"mail": template_prefix})
            return
        worded = _with_link if template_prefix in _LINK_MAILS else _plain
        words = worded(template_prefix, user, context)
        mail = queue_mail(to=email, firm_id=firm_id, **words)
        with open_scope(Scope.of_firm(firm_id)):
            trail.record("mail.account", mail, template=words["template"])


def _with_link(prefix: str, user: User, context: dict[str, Any]) -> dict[str, Any]:
    """The same link is sent once."""
    template, theirs, ours = _LINK_MAILS[prefix]
    path = urlsplit(context[theirs]).path  # the host comes from PUBLIC_URL, never from the request
    until = clock.now() + timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)
    words = {
        "member_name": str(user),
        "expires_label": f"{jdate(until)} {jtime(until)}",
        ours: settings.PUBLIC_URL + path,
    }
    key = f"account:{hashlib.sha256(path.encode()).hexdigest()}"
    return {"key": key, "template": template, "context": words}


def _plain(prefix: str, user: User, context: dict[str, Any]) -> dict[str, Any]:
    words = {
        "member_name": str(user),
        "code": context.get("code", ""),
        "login_url": settings.PUBLIC_URL + reverse("account_login"),
        "reset_url": settings.PUBLIC_URL + reverse("account_reset_password"),
    }
    return {"key": f"account:{uuid4()}", "template": _PLAIN_MAILS[prefix], "context": words}


def _firm_of(user: User) -> int | None:
    """The firm in whose name the person is written to, the longest-standing one; None without an active membership."""
    with open_scope(Scope(user_id=user.pk)):
        return Membership.objects.active().order_by("pk").values_list("firm_id", flat=True).first()
