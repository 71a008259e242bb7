"""Keys to the API, and what it was asked before."""

from typing import ClassVar

from django.db import models

from tenancy import clock
from tenancy.constraints import SameTenantKey
from tenancy.keeping import Keeps, NotExported, Stays
from tenancy.models.people import Membership
from tenancy.walls import FirmModel


class ApiToken(FirmModel):
    """A key to the API with the role of one membership. Only its hash is stored."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset()

    membership = models.ForeignKey(
        Membership, on_delete=models.CASCADE, related_name="+", db_constraint=False
    )
    name = models.CharField("名前", max_length=60, blank=True)
    hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=clock.now)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    on_export = NotExported("a key; what opens doors is made anew")
    on_merge = Stays("of the firm, not of a company")
    on_erase = Keeps("ends with its membership")

    class Meta(FirmModel.Meta):
        constraints = [
            *FirmModel.Meta.constraints,
            SameTenantKey(
                name="tenancy_apitoken_membership_key",
                to="tenancy_membership",
                columns=("firm_id", "membership_id"),
            ),
            models.UniqueConstraint(name="tenancy_apitoken_hash", fields=["firm", "hash"]),
        ]

    def __str__(self) -> str:
        return self.name


class IdempotencyKey(FirmModel):
    """What a POST to the API was answered, kept for who sends the same again; see `tenancy.api.idempotency`."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset({"answer"})

    hash = models.CharField(max_length=64)  # of firm, who, route and key
    body = models.CharField(max_length=64)  # the hash of what was sent
    status = models.PositiveSmallIntegerField()
    answer = models.TextField()
    expires_at = models.DateTimeField()

    on_export = NotExported("answers of the API, repeated for a day")
    on_merge = Stays("of the firm, not of a company")
    on_erase = Keeps("forgotten after a day")

    class Meta(FirmModel.Meta):
        constraints = [
            *FirmModel.Meta.constraints,
            models.UniqueConstraint(name="tenancy_idempotencykey_hash", fields=["firm", "hash"]),
        ]
        indexes = [models.Index(name="tenancy_idempotencykey_end", fields=["firm", "expires_at"])]

    def __str__(self) -> str:
        return self.hash[:8]
