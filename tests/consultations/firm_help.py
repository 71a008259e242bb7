"""What the tests of the firm's pages share: addresses, forms as a browser sends them, the clock moved on."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from consultations.forms import SEED
from consultations.models import Consultation
from notices.models import Mail
from tenancy import clock
from tenancy.links import make_token
from tenancy.models import Company, Firm
from tenancy.scope import open_scope
from tests.conftest import House
from tests.consultations.office import NOW

LIST, NEW = "/michisuji/consultations/", "/michisuji/consultations/new/"


def sheet(row: Consultation, rest: str = "") -> str:
    """The address of a session's sheet, or of one of its doors."""
    return f"/michisuji/consultations/{row.pk}/{rest}"


def read(client: Client, url: str, status: int = 200) -> str:
    answer = client.get(url)
    assert answer.status_code == status, url
    return answer.content.decode()


def done(client: Client, url: str, **said: object) -> str:
    """What the page says after a form was sent and taken."""
    answer = client.post(url, said)
    assert answer.status_code == 302, answer.content.decode()[:2000]
    return client.get(answer["Location"].partition("#")[0]).content.decode()


def refused(client: Client, url: str, status: int, **said: object) -> str:
    """The page that comes back when a form was not taken."""
    answer = client.post(url, said)
    assert answer.status_code == status
    return answer.content.decode()


def fresh(house: House, row: Consultation) -> Consultation:
    with open_scope(house.scope):
        found: Consultation = Consultation.objects.with_people().get(pk=row.pk)
        return found


def templates(house: House, email: str) -> list[str]:
    """Which mails were worded to the address; while the clock stands they have no order."""
    with open_scope(house.scope):
        return sorted(Mail.objects.filter(to=email).values_list("template", flat=True))


def by_telephone(**said: object) -> dict[str, Any]:
    """The form of a 代理入力, opened an hour ago."""
    with clock.stopped_at(NOW - timedelta(hours=1)):
        seed = make_token(SEED, uuid4(), 1)
    whole = {
        "seed": seed,
        "company_name": "電話の会社",
        "contact_name": "電話 太郎",
        "email": "denwa@denwa.example",
        "phone": "048-111-2222",
        "kind": "advice",
        "topic": "後継ぎのこと",
        "consent": "on",
        "do": "book",
    }
    return whole | said


@contextmanager
def after(row: Consultation) -> Iterator[None]:
    """Half an hour into the session."""
    with clock.stopped_at(row.starts_at + timedelta(minutes=30)):
        yield


def sees_assigned(house: House, *companies: str) -> None:
    """馬場 sees only these companies from now on."""
    Firm.objects.filter(pk=house.firm.pk).update(consultants_see="assigned")
    with open_scope(house.scope):
        Company.objects.filter(name__in=companies).update(consultant=house.members["馬場"])


def queries_of(client: Client, url: str) -> int:
    """How many queries a page takes, once it is warm."""
    read(client, url)
    with CaptureQueriesContext(
        connection,
    ) as caught:
        read(client, url)
    return len(caught)
