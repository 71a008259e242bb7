"""What a line of the tables of acts is made of: who sends what to which address, and what has to stand before."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.test import Client

from diagnosis.models import Diagnosis
from tests.conftest import House
from tests.tenancy.test_companies import fields
from tests.things import Things


@dataclass
class Stage:
    """What a line of the table may use: the browser that sends, the address it sends to, and what is planted."""

    house: House
    things: Things
    answering: Diagnosis
    client: Client
    url: str = ""

    def form(self, **typed: Any) -> dict[str, Any]:
        """What the page's own form would send, and what was typed over it."""
        return {**fields(self.client.get(self.url)), **typed}


Body = Callable[[Stage], Mapping[str, Any]]


@dataclass(frozen=True)
class Sent:
    """One call that writes. `before`: what has to stand already. `audited` False: it writes only what is listed above,
    or nothing."""

    body: Body = lambda stage: {}
    who: str = "青木"
    before: Callable[[Stage], Any] = lambda stage: None
    audited: bool = True
