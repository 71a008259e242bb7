"""Forms about people: invitations, roles, last days, handing over."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any, cast

from django import forms
from django.contrib.auth.password_validation import password_validators_help_text_html, validate_password
from django.core.exceptions import ValidationError
from django.http import QueryDict

from tenancy import clock
from tenancy.fields import LineField, MailField, PersonNameField
from tenancy.forms import NOBODY, MemberChoice
from tenancy.models import Company, Membership, User
from tenancy.permissions import CONSULTANT, PARTNER, STAFF

# By whether it is a place in a company.
_ROLES_HELP = {
    False: (
        "管理者は、設定・メンバー・データの書き出しまで行えます。コンサルタントは、支援先企業の仕事を行います。"
    ),
    True: (
        "経営者は自社のすべてを見て、社員を招待できます。社員は共有されたものを見ます。"
        "外部人材は渡されたものだけを、最後の日まで見ます。"
    ),
}
_THERE = "この方は、すでに参加しているか、ご招待へのお返事を待っています。"
_CHANGE_THERE = {
    False: "役割は、メンバーの一覧でお名前を選ぶと変えられます。お返事待ちのご招待は、取り消してからお送りください。",
    True: "役割を変えるときは、メンバーの画面で参加を終えるか、ご招待を取り消してから、もう一度ご招待ください。",
}
TOO_MANY = "ご招待の回数が、1日にお送りできる数を超えました。明日もう一度お試しください。"
LONGEST = timedelta(days=2 * 366)


class LastDayField(forms.DateField):
    """A day from today on, at most two years ahead."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")

    def validate(self, value: date | None) -> None:
        super().validate(value)
        if value is not None and not clock.today() <= value <= clock.today() + LONGEST:
            raise ValidationError("今日から2年以内の日付を入力してください。")


class InviteForm(forms.Form):
    """Who is invited as what. With one role there is nothing to choose."""

    name = PersonNameField()
    email = MailField(
        label="メールアドレス",
        help_text="ご招待のリンクをお送りします。このアドレスの方だけが参加できます。",
        error_messages={"required": "メールアドレスを入力してください。"},
    )
    role = forms.ChoiceField(label="役割", widget=forms.RadioSelect)
    title = LineField(label="肩書き", max_length=60, required=False, help_text="例:代表取締役、工場長")
    ends_on = LastDayField(
        label="参加の最後の日",
        required=False,
        help_text="外部人材の方にだけ、必ず決めます。この日を過ぎると、自動で開けなくなります。",
    )

    def __init__(self, *args: Any, roles: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(role.value, role.label) for role in Membership.Role if role.value in set(roles)]
        self.fields["role"].choices = choices  # type: ignore[attr-defined]
        if PARTNER not in dict(choices):
            del self.fields["ends_on"]
        if CONSULTANT in dict(choices):
            self.fields["title"].help_text = "例:中小企業診断士、コンサルタント(製造)"
        self.fields["role"].help_text = _ROLES_HELP[PARTNER in dict(choices)]
        if len(choices) == 1:
            self.fields["role"].widget = forms.HiddenInput()
            self.fields["role"].initial = choices[0][0]

    def clean(self) -> dict[str, Any]:
        clean: dict[str, Any] = super().clean() or self.cleaned_data
        if clean.get("role") != PARTNER:
            clean["ends_on"] = None
        elif not clean.get("ends_on") and "ends_on" not in self.errors:
            self.add_error("ends_on", "外部人材の方の、参加の最後の日を入力してください。")
        return clean

    def say_too_many(self) -> None:
        self.add_error("email", TOO_MANY)

    def say_already_there(self) -> None:
        """And how to change it: a role in the firm by the list, one in a company by inviting anew."""
        in_company = {STAFF} & dict(self.fields["role"].choices).keys()  # type: ignore[attr-defined]
        self.add_error("email", f"{_THERE}{_CHANGE_THERE[bool(in_company)]}")


class AcceptForm(forms.Form):
    """What a new person is called, and their password; a company's own people may go without one."""

    name = PersonNameField()
    password = forms.CharField(
        label="パスワード",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        error_messages={"required": "パスワードを決めてください。"},
    )

    def __init__(self, *args: Any, email: str, needs_password: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email
        self.fields["password"].required = needs_password
        self.fields["password"].help_text = password_validators_help_text_html()
        self.fields["name"].widget.attrs["autocomplete"] = "name"

    def clean(self) -> dict[str, Any]:
        clean: dict[str, Any] = super().clean() or self.cleaned_data
        if password := clean.get("password"):
            try:
                validate_password(password, User(email=self.email, name=clean.get("name", "")))
            except ValidationError as weak:
                self.add_error("password", weak)
        return clean


class MemberForm(forms.Form):
    """The role and title of somebody who works for the firm."""

    role = forms.ChoiceField(
        label="役割",
        widget=forms.RadioSelect,
        help_text=_ROLES_HELP[False],
        choices=[(each.value, each.label) for each in (Membership.Role.ADMIN, Membership.Role.CONSULTANT)],
    )
    title = LineField(label="肩書き", max_length=60, required=False)


class EndsOnForm(forms.Form):
    """An external partner's last day."""

    ends_on = LastDayField(
        label="参加の最後の日", error_messages={"required": "参加の最後の日を入力してください。"}
    )


class AssignForm(forms.Form):
    """Which companies are to be in whose charge; nobody's is an answer too."""

    to = forms.ChoiceField(
        label="新しい担当",
        error_messages={
            "required": "新しい担当を選んでください。",
            "invalid_choice": "新しい担当を、いまのメンバーから選んでください。",
        },
    )
    companies = forms.ModelMultipleChoiceField(
        label="企業",
        queryset=Company.objects.none(),
        error_messages={
            "required": "担当を決める企業を、1社以上選んでください。",
            "invalid_choice": "選んだ企業の一部が、統合などで無くなりました。もう一度選んでください。",
            "invalid_pk_value": "企業を一覧から選んでください。",
        },
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["companies"].queryset = Company.objects.listed()  # type: ignore[attr-defined]
        self._members = {str(each.pk): each for each in Membership.objects.consulting()}
        members = [(key, str(each.user)) for key, each in self._members.items()]
        choices = [("", "選んでください"), *members, (NOBODY, "担当なしにする")]
        self.fields["to"].choices = choices  # type: ignore[attr-defined]

    @property
    def member(self) -> Membership | None:
        """Who is chosen; None for nobody."""
        return self._members.get(self.cleaned_data["to"])

    @property
    def chosen(self) -> set[str]:
        """The companies' ids as they were sent, so that an answer with an error keeps them."""
        return set(cast("QueryDict", self.data).getlist("companies")) if self.is_bound else set()


class HandOverForm(forms.Form):
    """Who takes over everything; and whether the one who hands over leaves."""

    to = MemberChoice(label="引き継ぐ人", empty_label="選んでください")
    end = forms.BooleanField(label="引き継いだあと、この人の参加を終える", required=False)

    def __init__(self, *args: Any, leaving: Membership, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        others = Membership.objects.consulting().exclude(pk=leaving.pk)
        self.fields["to"].queryset = others  # type: ignore[attr-defined]
        self.fields["to"].required = True
        self.fields["to"].error_messages["required"] = "引き継ぐ人を選んでください。"
