"""What the trail says about the オンライン相談・壁打ち."""

from typing import Any

from django.urls import reverse

from consultations.models import (
    Blocked,
    Closed,
    Consultation,
    ConsultationMonth,
    DayException,
    Desk,
    NextAction,
    OpeningWish,
    OutsideCalendar,
    Schedule,
    SessionNote,
    Task,
    WaitlistEntry,
    Weekly,
)
from tenancy.trail_words import Details, acts, fields, thing


def _url(slug: str, row: Any) -> str:
    return reverse("consultations:detail", args=[slug, row.pk])


def _taken_over(details: Details) -> str:
    return "支援先企業として登録しました" if details.get("new") else "支援先企業に結び付けました"


def _booked(details: Details) -> str:
    return "ご予約が確定しました" if details.get("confirmed") else "お申し込みを受けました"


acts(
    "オンライン相談・壁打ち",
    {
        "book.consultation": _booked,
        "confirm.consultation": "ご予約が確定しました",
        "lapse.consultation": "期限を過ぎ、枠を解放しました",
        "mail.already": "同じ月のご予約があることをお知らせしました",
        "mail.hold": "ご確認のメールを送りなおしました",
        "change.consultation": "日時を変えました",
        "cancel.consultation": "お客様のご都合で取り消しました",
        "put_off.consultation": "当社の都合で取り消し、振替をご案内しました",
        "offer.consultation": "空いた枠をご案内しました",
        "decline.consultation": "ご案内が辞退されました",
        "mark.consultation": "結果を記録しました",
        "say_where.consultation": "参加方法を決めました",
        "details.consultation": "お客様がご要望を書き足しました",
        "mail.reminder": "前々日のご案内を送りました",
        "hand_over.consultation": "担当を引き継ぎました",
        "take_over.consultation": _taken_over,
        "write.note": "社内メモを保存しました",
        "write.summary": "まとめを保存しました",
        "send.summary": "まとめをお送りしました",
        "agree.next_action": "次の一歩を加えました",
        "tick.next_action": "次の一歩の済み・未了を変えました",
        "join.waitlist": "キャンセル待ちに加わりました",
        "leave.waitlist": "キャンセル待ちを取り消しました",
        "end.waitlist": "ご希望の月が終わり、キャンセル待ちを終えました",
        "tell.full": "満席をお知らせしました",
        "want.opening": "受付開始のお知らせを希望しました",
        "tell.opening": "受付開始をお知らせしました",
        "put.task": "ご対応いただきたいことを加えました",
        "do.task": "対応を済ませました",
        "update.desk": "相談の受付の決まりを変えました",
        "begin.month": "この月の受付を始めました",
        "set.cap": "この月の定員を変えました",
        "close.days": "休業日を加えました",
        "reopen.days": "休業日を外しました",
        "block.address": "受付を止める宛先を加えました",
        "update.blocked": "受付を止めた宛先について変えました",
        "unblock.address": "受付を止める宛先を外しました",
        "make.schedule": "予定表を作りました",
        "let_consult.schedule": "相談を受ける人を変えました",
        "update.schedule": "予定表の決まりを変えました",
        "set.hours": "毎週の時間を変えました",
        "drop.hours": "毎週の時間を外しました",
        "add.exception": "予定の例外を加えました",
        "drop.exception": "予定の例外を外しました",
        "renew.feed": "予定の購読アドレスを作りなおしました",
        "subscribe.calendar": "外のカレンダーを読み込むようにしました",
        "unsubscribe.calendar": "外のカレンダーの読み込みをやめました",
    },
)
thing(Consultation, name=lambda row: str(row.company_name), url=_url)
thing(WaitlistEntry, name=lambda row: str(row.company_name))
thing(OpeningWish, name=lambda row: str(row.company_name))
thing(ConsultationMonth, name=str)
thing(Desk, name=lambda row: "")
thing(Closed, name=str)
thing(Blocked, name=lambda row: "")
thing(Schedule, name=lambda row: "")
thing(Weekly, name=str)
thing(DayException, name=str)
thing(OutsideCalendar, name=lambda row: "")
thing(SessionNote, name=str)
thing(NextAction, name=str)
thing(Task, name=str)

fields(
    {
        "number": "枠",
        "month": "月",
        "starts_at": "開始",
        "ends_at": "終了",
        "busy_until": "次に空く時刻",
        "consultant": "担当",
        "expires_at": "期限",
        "entry": "キャンセル待ち",
        "replaces": "振替元",
        "confirmed_at": "確定した日時",
        "ended_at": "終わった日時",
        "cancelled_by_firm": "当社の都合",
        "cancel_reason": "理由",
        "sequence": "予定の版",
        "holds_sent": "確認のメールの回数",
        "taken_by": "枠の会社",
        "booked_by": "予約した人",
        "topic": "気になること",
        "kind": "種類",
        "summary_sent_at": "まとめを送った日時",
        "months": "ご希望の月",
        "queued_at": "順番の基準",
        "lapses": "期限切れの回数",
        "passed": "見送った回",
        "wanted": "お知らせの希望",
        "told_at": "お知らせした日時",
        "freed": "空きが出た回数",
        "consultation": "相談",
        "done_at": "済ませた日時",
        "done_by": "済ませた人",
        "member": "担当",
        "asked_at": "読みに行った日時",
        "read_at": "読めた日時",
        "problem": "読めなかった理由",
        "feed_version": "購読アドレスの版",
        "schedule": "予定表",
        "membership": "メンバー",
        "is_summary": "まとめ",
        "opened_by": "リンクの相手",
        "who": "担当",
        "due_on": "期限",
        "link_version": "リンクの版",
        "weekday": "曜日",
    }
)
