"""What may be typed to ask for a session. Nothing typed is lost; every message says what to do."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.conf import settings
from django.utils.html import format_html

from consultations.actions.asking import Asked
from consultations.free_times import FreeTime
from consultations.models.booking import Kind
from consultations.slots import Slot
from diagnosis.forms import TrapMixin
from diagnosis.models import Diagnosis
from tenancy import clock
from tenancy.fields import MailField, NameField, NarrowField, ParagraphsField, PersonNameField
from tenancy.links import make_token, read_token, signed_at
from tenancy.models import Company, PrivacyNotice

SEED = "consultations.form"  # the purpose of the signed id that a form carries
FASTEST = timedelta(seconds=2)  # nobody reads the page, chooses and writes in less
TOO_FAST = "送信が早すぎたため、受け付けられませんでした。内容をご確認のうえ、もう一度送信してください。"
NO_TIME = "ご希望の時刻をお選びください。"
MAIL_HELP = (
    "ご確認のメールをお送りします。携帯電話のアドレスの場合は、<b>{}</b> からの受信を許可してください。"
)
PHONE_SHAPE = "電話番号を、数字とハイフンで入力してください(例:048-000-1204)。"


def new_seed() -> str:
    """The signed id of what a form will make: sent twice, it makes one; and it says when the page was opened."""
    return make_token(SEED, uuid4(), 1)


class PhoneField(NarrowField):
    """A telephone number, in whatever width."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.TextInput({"type": "tel", "autocomplete": "tel", "inputmode": "tel"})
        super().__init__(max_length=20, widget=widget, **kwargs)

    def validate(self, value: str) -> None:
        super().validate(value)
        if value and not all(each.isdigit() or each in "+-() " for each in value):
            raise forms.ValidationError(PHONE_SHAPE)


class SeedMixin(forms.Form):
    """The form's own signed id: `seed_id` once it is valid."""

    seed = forms.CharField(widget=forms.HiddenInput, required=False)

    def clean_seed(self) -> str:
        seed = str(self.cleaned_data.get("seed") or "")
        if read_token(SEED, seed) is None:
            raise forms.ValidationError("画面を開き直して、もう一度お試しください。")
        return seed

    @property
    def seed_id(self) -> UUID:
        """Of a valid form."""
        link = read_token(SEED, self.cleaned_data["seed"])
        assert link is not None  # clean_seed
        return link.id

    @property
    def fresh_seed(self) -> str:
        """The seed to show again: what was sent, where it was ours, else a new one."""
        sent = str((self.data if self.is_bound else self.initial).get("seed") or "")
        return sent if sent and read_token(SEED, sent) else new_seed()


class SlotField(forms.CharField):
    """A time, as `slots.Slot` writes it; the cleaned value is the Slot."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(label="日時", error_messages={"required": NO_TIME}, **kwargs)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        slot = Slot.read(text) if text else None
        if text and slot is None:
            raise forms.ValidationError(NO_TIME)
        return slot


class AskForm(SeedMixin, TrapMixin):
    """Four fields and the kind. Consent is to the notice whose version was on the screen."""

    kind = forms.ChoiceField(
        label="ご利用内容", choices=Kind.choices, initial=Kind.BOTH, widget=forms.RadioSelect
    )
    company_name = NameField(
        at=True,
        label="会社名",
        max_length=100,
        error_messages={"required": "会社名を入力してください。屋号でもかまいません。"},
        widget=forms.TextInput({"autocomplete": "organization"}),
    )
    contact_name = PersonNameField(widget=forms.TextInput({"autocomplete": "name"}))
    email = MailField(
        label="メール",
        error_messages={"required": "ご確認のメールをお送りする、メールアドレスを入力してください。"},
        widget=forms.EmailInput({"autocomplete": "email", "inputmode": "email"}),
    )
    topic = ParagraphsField(
        label="気になること",
        max_length=2_000,
        required=False,
        help_text="一言でかまいません",
        widget=forms.Textarea({"rows": 4}),
    )
    privacy_version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    consent = forms.BooleanField(
        label="個人情報の取扱いに同意します",
        error_messages={"required": "個人情報の取扱いをお読みのうえ、同意の欄にチェックを入れてください。"},
    )

    def __init__(
        self, *args: Any, present_version: int = 0, notice: PrivacyNotice | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.notice = notice
        self.present_version = notice.version if notice else present_version
        sender = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip(">")
        self.fields["email"].help_text = format_html(MAIL_HELP, sender)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if (seed := cleaned.get("seed")) and clock.now() - signed_at(seed) < FASTEST:
            self.add_error(None, TOO_FAST)
        if cleaned.get("consent") and cleaned.get("privacy_version") != self.present_version:
            self.add_error(
                "consent",
                "個人情報の取扱いが新しくなりました。お読みのうえ、もう一度チェックを入れてください。",
            )
        return cleaned

    def asked(self, *, diagnosis: Diagnosis | None = None, company: Company | None = None) -> Asked:
        """What the action needs, of a valid form."""
        given = self.cleaned_data
        names = ("company_name", "contact_name", "email", "topic", "kind", "privacy_version")
        return Asked(**{name: given[name] for name in names}, diagnosis=diagnosis, company=company)


class BookForm(AskForm):
    """And the time."""

    slot = SlotField()


class WaitForm(AskForm):
    """And the months that would do, of those that are full."""

    months = forms.MultipleChoiceField(
        label="ご希望の月",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "ご希望の月を、1つ以上お選びください。"},
    )

    def __init__(self, *args: Any, choices: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["months"].choices = choices  # type: ignore[attr-defined]


class DetailsForm(forms.Form):
    """The second step, if somebody likes: a telephone, how to talk, more to say."""

    by_phone = forms.BooleanField(label="お電話で参加する", required=False)
    phone = PhoneField(label="お電話番号", required=False)
    topic = ParagraphsField(
        label="気になること", max_length=2_000, required=False, widget=forms.Textarea({"rows": 5})
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("by_phone") and not cleaned.get("phone") and "phone" not in self.errors:
            self.add_error("phone", "お電話で参加される場合は、おかけする番号を入力してください。")
        return cleaned


class ChooseForm(SeedMixin):
    """Another time for what stands already."""

    slot = SlotField()


def by_day(times: Sequence[FreeTime]) -> dict[Any, list[FreeTime]]:
    """The free times of each day that has any."""
    days: dict[Any, list[FreeTime]] = {}
    for each in times:
        days.setdefault(each.day, []).append(each)
    return days
