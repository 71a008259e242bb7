"""The form by which a firm's deletion is ordered."""

from django import forms

from tenancy.fields import LineField


class DeletionForm(forms.Form):
    """The firm's name, typed by hand: nobody deletes a firm by one wrong click."""

    name = LineField(
        label="会社の名称",
        max_length=100,
        help_text="確認のため、会社の名称を入力してください。",
        error_messages={"required": "会社の名称を入力してください。"},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
