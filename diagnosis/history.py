"""What happened to a diagnosis, in words, out of the audit trail."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from diagnosis.models import Diagnosis
from tenancy.models import Trail, User

THE_RESPONDENT = "ご回答者"


@dataclass(frozen=True)
class Event:
    """One thing that happened: when, who (a person's name, or ご回答者), what."""

    at: datetime
    who: str
    what: str


def history_of(diagnosis: Diagnosis) -> list[Event]:
    """What happened to it, newest first. Two queries; acts without words here are left out."""
    rows = Trail.objects.filter(subject=diagnosis._meta.label_lower, subject_id=str(diagnosis.pk))
    known = [row for row in rows.order_by("-at", "-pk") if row.act in WORDS and not _is_invited_start(row)]
    names = {
        user.pk: str(user) for user in User.objects.filter(pk__in={row.user_id for row in known} - {None})
    }
    return [Event(row.at, names.get(row.user_id or 0, THE_RESPONDENT), _words(row)) for row in known]


def _is_invited_start(row: Trail) -> bool:
    """An invitation is begun by who sends it; nobody answers yet."""
    return row.act == "start.diagnosis" and row.details.get("origin") == "invited"


WORDS: Mapping[str, str] = {
    "start.diagnosis": "回答を始めました",
    "invite.diagnosis": "診断のリンクを送りました",
    "submit.diagnosis": "回答を終え、結果が出ました",
    "see.diagnosis": "結果をはじめて開きました",
    "write.comment": "コメントを保存しました(第{version}版)",
    "take_over.company": "支援先企業に結び付けました",
    "correct.address": "メールアドレスを直しました",
    "send.link": "結果のリンクを送りました",
    "revoke.link": "それまでのリンクを使えなくしました",
}


def _words(row: Trail) -> str:
    if row.act == "take_over.company" and row.details.get("new"):
        return "支援先企業として登録しました"
    if row.act == "write.comment" and row.details.get("empty"):
        return "コメントを空にしました(第{version}版)".format(**row.details)
    return WORDS[row.act].format_map(_Known(row.details))


class _Known(dict[str, object]):
    """A detail that an old row does not have is shown as undefined."""

    def __missing__(self, key: str) -> str:
        return "—"
