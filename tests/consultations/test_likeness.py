"""Who may be the same company: name, telephone and the company's own domain; never an address that anybody can have."""

import pytest

from consultations.calc.likeness import (
    SAME_DOMAIN,
    SAME_NAME,
    SAME_PHONE,
    Face,
    digits,
    domain_of,
    likeness,
)

ONE = Face("ときわ蔵", "048-000-1204", "tokiwa@tokiwa.example")


@pytest.mark.parametrize(
    ("other", "alike"),
    [
        (Face("ときわ蔵", "", "a@gmail.com"), (SAME_NAME,)),
        (Face("別の名前", "0480001204", "a@gmail.com"), (SAME_PHONE,)),
        (Face("別の名前", "", "keiri@TOKIWA.example"), (SAME_DOMAIN,)),
        (Face("ときわ蔵", "048 000 1204", "keiri@tokiwa.example"), (SAME_NAME, SAME_PHONE, SAME_DOMAIN)),
        (Face("別の名前", "048-999-0000", "a@other.example"), ()),
        (Face("", "", ""), ()),
    ],
)
def test_two_are_alike_in_what_only_one_company_has(other: Face, alike: tuple[str, ...]) -> None:
    assert likeness(ONE, other) == alike
    assert likeness(other, ONE) == alike


@pytest.mark.parametrize("mail", ["a@gmail.com", "b@YAHOO.co.jp", "c@docomo.ne.jp", "d@icloud.com", ""])
def test_addresses_that_anybody_can_have_say_nothing(mail: str) -> None:
    assert domain_of(mail) == ""
    assert likeness(Face("", "", mail), Face("", "", mail)) == ()


def test_an_extension_is_no_telephone_number() -> None:
    assert digits("内線 12") == ""
    assert digits("03-1234-5678") == "0312345678"
