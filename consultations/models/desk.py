"""The firm's desk: how many companies a month, how long a session lasts, when the whole firm is closed."""

import re
from datetime import date
from typing import ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Lower

from consultations.calc.openings import Closing
from tenancy.constraints import Wall
from tenancy.keeping import Deletes, Exported, Keeps, Stays
from tenancy.walls import FirmModel, TenantManager, TenantQuerySet

_OF_FIRM = Stays("of the firm, not of a company")
ORIGIN = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?")
# Closed by default, every year, until the firm says otherwise: (name, first day, last day).
USUAL_CLOSINGS = (("年末年始", (12, 29), (1, 3)), ("夏季休業", (8, 13), (8, 16)))


class Desk(FirmModel):
    """The firm's rules for its オンライン相談・壁打ち. A firm that has not written them yet has these defaults."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset()

    is_open = models.BooleanField("受付をする", default=True)
    cap = models.PositiveSmallIntegerField("毎月の定員(社)", default=4, validators=[MaxValueValidator(99)])
    waiting_most = models.PositiveSmallIntegerField(
        "キャンセル待ちの上限(社)", default=10, validators=[MaxValueValidator(99)]
    )
    minutes = models.PositiveSmallIntegerField(
        "1回の長さ(分)", default=60, validators=[MinValueValidator(15), MaxValueValidator(240)]
    )
    step = models.PositiveSmallIntegerField(
        "開始時刻の間隔(分)", default=60, validators=[MinValueValidator(15), MaxValueValidator(240)]
    )
    # A month can be booked from this day of the month before (`calc.months.opens_at`).
    opens_on = models.PositiveSmallIntegerField(
        "翌月の受付を始める日", default=1, validators=[MinValueValidator(1), MaxValueValidator(28)]
    )
    lead = models.TextField("予約ページの案内文", max_length=400, blank=True)
    note = models.TextField("お申し込み前にお伝えすること", max_length=800, blank=True)
    # Origins (https://…), one in a line: sites of the firm's own that may show the free times in a frame.
    embedded_on = models.TextField("埋め込みを許すサイト", max_length=1000, blank=True)

    on_export = Exported(replaces=True)
    on_merge = _OF_FIRM
    on_erase = Keeps("rules and texts of the firm")

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(name="consultations_desk_wall", public_read=True),
            models.UniqueConstraint(name="consultations_desk_once", fields=["firm"]),
            models.CheckConstraint(
                name="consultations_desk_sane",
                condition=models.Q(opens_on__range=(1, 28), minutes__range=(15, 240), step__range=(15, 240)),
            ),
        ]
        verbose_name = "相談の受付"

    def __str__(self) -> str:
        return f"毎月{self.cap}社"

    def clean(self) -> None:
        """That sites are origins, for a row that comes out of an archive: they stand in a header. Raises
        ValidationError."""
        if not all(ORIGIN.fullmatch(each) for each in self.sites):
            raise ValidationError("embedded_on")

    @property
    def sites(self) -> list[str]:
        """The origins that may embed the free times."""
        return self.embedded_on.split()


class Closed(FirmModel):
    """Days on which the whole firm gives no sessions; `every_year` means these days of each year."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset()

    name = models.CharField("名前", max_length=40)
    first_day = models.DateField("初日")
    last_day = models.DateField("最終日")
    every_year = models.BooleanField("毎年", default=False)

    on_export = Exported(replaces=True)
    on_merge = _OF_FIRM
    on_erase = Keeps("days of the firm")

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(name="consultations_closed_wall", public_read=True),
            models.CheckConstraint(
                name="consultations_closed_forward",
                condition=models.Q(last_day__gte=models.F("first_day")),
            ),
        ]
        ordering = ["first_day", "pk"]
        verbose_name = "休業日"

    def __str__(self) -> str:
        return self.name

    def as_closing(self) -> Closing:
        return Closing(self.first_day, self.last_day, self.every_year)

    @classmethod
    def usual(cls) -> "list[Closed]":
        """The closings of a firm that has not said otherwise, not saved. The year is any that is no leap year."""
        year = 2025
        found = []
        for name, first, last in USUAL_CLOSINGS:
            ends_in = year + (last < first)
            days = {"first_day": date(year, *first), "last_day": date(ends_in, *last)}
            found.append(cls(name=name, every_year=True, **days))
        return found


class BlockedQuerySet(TenantQuerySet["Blocked"]):
    """From whom nothing is taken."""

    def search(self, words: str) -> "BlockedQuerySet":
        """Every word in the address, or in the reason."""
        found = self
        for word in words.split():
            found = found.filter(models.Q(address__icontains=word) | models.Q(reason__icontains=word))
        return found

    def newest_first(self) -> "BlockedQuerySet":
        """As they were added."""
        return self.order_by("-pk")


class Blocked(FirmModel):
    """An address, or everything at a domain (`@…`), from which the firm takes no bookings."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset({"address", "reason"})

    address = models.CharField("メールアドレス、または@から始まるドメイン", max_length=254)
    reason = models.CharField("理由", max_length=200, blank=True)

    on_export = Exported(replaces=True)
    on_merge = _OF_FIRM
    on_erase = Deletes("受付を止めた宛先", email="address")

    objects = TenantManager.from_queryset(BlockedQuerySet)()  # type: ignore[misc]

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(name="consultations_blocked_wall"),
            models.UniqueConstraint(name="consultations_blocked_once", fields=["firm", "address"]),
            models.CheckConstraint(
                name="consultations_blocked_lower", condition=models.Q(address=Lower("address"))
            ),
        ]
        ordering = ["address"]
        verbose_name = "受付を止めた宛先"

    def __str__(self) -> str:
        return self.address
