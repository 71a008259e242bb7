"""法人番号: thirteen digits, the first of which is a check digit.

Source: 法人番号の指定等に関する省令 第二条 (check digit = 9 − Σ Pn·Qn mod 9, counted from the lowest of the twelve
base digits, Qn = 1 for odd n and 2 for even n).
"""

import unicodedata

from django.core.exceptions import ValidationError


def check_digit(base: str) -> int:
    """The check digit of twelve base digits."""
    total = sum(int(digit) * (1 if n % 2 else 2) for n, digit in enumerate(reversed(base), start=1))
    return 9 - total % 9


def normalize_corporate_number(text: str) -> str:
    """Half-width digits without hyphens and spaces."""
    return "".join(each for each in unicodedata.normalize("NFKC", text) if each not in "- \u2010\u2212")


def validate_corporate_number(value: str) -> None:
    """Raises ValidationError with a message that says what to do."""
    if len(value) != 13 or not value.isascii() or not value.isdigit():
        raise ValidationError("法人番号は13桁の数字で入力してください。")
    if int(value[0]) != check_digit(value[1:]):
        raise ValidationError(
            "法人番号が正しくないようです。国税庁の法人番号公表サイトの番号をご確認ください。"
        )
