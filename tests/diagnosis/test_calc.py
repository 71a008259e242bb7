"""The arithmetic of the 簡易診断: published cases, cases where the rules are silent, properties, words."""

from __future__ import annotations

import json
from copy import deepcopy
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnosis.calc import (
    Reading,
    Result,
    compare,
    is_complete,
    missing_by_page,
    pages,
    read,
    score,
    validate,
)
from diagnosis.calc.numbers import rounded, weighted_mean
from diagnosis.questionnaire import Fact, Question, QuestionnaireError, current, load, parse

HERE = Path(__file__).parent
CASES = json.loads((HERE / "data" / "diagnosis_cases.json").read_text(encoding="utf-8"))
DOCUMENT = HERE.parents[1] / "docs" / "algorithms" / "diagnosis.md"
Q = current()

Answers = dict[str, int | None]
Facts = dict[str, int | list[str] | None]

NO_FACTS: Facts = {
    "x_posting": 0,
    "x_spend": 0,
    "x_tools": 0,
    "x_outsource": 0,
    "x_visits": None,
    "x_newinit": 0,
    "x_extareas": None,
}


def everywhere(value: int | None, **others: int | None) -> Answers:
    """The same answer to every question, but for those named."""
    return {**{question.id: value for question in Q.questions}, **others}


def of_axis(axis: str, value: int | None) -> Answers:
    return {question.id: value for question in Q.questions if question.axis == axis}


def answers_of(row: str) -> Answers:
    """Thirty digits in the order of the questions; a dash is 該当なし."""
    values = row.replace(" ", "")
    return {q.id: None if v == "-" else int(v) for q, v in zip(Q.questions, values, strict=True)}


def reading_of(answers: Answers, facts: Facts = NO_FACTS) -> Reading:
    return read(Q, answers, score(Q, answers, facts))


# ── Published cases ──


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda case: str(case["id"]))
def test_a_published_case_gives_exactly_its_expected_result(case: dict[str, Any]) -> None:
    result = score(Q, case["answers"], case["facts"]).as_dict()
    assert result == case["expected"]
    # 50 == 50.0 in Python; in JSON the API's scores must be written with their decimal.
    assert json.dumps(result) == json.dumps(case["expected"])


@pytest.mark.parametrize(
    "case", CASES["detector_cases"], ids=lambda case: f"{case['detector']}-{case['note']}"
)
def test_a_detector_fires_at_its_bound_and_not_beyond_it(case: dict[str, Any]) -> None:
    answers = CASES["detector_baseline"]["answers"] | case["answers_patch"]
    facts = CASES["detector_baseline"]["facts"] | case["facts_patch"]
    assert (case["detector"] in score(Q, answers, facts).detectors) is case["fires"]


@pytest.mark.parametrize(("value", "grade"), CASES["grade_boundaries"])
def test_grades_begin_at_their_bounds(value: float, grade: str) -> None:
    assert Q.grade_of(Decimal(str(value))).grade == grade


@pytest.mark.parametrize(("value", "level"), CASES["level_boundaries"])
def test_levels_begin_at_their_bounds(value: float, level: str) -> None:
    assert Q.level_of(Decimal(str(value))) == level


# The table of domain.md §4, as far as the answers are given to us (01–07).
SHOP = {"x_posting": 2, "x_spend": 1, "x_tools": 2, "x_outsource": 1, "x_visits": 2, "x_newinit": 2}
OTHERS: dict[str, tuple[str, Facts]] = {
    "case03": ("333333 3333 33433232 432 433 3333 33", {**SHOP, "x_extareas": ["training"]}),
    "case05": (
        "121211 2122 22311122 110 111 2122 31",
        {**SHOP, "x_posting": 4, "x_spend": 2, "x_extareas": ["production"]},
    ),
    "case06": (
        "222312 1221 11213212 211 121 0000 21",
        {
            **SHOP,
            "x_posting": 0,
            "x_spend": 3,
            "x_outsource": 4,
            "x_visits": 0,
            "x_extareas": ["strategy", "sales", "hr_decision"],
        },
    ),
}
GIVEN = {case["id"]: (case["answers"], case["facts"]) for case in CASES["cases"]}
GIVEN |= {key: (answers_of(row), facts) for key, (row, facts) in OTHERS.items()}


@pytest.mark.parametrize(
    ("case", "strategy", "raw", "overall", "grade", "bottleneck", "detectors"),
    [
        ("case01", "56.3", "51.8", "51.8", "C", "contract", ""),
        ("case02", "68.8", "61.8", "61.8", "C", "repeat", "08"),
        ("case03", "75.0", "75.2", "75.2", "B", "repeat", ""),
        ("case04", "15.6", "24.9", "24.9", "E", "repeat", "01 02 03 04 05 07 08 09 13"),
        ("case05", "34.4", "36.7", "36.7", "D", "repeat", "01 08"),
        ("case06", "50.0", "37.3", "37.3", "D", "encounter", "04 05 06 13 14"),
        ("case07", "93.8", "91.6", "91.6", "A", "fan", ""),
    ],
)
def test_the_table_of_the_domain_is_met(
    case: str, strategy: str, raw: str, overall: str, grade: str, bottleneck: str, detectors: str
) -> None:
    result = score(Q, *GIVEN[case])
    assert result.axis_scores["strategy"] == Decimal(strategy)
    assert (result.raw_total, result.overall) == (Decimal(raw), Decimal(overall))
    assert (result.grade, result.bottleneck_stage) == (grade, bottleneck)
    assert result.detectors == tuple(f"K{number}" for number in detectors.split())


def test_the_table_worked_by_hand_in_the_document_is_what_is_computed() -> None:
    answers = GIVEN["case01"][0]
    lines = [line.strip("| \n").split(" | ") for line in DOCUMENT.read_text(encoding="utf-8").splitlines()]
    rows = {cells[0]: cells[1:] for cells in lines if len(cells) == 8 and cells[0] in Q.findings}
    assert set(rows) == set(Q.findings)
    total = Fraction(0)
    for axis in Q.axes:
        weight, points, full, exact, shown, weighted, gap = rows[axis.key]
        questions = [question for question in Q.questions if question.axis == axis.key]
        assert int(weight) == axis.weight
        assert int(points) == sum(q.weight * answers[q.id] for q in questions)
        assert int(full) == 4 * sum(q.weight for q in questions)
        assert Fraction(exact) == Fraction(100 * int(points), int(full))
        assert Decimal(shown) == score(Q, *GIVEN["case01"]).axis_scores[axis.key] == rounded(Fraction(exact))
        assert Fraction(weighted) == axis.weight * Fraction(exact)
        assert Fraction(gap) == axis.weight * (100 - Fraction(exact))
        total += Fraction(weighted)
    assert total == Fraction(62125, 12)


# ── What the published cases leave open ──


def test_half_a_tenth_is_rounded_up_and_never_to_the_even_digit() -> None:
    assert [rounded(Fraction(n, 100)) for n in (5625, 5635, 5624)] == [
        Decimal(s) for s in ("56.3", "56.4", "56.2")
    ]


def test_a_mean_of_nothing_is_not_zero() -> None:
    assert weighted_mean([(1, None), (2, None)]) is None


def test_an_axis_of_only_not_applicable_answers_leaves_the_total() -> None:
    result = score(Q, everywhere(2, **of_axis("org", None), **of_axis("customer", 4)), NO_FACTS)
    assert result.axis_scores["org"] is None
    assert result.axis_levels["org"] is None
    assert result.element_scores["organization"] is None
    assert result.raw_total == rounded(Fraction(75 * 50 + 15 * 100, 90))
    assert result.as_dict()["axis_scores"]["org"] is None


def test_an_element_is_the_mean_of_the_axes_that_are_left() -> None:
    result = score(Q, everywhere(2, **of_axis("metrics", None), **of_axis("improve", 4)), NO_FACTS)
    assert result.element_scores["process"] == rounded(Fraction(20 * 50 + 10 * 100, 30))


def test_no_tool_means_no_score_for_tools_and_an_axis_of_education_alone() -> None:
    result = score(Q, everywhere(2, tool_purpose=None, edu_practice=3), NO_FACTS)
    assert result.element_scores["tool"] is None
    assert result.element_scores["education"] == result.axis_scores["enable"] == Decimal("75.0")


def test_a_mean_that_refers_to_a_missing_axis_fires_nothing() -> None:
    strong = everywhere(1, **of_axis("metrics", 4), **of_axis("improve", 4))
    assert "K12" in score(Q, strong, NO_FACTS).detectors
    assert "K12" not in score(Q, strong | of_axis("metrics", None), NO_FACTS).detectors


def test_a_condition_on_a_stage_without_a_score_is_false() -> None:
    holey = everywhere(2, enc_channel=4, enc_next=4, rep_onboard=0, rep_churn=0)
    assert "K08" in score(Q, holey, NO_FACTS).detectors
    unknown = score(Q, {**holey, "rep_onboard": None, "rep_churn": None}, NO_FACTS)
    assert "K08" not in unknown.detectors
    assert unknown.stage_scores["repeat"] is None
    assert unknown.bottleneck_stage == "contract"


@pytest.mark.parametrize("areas", [None, [], ["sales"]])
def test_without_a_say_in_personnel_there_is_no_sign_of_one(areas: list[str] | None) -> None:
    answers, facts = everywhere(2, org_contact=0), NO_FACTS | {"x_visits": 0, "x_extareas": areas}
    assert "K06" not in score(Q, answers, facts).detectors
    assert "K06" in score(Q, answers, facts | {"x_extareas": ["sales", "hr_decision"]}).detectors


def test_a_sign_that_needs_visits_does_not_fire_when_visits_do_not_apply() -> None:
    answers, facts = everywhere(2, org_contact=1), NO_FACTS | {"x_outsource": 4}
    assert "K05" not in score(Q, answers, facts | {"x_visits": None}).detectors
    assert "K05" in score(Q, answers, facts | {"x_visits": 1}).detectors


@pytest.mark.parametrize(
    ("blanks", "cap", "applied"),
    [
        ({"strategy_target": 0}, "49.9", ("G2",)),
        ({"strategy_value": 0}, "49.9", ("G2",)),
        ({"strategy_target": 0, "strategy_value": 0}, "34.9", ("G1", "G2")),
    ],
)
def test_a_blank_start_caps_whatever_else_is_perfect(
    blanks: Answers, cap: str, applied: tuple[str, ...]
) -> None:
    result = score(Q, everywhere(4) | blanks, NO_FACTS)
    assert (result.cap, result.overall) == (Decimal(cap), Decimal(cap))
    assert result.gate_applied == applied
    assert result.next_steps[0].action == "act_who_value"


def test_a_cap_that_the_total_does_not_exceed_is_stated_but_not_applied() -> None:
    result = score(Q, everywhere(1, strategy_target=0), NO_FACTS)
    assert result.cap == Decimal("49.9")
    assert result.gate_applied == ()
    assert result.overall == result.raw_total


def test_a_total_that_equals_its_cap_is_not_lowered_by_it() -> None:
    result = score(Q, everywhere(4), NO_FACTS)
    assert result.raw_total == result.cap == result.overall == Decimal(100)
    assert result.gate_applied == ()


@pytest.mark.parametrize(
    ("tied", "expected"),
    [
        (("encounter", "contract", "repeat", "fan"), "contract"),
        (("encounter", "repeat", "fan"), "repeat"),
        (("encounter", "fan"), "fan"),
        (("encounter",), "encounter"),
    ],
)
def test_of_tied_stages_the_bottleneck_is_the_one_to_mend_first(tied: tuple[str, ...], expected: str) -> None:
    weak = {q.id: 1 for q in Q.questions if q.stage in tied}
    assert score(Q, everywhere(3) | weak, NO_FACTS).bottleneck_stage == expected


def test_stages_of_eighty_and_more_have_no_bottleneck() -> None:
    assert score(Q, everywhere(4, enc_next=3), NO_FACTS).bottleneck_stage is None
    assert score(Q, everywhere(4, enc_next=2), NO_FACTS).bottleneck_stage == "encounter"


def test_a_bottleneck_of_seventy_and_more_is_no_next_step() -> None:
    result = score(Q, everywhere(3), NO_FACTS)
    assert result.bottleneck_stage == "contract"
    assert "act_stage_contract" not in [step.action for step in result.next_steps]


def test_axes_of_equal_exact_gap_keep_their_order() -> None:
    # 30 × 43.75 = 15 × 87.5. Of the shown scores, 56.3 and 12.5, customer would come first.
    answers = everywhere(4) | answers_of("322222" + "0020" + "4" * 20)
    steps = [step.action for step in score(Q, answers, NO_FACTS).next_steps]
    assert steps.index("act_strategy_sheet") < steps.index("act_customer_five")


def test_a_low_sign_is_shown_and_proposes_nothing() -> None:
    result = score(Q, everywhere(4, imp_hypothesis=1), NO_FACTS)
    assert result.detectors == ("K09",)
    assert [step.origin.value for step in result.next_steps] == ["gap", "keep"]


def test_unanswered_questions_are_refused_by_name() -> None:
    answers = everywhere(2)
    del answers["org_role"]
    with pytest.raises(ValueError, match="org_role"):
        score(Q, answers, NO_FACTS)


# ── Properties ──


def an_answer(question: Question) -> st.SearchStrategy[int | None]:
    values = st.integers(0, 4)
    return st.none() | values if question.na_allowed else values


def a_fact(fact: Fact) -> st.SearchStrategy[Any]:
    values = [option.value for option in fact.options]
    chosen: st.SearchStrategy[Any] = st.sampled_from(values)
    if fact.multiple:
        chosen = st.lists(chosen, unique=True)
    return st.none() | chosen if fact.na_allowed else chosen


ANSWERS = st.fixed_dictionaries({question.id: an_answer(question) for question in Q.questions})
FACTS = st.fixed_dictionaries({fact.id: a_fact(fact) for fact in Q.facts})
thoroughly = settings(max_examples=150, deadline=None)


@thoroughly
@given(answers=ANSWERS, facts=FACTS)
def test_valid_answers_always_have_a_result_within_its_bounds(answers: Answers, facts: Facts) -> None:
    assert validate(Q, answers, facts) == {}
    result = score(Q, answers, facts)
    assert 0 <= result.overall <= result.raw_total <= 100
    assert result.overall <= result.cap
    assert bool(result.gate_applied) is (result.overall < result.raw_total)
    assert 1 <= len(result.next_steps) <= 3
    assert len({step.action for step in result.next_steps}) == len(result.next_steps)
    json.dumps(result.as_dict())


@thoroughly
@given(answers=ANSWERS, facts=FACTS)
def test_every_result_can_be_read(answers: Answers, facts: Facts) -> None:
    reading = reading_of(answers, facts)
    assert all(step.why for step in reading.steps)
    assert "{" not in reading.gate.explanation + reading.thesis + "".join(reading.gate.messages)
    assert len(reading.gate.messages) == len(score(Q, answers, facts).gate_applied)


@thoroughly
@given(answers=ANSWERS, facts=FACTS, number=st.integers(0, 5))
def test_a_better_strategy_never_lowers_the_cap_or_the_score(
    answers: Answers, facts: Facts, number: int
) -> None:
    question = [q.id for q in Q.questions if q.axis == "strategy"][number]
    before = score(Q, answers, facts)
    after = score(Q, answers | {question: min(4, (answers[question] or 0) + 1)}, facts)
    assert after.cap >= before.cap
    assert after.overall >= before.overall


@thoroughly
@given(answers=ANSWERS, facts=FACTS, random=st.randoms(use_true_random=False))
def test_the_order_in_which_answers_were_given_does_not_matter(
    answers: Answers, facts: Facts, random: Any
) -> None:
    shuffled = list(answers.items())
    random.shuffle(shuffled)
    reversed_facts = dict(reversed(facts.items()))
    assert score(Q, dict(shuffled), reversed_facts) == score(Q, answers, facts)


@thoroughly
@given(answers=ANSWERS, facts=FACTS, missing=st.sampled_from([*(q.id for q in Q.questions), *NO_FACTS]))
def test_one_missing_answer_is_one_message(answers: Answers, facts: Facts, missing: str) -> None:
    left = {key: value for key, value in answers.items() if key != missing}
    facts_left = {key: value for key, value in facts.items() if key != missing}
    assert list(validate(Q, left, facts_left)) == [missing]
    assert not is_complete(Q, left, facts_left)


# ── Validation and pages ──


@pytest.mark.parametrize("value", [5, -1, True, 2.0, "2", [2], {}, float("nan")])
def test_a_value_that_is_no_anchor_is_refused(value: object) -> None:
    errors = validate(Q, {**everywhere(2), "enc_channel": value}, NO_FACTS)
    assert errors == {"enc_channel": "選択肢の中から一つお選びください。"}


def test_not_applicable_is_refused_where_it_is_not_offered() -> None:
    errors = validate(Q, everywhere(2, org_role=None, org_issue=None), NO_FACTS | {"x_posting": None})
    assert set(errors) == {"org_issue", "x_posting"}
    assert "該当なし" in errors["org_issue"]


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ("sales", "すべて"),
        (["sales", "sales"], "二度"),
        (["sales", None], "一緒には"),
        (["sales", "cooking"], "選択肢の中から"),
        ([["sales"]], "選択肢の中から"),
        ([True], "選択肢の中から"),
    ],
)
def test_areas_that_do_not_make_sense_are_refused(value: object, part: str) -> None:
    errors = validate(Q, everywhere(2), {**NO_FACTS, "x_extareas": value})
    assert part in errors["x_extareas"]


def test_unknown_ids_are_refused_and_not_repeated_in_words() -> None:
    errors = validate(Q, {**everywhere(2), "<b>": 1}, {**NO_FACTS, "enc_channel": 1})
    assert set(errors) == {"<b>", "enc_channel"}
    assert "<b>" not in "".join(errors.values())


def test_there_are_eight_pages_that_hold_every_question_once() -> None:
    all_pages = pages(Q)
    assert [page.label for page in all_pages][-2:] == ["教育・ツール", "確認事項"]
    assert [page.number for page in all_pages] == list(range(1, 9))
    assert [key for page in all_pages for key in page.ids] == [*everywhere(0), *NO_FACTS]


def test_not_answered_yet_and_not_applicable_are_two_things() -> None:
    answers = everywhere(2, org_role=None)
    del answers["fan_bond"]
    missing = missing_by_page(Q, answers, {"x_visits": None})
    assert missing["process"] == ("fan_bond",)
    assert missing["org"] == ()
    assert "x_visits" not in missing["facts"]
    assert len(missing["facts"]) == 6


# ── Words ──


def test_a_gate_that_lowers_nothing_is_explained_with_its_numbers() -> None:
    reading = reading_of(*GIVEN["case06"])
    assert reading.gate.heading == "総合評価には、戦略で決まる上限があります"
    assert reading.gate.explanation == (
        "土台の戦略が定まらないうちは、改善を重ねても成果が積み上がりにくいためです。御社の戦略は50.0点(C)ですので、"
        "上限はその1段上、Bまでの79.9点です。今回はこの上限にかかっておらず、37.3点がそのまま総合評価です。"
    )
    assert (reading.gate.exists, reading.gate.applied, reading.raw_text) == (True, False, None)


def test_a_gate_that_lowers_shows_the_score_within_reach() -> None:
    reading = reading_of(*GIVEN["edge05"])
    assert reading.gate.explanation.endswith(
        "今回はこの上限により、総合評価は49.9点です。戦略が整えば届く点数は80.3点です。"
    )
    assert reading.raw_text == "80.3"
    assert reading.gate.messages == (
        "戦略の評価がEのため、総合評価の上限は49.9点です。"
        "戦略が定まりきらないうちは、改善を重ねても成果が積み上がりにくいためです。",
    )


def test_each_of_two_gates_is_explained_with_its_own_cap() -> None:
    gate = reading_of(everywhere(4, strategy_target=0, strategy_value=0)).gate
    assert "「誰に」と「どのような価値を」がまだ白紙ですので、上限は34.9点です。" in gate.explanation
    assert "戦略の等級(C)による上限は79.9点ですが、低いほうを上限とします。" in gate.explanation
    assert [message.count(cap) for message, cap in zip(gate.messages, ("79.9", "34.9"), strict=True)] == [
        1,
        1,
    ]


def test_without_a_cap_the_reading_says_that_there_is_none() -> None:
    gate = reading_of(*GIVEN["case07"]).gate
    assert (gate.exists, gate.heading) == (False, "今回の総合評価に、上限はありません")


def test_signs_to_check_first_come_first_and_low_ones_are_shown_too() -> None:
    signs = reading_of(*GIVEN["case04"]).signs
    assert [sign.id for sign in signs] == ["K01", "K02", "K04", "K03", "K05", "K07", "K08", "K13", "K09"]
    assert [sign.order for sign in signs] == ["先に確かめる"] * 3 + ["あわせて確かめる"] * 6
    assert signs[2].name == "丸投げ"


def test_each_next_step_says_where_it_comes_from() -> None:
    assert [step.why for step in reading_of(*GIVEN["case06"]).steps] == [
        "「丸投げの兆候」から",
        "「人事への過剰な関与の兆候」から",
        "詰まり「出会い」から",
    ]
    blank = reading_of(everywhere(0)).steps
    assert [step.why for step in blank] == [
        "まだ白紙の「誰に」「どのような価値を」から",
        "戦略の得点(0.0点)から",
        "詰まり「契約」から",
    ]


@pytest.mark.parametrize("level", [2, 3])
def test_of_equally_low_stages_the_reading_says_which_comes_first_and_why(level: int) -> None:
    answers = everywhere(level)
    reading = reading_of(answers, NO_FACTS)
    assert "並ぶなかで先に整えるのは「契約」です" in reading.thesis
    assert "いちばん細く" not in reading.thesis
    assert "契約→リピート→ファン化→出会いの順で先のもの" in reading.mark_note


def test_the_thesis_joins_what_was_computed() -> None:
    assert reading_of(*GIVEN["case06"]).thesis == (
        "戦略は50.0点(C)、四つの段階では「出会い」が25.0点でいちばん細く、「丸投げの兆候」など、5つの兆候が読み取れます。"
        "最初の一歩は、役割マップを作り、社内の責任者を決めることです。"
    )


def test_what_is_not_applicable_is_read_as_a_dash() -> None:
    answers = everywhere(2, **of_axis("org", None))
    org = next(axis for axis in reading_of(answers).axes if axis.key == "org")
    assert (org.score_text, org.grade, org.finding, org.level_word) == ("—", None, None, "該当なし")


def test_strengths_are_only_what_is_high() -> None:
    assert [s.label for s in reading_of(*GIVEN["case01"]).strengths] == ["出会い"]
    assert reading_of(everywhere(1)).strengths == ()


def test_strengths_are_the_three_highest_and_never_the_bottleneck() -> None:
    strengths = reading_of(*GIVEN["case07"]).strengths
    assert [(s.label, s.score_text) for s in strengths] == [
        ("組織・役割", "100.0"),
        ("契約", "100.0"),
        ("戦略", "93.8"),
    ]
    assert [s.label for s in reading_of(*GIVEN["case01"]).strengths] == ["出会い"]


# ── Comparison ──


def test_two_diagnoses_differ_by_what_is_shown() -> None:
    before = score(Q, everywhere(2), NO_FACTS)
    after = score(Q, everywhere(2, strategy_target=3, enc_next=1, **of_axis("org", None)), NO_FACTS)
    comparison = compare(Q, before, after)
    changes = {item.key: item.change_text for item in (*comparison.axes, *comparison.stages)}
    assert comparison.comparable
    assert changes["strategy"] == "+6.3"
    assert changes["encounter"] == "−12.5"
    assert changes["customer"] == "±0.0"
    assert changes["org"] == "—"


def test_results_of_two_versions_are_not_compared_and_the_reason_is_given() -> None:
    now = score(Q, everywhere(2), NO_FACTS)
    older = Result(**{**now.__dict__, "version": "0.9.0"})
    comparison = compare(Q, older, now)
    assert not comparison.comparable
    assert "第0.9.0版" in comparison.reason
    assert comparison.axes == ()


# ── The questionnaire as data ──


def raw_questionnaire() -> dict[str, Any]:
    path = HERE.parents[1] / "diagnosis" / "content" / "questionnaire-1.0.0.json"
    raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    return raw


def test_the_current_questionnaire_is_whole() -> None:
    assert (len(Q.axes), len(Q.questions), len(Q.facts), len(Q.detectors)) == (7, 30, 7, 14)
    assert load(Q.version) is Q


@pytest.mark.parametrize("version", ["9.9.9", "../1.0.0", "", "1.0.0\n"])
def test_an_unknown_version_is_refused(version: str) -> None:
    with pytest.raises(QuestionnaireError):
        load(version)


@pytest.mark.parametrize(
    "path",
    [
        ("questions", 0, "axis"),
        ("questions", 10, "stage"),
        ("questions", 0, "anchors", 2, "value"),
        ("detectors", 0, "action"),
        ("detectors", 0, "severity"),
        ("detectors", 0, "when", "all", 0, "ref"),
        ("detectors", 0, "when", "all", 0, "op"),
        ("scoring", "levels", "mid"),
        ("axis_action", "org"),
    ],
    ids=lambda path: ".".join(map(str, path)),
)
def test_a_questionnaire_that_contradicts_itself_is_refused(path: tuple[str | int, ...]) -> None:
    raw = deepcopy(raw_questionnaire())
    place: Any = raw
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = "30以上60未満" if path[-1] == "mid" else "unheard"
    with pytest.raises(QuestionnaireError):
        parse(raw)
