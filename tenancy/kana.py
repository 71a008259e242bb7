"""How Japanese text is folded for searching: width, case and kana type make no difference."""

import jaconv


def search_form(text: str) -> str:
    """NFKC, lower case, katakana as hiragana, runs of spaces as one. 「ﾄｷﾜ蔵 ＥＣ」 → 「ときわ蔵 ec」"""
    return " ".join(jaconv.kata2hira(jaconv.normalize(text, "NFKC")).lower().split())


def hira2kata(text: str) -> str:
    """Hiragana as katakana, as フリガナ are stored."""
    return str(jaconv.hira2kata(text))
