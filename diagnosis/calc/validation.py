"""What may be stored as an answer, and in which words it is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from diagnosis.questionnaire import Fact, Question, Questionnaire

MISSING = "まだお選びいただいていません。今の状態にいちばん近いものをお選びください。"
MISSING_MULTIPLE = "まだお選びいただいていません。当てはまるものをすべてお選びください。"
OUTSIDE = "選択肢の中から一つお選びください。"
OUTSIDE_MULTIPLE = "選択肢の中からお選びください。"
NOT_A_LIST = "当てはまるものをすべてお選びください。"
REPEATED = "同じ選択肢が二度選ばれています。一度だけお選びください。"
NOT_APPLICABLE = "この項目では「該当なし」をお選びいただけません。いちばん近いものをお選びください。"
EITHER_OR = "「{label}」は、ほかの選択肢と一緒にはお選びいただけません。どちらかをお選びください。"
UNKNOWN = "この診断にはない項目です。画面を読み込み直して、もう一度お試しください。"


def validate(
    questionnaire: Questionnaire, answers: Mapping[str, object], facts: Mapping[str, object]
) -> dict[str, str]:
    """Id → message in Japanese for all that is missing, unknown or not allowed; empty when all is well.

    Messages never repeat what was sent. An empty list is a valid answer to a fact with several options
    (none of them applies), and differs from None (該当なし).
    """
    errors = {
        q.id: check_answer(q, answers[q.id]) if q.id in answers else MISSING for q in questionnaire.questions
    }
    errors |= {
        f.id: check_fact(f, facts[f.id]) if f.id in facts else missing_words(f) for f in questionnaire.facts
    }
    known_answers = {question.id for question in questionnaire.questions}
    known_facts = {fact.id for fact in questionnaire.facts}
    strangers = [key for key in answers if key not in known_answers]
    strangers += [key for key in facts if key not in known_facts]
    return {key: message for key, message in errors.items() if message} | dict.fromkeys(strangers, UNKNOWN)


def missing_words(item: Question | Fact) -> str:
    """What is said where nothing was chosen."""
    return MISSING_MULTIPLE if isinstance(item, Fact) and item.multiple else MISSING


def check_answer(question: Question, value: object) -> str:
    """The message for one answer as it is given, or an empty string."""
    if value is None:
        return "" if question.na_allowed else NOT_APPLICABLE
    return "" if _is_one_of(value, [anchor.value for anchor in question.anchors]) else OUTSIDE


def check_fact(fact: Fact, value: object) -> str:
    """The message for one fact as it is given, or an empty string."""
    if value is None:
        return "" if fact.na_allowed else NOT_APPLICABLE
    values = [option.value for option in fact.options]
    if fact.multiple:
        return _check_multiple(fact, value, values)
    return "" if _is_one_of(value, values) else OUTSIDE


def _check_multiple(fact: Fact, value: object, values: list[int | str]) -> str:
    if not isinstance(value, list):
        return NOT_A_LIST
    if None in value:
        return EITHER_OR.format(label=fact.na_label or "該当なし")
    if not all(_is_one_of(item, values) for item in value):
        return OUTSIDE_MULTIPLE
    return REPEATED if len(set(value)) < len(value) else ""


def _is_one_of(value: object, values: Sequence[int | str]) -> bool:
    """By type as well: in Python True is 1 and 2.0 is 2, in an answer neither is."""
    return type(value) in (int, str) and value in values
