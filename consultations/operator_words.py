"""What the operator's pages call this app's limits and work."""

from tenancy.operator_words import limits, work

limits(
    {
        "consultations.book.tries": "相談を申し込む試み",
        "consultations.book.address": "相談の申し込み(1か所から)",
        "consultations.book.mail": "相談の申し込み(1つの宛先)",
        "consultations.api.read": "相談の空きをAPIで読むこと",
        "consultations.api.tries": "相談をAPIで申し込む試み",
        "consultations.api.address": "相談のAPIでの申し込み(1か所から)",
        "consultations.waitlist.address": "キャンセル待ちの登録(1か所から)",
        "consultations.hold.pause": "相談の確認のメール(1分)",
        "consultations.manage": "相談の変更・取り消し",
    }
)
work(
    {
        "consultations.lapse": "相談の仮押さえ・ご案内の期限",
        "consultations.give_on": "ご予約済みの会社へのご案内の片付け",
        "consultations.remind": "相談の前々日のご案内",
        "consultations.opening": "受付開始のお知らせ",
        "consultations.over": "終わった月のキャンセル待ちの片付け",
        "consultations.calendar": "外のカレンダーの読み取り",
    }
)
