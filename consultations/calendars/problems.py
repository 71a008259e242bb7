"""Why an outside calendar could not be read, in the words of whoever registered it."""

from django.db import models


class Reason(models.TextChoices):
    """Each says what to do. None of them says what stands behind an address: it may be inside somebody's network."""

    ADDRESS = (
        "address",
        "カレンダーのアドレスをご確認ください。「https://」で始まる公開用のアドレスが必要です。",
    )
    NOT_PUBLIC = (
        "not_public",
        "このアドレスには接続できません。インターネットに公開されているカレンダーのアドレスをご登録ください。",
    )
    NOT_FOUND = (
        "not_found",
        "カレンダーが見つかりませんでした。公開が終わっていないか、アドレスが変わっていないかをご確認ください。",
    )
    REFUSED = (
        "refused",
        "カレンダーの読み取りを断られました。ログインなしで読める、公開用または非公開用のICSアドレスをご登録ください。",
    )
    AWAY = (
        "away",
        "カレンダーのサーバーから応答がありませんでした。自動でもう一度読み取りますので、しばらくお待ちください。",
    )
    CERTIFICATE = (
        "certificate",
        "接続先の証明書を確認できませんでした。カレンダーの提供元に、アドレスをお確かめください。",
    )
    REDIRECTS = (
        "redirects",
        "転送が多すぎて、カレンダーにたどり着けませんでした。転送先のアドレスをご登録ください。",
    )
    TOO_LARGE = (
        "too_large",
        "カレンダーが大きすぎます(1MBまで)。古い予定を減らすか、予定だけの小さなカレンダーをご登録ください。",
    )
    NOT_A_CALENDAR = (
        "not_a_calendar",
        "カレンダーとして読み取れませんでした。ICS(iCal)形式のアドレスかどうかをご確認ください。",
    )
    TOO_MUCH = (
        "too_much",
        "予定が多すぎるか、繰り返しが細かすぎるため、読み取れませんでした。予定を減らしたカレンダーをご登録ください。",
    )


class CalendarNotRead(Exception):
    """The calendar could not be fetched or read; `reason` says why. The address, which is as good as a password, and
    what was read are not part of it."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason
