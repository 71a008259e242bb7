"""What the trail says about documents."""

from django.urls import reverse

from reports.models import Job
from tenancy.trail_words import acts, thing

acts(
    "レポート",
    {
        "request.document": "レポートの作成を頼みました",
        "request_again.document": "レポートの作成をもう一度頼みました",
        "finish.document": "レポートができあがりました",
        "fail.document": "レポートを作成できませんでした",
    },
)
thing(Job, name=lambda row: str(row.title), url=lambda slug, row: reverse("reports:job", args=[slug, row.pk]))
