"""What the operator's pages call this app's work."""

from tenancy.operator_words import work

work(
    {
        "report": "文書の作成",
        "expire_job": "できあがった文書の片付け",
        "import_upload": "取り込むファイルの片付け",
    }
)
