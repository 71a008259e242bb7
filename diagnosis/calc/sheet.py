"""All answers in words, in the order of the pages; and what changed between two such sheets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from diagnosis.calc.pages import pages
from diagnosis.calc.result import Answers, Facts
from diagnosis.questionnaire import Fact, Question, Questionnaire

NOT_ANSWERED = "未回答"
NOT_APPLICABLE = "該当なし"
NONE_OF_THEM = "いずれも当てはまらない"


@dataclass(frozen=True)
class Answered:
    """One question or fact with what was chosen. `level`: the anchor's value, None for 該当なし and facts."""

    id: str
    label: str
    text: str
    chosen: str
    level: int | None = None


@dataclass(frozen=True)
class SheetPage:
    """One page of the questionnaire, answered. `key` and `label` are those of `diagnosis.calc.pages`."""

    key: str
    label: str
    rows: tuple[Answered, ...]


@dataclass(frozen=True)
class Change:
    """A question or fact that was answered differently. `change` is in levels, None where one has none."""

    id: str
    text: str
    page: str
    before: str
    after: str
    change: int | None


def sheet(questionnaire: Questionnaire, answers: Answers, facts: Facts) -> tuple[SheetPage, ...]:
    """Every question and fact with the words that were chosen; what is missing yet says so."""
    return tuple(
        SheetPage(
            page.key,
            page.label,
            (
                *(_question(question, answers) for question in page.questions),
                *(_fact(fact, facts) for fact in page.facts),
            ),
        )
        for page in pages(questionnaire)
    )


def changes(before: tuple[SheetPage, ...], after: tuple[SheetPage, ...]) -> tuple[Change, ...]:
    """What was chosen differently, in the order of `after`. KeyError across questionnaire versions."""
    earlier = {row.id: row for page in before for row in page.rows}
    return tuple(
        Change(row.id, row.text, page.label, earlier[row.id].chosen, row.chosen, _moved(earlier[row.id], row))
        for page in after
        for row in page.rows
        if earlier[row.id].chosen != row.chosen
    )


def _moved(before: Answered, after: Answered) -> int | None:
    return None if before.level is None or after.level is None else after.level - before.level


def _question(question: Question, answers: Answers) -> Answered:
    value = answers.get(question.id)
    if value is None:
        chosen = _unanswered(question.id, answers, question.na_label)
    else:
        chosen = next(anchor.text for anchor in question.anchors if anchor.value == value)
    return Answered(question.id, f"Q{question.no}", question.text, chosen, value)


def _fact(fact: Fact, facts: Facts) -> Answered:
    value = facts.get(fact.id)
    if value is None:
        chosen = _unanswered(fact.id, facts, fact.na_label)
    else:
        values = value if isinstance(value, list) else [value]
        chosen = "、".join(option.text for option in fact.options if option.value in values) or NONE_OF_THEM
    return Answered(fact.id, f"確認{fact.no}", fact.text, chosen)


def _unanswered(key: str, given: Mapping[str, object], label: str | None) -> str:
    return (label or NOT_APPLICABLE) if key in given else NOT_ANSWERED
