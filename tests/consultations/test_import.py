"""What an archive says of sessions is believed as far as a form would have: pages, mails, the queue and a header count
on it."""

from collections.abc import Callable

import pytest

from consultations.models import Consultation, Desk, WaitlistEntry
from tenancy.models import Due
from tenancy.scope import open_scope
from tests.conftest import House
from tests.reports.conftest import media  # noqa: F401  (a folder for files)
from tests.tenancy.test_export import (  # noqa: F401  (fixtures)
    empty,
    in_rows,
    packed,
    rebuilt,
    said_of,
    send,
    signed_in,
    state_of,
    things,
)
from tests.things import Things

Files = dict[str, bytes]
pytestmark = pytest.mark.usefixtures("media")


def a_desk(sites: str) -> Callable[[Files], None]:
    return in_rows("consultations.desk", embedded_on=sites)


HOSTILE: dict[str, Callable[[Files], None]] = {
    "a link as company": in_rows("consultations.consultation", company_name="www.evil.example"),
    "a link as person": in_rows("consultations.waitlistentry", contact_name="https://evil.example"),
    "no months": in_rows("consultations.waitlistentry", months=[]),
    "months of nobody": in_rows("consultations.waitlistentry", months=["soon"]),
    "a day as month": in_rows("consultations.waitlistentry", months=["2026-12-24"]),
    "a turn of words": in_rows("consultations.waitlistentry", passed={"2026-12-01": "never"}),
    "turns as a list": in_rows("consultations.waitlistentry", passed=[1]),
    "a link as who is to be told": in_rows("consultations.openingwish", company_name="www.evil.example"),
    "a wish for a day": in_rows("consultations.openingwish", month="2026-12-24"),
    "a header": a_desk("https://a.example; script-src *"),
    "a script": in_rows("consultations.consultation", meeting_url="javascript:alert(1)"),
    "another month": in_rows("consultations.consultation", month="2031-01-01"),
    "a state of nobody": in_rows("consultations.consultation", state="asked"),
    "a hold that nobody ends": in_rows("consultations.consultation", state="held"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_no_form_would_have_taken_is_refused(
    michisuji: House,
    empty: House,  # noqa: F811
    things: dict[str, Things],  # noqa: F811
    kind: str,
) -> None:
    with open_scope(michisuji.scope):
        Desk.objects.create(firm=michisuji.firm)
    before = state_of(empty)
    page = send(empty, rebuilt(packed(michisuji), HOSTILE[kind]))
    assert "矛盾" in said_of(page)
    assert state_of(empty) == before


def test_sessions_to_come_come_in_with_the_place_of_their_company_as_it_is_called_here(
    michisuji: House,
    empty: House,  # noqa: F811
    things: dict[str, Things],  # noqa: F811
) -> None:
    send(empty, packed(michisuji))
    with open_scope(empty.scope):
        row = Consultation.objects.get()
        assert row.taken_by == f"company:{row.company_id}"
        assert WaitlistEntry.objects.get().company_id == row.company_id


def test_what_follows_from_a_session_and_a_turn_follows_here_too(
    michisuji: House,
    empty: House,  # noqa: F811
    things: dict[str, Things],  # noqa: F811
) -> None:
    send(empty, packed(michisuji))
    with open_scope(empty.scope):
        session, entry = Consultation.objects.get(), WaitlistEntry.objects.get()
    told = dict(Due.objects.filter(firm_id=empty.firm.pk).values_list("kind", "object_id"))
    assert told["consultations.remind"] == session.pk
    assert told["consultations.over"] == entry.pk


def test_what_is_over_keeps_its_place_and_is_in_no_other_companys_way(
    michisuji: House,
    empty: House,  # noqa: F811
    things: dict[str, Things],  # noqa: F811
) -> None:
    over = in_rows("consultations.consultation", state="completed", ended_at="2026-12-01T00:00:00Z")
    send(empty, rebuilt(packed(michisuji), over))
    with open_scope(empty.scope):
        row = Consultation.objects.get()
    assert (row.number, row.taken_by) == (1, f"past:{row.pk}")
