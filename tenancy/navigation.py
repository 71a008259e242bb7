"""The rail on the left: what this member may open, in the order and words of content/copy_ja.json."""

from dataclasses import dataclass

from django.urls import reverse

from tenancy.door import Visit


@dataclass(frozen=True)
class Entry:
    """A line of the rail; `current`: the page is on it or below it."""

    key: str
    label: str
    url: str
    current: bool


# key, label, permission, url name. Screens of later issues join here when they exist.
FIRM_ENTRIES = (
    ("dashboard", "ホーム", "home.read", "tenancy:home"),
    ("companies", "支援先企業", "companies.read", "tenancy:companies"),
    ("diagnosis", "簡易診断", "diagnoses.read", "diagnosis:list"),
    ("consultations", "相談の予約", "consultations.read", "consultations:list"),
    ("settings", "設定", "firm.settings", "tenancy:settings"),
)
# For a company's own people; the addresses name the company of their membership too.
COMPANY_ENTRIES = (
    ("home", "ホーム", "company.read", "tenancy:company_home"),
    ("diagnosis", "簡易診断", "company_diagnoses.read", "diagnosis:of_company"),
    (
        "consultations",
        "オンライン相談・壁打ち",
        "company_consultations.read",
        "consultations:of_company",
    ),
    ("meetings", "面談記録", "meetings.read", "tenancy:meetings"),
    ("files", "ファイル", "files.read", "tenancy:files"),
    ("members", "メンバー", "members.read", "tenancy:company_members"),
)


def navigation(visit: Visit, path: str) -> list[Entry]:
    """The entries the member's role may open; the one whose address begins the path is current."""
    member = visit.membership
    company_id = member.company_id if member else None
    here = [visit.firm.slug] if company_id is None else [visit.firm.slug, company_id]
    entries = []
    for key, label, permission, name in FIRM_ENTRIES if company_id is None else COMPANY_ENTRIES:
        if visit.may(permission):
            url = reverse(name, args=here)
            entries.append(Entry(key, label, url, path.startswith(url)))
    return entries
