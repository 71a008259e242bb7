"""What the trail says about the 簡易診断."""

from typing import Any

from django.urls import reverse

from diagnosis.models import Comment, Diagnosis, ResumeCode
from tenancy.trail_words import Details, acts, fields, thing


def _started(details: Details) -> str:
    return "代理入力を始めました" if details.get("origin") == "on_behalf" else "回答を始めました"


def _commented(details: Details) -> str:
    did = "コメントを空にしました" if details.get("empty") else "コメントを保存しました"
    return f"{did}(第{details.get('version', '—')}版)"


def _taken_over(details: Details) -> str:
    return "支援先企業として登録しました" if details.get("new") else "支援先企業に結び付けました"


def _url(slug: str, row: Any) -> str:
    if row.submitted_at is not None:
        return reverse("diagnosis:detail", args=[slug, row.pk])
    return reverse("diagnosis:of_company", args=[slug, row.company_id]) if row.company_id else ""


acts(
    "簡易診断",
    {
        "start.diagnosis": _started,
        "invite.diagnosis": "診断のリンクを送りました",
        "mail.resume": "続きから答えるためのリンクを送りました",
        "make.resume_link": "別の端末で続けるためのコードを作りました",
        "submit.diagnosis": "回答を終え、結果が出ました",
        "expire.diagnosis": "30日のあいだに送信されなかった回答を消しました",
        "see.diagnosis": "結果をはじめて開きました",
        "write.comment": _commented,
        "take_over.company": _taken_over,
        "correct.address": "メールアドレスを直しました",
        "send.link": "結果のリンクを送りました",
        "resend.link": "結果のリンクを送りなおしました",
        "mail.result": "できあがったレポートのリンクを送りました",
        "tell.failure": "レポートが遅れることを知らせました",
        "revoke.link": "それまでのリンクを使えなくしました",
    },
)
thing(Diagnosis, name=lambda row: str(row.company_name), url=_url)
thing(Comment, label="コメント")
thing(ResumeCode, label="続きのコード", name=lambda row: "")

fields(
    {
        "origin": "きっかけ",
        "questionnaire_version": "設問の版",
        "answers": "ご回答",
        "facts": "確認事項",
        "typed_by": "代理で入力した人",
        "privacy_version": "同意した版",
        "consented_at": "同意した日時",
        "result": "結果",
        "overall": "総合点",
        "grade": "総合評価",
        "bottleneck": "ボトルネック",
        "submitted_at": "回答を終えた日時",
        "diagnosis": "簡易診断",
        "author": "書いた人",
    }
)
