"""What the firm and its consultants set: the desk, the week, days that are otherwise, a calendar elsewhere.

Nothing typed is lost; every message says what to do.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator, validate_email

from consultations.actions.desk import Hours
from consultations.calc import months
from consultations.forms import PHONE_SHAPE
from consultations.models import Closed, DayException, Desk, OutsideCalendar, Schedule
from consultations.models.schedule import WEEKDAYS
from tenancy import clock
from tenancy.editing import texts_of
from tenancy.fields import LineField, NarrowField, ParagraphsField
from tenancy.forms import SeenForm

HTTPS = "「https://」で始まるアドレスを入力してください。"
SITE_SHAPE = "「https://www.example.jp」の形で、1行に1つずつ入力してください。"
LONGEST_EXCEPTION = timedelta(days=366)
_HOST = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")


class DayField(forms.DateField):
    """A day, chosen from the browser's calendar."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"), **kwargs)


class ClockField(forms.TimeField):
    """A time of day."""

    def __init__(self, **kwargs: Any) -> None:
        messages = {"invalid": "時刻は「13:30」の形で入力してください。"}
        widget = forms.TimeInput({"type": "time"}, format="%H:%M")
        super().__init__(required=False, widget=widget, error_messages=messages, **kwargs)


class HttpsField(forms.URLField):
    """An address that begins with https."""

    def __init__(self, **kwargs: Any) -> None:
        messages = {"invalid": HTTPS} | kwargs.pop("error_messages", {})
        super().__init__(assume_scheme="https", error_messages=messages, **kwargs)

    def clean(self, value: Any) -> str:
        text = unicodedata.normalize("NFKC", str(value or "")).strip()
        found = str(super().clean(re.sub("^webcals?://", "https://", text, flags=re.IGNORECASE)) or "")
        if found and urlsplit(found).scheme != "https":
            raise forms.ValidationError(HTTPS)
        return found


# ── The firm ──


def origin_of(line: str) -> str:
    """The origin of a site as browsers compare it: scheme, name, and a port that is not the usual one. Raises
    ValueError for what is none; what stands behind the name is left out."""
    parts = urlsplit(unicodedata.normalize("NFKC", line).strip())
    host = (parts.hostname or "").encode("idna").decode()
    if parts.scheme != "https" or parts.username is not None or not _HOST.fullmatch(host):
        raise ValueError(line)
    port = "" if parts.port in (None, 443) else f":{parts.port}"
    return f"https://{host}{port}"


class SitesField(ParagraphsField):
    """Origins, one in a line."""

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        found: dict[str, None] = {}
        for line in text.split("\n"):
            if not line.strip():
                continue
            try:
                found[origin_of(line)] = None
            except ValueError as wrong:
                raise forms.ValidationError(f"「{line.strip()}」を確認してください。{SITE_SHAPE}") from wrong
        return "\n".join(found)


def say_ranges(form: SeenForm) -> None:
    """Each number says what may be typed, in the words of the forms around it."""
    for name, number in form.fields.items():
        if isinstance(number, forms.IntegerField):
            limits = form._meta.model._meta.get_field(name).validators
            low = max(each.limit_value for each in limits if isinstance(each, MinValueValidator))
            high = min(each.limit_value for each in limits if isinstance(each, MaxValueValidator))
            words = f"{low}〜{high}の数字で入力してください。"
            number.error_messages |= dict.fromkeys(("invalid", "min_value", "max_value"), words)


class DeskForm(SeenForm):
    """The firm's rules. Also of rules that are still the usual ones it remembers what it showed."""

    class Meta:
        model = Desk
        fields = (
            "is_open",
            "cap",
            "waiting_most",
            "minutes",
            "step",
            "opens_on",
            "lead",
            "note",
            "embedded_on",
        )
        field_classes = {"lead": ParagraphsField, "note": ParagraphsField, "embedded_on": SitesField}
        widgets = {
            "lead": forms.Textarea(attrs={"rows": 3}),
            "note": forms.Textarea(attrs={"rows": 4}),
            "embedded_on": forms.Textarea(attrs={"rows": 3, "inputmode": "url", "autocomplete": "off"}),
        }
        help_texts = {
            "is_open": "止めると、公開ページから申し込めなくなります。いまあるご予約はそのままです。",
            "cap": "会社の数です。下げても、すでにあるご予約は取り消されません。",
            "waiting_most": "1か月に登録できる会社の数。0にすると、キャンセル待ちを受けません。",
            "minutes": "15〜240分。すでにあるご予約の長さは変わりません。",
            "step": "60なら、10:00、11:00、…のように選べます。",
            "opens_on": "1〜28日。その日の朝9時から、翌月の枠を予約できます。",
            "lead": "予約ページのはじめに出ます。",
            "note": "申し込みの欄のそばに出ます。ご用意いただきたいものなど。",
            "embedded_on": "ご自分のサイトに空き時間を載せるとき、そのサイトのアドレスを1行に1つずつ。例:https://www.example.jp",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["seen"] = json.dumps(texts_of(self.instance, self.edited()), ensure_ascii=False)
        say_ranges(self)


class CapForm(forms.Form):
    """How many companies one month takes; empty: as many as every month."""

    month = forms.DateField(input_formats=["%Y-%m"], widget=forms.HiddenInput)
    cap = forms.IntegerField(
        label="この月の定員(社)",
        required=False,
        min_value=0,
        max_value=99,
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value"), "0〜99の数字で入力してください。"
        ),
        widget=forms.NumberInput({"inputmode": "numeric"}),
    )

    # What stood there when the page was shown: what somebody else has chosen meanwhile stays.
    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, offered: Iterable[date], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offered = set(offered)

    def again(self, cap: int | None) -> "CapForm":
        """The same with what stands there now, and why it was not taken."""
        stands = "毎月の定員と同じ" if cap is None else f"{cap}社"
        words = f"ほかの画面で、{stands}に変わりました。この数でよければ、もう一度押してください。"
        sent = {**dict(self.data.items()), "seen": "" if cap is None else cap}
        again = CapForm(sent, offered=self.offered, auto_id=self.auto_id)
        again.add_error("cap", words)
        return again

    def clean_month(self) -> date:
        month: date = self.cleaned_data["month"]
        if month not in self.offered:
            raise forms.ValidationError("この月の定員は、ここでは変えられません。")
        return month


class ClosedForm(forms.ModelForm):  # type: ignore[type-arg]
    """Days on which the whole firm gives no sessions."""

    first_day = DayField(label="初日", error_messages={"required": "初日を入力してください。"})
    last_day = DayField(label="最終日", required=False, help_text="1日だけのときは、空けておきます。")

    class Meta:
        model = Closed
        fields = ("name", "first_day", "last_day", "every_year")
        field_classes = {"name": LineField}
        labels = {"every_year": "毎年、この日に休む"}
        error_messages = {"name": {"required": "名前を入力してください(例:創立記念日)。"}}

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        first = cleaned.get("first_day")
        if first and "last_day" not in self.errors:
            cleaned["last_day"] = cleaned.get("last_day") or first
            _check_days(self, first, cleaned["last_day"], past_is_wrong=not cleaned.get("every_year"))
        return cleaned


def _check_days(form: forms.BaseForm, first: date, last: date, *, past_is_wrong: bool) -> None:
    """Say at the last day, or the only one, what is wrong with the days."""
    if last < first:
        form.add_error("last_day", "最終日は、初日と同じか、後の日にしてください。")
    elif last - first > LONGEST_EXCEPTION:
        form.add_error("last_day", "期間は1年までにしてください。")
    elif past_is_wrong and last < clock.today():
        form.add_error("first_day", "過ぎた日です。今日からあとの日を入力してください。")


class BlockedForm(forms.Form):
    """An address, or a whole domain, from which nothing is taken."""

    address = NarrowField(
        label="メールアドレス、または@から始まるドメイン",
        max_length=254,
        help_text="例:someone@example.jp、@example.jp",
        error_messages={"required": "メールアドレスかドメインを入力してください。"},
        widget=forms.TextInput({"inputmode": "email", "autocomplete": "off"}),
    )
    reason = LineField(label="理由", max_length=200, required=False, help_text="社内だけで見られます。")

    def clean_address(self) -> str:
        address = str(self.cleaned_data["address"]).lower()
        try:
            validate_email(f"x{address}" if address.startswith("@") else address)
        except forms.ValidationError as wrong:
            raise forms.ValidationError(
                "メールアドレスか、「@example.jp」の形のドメインを入力してください。"
            ) from wrong
        return address


# ── A consultant ──


class ScheduleForm(SeenForm):
    """Notice, horizon, buffer, and the usual way to meet."""

    meeting_url = HttpsField(
        label="オンラインの参加リンク(いつも同じとき)",
        required=False,
        max_length=500,
        help_text="Zoom・Google Meet・Teamsなど。相談ごとに変えることもできます。",
        widget=forms.URLInput({"autocomplete": "off"}),
    )

    class Meta:
        model = Schedule
        fields = (
            "fields_of_work",
            "buffer",
            "notice_hours",
            "horizon_days",
            "closed_on_holidays",
            "meeting_url",
            "phone",
        )
        field_classes = {"fields_of_work": LineField, "phone": NarrowField}
        labels = {"fields_of_work": "得意分野"}
        widgets = {"phone": forms.TextInput(attrs={"type": "tel"})}
        help_texts = {
            "fields_of_work": "予約ページに、お名前と並べて載ります。例:製造業の値決め、事業承継",
            "buffer": "次の相談までの休憩や記録のための時間",
            "notice_hours": "24なら、明日のいまの時刻よりあとを選べます。",
            "horizon_days": "予約できるのは、今月と来月の枠までです。",
            "closed_on_holidays": "振替休日と国民の休日を含みます。下の「例外の日」で、受ける日にもできます。",
            "phone": "お電話をご希望の方に、こちらの番号をお伝えします。例:048-000-1204",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["seen"] = json.dumps(texts_of(self.instance, self.edited()), ensure_ascii=False)
        say_ranges(self)

    def clean_phone(self) -> str:
        phone: str = self.cleaned_data["phone"]
        if phone and not all(each.isdigit() or each in "+-() " for each in phone):
            raise forms.ValidationError(PHONE_SHAPE)
        return phone


class ExceptionForm(forms.ModelForm):  # type: ignore[type-arg]
    """Days that are otherwise than the week says."""

    first_day = DayField(label="初日", error_messages={"required": "初日を入力してください。"})
    last_day = DayField(label="最終日", required=False, help_text="1日だけのときは、空けておきます。")
    is_open = forms.TypedChoiceField(
        label="この日は",
        choices=[("closed", "休む"), ("open", "受ける(毎週の時間のほかに)")],
        coerce=lambda value: value == "open",
        widget=forms.RadioSelect,
    )
    starts = ClockField(label="から", help_text="休む日は、空けておくと一日中になります。")
    ends = ClockField(label="まで")

    class Meta:
        model = DayException
        fields = ("first_day", "last_day", "is_open", "starts", "ends", "reason")
        field_classes = {"reason": LineField}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["is_open"] = "closed"

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        first = cleaned.get("first_day")
        if first and "last_day" not in self.errors:
            cleaned["last_day"] = cleaned.get("last_day") or first
            _check_days(self, first, cleaned["last_day"], past_is_wrong=True)
        if not {"starts", "ends"} & set(self.errors):
            self._check_times(cleaned.get("starts"), cleaned.get("ends"), bool(cleaned.get("is_open")))
        return cleaned

    def _check_times(self, starts: time | None, ends: time | None, is_open: bool) -> None:
        missing = "受ける日は、何時から何時までかを入力してください。" if is_open else BOTH
        if starts is None and (is_open or ends is not None):
            self.add_error("starts", missing)
        if ends is None and (is_open or starts is not None):
            self.add_error("ends", missing)
        if starts is not None and ends is not None and not _is_forward(starts, ends):
            self.add_error("ends", LATER)


class CalendarForm(forms.Form):
    """The ICS address of a calendar elsewhere."""

    url = HttpsField(
        label="カレンダーのICSアドレス",
        max_length=1000,
        help_text="Googleカレンダーでは「設定と共有」の「iCal形式の非公開URL」です。",
        error_messages={"required": "カレンダーのアドレスを入力してください。"},
        widget=forms.URLInput({"autocomplete": "off"}),
    )


def masked(calendar: OutsideCalendar) -> str:
    """The address without what opens the calendar."""
    return f"https://{urlsplit(calendar.url).hostname or ''}/…"


# ── The week ──

BOTH = "「から」と「まで」の両方を入力してください。"
LATER = "「まで」は「から」より後の時刻にしてください。"
OVERLAP = "ほかの時間と重なっています。"
SHAPE = "時刻は「13:30」の形で入力してください。"
FEWEST, MOST = 2, 12  # pairs of a day that are shown


def _is_forward(starts: time, ends: time) -> bool:
    """00:00 is the end of the day."""
    return ends > starts or ends == months.MIDNIGHT


def read_clock(text: str) -> time | None:
    """A time as people write it: 13:30, 9:00, 9時半 not; 24:00 is the end of the day. None where it is none."""
    found = re.fullmatch(r"(\d{1,2})[::](\d{2})(?::00)?", unicodedata.normalize("NFKC", text).strip())
    if not found:
        return None
    hour, minute = int(found[1]), int(found[2])
    if (hour, minute) == (24, 0):
        return months.MIDNIGHT
    return time(hour, minute) if hour < 24 and minute < 60 else None


@dataclass
class Pair:
    """From–until of a day, as typed."""

    name: str
    starts: str = ""
    ends: str = ""
    error: str = ""

    @property
    def is_empty(self) -> bool:
        return not self.starts.strip() and not self.ends.strip()

    def read(self) -> tuple[time, time] | None:
        """The times; None, with the reason in `error`, where they are none."""
        starts, ends = read_clock(self.starts), read_clock(self.ends)
        if not self.starts.strip() or not self.ends.strip():
            self.error = BOTH
        elif starts is None or ends is None:
            self.error = SHAPE
        elif not _is_forward(starts, ends):
            self.error = LATER
        else:
            return starts, ends
        return None


@dataclass
class Day:
    """A weekday with its pairs."""

    weekday: int
    name: str
    pairs: list[Pair] = field(default_factory=list)

    @property
    def can_have_more(self) -> bool:
        return len(self.pairs) < MOST

    @property
    def is_closed(self) -> bool:
        return all(pair.is_empty for pair in self.pairs)

    def fill_up(self, count: int) -> None:
        """Empty pairs, until there are so many."""
        while len(self.pairs) < min(count, MOST):
            self.pairs.append(Pair(f"d{self.weekday}p{len(self.pairs)}"))

    def hours(self) -> list[Hours]:
        """What is typed and right; what is not says so in its pair."""
        found: list[Hours] = []
        for pair in self.pairs:
            if pair.is_empty or (times := pair.read()) is None:
                continue
            if any(_overlap(times, (starts, ends)) for _, starts, ends in found):
                pair.error = OVERLAP
            else:
                found.append((self.weekday, *times))
        return found


def _overlap(one: tuple[time, time], other: tuple[time, time]) -> bool:
    (a, b), (c, d) = (_minutes(each) for each in (one, other))
    return a < d and c < b


def _minutes(span: tuple[time, time]) -> tuple[int, int]:
    starts, ends = (each.hour * 60 + each.minute for each in span)
    return starts, ends or 24 * 60


class WeekForm:
    """The week as a table: for each weekday any number of from–until. A pair that is emptied is gone.

    `more`: the weekday for which one more pair is asked for; nothing is saved then, and nothing typed is lost.
    """

    def __init__(self, days: list[Day], seen: str, more: int | None = None) -> None:
        self.days, self.seen, self.more = days, seen, more
        for day in days:
            day.fill_up(max(FEWEST, len(day.pairs) + (day.weekday == more)))
        self.hours: list[Hours] = []

    @classmethod
    def of(cls, hours: Sequence[Hours]) -> "WeekForm":
        """As it is stored."""
        days = [Day(weekday, name) for weekday, name in WEEKDAYS]
        for weekday, starts, ends in sorted(hours):
            until = "24:00" if ends == months.MIDNIGHT else f"{ends:%H:%M}"
            pairs = days[weekday].pairs
            pairs.append(Pair(f"d{weekday}p{len(pairs)}", f"{starts:%H:%M}", until))
        return cls(days, seen_of(hours))

    @classmethod
    def sent(cls, data: Mapping[str, str]) -> "WeekForm":
        """As it was typed."""
        days = [Day(weekday, name) for weekday, name in WEEKDAYS]
        for day in days:
            names = [f"d{day.weekday}p{number}" for number in range(MOST)]
            day.pairs = [
                Pair(name, data.get(f"{name}-from", "")[:20], data.get(f"{name}-until", "")[:20])
                for name in names
                if f"{name}-from" in data or f"{name}-until" in data
            ]
        more = data.get("more", "")
        return cls(days, data.get("seen", ""), int(more) if more in tuple("0123456") else None)

    def seen_hours(self) -> list[Hours]:
        """The week that was shown; nothing readable counts as nothing shown."""
        found: list[Hours] = []
        for text in self.seen.split():
            match = re.fullmatch(r"([0-6]):([01]\d|2[0-3])([0-5]\d)-([01]\d|2[0-3])([0-5]\d)", text)
            if match:
                weekday, since, minute, until, last = map(int, match.groups())
                found.append((weekday, time(since, minute), time(until, last)))
        return found

    def is_valid(self) -> bool:
        self.hours = [hours for day in self.days for hours in day.hours()]
        return not self.wrong

    @property
    def wrong(self) -> list[tuple[Day, Pair]]:
        """The pairs that are wrong, with their days."""
        return [(day, pair) for day in self.days for pair in day.pairs if pair.error]


def seen_of(hours: Iterable[Hours]) -> str:
    """The week as a form remembers that it showed it."""
    return " ".join(f"{weekday}:{starts:%H%M}-{ends:%H%M}" for weekday, starts, ends in sorted(hours))
