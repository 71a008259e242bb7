"""How months, times and ways to meet are called, in mails and on pages alike."""

from datetime import date, datetime

from django.utils import timezone

from consultations.calc import months
from consultations.models import Consultation, Schedule
from consultations.states import State
from tenancy.templatetags.michisuji import jdate, jtime

NOT_YET = "前日までにメールでお知らせします"  # behind 「参加方法」, in mails, calendars and on pages


def month_label(month: date) -> str:
    """2026年12月."""
    return f"{month.year}年{month.month}月"


def time_label(starts: datetime, ends: datetime) -> str:
    """13:30–14:30."""
    return f"{jtime(starts)}–{jtime(ends)}"


def moment_label(moment: datetime) -> str:
    """11月16日(月)17:00, in Tokyo."""
    day = timezone.localtime(moment)
    return f"{day.month}月{day.day}日({'月火水木金土日'[day.weekday()]}){day:%H:%M}"


def duration_label(consultation: Consultation) -> str:
    minutes = (consultation.ends_at - consultation.starts_at).total_seconds() / 60
    return f"{minutes:.0f}分"


def meeting_label(consultation: Consultation, schedule: Schedule | None) -> str:
    """How to take part: what is said for this session, else the consultant's usual way, else that it will be said."""
    own_phone = consultation.meeting_phone or (schedule.phone if schedule else "")
    if consultation.by_phone:
        if consultation.phone:
            return f"お電話({consultation.phone}へ、こちらからおかけします)"
        return f"お電話({own_phone}へおかけください)" if own_phone else NOT_YET
    url = consultation.meeting_url or (schedule.meeting_url if schedule else "")
    if url:
        return f"オンライン {url}"
    return f"お電話({own_phone}へおかけください)" if own_phone else NOT_YET


def has_a_way(consultation: Consultation, schedule: Schedule | None) -> bool:
    """Whether the client knows how to take part."""
    return meeting_label(consultation, schedule) != NOT_YET


def state_label(consultation: Consultation) -> str:
    """Where it stands; what has run out has, whether a worker has been there or not."""
    if consultation.has_lapsed:
        return State.EXPIRED.label
    return str(consultation.get_state_display())


def change_deadline_label(consultation: Consultation) -> str:
    return moment_label(months.free_until(consultation.starts_at))


def when(consultation: Consultation) -> dict[str, str]:
    """Date, time and length, as every mail names them."""
    return {
        "date_label": jdate(consultation.starts_at),
        "time_label": time_label(consultation.starts_at, consultation.ends_at),
        "duration_label": duration_label(consultation),
    }
