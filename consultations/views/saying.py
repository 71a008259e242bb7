"""What is said where something cannot be had: why, and what to do now. The same words on every page."""

from dataclasses import dataclass
from datetime import date

from consultations import labels
from consultations.actions import refusals
from consultations.states import NotFromHere


class Busy(Exception):
    """So many wanted the month at once that the wait for it was given up. Nothing was written."""


NOT_DONE = (refusals.Refused, NotFromHere, Busy)


@dataclass(frozen=True)
class Said:
    """Why it could not be done, and what to do. `go`: what is offered instead, to `wait` for the `month` or to `book`
    in it."""

    title: str
    text: str
    status: int = 409
    kind: str = "due"  # of the notice
    go: str = ""
    month: date | None = None
    phone: bool = False  # the telephone number belongs to it
    new_seed: bool = False  # the form's own id is of no use any more
    tells: bool = False  # something about the address that was typed: whoever asks for that is counted
    mailed: bool = False  # a mail went out that says more


KEPT = "ご記入の内容はそのまま残っています。"
OLD_FORM = Said(
    "もう一度、ボタンを押してください",
    f"画面の有効期限が過ぎていました。{KEPT}",
    new_seed=True,
)
TOO_OFTEN = Said(
    "短い時間に多くのお申し込みがありました",
    f"{KEPT}1時間ほどたってから、もう一度お試しください。",
    status=429,
    phone=True,
)
MAILED_OFTEN = Said(
    "このメールアドレスでのお申し込みが、今日お受けできる回数に達しました",
    f"{KEPT}明日もう一度お試しください。",
    status=429,
    phone=True,
)

_ALWAYS: dict[type[Exception], Said] = {
    Busy: Said(
        "混み合っています。もう一度お試しください",
        f"お申し込みが重なっており、受け付けられませんでした。{KEPT}少し時間をおいて、もう一度ボタンを押してください。",
        status=503,
    ),
    refusals.TimeTaken: Said(
        "お選びの日時は、もう空いていません",
        f"{KEPT}空いている日時から、もう一度お選びください。",
    ),
    refusals.Lapsed: Said(
        "期限を過ぎたか、状態が変わりました",
        "この画面を開いたあとで期限を過ぎたか、別の画面で手続きが済んでいます。いまの状態は、このページのとおりです。",
        status=410,
    ),
    refusals.TooLate: Said(
        "この画面での変更は、締め切りました",
        "日時の変更は、前日の17時まで承っています。お急ぎのときは、お電話でご相談ください。",
        phone=True,
    ),
    refusals.NotWelcome: Said(
        "このお申し込みは、オンラインではお受けできませんでした",
        "恐れ入りますが、お電話でご相談ください。",
        phone=True,
        tells=True,
    ),
    refusals.AlreadyWaiting: Said(
        "すでにキャンセル待ちにご登録いただいています",
        "空きが出ましたら、順番にメールでご案内します。ご登録のときにお送りしたメールのリンクから、いまの順番の"
        "ご確認と、お取り消しができます。",
        kind="good",
        phone=True,
        tells=True,
    ),
    NotFromHere: Said(
        "すでに手続きが済んでいます",
        "この画面を開いたあとで、状態が変わりました。いまの状態は、このページのとおりです。",
    ),
}
_OTHERWISE = Said("いまは承れませんでした", "画面を開き直して、もう一度お試しください。")


def words_for(problem: Exception) -> Said:
    """What is said about a refusal."""
    match problem:
        case refusals.Full():
            return _full(problem.month)
        case refusals.StillFree():
            return _still_free(problem.month)
        case refusals.AlreadyThisMonth():
            return _already(problem.first.month)
        case refusals.QueueFull():
            return _queue_full(problem.month)
    return _ALWAYS.get(type(problem), _OTHERWISE)


def _full(month: date) -> Said:
    return Said(
        f"{labels.month_label(month)}は、満席になりました",
        f"ひと足先に、ほかの会社のご予約が入りました。{KEPT}キャンセル待ちに登録するか、ほかの月の日時をお選びください。",
        go="wait",
        month=month,
    )


def _still_free(month: date) -> Said:
    return Said(
        f"{labels.month_label(month)}には、いまご予約いただける日があります",
        f"お待ちいただかなくても、空いている日時をお選びいただけます。{KEPT}",
        kind="good",
        go="book",
        month=month,
    )


def _already(month: date) -> Said:
    return Said(
        f"{labels.month_label(month)}のお申し込みを、すでに承っています",
        "多くの方にお使いいただけるよう、ご予約は1社につき月に1回までとしています。ほかの月の日時は、"
        "このままお選びいただけます。",
        phone=True,
        tells=True,
    )


def _queue_full(month: date) -> Said:
    return Said(
        f"{labels.month_label(month)}は、キャンセル待ちも満員です",
        "翌月の受付が始まったら、あらためてご予約ください。お急ぎのときは、お電話でご相談ください。",
        phone=True,
    )
