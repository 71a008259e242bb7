"""The questionnaire as data: one JSON file per version, read once, validated, and frozen.

A published version never changes, because results are computed again from the answers and the version stored
with them; a change of a word, a weight or a rule is a new file and a new `CURRENT_VERSION`. Knows no Django.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

QUESTIONNAIRE_ID = "simple-diagnosis-ja"
CURRENT_VERSION = "1.0.0"
CONTENT = Path(__file__).parent / "content"

LEVELS = ("low", "mid", "high")
SEVERITIES = ("high", "mid", "low")
OPERATORS = (">=", "<=", "<", ">", "==", "contains")

T = TypeVar("T")


class QuestionnaireError(ValueError):
    """The file does not exist, or what it says does not fit together."""


@dataclass(frozen=True)
class Axis:
    key: str
    label: str
    weight: int
    element: str
    description: str


@dataclass(frozen=True)
class Stage:
    key: str
    label: str

    @property
    def short_label(self) -> str:
        """The label without its bracketed synonym: 「契約(購入)」 is 「契約」 in headings and pictures."""
        return re.split(r"[((]", self.label)[0]


@dataclass(frozen=True)
class Element:
    key: str
    label: str


@dataclass(frozen=True)
class Anchor:
    value: int
    text: str


@dataclass(frozen=True)
class Question:
    no: int
    id: str
    axis: str
    stage: str | None
    weight: int
    text: str
    help: str
    anchors: tuple[Anchor, ...]
    na_allowed: bool
    na_label: str | None


@dataclass(frozen=True)
class Option:
    value: int | str
    text: str


@dataclass(frozen=True)
class Fact:
    """An unscored fact. `multiple` facts hold a list of option values, the others one value."""

    no: int
    id: str
    multiple: bool
    text: str
    options: tuple[Option, ...]
    na_allowed: bool
    na_label: str | None


@dataclass(frozen=True)
class Condition:
    ref: str
    op: str
    value: Decimal | str


@dataclass(frozen=True)
class Detector:
    id: str
    severity: str
    title: str
    all_of: tuple[Condition, ...]
    any_of: tuple[Condition, ...]
    message: str
    action: str


@dataclass(frozen=True)
class Action:
    id: str
    title: str
    first_step: str
    screen: str


@dataclass(frozen=True)
class Grade:
    grade: str
    min: Decimal
    label: str
    description: str


@dataclass(frozen=True)
class Gates:
    """The caps of G1 by the grade of the strategy axis, and of G2 by how many of its two questions are 0."""

    strategy_caps: Mapping[str, Decimal]
    strategy_message: str
    blank_caps: Mapping[str, Decimal]
    blank_messages: Mapping[str, str]


@dataclass(frozen=True)
class Questionnaire:
    """One version of the questionnaire. Tuples keep the order of the file, which breaks ties."""

    id: str
    version: str
    title: str
    intro: str
    scale_max: int
    axes: tuple[Axis, ...]
    stages: tuple[Stage, ...]
    elements: tuple[Element, ...]
    questions: tuple[Question, ...]
    facts: tuple[Fact, ...]
    gates: Gates
    grades: tuple[Grade, ...]
    level_bounds: tuple[Decimal, Decimal]
    findings: Mapping[str, Mapping[str, str]]
    stage_findings: Mapping[str, Mapping[str, str]]
    axis_actions: Mapping[str, str]
    detectors: tuple[Detector, ...]
    actions: Mapping[str, Action]

    def axis(self, key: str) -> Axis:
        """The axis of that key; KeyError when there is none."""
        return _by(self.axes, "key", key)

    def stage(self, key: str) -> Stage:
        """The stage of that key; KeyError when there is none."""
        return _by(self.stages, "key", key)

    def detector(self, key: str) -> Detector:
        """The detector of that id; KeyError when there is none."""
        return _by(self.detectors, "id", key)

    def grade(self, letter: str) -> Grade:
        """The grade of that letter; KeyError when there is none."""
        return _by(self.grades, "grade", letter)

    def grade_of(self, score: Decimal) -> Grade:
        """The grade of a score that is already rounded to one decimal."""
        return next(grade for grade in self.grades if score >= grade.min)

    def level_of(self, score: Decimal) -> str:
        """`low`, `mid` or `high` of a score that is already rounded to one decimal."""
        low, high = self.level_bounds
        return "low" if score < low else "mid" if score < high else "high"


def current() -> Questionnaire:
    """The version that new diagnoses are answered with."""
    return load(CURRENT_VERSION)


@cache
def load(version: str, questionnaire_id: str = QUESTIONNAIRE_ID) -> Questionnaire:
    """The questionnaire of that version, read once per process. QuestionnaireError: unknown or unsound."""
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise QuestionnaireError(f"not a version: {version!r}")
    path = CONTENT / f"questionnaire-{version}.json"
    if not path.is_file():
        raise QuestionnaireError(f"no questionnaire of version {version}")
    loaded = parse(json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal))
    if (loaded.id, loaded.version) != (questionnaire_id, version):
        raise QuestionnaireError(f"{path.name} holds {loaded.id} {loaded.version}")
    return loaded


def parse(raw: Mapping[str, Any]) -> Questionnaire:
    """The questionnaire that the decoded JSON states. QuestionnaireError names the first misfit."""
    try:
        questionnaire = _questionnaire(raw)
    except (KeyError, TypeError, ArithmeticError) as error:
        raise QuestionnaireError(f"missing or malformed: {error!r}") from error
    _check(questionnaire)
    return questionnaire


def _questionnaire(raw: Mapping[str, Any]) -> Questionnaire:
    scoring = raw["scoring"]
    grades = (Grade(g["grade"], Decimal(g["min"]), g["label"], g["description"]) for g in scoring["grades"])
    return Questionnaire(
        id=raw["questionnaire_id"],
        version=raw["version"],
        title=raw["title"],
        intro=raw["intro"],
        scale_max=raw["scale"]["max"],
        axes=tuple(Axis(**axis) for axis in raw["axes"]),
        stages=tuple(Stage(**stage) for stage in raw["stages"]),
        elements=tuple(Element(**element) for element in raw["elements"]),
        questions=tuple(_question(question) for question in raw["questions"]),
        facts=tuple(_fact(fact) for fact in raw["facts"]),
        gates=_gates(scoring["gate"]),
        grades=tuple(sorted(grades, key=lambda grade: grade.min, reverse=True)),
        level_bounds=_level_bounds(scoring["levels"]),
        findings=_frozen(raw["findings"]),
        stage_findings=_frozen(raw["stage_findings"]),
        axis_actions=MappingProxyType(dict(raw["axis_action"])),
        detectors=tuple(_detector(detector) for detector in sorted(raw["detectors"], key=lambda d: d["id"])),
        actions=MappingProxyType({action["id"]: Action(**action) for action in raw["actions"]}),
    )


def _question(raw: Mapping[str, Any]) -> Question:
    return Question(**{**raw, "anchors": tuple(Anchor(**anchor) for anchor in raw["anchors"])})


def _fact(raw: Mapping[str, Any]) -> Fact:
    return Fact(
        no=raw["no"],
        id=raw["id"],
        multiple=raw["type"] == "multi",
        text=raw["text"],
        options=tuple(Option(**option) for option in raw["options"]),
        na_allowed=raw.get("na_allowed", False),
        na_label=raw.get("na_label"),
    )


def _gates(raw: list[Mapping[str, Any]]) -> Gates:
    by_id = {gate["id"]: gate for gate in raw}
    return Gates(
        strategy_caps=_caps(by_id["G1"]["caps"]),
        strategy_message=by_id["G1"]["message"],
        blank_caps=_caps(by_id["G2"]["caps"]),
        blank_messages=MappingProxyType(dict(by_id["G2"]["message"])),
    )


def _caps(raw: Mapping[str, Any]) -> Mapping[str, Decimal]:
    return MappingProxyType({key: Decimal(cap) for key, cap in raw.items()})


def _level_bounds(raw: Mapping[str, str]) -> tuple[Decimal, Decimal]:
    """The bounds are written for people, 「40以上70未満」; the three sentences must agree about them."""
    numbers = {level: [Decimal(n) for n in re.findall(r"\d+(?:\.\d+)?", raw[level])] for level in LEVELS}
    low, high = numbers["mid"]
    words = (f"{low}未満", f"{low}以上{high}未満", f"{high}以上")
    if tuple(raw[level] for level in LEVELS) != words:
        raise QuestionnaireError(f"levels contradict each other: {dict(raw)}")
    return low, high


def _detector(raw: Mapping[str, Any]) -> Detector:
    when = raw["when"]
    return Detector(
        id=raw["id"],
        severity=raw["severity"],
        title=raw["title"],
        all_of=tuple(_condition(condition) for condition in when.get("all", ())),
        any_of=tuple(_condition(condition) for condition in when.get("any", ())),
        message=raw["message"],
        action=raw["action"],
    )


def _condition(raw: Mapping[str, Any]) -> Condition:
    value = raw["value"]
    return Condition(raw["ref"], raw["op"], value if isinstance(value, str) else Decimal(value))


def _frozen(raw: Mapping[str, Mapping[str, str]]) -> Mapping[str, Mapping[str, str]]:
    return MappingProxyType({key: MappingProxyType(dict(texts)) for key, texts in raw.items()})


def _check(questionnaire: Questionnaire) -> None:
    for sound, complaint in _soundness(questionnaire):
        if not sound:
            raise QuestionnaireError(complaint)


def _soundness(q: Questionnaire) -> list[tuple[bool, str]]:
    axes, stages = {axis.key for axis in q.axes}, {stage.key for stage in q.stages}
    ids = [question.id for question in q.questions] + [fact.id for fact in q.facts]
    letters = {grade.grade for grade in q.grades}
    wanted = {detector.action for detector in q.detectors} | set(q.axis_actions.values())
    scale = tuple(range(q.scale_max + 1))
    return [
        (len(ids) == len(set(ids)), "two questions or facts share an id"),
        ({question.axis for question in q.questions} == axes, "an axis without questions, or unknown"),
        ({x.stage for x in q.questions if x.stage} == stages, "a stage without questions, or unknown"),
        (all(x.weight > 0 for x in q.questions), "a question's weight that is not positive"),
        (all(x.weight > 0 for x in q.axes), "an axis's weight that is not positive"),
        (all(tuple(a.value for a in x.anchors) == scale for x in q.questions), "anchors off the scale"),
        (q.grades[-1].min == 0, "the lowest grade does not start at 0"),
        (set(q.gates.strategy_caps) == letters, "G1 does not know every grade"),
        (set(q.gates.blank_caps) == set(q.gates.blank_messages) == {"one_zero", "both_zero"}, "G2 is odd"),
        (_has_every_level(q.findings, axes), "an axis without its three findings"),
        (_has_every_level(q.stage_findings, stages), "a stage without its three findings"),
        (set(q.axis_actions) == axes, "an axis without its action"),
        (wanted | {f"act_stage_{stage}" for stage in stages} <= set(q.actions), "an unknown action"),
        (all(detector.severity in SEVERITIES for detector in q.detectors), "an unknown severity"),
        (
            all(_is_sound(c, ids, axes, stages) for d in q.detectors for c in d.all_of + d.any_of),
            "a condition",
        ),
    ]


def _has_every_level(texts: Mapping[str, Mapping[str, str]], keys: set[str]) -> bool:
    return set(texts) == keys and all(set(text) == set(LEVELS) for text in texts.values())


def _is_sound(condition: Condition, ids: list[str], axes: set[str], stages: set[str]) -> bool:
    kind, _, rest = condition.ref.rpartition(":")
    known = {"": set(ids), "axis": axes, "mean": axes, "stage": stages, "stage_gap": stages}.get(kind, set())
    separator = {"mean": ",", "stage_gap": "-"}.get(kind)
    names = rest.split(separator) if separator else [rest]
    return condition.op in OPERATORS and set(names) <= known


def _by(items: tuple[T, ...], attribute: str, key: str) -> T:
    for item in items:
        if getattr(item, attribute) == key:
            return item
    raise KeyError(key)
