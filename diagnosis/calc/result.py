"""What scoring yields. All scores are rounded to one decimal; what is undefined is None."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any

Answers = Mapping[str, int | None]
"""Question id → value of the chosen anchor; None is 該当なし, an absent key is not answered yet."""

Facts = Mapping[str, int | list[str] | None]
"""Fact id → chosen value, or list of values where several may be chosen; None and absence as in Answers."""

Scores = Mapping[str, Decimal | None]


class Origin(Enum):
    """Why a next step was proposed, in the order in which the candidates are looked at."""

    BLANK = "blank"
    STRATEGY = "strategy"
    GATE = "gate"
    SIGN = "sign"
    BOTTLENECK = "bottleneck"
    GAP = "gap"
    KEEP = "keep"


@dataclass(frozen=True)
class NextStep:
    """An action, why it was proposed, and the detector, stage or axis (id or key) that proposed it."""

    action: str
    origin: Origin
    subject: str = ""


@dataclass(frozen=True)
class Gate:
    """The cap that one rule sets, and whether the raw total went beyond it."""

    id: str
    cap: Decimal
    applied: bool


@dataclass(frozen=True)
class Result:
    """The result of one diagnosis, always recomputed from its answers and the version they were given to."""

    questionnaire_id: str
    version: str
    axis_scores: Scores
    stage_scores: Scores
    element_scores: Scores
    raw_total: Decimal
    strategy_grade: str | None
    gates: tuple[Gate, ...]
    cap: Decimal
    overall: Decimal
    grade: str
    bottleneck_stage: str | None
    axis_levels: Mapping[str, str | None]
    stage_levels: Mapping[str, str | None]
    detectors: tuple[str, ...]
    next_steps: tuple[NextStep, ...]

    @property
    def gate_applied(self) -> tuple[str, ...]:
        """Ids of the gates whose cap the raw total went beyond, G1 before G2."""
        return tuple(gate.id for gate in self.gates if gate.applied)

    @property
    def is_capped(self) -> bool:
        return self.overall < self.raw_total

    def as_dict(self) -> dict[str, Any]:
        """The result as the API answers it and the published cases state it: JSON types, scores as floats."""
        return {
            "axis_scores": _floats(self.axis_scores),
            "stage_scores": _floats(self.stage_scores),
            "element_scores": _floats(self.element_scores),
            "raw_total": float(self.raw_total),
            "strategy_grade": self.strategy_grade,
            "cap": float(self.cap),
            "gate_applied": list(self.gate_applied),
            "overall": float(self.overall),
            "grade": self.grade,
            "bottleneck_stage": self.bottleneck_stage,
            "axis_levels": dict(self.axis_levels),
            "stage_levels": dict(self.stage_levels),
            "detectors": list(self.detectors),
            "next_steps": [step.action for step in self.next_steps],
        }


def _floats(scores: Scores) -> dict[str, float | None]:
    return {key: None if score is None else float(score) for key, score in scores.items()}
