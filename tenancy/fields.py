"""Fields of forms: what people type, as it can be stored and printed; refused in words that say what to do."""

import re
import unicodedata
from typing import Any

from django import forms
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

# Joiners hold an emoji or a variant of a character together; every other invisible character goes.
JOINERS = "\u200d\ufe0e\ufe0f"
INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn")


def clean_line(text: str) -> str:
    """One line as it can be printed: NFC, no control or direction characters, line breaks and tabs as a space."""
    line = _visible(re.sub(r"[\r\n\t\v\f\u2028\u2029]+", " ", text))
    return re.sub(rf"^[\s{JOINERS}]+|[\s{JOINERS}]+$", "", line)


def _visible(text: str) -> str:
    composed = unicodedata.normalize("NFC", text)
    return "".join(c for c in composed if c in JOINERS or unicodedata.category(c) not in INVISIBLE)


def clean_text(text: str) -> str:
    """The same for text that may have lines: these and their indents stay."""
    return "\n".join("\t".join(map(_visible, line.split("\t"))) for line in text.split("\n"))


class LineField(forms.CharField):
    """A CharField of one clean line; too long, it says how long it may be and how long it is."""

    def __init__(self, *, max_length: int, **kwargs: Any) -> None:
        super().__init__(strip=False, **kwargs)
        self.longest = max_length

    def to_python(self, value: Any) -> str:
        return clean_line(value or "")

    def validate(self, value: str) -> None:
        super().validate(value)
        if len(value) > self.longest:
            raise forms.ValidationError(
                f"{self.longest:,}文字までで入力してください(いまは{len(value):,}文字です)。",
                code="max_length",
            )


class NameField(LineField):
    """What a person or a company is called. It stands in mails to others, whoever typed it: an address in it would be
    a link in our name. Companies are called @… (`at=True`), people are not."""

    LINK, ADDRESS = re.compile(r"://|www\.", re.IGNORECASE), re.compile(r"://|www\.|@", re.IGNORECASE)

    def __init__(self, *, at: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.at = at

    @classmethod
    def is_link(cls, value: str) -> bool:
        """Whether a mail program would make a link of it."""
        return bool(cls.LINK.search(unicodedata.normalize("NFKC", value)))

    def validate(self, value: str) -> None:
        super().validate(value)
        found = (self.LINK if self.at else self.ADDRESS).search(unicodedata.normalize("NFKC", value))
        if found:
            what = "URL" if self.at else "URLやメールアドレス"
            raise forms.ValidationError(f"{self.label}だけを入力してください。{what}は入れられません。")


class PersonNameField(NameField):
    """What a person is called, at most 60 characters."""

    def __init__(self, **kwargs: Any) -> None:
        messages = {"required": "お名前を入力してください。"}
        super().__init__(label="お名前", max_length=60, error_messages=messages, **kwargs)


class NarrowField(LineField):
    """A line in which full width is forgiven: telephone numbers."""

    def to_python(self, value: Any) -> str:
        return super().to_python(unicodedata.normalize("NFKC", value or ""))


class ParagraphsField(LineField):
    """Several lines, with plain line ends: browsers send CRLF, and unchanged words must not look changed."""

    widget = forms.Textarea

    def to_python(self, value: Any) -> str:
        lines = str(value or "").replace("\r\n", "\n").replace("\r", "\n").split("\n")
        return "\n".join(_visible(line.expandtabs(4)).rstrip() for line in lines).strip("\n")


class MailField(forms.EmailField):
    """An EmailField that forgives full width and spaces around; stored in lower case."""

    def __init__(self, **kwargs: Any) -> None:
        messages = {
            "invalid": "メールアドレスの形をご確認ください(例:tanaka@example.jp)。",
            "max_length": "メールアドレスが長すぎます。254文字までで入力してください。",
        }
        kwargs |= {"max_length": 254, "error_messages": messages | kwargs.get("error_messages", {})}
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> str:
        return clean_line(unicodedata.normalize("NFKC", value or "")).lower()


class HeadcountField(forms.IntegerField):
    """People as they are written down: 12, 12, 1,200, 12名, 約12人くらい."""

    AROUND = re.compile(r"[,\s]|^(約|およそ|おおよそ)|([人名]様?)?(くらい|ぐらい|ほど|程度|前後|弱|強)?$")
    TOO_MANY = "0から1,000,000までの数字で入力してください。"

    def __init__(self, **kwargs: Any) -> None:
        messages = {
            "invalid": "数字で入力してください(例:12)。",
            "min_value": self.TOO_MANY,
            "max_value": self.TOO_MANY,
        }
        kwargs |= {"min_value": 0, "max_value": 1_000_000}
        kwargs["error_messages"] = messages | kwargs.get("error_messages", {})
        super().__init__(**kwargs)
        self.widget = forms.TextInput({"inputmode": "numeric", "autocomplete": "off"})

    def to_python(self, value: Any) -> int | None:
        folded = unicodedata.normalize("NFKC", "" if value is None else str(value)).strip()
        number = self.AROUND.sub("", folded)
        if folded and not number:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(number)


class PlainSelect(forms.Select):
    """A select without groups, drawn in one go: a template takes three times as long, and a list has five of them."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        chosen = self.format_value(value)
        rows = ((key, " selected" if str(key) in chosen else "", label) for key, label in self.choices)
        options = format_html_join("\n", '<option value="{}"{}>{}</option>', rows)
        known = self.build_attrs(self.attrs, {**(attrs or {}), "name": name})
        return format_html("<select{}>\n{}\n</select>", flatatt(known), options)


class FilterField(forms.ChoiceField):
    """One of the choices of a filter, or none of them."""

    widget = PlainSelect

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)
