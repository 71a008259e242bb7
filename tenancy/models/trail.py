"""Who did what, and the keys to the personal values in it."""

from functools import reduce
from operator import or_
from typing import ClassVar
from uuid import uuid4

from django.db import models

from tenancy import clock
from tenancy.constraints import AppendOnly, Wall
from tenancy.keeping import Exported, Keeps, Stays
from tenancy.walls import FirmModel, TenantManager, TenantQuerySet

KEPT_YEARS = 7


class TrailQuerySet(TenantQuerySet["Trail"]):
    """The acts that the scope sees; nothing here changes one."""

    def newest_first(self) -> "TrailQuerySet":
        """One order for pages and downloads; acts of the same moment by their id."""
        return self.order_by("-at", "-pk")

    def of(self, *rows: models.Model) -> "TrailQuerySet":
        """What was done to these things."""
        ids: dict[str, list[str]] = {}
        for row in rows:
            ids.setdefault(row._meta.label_lower, []).append(str(row.pk))
        asked = [models.Q(subject=subject, subject_id__in=found) for subject, found in ids.items()]
        return self.filter(reduce(or_, asked)) if asked else self.none()


class Trail(FirmModel):
    """The audit trail: one row per act. Append-only.

    `changes`: field → [before, after] of an update, [before, null] of a deletion; personal values are encrypted with
    the key of their person (`tenancy.trail`), so that they can be forgotten while the row stays. `details`: ids, states
    and counts; `details["rows"]`: other rows that the act wrote, by model.
    """

    PERSONAL: ClassVar[frozenset[str]] = frozenset()

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    company_id = models.BigIntegerField(null=True)
    at = models.DateTimeField(default=clock.now)
    user_id = models.BigIntegerField(null=True)
    role = models.CharField(max_length=12, blank=True)
    act = models.CharField(max_length=60)
    subject = models.CharField(max_length=60)
    subject_id = models.CharField(max_length=40)
    changes = models.JSONField(default=dict)
    details = models.JSONField(default=dict)
    request_id = models.CharField(max_length=40, blank=True)

    on_export = Exported(ids=("subject_id", "details", "changes"))
    on_merge = Stays("what happened stays where it happened; append-only")
    on_erase = Keeps("personal values are encrypted: their key is destroyed and the row stays")

    objects = TenantManager.from_queryset(TrailQuerySet)()  # type: ignore[misc]

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(name="tenancy_trail_wall", company="company_id", visitors_add=True),
            AppendOnly(name="tenancy_trail_append_only", years=KEPT_YEARS),
        ]
        indexes = [
            models.Index(name="tenancy_trail_at", fields=["firm", "-at"]),
            models.Index(name="tenancy_trail_subject", fields=["firm", "subject", "subject_id"]),
            models.Index(name="tenancy_trail_company", fields=["firm", "company_id", "-at"]),
            models.Index(name="tenancy_trail_user", fields=["firm", "user_id", "-at"]),
            models.Index(name="tenancy_trail_act", fields=["firm", "act", "-at"]),
        ]

    def __str__(self) -> str:
        return f"{self.act} {self.subject} {self.subject_id}"


class PersonKey(FirmModel):
    """The key to one person's values in the trail. Deleting the row forgets them for good; `person` is
    e.g. 'user:12' or 'company:5' (whoever represents it)."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset()

    company_id = models.BigIntegerField(null=True)
    person = models.CharField(max_length=100)
    key = models.BinaryField()
    created_at = models.DateTimeField(default=clock.now)

    # To read the archive with; an import brings in none (reports.archive.seals).
    on_export = Exported(ids=("person",))
    on_merge = Stays("with the trail's rows that it opens")
    on_erase = Keeps("tenancy.erasing destroys it by its person")

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(name="tenancy_personkey_wall", company="company_id", firm_side=True),
            models.UniqueConstraint(name="tenancy_personkey_once", fields=["firm", "person"]),
        ]

    def __str__(self) -> str:
        return self.person
