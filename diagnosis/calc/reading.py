"""A result as people read it: what result page and PDF show, in words, in the order in which it is shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from diagnosis.calc.gate_words import GateReading, read_gate
from diagnosis.calc.numbers import text
from diagnosis.calc.result import Answers, NextStep, Origin, Result
from diagnosis.calc.scoring import BOTTLENECK_ORDER, blank_questions
from diagnosis.questionnaire import SEVERITIES, Grade, Questionnaire

LEVEL_WORDS = {"low": "低い", "mid": "中ほど", "high": "高い"}
SEVERITY_WORDS = {"high": "先に確かめる", "mid": "あわせて確かめる", "low": "あわせて確かめる"}
STRENGTHS_AT_MOST = 3
CAVEAT = "重みと境目は専門家の判断によるもので、実際の企業の統計で調整した値ではありません。"
BLANK_NAMES = {"strategy_target": "誰に", "strategy_value": "どのような価値を"}


@dataclass(frozen=True)
class AxisReading:
    """One axis. When all its questions are 該当なし, what is undefined is None and `score_text` is 「—」."""

    key: str
    label: str
    description: str
    weight: int
    score: Decimal | None
    score_text: str
    grade: str | None
    level: str | None
    level_word: str
    finding: str | None


@dataclass(frozen=True)
class StageReading:
    """One of the four stages; `short_label` is for narrow places."""

    key: str
    label: str
    short_label: str
    score: Decimal | None
    score_text: str
    level: str | None
    level_word: str
    finding: str | None
    is_bottleneck: bool


@dataclass(frozen=True)
class ElementReading:
    key: str
    label: str
    score: Decimal | None
    score_text: str


@dataclass(frozen=True)
class Sign:
    """A 〜の兆候. `name` is its title without 「の兆候」, to enumerate; `is_first`: to be checked first."""

    id: str
    title: str
    name: str
    message: str
    severity: str
    order: str
    is_first: bool


@dataclass(frozen=True)
class Step:
    """One of the three next steps. `screen` is the path within a company, for members only."""

    number: int
    action: str
    title: str
    first_step: str
    screen: str
    why: str


@dataclass(frozen=True)
class Strength:
    label: str
    score_text: str


@dataclass(frozen=True)
class Reading:
    """Everything the result shows. `raw_text` is None unless the raw total is beyond the overall one.

    `mark_note` says what the mark in the picture of the stages means, also where several are equally low.
    """

    overall_text: str
    grade: Grade
    raw_text: str | None
    raw_label: str
    gate: GateReading
    axes: tuple[AxisReading, ...]
    stages: tuple[StageReading, ...]
    elements: tuple[ElementReading, ...]
    bottleneck: StageReading | None
    signs: tuple[Sign, ...]
    steps: tuple[Step, ...]
    strengths: tuple[Strength, ...]
    thesis: str
    mark_note: str
    caveat: str = CAVEAT


def read(questionnaire: Questionnaire, answers: Answers, result: Result) -> Reading:
    """The reading of a result that `score` gave for these answers under this questionnaire."""
    axes, stages = _axes(questionnaire, result), _stages(questionnaire, result)
    signs, steps = _signs(questionnaire, result), _steps(questionnaire, answers, result)
    bottleneck = next((stage for stage in stages if stage.is_bottleneck), None)
    return Reading(
        overall_text=text(result.overall),
        grade=questionnaire.grade(result.grade),
        raw_text=text(result.raw_total) if result.is_capped else None,
        raw_label="戦略が整えば届く点数",
        gate=read_gate(questionnaire, result, [BLANK_NAMES[key] for key in blank_questions(answers)]),
        axes=axes,
        stages=stages,
        elements=_elements(questionnaire, result),
        bottleneck=bottleneck,
        signs=signs,
        steps=steps,
        strengths=_strengths(axes, stages),
        thesis=_thesis(axes, stages, signs, steps),
        mark_note=_mark_note(stages),
    )


def _axes(questionnaire: Questionnaire, result: Result) -> tuple[AxisReading, ...]:
    readings = []
    for axis in questionnaire.axes:
        score, level = result.axis_scores[axis.key], result.axis_levels[axis.key]
        reading = AxisReading(
            key=axis.key,
            label=axis.label,
            description=axis.description,
            weight=axis.weight,
            score=score,
            score_text=text(score),
            grade=None if score is None else questionnaire.grade_of(score).grade,
            level=level,
            level_word=_level_word(level),
            finding=None if level is None else questionnaire.findings[axis.key][level],
        )
        readings.append(reading)
    return tuple(readings)


def _stages(questionnaire: Questionnaire, result: Result) -> tuple[StageReading, ...]:
    readings = []
    for stage in questionnaire.stages:
        score, level = result.stage_scores[stage.key], result.stage_levels[stage.key]
        reading = StageReading(
            key=stage.key,
            label=stage.label,
            short_label=stage.short_label,
            score=score,
            score_text=text(score),
            level=level,
            level_word=_level_word(level),
            finding=None if level is None else questionnaire.stage_findings[stage.key][level],
            is_bottleneck=stage.key == result.bottleneck_stage,
        )
        readings.append(reading)
    return tuple(readings)


def _level_word(level: str | None) -> str:
    return "該当なし" if level is None else LEVEL_WORDS[level]


def _elements(questionnaire: Questionnaire, result: Result) -> tuple[ElementReading, ...]:
    scores = result.element_scores
    return tuple(
        ElementReading(e.key, e.label, scores[e.key], text(scores[e.key])) for e in questionnaire.elements
    )


def _signs(questionnaire: Questionnaire, result: Result) -> tuple[Sign, ...]:
    """By severity, then by id (the sort is stable)."""
    detectors = [questionnaire.detector(key) for key in result.detectors]
    return tuple(
        Sign(
            id=detector.id,
            title=detector.title,
            name=detector.title.replace("の兆候", "", 1),
            message=detector.message,
            severity=detector.severity,
            order=SEVERITY_WORDS[detector.severity],
            is_first=detector.severity == "high",
        )
        for detector in sorted(detectors, key=lambda detector: SEVERITIES.index(detector.severity))
    )


def _steps(questionnaire: Questionnaire, answers: Answers, result: Result) -> tuple[Step, ...]:
    steps = []
    for number, step in enumerate(result.next_steps, start=1):
        action = questionnaire.actions[step.action]
        why = _why(questionnaire, answers, result, step)
        steps.append(Step(number, action.id, action.title, action.first_step, action.screen, why))
    return tuple(steps)


def _why(q: Questionnaire, answers: Answers, result: Result, step: NextStep) -> str:
    match step.origin:
        case Origin.BLANK:
            return f"まだ白紙の{''.join(f'「{BLANK_NAMES[key]}」' for key in blank_questions(answers))}から"
        case Origin.STRATEGY:
            return f"戦略の得点({text(result.axis_scores[step.subject])}点)から"
        case Origin.GATE:
            return "戦略で決まる総合評価の上限から"
        case Origin.SIGN:
            return f"「{q.detector(step.subject).title}」から"
        case Origin.BOTTLENECK:
            return f"詰まり「{q.stage(step.subject).short_label}」から"
        case Origin.GAP:
            return f"「{q.axis(step.subject).label}」の伸びしろから"
        case Origin.KEEP:
            return "よい状態を保つために"


def _strengths(axes: tuple[AxisReading, ...], stages: tuple[StageReading, ...]) -> tuple[Strength, ...]:
    """The three highest of the axes and stages whose level is high; none is a possible and honest answer.

    The bottleneck is no strength, however high it is.
    """
    high = [(axis.score, Strength(axis.label, axis.score_text)) for axis in axes if axis.level == "high"]
    high += [
        (stage.score, Strength(stage.short_label, stage.score_text))
        for stage in stages
        if stage.level == "high" and not stage.is_bottleneck
    ]
    best = sorted(high, key=lambda pair: pair[0] or Decimal(0), reverse=True)
    return tuple(strength for _, strength in best[:STRENGTHS_AT_MOST])


def _thesis(
    axes: tuple[AxisReading, ...],
    stages: tuple[StageReading, ...],
    signs: tuple[Sign, ...],
    steps: tuple[Step, ...],
) -> str:
    """What stands on top of the summary page. It joins what was computed and adds no judgement.

    Every action's title ends in a verb, so 「ことです」 can follow it.
    """
    clauses = "、".join(_clauses(axes, stages, signs))
    return f"{clauses}。最初の一歩は、{steps[0].title}ことです。"


def _clauses(
    axes: tuple[AxisReading, ...], stages: tuple[StageReading, ...], signs: tuple[Sign, ...]
) -> Iterator[str]:
    strategy = next(axis for axis in axes if axis.key == "strategy")
    if strategy.score is not None:
        yield f"戦略は{strategy.score_text}点({strategy.grade})"
    yield _where_it_is_stuck(stages, go_on=bool(signs))
    if signs:
        others = "" if len(signs) == 1 else f"など、{len(signs)}つの兆候"
        yield f"「{signs[0].title}」{others}が読み取れます"


def _where_it_is_stuck(stages: tuple[StageReading, ...], *, go_on: bool) -> str:
    bottleneck = next((stage for stage in stages if stage.is_bottleneck), None)
    if bottleneck is None:
        return f"四つの段階に目立った詰まりは{'なく' if go_on else 'ありません'}"
    if _is_tied(stages, bottleneck):
        lowest = f"四つの段階では、いちばん低い{bottleneck.score_text}点が並ぶなかで"
        return f"{lowest}先に整えるのは「{bottleneck.short_label}」{'で' if go_on else 'です'}"
    narrowest = f"四つの段階では「{bottleneck.short_label}」が{bottleneck.score_text}点でいちばん細く"
    return narrowest if go_on else f"{narrowest}なっています"


def _is_tied(stages: tuple[StageReading, ...], bottleneck: StageReading) -> bool:
    return sum(stage.score == bottleneck.score for stage in stages) > 1


def _mark_note(stages: tuple[StageReading, ...]) -> str:
    bottleneck = next((stage for stage in stages if stage.is_bottleneck), None)
    if bottleneck is None:
        return "目立った詰まりはありません。"
    if not _is_tied(stages, bottleneck):
        return "いちばん細い段階を一つだけ、朱の印で示しています。"
    labels = {stage.key: stage.short_label for stage in stages}
    order = "→".join(labels[key] for key in BOTTLENECK_ORDER)
    return f"いちばん細い段階が並んでいるので、{order}の順で先のものに、朱の印を付けています。"
