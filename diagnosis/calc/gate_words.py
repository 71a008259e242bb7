"""The gate in plain words with its numbers filled in, also where it exists and did not lower anything."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from diagnosis.calc.numbers import text
from diagnosis.calc.result import Result
from diagnosis.calc.scoring import NO_CAP, STRATEGY
from diagnosis.questionnaire import Questionnaire

BECAUSE = "土台の戦略が定まらないうちは、改善を重ねても成果が積み上がりにくいためです。"


@dataclass(frozen=True)
class GateReading:
    """`exists` is False where no cap below 100 is set. `short` is one line for the summary page of the PDF.

    `messages` are the questionnaire's own sentences for the gates that were applied, each with its own cap.
    """

    exists: bool
    applied: bool
    cap_text: str
    heading: str
    explanation: str
    short: str
    messages: tuple[str, ...]


def read_gate(questionnaire: Questionnaire, result: Result, blanks: list[str]) -> GateReading:
    """The gate of this result; `blanks` names which of 「誰に」「どのような価値を」 were answered with 0."""
    if result.cap >= NO_CAP:
        return _no_gate(result)
    reasons = _reasons(questionnaire, result, blanks)
    return GateReading(
        exists=True,
        applied=result.is_capped,
        cap_text=text(result.cap),
        heading="総合評価には、戦略で決まる上限があります",
        explanation=f"{BECAUSE}{reasons}{_outcome(result)}",
        short=_short(result, blanks),
        messages=_messages(questionnaire, result, len(blanks)),
    )


def _no_gate(result: Result) -> GateReading:
    heading = "今回の総合評価に、上限はありません"
    if result.strategy_grade is None:
        explanation = f"{text(result.overall)}点がそのまま総合評価です。"
    else:
        explanation = (
            f"総合評価は、戦略の等級の1段上までを上限としています。{_strategy(result)}ですので、"
            f"上限はありません。{text(result.overall)}点がそのまま総合評価です。"
        )
    return GateReading(False, False, text(result.cap), heading, explanation, f"{heading}。", ())


def _strategy(result: Result) -> str:
    return f"御社の戦略は{text(result.axis_scores[STRATEGY])}点({result.strategy_grade})"


def _reasons(q: Questionnaire, result: Result, blanks: list[str]) -> str:
    """Where the cap comes from: strategy's grade, the blanks, or both; the higher cap is named too."""
    caps = {gate.id: gate.cap for gate in result.gates}
    if "G2" not in caps:
        return f"{_strategy(result)}ですので、上限は{_one_up(q, result)}{text(caps['G1'])}点です。"
    blank = f"{_quoted(blanks)}がまだ白紙ですので、上限は{text(caps['G2'])}点です。"
    if "G1" not in caps or caps["G1"] >= NO_CAP:
        return blank
    if caps["G1"] < caps["G2"]:  # no version has had this; a new one may
        return f"{_strategy(result)}ですので、上限は{_one_up(q, result)}{text(caps['G1'])}点です。"
    if caps["G1"] == caps["G2"]:
        return f"{blank}{_strategy(result)}で、そこから見ても同じ上限になります。"
    higher = f"戦略の等級({result.strategy_grade})による上限は{text(caps['G1'])}点ですが、"
    return f"{blank}{higher}低いほうを上限とします。"


def _short(result: Result, blanks: list[str]) -> str:
    decisive = [gate.id for gate in result.gates if gate.cap == result.cap]
    reason = _strategy(result) if "G1" in decisive else f"{_quoted(blanks)}がまだ白紙です"
    return f"{reason}。総合評価の上限は{text(result.cap)}点で、{_short_outcome(result)}"


def _quoted(names: list[str]) -> str:
    return "と".join(f"「{name}」" for name in names)


def _one_up(q: Questionnaire, result: Result) -> str:
    """「その1段上、Bまでの」, from the grade that the cap itself falls into."""
    return f"その1段上、{q.grade_of(result.cap).grade}までの"


def _outcome(result: Result) -> str:
    overall = text(result.overall)
    if result.is_capped:
        return f"今回はこの上限により、総合評価は{overall}点です。{_within_reach(result)}"
    return f"今回はこの上限にかかっておらず、{overall}点がそのまま総合評価です。"


def _short_outcome(result: Result) -> str:
    if result.is_capped:
        return f"今回はこの上限がかかっています。{_within_reach(result)}"
    return "今回はこの上限にはかかっていません。"


def _within_reach(result: Result) -> str:
    return f"戦略が整えば届く点数は{text(result.raw_total)}点です。"


def _messages(q: Questionnaire, result: Result, blanks: int) -> tuple[str, ...]:
    templates = {
        "G1": q.gates.strategy_message,
        "G2": q.gates.blank_messages.get("one_zero" if blanks == 1 else "both_zero", ""),
    }
    return tuple(
        _fill(templates[gate.id], gate.cap, result.strategy_grade) for gate in result.gates if gate.applied
    )


def _fill(template: str, cap: Decimal, grade: str | None) -> str:
    """By replacement, not `format`: the text is data, and a brace in it is a brace."""
    return template.replace("{cap}", text(cap)).replace("{strategy_grade}", grade or "—")
