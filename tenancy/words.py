"""What every form says where it has no better words of its own: what to do, not what a field is.

Set on Django's own fields once at start-up, and not by a base class of ours: django-allauth's forms and the fields that
a model makes speak the same way, and a new form cannot forget it. A form that can say it more precisely does.
"""

from django import forms
from django.core import validators

_TYPE, _CHOOSE, _AGAIN = (
    "入力してください。",
    "選んでください。",
    "選び直してください。いまは選べないものです。",
)
_STALE = "画面を開き直して、もう一度お試しください。"

WORDS: dict[type[forms.Field], dict[str, str]] = {
    forms.Field: {"required": _TYPE},
    forms.IntegerField: {"invalid": "数字で入力してください。"},
    forms.DateField: {"invalid": "日付を入力してください(例:2026-11-22)。"},
    forms.BooleanField: {"required": "チェックを入れてください。"},
    forms.ChoiceField: {"required": _CHOOSE, "invalid_choice": _AGAIN},
    forms.MultipleChoiceField: {"required": _CHOOSE, "invalid_choice": _AGAIN, "invalid_list": _AGAIN},
    forms.ModelChoiceField: {"required": _CHOOSE, "invalid_choice": _AGAIN},
    forms.UUIDField: {"invalid": _STALE},  # never typed: a form's own hidden id
}
LONGEST = "%(limit_value)d文字までで入力してください(いまは%(show_value)d文字です)。"
ADDRESS = "メールアドレスの形をご確認ください(例:tanaka@example.jp)。"


def speak() -> None:
    """Let Django's fields use them. Twice is once."""
    for kind, words in WORDS.items():
        kind.default_error_messages = {**kind.default_error_messages, **words}
    validators.MaxLengthValidator.message = LONGEST
    validators.EmailValidator.message = ADDRESS
