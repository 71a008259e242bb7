"""What the operator's pages call this app's work."""

from tenancy.operator_words import work

work(
    {
        "mail": "メールの送信",
        "notice": "お知らせのメールの用意",
        "handed": "お渡ししたもののメールの用意",
    }
)
