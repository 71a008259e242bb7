"""Numbers of places: computed from what is taken, never counted up or down."""

from collections.abc import Collection


def left(cap: int, taken: int) -> int:
    """How many companies may still come. A lowered cap takes nothing away: never less than 0."""
    return max(0, cap - taken)


def free_number(cap: int, numbers: Collection[int]) -> int | None:
    """The number of the place to give next: the smallest free one. None while as many as `cap` are taken, whatever
    their numbers: a cap may have been lowered since."""
    if len(numbers) >= cap:
        return None
    return next(number for number in range(1, cap + 1) if number not in numbers)
