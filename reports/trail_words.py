"""What the trail says about documents."""

from django.urls import reverse

from reports.archive.jobs import EXPORT, IMPORT
from reports.models import Job
from tenancy.trail_words import Details, Sentence, acts, fields, thing


def _by_name(of_report: str, of_export: str, of_import: str) -> Sentence:
    """Archives and imports are jobs too, but no reports: the act says which it was."""
    words = {EXPORT: of_export, IMPORT: of_import}

    def sentence(details: Details) -> str:
        return words.get(str(details.get("name")), of_report)

    return sentence


acts(
    "レポート",
    {
        "request.document": _by_name(
            "レポートの作成を頼みました",
            "会社のデータの書き出しを頼みました",
            "データの取り込みを頼みました",
        ),
        "request_again.document": _by_name(
            "レポートの作成をもう一度頼みました",
            "会社のデータの書き出しをもう一度頼みました",
            "データの取り込みをもう一度頼みました",
        ),
        "finish.document": _by_name(
            "レポートができあがりました", "会社のデータを書き出しました", "データの取り込みが終わりました"
        ),
        "fail.document": _by_name(
            "レポートを作成できませんでした",
            "会社のデータを書き出せませんでした",
            "データを取り込めませんでした",
        ),
        "download.document": _by_name(
            "レポートをダウンロードしました",
            "書き出したデータをダウンロードしました",
            "取り込みの記録をダウンロードしました",
        ),
    },
)
thing(Job, name=lambda row: str(row.title), url=lambda slug, row: reverse("reports:job", args=[slug, row.pk]))

fields(
    {
        "name": "名前",
        "subject": "対象",
        "progress": "進みぐあい",
        "message": "状況",
        "file": "保存先",
        "draft": "作成中の保存先",
        "filename": "ファイル名",
        "error": "うまくいかなかった原因",
        "started_at": "始めた日時",
        "finished_at": "終えた日時",
        "keeps_until": "保管の期限",
    }
)
