"""Every test here stands on the same Monday morning, unless it says otherwise."""

from collections.abc import Iterator

import pytest

from tenancy import clock
from tests.conftest import House
from tests.consultations.office import NOW, opens


@pytest.fixture(autouse=True)
def _monday() -> Iterator[None]:
    with clock.stopped_at(NOW):
        yield


@pytest.fixture
def office(michisuji: House) -> House:
    """The firm, in which 馬場 gives sessions on weekdays from 10 to 17."""
    opens(michisuji)
    return michisuji
