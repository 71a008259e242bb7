from django import forms

from notices.models import Mail


class MailFilter(forms.Form):
    """Narrowing the mail log down. Nonsense in the address narrows nothing."""

    q = forms.CharField(label="宛先・件名", required=False, max_length=100, widget=forms.SearchInput)
    state = forms.ChoiceField(label="状態", required=False, choices=[("", "すべて"), *Mail.State.choices])

    @property
    def words(self) -> str:
        return str(self.cleaned_data.get("q", "")) if self.is_bound and self.is_valid() else ""

    @property
    def chosen(self) -> str:
        return str(self.cleaned_data.get("state", "")) if self.is_bound and self.is_valid() else ""
