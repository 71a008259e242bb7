"""The arithmetic of the 簡易診断: frozen dataclasses in and out, no Django, no database, no third party."""

from diagnosis.calc.comparison import Comparison, Difference, compare
from diagnosis.calc.pages import Page, is_complete, missing_by_page, pages
from diagnosis.calc.reading import Reading, read
from diagnosis.calc.result import Answers, Facts, Gate, NextStep, Origin, Result
from diagnosis.calc.scoring import score
from diagnosis.calc.validation import validate

__all__ = [
    "Answers",
    "Comparison",
    "Difference",
    "Facts",
    "Gate",
    "NextStep",
    "Origin",
    "Page",
    "Reading",
    "Result",
    "compare",
    "is_complete",
    "missing_by_page",
    "pages",
    "read",
    "score",
    "validate",
]
