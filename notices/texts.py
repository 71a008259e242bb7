"""The mails' texts: content/copy_ja.json as supplied, and content/mails_ja.json, written in its tone.

Strict on purpose: a mail with a hole in it must never leave the house. The texts may only use `{{ name }}`,
`{% if name %}` and `{% endif %}`, so that what a mail needs can be read off it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.template import Context, Engine

_FOLDER = Path(__file__).parent / "content"
_FILES = ("copy_ja.json", "mails_ja.json")
_NAME = re.compile(r"{{ (\w+) }}|{% if (\w+) %}|{% endif %}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_CONTROL_IN_TEXT = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
_ENGINE = Engine()
_LONGEST_SUBJECT = 300

# Those that open an account to whoever reads them.
PRIVATE = frozenset({"invitation", "own_invitation"})
# What stands there when nobody gave it. Everything else must be given.
WHEN_NOT_GIVEN = {"contact_name": "ご担当者", "firm_phone": ""}


class MailIncomplete(ValueError):
    """A mail was to be written without something it names."""


@dataclass(frozen=True)
class Text:
    """One mail's wording. `names`: every variable it needs; `choices`: those that only decide what is left out."""

    subject: str
    body: str
    private: bool
    names: frozenset[str]
    choices: frozenset[str]

    def render(self, values: Mapping[str, object]) -> tuple[str, str]:
        """Subject (one line) and body. Raises MailIncomplete for a variable that is missing, None or blank.

        `contact_name` and `firm_phone` may be given as None or '': the one becomes 「ご担当者」, the other's line is
        left out. Names that the mail does not use are ignored.
        """
        absent = sorted(name for name in self.names if self._lacks(name, values))
        if absent:
            raise MailIncomplete(f"The mail needs {', '.join(absent)}.")
        context = {name: values[name] for name in self.names}
        for name, instead in WHEN_NOT_GIVEN.items():
            if name in context and is_blank(context[name]):
                context[name] = instead
        subject, body = (_render(source, context) for source in (self.subject, self.body))
        return one_line(subject)[:_LONGEST_SUBJECT], _CONTROL_IN_TEXT.sub("", body)

    def _lacks(self, name: str, values: Mapping[str, object]) -> bool:
        if name not in values:
            return True
        return is_blank(values[name]) and name not in self.choices and name not in WHEN_NOT_GIVEN


def is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def one_line(text: str) -> str:
    """Without line breaks and control characters, so that nothing typed becomes a header."""
    return _CONTROL.sub(" ", text).strip()


@cache
def texts() -> dict[str, Text]:
    """Every mail by name. Raises ValueError for a text that uses more of the template language than it may."""
    found: dict[str, Text] = {}
    for file in _FILES:
        for name, entry in json.loads((_FOLDER / file).read_text(encoding="utf-8"))["emails"].items():
            if name in found:
                raise ValueError(f"Two mails are called {name!r}.")
            found[name] = _read(name, entry)
    return found


def _read(name: str, entry: Mapping[str, str]) -> Text:
    both = entry["subject"] + entry["body"]
    if re.search(r"{{|{%|{#", _NAME.sub("", both)):
        raise ValueError(f"The mail {name!r} uses more than variables and plain conditions.")
    pairs = _NAME.findall(both)
    shown, asked = {shown for shown, _ in pairs if shown}, {asked for _, asked in pairs if asked}
    # A firm without a telephone number has no empty line there.
    body = entry["body"].replace("{{ firm_phone }}\n", "{% if firm_phone %}{{ firm_phone }}\n{% endif %}")
    return Text(
        entry["subject"],
        body,
        bool(entry.get("private")) or name in PRIVATE,
        frozenset(shown | asked),
        frozenset(asked),
    )


def _render(source: str, context: Mapping[str, object]) -> str:
    return str(_ENGINE.from_string(source).render(Context(dict(context), autoescape=False, use_l10n=False)))
