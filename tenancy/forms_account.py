"""Forms of signing in and of the own account."""

import unicodedata
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import ConfirmLoginCodeForm, RequestLoginCodeForm
from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import validate_totp_code
from django import forms

from tenancy import limits, second_factor
from tenancy.account import may_use_codes
from tenancy.fields import MailField, PersonNameField
from tenancy.models import User
from tenancy.permissions import Limit

CODES_A_DAY = Limit("login_code", 15, 86_400)
CODE_TRIES = Limit("login_code_try", 10, 3_600)
TOTP_TRIES = Limit("second_factor_new", 10, 300)
TOO_MANY = (
    "お試しの回数が多いため、いったん受け付けを止めています。しばらく待ってから、もう一度お試しください。"
)
WRONG_CODE = "コードが違います。もう一度ご確認ください。"


class CodeField(forms.CharField):
    """A code as it is read off a mail or a telephone: full width and spaces are forgiven."""

    def __init__(self, label: str, **kwargs: Any) -> None:
        attrs = {"inputmode": "numeric", "autocomplete": "one-time-code", "autofocus": True}
        messages = {"required": "コードを入力してください。"}
        widget = forms.TextInput(attrs=attrs)
        super().__init__(label=label, widget=widget, error_messages=messages, max_length=40, **kwargs)

    def to_python(self, value: Any) -> str:
        return unicodedata.normalize("NFKC", super().to_python(value) or "").replace(" ", "")


class RequestCodeForm(RequestLoginCodeForm):  # type: ignore[misc]
    """The address that a code is sent to. `_user`: whom it belongs to; allauth sets and reads it."""

    _user: User | None = None

    email = MailField(
        label="メールアドレス",
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}),
        error_messages={"required": "メールアドレスを入力してください。"},
    )

    def clean_email(self) -> str:
        email: str = super().clean_email()
        if not limits.within(CODES_A_DAY, email):
            raise forms.ValidationError(TOO_MANY)
        return email

    def send_password_people_away(self) -> None:
        """Who works on a firm's side gets no code but a mail that says so; the page says the same to everybody."""
        user = self._user
        if user is not None and not may_use_codes(user):
            get_adapter().send_mail("account/email/login_by_password", user.email, {"user": user})
            self._user = None


class ConfirmCodeForm(ConfirmLoginCodeForm):  # type: ignore[misc]
    """The code of the mail. `who`: the address it was sent to; its tries are counted together, whatever the browser."""

    code = CodeField("6桁のコード")

    def __init__(self, *args: Any, who: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.who = who

    def clean_code(self) -> str:
        return right_code(self.cleaned_data["code"], self.expected_code or "", self.who)


def right_code(typed: str, expected: str, who: str) -> str:
    """`typed`, if it is the expected one. Raises ValidationError, also for the right one after too many tries."""
    if not limits.within(CODE_TRIES, who):
        raise forms.ValidationError(TOO_MANY)
    if not compare_user_code(actual=typed, expected=expected):
        raise forms.ValidationError(WRONG_CODE)
    limits.give_back(CODE_TRIES, who)
    return typed


class PasswordAgainForm(forms.Form):
    """The password once more, before something sensitive."""

    password = forms.CharField(
        label="パスワード",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
        error_messages={"required": "パスワードを入力してください。"},
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if not get_adapter().reauthenticate(self.user, password):
            raise forms.ValidationError("パスワードが違います。もう一度入力してください。")
        return password


class CodeAgainForm(forms.Form):
    """For people without a password: a code by mail, before something sensitive."""

    code = CodeField("6桁のコード")

    def __init__(self, *args: Any, user: User, expected: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user, self.expected = user, expected

    def clean_code(self) -> str:
        return right_code(self.cleaned_data["code"], self.expected, self.user.email)


class SecondFactorForm(forms.Form):
    """The app's code, or one of the recovery codes. `authenticator`: what it was."""

    code = CodeField("確認コード", help_text="アプリの6桁の数字か、控えておいたリカバリーコード(8桁)")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.authenticator: Authenticator | None = None

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        try:
            self.authenticator = second_factor.accepted(self.user, code)
        except second_factor.TooManyTries as error:
            raise forms.ValidationError(TOO_MANY) from error
        if self.authenticator is None:
            raise forms.ValidationError(WRONG_CODE)
        return code


class SetUpForm(forms.Form):
    """The first code of the app shows that it has the key."""

    code = CodeField("アプリに出ている6桁の数字")

    def __init__(self, *args: Any, user: User, secret: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user, self.secret = user, secret

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        if not limits.within(TOTP_TRIES, str(self.user.pk)):
            raise forms.ValidationError(TOO_MANY)
        if not validate_totp_code(self.secret, code):
            raise forms.ValidationError(WRONG_CODE)
        return code


class NameForm(forms.Form):
    """The person's name. Nothing else of an account can be changed here."""

    name = PersonNameField(
        help_text="いっしょにお使いの方に、この名前で表示されます。",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )


class EmailForm(forms.Form):
    """The new address."""

    email = MailField(
        label="新しいメールアドレス",
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        error_messages={"required": "新しいメールアドレスを入力してください。"},
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if email == self.user.email:
            raise forms.ValidationError("いまのメールアドレスと同じです。")
        return email
