"""Forms of the operator's pages."""

from uuid import uuid4

from django import forms

from tenancy.fields import LineField, MailField


class EnterForm(forms.Form):
    """Why the operator enters a firm. `once` makes one entry of two clicks."""

    once = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)
    reason = LineField(
        label="入る理由",
        max_length=300,
        help_text="10文字以上。この会社の「操作の記録」に残り、管理者の方がご覧になります。",
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "理由を入力してください。"},
    )

    def clean_reason(self) -> str:
        reason: str = self.cleaned_data["reason"]
        if len(reason) < 10:
            raise forms.ValidationError("何のために入るのかを、10文字以上で書いてください。")
        return reason


class FirmForm(forms.Form):
    """A new firm with its first admin; the action says what is wrong with the slug."""

    name = LineField(
        label="名称", max_length=100, error_messages={"required": "会社の名称を入力してください。"}
    )
    slug = LineField(
        label="URLの名前",
        max_length=40,
        help_text="半角の英小文字・数字・ハイフン。あとから変えられません。",
        error_messages={"required": "URLの名前を、半角の英小文字で入力してください。"},
    )
    admin_name = LineField(
        label="管理者のお名前",
        max_length=60,
        error_messages={"required": "管理者の方のお名前を入力してください。"},
    )
    admin_email = MailField(
        label="管理者のメールアドレス",
        error_messages={"required": "管理者の方のメールアドレスを入力してください。"},
    )
