"""Months with their places, consultations, and who waits.

A consultation takes a *place* of its month (by company, numbered) and a *time* (of a consultant): two things, each
guarded by a constraint of its own. Who may have which, and when, is decided in `actions`, under the month's lock.
"""

import re
from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID, uuid4

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.utils.crypto import salted_hmac

from consultations.calc import months
from consultations.states import LIVE, TAKES_PLACE, TAKES_TIME, WAITING, State
from diagnosis.models import Diagnosis
from tenancy import clock, guards
from tenancy.constraints import SameTenantKey, Wall
from tenancy.fields import NameField
from tenancy.keeping import Blanks, Deletes, Exported, Follows, Keeps, Moves, Stays
from tenancy.links import Link
from tenancy.models import Company, Membership
from tenancy.scope import Scope
from tenancy.walls import FirmModel, TenantManager, TenantQuerySet

# Kinds of due work that follow from a row by itself, declared in `tasks`.
REMIND, OVER, OPENING = "consultations.remind", "consultations.over", "consultations.opening"

PERSON = ("contact_name", "email", "phone")
_NOT_MERGED = models.Q(company=None) | models.Q(company__merged_into=None)


class Kind(models.TextChoices):
    """What the session is for (domain.md §8)."""

    ADVICE = "advice", "相談"
    DIAGNOSIS = "diagnosis", "簡易診断の読み合わせ"
    BOTH = "both", "相談と簡易診断の読み合わせ"


class ConsultationMonth(FirmModel):
    """A month of the firm: the row that whoever gives or frees a place locks first. Its number of places is the desk's,
    unless the firm has said otherwise for this month."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset()

    month = models.DateField("月")
    cap = models.PositiveSmallIntegerField(
        "この月の定員(社)", null=True, blank=True, validators=[MaxValueValidator(99)]
    )
    # How often a place became free: who has passed on what there is waits for the next time (`WaitlistEntry.passed`).
    freed = models.PositiveIntegerField(default=0)

    on_export = Exported()
    on_merge = Stays("of the firm, not of a company")
    on_erase = Keeps("numbers")

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(name="consultations_month_wall", public_read=True),
            models.UniqueConstraint(name="consultations_month_once", fields=["firm", "month"]),
            models.CheckConstraint(name="consultations_month_first", condition=models.Q(month__day=1)),
        ]
        verbose_name = "相談の月"

    def __str__(self) -> str:
        return f"{self.month.year}年{self.month.month}月"


class AskedFor(FirmModel):
    """What somebody who asks for a session says of themselves, in their own words."""

    kind = models.CharField("ご利用内容", max_length=10, choices=Kind, default=Kind.ADVICE)
    company = models.ForeignKey(
        Company, on_delete=models.CASCADE, null=True, blank=True, related_name="+", db_constraint=False
    )
    company_name = models.CharField("会社名", max_length=100)
    # Empty once the person was erased.
    contact_name = models.CharField("お名前", max_length=60, blank=True)
    email = models.EmailField("メールアドレス", blank=True)
    phone = models.CharField("お電話番号", max_length=20, blank=True)
    by_phone = models.BooleanField("お電話で話す", default=False)
    corporate_number = models.CharField("法人番号", max_length=13, blank=True)
    topic = models.TextField("気になること", max_length=2_000, blank=True)
    diagnosis = models.ForeignKey(
        Diagnosis, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_constraint=False
    )
    privacy_version = models.PositiveIntegerField(null=True, blank=True)
    link_version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=clock.now)

    class Meta(FirmModel.Meta):
        abstract = True

    def clean(self) -> None:
        """As forms would have taken it, for a row that comes out of an archive: names stand in mails. Raises
        ValidationError."""
        if any(NameField.is_link(each) for each in (self.company_name, self.contact_name)):
            raise ValidationError("company_name")

    @property
    def company_key(self) -> str:
        """Which company it is, as far as can be said for sure: one place a month and one in the queue for each."""
        if self.company_id is not None:
            return f"company:{self.company_id}"
        if self.corporate_number:
            return f"number:{self.corporate_number}"
        # Not the address itself: this stays when a person is erased.
        return f"mail:{salted_hmac('consultations.company', self.email, algorithm='sha256').hexdigest()}"


MONTHS_AT_MOST = 12


def _is_month(text: object) -> bool:
    """Whether it is the first day of a month, as it is kept in JSON."""
    return isinstance(text, str) and re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])-01", text) is not None


class WaitlistQuerySet(TenantQuerySet["WaitlistEntry"]):
    """Who waits, first come first."""

    def waiting(self) -> "WaitlistQuerySet":
        return self.filter(state=WaitlistEntry.State.WAITING).order_by("queued_at", "pk")

    def for_month(self, month: date) -> "WaitlistQuerySet":
        """Those who wait for this month (perhaps for others too), in their order."""
        return self.waiting().filter(months__contains=month.isoformat())

    def opened_by(self, link: Link | None) -> "WaitlistEntry | None":
        """The entry that a signed link opens; None if the link was altered, is too old, or was revoked."""
        found = self.filter(pk=link.id).first() if link else None
        return found if found is not None and link and link.is_version(found.link_version) else None


class WaitlistEntry(AskedFor):
    """A company in the queue for the months it would accept; one entry for each company. While it has an offer (a
    consultation in state `offered`) it keeps its turn."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset({*PERSON, "topic"})

    class State(models.TextChoices):
        WAITING = "waiting", "キャンセル待ち"
        BOOKED = "booked", "ご予約済み"
        LEFT = "left", "取り消し"
        ENDED = "ended", "終了"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    state = models.CharField("状態", max_length=8, choices=State, default=State.WAITING)
    months = models.JSONField("ご希望の月", default=list)  # first days, ISO
    queued_at = models.DateTimeField(default=clock.now)  # the turn: a passed-up offer sets it to now
    lapses = models.PositiveSmallIntegerField(default=0)  # offers that expired without an answer
    # Month (ISO) → the count `ConsultationMonth.freed` at which the entry passed on what there was.
    passed = models.JSONField(default=dict)

    on_export = Exported(
        where=_NOT_MERGED,
        follows=Follows(OVER, {"state": "waiting"}, at=lambda row: months.over_at(max(row.wanted))),
    )
    on_merge = Moves("キャンセル待ち", shown="company_name")
    on_erase = Deletes("キャンセル待ち", email="email", name=("contact_name",), shown="company_name")

    objects = TenantManager.from_queryset(WaitlistQuerySet)()  # type: ignore[misc]

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(name="consultations_waitlist_wall", company="company_id", firm_side=True, link="id"),
            models.UniqueConstraint(name="consultations_waitlist_key", fields=["firm", "id"]),
            models.UniqueConstraint(
                name="consultations_waitlist_mail",
                fields=["firm", "email"],
                condition=models.Q(state="waiting"),
            ),
            SameTenantKey(
                name="consultations_waitlist_company_key",
                to="tenancy_company",
                columns=("firm_id", "company_id"),
            ),
            SameTenantKey(
                name="consultations_waitlist_diagnosis_key",
                to="diagnosis_diagnosis",
                columns=("firm_id", "diagnosis_id"),
            ),
        ]
        indexes = [
            models.Index(
                name="consultations_queue",
                fields=["firm", "queued_at"],
                condition=models.Q(state="waiting"),
            )
        ]
        verbose_name = "キャンセル待ち"

    def __str__(self) -> str:
        return self.company_name

    def clean(self) -> None:
        """Also that months and turns are what `join` and `to_the_end` write: pages and the queue count on it."""
        super().clean()
        if not (isinstance(self.months, list) and 0 < len(self.months) <= MONTHS_AT_MOST):
            raise ValidationError("months")
        if not isinstance(self.passed, dict) or len(self.passed) > MONTHS_AT_MOST:
            raise ValidationError("passed")
        if not all(_is_month(each) for each in (*self.months, *self.passed)):
            raise ValidationError("months")
        if not all(type(count) is int for count in self.passed.values()):
            raise ValidationError("passed")

    @property
    def wanted(self) -> list[date]:
        """The months, in order."""
        return sorted(date.fromisoformat(each) for each in self.months)


class ConsultationQuerySet(TenantQuerySet["Consultation"]):
    """Booked sessions. What is counted and compared here is what stands in the database *and* has not run out: whether
    a worker has been there to write down that it did makes no difference."""

    def not_lapsed(self) -> "ConsultationQuerySet":
        """Without holds and offers whose time is over."""
        return self.exclude(state__in=WAITING, expires_at__lte=clock.now())

    def lapsed(self) -> "ConsultationQuerySet":
        """Holds and offers whose time is over, the first to end first, of a month by number."""
        return self.filter(state__in=WAITING, expires_at__lte=clock.now()).order_by("expires_at", "number")

    def standing(self, state: str) -> "ConsultationQuerySet":
        """Those in this state; what has run out is expired."""
        if state == State.EXPIRED:
            return self.filter(
                models.Q(state=state) | models.Q(state__in=WAITING, expires_at__lte=clock.now())
            )
        return self.not_lapsed().filter(state=state)

    def taking(self, month: date) -> "ConsultationQuerySet":
        """Those that take one of the month's numbered places."""
        return self.not_lapsed().filter(month=month, state__in=TAKES_PLACE, number__isnull=False)

    def given_back(self, month: date) -> "ConsultationQuerySet":
        """Those whose numbered place of the month became free again: cancelled in time, or run out."""
        run_out = models.Q(state__in=WAITING, expires_at__lte=clock.now())
        over = models.Q(state__in=(State.CANCELLED, State.EXPIRED)) | run_out
        return self.filter(over, month=month, replaces=None)

    def live(self) -> "ConsultationQuerySet":
        """Those that somebody still reckons with."""
        return self.not_lapsed().filter(state__in=LIVE)

    def busy(self) -> "ConsultationQuerySet":
        """Those that take a consultant's time."""
        return self.not_lapsed().filter(state__in=TAKES_TIME)

    def but(self, id: UUID | None) -> "ConsultationQuerySet":
        """Without this one, if there is one."""
        return self.exclude(pk=id) if id else self

    def opened_by(self, link: Link | None) -> "Consultation | None":
        """The consultation that a signed link opens; None if the link was altered, is too old, or was revoked."""
        found = self.filter(pk=link.id).first() if link else None
        return found if found is not None and link and link.is_version(found.link_version) else None

    def visible_to(self, scope: Scope) -> "ConsultationQuerySet":
        """Those that somebody of the firm with this scope may see: of no company, of one in scope, and those that they
        give themselves. To be asked in the office: the walls know nothing of who gives what."""
        if scope.sees_whole_firm:
            return self
        theirs = models.Q(company=None) | models.Q(company__in=scope.companies)
        return self.filter(theirs | models.Q(consultant=scope.membership_id or 0))

    def search(self, words: str) -> "ConsultationQuerySet":
        """Every word in the company's name, the person's, or the address."""
        found = self
        for word in words.split():
            names = models.Q(company_name__icontains=word) | models.Q(contact_name__icontains=word)
            found = found.filter(names | models.Q(email__icontains=word))
        return found

    def with_people(self) -> "ConsultationQuerySet":
        """With consultant, company and diagnosis, in one query."""
        return self.select_related("consultant__user", "company", "diagnosis", "firm")


class MonthInTokyo(models.Func):
    """The first day of the month in which a moment lies in Tokyo. A constraint must not depend on a session's zone."""

    template = "(DATE_TRUNC('month', %(expressions)s AT TIME ZONE 'Asia/Tokyo'))::date"
    output_field = models.DateField()


class BusyRange(models.Func):
    """From the start until the buffer after the session is over; the end is no part of it."""

    function = "TSTZRANGE"
    output_field = DateTimeRangeField()


class PlaceOnce(models.UniqueConstraint):
    """No place is given twice, whatever path writes. Not there while the guard of the cap is taken out."""

    def create_sql(self, model: Any, schema_editor: Any) -> Any:
        return super().create_sql(model, schema_editor) if guards.stands("month.cap") else None

    def constraint_sql(self, model: Any, schema_editor: Any) -> Any:
        return super().constraint_sql(model, schema_editor) if guards.stands("month.cap") else None


class Consultation(AskedFor):
    """A booked session, from the first hold to what became of it. States and moves: `consultations.states`."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset(
        {*PERSON, "topic", "meeting_url", "meeting_phone", "cancel_reason"}
    )

    class Origin(models.TextChoices):
        VISITOR = "visitor", "公開ページから"
        OWNER = "owner", "ご自分の画面から"
        ON_BEHALF = "on_behalf", "代理入力"
        WAITLIST = "waitlist", "キャンセル待ちから"
        API = "api", "API"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    state = models.CharField("状態", max_length=14, choices=State, default=State.HELD)
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.VISITOR)
    # The place: a number of the month; None where none is taken, and of a replacement, which stands outside the cap.
    month = models.DateField("月")
    number = models.PositiveSmallIntegerField("枠", null=True, blank=True)
    # The company that takes it, fixed when it was given: a later merge of companies changes no past month.
    taken_by = models.CharField(max_length=270)
    replaces = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_constraint=False
    )
    # The time.
    consultant = models.ForeignKey(
        Membership, on_delete=models.CASCADE, related_name="+", db_constraint=False
    )
    starts_at = models.DateTimeField("日時")
    ends_at = models.DateTimeField("終わり")
    busy_until = models.DateTimeField()  # with the buffer after it
    # Until when a hold is to be confirmed or an offer to be answered; None in every other state.
    expires_at = models.DateTimeField(null=True, blank=True)
    entry = models.ForeignKey(
        WaitlistEntry, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_constraint=False
    )
    booked_by = models.ForeignKey(
        Membership, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_constraint=False
    )
    # Where to meet, if otherwise than the consultant's usual link or telephone.
    meeting_url = models.URLField("参加リンク(この回だけ)", max_length=500, blank=True)
    meeting_phone = models.CharField("こちらの電話番号(この回だけ)", max_length=20, blank=True)
    sequence = models.PositiveIntegerField(default=0)  # of the calendar event: raised with each change
    holds_sent = models.PositiveSmallIntegerField(default=0)  # mails with the link to confirm
    confirmed_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    cancelled_by_firm = models.BooleanField(default=False)
    cancel_reason = models.CharField("理由", max_length=200, blank=True)
    summary_sent_at = models.DateTimeField(null=True, blank=True)

    # What waits for an answer does not travel: nobody here would end it.
    on_export = Exported(
        where=_NOT_MERGED & ~models.Q(state__in=WAITING),
        later=("replaces",),
        follows=Follows(REMIND, {"state": State.CONFIRMED}, at=lambda row: row.reminded_at),
    )
    on_merge = Moves("オンライン相談・壁打ち", shown="company_name")
    # When there was a session stays in the firm's numbers; with whom goes.
    on_erase = Blanks("オンライン相談・壁打ち", (*PERSON, "topic"), email="email", name=("contact_name",))

    objects = TenantManager.from_queryset(ConsultationQuerySet)()  # type: ignore[misc]

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(name="consultations_consultation_wall", company="company_id", firm_side=True, link="id"),
            models.UniqueConstraint(name="consultations_consultation_key", fields=["firm", "id"]),
            # No place is given twice …
            PlaceOnce(
                name="consultations_place_once",
                fields=["firm", "month", "number"],
                condition=models.Q(state__in=TAKES_PLACE),
            ),
            # … none of the same month to the same company …
            models.UniqueConstraint(
                name="consultations_company_once",
                fields=["firm", "month", "taken_by"],
                condition=models.Q(state__in=TAKES_PLACE, number__isnull=False),
            ),
            # … and no time of a consultant twice.
            ExclusionConstraint(
                name="consultations_time_once",
                index_type="gist",
                expressions=[
                    ("firm", RangeOperators.EQUAL),
                    ("consultant", RangeOperators.EQUAL),
                    (BusyRange("starts_at", "busy_until"), RangeOperators.OVERLAPS),
                ],
                condition=models.Q(state__in=TAKES_TIME),
            ),
            models.UniqueConstraint(
                name="consultations_replaced_once",
                fields=["firm", "replaces"],
                condition=models.Q(state__in=TAKES_PLACE),
            ),
            models.CheckConstraint(
                name="consultations_place_numbered",
                condition=models.Q(number=None, replaces__isnull=False)
                | models.Q(number=None) & ~models.Q(state__in=TAKES_PLACE)
                | models.Q(number__gte=1, replaces=None, state__in=TAKES_PLACE),
            ),
            models.CheckConstraint(
                name="consultations_month_of_start",
                condition=models.Q(month=MonthInTokyo("starts_at")),
            ),
            models.CheckConstraint(
                name="consultations_times_in_order",
                condition=models.Q(ends_at__gt=models.F("starts_at"), busy_until__gte=models.F("ends_at")),
            ),
            models.CheckConstraint(
                name="consultations_expiry_of_waiting",
                condition=models.Q(state__in=WAITING, expires_at__isnull=False)
                | ~models.Q(state__in=WAITING) & models.Q(expires_at=None),
            ),
            *(
                SameTenantKey(
                    name=f"consultations_consultation_{name}_key", to=to, columns=("firm_id", f"{name}_id")
                )
                for name, to in (
                    ("company", "tenancy_company"),
                    ("diagnosis", "diagnosis_diagnosis"),
                    ("consultant", "tenancy_membership"),
                    ("booked_by", "tenancy_membership"),
                    ("entry", "consultations_waitlistentry"),
                    ("replaces", "consultations_consultation"),
                )
            ),
        ]
        indexes = [
            models.Index(name="consultations_by_month", fields=["firm", "month", "starts_at"]),
            models.Index(name="consultations_by_company", fields=["firm", "company", "-starts_at"]),
            models.Index(name="consultations_by_mail", fields=["firm", "email", "month"]),
            models.Index(name="consultations_by_time", fields=["firm", "consultant", "starts_at"]),
        ]
        verbose_name = "オンライン相談・壁打ち"

    def __str__(self) -> str:
        return self.company_name

    def clean(self) -> None:
        """Also whose place it is: the archive names the company by the ids, and with the secret key, of where it was
        written. What is over keeps its place, and is in no other company's way."""
        super().clean()
        self.taken_by = self.company_key if self.state in LIVE else f"past:{self.pk}"

    @property
    def is_live(self) -> bool:
        """Whether somebody still reckons with it, as `live()` for many."""
        return self.state in LIVE and not self.has_lapsed

    @property
    def has_lapsed(self) -> bool:
        """Whether its time to be answered is over, written down or not."""
        ran_out = self.expires_at is not None and self.expires_at <= clock.now()
        return self.state == State.EXPIRED or ran_out

    @property
    def free_until(self) -> Any:
        """Until when a change or a cancellation is free."""
        return months.free_until(self.starts_at)

    @property
    def reminded_at(self) -> datetime | None:
        """When the reminder goes; None where that moment is over: whoever books so late has just been told."""
        moment = months.reminded_at(self.starts_at)
        return moment if moment > clock.now() else None

    @property
    def is_replacement(self) -> bool:
        return self.replaces_id is not None


class OpeningWish(FirmModel):
    """Somebody who wants to hear when a month can be booked."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset({"contact_name", "email"})

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    month = models.DateField("月")
    company_name = models.CharField("会社名", max_length=100)
    contact_name = models.CharField("お名前", max_length=60, blank=True)
    email = models.EmailField("メールアドレス")
    # False until the link in the mail was opened: nobody is put on a list by somebody else.
    wanted = models.BooleanField(default=False)
    told_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    on_export = Exported(
        # The work itself looks whether the firm opens its months later than on the first.
        follows=Follows(
            OPENING, {"wanted": True, "told_at": None}, at=lambda row: months.opens_at(row.month, 1)
        ),
    )
    on_merge = Stays("of a person, not of a company")
    on_erase = Deletes("受付開始のお知らせ", email="email", name=("contact_name",), shown="company_name")

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(name="consultations_openingwish_wall", link="id"),
            models.UniqueConstraint(name="consultations_openingwish_once", fields=["firm", "month", "email"]),
        ]
        verbose_name = "受付開始のお知らせ"

    def __str__(self) -> str:
        return self.company_name

    def clean(self) -> None:
        """As `tell_full` writes it, for a row that comes out of an archive. Raises ValidationError."""
        if self.month.day != 1:
            raise ValidationError("month")
        if any(NameField.is_link(each) for each in (self.company_name, self.contact_name)):
            raise ValidationError("company_name")
