"""When a consultant gives sessions: by the week, on certain days otherwise, and never when another calendar is busy."""

from typing import ClassVar
from uuid import uuid4

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from consultations.calc.openings import DayRule, WeeklyHours
from tenancy.constraints import SameTenantKey, Wall
from tenancy.keeping import Exported, Keeps, NotExported, Stays
from tenancy.models import Membership
from tenancy.walls import FirmModel, TenantManager, TenantQuerySet

_OF_FIRM = Stays("of the firm, not of a company")
_ENDS_WITH_MEMBER = Keeps("times of a consultant; end with the membership")
WEEKDAYS = tuple(enumerate("月火水木金土日"))


class ScheduleQuerySet(TenantQuerySet["Schedule"]):
    """Who may be booked."""

    def offered(self) -> "ScheduleQuerySet":
        """Those of consultants who work here now and give sessions, with member and user, in a fixed order."""
        working = Membership.objects.consulting().values("pk")
        return (
            self.filter(gives=True, membership__in=working).select_related("membership__user").order_by("pk")
        )


class Schedule(FirmModel):
    """A consultant's way of giving sessions. `gives`: the firm's admin decides who consults."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset({"meeting_url", "phone"})

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    membership = models.ForeignKey(
        Membership, on_delete=models.CASCADE, related_name="schedules", db_constraint=False
    )
    gives = models.BooleanField("相談を受ける", default=False)
    fields_of_work = models.CharField("得意分野(予約ページに載ります)", max_length=60, blank=True)
    buffer = models.PositiveSmallIntegerField(
        "終わったあとに空ける時間(分)", default=15, validators=[MaxValueValidator(240)]
    )
    notice_hours = models.PositiveSmallIntegerField(
        "何時間前まで受けるか", default=24, validators=[MaxValueValidator(336)]
    )
    horizon_days = models.PositiveSmallIntegerField(
        "何日先まで受けるか", default=60, validators=[MinValueValidator(1), MaxValueValidator(180)]
    )
    closed_on_holidays = models.BooleanField("祝日は休む", default=True)
    meeting_url = models.URLField("オンラインの参加リンク(いつも同じとき)", max_length=500, blank=True)
    phone = models.CharField("こちらの電話番号(お電話のとき)", max_length=20, blank=True)
    # Raised to end the address of the private calendar feed.
    feed_version = models.PositiveIntegerField(default=1)

    on_export = Exported()
    on_merge = _OF_FIRM
    on_erase = Keeps("ends with its membership")

    objects = TenantManager.from_queryset(ScheduleQuerySet)()  # type: ignore[misc]

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(name="consultations_schedule_wall", firm_side=True, link="id"),
            models.UniqueConstraint(name="consultations_schedule_key", fields=["firm", "id"]),
            models.UniqueConstraint(name="consultations_schedule_once", fields=["firm", "membership"]),
            SameTenantKey(
                name="consultations_schedule_membership_key",
                to="tenancy_membership",
                columns=("firm_id", "membership_id"),
            ),
        ]
        verbose_name = "相談の予定表"

    def __str__(self) -> str:
        return str(self.membership)


class _OfSchedule(FirmModel):
    """What hangs on a schedule."""

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="+", db_constraint=False)

    class Meta(FirmModel.Meta):
        abstract = True


def _schedule_key(name: str) -> SameTenantKey:
    return SameTenantKey(
        name=f"consultations_{name}_schedule_key",
        to="consultations_schedule",
        columns=("firm_id", "schedule_id"),
    )


class Weekly(_OfSchedule):
    """Hours of a weekday (0 = Monday). `ends` 00:00 is the end of the day."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset()

    weekday = models.PositiveSmallIntegerField("曜日", choices=WEEKDAYS)
    starts = models.TimeField("から")
    ends = models.TimeField("まで")

    on_export = Exported()
    on_merge = _OF_FIRM
    on_erase = _ENDS_WITH_MEMBER

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(name="consultations_weekly_wall", firm_side=True),
            _schedule_key("weekly"),
            models.UniqueConstraint(
                name="consultations_weekly_once", fields=["firm", "schedule", "weekday", "starts"]
            ),
            models.CheckConstraint(
                name="consultations_weekly_sane",
                condition=models.Q(weekday__lte=6)
                & (models.Q(ends__gt=models.F("starts")) | models.Q(ends="00:00")),
            ),
        ]
        ordering = ["weekday", "starts"]
        verbose_name = "毎週の時間"

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.starts:%H:%M}–{self.ends:%H:%M}"

    def as_hours(self) -> WeeklyHours:
        return WeeklyHours(self.weekday, self.starts, self.ends)


class DayException(_OfSchedule):
    """Days that are otherwise: closed (whole, or between two times), or open besides the weekly hours."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset({"reason"})

    first_day = models.DateField("初日")
    last_day = models.DateField("最終日")
    is_open = models.BooleanField("受ける日にする", default=False)
    starts = models.TimeField("から", null=True, blank=True)
    ends = models.TimeField("まで", null=True, blank=True)
    reason = models.CharField("メモ(社内だけ)", max_length=100, blank=True)

    on_export = Exported()
    on_merge = _OF_FIRM
    on_erase = _ENDS_WITH_MEMBER

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(name="consultations_dayexception_wall", firm_side=True),
            _schedule_key("dayexception"),
            models.CheckConstraint(
                name="consultations_dayexception_sane",
                condition=models.Q(last_day__gte=models.F("first_day"))
                & (
                    models.Q(starts=None, ends=None, is_open=False)
                    | models.Q(starts__isnull=False, ends__isnull=False)
                    & (models.Q(ends__gt=models.F("starts")) | models.Q(ends="00:00"))
                ),
            ),
        ]
        indexes = [models.Index(name="consultations_exception_of", fields=["firm", "schedule", "last_day"])]
        ordering = ["first_day", "pk"]
        verbose_name = "予定の例外"

    def __str__(self) -> str:
        return f"{self.first_day}–{self.last_day}"

    def as_rule(self) -> DayRule:
        return DayRule(self.first_day, self.last_day, self.is_open, self.starts, self.ends)


class OutsideCalendar(_OfSchedule):
    """A calendar elsewhere, by its ICS address: whoever has it reads the calendar, so it stays in here."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset({"url"})

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    url = models.URLField("カレンダーのICSアドレス", max_length=1000)
    asked_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)
    # Why it could not be read the last time, as a word of `calendars.fetching.Reason`; '' when it could.
    problem = models.CharField(max_length=20, blank=True)

    on_export = NotExported("an address that opens a person's calendar; asked for anew")
    on_merge = _OF_FIRM
    on_erase = _ENDS_WITH_MEMBER

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(name="consultations_outsidecalendar_wall", firm_side=True),
            models.UniqueConstraint(name="consultations_outsidecalendar_key", fields=["firm", "id"]),
            models.UniqueConstraint(name="consultations_outsidecalendar_once", fields=["firm", "schedule"]),
            _schedule_key("outsidecalendar"),
        ]
        verbose_name = "外のカレンダー"

    def __str__(self) -> str:
        return str(self.schedule_id)


class OutsideBusy(_OfSchedule):
    """A time at which the outside calendar is busy. Nothing else of it is kept."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset()

    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()

    on_export = NotExported("read again from the outside calendar")
    on_merge = _OF_FIRM
    on_erase = _ENDS_WITH_MEMBER

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(name="consultations_outsidebusy_wall", firm_side=True),
            _schedule_key("outsidebusy"),
        ]
        indexes = [models.Index(name="consultations_busy_of", fields=["firm", "schedule", "ends_at"])]
        verbose_name = "外の予定"

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M}"
