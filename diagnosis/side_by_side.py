"""Two submitted diagnoses side by side: scores, signs that came and went, answers that changed.

Between versions of the questionnaire nothing is subtracted: each stands for itself, and the page says so.
"""

from dataclasses import dataclass

from diagnosis.calc import Comparison, Reading, Result, compare, score
from diagnosis.calc.reading import Sign
from diagnosis.models import Diagnosis
from diagnosis.outcome import AnswerGroup, GivenAnswer, Outcome, answers_of, outcome_of
from diagnosis.questionnaire import load


@dataclass(frozen=True)
class Changed:
    """A question that was answered differently. `direction`: up, down, or '' where no level tells."""

    page: str
    question: str
    before: GivenAnswer
    after: GivenAnswer
    direction: str


@dataclass(frozen=True)
class SideBySide:
    """What the page shows. Without `comparison.comparable`, signs and answers are not compared either."""

    before: Outcome
    after: Outcome
    comparison: Comparison
    gone: tuple[Sign, ...] = ()
    came: tuple[Sign, ...] = ()
    stayed: tuple[Sign, ...] = ()
    changed: tuple[Changed, ...] = ()


def side_by_side(before: Diagnosis, after: Diagnosis) -> SideBySide:
    """The comparison of two submitted diagnoses. No queries."""
    earlier, later = outcome_of(before), outcome_of(after)
    comparison = compare(load(after.questionnaire_version), _result(before), _result(after))
    if not comparison.comparable:
        return SideBySide(earlier, later, comparison)
    return SideBySide(
        earlier,
        later,
        comparison,
        gone=_only(earlier.reading, later.reading),
        came=_only(later.reading, earlier.reading),
        stayed=tuple(sign for sign in later.reading.signs if sign.id in _ids(earlier.reading)),
        changed=_changed(answers_of(before), answers_of(after)),
    )


def _result(diagnosis: Diagnosis) -> Result:
    return score(load(diagnosis.questionnaire_version), diagnosis.answers, diagnosis.facts)


def _ids(reading: Reading) -> set[str]:
    return {sign.id for sign in reading.signs}


def _only(these: Reading, not_those: Reading) -> tuple[Sign, ...]:
    return tuple(sign for sign in these.signs if sign.id not in _ids(not_those))


def _changed(before: tuple[AnswerGroup, ...], after: tuple[AnswerGroup, ...]) -> tuple[Changed, ...]:
    earlier = {(group.key, answer.no): answer for group in before for answer in group.answers}
    pairs = [(group, earlier.get((group.key, new.no)), new) for group in after for new in group.answers]
    return tuple(
        Changed(group.label, new.question, old, new, _direction(old, new))
        for group, old, new in pairs
        if old is not None and old.texts != new.texts
    )


def _direction(before: GivenAnswer, after: GivenAnswer) -> str:
    if not (before.level and after.level):
        return ""
    return "up" if int(after.level) > int(before.level) else "down"
