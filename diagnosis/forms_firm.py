"""What consultants type: narrowing the list, the comment, a company to link, an address, two diagnoses."""

from collections.abc import Iterable
from uuid import uuid4

from django import forms

from diagnosis.models import Diagnosis, DiagnosisQuerySet
from diagnosis.questionnaire import current
from tenancy.fields import FilterField, LineField, MailField, ParagraphsField
from tenancy.models import Company
from tenancy.templatetags.michisuji import jdate, jtime

UNSEEN, WAITING, CLIENTS = "unseen", "waiting", "clients"
COMMENT_AT_MOST = 4000
# The browser's own suggestions would be the consultant's name and address.
NAME_WIDGET = forms.TextInput(attrs={"autocomplete": "off"})
MAIL_WIDGET = forms.EmailInput(attrs={"autocomplete": "off"})
NO_ADDRESS = {"required": "送り先のメールアドレスをご入力ください。"}


class ListForm(forms.Form):
    """Which diagnoses the list shows, all of it in the address. An unknown choice narrows nothing."""

    q = forms.CharField(label="会社名", required=False, max_length=100)
    show = FilterField(
        label="表示",
        choices=[
            ("", "すべて"),
            (UNSEEN, "まだ見ていない"),
            (WAITING, "引き継ぎ待ち"),
            (CLIENTS, "支援先"),
        ],
    )
    grade = FilterField(label="等級")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        letters = sorted(grade.grade for grade in current().grades)
        self.fields["grade"].choices = [("", "すべて"), *((each, each) for each in letters)]  # type: ignore[attr-defined]

    @property
    def is_active(self) -> bool:
        """Whether something is narrowed down."""
        return self.is_valid() and any(self.cleaned_data.values())

    def narrow(self, rows: DiagnosisQuerySet) -> DiagnosisQuerySet:
        """The rows that the form asks for."""
        chosen = self.cleaned_data if self.is_valid() else {}
        ways = {UNSEEN: rows.unseen, WAITING: rows.waiting, CLIENTS: rows.of_clients}
        if show := chosen.get("show"):
            rows = ways[show]()
        if grade := chosen.get("grade"):
            rows = rows.filter(grade=grade)
        return rows.search(chosen.get("q", ""))


class CommentForm(forms.Form):
    """The comment, and the version its writer saw."""

    text = ParagraphsField(
        label="お客様にお伝えする文章",
        required=False,
        max_length=COMMENT_AT_MOST,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text=(
            "保存すると、結果の画面とレポート(PDF)に「担当者から」として載ります。空にして保存すると載りません。"
            "絵文字はレポート(PDF)には載りません。"
        ),
    )
    based_on = forms.IntegerField(min_value=0, widget=forms.HiddenInput)


class TakeOverForm(forms.Form):
    """Which company the diagnosis belongs to: one of those there are, or a new one. Empty: not said.

    `name` and `compared` are asked for where the diagnosis names no company: what the new one is called, and for which
    name similar companies have been shown.
    """

    NEW = "new"
    company = forms.CharField(required=False, max_length=18)
    name = LineField(
        label="会社名",
        required=False,
        max_length=100,
        help_text="ご回答に会社名のご記入がありませんでした。お確かめのうえ、入力してください。",
        error_messages={"required": "会社名を入力してください。"},
        widget=NAME_WIDGET,
    )
    compared = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: object, nameless: bool = False, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.nameless = nameless
        says_new = not self.is_bound or self.data.get("company") == self.NEW
        self.fields["name"].required = nameless and says_new

    @property
    def name_to_compare(self) -> str:
        """A name that was typed and for which similar companies have not been shown yet; else ''."""
        name = str(self.cleaned_data.get("name", ""))
        return name if self.nameless and self.is_new and name != self.cleaned_data.get("compared") else ""

    def clean_company(self) -> str:
        chosen = str(self.cleaned_data["company"])
        if chosen and chosen != self.NEW and not (chosen.isascii() and chosen.isdigit()):
            raise forms.ValidationError("一覧からお選びください。")
        return chosen

    @property
    def is_new(self) -> bool:
        return self.cleaned_data.get("company") == self.NEW

    @property
    def company_id(self) -> int | None:
        chosen = self.cleaned_data.get("company", "")
        return int(chosen) if chosen and not self.is_new else None


class SendForm(forms.Form):
    """Where the link to the result goes."""

    email = MailField(label="送り先のメールアドレス", widget=MAIL_WIDGET, error_messages=NO_ADDRESS)


class RevokeForm(forms.Form):
    """Which issue of the link is ended."""

    version = forms.IntegerField(min_value=1)


class OnceForm(forms.Form):
    """A form that does its work once, however often it is sent: its id becomes that of what is made."""

    request_id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)


class InvitationForm(forms.Form):
    """To whom the link of an invitation goes once more."""

    contact_name = LineField(label="お名前", required=False, max_length=60, widget=NAME_WIDGET)
    email = MailField(label="メールアドレス", widget=MAIL_WIDGET, error_messages=NO_ADDRESS)


class InviteForm(OnceForm, InvitationForm):
    """To whom the link for a diagnosis goes."""

    @classmethod
    def known_of(cls, company: Company) -> "InviteForm":
        """Filled in with who answered last. One query."""
        latest = Diagnosis.objects.submitted().filter(company=company).exclude(email="").first()
        known = {"contact_name": latest.contact_name, "email": latest.email} if latest else {}
        return cls(initial=known)


class CompareForm(forms.Form):
    """Which two diagnoses of a company are compared; without a choice the newest two."""

    before = forms.ChoiceField(label="前の診断")
    after = forms.ChoiceField(label="後の診断")

    def __init__(self, data: object, diagnoses: Iterable[Diagnosis]) -> None:
        super().__init__(data)  # type: ignore[arg-type]
        self.diagnoses = {str(each.pk): each for each in diagnoses}
        choices = [(key, label_of(each)) for key, each in self.diagnoses.items()]
        for name in self.fields:
            self.fields[name].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, object]:
        """Two different ones; the earlier one stands on the left whatever was chosen where."""
        chosen: dict[str, object] = dict(self.cleaned_data)
        if chosen.get("before") is not None and chosen.get("before") == chosen.get("after"):
            raise forms.ValidationError("別々の診断を二つお選びください。")
        return chosen

    @property
    def pair(self) -> tuple[Diagnosis, Diagnosis]:
        """The two, the earlier one first. Only after `is_valid()`."""
        two = [self.diagnoses[self.cleaned_data[name]] for name in ("before", "after")]
        before, after = sorted(two, key=lambda each: (each.submitted_at, each.pk))
        return before, after


def label_of(diagnosis: Diagnosis) -> str:
    """How a diagnosis is told from the others of its company."""
    return (
        f"{jdate(diagnosis.submitted_at)} {jtime(diagnosis.submitted_at)}"  # a telephone shows it in one line
    )
