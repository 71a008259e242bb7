"""Exact means and the one rounding of the diagnosis. None is 該当なし, and what follows from it alone."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from math import floor

HALF = Fraction(1, 2)

Number = int | Fraction


def rounded(value: Fraction) -> Decimal:
    """Half up to one decimal, without ever leaving exact arithmetic. For values of 0 and more only."""
    return Decimal(floor(value * 10 + HALF)).scaleb(-1)


def rounded_or_none(value: Fraction | None) -> Decimal | None:
    return None if value is None else rounded(value)


def weighted_mean(pairs: Iterable[tuple[int, Number | None]]) -> Fraction | None:
    """Mean of (weight, value). A value of None leaves the sums with its weight; None when nothing is left."""
    present = [(weight, value) for weight, value in pairs if value is not None]
    if not present:
        return None
    return Fraction(sum(weight * value for weight, value in present)) / sum(weight for weight, _ in present)


def text(value: Decimal | None) -> str:
    """A score as people read it: one decimal, and 「—」 where there is none."""
    return "—" if value is None else f"{value:.1f}"
