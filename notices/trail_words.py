"""What the trail says about mails and notices."""

from django.urls import reverse

from notices.models import Mail, Notice
from tenancy.trail_words import acts, fields, thing

acts(
    "メール",
    {
        "mail.notice": "お知らせをメールで送りました",
        "mail.handing": "お渡ししたことをメールで知らせました",
        "mail.account": "ログインのためのメールを送りました",
        "send_again.mail": "メールをもう一度送りました",
        "tell.firm_deletion": "会社の削除について、管理者へメールを送りました",
        "choose.mails": "メールで受け取るお知らせを選びました",
    },
)
# A mail's own words may be private: its page decides who reads them.
thing(Mail, name=lambda row: "", url=lambda slug, row: reverse("notices:mail", args=[slug, row.pk]))
thing(Notice, name=lambda row: str(row.title))

fields(
    {
        "template": "文面",
        "calendar": "カレンダーのファイル",
        "private": "ご本人だけのメール",
        "link": "リンクの対象",
        "attempts": "試した回数",
        "last_error": "うまくいかなかった原因",
        "sent_at": "送った日時",
        "title": "題名",
        "body": "本文",
        "url": "行き先",
        "shared": "企業の方にも見せる",
        "addressee": "お知らせの相手",
        "mail_template": "メールの文面",
        "mail_subject": "メールの件名",
        "mail_body": "メールの本文",
        "mail_reply_to": "メールの返信先",
    }
)
