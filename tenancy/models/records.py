"""What is kept of the work with a company: 面談記録 and files, for the firm alone or shared."""

from typing import Any, ClassVar
from uuid import uuid4

from django.db import models

from tenancy import clock
from tenancy.constraints import SameTenantKey, Wall
from tenancy.keeping import Blanks, Exported, Keeps, Moves
from tenancy.models.company import Company
from tenancy.models.people import Membership
from tenancy.permissions import PARTNER
from tenancy.templatetags.michisuji import jdate
from tenancy.walls import FirmModel, TenantManager, TenantQuerySet

SHARED, WITHIN = "お客様と共有する", "社内だけ"


class RecordQuerySet(TenantQuerySet[Any]):
    """Meetings and files: what can be shared with a company and handed to an external partner."""

    def visible_to(self, membership: Membership) -> "RecordQuerySet":
        """What the member may read of what the walls let through: an external partner only what was handed over."""
        if membership.role != PARTNER:
            return self
        mine = Handing.objects.filter(membership=membership)
        return self.filter(pk__in=mine.values(Handing.COLUMN_OF[self.model]))

    def newest_first(self) -> "RecordQuerySet":
        """By the day of the meeting, or by when the file was put here."""
        day = ("-held_on",) if self.model is Meeting else ()
        return self.order_by(*day, "-created_at", "-pk")


class Meeting(FirmModel):
    """面談記録: when, with whom, what was said, what comes next. `shared`: the company may read it."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset({"attendees", "body", "next_steps"})

    class Kind(models.TextChoices):
        VISIT = "visit", "訪問"
        ONLINE = "online", "オンライン"
        PHONE = "phone", "電話"
        MAIL = "mail", "メール"
        OTHER = "other", "その他"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    held_on = models.DateField("日付")
    kind = models.CharField("方法", max_length=8, choices=Kind, default=Kind.VISIT)
    attendees = models.CharField("お会いした方", max_length=200, blank=True)
    body = models.TextField("話したこと", max_length=8_000)
    next_steps = models.TextField("次にすること", max_length=2_000, blank=True)
    shared = models.BooleanField("お客様と共有する", default=False)
    created_by = models.ForeignKey(
        Membership, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_constraint=False
    )
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(auto_now=True)

    on_export = Exported(where=models.Q(company__merged_into=None))
    on_merge = Moves("面談記録")
    # What was said is the company's; who was there is the person's.
    on_erase = Blanks("面談記録の「お会いした方」", ("attendees",), name=("attendees",))

    objects = TenantManager.from_queryset(RecordQuerySet)()  # type: ignore[misc]

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(name="tenancy_meeting_wall", company="company_id", shared="shared"),
            models.UniqueConstraint(name="tenancy_meeting_key", fields=["firm", "company", "id"]),
            SameTenantKey(
                name="tenancy_meeting_company_key", to="tenancy_company", columns=("firm_id", "company_id")
            ),
            SameTenantKey(
                name="tenancy_meeting_created_by_key",
                to="tenancy_membership",
                columns=("firm_id", "created_by_id"),
            ),
        ]
        indexes = [
            models.Index(name="tenancy_meeting_list", fields=["firm", "company", "-held_on", "-created_at"])
        ]
        verbose_name = "面談記録"

    def __str__(self) -> str:
        return f"{jdate(self.held_on)} {self.get_kind_display()}"

    def get_shared_display(self) -> str:
        return SHARED if self.shared else WITHIN


class Attachment(FirmModel):
    """A file kept with a company. `key` is its place in the private storage; `shared`: the company may read it."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset({"name"})

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    meeting = models.ForeignKey(
        Meeting, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_constraint=False
    )
    name = models.CharField("ファイル名", max_length=200)
    content_type = models.CharField(max_length=100)
    bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    key = models.CharField(max_length=200)
    shared = models.BooleanField("お客様と共有する", default=False)
    created_by = models.ForeignKey(
        Membership, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_constraint=False
    )
    created_at = models.DateTimeField(default=clock.now)

    on_export = Exported(where=models.Q(company__merged_into=None), files="key")
    on_merge = Moves("ファイル", follows=("meeting",))
    on_erase = Keeps("what is inside a file only its readers know; found and deleted one by one")

    objects = TenantManager.from_queryset(RecordQuerySet)()  # type: ignore[misc]

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(name="tenancy_attachment_wall", company="company_id", shared="shared"),
            models.UniqueConstraint(name="tenancy_attachment_key", fields=["firm", "company", "id"]),
            SameTenantKey(
                name="tenancy_attachment_company_key", to="tenancy_company", columns=("firm_id", "company_id")
            ),
            SameTenantKey(
                name="tenancy_attachment_meeting_key",
                to="tenancy_meeting",
                columns=("firm_id", "company_id", "meeting_id"),
                target_columns=("firm_id", "company_id", "id"),
                deferrable=True,
            ),
            SameTenantKey(
                name="tenancy_attachment_created_by_key",
                to="tenancy_membership",
                columns=("firm_id", "created_by_id"),
            ),
        ]
        indexes = [models.Index(name="tenancy_attachment_list", fields=["firm", "company", "-created_at"])]
        verbose_name = "ファイル"

    def __str__(self) -> str:
        return self.name

    def get_shared_display(self) -> str:
        return SHARED if self.shared else WITHIN


class Handing(FirmModel):
    """Something handed to an external partner: all that they see of a company. Exactly one thing a row."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset()

    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    membership = models.ForeignKey(
        Membership, on_delete=models.CASCADE, related_name="+", db_constraint=False
    )
    meeting = models.ForeignKey(
        Meeting, on_delete=models.CASCADE, null=True, blank=True, related_name="handings", db_constraint=False
    )
    attachment = models.ForeignKey(
        Attachment,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="handings",
        db_constraint=False,
    )
    created_at = models.DateTimeField(default=clock.now)

    on_export = Exported(where=models.Q(company__merged_into=None))
    on_merge = Moves(
        "外部人材にお渡ししたもの", shown="membership__user", follows=("membership", "meeting", "attachment")
    )
    on_erase = Keeps("ends with its membership")

    COLUMN_OF: dict[type[models.Model], str] = {}

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(name="tenancy_handing_wall", company="company_id"),
            models.UniqueConstraint(
                name="tenancy_handing_once",
                fields=["firm", "membership", "meeting", "attachment"],
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="tenancy_handing_one_thing",
                condition=models.Q(meeting=None) ^ models.Q(attachment=None),
            ),
            SameTenantKey(
                name="tenancy_handing_company_key", to="tenancy_company", columns=("firm_id", "company_id")
            ),
            SameTenantKey(
                name="tenancy_handing_membership_key",
                to="tenancy_membership",
                columns=("firm_id", "company_id", "membership_id"),
                target_columns=("firm_id", "company_id", "id"),
                deferrable=True,
            ),
            SameTenantKey(
                name="tenancy_handing_meeting_key",
                to="tenancy_meeting",
                columns=("firm_id", "company_id", "meeting_id"),
                target_columns=("firm_id", "company_id", "id"),
                deferrable=True,
            ),
            SameTenantKey(
                name="tenancy_handing_attachment_key",
                to="tenancy_attachment",
                columns=("firm_id", "company_id", "attachment_id"),
                target_columns=("firm_id", "company_id", "id"),
                deferrable=True,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.membership_id} {self.meeting_id or self.attachment_id}"


Handing.COLUMN_OF = {Meeting: "meeting", Attachment: "attachment"}
