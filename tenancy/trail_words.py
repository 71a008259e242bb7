"""What the trail says, in Japanese: the acts as sentences, the things they were done to, the fields that changed.

An app registers its own words in a module of this name, which is imported once when Django has started:

    from tenancy.trail_words import acts, thing

    acts("簡易診断", {"submit.diagnosis": "回答を終えました", "write.comment": "コメントを保存しました(第{version}版)"})
    thing(Diagnosis, name=lambda row: row.company_name, url=lambda slug, row: reverse(…, args=[slug, row.pk]))

A sentence may name details of the act in braces, or be a function of them. Without words an act shows its own name: a
test finds the acts that have none.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.urls import reverse

from tenancy.models import (
    ApiToken,
    Attachment,
    Company,
    CompanyMerge,
    Firm,
    FirmDeletion,
    FirmProfile,
    Handing,
    Invitation,
    Meeting,
    Membership,
    PrivacyNotice,
    PublicPerson,
    Site,
    User,
)

Details = Mapping[str, Any]
Sentence = str | Callable[[Details], str]


@dataclass(frozen=True)
class Act:
    """An act's words: `group` is the heading under which the filter offers it."""

    group: str
    sentence: Sentence


@dataclass(frozen=True)
class Thing:
    """How a kind of thing is called, each of them, and where it stands; '' where it has no page of its own."""

    model: type[models.Model]
    label: str
    name: Callable[[Any], str]
    url: Callable[[str, Any], str]
    related: tuple[str, ...]


ACTS: dict[str, Act] = {}
THINGS: dict[str, Thing] = {}


def acts(group: str, sentences: Mapping[str, Sentence]) -> None:
    """Add acts to a group of the filter. The same act again replaces it."""
    ACTS.update({act: Act(group, sentence) for act, sentence in sentences.items()})


def thing(
    model: type[models.Model],
    *,
    label: str = "",
    name: Callable[[Any], str] = str,
    url: Callable[[str, Any], str] = lambda slug, row: "",
    related: tuple[str, ...] = (),
) -> None:
    """Add a kind of thing. `related`: what `name` and `url` read beside the row, for select_related."""
    label = label or str(model._meta.verbose_name)
    THINGS[model._meta.label_lower] = Thing(model, label, name, url, related)


def sentence_of(act: str, details: Details) -> str:
    """What was done, as a sentence. A detail that an old row does not have is shown as undefined."""
    known = ACTS.get(act)
    if known is None:
        return act
    if callable(known.sentence):
        return known.sentence(details)
    return known.sentence.format_map(_Known(details))


def label_of_act(act: str) -> str:
    """The same without details, for choices."""
    return sentence_of(act, {}).replace("(第—版)", "").replace("「—」", "")


def label_of_subject(subject: str) -> str:
    """What the kind of thing is called, also one that no app has named."""
    return THINGS[subject].label if subject in THINGS else "そのほか"


def groups() -> dict[str, list[tuple[str, str]]]:
    """The acts and their words by group, in the order of their registration."""
    found: dict[str, list[tuple[str, str]]] = {}
    for act, words in ACTS.items():
        found.setdefault(words.group, []).append((act, label_of_act(act)))
    return found


def field_of(subject: str, name: str) -> "models.Field[Any, Any] | None":
    """The field of a thing; None for a kind or a field that exists no more."""
    try:
        field = apps.get_model(subject)._meta.get_field(name)
    except (LookupError, ValueError, FieldDoesNotExist):
        return None
    return field if isinstance(field, models.Field) else None


def in_order(subject: str, names: Iterable[str]) -> list[str]:
    """Names of fields as the model has them, which is how forms show them; PostgreSQL keeps no order."""
    try:
        order = [field.name for field in apps.get_model(subject)._meta.concrete_fields]
    except (LookupError, ValueError):
        order = []
    return sorted(names, key=lambda name: (order.index(name) if name in order else len(order), name))


def fields(names: Mapping[str, str]) -> None:
    """Add what fields are called whose own verbose_name is not for people, by name, whatever the model."""
    _FIELDS.update(names)


_FIELDS: dict[str, str] = {
    "company": "支援先企業",
    "state": "状態",
    "revoked_at": "失効した日時",
    "seen_at": "はじめて開いた日時",
    "comment_version": "コメントの版",
    "link_version": "リンクの版",
    "published_at": "公開した日時",
    "version": "版",
    "text": "本文",
    "position": "並び順",
    "merged_into": "統合先",
    "membership": "メンバー",
    "created_by": "登録した人",
    "created_at": "登録した日時",
    "expires_at": "期限",
    "invited_by": "招待した人",
    "role": "役割",
    "user": "メンバー",
    "content_type": "種類",
    "bytes": "大きさ(バイト)",
    "sha256": "内容の照合値",
    "meeting": "面談記録",
    "attachment": "ファイル",
    "muted": "受け取らないメール",
    "last_used_at": "最後に使った日時",
    "due_at": "実行する日時",
    "ordered_at": "申し込んだ日時",
    "ordered_by": "申し込んだ人",
    "undo_until": "元に戻せる期限",
    "undone_at": "元に戻した日時",
    "is_active": "利用できる",
    "date_joined": "登録した日時",
    "kept": "残した企業",
    "gone": "統合した企業",
    "moved": "移したもの",
    "merged_by": "統合した人",
    "merged_at": "統合した日時",
}


def label_of_field(subject: str, name: str) -> str:
    """The field's name for people: its verbose_name where somebody has given it one in Japanese."""
    field = field_of(subject, name)
    given = str(field.verbose_name) if field is not None else ""
    return given if given and not given.isascii() else _FIELDS.get(name, name)


class _Known(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "—"


# ── The house's own words ──


def _of_firm(name: str) -> Callable[[str, Any], str]:
    return lambda slug, row: reverse(f"tenancy:{name}", args=[slug])


def _of_company(slug: str, row: Any) -> str:
    return reverse("tenancy:company", args=[slug, row.company_id])


acts(
    "会社",
    {
        "create.firm": "会社を登録しました",
        "update.rules": "見られる範囲とログインの決まりを変えました",
        "load.demo": "デモのデータを入れました",
        "export.trail": "操作の記録をダウンロードしました({count}件)",
        "forget.old": "保存期間の過ぎたものを消しました",
        "import.firm": "書き出したデータを取り込みました({count}件)",
        "give_way.import": "取り込むデータのものに替えるため、消しました",
        "order.firm_deletion": "会社の削除を申し込みました",
        "take_back.firm_deletion": "会社の削除を取り消しました",
        "erase.person": "個人の情報を消しました",
    },
)
acts(
    "公開ページ",
    {
        "update.profile": "公開ページの内容を変えました",
        "publish.privacy_notice": "個人情報の取扱いを公開しました(第{version}版)",
        "add.person": "公開ページに人を加えました",
        "update.person": "公開ページの人の紹介を変えました",
        "move.person": "公開ページの人の並び順を変えました",
        "remove.person": "公開ページから人を外しました",
    },
)
acts(
    "支援先企業",
    {
        "create.company": "支援先企業を登録しました",
        "update.company": "企業の情報を変えました",
        "archive.company": "企業を保管しました",
        "restore.company": "企業を一覧に戻しました",
        "write.meeting": "面談記録を書きました",
        "update.meeting": "面談記録を直しました",
        "remove.meeting": "面談記録を削除しました",
        "add.file": "ファイルを置きました",
        "update.file": "ファイルの共有を変えました",
        "remove.file": "ファイルを削除しました",
        "add.site": "事業・拠点を加えました",
        "rename.site": "事業・拠点の名前を変えました",
        "remove.site": "事業・拠点を削除しました",
        "merge.company": "ほかの企業を統合しました",
        "go.company": "ほかの企業に統合されました",
        "take_back.merge": "企業の統合を取り消しました",
        "come_back.company": "統合が取り消され、元に戻りました",
        "remove.shell": "統合した企業の登録を消しました",
    },
)
acts(
    "メンバー",
    {
        "add.member": "メンバーを加えました",
        "create.invitation": "招待しました",
        "send_again.invitation": "招待をもう一度送りました",
        "revoke.invitation": "招待を取り消しました",
        "accept.invitation": "招待に応じて参加しました",
        "begin_again.membership": "もう一度参加しました",
        "take_over.membership": "取り込んだ参加を、ご本人が引き継ぎました",
        "update.membership": "役割や肩書きを変えました",
        "set_end.membership": "参加の最後の日を変えました",
        "end.membership": "参加を終えました",
        "take_away.handing": "参加が終わり、渡されていたものを開けなくしました",
        "sign_out.membership": "ログインしていた端末をログアウトさせました",
        "hand_over.membership": "受け持っていたものをすべて引き継ぎました",
    },
)
acts(
    "アカウント",
    {
        "update.user": "ご自身のお名前やメールアドレスを変えました",
        "set_up.second_factor": "2段階認証を設定しました",
        "renew.recovery_codes": "リカバリーコードを作り直しました",
        "remove.second_factor": "2段階認証をやめました",
    },
)
acts(
    "運用担当",
    {
        "operator.enter": "運用担当が入りました(理由:{reason})",
        "operator.leave": "運用担当が退出しました",
    },
)
acts(
    "APIトークン",
    {"create.api_token": "APIトークンを作りました", "revoke.api_token": "APIトークンを失効しました"},
)

thing(Firm, label="会社")
thing(FirmProfile, label="公開ページ", name=lambda row: "", url=_of_firm("settings_public"))
thing(FirmDeletion, label="会社の削除", name=lambda row: "")
thing(PrivacyNotice, label="個人情報の取扱い", url=_of_firm("settings_privacy"))
thing(PublicPerson, label="公開ページの人", url=_of_firm("settings_public"))
thing(Company, url=lambda slug, row: reverse("tenancy:company", args=[slug, row.pk]))
thing(Site, label="事業・拠点", url=_of_company)
thing(CompanyMerge, label="企業の統合", name=lambda row: "")
thing(Meeting, url=_of_company)
thing(Attachment, url=_of_company)
thing(Handing, label="外部人材への共有", name=lambda row: "")
thing(User, label="メンバー")
thing(Membership, label="メンバー", name=lambda row: str(row.user), related=("user",))
thing(Invitation, name=lambda row: str(row.name))
thing(ApiToken, label="APIトークン", url=_of_firm("settings_tokens"))
