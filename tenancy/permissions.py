"""What each role may do (architecture.md §4), and how a view says what it needs.

A view without a declaration fails the start-up checks; `tenancy.middleware` holds every request to it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

ADMIN, CONSULTANT, OWNER, STAFF, PARTNER = "admin", "consultant", "owner", "staff", "partner"
OPERATOR = "operator"  # of the installation, who entered the firm for a while and said why
FIRM_ROLES = frozenset({ADMIN, CONSULTANT})
FIRM_SIDE = FIRM_ROLES | {OPERATOR}
COMPANY_ROLES = frozenset({OWNER, STAFF, PARTNER})
_READERS = FIRM_SIDE | {OWNER, STAFF}


@dataclass(frozen=True)
class Permission:
    """What may be done, in the words of docs/security.md, and by whom."""

    label: str
    roles: frozenset[str]


# Only what exists; each issue adds its own lines. What is about one company is always about the own one: for the
# company's roles the one of their membership, for consultants those they may see.
PERMISSIONS: dict[str, Permission] = {
    "home.read": Permission("ホームを開く", FIRM_SIDE | COMPANY_ROLES),
    "companies.read": Permission("支援先企業の一覧と概要を見る", FIRM_SIDE),
    "companies.edit": Permission("支援先企業を登録・変更・保管・統合する", FIRM_ROLES),
    "companies.assign": Permission("企業の担当をまとめて決める", frozenset({ADMIN})),
    "companies.export": Permission("支援先企業の一覧を書き出す", FIRM_ROLES),
    "company.read": Permission("自社のホームを見る", COMPANY_ROLES),
    "members.read": Permission("企業のメンバーを見る", _READERS),
    "members.invite": Permission("経営者・社員・外部人材を招待し、参加を終える", FIRM_ROLES),
    "staff.invite": Permission("社員を招待し、社員・外部人材の参加を終える", FIRM_ROLES | {OWNER}),
    "meetings.read": Permission("面談記録を見る(企業側は共有されたものだけ)", FIRM_SIDE | COMPANY_ROLES),
    "meetings.edit": Permission("面談記録を書く", FIRM_ROLES),
    "files.read": Permission("ファイルを見る(企業側は共有されたものだけ)", FIRM_SIDE | COMPANY_ROLES),
    "files.edit": Permission("ファイルを置く・消す", FIRM_ROLES),
    "diagnoses.read": Permission("すべての簡易診断を見る", FIRM_SIDE),
    "diagnoses.edit": Permission("簡易診断にコメントする・送る・代理で入力する", FIRM_ROLES),
    "company_diagnoses.read": Permission("企業の簡易診断の履歴とレポートを見る", _READERS),
    "company_diagnoses.take": Permission("自社の簡易診断を受ける", frozenset({OWNER})),
    "consultations.read": Permission("相談の予約・準備シート・受付の月を見る", FIRM_SIDE),
    "consultations.edit": Permission(
        "相談の予約を受ける・記録する・まとめを送る、自分の予定表を決める", FIRM_ROLES
    ),
    "company_consultations.read": Permission("企業のオンライン相談・壁打ちと次の一歩を見る", _READERS),
    "company_consultations.book": Permission("自社のオンライン相談・壁打ちを予約する", frozenset({OWNER})),
    "jobs.read": Permission("作成中・作成済みの書類をAPIで見る", _READERS),
    "company_data.read": Permission("企業の情報をAPIで読む", _READERS),
    "notices.read": Permission("会社へのお知らせを見る", FIRM_ROLES),
    "company_notices.read": Permission("自社へのお知らせを見る", frozenset({OWNER, STAFF})),
    "company_notices.choose": Permission(
        "自社についてのお知らせのうち、メールで受け取るものを選ぶ", COMPANY_ROLES
    ),
    "firm.settings": Permission("会社の設定・公開ページを変える", frozenset({ADMIN})),
    "firm.members": Permission("会社のメンバーを招待する・役割を変える・引き継ぐ", frozenset({ADMIN})),
    "firm.mail_log": Permission("メールの記録を見る", frozenset({ADMIN})),
    "firm.trail": Permission("操作の記録を見る・書き出す", frozenset({ADMIN, OPERATOR})),
    "firm.export": Permission("会社のデータをすべて書き出す・取り込む", frozenset({ADMIN})),
    "firm.delete": Permission("会社を削除する", frozenset({ADMIN})),
    "people.erase": Permission("個人の情報を消す", frozenset({ADMIN})),
}
# Not permissions but words for doors without a membership.
OPEN = "open"  # everybody, no firm, no database scope
SIGNED_IN = "signed_in"  # a person, no firm: the scope sees only what belongs to that person
VISITOR = "visitor"  # everybody, inside a firm's public pages
OPERATING = "operating"  # an operator of the installation, with a second factor; no firm


@dataclass(frozen=True)
class Limit:
    """At most `count` requests of `method` in `seconds`, per address or per firm.

    `only_made`: a request that was refused, or answered with what an earlier one made, gives its count back.
    """

    name: str
    count: int
    seconds: int
    per: str = "address"  # or "firm"
    method: str = "POST"
    only_made: bool = False


@dataclass(frozen=True)
class Access:
    """What a view needs. `link`: the purpose of the signed link expected in the URL's `token`.

    `own_transactions`: the view runs after the door's scope has been closed and opens `visit.scope` itself around what
    it reads, renders and writes: slow bodies and slow storage must hold no transaction.
    `fresh`: the person has shown who they are within 15 minutes, or is asked to (`tenancy.sessions`); tokens never are.
    `most_taken`: bytes of a request's body, where it is more than everywhere (`tenancy.edges`).
    """

    permission: str
    link: str = ""
    limits: tuple[Limit, ...] = field(default=())
    own_transactions: bool = False
    fresh: bool = False
    most_taken: int = 0

    def __post_init__(self) -> None:
        if self.permission not in PERMISSIONS and self.permission not in (
            OPEN,
            SIGNED_IN,
            VISITOR,
            OPERATING,
        ):
            raise ValueError(f"Unknown permission {self.permission!r}: add it to tenancy.permissions.")


_View = TypeVar("_View", bound=Callable[..., Any])


def access(
    permission: str,
    *,
    link: str = "",
    limits: tuple[Limit, ...] = (),
    own_transactions: bool = False,
    fresh: bool = False,
    most_taken: int = 0,
) -> Callable[[_View], _View]:
    """Declare what a view function needs."""
    declared = Access(permission, link, limits, own_transactions, fresh, most_taken)

    def declare(view: _View) -> _View:
        view.access = declared  # type: ignore[attr-defined]
        return view

    return declare


def access_of(view: Callable[..., Any], method: str) -> Access | None:
    """What `view` needs for this HTTP method; None where nothing is declared.

    A DRF view class declares `access` as one Access or as a dict by method.
    """
    declared = getattr(getattr(view, "cls", None) or getattr(view, "view_class", view), "access", None)
    if isinstance(declared, dict):
        return declared.get("GET" if method in ("HEAD", "OPTIONS") else method, declared.get("GET"))
    return declared if isinstance(declared, Access) else None


def may(role: str | None, permission: str) -> bool:
    """Whether the role may do it. Templates ask the same question as the door."""
    return role is not None and role in PERMISSIONS[permission].roles
