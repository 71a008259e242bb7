"""What the house itself hangs into a company's pages: 面談記録, files, the timeline, and who changed the company."""

from datetime import datetime, time
from typing import Any

from django.urls import reverse
from django.utils import timezone

from tenancy import merging
from tenancy.door import Visit
from tenancy.extensions import Content, company_home_panel, company_panel, company_tab
from tenancy.models import Attachment, Company, Meeting
from tenancy.timeline import Happening, happened, timeline_source
from tenancy.trail_reading import history_of

HAPPENINGS = 10
LATEST_FILES = 3
LAST = 900  # below what the business apps have to say


def _meetings(visit: Visit, company: Company) -> Any:
    rows = Meeting.objects.filter(company=company).newest_first()
    return rows.visible_to(visit.membership) if visit.membership else rows.none()


def _files(visit: Visit, company: Company) -> Any:
    rows = Attachment.objects.filter(company=company).newest_first()
    return rows.visible_to(visit.membership) if visit.membership else rows.none()


def latest_meeting(visit: Visit, company: Company) -> Content:
    """The latest meeting and what comes next. One query."""
    meeting = _meetings(visit, company).first()
    return Content({"meeting": meeting, "may_edit": visit.may("meetings.edit")})


def latest_shared_meeting(visit: Visit, company: Company) -> Content | None:
    """The latest meeting shared with this member, if there is one. One query."""
    meeting = _meetings(visit, company).first()
    return Content({"meeting": meeting}) if meeting else None


def latest_files(visit: Visit, company: Company) -> Content:
    """How many files there are, and the newest. Two queries."""
    rows = _files(visit, company)
    may_edit = visit.may("files.edit")
    return Content({"files": rows[:LATEST_FILES], "count": rows.count(), "may_edit": may_edit})


def latest_shared_files(visit: Visit, company: Company) -> Content | None:
    """The newest files shared with this member, if there are any. Two queries."""
    content = latest_files(visit, company)
    return content if content.values["count"] else None


def newest(visit: Visit, company: Company) -> Content:
    """The newest of what happened; `more`: there is more than is shown. One query for each source."""
    rows = happened(visit, company, HAPPENINGS + 1)
    return Content({"rows": rows[:HAPPENINGS], "more": len(rows) > HAPPENINGS})


def newest_shared(visit: Visit, company: Company) -> Content | None:
    """As `newest`, for the company's own people; nothing while nothing is shared with them."""
    content = newest(visit, company)
    return content if content.values["rows"] else None


def who_changed(visit: Visit, company: Company) -> Content:
    """The latest changes of the company's own facts and sites, for the firm and for the company. Three queries."""
    return Content({"events": history_of(company, *company.sites.only("pk", "firm_id"))})


def meetings_held(visit: Visit, company: Company, count: int) -> list[Happening]:
    """The newest meetings that this reader may see, for the timeline. One query."""
    slug = visit.firm.slug
    return [
        Happening(
            at=timezone.make_aware(datetime.combine(row.held_on, time(12))),
            what=f"面談しました({row.get_kind_display()})",
            url=reverse("tenancy:meeting", args=[slug, company.pk, row.pk]),
            more=row.attendees,
            whole_day=True,
        )
        for row in _meetings(visit, company).only("held_on", "kind", "attendees")[:count]
    ]


def files_put(visit: Visit, company: Company, count: int) -> list[Happening]:
    """The newest files that this reader may see, for the timeline. One query."""
    slug = visit.firm.slug
    return [
        Happening(
            at=row.created_at,
            what=f"ファイル「{row.name}」を保存しました",
            url=reverse("tenancy:files", args=[slug, company.pk]),
        )
        for row in _files(visit, company).only("created_at", "name")[:count]
    ]


def just_merged(visit: Visit, company: Company) -> Content | None:
    """The merge that can still be taken back. One query."""
    done = merging.latest(company)
    return Content({"done": done}) if done else None


def company_kept(visit: Visit, company: Company, count: int) -> list[Happening]:
    """Registered, archived: from the company itself, no query."""
    found = [Happening(at=company.created_at, what="支援先企業として登録しました")]
    if company.archived_at:
        found.insert(0, Happening(at=company.archived_at, what="保管しました"))
    return found[:count]


timeline_source("meetings", permission="meetings.read", newest=meetings_held)
timeline_source("files", permission="files.read", newest=files_put)
timeline_source("company", permission="companies.read", newest=company_kept)

company_tab("meetings", "面談記録", permission="meetings.read", url_name="tenancy:meetings", order=10)
company_tab("files", "ファイル", permission="files.read", url_name="tenancy:files", order=15)
company_panel(
    "merge", permission="companies.edit", template="tenancy/_merged.html", build=just_merged, order=0
)
company_panel(
    "meetings",
    permission="meetings.read",
    template="tenancy/_latest_meeting.html",
    build=latest_meeting,
    order=10,
)
company_panel(
    "timeline", permission="meetings.read", template="tenancy/_happened.html", build=newest, order=60
)
company_panel(
    "files",
    permission="files.read",
    template="tenancy/_latest_files.html",
    build=latest_files,
    place="side",
    order=10,
)
company_home_panel(
    "timeline",
    permission="meetings.read",
    template="tenancy/_happened.html",
    build=newest_shared,
    order=60,
)
company_home_panel(
    "meetings",
    permission="meetings.read",
    template="tenancy/_shared_meeting.html",
    build=latest_shared_meeting,
    order=30,
)
company_home_panel(
    "files",
    permission="files.read",
    template="tenancy/_shared_files.html",
    build=latest_shared_files,
    place="side",
    order=30,
)
company_panel(
    "changed",
    permission="companies.read",
    template="tenancy/_changed_panel.html",
    build=who_changed,
    place="side",
    order=LAST,
)
# An external partner sees only what is handed over: members.read leaves them out.
company_home_panel(
    "changed",
    permission="members.read",
    template="tenancy/_changed_panel.html",
    build=who_changed,
    place="side",
    order=LAST,
)
