"""What the trail says about mails and notices."""

from django.urls import reverse

from notices.models import Mail, Notice
from tenancy.trail_words import acts, thing

acts(
    "メール",
    {
        "mail.notice": "お知らせをメールで送りました",
        "mail.account": "ログインのためのメールを送りました",
        "send_again.mail": "メールをもう一度送りました",
    },
)
# A mail's own words may be private: its page decides who reads them.
thing(Mail, name=lambda row: "", url=lambda slug, row: reverse("notices:mail", args=[slug, row.pk]))
thing(Notice, name=lambda row: str(row.title))
