"""A submitted diagnosis as it is shown: words, pictures and answers, for the result page, the PDF and the consultant.

Computed from the answers and the version they were given to, each time: a result is not stored as truth.
"""

from dataclasses import dataclass

from diagnosis.calc import Reading, pages, read, score
from diagnosis.calc.pictures import RadarPicture, RiverPicture, RulerPicture, radar, river, ruler
from diagnosis.models import Diagnosis
from diagnosis.questionnaire import Fact, Question, load


@dataclass(frozen=True)
class GivenAnswer:
    """One question and what was chosen: the anchor's number (empty for 該当なし and facts) and its words.

    `text` has more than one entry only for a fact of which several options were chosen.
    """

    no: int
    question: str
    level: str
    texts: tuple[str, ...]
    not_applicable: bool = False


@dataclass(frozen=True)
class AnswerGroup:
    """The answers of one page of the questionnaire."""

    key: str
    label: str
    answers: tuple[GivenAnswer, ...]


@dataclass(frozen=True)
class Outcome:
    """What templates need of a result."""

    reading: Reading
    river: RiverPicture
    radar: RadarPicture
    ruler: RulerPicture
    rings: tuple[str, str]


def outcome_of(diagnosis: Diagnosis) -> Outcome:
    """The outcome of a submitted diagnosis. No queries. ValueError when it is not complete."""
    questionnaire = load(diagnosis.questionnaire_version)
    result = score(questionnaire, diagnosis.answers, diagnosis.facts)
    low, high = questionnaire.level_bounds
    return Outcome(
        reading=read(questionnaire, diagnosis.answers, result),
        river=river(questionnaire, result),
        radar=radar(questionnaire, result),
        ruler=ruler(questionnaire, result),
        rings=(f"{low:f}", f"{high:f}"),
    )


def answers_of(diagnosis: Diagnosis) -> tuple[AnswerGroup, ...]:
    """All answers in the order they were asked, in words; what is not answered yet is left out. No queries."""
    questionnaire = load(diagnosis.questionnaire_version)
    groups = []
    for page in pages(questionnaire):
        of_questions = [
            _answer(q, diagnosis.answers[q.id]) for q in page.questions if q.id in diagnosis.answers
        ]
        of_facts = [
            _fact(fact, diagnosis.facts[fact.id]) for fact in page.facts if fact.id in diagnosis.facts
        ]
        groups.append(AnswerGroup(page.key, page.label, (*of_questions, *of_facts)))
    return tuple(groups)


def _answer(question: Question, value: int | None) -> GivenAnswer:
    if value is None:
        return GivenAnswer(question.no, question.text, "", (question.na_label or "該当なし",), True)
    chosen = next(anchor for anchor in question.anchors if anchor.value == value)
    return GivenAnswer(question.no, question.text, str(value), (chosen.text,))


def _fact(fact: Fact, value: int | list[str] | None) -> GivenAnswer:
    if value is None:
        return GivenAnswer(fact.no, fact.text, "", (fact.na_label or "該当なし",), True)
    chosen = value if isinstance(value, list) else [value]
    texts = tuple(option.text for option in fact.options if option.value in chosen)
    return GivenAnswer(fact.no, fact.text, "", texts or (NONE_OF_THESE,))


NONE_OF_THESE = "上のいずれにも当てはまらない"
