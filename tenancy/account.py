"""What people change about their own account, and who may sign in how.

A person may belong to several firms: what changes is written into the trail of each. Mails go out through
django-allauth's adapter (`notices.accounts`), because notices stand above this app.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from allauth.account.adapter import get_adapter
from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse

from tenancy import trail
from tenancy.cipher import cipher_for
from tenancy.models import Membership, User
from tenancy.permissions import FIRM_SIDE
from tenancy.scope import Scope, open_scope

CONFIRM_WITHIN = timedelta(hours=24)


class AlreadySetUp(Exception):
    """There is a second factor, set up at the same moment in another window."""


class SecondFactorRequired(Exception):
    """The person cannot do without: see `second_factor.is_required_of`."""


def may_use_codes(user: User) -> bool:
    """Whether a code by mail signs the person in: a company's own people, who have no place on a firm's side."""
    with open_scope(Scope(user_id=user.pk)):
        roles = set(Membership.objects.active().values_list("role", flat=True))
    return bool(roles) and not roles & FIRM_SIDE and not user.is_operator


def password_link(user: User) -> str:
    """The page on which the person decides on a password, with the same one-time key as the mail for a lost one."""
    kwargs = {"uidb36": user_pk_to_url_str(user), "key": default_token_generator.make_token(user)}
    return settings.PUBLIC_URL + reverse("account_reset_password_from_key", kwargs=kwargs)


def rename(*, user: User, name: str) -> None:
    """The person's name, as everybody reads it who works with them."""
    if name == user.name:
        return
    with transaction.atomic():
        old, user.name = user.name, name
        user.save(update_fields=["name"])
        _record(user, "update.user", before={"name": old})


# ── E-mail ──


def ask_to_change_email(*, user: User, email: str) -> None:
    """Send a link to the new address; nothing changes before it is opened. An address that somebody has gets no mail,
    and the person is told the same."""
    if User.objects.filter(email=email).exists():
        return
    words = json.dumps([user.pk, user.email, email])
    token = cipher_for("email-change").encrypt(words.encode()).decode()
    url = settings.PUBLIC_URL + reverse("account_confirm_email_change", args=[token])
    get_adapter().send_mail("account/email/email_confirmation", email, {"user": user, "activate_url": url})


def asked_change(token: str) -> tuple[User, str] | None:
    """Whose address becomes which, by the link; None when the link is altered, older than 24 hours or used, and when
    the person has another password since or has signed out everywhere else: what an intruder asked for ends there."""
    cipher = cipher_for("email-change")
    try:
        words = cipher.decrypt(token.encode(), ttl=int(CONFIRM_WITHIN.total_seconds()))
        asked_at = cipher.extract_timestamp(token.encode())
    except (InvalidToken, UnicodeEncodeError):
        return None
    pk, old, new = json.loads(words)
    user = User.objects.filter(pk=pk, email=old, is_active=True).first()
    if user is None or (user.signed_out_at and asked_at <= int(user.signed_out_at.timestamp())):
        return None
    return user, new


def change_email(*, token: str) -> bool:
    """What the link says; the old address is told. False when nothing changes: a bad link, or an address that somebody
    else has taken meanwhile."""
    with transaction.atomic():
        asked = asked_change(token)
        user = User.objects.select_for_update(no_key=True).filter(pk=asked[0].pk).first() if asked else None
        if asked is None or user is None or user.email != asked[0].email:
            return False
        old, user.email = user.email, asked[1]
        try:
            with transaction.atomic():
                user.save(update_fields=["email"])
        except IntegrityError:
            return False
        EmailAddress.objects.filter(user=user).delete()  # none of allauth's may go on opening the account
        _record(user, "update.user", before={"email": old})
        get_adapter().send_mail("account/email/email_changed", old, {"user": user})
    return True


# ── Second factor ──


def set_up_second_factor(*, user: User, secret: str) -> Authenticator:
    """From now on signing in asks for the app's code; recovery codes are made with it. Raises AlreadySetUp."""
    try:
        with transaction.atomic():
            made: Authenticator = TOTP.activate(user, secret).instance
            RecoveryCodes.activate(user)
    except IntegrityError as error:
        raise AlreadySetUp from error
    _record(user, "set_up.second_factor")
    return made


def renew_recovery_codes(*, user: User) -> None:
    """New ones; the old ones open nothing any more."""
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user.pk)  # two clicks make one set
        Authenticator.objects.filter(user=user, type=Authenticator.Type.RECOVERY_CODES).delete()
        RecoveryCodes.activate(user)
        _record(user, "renew.recovery_codes")


def remove_second_factor(*, user: User) -> None:
    """Signing in asks for the password alone. Twice is once."""
    with transaction.atomic():
        if Authenticator.objects.filter(user=user).delete()[0]:
            _record(user, "remove.second_factor")


def _record(user: User, act: str, before: Mapping[str, object] | None = None) -> None:
    """Into the trail of each place that the person has."""
    with open_scope(Scope(user_id=user.pk)):
        places = list(Membership.objects.active().order_by("pk"))
    for place in places:
        who = {"user_id": user.pk, "membership_id": place.pk, "role": place.role}
        with open_scope(replace(Scope.of_firm(place.firm_id), **who)):  # type: ignore[arg-type]
            trail.record(act, user, company_id=place.company_id, before=before)
