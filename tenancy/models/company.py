"""Client companies and their sites."""

import re
from datetime import date
from typing import Any, ClassVar
from uuid import uuid4

from django.db import models
from django.db.models.functions import Length

from tenancy import clock
from tenancy.constraints import SameTenantKey, Wall
from tenancy.corporate_number import validate_corporate_number
from tenancy.kana import hira2kata, search_form
from tenancy.keeping import Blanks, Exported, Keeps, Moves, NotExported, Stays, Twin
from tenancy.models.people import Membership
from tenancy.walls import FirmModel, TenantManager, TenantQuerySet


class CompanyQuerySet(TenantQuerySet["Company"]):
    """The companies that the scope sees: what lists, searches and proposals ask."""

    def as_rows(self) -> "CompanyQuerySet":
        """For lists: what a row shows. Who is in charge stands in it by id only: the list knows the names already."""
        shown = ("name", "kana", "industry", "support_status", "location", "last_contact_on", "archived_at")
        return self.only(*shown, "consultant", "created_at", "updated_at")

    def listed(self) -> "CompanyQuerySet":
        """Without those that became part of another one."""
        return self.filter(merged_into=None)

    def in_use(self) -> "CompanyQuerySet":
        """What lists and choices offer: neither archived nor part of another one."""
        return self.listed().filter(archived_at=None)

    def industries_and_consultants(self) -> tuple[list[str], set[int]]:
        """The 業種 that occur among the companies in scope, in order, and the memberships in charge of one. One query
        over one firm's rows for both: the list asks it for each page."""
        found = set(self.listed().order_by().values_list("industry", "consultant_id").distinct())
        return sorted({industry for industry, _ in found if industry}), {who for _, who in found if who}

    def search(self, words: str) -> "CompanyQuerySet":
        """Every word in name, kana or location; width, case and kana type folded. A scan of one firm's rows."""
        found = self
        for word in search_form(words).split():
            found = found.filter(search_text__contains=word)
        return found

    def perhaps_the_same(self, *, name: str, corporate_number: str | None = None) -> "CompanyQuerySet":
        """Companies that may be the one called `name`: same number, same bare name, or from three letters one bare name
        within the other, or `name` within what is read there (フリガナ)."""
        bare = bare_name(name)
        same = models.Q(bare_name=bare)
        if len(bare) >= 3:
            same |= models.Q(bare_name__contains=bare) | models.Q(kana__icontains=hira2kata(bare))
            same |= models.Q(given__contains=models.F("bare_name"), bare_name__length__gte=3)
        if corporate_number:
            same |= models.Q(corporate_number=corporate_number)
        given = models.Value(bare, output_field=models.CharField())
        return self.listed().alias(given=given).filter(same).order_by("kana", "name", "pk")


models.CharField.register_lookup(Length)

_IN_BRACKETS = re.compile(r"\([^()]*\)")

_LEGAL_FORMS = (
    "株式会社",
    "有限会社",
    "合同会社",
    "合資会社",
    "合名会社",
    "一般社団法人",
    "医療法人",
    "(株)",
    "(有)",
    "(同)",
    "㈱",
    "㈲",
)


BARE_AT_MOST = 100


def bare_name(name: str) -> str:
    """The name without legal form, spaces and what stands in brackets, folded.

    「株式会社 トキワ蔵」, 「ﾄｷﾜ蔵(株)」 and 「ときわ蔵(里山みそ本舗)」 are all 「ときわ蔵」.
    """
    folded = search_form(name)
    for form in _LEGAL_FORMS:
        folded = folded.replace(search_form(form), "")
    folded = folded.replace(" ", "")
    return (_IN_BRACKETS.sub("", folded) or folded)[:BARE_AT_MOST]  # 「㌫」 folds to five letters


CompanyManager = TenantManager.from_queryset(CompanyQuerySet)


class Company(FirmModel):
    """A client company (支援先企業), also one that so far only took the diagnosis."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset({"representative"})

    class Support(models.TextChoices):
        LEAD = "lead", "見込み"
        CLIENT = "client", "支援中"
        FORMER = "former", "終了"

    name = models.CharField("会社名", max_length=100)
    kana = models.CharField("フリガナ", max_length=100, blank=True)
    corporate_number = models.CharField(  # noqa: DJ001  (NULL, because '' would be unique only once)
        "法人番号", max_length=13, null=True, blank=True, validators=[validate_corporate_number]
    )
    industry = models.CharField("業種", max_length=60, blank=True)
    employees = models.PositiveIntegerField("従業員数", null=True, blank=True)
    location = models.CharField("所在地", max_length=120, blank=True)
    representative = models.CharField("代表者", max_length=60, blank=True)
    support_status = models.CharField("支援状況", max_length=8, choices=Support, default=Support.LEAD)
    consultant = models.ForeignKey(
        Membership,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        verbose_name="担当",
    )
    last_contact_on = models.DateField("最後の面談", null=True, blank=True, editable=False)
    archived_at = models.DateTimeField("保管した日", null=True, blank=True, editable=False)
    merged_into = models.ForeignKey(
        "self",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        editable=False,
    )
    search_text = models.TextField(editable=False, default="")
    bare_name = models.CharField(max_length=BARE_AT_MOST, editable=False, default="")
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(auto_now=True)

    # What is left of a merged company is in the kept one.
    on_export = Exported(where=models.Q(merged_into=None), later=("consultant", "merged_into"))
    on_merge = Stays("it is what is merged; tenancy.merging fills the kept one's empty fields")
    on_erase = Blanks("企業の代表者", ("representative",), name=("representative",), shown="name")

    objects = CompanyManager()  # type: ignore[misc]

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(name="tenancy_company_wall", company="id"),
            models.UniqueConstraint(name="tenancy_company_key", fields=["firm", "id"]),
            models.UniqueConstraint(
                name="tenancy_company_corporate_number", fields=["firm", "corporate_number"]
            ),
            SameTenantKey(
                name="tenancy_company_consultant_key",
                to="tenancy_membership",
                columns=("firm_id", "consultant_id"),
            ),
            SameTenantKey(
                name="tenancy_company_merged_into_key",
                to="tenancy_company",
                columns=("firm_id", "merged_into_id"),
            ),
        ]
        indexes = [
            # One for each order of the list. None for 支援状況: of three values each is met soon enough in the first.
            models.Index(name="tenancy_company_list", fields=["firm", "kana", "name", "id"]),
            models.Index(name="tenancy_company_updated", fields=["firm", "updated_at", "id"]),
            models.Index(name="tenancy_company_created", fields=["firm", "created_at", "id"]),
            models.Index(
                "firm",
                models.F("last_contact_on").desc(nulls_last=True),
                "kana",
                "id",
                name="tenancy_company_contact_last",
            ),
            models.Index(name="tenancy_company_contact", fields=["firm", "last_contact_on", "kana", "id"]),
            models.Index(name="tenancy_company_industry", fields=["firm", "industry", "kana", "name", "id"]),
            models.Index(name="tenancy_company_of_consultant", fields=["firm", "consultant"]),
            models.Index(name="tenancy_company_bare", fields=["firm", "bare_name"]),
        ]
        verbose_name = "支援先企業"

    def __str__(self) -> str:
        return self.name

    def get_employees_display(self) -> str:
        return "" if self.employees is None else f"{self.employees:,}名"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """As FirmModel's; keeps the folded texts for searching."""
        self.corporate_number = self.corporate_number or None
        self.search_text = search_form(f"{self.name} {self.kana} {self.location}")
        self.bare_name = bare_name(self.name)
        if (fields := kwargs.get("update_fields")) is not None:
            kwargs["update_fields"] = {*fields, "search_text", "bare_name", "updated_at"}
        super().save(*args, **kwargs)


class Site(FirmModel):
    """A shop, school, area or product line of a company: the unit a pattern is rolled out to."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset()

    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="sites", db_constraint=False)
    name = models.CharField("事業・拠点", max_length=60)
    position = models.PositiveSmallIntegerField(default=0)

    on_export = Exported()
    on_merge = Moves("事業・拠点", twin=Twin(("name",)))
    on_erase = Keeps("places and products, no people")

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(name="tenancy_site_wall", company="company_id"),
            SameTenantKey(
                name="tenancy_site_company_key", to="tenancy_company", columns=("firm_id", "company_id")
            ),
            models.UniqueConstraint(name="tenancy_site_name", fields=["firm", "company", "name"]),
        ]
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.name


class CompanyMerge(FirmModel):
    """Two companies that were the same: `gone` became part of `kept`. `moved`: for each model the rows' ids, and what a
    row held before and after where more than its company changed, so that it can be taken back until `undo_until`."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset({"moved"})

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    kept = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    gone = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    moved = models.JSONField(default=dict)
    merged_by = models.ForeignKey(
        Membership, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_constraint=False
    )
    merged_at = models.DateTimeField(default=clock.now)
    undo_until = models.DateTimeField()
    undone_at = models.DateTimeField(null=True, blank=True)

    on_export = NotExported("a merge can be taken back only where it was made; its result is exported")
    on_merge = Stays("the history of the companies that were merged")
    on_erase = Keeps("ids; what `moved` holds of a person's row goes with it (tenancy.merging.forget)")

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(name="tenancy_companymerge_wall", company="kept_id", firm_side=True),
            SameTenantKey(
                name="tenancy_companymerge_kept_key", to="tenancy_company", columns=("firm_id", "kept_id")
            ),
            SameTenantKey(
                name="tenancy_companymerge_gone_key", to="tenancy_company", columns=("firm_id", "gone_id")
            ),
            SameTenantKey(
                name="tenancy_companymerge_merged_by_key",
                to="tenancy_membership",
                columns=("firm_id", "merged_by_id"),
            ),
        ]
        indexes = [models.Index(name="tenancy_companymerge_list", fields=["firm", "kept", "-merged_at"])]

    def __str__(self) -> str:
        return f"{self.gone_id} → {self.kept_id}"

    @property
    def undo_day(self) -> date:
        """The last day in Tokyo on which it can be taken back."""
        return clock.last_day_before(self.undo_until)
