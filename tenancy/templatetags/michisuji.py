"""Filters and tags for every template (a builtin library)."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django import template
from django.template.defaultfilters import floatformat
from django.utils import timezone

register = template.Library()

NOTHING = "—"
WEEKDAYS = "月火水木金土日"


@register.filter
def dash(value: Any) -> Any:
    """The value, or 「—」 for what is undefined or empty. 0 is a value."""
    return NOTHING if value is None or value == "" else value


@register.filter
def points(value: float | Decimal | None) -> str:
    """A score with one decimal, or 「—」."""
    return NOTHING if value is None else str(floatformat(value, 1))


@register.filter
def jdate(value: date | datetime | None) -> str:
    """2026年11月22日(日), in Asia/Tokyo; 「—」 for None."""
    if value is None:
        return NOTHING
    day = timezone.localtime(value) if isinstance(value, datetime) else value
    return f"{day.year}年{day.month}月{day.day}日({WEEKDAYS[day.weekday()]})"


@register.filter
def jtime(value: datetime | None) -> str:
    """14:32, in Asia/Tokyo; 「—」 for None."""
    return NOTHING if value is None else timezone.localtime(value).strftime("%H:%M")


@register.simple_tag(takes_context=True)
def may(context: template.Context, permission: str) -> bool:
    """Whether the present member may do it: templates hide what the view refuses."""
    visit = context.get("visit")
    return bool(visit and visit.may(permission))
