"""Forms of the house: companies, sites, and what a firm's admin sets."""

import json
import re
import unicodedata
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django import forms
from django.core.paginator import Page, Paginator
from django.db.models import F, Q

from tenancy import clock
from tenancy.actions import number_is_taken
from tenancy.corporate_number import normalize_corporate_number, validate_corporate_number
from tenancy.editing import texts_of
from tenancy.fields import FilterField, HeadcountField, LineField, MailField, NarrowField, ParagraphsField
from tenancy.kana import hira2kata
from tenancy.models import Company, Firm, FirmProfile, Membership, PrivacyNotice, PublicPerson, Site
from tenancy.scope import current_scope

NUMBER_TAKEN = "この法人番号は、ほかの企業で登録されています。"
_KANA = re.compile(r"[ァ-ヺーA-Za-z0-9 ・.,&'()\-]*")


class MemberChoice(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Choose one of those who consult for the firm, by name."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(queryset=Membership.objects.none(), required=False, **kwargs)

    def label_from_instance(self, obj: Any) -> str:
        return name_of(obj)


def name_of(member: Membership) -> str:
    """The member's name in a choice; of who has left, that it is so."""
    return str(member.user) if member.is_in_force else f"{member.user}(終了)"


class NumberField(forms.CharField):
    """A 法人番号 as people write it; normalised before it is checked, None when empty."""

    def __init__(self) -> None:
        super().__init__(
            label="法人番号",
            required=False,
            empty_value=None,
            help_text="13桁。ハイフンや全角のままでかまいません。",
            validators=[validate_corporate_number],
            widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        )

    def to_python(self, value: Any) -> Any:
        return super().to_python(normalize_corporate_number(value) if isinstance(value, str) else value)


class SeenForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form that remembers what it showed, for `tenancy.editing`."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["seen"] = json.dumps(texts_of(self.instance, self.edited()), ensure_ascii=False)

    def edited(self) -> list[str]:
        """The model's fields in this form."""
        return list(self._meta.fields or [])

    def values(self) -> dict[str, Any]:
        """What was typed, cleaned; for the action."""
        return {name: self.cleaned_data[name] for name in self.edited()}

    def clean_seen(self) -> dict[str, str]:
        """Texts by field; nothing readable counts as nothing seen."""
        try:
            seen = json.loads(self.cleaned_data["seen"] or "{}")
        except (ValueError, RecursionError):
            return {}
        return {str(key): str(value) for key, value in seen.items()} if isinstance(seen, dict) else {}

    def again(self, fresh: Any) -> "SeenForm":
        """After ChangedMeanwhile: the fields this person changed as typed, all others as they are stored now."""
        return type(self)(instance=fresh, initial=self.mine())

    def mine(self) -> dict[str, Any]:
        """What this person changed, as typed."""
        seen, typed = self.cleaned_data["seen"], texts_of(self.instance, self.edited())
        return {name: value for name, value in self.values().items() if typed[name] != seen.get(name, "")}


class CompanyForm(SeenForm):
    """A client company. `once` makes one company of two clicks; `really` says that it is none of those proposed."""

    corporate_number = NumberField()
    consultant = MemberChoice(label="担当", empty_label="決まっていません")
    once = forms.UUIDField(required=False, widget=forms.HiddenInput)
    really = forms.BooleanField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Company
        fields = (
            "name",
            "kana",
            "corporate_number",
            "industry",
            "employees",
            "location",
            "representative",
            "support_status",
            "consultant",
        )
        help_texts = {
            "name": "登記や看板のとおりに。例:株式会社つむぎ野工務店",
            "kana": "「カブシキガイシャ」などは省きます。一覧はこの順に並びます。",
            "employees": "パート・アルバイトの方を含む、おおよその人数",
        }
        error_messages = {"name": {"required": "会社名を入力してください。"}}
        field_classes = {
            **dict.fromkeys(("name", "kana", "industry", "location", "representative"), LineField),
            "employees": HeadcountField,
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        present = Q(pk=self.instance.consultant_id or 0)
        self.fields["consultant"].queryset = Membership.objects.offered(present)  # type: ignore[attr-defined]
        if not self.instance.pk:
            self.initial.setdefault("once", uuid4())

    def clean_kana(self) -> str:
        kana = hira2kata(unicodedata.normalize("NFKC", self.cleaned_data["kana"]))
        if not _KANA.fullmatch(kana):
            raise forms.ValidationError("フリガナはカタカナ(またはひらがな)で入力してください。")
        return kana

    def clean_corporate_number(self) -> str | None:
        number: str | None = self.cleaned_data["corporate_number"] or None
        taken = Company.objects.exclude(pk=self.instance.pk).filter(corporate_number=number).first()
        if number and taken:
            raise forms.ValidationError(f"この法人番号は「{taken.name}」で登録されています。")
        hidden = not current_scope().sees_whole_firm
        if number and hidden and number_is_taken(number, by_other_than=self.instance.pk):
            raise forms.ValidationError(NUMBER_TAKEN)
        return number

    def say_number_is_taken(self) -> None:
        """After a lost race: the same words as if it had been taken before."""
        self.add_error("corporate_number", NUMBER_TAKEN)


class SiteForm(forms.ModelForm):  # type: ignore[type-arg]
    """The name of a shop, school, area or product line."""

    class Meta:
        model = Site
        fields = ("name",)
        labels = {"name": "事業・拠点の名前"}
        field_classes = {"name": LineField}
        help_texts = {"name": "店舗・教室・地区・商品群など、数字を分けて見たい単位"}
        error_messages = {"name": {"required": "名前を入力してください。"}}


SORTS = {
    "kana": ("kana", "name", "pk"),
    "-kana": ("-kana", "-name", "-pk"),
    "-updated": ("-updated_at", "-pk"),
    "updated": ("updated_at", "pk"),
    "-created": ("-created_at", "-pk"),
    "created": ("created_at", "pk"),
    "-contact": (F("last_contact_on").desc(nulls_last=True), "kana", "pk"),
    "contact": (F("last_contact_on").asc(nulls_last=True), "kana", "pk"),
}
NOBODY = "none"  # in charge
CONTACT = {
    "": "すべて",
    "30": "30日以内",
    "90": "90日以内",
    "old": "90日より前",
    "none": "記録なし",
}


class CompanyFilter(forms.Form):
    """What narrows down the list. Whatever is unreadable narrows down nothing."""

    q = forms.CharField(
        label="探す", required=False, max_length=100, widget=forms.TextInput(attrs={"type": "search"})
    )
    status = FilterField(label="支援状況", choices=[("", "すべて"), *Company.Support.choices])
    industry = FilterField(label="業種")
    consultant = FilterField(label="担当")
    contact = FilterField(label="最後の面談", choices=list(CONTACT.items()))
    archived = FilterField(label="保管済み", choices=[("", "表示しない"), ("shown", "保管済みも表示")])
    sort = forms.ChoiceField(required=False, choices=[(key, key) for key in SORTS], widget=forms.HiddenInput)

    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__(data, auto_id="filter-%s")
        self.fields["q"].widget.attrs["placeholder"] = "会社名・フリガナ・所在地"
        # Plain choices: a ModelChoiceField takes a tenth of the page's time.
        industries, in_charge = Company.objects.industries_and_consultants()
        people = Membership.objects.of_the_firm().named()
        members = [each for each in people if each.is_in_force or each.pk in in_charge]
        self._names = {member.pk: str(member.user) for member in members}
        named = [(member.pk, name_of(member)) for member in members]
        self.fields["consultant"].choices = [("", "全員"), *named, (NOBODY, "決まっていません")]  # type: ignore[attr-defined]
        self.fields["industry"].choices = [("", "すべて"), *((name, name) for name in industries)]  # type: ignore[attr-defined]
        self.is_valid()

    @property
    def order(self) -> str:
        """The order in use."""
        return str(self.cleaned_data.get("sort") or "kana")

    @property
    def active(self) -> bool:
        """Whether something is narrowed down."""
        narrowing = ("q", "status", "industry", "consultant", "contact", "archived")
        return any(self.cleaned_data.get(name) for name in narrowing)

    def companies(self) -> Any:
        """The companies that are asked for, in order."""
        clean = self.cleaned_data
        found = Company.objects.listed() if clean.get("archived") else Company.objects.in_use()
        if words := clean.get("q"):
            found = found.search(words)
        columns = {"status": "support_status", "industry": "industry", "consultant": "consultant"}
        asked = {column: clean[name] for name, column in columns.items() if clean.get(name)}
        if asked.get("consultant") == NOBODY:
            asked["consultant"] = None
        return found.filter(self._contact(), **asked).order_by(*SORTS[self.order])

    def page(self, number: str | None, size: int) -> "Page[Company]":
        """A page of them, each with `support_label` and `consultant_name`, None where nobody is in charge. Two queries:
        the form has read the names for its own choices, so neither counting nor reading joins a person."""
        page = Paginator(self.companies(), size).get_page(number)
        rows, labels = list(page.object_list.as_rows()), dict(Company.Support.choices)  # type: ignore[attr-defined]
        for row in rows:
            row.consultant_name = self._names.get(row.consultant_id)
            row.support_label = labels[row.support_status]
        page.object_list = rows
        return page

    def _contact(self) -> Q:
        """The last meeting's day, as asked for."""
        asked = self.cleaned_data.get("contact", "")
        if asked == "none":
            return Q(last_contact_on=None)
        days = timedelta(days=30 if asked == "30" else 90)
        since = clock.today() - days
        ways = {"30": Q(last_contact_on__gte=since), "90": Q(last_contact_on__gte=since)}
        return ways.get(asked) or (Q(last_contact_on__lt=since) if asked == "old" else Q())


class ProfileForm(SeenForm):
    """What the firm says about itself to everybody."""

    class Meta:
        model = FirmProfile
        fields = (
            "headline",
            "conviction",
            "legal_name",
            "representative",
            "location",
            "phone",
            "hours",
            "email",
        )
        field_classes = {
            **dict.fromkeys(("headline", "conviction"), ParagraphsField),
            **dict.fromkeys(("legal_name", "representative", "location", "hours"), LineField),
            "phone": NarrowField,
            "email": MailField,
        }
        widgets = {
            "headline": forms.Textarea(attrs={"rows": 2}),
            "conviction": forms.Textarea(attrs={"rows": 7}),
            "phone": forms.TextInput(attrs={"type": "tel"}),
        }
        help_texts = {
            "headline": "公開ページのいちばん上に大きく出ます。改行したところで行が変わります。",
            "conviction": "どのような考えで支援しているか。1行あけると、段落が分かれます。",
            "representative": "例:佐伯 真理子(中小企業診断士)",
            "phone": "公開ページ・メール・エラーの画面に出ます。例:048-000-1204",
            "hours": "例:平日 9:00–17:00",
            "email": "お客様がメールに返信すると、ここに届きます。",
        }
        error_messages = {
            "legal_name": {"required": "会社名を入力してください。"},
            "phone": {"required": "電話番号を入力してください。"},
            "email": {"required": "メールアドレスを入力してください。"},
        }


class RulesForm(SeenForm):
    """The two rules that the door asks for."""

    class Meta:
        model = Firm
        fields = ("consultants_see", "requires_second_factor")
        widgets = {"consultants_see": forms.RadioSelect}
        help_texts = {
            "consultants_see": "管理者は、いつもすべての企業を見られます。",
            "requires_second_factor": "管理者とコンサルタントが対象です。まだの方は、2段階認証の設定へ進みます。",
        }


class PersonForm(forms.ModelForm):  # type: ignore[type-arg]
    """Somebody a visitor may talk to."""

    class Meta:
        model = PublicPerson
        fields = ("name", "title", "qualification", "fields_of_work", "interests")
        field_classes = dict.fromkeys(fields, LineField)
        help_texts = {
            "name": "姓と名のあいだに空白を入れてください。姓が大きく出ます。",
            "interests": "販売や紹介料の受け取りなど。ないときは「ありません」と書きます。",
        }
        error_messages = {"name": {"required": "お名前を入力してください。"}}


class PrivacyForm(forms.ModelForm):  # type: ignore[type-arg]
    """The words of the next version; `after` is the version that was shown."""

    after = forms.IntegerField(widget=forms.HiddenInput)

    class Meta:
        model = PrivacyNotice
        fields = ("summary", "text")
        field_classes = dict.fromkeys(fields, ParagraphsField)
        widgets = {
            "summary": forms.Textarea(attrs={"rows": 4}),
            "text": forms.Textarea(attrs={"rows": 24}),
        }
        help_texts = {
            "summary": "公開ページの下と、診断の最後に出る短い文です。",
            "text": "「## 」で始まる行は見出しに、「- 」で始まる行は箇条書きになります。",
        }
        error_messages = {
            "summary": {"required": "要約を入力してください。"},
            "text": {"required": "本文を入力してください。"},
        }


class TokenForm(forms.Form):
    """What a new API token is called. `once` makes one token of two clicks."""

    once = forms.UUIDField(required=False, widget=forms.HiddenInput, initial=uuid4)

    name = LineField(
        label="使いみち",
        max_length=60,
        help_text="あとで見分けられるように。例:会計ソフトとの連携",
        error_messages={"required": "何に使うトークンかを入力してください。"},
    )
