"""What consultants type: narrowing the list, notes, what was agreed, how to take part, a session for somebody else."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from uuid import uuid4

from django import forms
from django.utils.dateparse import parse_datetime

from consultations.actions.asking import Asked
from consultations.forms import NO_TIME, PhoneField, SeedMixin, SlotField
from consultations.models import SessionNote
from consultations.models.booking import ConsultationQuerySet, Kind
from consultations.slots import YEARS
from consultations.states import State
from tenancy import clock
from tenancy.fields import (
    FilterField,
    LineField,
    MailField,
    NameField,
    ParagraphsField,
    PersonNameField,
    PlainSelect,
)
from tenancy.models import Company

OFF = {"autocomplete": "off"}  # the browser would suggest the consultant's own
NO_CONSENT = "口頭で同意をいただいてから、チェックを入れてください。"


def month_in(text: str) -> date:
    """The month that an address names (2026-12); this month for anything else."""
    this = clock.today().replace(day=1)
    try:
        named = datetime.strptime(text, "%Y-%m").date()
    except ValueError:
        return this
    return named if named.year in YEARS else this


class ListForm(forms.Form):
    """Which sessions of a month the table shows, all of it in the address. Nonsense narrows nothing."""

    q = forms.CharField(label="会社名・お名前・メール", required=False, max_length=100)
    state = FilterField(label="状態", choices=[("", "すべて"), *State.choices])
    month = forms.CharField(required=False, widget=forms.HiddenInput)

    @property
    def chosen(self) -> dict[str, Any]:
        self.full_clean()
        return self.cleaned_data

    @property
    def is_active(self) -> bool:
        """Whether something is narrowed down within the month."""
        return bool(self.chosen.get("q") or self.chosen.get("state"))

    @property
    def shown_month(self) -> date:
        return month_in(self.chosen.get("month", ""))

    def narrow(self, rows: ConsultationQuerySet) -> ConsultationQuerySet:
        """The rows that the form asks for, by their time. A hold that has run out is one, written down or not."""
        rows = rows.filter(month=self.shown_month).search(self.chosen.get("q", ""))
        if state := self.chosen.get("state"):
            rows = rows.standing(state)
        return rows.order_by("starts_at", "created_at", "pk")


class WhereForm(forms.Form):
    """How to take part in this one session. Empty: as usual with the consultant."""

    meeting_url = forms.URLField(
        label="参加リンク(この回だけ)",
        required=False,
        max_length=500,
        assume_scheme="https",
        widget=forms.URLInput(OFF),
        error_messages={"invalid": "https:// から始まるリンクを入力してください。"},
    )
    meeting_phone = PhoneField(
        label="こちらの電話番号(この回だけ)",
        required=False,
        help_text="リンクもあるときは、お電話をご希望の方にだけお伝えします。",
    )

    def clean_meeting_url(self) -> str:
        url = str(self.cleaned_data["meeting_url"])
        if url and not url.startswith("https://"):
            raise forms.ValidationError("https:// から始まるリンクを入力してください。")
        return url


class NoteForm(forms.Form):
    """The firm's own note. `seen`: when the words that the writer saw were saved."""

    text = ParagraphsField(
        label="社内だけのメモ",
        required=False,
        max_length=8_000,
        widget=forms.Textarea({"rows": 6}),
        help_text="お客様には見えません。",
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    @classmethod
    def of(cls, note: SessionNote | None, **initial: Any) -> "NoteForm":
        """The form with what is saved."""
        known = {"text": note.text, "seen": note.updated_at.isoformat()} if note else {}
        return cls(initial={**known, **initial}, auto_id=f"{cls.__name__}_%s")

    @classmethod
    def sent(cls, data: Any) -> "NoteForm":
        return cls(data, auto_id=f"{cls.__name__}_%s")

    @property
    def seen_at(self) -> datetime | None:
        """Of a valid form; None for nothing, and for what we never wrote."""
        try:
            return parse_datetime(self.cleaned_data["seen"])
        except ValueError:
            return None


class SummaryForm(NoteForm):
    """The summary for the company."""

    text = ParagraphsField(
        label="お客様がお読みになる文章",
        required=False,
        max_length=8_000,
        widget=forms.Textarea({"rows": 8}),
        help_text="保存しただけではお客様には見えません。メールでお送りすると、リンクから読めるようになります。",
    )


class ActionForm(forms.Form):
    """Something agreed. Its id becomes that of the row: sent twice, it is one."""

    id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)
    text = LineField(
        label="すること",
        max_length=200,
        error_messages={"required": "することを入力してください。"},
        widget=forms.TextInput(OFF),
    )
    who = LineField(
        label="担当",
        max_length=60,
        error_messages={"required": "担当を入力してください。"},
        widget=forms.TextInput(OFF),
        help_text="お客様のお名前、または当社の担当",
    )
    due_on = forms.DateField(label="期限", required=False, widget=forms.DateInput({"type": "date"}))

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id="action_%s")


class MarkForm(forms.Form):
    """What became of it."""

    after = forms.ChoiceField(
        choices=[(each, each.label) for each in (State.COMPLETED, State.NO_SHOW, State.CONFIRMED)]
    )


class MoveForm(forms.Form):
    """Another time."""

    slot = SlotField()


class CancelForm(forms.Form):
    """Who cannot come, and why. What the firm cannot hold needs a reason: it is what the client reads."""

    CLIENT, FIRM = "client", "firm"
    whose = forms.ChoiceField(choices=[(CLIENT, CLIENT), (FIRM, FIRM)])
    reason = LineField(label="理由", required=False, max_length=200, widget=forms.TextInput(OFF))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.is_bound and self.data.get("whose") == self.FIRM:
            self.fields["reason"].required = True
            self.fields["reason"].error_messages["required"] = "お客様にお伝えする理由を入力してください。"


class CompanyOfForm(forms.Form):
    """Which company it is: one of those there are, or a new one. `compared`: the name for which similar companies have
    been shown."""

    NEW = "new"
    company = forms.CharField(max_length=18, error_messages={"required": "一覧からお選びください。"})
    compared = forms.CharField(required=False, widget=forms.HiddenInput)
    name = NameField(
        at=True,
        label="会社名",
        required=False,
        max_length=100,
        widget=forms.TextInput(OFF),
        error_messages={"required": "会社名を入力してください。"},
    )
    representative = NameField(label="代表者", required=False, max_length=60, widget=forms.TextInput(OFF))
    support_status = forms.ChoiceField(
        label="支援状況",
        choices=[(each, each.label) for each in (Company.Support.LEAD, Company.Support.CLIENT)],
        widget=forms.RadioSelect,
        initial=Company.Support.LEAD,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        is_new = not self.is_bound or self.data.get("company") == self.NEW
        self.fields["name"].required = self.fields["support_status"].required = is_new

    def clean_company(self) -> str:
        chosen = str(self.cleaned_data["company"])
        if chosen != self.NEW and not (chosen.isascii() and chosen.isdigit()):
            raise forms.ValidationError("一覧からお選びください。")
        return chosen

    @property
    def is_new(self) -> bool:
        return bool(self.cleaned_data["company"] == self.NEW)

    def values(self) -> dict[str, object]:
        """Of a new company."""
        names = ("name", "representative", "support_status")
        return {name: self.cleaned_data[name] for name in names}


class OnBehalfForm(SeedMixin):
    """A session that somebody asks for on the telephone: 代理入力. `do`: booking it, or waiting for a full month."""

    BOOK = "book"

    company = forms.TypedChoiceField(
        label="支援先企業",
        required=False,
        coerce=int,
        empty_value=None,
        widget=PlainSelect,
        help_text="登録のない会社のときは、選ばずに下の欄へ入力します。",
    )
    company_name = NameField(
        at=True,
        label="会社名",
        required=False,
        max_length=100,
        widget=forms.TextInput(OFF),
        help_text="支援先企業を選んだときは、空欄でかまいません。",
    )
    contact_name = PersonNameField(widget=forms.TextInput(OFF))
    email = MailField(
        label="メールアドレス",
        widget=forms.EmailInput(OFF),
        error_messages={"required": "ご予約の内容をお送りする、メールアドレスを入力してください。"},
    )
    phone = PhoneField(label="お電話番号", required=False)
    by_phone = forms.BooleanField(label="お電話で参加する", required=False)
    kind = forms.ChoiceField(
        label="ご利用内容", choices=Kind.choices, initial=Kind.BOTH, widget=forms.RadioSelect
    )
    topic = ParagraphsField(
        label="気になること", max_length=2_000, required=False, widget=forms.Textarea({"rows": 4})
    )
    slot = SlotField(required=False)
    consent = forms.BooleanField(
        label="個人情報の取扱いについて、口頭で同意をいただきました",
        error_messages={"required": NO_CONSENT},
    )
    do = forms.CharField(required=False, max_length=12)

    def __init__(self, *args: Any, companies: Iterable[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.names = dict(companies)
        self.fields["phone"].widget.attrs |= OFF
        self.fields["company"].choices = [("", "選ばない"), *self.names.items()]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if "company_name" not in self.errors and not cleaned.get("company_name"):
            if chosen := self.names.get(cleaned.get("company") or 0):
                cleaned["company_name"] = chosen
            else:
                self.add_error("company_name", "会社名を入力するか、支援先企業をお選びください。")
        if cleaned.get("by_phone") and not cleaned.get("phone") and "phone" not in self.errors:
            self.add_error("phone", "お電話で参加される場合は、おかけする番号を入力してください。")
        if not self.waits_for and not cleaned.get("slot") and "slot" not in self.errors:
            self.add_error("slot", NO_TIME)
        return cleaned

    @property
    def waits_for(self) -> date | None:
        """The month for which to wait, where that was asked for."""
        do = str(self.data.get("do", ""))
        try:
            return date.fromisoformat(f"{do}-01") if do and do != self.BOOK else None
        except ValueError:
            return None

    def asked(self, *, company: Company | None, privacy_version: int | None) -> Asked:
        """What the action needs, of a valid form."""
        names = ("company_name", "contact_name", "email", "phone", "by_phone", "kind", "topic")
        given = {name: self.cleaned_data[name] for name in names}
        number = (company.corporate_number or "") if company else ""
        return Asked(**given, corporate_number=number, company=company, privacy_version=privacy_version)
