"""The detectors of 「〜の兆候」: combinations of answers, facts and scores that are worth a second look."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction

from diagnosis.calc.numbers import rounded, weighted_mean
from diagnosis.calc.result import Answers, Facts
from diagnosis.questionnaire import Condition, Detector, Questionnaire

Exact = Mapping[str, Fraction | None]
Lookup = Callable[[str], int | Decimal | list[str] | None]

COMPARE: dict[str, Callable[[Decimal, Decimal], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "<": operator.lt,
    ">": operator.gt,
    "==": operator.eq,
}


def fired(q: Questionnaire, answers: Answers, facts: Facts, axes: Exact, stages: Exact) -> tuple[str, ...]:
    """Ids of the detectors whose conditions hold, in their order. `axes` and `stages` are exact scores."""

    def lookup(ref: str) -> int | Decimal | list[str] | None:
        kind, _, rest = ref.rpartition(":")
        if not kind:
            return answers[rest] if rest in answers else facts.get(rest)
        return _derived(kind, rest, axes, stages)

    return tuple(detector.id for detector in q.detectors if _fires(detector, lookup))


def _fires(detector: Detector, lookup: Lookup) -> bool:
    """「all はすべて真、any は一つ以上真」: both where both are given, no say for the one that is not."""
    every = all(_holds(condition, lookup) for condition in detector.all_of)
    some = not detector.any_of or any(_holds(condition, lookup) for condition in detector.any_of)
    return every and some


def _holds(condition: Condition, lookup: Lookup) -> bool:
    """「null(該当なし)を参照した条件は偽」"""
    value = lookup(condition.ref)
    if value is None:
        return False
    if isinstance(value, list):
        return condition.op == "contains" and condition.value in value
    return isinstance(condition.value, Decimal) and COMPARE[condition.op](Decimal(value), condition.value)


def _derived(kind: str, names: str, axes: Exact, stages: Exact) -> Decimal | None:
    """A score that a condition refers to, rounded, since 「検知の判定は丸めた値で行う」."""
    if kind == "axis":
        exact = axes[names]
    elif kind == "stage":
        exact = stages[names]
    elif kind == "stage_gap":
        return _gap(*(stages[name] for name in names.split("-")))
    else:
        exact = _mean([axes[name] for name in names.split(",")])
    return None if exact is None else rounded(exact)


def _mean(scores: list[Fraction | None]) -> Fraction | None:
    """「mean:<軸>,<軸>」: one null axis makes the mean null, for the condition refers to that axis too."""
    return None if None in scores else weighted_mean((1, score) for score in scores)


def _gap(first: Fraction | None, second: Fraction | None) -> Decimal | None:
    """「stage_gap:<a>-<b>」 is a − b, of the rounded scores: a negative gap needs no rounding of its own."""
    return None if first is None or second is None else rounded(first) - rounded(second)
