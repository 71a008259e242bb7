"""What comes of a session: notes, agreed next actions; and what a consultant has to see to."""

from typing import ClassVar
from uuid import uuid4

from django.db import models

from consultations.models.booking import Consultation, WaitlistEntry
from consultations.states import State
from tenancy import clock
from tenancy.constraints import SameTenantKey, Wall
from tenancy.keeping import Exported, Keeps, Moves, Stays
from tenancy.models import Company, Membership
from tenancy.walls import FirmModel, TenantManager, TenantQuerySet

_NOT_MERGED = models.Q(company=None) | models.Q(company__merged_into=None)


def _keys(model: str, **columns: str) -> list[SameTenantKey]:
    """The composite keys of a table: column → the table it points to."""
    return [
        SameTenantKey(name=f"consultations_{model}_{name}_key", to=to, columns=("firm_id", f"{name}_id"))
        for name, to in columns.items()
    ]


class SessionNote(FirmModel):
    """What a consultant writes about a session: one note for the firm alone, and one summary that the company reads.
    `opened_by` is the consultation's id on a summary that was sent, so that its link opens this row and no other."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset({"text"})

    consultation = models.ForeignKey(
        Consultation, on_delete=models.CASCADE, related_name="notes", db_constraint=False
    )
    company = models.ForeignKey(
        Company, on_delete=models.CASCADE, null=True, blank=True, related_name="+", db_constraint=False
    )
    is_summary = models.BooleanField(default=False)
    shared = models.BooleanField(default=False)
    opened_by = models.UUIDField(null=True, blank=True)
    text = models.TextField(max_length=8_000, blank=True)
    author = models.ForeignKey(
        Membership, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_constraint=False
    )
    updated_at = models.DateTimeField(default=clock.now)

    on_export = Exported(where=_NOT_MERGED, ids=("opened_by",))
    on_merge = Moves("相談の記録", follows=("consultation",))
    on_erase = Keeps("the firm's own words about a company")

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(
                name="consultations_sessionnote_wall",
                company="company_id",
                shared="shared",
                firm_side=True,
                link="opened_by",
            ),
            models.UniqueConstraint(
                name="consultations_sessionnote_once", fields=["firm", "consultation", "is_summary"]
            ),
            models.CheckConstraint(
                name="consultations_sessionnote_private",
                condition=models.Q(is_summary=True) | models.Q(shared=False, opened_by=None),
            ),
            models.CheckConstraint(
                name="consultations_sessionnote_sent",
                condition=models.Q(shared=False, opened_by=None)
                | models.Q(shared=True, opened_by=models.F("consultation")),
            ),
            *_keys(
                "sessionnote",
                consultation="consultations_consultation",
                company="tenancy_company",
                author="tenancy_membership",
            ),
        ]
        verbose_name = "相談の記録"

    def __str__(self) -> str:
        return "まとめ" if self.is_summary else "社内メモ"


class NextActionQuerySet(TenantQuerySet["NextAction"]):
    """What was agreed."""

    def open(self) -> "NextActionQuerySet":
        """What is still to be done, the soonest first."""
        return self.filter(done_at=None).order_by(models.F("due_on").asc(nulls_last=True), "created_at", "pk")

    def done(self) -> "NextActionQuerySet":
        """What is done, the newest first."""
        return self.filter(done_at__isnull=False).order_by("-done_at", "-created_at", "pk")


class NextAction(FirmModel):
    """Something agreed in a session: what, who does it, until when. The company sees it."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset({"text", "who"})

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    consultation = models.ForeignKey(
        Consultation, on_delete=models.CASCADE, related_name="next_actions", db_constraint=False
    )
    company = models.ForeignKey(
        Company, on_delete=models.CASCADE, null=True, blank=True, related_name="+", db_constraint=False
    )
    opened_by = models.UUIDField(null=True, blank=True)
    text = models.CharField("すること", max_length=200)
    who = models.CharField("担当", max_length=60)
    due_on = models.DateField("期限", null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    on_export = Exported(where=_NOT_MERGED, ids=("opened_by",))
    on_merge = Moves("次の一歩", shown="text", follows=("consultation",))
    on_erase = Keeps("what a company and the firm have agreed")

    objects = TenantManager.from_queryset(NextActionQuerySet)()  # type: ignore[misc]

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(
                name="consultations_nextaction_wall",
                company="company_id",
                firm_side=True,
                link="opened_by",
            ),
            models.CheckConstraint(
                name="consultations_nextaction_sent",
                condition=models.Q(opened_by=None) | models.Q(opened_by=models.F("consultation")),
            ),
            *_keys("nextaction", consultation="consultations_consultation", company="tenancy_company"),
        ]
        indexes = [models.Index(name="consultations_action_of", fields=["firm", "company", "due_on"])]
        verbose_name = "次の一歩"

    def __str__(self) -> str:
        return self.text


class TaskQuerySet(TenantQuerySet["Task"]):
    """What waits for somebody of the firm."""

    def open(self) -> "TaskQuerySet":
        """Not done, the oldest first; without what time has settled: sessions that are not to come any more, people who
        do not wait any more, months that are over."""
        coming = models.Q(consultation__state=State.CONFIRMED, consultation__starts_at__gt=clock.now())
        waits = models.Q(entry__state=WaitlistEntry.State.WAITING, month__gte=clock.today().replace(day=1))
        to_do = models.Q(kind=Task.Kind.SAY_WHERE) & coming | models.Q(kind=Task.Kind.CALL) & waits
        return (
            self.filter(to_do, done_at=None)
            .select_related("consultation", "entry", "member__user")
            .order_by("created_at", "pk")
        )


class Task(FirmModel):
    """Something that the product cannot do by itself, for a consultant to see to."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset()

    class Kind(models.TextChoices):
        SAY_WHERE = "say_where", "参加方法をお知らせください"
        CALL = "call", "個別にご連絡ください"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    kind = models.CharField(max_length=12, choices=Kind)
    key = models.CharField(max_length=120)  # the same thing is asked once
    consultation = models.ForeignKey(
        Consultation, on_delete=models.CASCADE, null=True, blank=True, related_name="+", db_constraint=False
    )
    entry = models.ForeignKey(
        "consultations.WaitlistEntry",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
    )
    month = models.DateField(null=True, blank=True)
    member = models.ForeignKey(
        Membership, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_constraint=False
    )
    created_at = models.DateTimeField(default=clock.now)
    done_at = models.DateTimeField(null=True, blank=True)
    done_by = models.ForeignKey(
        Membership, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_constraint=False
    )

    on_export = Exported(needs=("consultation", "entry"), ids=("key",))
    on_merge = Stays("hangs on its consultation, wherever that is")
    on_erase = Keeps("no words of anybody")

    objects = TenantManager.from_queryset(TaskQuerySet)()  # type: ignore[misc]

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(name="consultations_task_wall", firm_side=True),
            models.UniqueConstraint(name="consultations_task_once", fields=["firm", "key"]),
            *_keys(
                "task",
                consultation="consultations_consultation",
                entry="consultations_waitlistentry",
                member="tenancy_membership",
                done_by="tenancy_membership",
            ),
        ]
        indexes = [
            models.Index(
                name="consultations_task_open",
                fields=["firm", "created_at"],
                condition=models.Q(done_at=None),
            )
        ]
        verbose_name = "ご対応いただきたいこと"

    def __str__(self) -> str:
        return str(self.get_kind_display())
