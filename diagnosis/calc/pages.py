"""The eight pages of the 簡易診断: one per axis, then the facts, and what is still open on each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from diagnosis.questionnaire import Fact, Question, Questionnaire

FACTS_KEY = "facts"


@dataclass(frozen=True)
class Page:
    """One page of the form; it holds either questions or facts. `number` counts from 1 to `of`."""

    number: int
    of: int
    key: str
    label: str
    lead: str
    questions: tuple[Question, ...] = ()
    facts: tuple[Fact, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        return (*(q.id for q in self.questions), *(fact.id for fact in self.facts))


def pages(questionnaire: Questionnaire) -> tuple[Page, ...]:
    """The pages in their order."""
    count = len(questionnaire.axes) + 1
    of_axes = [
        Page(
            number=number,
            of=count,
            key=axis.key,
            label=axis.label,
            lead=f"{axis.description}。",
            questions=tuple(q for q in questionnaire.questions if q.axis == axis.key),
        )
        for number, axis in enumerate(questionnaire.axes, start=1)
    ]
    lead = "今の状況を確かめるための項目です。点数には入りません。"
    return (*of_axes, Page(count, count, FACTS_KEY, "確認事項", lead, facts=questionnaire.facts))


def missing_by_page(
    questionnaire: Questionnaire, answers: Mapping[str, object], facts: Mapping[str, object]
) -> dict[str, tuple[str, ...]]:
    """Page key → ids without an answer, for every page in order; 該当なし (None) is an answer."""
    return {
        page.key: tuple(key for key in page.ids if key not in (facts if page.key == FACTS_KEY else answers))
        for page in pages(questionnaire)
    }


def is_complete(
    questionnaire: Questionnaire, answers: Mapping[str, object], facts: Mapping[str, object]
) -> bool:
    """Whether nothing is left to answer. Whether the values are allowed is what `validate` says."""
    return not any(missing_by_page(questionnaire, answers, facts).values())
