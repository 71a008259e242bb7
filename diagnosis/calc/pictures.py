"""The geometry of the three pictures, the same on the page and in the PDF: river, radar and ruler.

Numbers in, ready attribute strings out: a template only puts them into SVG. Coordinates have at most two
decimals, rounded half to even.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from math import cos, pi, sin

from diagnosis.calc.numbers import text
from diagnosis.calc.result import Result
from diagnosis.questionnaire import Questionnaire

Point = tuple[float, float]


def number(value: float) -> str:
    """At most two decimals and no trailing zeros: 37.5, 154, 34.38. Never 「-0」."""
    trimmed = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if trimmed == "-0" else trimmed


# ── River: four stages as one flow. Along it 200 units a stage; across it 100 units are 100 points. ──

REACH = 200.0
BED = 100.0
MIDDLE = BED / 2
BEND = 46.0
HANDLE = 22.0


@dataclass(frozen=True)
class River:
    """One form of the river. `stages` holds (class, colour, path); a stage without a score has no path.

    `banks` are the two outlines (more when a stage is missing), `divides` the lines between stages,
    `calliper` the marks at the bottleneck, empty when there is none.
    """

    form: str
    view_box: str
    width: str
    height: str
    stages: tuple[tuple[str, str, str], ...]
    banks: tuple[str, ...]
    divides: tuple[str, ...]
    calliper: str


@dataclass(frozen=True)
class RiverPicture:
    """Both forms; CSS shows the wide one from a certain width, the PDF's cover takes the tall one."""

    wide: River
    tall: River
    label: str


STAGE_COLOURS = ("#b9cede", "#7fa6c4", "#44799f", "#1e4b73")

Pen = Callable[[float, float], str]


def river(questionnaire: Questionnaire, result: Result) -> RiverPicture:
    """The river of a result."""
    keys = [stage.key for stage in questionnaire.stages]
    scores = [result.stage_scores[key] for key in keys]
    stuck = None if result.bottleneck_stage is None else keys.index(result.bottleneck_stage)
    said = "、".join(
        f"{stage.short_label}{text(score)}点" if score is not None else f"{stage.short_label}は該当なし"
        for stage, score in zip(questionnaire.stages, scores, strict=True)
    )
    verdict = (
        "目立った詰まりはありません"
        if stuck is None
        else f"詰まりは{questionnaire.stages[stuck].short_label}"
    )
    return RiverPicture(
        river_form(scores, stuck, "wide"),
        river_form(scores, stuck, "tall"),
        f"四つの段階の流れ。{said}。{verdict}。",
    )


def river_form(scores: Sequence[Decimal | None], bottleneck: int | None, form: str) -> River:
    """One form, `wide` or `tall`, for scores of 0 to 100 and the index of the bottleneck."""
    pen = _across if form == "wide" else _down
    halves = [None if score is None else float(score) / 2 for score in scores]
    length = number(REACH * len(scores))
    size = (length, number(BED)) if form == "wide" else (number(BED), length)
    shapes = [
        (f"s{i + 1}", STAGE_COLOURS[i % len(STAGE_COLOURS)], _shape(halves, i, pen))
        for i, half in enumerate(halves)
        if half is not None
    ]
    divides = [_divide(halves, i, pen) for i in range(1, len(halves)) if _joined(halves, i)]
    return River(
        form=form,
        view_box=f"0 0 {size[0]} {size[1]}",
        width=size[0],
        height=size[1],
        stages=tuple(shapes),
        banks=tuple(_bank(halves, run, side, pen) for run in _runs(halves) for side in (-1, 1)),
        divides=tuple(divides),
        calliper="" if bottleneck is None else _calliper(halves[bottleneck] or 0.0, bottleneck, pen),
    )


def _across(along: float, over: float) -> str:
    return f"{number(along)} {number(over)}"


def _down(along: float, over: float) -> str:
    return f"{number(over)} {number(along)}"


def _joined(halves: Sequence[float | None], boundary: int) -> bool:
    """Whether the stages before and after a boundary both have a width, so that the banks flow on."""
    return 0 < boundary < len(halves) and halves[boundary - 1] is not None and halves[boundary] is not None


def _runs(halves: Sequence[float | None]) -> list[range]:
    """The stretches of neighbouring stages with a score; one stretch of all, where none is missing."""
    starts = [i for i, half in enumerate(halves) if half is not None and not _joined(halves, i)]
    ends = [i + 1 for i, half in enumerate(halves) if half is not None and not _joined(halves, i + 1)]
    return [range(start, end) for start, end in zip(starts, ends, strict=True)]


def _half(halves: Sequence[float | None], index: int) -> float:
    return halves[index] or 0.0


def _bend_in(halves: Sequence[float | None], boundary: int, side: int) -> list[Point]:
    """From the even stretch before a boundary to the boundary: three points of the first half of a bend.

    The bend is one cubic from 46 before to 46 behind the boundary, level at both ends, halved at the boundary
    by de Casteljau's rule. So each stage can be filled on its own and the banks still run smoothly.
    """
    at, before, after = boundary * REACH, _half(halves, boundary - 1), _half(halves, boundary)
    near = MIDDLE + side * (3 * before + after) / 4
    middle = MIDDLE + side * (before + after) / 2
    return [(at - BEND / 2, MIDDLE + side * before), (at - BEND / 4, near), (at, middle)]


def _bend_out(halves: Sequence[float | None], boundary: int, side: int) -> list[Point]:
    """From a boundary to the even stretch behind it: the second half of the bend."""
    at, before, after = boundary * REACH, _half(halves, boundary - 1), _half(halves, boundary)
    near = MIDDLE + side * (before + 3 * after) / 4
    edge = MIDDLE + side * after
    return [(at + BEND / 4, near), (at + BEND / 2, edge), (at + BEND, edge)]


def _start(halves: Sequence[float | None], stage: int, side: int) -> Point:
    half = _half(halves, stage)
    if _joined(halves, stage):
        half = (_half(halves, stage - 1) + half) / 2
    return stage * REACH, MIDDLE + side * half


def _curve(points: Sequence[Point], pen: Pen) -> str:
    return "C" + " ".join(pen(*point) for point in points)


def _edge(halves: Sequence[float | None], stage: int, side: int, pen: Pen) -> str:
    """One bank of one stage downstream, without its starting point."""
    edge = MIDDLE + side * _half(halves, stage)
    path = _curve(_bend_out(halves, stage, side), pen) if _joined(halves, stage) else ""
    if _joined(halves, stage + 1):
        level = f"L{pen((stage + 1) * REACH - BEND, edge)}"
        return f"{path}{level}{_curve(_bend_in(halves, stage + 1, side), pen)}"
    return f"{path}L{pen((stage + 1) * REACH, edge)}"


def _edge_back(halves: Sequence[float | None], stage: int, side: int, pen: Pen) -> str:
    """The same bank upstream: from the end of the stage back to its start."""
    edge = MIDDLE + side * _half(halves, stage)
    if _joined(halves, stage + 1):
        first, second, third = _bend_in(halves, stage + 1, side)
        level = ((stage + 1) * REACH - BEND, edge)
        path = f"L{pen(*third)}{_curve([second, first, level], pen)}"
    else:
        path = f"L{pen((stage + 1) * REACH, edge)}"
    if not _joined(halves, stage):
        return f"{path}L{pen(stage * REACH, edge)}"
    first, second, third = _bend_out(halves, stage, side)
    return f"{path}L{pen(*third)}{_curve([second, first, _start(halves, stage, side)], pen)}"


def _shape(halves: Sequence[float | None], stage: int, pen: Pen) -> str:
    start = f"M{pen(*_start(halves, stage, -1))}"
    return f"{start}{_edge(halves, stage, -1, pen)}{_edge_back(halves, stage, 1, pen)}Z"


def _bank(halves: Sequence[float | None], run: range, side: int, pen: Pen) -> str:
    start = f"M{pen(*_start(halves, run.start, side))}"
    return start + "".join(_edge(halves, stage, side, pen) for stage in run)


def _divide(halves: Sequence[float | None], boundary: int, pen: Pen) -> str:
    upper, lower = _start(halves, boundary, -1), _start(halves, boundary, 1)
    return f"M{pen(*upper)}L{pen(*lower)}"


def _calliper(half: float, stage: int, pen: Pen) -> str:
    """Two marks that close in from the edges of the bed on the middle of the narrowest stage."""
    at = (stage + 0.5) * REACH
    return "".join(
        f"M{pen(at, outer)}L{pen(at, edge)}M{pen(at - HANDLE, edge)}L{pen(at + HANDLE, edge)}"
        for outer, edge in ((0.0, MIDDLE - half), (BED, MIDDLE + half))
    )


# ── Radar: seven axes around a centre, clockwise from the top ──

CENTRE: Point = (190.0, 168.0)
RADIUS = 108.0
LABEL_RADIUS = 124.0
LABEL_ABOVE, LABEL_BELOW = -16.0, 6.0
RING_LABEL_DROP = 4.0


@dataclass(frozen=True)
class Mark:
    """A point, as attribute strings."""

    x: str
    y: str


@dataclass(frozen=True)
class RadarLabel:
    x: str
    y: str
    anchor: str
    label: str
    value: str


@dataclass(frozen=True)
class RingLabel:
    x: str
    y: str
    label: str


@dataclass(frozen=True)
class RadarPicture:
    """`shape` are the points of the closed polygon, empty when an axis has no score. `fans` are then the
    filled parts between neighbours that both have one: the gap is seen, and `title` names it.
    """

    view_box: str
    title: str
    outer: str
    centre: Mark
    spokes: tuple[Mark, ...]
    rings: tuple[str, ...]
    ring_labels: tuple[RingLabel, ...]
    shape: str
    fans: tuple[str, ...]
    nodes: tuple[Mark, ...]
    labels: tuple[RadarLabel, ...]


def radar(questionnaire: Questionnaire, result: Result) -> RadarPicture:
    """The radar of a result; its rings are the bounds between low, mid and high."""
    labels = [axis.label for axis in questionnaire.axes]
    scores = [result.axis_scores[axis.key] for axis in questionnaire.axes]
    return radar_of(labels, scores, [int(bound) for bound in questionnaire.level_bounds])


def radar_of(labels: Sequence[str], scores: Sequence[Decimal | None], rings: Sequence[int]) -> RadarPicture:
    """The radar of scores from 0 to 100; None leaves a gap."""
    count = len(labels)
    ends = _polygon(count, 100)
    known = [None if score is None else _spot(i, count, float(score)) for i, score in enumerate(scores)]
    complete = [point for point in known if point is not None]
    whole = len(complete) == count
    return RadarPicture(
        view_box="0 0 380 330",
        title=_radar_title(labels, scores),
        outer=_points(ends),
        centre=_mark(CENTRE),
        spokes=tuple(_mark(end) for end in ends),
        rings=tuple(_points(_polygon(count, ring)) for ring in rings),
        ring_labels=tuple(_ring_label(count, ring) for ring in rings),
        shape=_points(complete) if whole else "",
        fans=() if whole else _fans(known),
        nodes=tuple(_mark(point) for point in complete),
        labels=tuple(_radar_label(i, label, scores[i], count) for i, label in enumerate(labels)),
    )


def _spot(index: int, count: int, score: float, radius: float = RADIUS) -> Point:
    angle = 2 * pi * index / count
    reach = radius * score / 100
    return CENTRE[0] + reach * sin(angle), CENTRE[1] - reach * cos(angle)


def _polygon(count: int, score: float) -> list[Point]:
    return [_spot(index, count, score) for index in range(count)]


def _points(points: Sequence[Point]) -> str:
    return " ".join(f"{number(x)},{number(y)}" for x, y in points)


def _mark(point: Point) -> Mark:
    return Mark(number(point[0]), number(point[1]))


def _ring_label(count: int, ring: int) -> RingLabel:
    """Just below the middle of the ring's last side, where no spoke crosses it."""
    (x1, y1), (x2, y2) = _spot(count - 1, count, ring), _spot(0, count, ring)
    return RingLabel(number((x1 + x2) / 2), number((y1 + y2) / 2 + RING_LABEL_DROP), str(ring))


def _fans(known: Sequence[Point | None]) -> tuple[str, ...]:
    centre = _across(*CENTRE)
    neighbours = pairwise([*known, known[0]])
    return tuple(
        f"M{centre}L{_across(*a)}L{_across(*b)}Z" for a, b in neighbours if a is not None and b is not None
    )


def _radar_label(index: int, label: str, score: Decimal | None, count: int) -> RadarLabel:
    angle = 2 * pi * index / count
    x, y = _spot(index, count, 100, LABEL_RADIUS)
    if index == 0:
        y += LABEL_ABOVE
    elif cos(angle) < -0.5:
        y += LABEL_BELOW
    across = round(sin(angle), 6)
    anchor = "middle" if across == 0 else "start" if across > 0 else "end"
    return RadarLabel(number(x), number(y), anchor, label, text(score))


def _radar_title(labels: Sequence[str], scores: Sequence[Decimal | None]) -> str:
    title = f"{_counted(len(labels))}の軸の得点。数値は表にあります。"
    gaps = [f"「{label}」" for label, score in zip(labels, scores, strict=True) if score is None]
    return f"{title}{''.join(gaps)}は該当なしのため、形が途切れています。" if gaps else title


def _counted(count: int) -> str:
    return "七つ" if count == 7 else f"{count}つ"


# ── Ruler: 0 to 100 as percentages of the width, so that text keeps its size ──

NEAR = Decimal(20)  # two labels closer than this would run into each other on a phone
CLEAR_OF_RAW = Decimal(74)  # left of a label that ends at 100
MARGIN = Decimal(10)  # a label centred closer to the end than this would stick out


@dataclass(frozen=True)
class RulerText:
    x: str
    y: str
    anchor: str
    label: str
    strong: bool = False


@dataclass(frozen=True)
class RulerPicture:
    """Lengths are percentages. `cap` and `beyond_width` are empty strings when there is no cap below 100;
    `raw` is where the raw total would have reached, empty unless the cap lowered it.
    """

    label: str
    track_width: str
    beyond_width: str
    reached_width: str
    cap: str
    raw: str
    ticks: tuple[str, ...]
    texts: tuple[RulerText, ...]


def ruler(questionnaire: Questionnaire, result: Result) -> RulerPicture:
    """The scale of grades with the overall score and its cap."""
    capped = result.cap < 100
    bounds = sorted(grade.min for grade in questionnaire.grades)
    return RulerPicture(
        label=_ruler_label(result),
        track_width=percent(result.cap),
        beyond_width=percent(100 - result.cap) if capped else "",
        reached_width=percent(result.overall),
        cap=percent(result.cap) if capped else "",
        raw=percent(result.raw_total) if result.is_capped else "",
        ticks=tuple(percent(bound) for bound in bounds[1:] if abs(bound - result.cap) >= 1),
        texts=(*_ruler_scores(result), *_ruler_grades(questionnaire, result.grade), *_ruler_numbers(bounds)),
    )


def percent(value: Decimal) -> str:
    """A length of the ruler: 79.9%, 35%."""
    return f"{number(float(value))}%"


def _ruler_label(result: Result) -> str:
    said = f"総合{text(result.overall)}点、等級{result.grade}。"
    if result.is_capped:
        within_reach = f"戦略が整えば届く点数は{text(result.raw_total)}点です。"
        return f"{said}上限の{text(result.cap)}点がかかっています。{within_reach}"
    if result.cap < 100:
        return f"{said}上限は{text(result.cap)}点で、今回はかかっていません。"
    return f"{said}上限はありません。"


def _ruler_scores(result: Result) -> tuple[RulerText, ...]:
    """The labels above: the overall score, and either the cap or, where it was reached, the raw total."""
    overall = f"総合 {text(result.overall)}"
    if result.is_capped:
        clear = min(result.cap, CLEAR_OF_RAW)
        return RulerText(percent(clear), "20", "end", f"{overall}(上限)", True), _raw_text(result)
    if result.cap >= 100:
        return (RulerText(percent(result.overall), "20", _anchor(result.overall), overall, True),)
    close = result.cap - result.overall < NEAR
    at = "end" if close else _anchor(result.overall)
    return (
        RulerText(percent(result.overall), "20", at, overall, True),
        RulerText(
            percent(result.cap), "16", "start" if close else "middle", f"上限 {text(result.cap)}", True
        ),
    )


def _raw_text(result: Result) -> RulerText:
    """Right of the cap; pushed to the end of the ruler where it would stick out."""
    label = f"届く点 {text(result.raw_total)}"
    if result.raw_total > 100 - NEAR:
        return RulerText("100%", "20", "end", label)
    return RulerText(percent(result.raw_total), "20", "start", label)


def _anchor(value: Decimal) -> str:
    return "start" if value < MARGIN else "end" if value > 100 - MARGIN else "middle"


def _ruler_grades(questionnaire: Questionnaire, reached: str) -> tuple[RulerText, ...]:
    """Each letter in the middle of its band, from the lowest grade up."""
    upwards = questionnaire.grades[::-1]
    tops = [grade.min for grade in upwards[1:]] + [Decimal(100)]
    return tuple(
        RulerText(percent((grade.min + top) / 2), "66", "middle", grade.grade, grade.grade == reached)
        for grade, top in zip(upwards, tops, strict=True)
    )


def _ruler_numbers(bounds: Sequence[Decimal]) -> tuple[RulerText, ...]:
    inner = [RulerText(percent(bound), "86", "middle", number(float(bound))) for bound in bounds[1:]]
    return (RulerText("0", "86", "start", "0"), *inner, RulerText("100%", "86", "end", "100"))
