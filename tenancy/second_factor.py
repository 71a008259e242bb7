"""The second factor: codes from an app (TOTP), and recovery codes for the day it is lost.

django-allauth's models and arithmetic. Its pages and its `wrap()` are left alone, because they import the packages for
security keys, which are not offered here.
"""

from collections.abc import Iterable
from io import BytesIO

import segno
from allauth.account.stages import LoginStage
from allauth.core.internal.cryptokit import normalize_user_code
from allauth.core.internal.httpkit import headed_redirect_response
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from cryptography.fernet import InvalidToken
from django.core.cache import cache
from django.db import transaction
from django.http import HttpResponse

from tenancy import limits
from tenancy.cipher import cipher_for
from tenancy.models import Membership, User
from tenancy.permissions import FIRM_SIDE, Limit
from tenancy.scope import Scope, open_scope

TRIES = (Limit("second_factor", 5, 300), Limit("second_factor_day", 50, 86_400))
_USED_FOR_SECONDS = 180  # longer than a code is accepted, with the tolerance before and after


class TooManyTries(Exception):
    """Codes are not looked at for a while."""


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets are stored encrypted; the QR code is drawn by segno."""

    def encrypt(self, text: str) -> str:
        return cipher_for("second-factor").encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return cipher_for("second-factor").decrypt(encrypted_text.encode()).decode()

    def build_totp_svg(self, url: str) -> str:
        """Dark on white in either theme: cameras want it so."""
        drawn = BytesIO()
        segno.make(url, error="m").save(drawn, kind="svg", scale=4, border=4, dark="#000", light="#fff")
        return drawn.getvalue().decode()


class SecondFactorStage(LoginStage):  # type: ignore[misc]
    """The step of signing in after password or code, for whoever has set it up."""

    key = "mfa_authenticate"
    urlname = "mfa_authenticate"

    def handle(self) -> tuple[HttpResponse | None, bool]:
        if self.login.user is None or not is_set_up(self.login.user):
            return None, True
        return headed_redirect_response(self.urlname), True


def is_set_up(user: User) -> bool:
    """Whether signing in asks for a second factor. One query."""
    return bool(Authenticator.objects.filter(user_id=user.pk, type=Authenticator.Type.TOTP).exists())


def set_up_by(users: Iterable[int]) -> set[int]:
    """Which of these people (ids) are asked for a second factor when they sign in. One query."""
    rows = Authenticator.objects.filter(user_id__in=list(users), type=Authenticator.Type.TOTP)
    return set(rows.values_list("user_id", flat=True))


def is_required_of(user: User) -> bool:
    """Whether the person cannot do without: runs the installation, or works for a firm that wants it. One query."""
    if user.is_operator:
        return True
    with open_scope(Scope(user_id=user.pk)):
        mine = Membership.objects.active().filter(role__in=FIRM_SIDE, firm__requires_second_factor=True)
        return mine.exists()


def accepted(user: User, code: str) -> Authenticator | None:
    """What the code is of: the app or the recovery codes; None for a wrong or used one. Each code is accepted once.

    Raises TooManyTries, also for a right code: 5 tries in 5 minutes and 50 a day, counted before looking.
    """
    if not all(limits.within(limit, str(user.pk)) for limit in TRIES):
        raise TooManyTries
    found = next((each for each in Authenticator.objects.filter(user=user) if _fits(each, code)), None)
    if found is not None:
        limits.give_back(TRIES[0], str(user.pk))
        limits.give_back(TRIES[1], str(user.pk))
        found.record_usage()
    return found


def _fits(row: Authenticator, code: str) -> bool:
    try:
        return _is_of(row, code)
    except InvalidToken:  # encrypted with a SECRET_KEY that was taken out
        return False


def _is_of(row: Authenticator, code: str) -> bool:
    if row.type == Authenticator.Type.RECOVERY_CODES:
        return bool(RecoveryCodes(row).validate_code(code))
    return bool(TOTP(row).validate_code(code)) and _is_first_use(row, code)


def _is_first_use(row: Authenticator, code: str) -> bool:
    """allauth remembers a used code for 30 s, but accepts it, with our tolerance, for 90."""
    key = f"michisuji.second-factor:{row.user_id}:{normalize_user_code(code)}"
    return bool(cache.add(key, 1, timeout=_USED_FOR_SECONDS))


def encrypt_anew() -> int:
    """Encrypt every secret with the present SECRET_KEY, before an old one is taken out. Returns how many."""
    cipher, rows = cipher_for("second-factor"), Authenticator.objects.order_by("pk")
    for pk in rows.values_list("pk", flat=True):
        with transaction.atomic():
            row = Authenticator.objects.select_for_update().filter(pk=pk).first()
            if row is None:  # removed meanwhile
                continue
            for name in {"secret", "seed"} & row.data.keys():
                row.data[name] = cipher.rotate(row.data[name].encode()).decode()
            row.save(update_fields=["data"])
    return int(rows.count())


def recovery_codes(user: User) -> list[str]:
    """Those that are not used yet."""
    row = Authenticator.objects.filter(user=user, type=Authenticator.Type.RECOVERY_CODES).first()
    return list(RecoveryCodes(row).get_unused_codes()) if row else []
