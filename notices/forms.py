"""Forms of the mail log, and of what is mailed."""

from typing import Any

from django import forms

from notices.kinds import kinds_for
from notices.models import Mail
from tenancy.fields import FilterField
from tenancy.models import Membership
from tenancy.permissions import PARTNER


class MailFilter(forms.Form):
    """Narrowing the mail log down. Nonsense in the address narrows nothing."""

    q = forms.CharField(label="宛先・件名", required=False, max_length=100, widget=forms.SearchInput)
    state = FilterField(label="状態", choices=[("", "すべて"), *Mail.State.choices])

    @property
    def words(self) -> str:
        return str(self.cleaned_data.get("q", "")) if self.is_bound and self.is_valid() else ""

    @property
    def chosen(self) -> str:
        return str(self.cleaned_data.get("state", "")) if self.is_bound and self.is_valid() else ""


# By whether it is an external partner, who has no notices.
_WITHOUT = {
    False: "選ばなかったものも、画面のお知らせには届きます。",
    True: "選ばなくても、渡されたものはホームからご覧いただけます。",
}


class ChooseForm(forms.Form):
    """Which notices a member wants by mail too."""

    wanted = forms.MultipleChoiceField(
        label="メールでも受け取るお知らせ",
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, membership: Membership, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = kinds_for(membership)
        self.fields["wanted"].help_text = _WITHOUT[membership.role == PARTNER]
        self.fields["wanted"].choices = list(kinds.items())  # type: ignore[attr-defined]
        self.initial["wanted"] = [name for name in kinds if name not in membership.muted]
