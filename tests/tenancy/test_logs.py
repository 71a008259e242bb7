"""What stands in the logs, and what does not."""

import io
import json
import logging
import re
from collections.abc import Callable, Iterator

import pytest
from django.test import Client

from tenancy.logs import JsonFormatter, without_keys
from tests.test_matrix import routes

TOKEN = "peDRXRSkRKemp-UEBMxcww.1~1xVNGy~Vb5dY79m4ByPgGPrar"

As = Callable[[str], Client]


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Everything that the root logger's own kind of handler writes meanwhile."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logging.getLogger().addHandler(handler)
    yield stream
    logging.getLogger().removeHandler(handler)


@pytest.mark.parametrize(
    "path",
    [
        f"/michisuji/diagnosis/r/{TOKEN}/",
        f"/michisuji/diagnosis/r/{TOKEN}/report/",
        f"/michisuji/diagnosis/a/{TOKEN}/1/",
        f"/michisuji/diagnosis/a/{TOKEN}/nothing/",
        f"/nowhere/password/reset/key/{TOKEN}/",
    ],
)
def test_an_address_that_opens_something_is_logged_without_what_opens_it(
    as_: As, written: io.StringIO, path: str
) -> None:
    assert as_("誰か").get(path).status_code >= 400
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [line for line in lines if line["logger"] == "django.request"]
    for part in TOKEN.split("~"):
        assert part not in written.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        f"next=%2Fmichisuji%2Fdiagnosis%2Fa%2F{TOKEN}%2F1%2F",
        f"/michisuji/diagnosis/?from={TOKEN}",
        "/michisuji/diagnosis/r/" + TOKEN.replace("~", "%7E") + "/",
        f"Bearer mst_12_{TOKEN}",
    ],
)
def test_no_way_of_writing_it_slips_through(text: str) -> None:
    record = logging.LogRecord("gunicorn.error", logging.ERROR, "", 0, "Error at %s", (text,), None)
    record.address = text
    line = JsonFormatter().format(record)
    assert "…" in line
    for part in TOKEN.split("~"):
        assert part not in line


def test_a_line_is_one_line_whatever_was_typed(written: io.StringIO) -> None:
    logging.getLogger("any").warning("%s", '山田\n{"level": "ERROR"}\r\n\u2028')
    assert written.getvalue().count("\n") == 1
    assert json.loads(written.getvalue())["level"] == "WARNING"


def test_an_exception_is_logged_without_its_text(written: io.StringIO) -> None:
    typed = "".join(["山田", " ", "太郎"])
    try:
        raise ValueError(typed)
    except ValueError:
        logging.getLogger("any").exception("went wrong")
    assert "ValueError" in written.getvalue()
    assert typed not in written.getvalue()


def test_no_address_that_opens_something_was_forgotten() -> None:
    opening = [route for route in routes() if re.search(r"[:<](token|key)>", route)]
    assert len(opening) > 10
    for route in opening:
        named = re.sub(r"<(?:int|slug|uuid):\w+>", "1", route).replace("^", "")
        path = "/" + re.sub(r"\(\?P<\w+>[^)]*\)|<[^>]*>", TOKEN, named)
        assert "Vb5dY79" not in without_keys(path), route
