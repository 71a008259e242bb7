"""What the operator's pages call limits, kinds of due work and their queues. Other apps add theirs in an
`operator_words.py` of their own; what has no words is shown by its name."""

from collections.abc import Mapping

_LIMITS: dict[str, str] = {}
_WORK: dict[str, str] = {}
_QUEUES = {
    "mail": "メールと片付け",
    "reports": "レポート",
    "public_reports": "訪問者のレポート",
    "kpi": "集計",
}


def limits(named: Mapping[str, str]) -> None:
    """Add limits: name → words."""
    _LIMITS.update(named)


def work(named: Mapping[str, str]) -> None:
    """Add kinds of due work: name → words."""
    _WORK.update(named)


def limit_called(name: str) -> str:
    return _LIMITS.get(name, name)


def work_called(name: str) -> str:
    return _WORK.get(name, name)


def queue_called(name: str) -> str:
    return _QUEUES.get(name, name)


limits(
    {
        "second_factor": "2段階認証のコード(5分)",
        "second_factor_day": "2段階認証のコード(1日)",
        "second_factor_new": "2段階認証の設定",
        "email_change": "メールアドレスの変更",
        "invitation": "ご招待のリンク",
        "invited": "1人へのご招待",
        "inviting": "コンサルティング会社からのご招待",
        "inviting_company": "支援先企業からのご招待",
        "login_code": "ログインのコードの送信",
        "login_code_try": "ログインのコードの入力",
    }
)
work(
    {
        "file": "ファイルの片付け",
        "firm_deletion": "会社の削除",
        "idempotency.forget": "APIの記憶の片付け",
        "merge_shell": "統合した企業の片付け",
        "tenancy.retention": "保存期間の過ぎたものの片付け",
    }
)
