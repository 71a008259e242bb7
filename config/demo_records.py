"""The demo's 面談記録 and files: written through the same actions as by hand; the files are made here, at loading."""

from collections.abc import Callable
from datetime import date, datetime
from html import escape
from io import BytesIO
from typing import Any

from openpyxl import Workbook

from reports.render import render_pdf
from tenancy import clock
from tenancy.filing import Filing, Upload, keep_files, note, store
from tenancy.models import Company, Meeting, Membership
from tenancy.permissions import PARTNER
from tenancy.records import NO_HANDS, Hands, write_meeting
from tenancy.uploads import recognize

Moment = Callable[[date], datetime]


def load_records(
    company: Company,
    meetings: list[dict[str, Any]],
    files: list[dict[str, Any]],
    consultant: Membership,
    moment: Moment,
) -> None:
    """Write the company's meetings and put its files. `moment`: a day of the story as a moment of the demo."""
    written = {told["on"]: _write(company, told, consultant, moment) for told in meetings}
    for told in files:
        with clock.stopped_at(moment(date.fromisoformat(told["on"]))):
            _put(company, told, written.get(told["meeting"]), consultant)


def _write(company: Company, told: dict[str, Any], consultant: Membership, moment: Moment) -> Meeting:
    with clock.stopped_at(moment(date.fromisoformat(told["on"]))):
        values = {name: value for name, value in told.items() if name not in ("on", "handed")}
        values["held_on"] = clock.today()
        return write_meeting(company=company, values=values, hands=_hands(company, told), actor=consultant)


def _hands(company: Company, told: dict[str, Any]) -> Hands:
    """To the company's external partners, where the story hands it over."""
    partners = Membership.objects.active().filter(company=company, role=PARTNER)
    return Hands(add=frozenset(partners.values_list("pk", flat=True))) if told.get("handed") else NO_HANDS


def _put(company: Company, told: dict[str, Any], meeting: Meeting | None, consultant: Membership) -> None:
    """Inside the load's transaction: a load that fails leaves at most these two files behind."""
    content = _workbook(told["rows"]) if "rows" in told else _paper(told["title"], told["lines"])
    what = recognize(told["name"], BytesIO(content), len(content))
    uploads = [Upload.of(what, BytesIO(content), company=company, once=None)]
    note(company.firm_id, uploads)
    stored, _ = store(company.firm_id, uploads)
    keep_files(
        company=company,
        uploads=stored,
        filing=Filing(shared=told["shared"], meeting=meeting, hands=_hands(company, told)),
        actor=consultant,
    )


def _workbook(rows: list[list[Any]]) -> bytes:
    book, content = Workbook(), BytesIO()
    for row in rows:
        book.worksheets[0].append(row)
    book.save(content)
    return content.getvalue()


def _paper(title: str, lines: list[str]) -> bytes:
    points = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return render_pdf(
        f"<!doctype html><html lang='ja'><title>{escape(title)}</title>"
        f"<style>body {{ font-family: 'BIZ UDPGothic' }}</style><h1>{escape(title)}</h1><ol>{points}</ol>"
    )
