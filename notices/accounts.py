"""How django-allauth behaves here: by invitation only, its mails through the outbox of a firm of the person's."""

import hashlib
import logging
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest

from notices.actions import queue_mail
from tenancy import clock, trail
from tenancy.models import Membership, User
from tenancy.scope import Scope, open_scope
from tenancy.templatetags.michisuji import jdate

# allauth's name → ours, what allauth calls its address, what our text calls it.
_MAILS = {
    "account/email/password_reset_key": ("password_reset", "password_reset_url", "reset_url"),
    "account/email/email_confirmation": ("email_confirmation", "activate_url", "confirm_url"),
    "account/email/email_confirmation_signup": ("email_confirmation", "activate_url", "confirm_url"),
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

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Queue it. An address without an account gets nothing: the page says the same in either case."""
        user = context.get("user")
        firm_id = _firm_of(user) if isinstance(user, User) else None
        if template_prefix not in _MAILS or firm_id is None:
            log.info("account mail not sent", extra={"mail": template_prefix})
            return
        template, theirs, ours = _MAILS[template_prefix]
        path = urlsplit(context[theirs]).path  # the host comes from PUBLIC_URL, never from the request
        mail = queue_mail(
            key=f"account:{hashlib.sha256(path.encode()).hexdigest()}",
            template=template,
            to=email,
            firm_id=firm_id,
            context={
                "member_name": str(user),
                "expires_label": jdate(clock.now() + timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)),
                ours: settings.PUBLIC_URL + path,
            },
        )
        with open_scope(Scope.of_firm(firm_id)):
            trail.record("mail.account", mail, template=template)


def _firm_of(user: User) -> int | None:
    """The firm in whose name the person is written to, the longest-standing one; None without an active membership."""
    with open_scope(Scope(user_id=user.pk)):
        return Membership.objects.active().order_by("pk").values_list("firm_id", flat=True).first()
