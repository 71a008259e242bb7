"""Two results side by side: what changed, and where a difference would say nothing."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from diagnosis.calc.numbers import text
from diagnosis.calc.result import Result, Scores
from diagnosis.questionnaire import Axis, Element, Questionnaire, Stage

OTHER_VERSION = (
    "設問の版が違うため、点数の差は示していません(前回は第{before}版、今回は第{after}版)。"
    "版が変わると、同じ点数でも意味が変わることがあります。"
)


@dataclass(frozen=True)
class Difference:
    """One score before and after. `change` is None where either is 該当なし; texts are 「—」 then.

    It is the difference of the rounded scores, so that what is shown adds up.
    """

    key: str
    label: str
    before_text: str
    after_text: str
    change: Decimal | None
    change_text: str


@dataclass(frozen=True)
class Comparison:
    """With other versions `comparable` is False, `reason` says so to people, and there are no differences."""

    comparable: bool
    reason: str
    totals: tuple[Difference, ...] = ()
    axes: tuple[Difference, ...] = ()
    stages: tuple[Difference, ...] = ()
    elements: tuple[Difference, ...] = ()


def compare(questionnaire: Questionnaire, before: Result, after: Result) -> Comparison:
    """What changed from `before` to `after`; `questionnaire` is the one that `after` was answered under."""
    if (before.questionnaire_id, before.version) != (after.questionnaire_id, after.version):
        return Comparison(False, OTHER_VERSION.format(before=before.version, after=after.version))
    return Comparison(
        comparable=True,
        reason="",
        totals=(
            _difference("overall", "総合評価", before.overall, after.overall),
            _difference("raw_total", "戦略が整えば届く点数", before.raw_total, after.raw_total),
        ),
        axes=_differences(questionnaire.axes, before.axis_scores, after.axis_scores),
        stages=_differences(questionnaire.stages, before.stage_scores, after.stage_scores),
        elements=_differences(questionnaire.elements, before.element_scores, after.element_scores),
    )


def _differences(
    items: tuple[Axis, ...] | tuple[Stage, ...] | tuple[Element, ...], before: Scores, after: Scores
) -> tuple[Difference, ...]:
    return tuple(_difference(item.key, item.label, before[item.key], after[item.key]) for item in items)


def _difference(key: str, label: str, before: Decimal | None, after: Decimal | None) -> Difference:
    change = None if before is None or after is None else after - before
    return Difference(key, label, text(before), text(after), change, _signed(change))


def _signed(change: Decimal | None) -> str:
    """With a true minus sign, and ±0.0 for no change."""
    if change is None:
        return "—"
    sign = "±" if change == 0 else "+" if change > 0 else "−"
    return f"{sign}{abs(change):.1f}"
