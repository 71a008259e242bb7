"""What the trail says about documents."""

from django.urls import reverse

from reports.models import Job
from tenancy.trail_words import acts, fields, thing

acts(
    "レポート",
    {
        "request.document": "レポートの作成を頼みました",
        "request_again.document": "レポートの作成をもう一度頼みました",
        "finish.document": "レポートができあがりました",
        "fail.document": "レポートを作成できませんでした",
        "download.document": "書き出したデータをダウンロードしました",
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
