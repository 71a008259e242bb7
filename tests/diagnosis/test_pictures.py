"""The pictures of the 簡易診断, against the numbers of the reference screens (result and report-cover)."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from django.template import Context, Engine

from diagnosis.calc import Result, score
from diagnosis.calc.pictures import percent, radar, radar_of, river, river_form, ruler
from diagnosis.questionnaire import current

# 株式会社利根あおば精工 of the demo story, whose result the reference screens show.
ANSWERS: dict[str, int | None] = {
    "strategy_target": 2,
    "strategy_value": 2,
    "strategy_landscape": 2,
    "strategy_key": 3,
    "strategy_options": 1,
    "strategy_roadmap": 2,
    "customer_voice": 1,
    "customer_reason": 2,
    "customer_best": 2,
    "customer_change": 1,
    "enc_channel": 1,
    "enc_next": 1,
    "con_steps": 2,
    "con_follow": 1,
    "rep_onboard": 3,
    "rep_churn": 2,
    "fan_referral": 1,
    "fan_bond": 2,
    "num_monthly": 2,
    "num_formula": 1,
    "num_ltv": 1,
    "imp_hypothesis": 1,
    "imp_small": 2,
    "imp_rollout": 1,
    "org_participation": 0,
    "org_issue": 0,
    "org_role": 0,
    "org_contact": 0,
    "edu_practice": 2,
    "tool_purpose": 1,
}
FACTS: dict[str, int | list[str] | None] = {
    "x_posting": 0,
    "x_spend": 3,
    "x_tools": 2,
    "x_outsource": 4,
    "x_visits": 0,
    "x_newinit": 2,
    "x_extareas": ["strategy", "sales", "hr_decision"],
}

WIDE = {
    "stages": [
        ("M0 37.5L154 37.5C177 37.5 188.5 35.94 200 34.38L200 65.62C188.5 64.06 177 62.5 154 62.5L0 62.5Z"),
        (
            "M200 34.38C211.5 32.81 223 31.25 246 31.25L354 31.25C377 31.25 388.5 28.12 400 25L400 75C388.5 "
            "71.88 377 68.75 354 68.75L246 68.75C223 68.75 211.5 67.19 200 65.62Z"
        ),
        (
            "M400 25C411.5 21.88 423 18.75 446 18.75L554 18.75C577 18.75 588.5 21.88 600 25L600 75C588.5 "
            "78.12 577 81.25 554 81.25L446 81.25C423 81.25 411.5 78.12 400 75Z"
        ),
        (
            "M600 25C611.5 28.12 623 31.25 646 31.25L800 31.25L800 68.75L646 68.75C623 68.75 611.5 71.88 600 "
            "75Z"
        ),
    ],
    "bank": [
        (
            "M0 37.5L154 37.5C177 37.5 188.5 35.94 200 34.38C211.5 32.81 223 31.25 246 31.25L354 31.25C377 "
            "31.25 388.5 28.12 400 25C411.5 21.88 423 18.75 446 18.75L554 18.75C577 18.75 588.5 21.88 600 "
            "25C611.5 28.12 623 31.25 646 31.25L800 31.25"
        ),
        (
            "M0 62.5L154 62.5C177 62.5 188.5 64.06 200 65.62C211.5 67.19 223 68.75 246 68.75L354 68.75C377 "
            "68.75 388.5 71.88 400 75C411.5 78.12 423 81.25 446 81.25L554 81.25C577 81.25 588.5 78.12 600 "
            "75C611.5 71.88 623 68.75 646 68.75L800 68.75"
        ),
    ],
    "divide": [
        ("M200 34.38L200 65.62"),
        ("M400 25L400 75"),
        ("M600 25L600 75"),
    ],
    "calliper": [
        ("M100 0L100 37.5M78 37.5L122 37.5M100 100L100 62.5M78 62.5L122 62.5"),
    ],
}

TALL = {
    "stages": [
        ("M37.5 0L37.5 154C37.5 177 35.94 188.5 34.38 200L65.62 200C64.06 188.5 62.5 177 62.5 154L62.5 0Z"),
        (
            "M34.38 200C32.81 211.5 31.25 223 31.25 246L31.25 354C31.25 377 28.12 388.5 25 400L75 400C71.88 "
            "388.5 68.75 377 68.75 354L68.75 246C68.75 223 67.19 211.5 65.62 200Z"
        ),
        (
            "M25 400C21.88 411.5 18.75 423 18.75 446L18.75 554C18.75 577 21.88 588.5 25 600L75 600C78.12 "
            "588.5 81.25 577 81.25 554L81.25 446C81.25 423 78.12 411.5 75 400Z"
        ),
        (
            "M25 600C28.12 611.5 31.25 623 31.25 646L31.25 800L68.75 800L68.75 646C68.75 623 71.88 611.5 75 "
            "600Z"
        ),
    ],
    "bank": [
        (
            "M37.5 0L37.5 154C37.5 177 35.94 188.5 34.38 200C32.81 211.5 31.25 223 31.25 246L31.25 354C31.25 "
            "377 28.12 388.5 25 400C21.88 411.5 18.75 423 18.75 446L18.75 554C18.75 577 21.88 588.5 25 "
            "600C28.12 611.5 31.25 623 31.25 646L31.25 800"
        ),
        (
            "M62.5 0L62.5 154C62.5 177 64.06 188.5 65.62 200C67.19 211.5 68.75 223 68.75 246L68.75 354C68.75 "
            "377 71.88 388.5 75 400C78.12 411.5 81.25 423 81.25 446L81.25 554C81.25 577 78.12 588.5 75 "
            "600C71.88 611.5 68.75 623 68.75 646L68.75 800"
        ),
    ],
    "divide": [
        ("M34.38 200L65.62 200"),
        ("M25 400L75 400"),
        ("M25 600L75 600"),
    ],
    "calliper": [
        ("M0 100L37.5 100M37.5 78L37.5 122M100 100L62.5 100M62.5 78L62.5 122"),
    ],
}

OUTER = "190,60 274.44,100.66 295.29,192.03 236.86,265.3 143.14,265.3 84.71,192.03 105.56,100.66"
RINGS = (
    ("190,124.8 223.78,141.07 232.12,177.61 208.74,206.92 171.26,206.92 147.88,177.61 156.22,141.07"),
    ("190,92.4 249.11,120.86 263.7,184.82 222.8,236.11 157.2,236.11 116.3,184.82 130.89,120.86"),
)
SHAPE = "190,114 221.66,142.75 232.75,177.76 205.6,200.4 174.4,200.4 190,168 158.34,142.75"
SPOKES = (
    ("190", "60"),
    ("274.44", "100.66"),
    ("295.29", "192.03"),
    ("236.86", "265.3"),
    ("143.14", "265.3"),
    ("84.71", "192.03"),
    ("105.56", "100.66"),
)
NODES = (
    ("190", "114"),
    ("221.66", "142.75"),
    ("232.75", "177.76"),
    ("205.6", "200.4"),
    ("174.4", "200.4"),
    ("190", "168"),
    ("158.34", "142.75"),
)
RING_LABELS = (("173.11", "136.93", "40"), ("160.45", "110.63", "70"))
LABELS = (
    ("190", "28", "middle", "戦略", "50.0"),
    ("286.95", "90.69", "start", "顧客理解", "37.5"),
    ("310.89", "195.59", "start", "プロセス", "40.6"),
    ("243.8", "285.72", "start", "数値化", "33.3"),
    ("136.2", "285.72", "end", "改善サイクル", "33.3"),
    ("69.11", "195.59", "end", "組織・役割", "0.0"),
    ("93.05", "90.69", "end", "教育・ツール", "37.5"),
)
TITLE = "七つの軸の得点。数値は表にあります。"
RULER_TEXTS = (
    ("37.3%", "20", "middle", "総合 37.3", True),
    ("79.9%", "16", "middle", "上限 79.9", True),
    ("17.5%", "66", "middle", "E", False),
    ("42.5%", "66", "middle", "D", True),
    ("57.5%", "66", "middle", "C", False),
    ("72.5%", "66", "middle", "B", False),
    ("90%", "66", "middle", "A", False),
    ("0", "86", "start", "0", False),
    ("35%", "86", "middle", "35", False),
    ("50%", "86", "middle", "50", False),
    ("65%", "86", "middle", "65", False),
    ("80%", "86", "middle", "80", False),
    ("100%", "86", "end", "100", False),
)


@pytest.fixture
def result() -> Result:
    return score(current(), ANSWERS, FACTS)


def capped(result: Result, raw: str, cap: str) -> Result:
    """The same result with another total; what the ruler shows depends on nothing else."""
    overall = min(Decimal(raw), Decimal(cap))
    grade = current().grade_of(overall).grade
    return replace(result, raw_total=Decimal(raw), cap=Decimal(cap), overall=overall, grade=grade)


@pytest.mark.parametrize(("form", "expected"), [("wide", WIDE), ("tall", TALL)])
def test_the_river_is_drawn_as_on_the_reference_screens(
    result: Result, form: str, expected: dict[str, list[str]]
) -> None:
    picture = river(current(), result)
    drawn = picture.wide if form == "wide" else picture.tall
    assert [path for _, _, path in drawn.stages] == expected["stages"]
    assert list(drawn.banks) == expected["bank"]
    assert list(drawn.divides) == expected["divide"]
    assert drawn.calliper == expected["calliper"][0]


def test_the_river_says_in_words_what_it_shows(result: Result) -> None:
    said = river(current(), result).label
    assert (
        said == "四つの段階の流れ。出会い25.0点、契約37.5点、リピート62.5点、ファン化37.5点。詰まりは出会い。"
    )


def test_the_two_forms_differ_only_in_which_way_they_run(result: Result) -> None:
    picture = river(current(), result)
    assert (picture.wide.view_box, picture.tall.view_box) == ("0 0 800 100", "0 0 100 800")
    assert (picture.wide.width, picture.tall.height) == ("800", "800")


def test_a_river_without_a_bottleneck_has_no_calliper() -> None:
    assert river_form([Decimal(90)] * 4, None, "wide").calliper == ""


def test_a_river_of_zero_runs_dry_and_a_river_of_a_hundred_fills_its_bed() -> None:
    assert set(re.findall(r" (\d+)", river_form([Decimal(0)] * 4, None, "wide").banks[0])) >= {"50"}
    assert river_form([Decimal(100)] * 4, None, "wide").banks[0].startswith("M0 0L154 0")


def test_a_stage_without_a_score_interrupts_the_river() -> None:
    drawn = river_form([Decimal(50), None, Decimal(50), Decimal(50)], None, "wide")
    assert [name for name, _, _ in drawn.stages] == ["s1", "s3", "s4"]
    assert drawn.stages[0][2] == "M0 25L200 25L200 75L0 75Z"
    assert len(drawn.banks) == 4
    assert len(drawn.divides) == 1


def test_the_radar_is_drawn_as_on_the_reference_screens(result: Result) -> None:
    drawn = radar(current(), result)
    assert drawn.outer == OUTER
    assert drawn.rings == RINGS
    assert drawn.shape == SHAPE
    assert tuple((spoke.x, spoke.y) for spoke in drawn.spokes) == SPOKES
    assert tuple((node.x, node.y) for node in drawn.nodes) == NODES
    assert drawn.title == TITLE


def test_the_radars_words_stand_where_the_reference_screens_have_them(result: Result) -> None:
    drawn = radar(current(), result)
    assert tuple((ring.x, ring.y, ring.label) for ring in drawn.ring_labels) == RING_LABELS
    assert tuple((t.x, t.y, t.anchor, t.label, t.value) for t in drawn.labels) == LABELS


def test_an_axis_without_a_score_is_a_gap_and_the_radar_says_so() -> None:
    names = ["戦略", "顧客理解", "プロセス", "数値化", "改善サイクル", "組織・役割", "教育・ツール"]
    drawn = radar_of(names, [*[Decimal(50)] * 5, None, Decimal(50)], [40, 70])
    assert drawn.shape == ""
    assert len(drawn.nodes) == 6
    assert len(drawn.fans) == 5
    assert drawn.labels[5].value == "—"
    assert (
        drawn.title
        == "七つの軸の得点。数値は表にあります。「組織・役割」は該当なしのため、形が途切れています。"
    )


def test_the_ruler_is_drawn_as_on_the_reference_screen(result: Result) -> None:
    drawn = ruler(current(), result)
    assert drawn.label == "総合37.3点、等級D。上限は79.9点で、今回はかかっていません。"
    assert (drawn.track_width, drawn.beyond_width, drawn.reached_width) == ("79.9%", "20.1%", "37.3%")
    assert (drawn.cap, drawn.raw, drawn.ticks) == ("79.9%", "", ("35%", "50%", "65%"))
    assert tuple((t.x, t.y, t.anchor, t.label, t.strong) for t in drawn.texts) == RULER_TEXTS


def test_a_ruler_without_a_cap_shows_neither_mark_nor_hatching(result: Result) -> None:
    drawn = ruler(current(), capped(result, "91.6", "100.0"))
    assert (drawn.cap, drawn.beyond_width, drawn.raw) == ("", "", "")
    assert drawn.ticks == ("35%", "50%", "65%", "80%")
    assert drawn.label == "総合91.6点、等級A。上限はありません。"


def test_a_ruler_whose_cap_was_reached_shows_what_would_have_been_reached(result: Result) -> None:
    drawn = ruler(current(), capped(result, "72.0", "64.9"))
    assert (drawn.raw, drawn.reached_width, drawn.cap) == ("72%", "64.9%", "64.9%")
    assert (
        drawn.label == "総合64.9点、等級C。上限の64.9点がかかっています。戦略が整えば届く点数は72.0点です。"
    )
    assert [(t.x, t.anchor, t.label) for t in drawn.texts[:2]] == [
        ("64.9%", "end", "総合 64.9(上限)"),
        ("72%", "start", "届く点 72.0"),
    ]


@pytest.mark.parametrize(("overall", "anchor"), [("0.0", "start"), ("55.0", "middle"), ("62.0", "end")])
def test_the_rulers_labels_keep_clear_of_its_ends_and_of_each_other(
    result: Result, overall: str, anchor: str
) -> None:
    assert ruler(current(), capped(result, overall, "79.9")).texts[0].anchor == anchor


def test_a_total_beyond_eighty_leaves_room_between_the_two_labels(result: Result) -> None:
    overall, raw = ruler(current(), capped(result, "88.8", "79.9")).texts[:2]
    assert (overall.x, overall.anchor, raw.x, raw.anchor) == ("74%", "end", "100%", "end")


def test_lengths_of_the_ruler_have_no_idle_zeros() -> None:
    assert [percent(Decimal(value)) for value in ("35.0", "79.9", "0.0")] == ["35%", "79.9%", "0%"]


# ── The templates, with the engine alone: they need no settings ──


def drawn(template: str, **context: object) -> str:
    folder = Path(__file__).parents[2] / "templates"
    return Engine(dirs=[str(folder)]).get_template(f"diagnosis/{template}").render(Context(context))


def test_the_river_in_svg_is_hidden_beside_its_numbers_and_named_where_it_stands_alone(
    result: Result,
) -> None:
    picture = river(current(), result)
    beside, alone = (
        drawn("_river.html", picture=picture.wide),
        drawn("_river.html", picture=picture.tall, label="名"),
    )
    assert 'aria-hidden="true"' in beside
    assert 'role="img" aria-label="名"' in alone
    assert beside.count("<path") == 4 + 2 + 3 + 1
    assert WIDE["stages"][1] in beside


def test_no_picture_carries_a_style_that_the_content_security_policy_refuses(result: Result) -> None:
    pictures = drawn("_radar.html", picture=radar(current(), result)) + drawn(
        "_ruler.html", picture=ruler(current(), result)
    )
    assert "style=" not in pictures
    assert pictures.count('role="img"') == 2
    assert f'points="{SHAPE}"' in pictures
