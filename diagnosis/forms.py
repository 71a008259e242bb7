"""What a visitor may type. Nothing typed is lost; every message says what to do."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.http import QueryDict

from diagnosis import codes
from diagnosis.calc import Page
from diagnosis.calc.validation import EITHER_OR, OUTSIDE, OUTSIDE_MULTIPLE, UNKNOWN, missing_words
from diagnosis.models import Diagnosis
from diagnosis.outcome import NONE_OF_THESE
from diagnosis.questionnaire import Fact, Question
from tenancy.fields import HeadcountField, LineField, MailField, NameField, PersonNameField

# Values of the form that stand for no value of the questionnaire.
NOT_APPLICABLE = "na"
NONE_OF_THEM = "none"
# Sent along with every page, and none of its answers.
BESIDE = frozenset({"csrfmiddlewaretoken", "go"})


class TrapMixin(forms.Form):
    """A field that people do not see and programs fill in."""

    trap = forms.CharField(required=False, label="この欄は空のままにしてください", widget=forms.TextInput)

    def clean_trap(self) -> str:
        if self.cleaned_data.get("trap"):
            raise forms.ValidationError(
                "自動入力の内容が含まれていたため、送信を止めました。もう一度お試しください。"
            )
        return ""


class StartForm(TrapMixin):
    """The button that begins. `seed` is the signed id of the diagnosis to be, so that two clicks begin one."""

    seed = forms.CharField(required=False, widget=forms.HiddenInput)


class CodeForm(forms.Form):
    """A short code from another device."""

    code = forms.CharField(
        label="再開コード",
        help_text=f"{codes.LENGTH}文字の英数字です。大文字・小文字・空白は気にせず入力できます。",
        max_length=40,
        error_messages={
            "required": "再開コードを入力してください。",
            "max_length": "再開コードをご確認ください。",
        },
        widget=forms.TextInput(
            {
                "autocomplete": "off",
                "autocapitalize": "characters",
                "spellcheck": "false",
                "inputmode": "latin",
            }
        ),
    )


class MailForm(forms.Form):
    """Where to send a link."""

    email = MailField(
        label="メールアドレス",
        error_messages={"required": "お送り先のメールアドレスを入力してください。"},
        widget=forms.EmailInput({"autocomplete": "email"}),
    )


INDUSTRIES = (
    "製造業",
    "建設業",
    "住宅・工務店",
    "不動産業",
    "卸売業",
    "小売業",
    "飲食業",
    "食品・酒類製造",
    "宿泊業",
    "美容・理容",
    "医療",
    "介護・福祉",
    "教育・学習支援",
    "士業・専門サービス",
    "情報サービス",
    "広告・デザイン",
    "運輸・物流",
    "自動車整備・販売",
    "農林水産業",
    "生活関連サービス",
    "その他",
)


class WhoForm(TrapMixin):
    """Who answered; asked only at the end. Consent is to the notice whose version was on the screen."""

    company_name = NameField(
        at=True,
        label="会社名",
        max_length=100,
        error_messages={"required": "会社名を入力してください。屋号でもかまいません。"},
        widget=forms.TextInput({"autocomplete": "organization"}),
    )
    contact_name = PersonNameField(required=False, widget=forms.TextInput({"autocomplete": "name"}))
    email = MailField(
        label="メールアドレス",
        required=False,
        help_text="結果とレポート(PDF)のリンクをお送りします。ご記入がなくても、結果はこのあとすぐご覧いただけます。",
        widget=forms.EmailInput({"autocomplete": "email"}),
    )
    industry = LineField(
        label="業種",
        max_length=60,
        required=False,
        help_text="候補からお選びいただくか、そのまま入力してください。",
        widget=forms.TextInput({"list": "industries", "autocomplete": "off"}),
    )
    employees = HeadcountField(
        label="従業員数",
        required=False,
        help_text="パート・アルバイトの方も含めた、おおよその人数です。",
    )
    privacy_version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    consent = forms.BooleanField(
        label="個人情報の取扱いに同意します",
        error_messages={"required": "個人情報の取扱いをお読みのうえ、同意の欄にチェックを入れてください。"},
    )

    def __init__(self, *args: Any, present_version: int, on_behalf: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.present_version = present_version
        if on_behalf:
            consent = self.fields["consent"]
            consent.label = "ご本人から、個人情報の取扱いへの同意をいただきました"
            consent.error_messages["required"] = (
                "ご本人に取扱いをお伝えし、同意をいただいてから、チェックを入れてください。"
            )

    def clean(self) -> dict[str, Any]:
        """A notice that changed while the form was open has to be read again, and the box ticked again."""
        cleaned = super().clean() or {}
        if cleaned.get("consent") and cleaned.get("privacy_version") != self.present_version:
            self.data = {name: value for name, value in self.data.items() if name != "consent"}
            changed = "個人情報の取扱いが新しくなりました。もう一度お読みのうえ、チェックを入れてください。"
            self.add_error("consent", changed)
        return cleaned


# ── The eight pages ──


class AnchorField(forms.ChoiceField):
    """One answer: an anchor's or option's value, or 該当なし as None."""

    def __init__(self, item: Question | Fact) -> None:
        messages = {"required": missing_words(item), "invalid_choice": OUTSIDE}
        super().__init__(choices=[(c.value, c.text) for c in choices_of(item)], error_messages=messages)

    def clean(self, value: Any) -> int | None:
        given = super().clean(value)
        return None if given == NOT_APPLICABLE else int(given)


class AllThatApplyField(forms.MultipleChoiceField):
    """Several answers; or 該当なし as None; or 「上のいずれにも…」 as an empty list, each of these two alone."""

    def __init__(self, fact: Fact) -> None:
        choices = [(c.value, c.text) for c in choices_of(fact)]
        self.alone = {value: text for value, text in choices if value in (NONE_OF_THEM, NOT_APPLICABLE)}
        messages = {"required": missing_words(fact), "invalid_choice": OUTSIDE_MULTIPLE}
        super().__init__(choices=choices, error_messages=messages)

    def clean(self, value: Any) -> list[str] | None:
        given: list[str] = super().clean([each for each in dict.fromkeys(value or ()) if each])
        alone = [each for each in given if each in self.alone]
        if alone and len(given) > 1:
            raise forms.ValidationError(EITHER_OR.format(label=self.alone[alone[-1]]), code="either_or")
        if alone:
            return None if alone == [NOT_APPLICABLE] else []
        return given


class PageForm(forms.Form):
    """One page of the questionnaire as it was sent. `answers` and `facts` hold what is valid, whatever else is not.

    Ids that the page does not have are refused; messages never repeat what was sent.
    """

    def __init__(self, page: Page, data: QueryDict) -> None:
        super().__init__(data)
        self.sent = data
        self.page = page
        self.fields |= {question.id: AnchorField(question) for question in page.questions}
        for fact in page.facts:
            self.fields[fact.id] = AllThatApplyField(fact) if fact.multiple else AnchorField(fact)

    def clean(self) -> dict[str, Any]:
        if set(self.data) - set(self.fields) - BESIDE:
            self.add_error(None, UNKNOWN)
        return self.cleaned_data

    @property
    def answers(self) -> dict[str, Any]:
        return {q.id: self.cleaned_data[q.id] for q in self.page.questions if q.id in self.cleaned_data}

    @property
    def facts(self) -> dict[str, Any]:
        return {f.id: self.cleaned_data[f.id] for f in self.page.facts if f.id in self.cleaned_data}

    @property
    def cleared(self) -> tuple[str, ...]:
        """Facts whose last mark was taken away: beside the boxes an empty value is sent, to tell this from absence."""
        several = (fact.id for fact in self.page.facts if fact.multiple)
        return tuple(id for id in several if id in self.sent and not any(self.sent.getlist(id)))

    @property
    def wrong(self) -> dict[str, str]:
        """Id → message for what was sent and may not be; under '' what belongs to no question. Not what is missing."""
        found = {}
        for id, errors in self.errors.as_data().items():
            messages = [str(message) for error in errors if error.code != "required" for message in error]
            if messages:
                found["" if id == "__all__" else id] = messages[0]
        return found

    @property
    def sent_where_wrong(self) -> dict[str, tuple[str, ...]]:
        """Id → what was sent, for what may not be: it is shown again, and not what was kept before."""
        return {id: tuple(self.sent.getlist(id)) for id in self.wrong if id}

    def said_when_missing(self, id: str) -> str:
        """The sentence beside a question that has no answer."""
        return str(self.fields[id].error_messages["required"])


@dataclass(frozen=True)
class Choice:
    """A row to choose. `level` is the anchor's number, which is part of the answer (「3に加え」), or ''.

    `alone`: chosen together with another one it is refused.
    """

    value: str
    text: str
    level: str = ""
    checked: bool = False

    @property
    def alone(self) -> bool:
        return self.value in (NONE_OF_THEM, NOT_APPLICABLE)


@dataclass(frozen=True)
class Row:
    """A question or fact on its page, with what is kept of it and what is wrong with it."""

    id: str
    no: int
    name: str
    text: str
    help: str
    multiple: bool
    choices: tuple[Choice, ...]
    error: str
    unanswered: bool


def choices_of(item: Question | Fact) -> list[Choice]:
    """All rows of a question or fact, 該当なし last."""
    if isinstance(item, Question):
        choices = [Choice(str(anchor.value), anchor.text, str(anchor.value)) for anchor in item.anchors]
    else:
        choices = [Choice(str(option.value), option.text) for option in item.options]
        choices += [Choice(NONE_OF_THEM, NONE_OF_THESE)] if item.multiple else []
    return choices + ([Choice(NOT_APPLICABLE, item.na_label or "該当なし")] if item.na_allowed else [])


def rows_of(
    page: Page, diagnosis: Diagnosis, errors: Mapping[str, str], sent: Mapping[str, tuple[str, ...]]
) -> list[Row]:
    """The page as it is kept; where something was `sent` that may not be, as it was sent."""
    given = {id: as_choices(value) for id, value in {**diagnosis.answers, **diagnosis.facts}.items()}
    rows = []
    items: list[Question | Fact] = [*page.questions, *page.facts]
    for item in items:
        chosen = sent.get(item.id, given.get(item.id, ()))
        choices = tuple(replace(choice, checked=choice.value in chosen) for choice in choices_of(item))
        is_question = isinstance(item, Question)
        rows.append(
            Row(
                id=item.id,
                no=item.no,
                name=f"{'設問' if is_question else '確認事項'}{item.no}",
                text=item.text,
                help=item.help if isinstance(item, Question) else "",
                multiple=isinstance(item, Fact) and item.multiple,
                choices=choices,
                error=errors.get(item.id, ""),
                unanswered=item.id not in sent and item.id not in given,
            )
        )
    return rows


def as_choices(value: int | list[str] | None) -> tuple[str, ...]:
    """A stored answer as the values of its checked rows."""
    if value is None:
        return (NOT_APPLICABLE,)
    if isinstance(value, int):
        return (str(value),)
    return tuple(value) or (NONE_OF_THEM,)
