"""Japan's public holidays, 振替休日 and 国民の休日 among them, as a pinned library knows them."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache


def holiday_name(day: date) -> str:
    """What the day is called in Japanese, '' for a day that is no holiday.

    A year that the library does not know (before 1949, after 2099) has none.
    """
    return _names(day.year).get(day, "")


@lru_cache(maxsize=32)
def _names(year: int) -> Mapping[date, str]:
    # Inside, because it takes 65 ms (measured by importtime), and most processes never ask for a holiday.
    from holidays import country_holidays

    return dict(country_holidays("JP", years=year, language="ja"))
