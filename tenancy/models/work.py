"""What is due, and what was counted; both outside row security."""

from django.db import models

from tenancy.models.firm import Firm


class Due(models.Model):
    """Something to be done at or after `due_at`. Outside row security, without personal data; see `tenancy.due`."""

    kind = models.CharField(max_length=40)
    firm = models.ForeignKey(Firm, on_delete=models.CASCADE, related_name="+")
    object_id = models.UUIDField()
    queue = models.CharField(max_length=20)
    due_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(name="tenancy_due_once", fields=["kind", "object_id"])]
        indexes = [models.Index(name="tenancy_due_at", fields=["due_at"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}"


class RateLimit(models.Model):
    """A counter of one window; see `tenancy.limits`."""

    key = models.CharField(max_length=100, primary_key=True)
    starts = models.BigIntegerField(db_index=True)
    count = models.PositiveIntegerField()

    def __str__(self) -> str:
        return self.key
