"""The rail on the left: what this member may open, in the order and words of content/copy_ja.json."""

from dataclasses import dataclass

from django.urls import reverse

from tenancy.door import Visit


@dataclass(frozen=True)
class Entry:
    key: str
    label: str
    url: str
    current: bool


# key, label, permission, url name. Screens of later issues join here when they exist.
ENTRIES = (
    ("dashboard", "ホーム", "home.read", "tenancy:home"),
    ("companies", "支援先企業", "companies.read", "tenancy:companies"),
    ("diagnosis", "簡易診断", "diagnoses.read", "diagnosis:list"),
    ("settings", "設定", "firm.settings", "tenancy:settings"),
)


def navigation(visit: Visit, path: str) -> list[Entry]:
    """The entries the member's role may open; the one whose address begins the path is current."""
    entries = []
    for key, label, permission, name in ENTRIES:
        if visit.may(permission):
            url = reverse(name, args=[visit.firm.slug])
            entries.append(Entry(key, label, url, path.startswith(url)))
    return entries
