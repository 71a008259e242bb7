"""From answers to a Result, in exact fractions; docs/algorithms/diagnosis.md says the same in prose.

Weights, caps, bounds, texts and detectors come from the questionnaire. Where it states a rule only as a
sentence, the rule is code here and the sentence stands above it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType

from diagnosis.calc.numbers import rounded, rounded_or_none, weighted_mean
from diagnosis.calc.result import Answers, Facts, Gate, NextStep, Origin, Result, Scores
from diagnosis.calc.signs import fired
from diagnosis.questionnaire import Element, Question, Questionnaire

Exact = Mapping[str, Fraction | None]

STRATEGY = "strategy"
NO_CAP = Decimal("100.0")

# 「誰に」「どのような価値を」
TARGET, VALUE = "strategy_target", "strategy_value"

# 「教育=edu_practice×25、ツール=tool_purpose×25(nullならnull)」
ELEMENT_QUESTIONS = {"education": "edu_practice", "tool": "tool_purpose"}

# 「最低点が80以上なら『目立った詰まりなし』(null)」「axisが80以上の軸は対象外」
GOOD_ENOUGH = Decimal(80)

# 「同点のときは 契約→リピート→ファン化→出会い の順で先のものを選ぶ」
BOTTLENECK_ORDER = ("contract", "repeat", "fan", "encounter")

# 「ボトルネック段階(nullを除く)が70未満なら act_stage_<段階>」
STAGE_NEEDS_WORK = Decimal(70)

# 「戦略軸が50未満またはG1が効いたら act_strategy_sheet」
STRATEGY_NEEDS_WORK = Decimal(50)

# 「同じactionは一度だけ、上から3件」
STEPS_SHOWN = 3


def score(questionnaire: Questionnaire, answers: Answers, facts: Facts) -> Result:
    """The result of complete answers. ValueError when a question is unanswered, or all of them are 該当なし.

    Promised for all that `validate` accepts; 該当なし where it is not allowed is only left out of the sums.
    """
    _demand_complete(questionnaire, answers, facts)
    exact_axes = _axes(questionnaire, answers)
    axes, stages = _rounded(exact_axes), _rounded(_stages(questionnaire, answers))
    exact_total = weighted_mean((axis.weight, exact_axes[axis.key]) for axis in questionnaire.axes)
    if exact_total is None:
        raise ValueError("every question is answered with 該当なし")
    raw = rounded(exact_total)
    gates = _gates(questionnaire, axes[STRATEGY], answers, raw)
    cap = min((gate.cap for gate in gates), default=NO_CAP)
    bottleneck = _bottleneck(stages)
    detectors = fired(questionnaire, answers, facts, exact_axes, _stages(questionnaire, answers))
    steps = _steps(questionnaire, answers, axes, exact_axes, stages, gates, bottleneck, detectors)
    return Result(
        questionnaire_id=questionnaire.id,
        version=questionnaire.version,
        axis_scores=axes,
        stage_scores=stages,
        element_scores=_rounded(_elements(questionnaire, answers, exact_axes)),
        raw_total=raw,
        strategy_grade=_strategy_grade(questionnaire, axes[STRATEGY]),
        gates=gates,
        cap=cap,
        overall=min(raw, cap),
        grade=questionnaire.grade_of(min(raw, cap)).grade,
        bottleneck_stage=bottleneck,
        axis_levels=_levels(questionnaire, axes),
        stage_levels=_levels(questionnaire, stages),
        detectors=detectors,
        next_steps=_first_distinct(steps),
    )


def _demand_complete(questionnaire: Questionnaire, answers: Answers, facts: Facts) -> None:
    missing = [question.id for question in questionnaire.questions if question.id not in answers]
    missing += [fact.id for fact in questionnaire.facts if fact.id not in facts]
    if missing:
        raise ValueError(f"not answered yet: {', '.join(missing)}")


# ── Scores ──


def _axes(questionnaire: Questionnaire, answers: Answers) -> Exact:
    return {
        axis.key: _share(questionnaire, answers, [q for q in questionnaire.questions if q.axis == axis.key])
        for axis in questionnaire.axes
    }


def _stages(questionnaire: Questionnaire, answers: Answers) -> Exact:
    """「stage = 100 × Σ a_i ÷ (4 × n)」: by count, whatever the weights within the axis."""
    means = {
        stage.key: weighted_mean((1, answers[q.id]) for q in questionnaire.questions if q.stage == stage.key)
        for stage in questionnaire.stages
    }
    return {key: _percent(questionnaire, mean) for key, mean in means.items()}


def _share(questionnaire: Questionnaire, answers: Answers, questions: list[Question]) -> Fraction | None:
    """「axis = 100 × Σ(w_i × a_i) ÷ (4 × Σ w_i)」"""
    return _percent(questionnaire, weighted_mean((q.weight, answers[q.id]) for q in questions))


def _percent(questionnaire: Questionnaire, mean: Fraction | None) -> Fraction | None:
    return None if mean is None else mean * 100 / questionnaire.scale_max


def _elements(questionnaire: Questionnaire, answers: Answers, axes: Exact) -> Exact:
    return {
        element.key: _element(questionnaire, element, answers, axes) for element in questionnaire.elements
    }


def _element(q: Questionnaire, element: Element, answers: Answers, axes: Exact) -> Fraction | None:
    """「戦略=(30×戦略+15×顧客理解)/45」 and so on: axes by their weights; a null axis is left out."""
    if element.key in ELEMENT_QUESTIONS:
        return _percent(q, weighted_mean([(1, answers[ELEMENT_QUESTIONS[element.key]])]))
    return weighted_mean((axis.weight, axes[axis.key]) for axis in q.axes if axis.element == element.key)


def _rounded(scores: Exact) -> Scores:
    return MappingProxyType({key: rounded_or_none(score) for key, score in scores.items()})


def _levels(questionnaire: Questionnaire, scores: Scores) -> Mapping[str, str | None]:
    levels = {key: None if s is None else questionnaire.level_of(s) for key, s in scores.items()}
    return MappingProxyType(levels)


def _strategy_grade(questionnaire: Questionnaire, strategy: Decimal | None) -> str | None:
    return None if strategy is None else questionnaire.grade_of(strategy).grade


# ── Gates and bottleneck ──


def _gates(q: Questionnaire, strategy: Decimal | None, answers: Answers, raw: Decimal) -> tuple[Gate, ...]:
    """G1 always (unless strategy is null, which no valid answer makes it), G2 where something is blank.

    A gate is applied when the raw total goes beyond its own cap, also where the other one caps lower still.
    """
    caps: list[tuple[str, Decimal]] = []
    grade = _strategy_grade(q, strategy)
    if grade is not None:
        caps.append(("G1", q.gates.strategy_caps[grade]))
    blanks = len(blank_questions(answers))
    if blanks:
        caps.append(("G2", q.gates.blank_caps["one_zero" if blanks == 1 else "both_zero"]))
    return tuple(Gate(gate, cap, raw > cap) for gate, cap in caps)


def blank_questions(answers: Answers) -> tuple[str, ...]:
    """Which of 「誰に」 and 「どのような価値を」 were answered with 0, in this order. 該当なし is not 0."""
    return tuple(question for question in (TARGET, VALUE) if answers.get(question) == 0)


def _bottleneck(stages: Scores) -> str | None:
    known = [(score, BOTTLENECK_ORDER.index(key), key) for key, score in stages.items() if score is not None]
    if not known:
        return None
    lowest, _, key = min(known)
    return None if lowest >= GOOD_ENOUGH else key


# ── Next steps ──


def _steps(
    q: Questionnaire,
    answers: Answers,
    axes: Scores,
    exact_axes: Exact,
    stages: Scores,
    gates: tuple[Gate, ...],
    bottleneck: str | None,
    detectors: tuple[str, ...],
) -> Iterator[NextStep]:
    """All candidates in the order ① to ⑥ of 「次の一歩」."""
    yield from _strategy_first(answers, axes[STRATEGY], gates)
    yield from _of_signs(q, detectors, "high")
    if bottleneck is not None and (stages[bottleneck] or 0) < STAGE_NEEDS_WORK:
        yield NextStep(f"act_stage_{bottleneck}", Origin.BOTTLENECK, bottleneck)
    yield from _of_signs(q, detectors, "mid")
    yield from _of_gaps(q, axes, exact_axes)
    yield NextStep("act_keep_check", Origin.KEEP)


def _strategy_first(
    answers: Answers, strategy: Decimal | None, gates: tuple[Gate, ...]
) -> Iterator[NextStep]:
    """「どちらかが0なら act_who_value、続いて戦略軸が50未満またはG1が効いたら act_strategy_sheet」"""
    if blank_questions(answers):
        yield NextStep("act_who_value", Origin.BLANK)
    if strategy is not None and strategy < STRATEGY_NEEDS_WORK:
        yield NextStep("act_strategy_sheet", Origin.STRATEGY, STRATEGY)
    elif any(gate.id == "G1" and gate.applied for gate in gates):
        yield NextStep("act_strategy_sheet", Origin.GATE, STRATEGY)


def _of_signs(q: Questionnaire, detectors: tuple[str, ...], severity: str) -> Iterator[NextStep]:
    """「severity=high / mid の検知(ID順)のaction」: a low one is shown but proposes nothing."""
    for detector in map(q.detector, detectors):
        if detector.severity == severity:
            yield NextStep(detector.action, Origin.SIGN, detector.id)


def _of_gaps(q: Questionnaire, axes: Scores, exact_axes: Exact) -> Iterator[NextStep]:
    """「重み付きギャップ W×(100−axis) の大きい軸順のaction」, 「同点は axes の並び順」.

    Whether an axis is good enough is a judgement, so on rounded values; the gap is arithmetic, so exact.
    """
    gaps: list[tuple[Fraction, str]] = []
    for axis in q.axes:
        shown, exact = axes[axis.key], exact_axes[axis.key]
        if shown is not None and exact is not None and shown < GOOD_ENOUGH:
            gaps.append((axis.weight * (100 - exact), axis.key))
    for _, key in sorted(
        gaps, key=lambda gap: gap[0], reverse=True
    ):  # stable: ties keep the order of the axes
        yield NextStep(q.axis_actions[key], Origin.GAP, key)


def _first_distinct(candidates: Iterator[NextStep]) -> tuple[NextStep, ...]:
    """The first to propose an action is the one whose reason is shown."""
    chosen: dict[str, NextStep] = {}
    for step in candidates:
        chosen.setdefault(step.action, step)
    return tuple(chosen.values())[:STEPS_SHOWN]
