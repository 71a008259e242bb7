"""What may be typed about a session that is asked for already, and by a company's own people."""

import re
from collections.abc import Sequence
from typing import Any

from django import forms

from consultations.actions.asking import Asked
from consultations.forms import NO_TIME, DetailsForm, SeedMixin, SlotField
from consultations.models.booking import Kind
from consultations.office import in_the_office
from diagnosis.addresses import RESULT
from diagnosis.models import Diagnosis
from tenancy.fields import ParagraphsField
from tenancy.links import read_token
from tenancy.models import Company, Membership
from tenancy.templatetags.michisuji import jdate

NOT_A_RESULT = (
    "診断の結果ページのリンクを、そのまま貼り付けてください。古いリンクや、ほかの会社のリンクは使えません。"
)
_TOKEN = re.compile(r"[A-Za-z0-9_.~:-]{40,}")


def diagnosis_of(text: str) -> Diagnosis | None:
    """The submitted diagnosis of this firm whose result link somebody holds: an address, or the token in it."""
    for token in _TOKEN.findall(text):
        if link := read_token(RESULT, token):
            with in_the_office():
                found = Diagnosis.objects.submitted().filter(pk=link.id).first()
            if found is not None and link.is_version(found.link_version):
                return found
    return None


class MoreForm(DetailsForm):
    """The second step, and the diagnosis that was taken before, by the link of its result."""

    result = forms.CharField(
        label="診断の結果ページのリンク",
        max_length=1_000,
        required=False,
        help_text="簡易診断を受けられた方は、結果のページのアドレスを貼り付けてください。",
        widget=forms.TextInput({"autocomplete": "off", "inputmode": "url"}),
    )
    diagnosis: Diagnosis | None = None

    def clean_result(self) -> str:
        typed = str(self.cleaned_data.get("result") or "")
        if typed and (found := diagnosis_of(typed)) is None:
            raise forms.ValidationError(NOT_A_RESULT)
        if typed:
            self.diagnosis = found
        return typed

    def values(self) -> dict[str, object]:
        """What is to be added, of a valid form; without a link the diagnosis stays as it is."""
        values: dict[str, object] = {name: self.cleaned_data[name] for name in ("phone", "by_phone", "topic")}
        return values | ({"diagnosis": self.diagnosis} if self.diagnosis else {})


class AnswerForm(forms.Form):
    """To an offer: yes, yes at another time, no but waiting on, no more."""

    ACCEPT, OTHER, KEEP, LEAVE = "accept", "other", "keep", "leave"

    answer = forms.ChoiceField(choices=[(each, each) for each in (ACCEPT, OTHER, KEEP, LEAVE)])
    slot = SlotField(required=False)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("answer") == self.OTHER and not cleaned.get("slot") and "slot" not in self.errors:
            self.add_error("slot", NO_TIME)
        return cleaned


class OwnForm(SeedMixin):
    """What an owner says of a session: the rest is known."""

    kind = forms.ChoiceField(
        label="ご利用内容", choices=Kind.choices, initial=Kind.ADVICE, widget=forms.RadioSelect
    )
    topic = ParagraphsField(
        label="気になること",
        max_length=2_000,
        required=False,
        help_text="一言でかまいません",
        widget=forms.Textarea({"rows": 4}),
    )
    diagnosis = forms.ChoiceField(label="読み合わせる簡易診断", required=False)

    def __init__(self, *args: Any, diagnoses: Sequence[Diagnosis], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.diagnoses = {str(each.pk): each for each in diagnoses}
        if not self.diagnoses:
            del self.fields["diagnosis"]
            return
        taken = [
            (pk, f"{jdate(each.submitted_at)}のご回答(総合評価 {each.grade})")
            for pk, each in self.diagnoses.items()
        ]
        self.fields["diagnosis"].choices = [*taken, ("", "添えない")]  # type: ignore[attr-defined]
        self.initial.setdefault("diagnosis", taken[0][0])
        self.initial.setdefault("kind", Kind.BOTH)

    def asked(self, company: Company, member: Membership) -> Asked:
        """What the actions need, of a valid form."""
        given = self.cleaned_data
        return Asked(
            company_name=company.name,
            contact_name=str(member.user),
            email=member.user.email,
            topic=given["topic"],
            kind=given["kind"],
            corporate_number=company.corporate_number or "",
            company=company,
            diagnosis=self.diagnoses.get(given.get("diagnosis", "")),
        )


class OwnBookForm(OwnForm):
    """And the time."""

    slot = SlotField()


class OwnWaitForm(OwnForm):
    """And the months that would do, of those that are full."""

    months = forms.MultipleChoiceField(
        label="ご希望の月",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "ご希望の月を、1つ以上お選びください。"},
    )

    def __init__(self, *args: Any, choices: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["months"].choices = choices  # type: ignore[attr-defined]
