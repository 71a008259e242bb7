"""The mails that each member may do without: about notices, which are there all the same, and about what is handed to
a partner, who has no notices."""

from dataclasses import dataclass

from tenancy.models import Membership
from tenancy.permissions import FIRM_ROLES, OWNER, PARTNER, STAFF

OWN_NEWS, HANDED_OVER = "company_news", "handed_over"


@dataclass(frozen=True)
class Kind:
    """When the mail of that name comes, and to which roles."""

    label: str
    roles: frozenset[str]


KINDS = {
    "new_diagnosis": Kind("お客様が簡易診断にご回答になったとき", FIRM_ROLES),
    "new_consultation": Kind("オンライン相談・壁打ちのご予約が入ったとき", FIRM_ROLES),
    "report_failed": Kind("診断レポートを作成できなかったとき", FIRM_ROLES),
    "in_charge": Kind("企業の担当になったとき", FIRM_ROLES),
    OWN_NEWS: Kind("面談記録・ファイル・コメントが共有されたとき", frozenset({OWNER, STAFF})),
    HANDED_OVER: Kind("面談記録・ファイルが渡されたとき", frozenset({PARTNER})),
}


def kinds_for(membership: Membership) -> dict[str, str]:
    """Name → label of the mails that this member may get."""
    return {name: kind.label for name, kind in KINDS.items() if membership.role in kind.roles}
