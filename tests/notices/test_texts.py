"""Every mail, whole and with each of its variables missing once."""

import re

import pytest

from notices.texts import WHEN_NOT_GIVEN, MailIncomplete, Text, texts

NEEDS = [(name, variable) for name, text in sorted(texts().items()) for variable in sorted(text.names)]
MUST_HAVE_WORDS = [
    (name, variable)
    for name, variable in NEEDS
    if variable not in texts()[name].choices and variable not in WHEN_NOT_GIVEN
]


def everything(text: Text) -> dict[str, object]:
    return {name: name in text.choices or f"〈{name}〉" for name in text.names}


@pytest.mark.parametrize("name", sorted(texts()))
def test_a_mail_with_everything_says_everything(name: str) -> None:
    text = texts()[name]
    subject, body = text.render(everything(text))
    for variable in text.names - text.choices:
        assert f"〈{variable}〉" in subject + body
    assert not re.search(r"[{}]|None", subject + body)
    assert "\n" not in subject


@pytest.mark.parametrize(("name", "variable"), NEEDS)
def test_a_mail_without_one_of_its_variables_is_not_written(name: str, variable: str) -> None:
    text = texts()[name]
    given = everything(text)
    del given[variable]
    with pytest.raises(MailIncomplete, match=variable):
        text.render(given)


@pytest.mark.parametrize("nothing", [None, "", " \n"])
@pytest.mark.parametrize(("name", "variable"), MUST_HAVE_WORDS)
def test_a_mail_with_an_empty_variable_is_not_written(name: str, variable: str, nothing: str | None) -> None:
    text = texts()[name]
    with pytest.raises(MailIncomplete, match=variable):
        text.render({**everything(text), variable: nothing})


def test_zero_is_a_value() -> None:
    text = texts()["diagnosis_ready"]
    assert "(0点)" in text.render({**everything(text), "overall": 0})[1]


@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_who_gave_no_name_is_addressed_all_the_same(nothing: str | None) -> None:
    text = texts()["diagnosis_ready"]
    assert "\nご担当者 様\n" in text.render({**everything(text), "contact_name": nothing})[1]


def test_a_firm_without_a_telephone_leaves_no_empty_line() -> None:
    text = texts()["diagnosis_ready"]
    body = text.render({**everything(text), "firm_phone": ""})[1]
    assert "〈firm_name〉\n〈firm_email〉" in body


def test_a_part_for_others_is_left_out() -> None:
    text = texts()["reminder"]
    assert "簡易診断" not in text.render({**everything(text), "diagnosis_pending": False})[1]


def test_a_value_is_never_read_as_template_or_html() -> None:
    text = texts()["diagnosis_ready"]
    body = text.render({**everything(text), "company_name": "{{ grade }} & <b>"})[1]
    assert body.startswith("{{ grade }} & <b>\n")


def test_the_supplied_words_are_used_as_they_are() -> None:
    assert texts()["diagnosis_ready"].subject == "【診断結果】戦略とプロセスの簡易診断レポート"
    assert len(texts()) == 18 + 24
