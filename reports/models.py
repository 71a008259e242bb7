"""What a person waits for: a visible job, and the document it makes."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import uuid4

from django.db import models

from tenancy import clock
from tenancy.constraints import SameTenantKey, Wall
from tenancy.keeping import Deletes, Exported, Moves
from tenancy.models import Company, Membership
from tenancy.walls import FirmModel


class Job(FirmModel):
    """A document being made, or made: one for each name, subject and version.

    Only `reports.states.move` assigns `state`. `progress` runs from 0 to 1. `file` is a key in the default storage.
    """

    PERSONAL: ClassVar[frozenset[str]] = frozenset()

    class State(models.TextChoices):
        QUEUED = "queued", "順番待ち"
        RUNNING = "running", "作成中"
        DONE = "done", "完了"
        FAILED = "failed", "作成できませんでした"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    name = models.CharField(max_length=40)
    title = models.CharField(max_length=100)
    subject = models.UUIDField()
    version = models.CharField(max_length=40)
    company = models.ForeignKey(
        Company, on_delete=models.CASCADE, null=True, blank=True, related_name="+", db_constraint=False
    )
    link = models.UUIDField(null=True, blank=True)
    created_by = models.ForeignKey(
        Membership, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_constraint=False
    )
    state = models.CharField(max_length=8, choices=State, default=State.QUEUED)
    progress = models.FloatField(default=0.0)
    message = models.CharField(max_length=100, default="順番を待っています")
    attempts = models.PositiveIntegerField(default=0)
    file = models.CharField(max_length=200, blank=True)
    # The file of an attempt under way: the next attempt deletes what a killed one left behind.
    draft = models.CharField(max_length=200, blank=True)
    filename = models.CharField(max_length=200, blank=True)
    bytes = models.PositiveBigIntegerField(null=True, blank=True)
    # The error's type, for the operator; people read `message`.
    error = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    # Until when it is kept, where it is not kept for good.
    keeps_until = models.DateTimeField(null=True, blank=True)

    on_export = Exported(
        # Without a draft: it is a key of the storage, whose content the next attempt deletes.
        where=models.Q(state="done", keeps_until=None, draft="")
        & (models.Q(company=None) | models.Q(company__merged_into=None)),
        files="file",
        ids=("subject", "link"),
    )
    on_merge = Moves("レポート", shown="title", follows=("subject",))
    on_erase = Deletes("レポート", made_of="subject")  # its app makes it anew, without the person

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(name="reports_job_wall", company="company_id", link="link"),
            models.UniqueConstraint(name="reports_job_once", fields=["firm", "name", "subject", "version"]),
            models.UniqueConstraint(name="reports_job_key", fields=["firm", "id"]),
            models.CheckConstraint(
                name="reports_job_progress", condition=models.Q(progress__gte=0.0, progress__lte=1.0)
            ),
            models.CheckConstraint(
                name="reports_job_file", condition=models.Q(state="done") ^ models.Q(file="")
            ),
            SameTenantKey(
                name="reports_job_company_key", to="tenancy_company", columns=("firm_id", "company_id")
            ),
            SameTenantKey(
                name="reports_job_created_by_key",
                to="tenancy_membership",
                columns=("firm_id", "created_by_id"),
            ),
        ]
        indexes = [
            models.Index(name="reports_job_list", fields=["firm", "-created_at", "-id"]),
            models.Index(name="reports_job_of_company", fields=["firm", "company", "-created_at"]),
        ]
        verbose_name = "レポート"

    def __str__(self) -> str:
        return f"{self.name} {self.version} {self.state}"

    @property
    def is_done(self) -> bool:
        return self.state == self.State.DONE

    @property
    def is_failed(self) -> bool:
        return self.state == self.State.FAILED

    @property
    def is_underway(self) -> bool:
        """Queued or running: worth asking again in a moment."""
        return self.state in (self.State.QUEUED, self.State.RUNNING)

    @property
    def percent(self) -> int:
        return round(self.progress * 100)


@dataclass(frozen=True)
class Bar:
    """What the component progress_bar needs of a job: `progress` in percent."""

    state: str
    progress: int
    message: str

    @classmethod
    def of(cls, job: Job) -> "Bar":
        return cls(job.state, job.percent, job.message)
