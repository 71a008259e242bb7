"""Firms, companies, sites, people, roles; what is due; who did what."""

import re
from typing import Any, ClassVar
from uuid import uuid4

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Length, Lower

from tenancy import clock
from tenancy.constraints import AppendOnly, SameTenantKey, Wall
from tenancy.corporate_number import validate_corporate_number
from tenancy.kana import hira2kata, search_form
from tenancy.permissions import FIRM_ROLES
from tenancy.scope import ALL, Scope
from tenancy.walls import FirmModel, TenantManager, TenantQuerySet

RESERVED_SLUGS = frozenset(
    {
        "accounts",
        "admin",
        "api",
        "static",
        "media",
        "healthz",
        "readyz",
        "embed",
        "about",
        "entrance",
        "theme",
    }
)


class Firm(models.Model):
    """The tenant, a consulting firm. Only what every address shows; the rest is in FirmProfile, behind the walls."""

    class State(models.TextChoices):
        ACTIVE = "active", "利用中"
        CLOSED = "closed", "終了"

    slug = models.SlugField("URLの名前", max_length=40, unique=True)
    name = models.CharField("名称", max_length=100)
    state = models.CharField(max_length=10, choices=State, default=State.ACTIVE)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="tenancy_firm_slug_free", condition=~models.Q(slug__in=sorted(RESERVED_SLUGS))
            )
        ]

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, name: str = "") -> "User":
        """A person who can sign in once there is a membership. The e-mail is stored in lower case."""
        user = self.model(email=email.lower(), name=name)
        user.set_password(password)
        user.save()
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser):
    """A person. What the person may do stands in memberships only; there are no superusers."""

    email = models.EmailField("メールアドレス", unique=True)
    name = models.CharField("お名前", max_length=60, blank=True)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=clock.now)

    objects: ClassVar[UserManager] = UserManager()
    USERNAME_FIELD = "email"

    class Meta:
        constraints = [
            models.CheckConstraint(name="tenancy_user_email_lower", condition=models.Q(email=Lower("email")))
        ]

    def __str__(self) -> str:
        return self.name or self.email


class MembershipQuerySet(TenantQuerySet["Membership"]):
    def active(self) -> "MembershipQuerySet":
        return self.filter(state=Membership.State.ACTIVE, firm__state=Firm.State.ACTIVE)

    def consulting(self) -> "MembershipQuerySet":
        """Those who work for the firm, with their user, by name."""
        return self.active().filter(role__in=FIRM_ROLES).select_related("user").order_by("user__name", "pk")


MembershipManager = TenantManager.from_queryset(MembershipQuerySet)


class Membership(FirmModel):
    """A person's place in a firm. Company roles name the company; firm roles do not."""

    class Role(models.TextChoices):
        ADMIN = "admin", "管理者"
        CONSULTANT = "consultant", "コンサルタント"
        OWNER = "owner", "経営者"
        STAFF = "staff", "社員"
        PARTNER = "partner", "外部人材"

    class State(models.TextChoices):
        ACTIVE = "active", "有効"
        ENDED = "ended", "終了"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    role = models.CharField(max_length=12, choices=Role)
    company = models.ForeignKey(
        "tenancy.Company",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
    )
    title = models.CharField("肩書き", max_length=60, blank=True)
    state = models.CharField(max_length=8, choices=State, default=State.ACTIVE)
    created_at = models.DateTimeField(default=clock.now)

    objects = MembershipManager()  # type: ignore[misc]

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(name="tenancy_membership_wall", own="user_id"),
            models.UniqueConstraint(
                name="tenancy_membership_once", fields=["firm", "user", "company"], nulls_distinct=False
            ),
            models.UniqueConstraint(name="tenancy_membership_key", fields=["firm", "id"]),
            models.CheckConstraint(
                name="tenancy_membership_company_of_role",
                condition=models.Q(role__in=sorted(FIRM_ROLES), company=None)
                | (~models.Q(role__in=sorted(FIRM_ROLES)) & models.Q(company__isnull=False)),
            ),
            SameTenantKey(
                name="tenancy_membership_company_key", to="tenancy_company", columns=("firm_id", "company_id")
            ),
        ]
        indexes = [models.Index(name="tenancy_membership_user", fields=["user"])]

    def __str__(self) -> str:
        return f"{self.user_id}@{self.firm_id} {self.role}"

    def scope(self) -> Scope:
        """What this member may see: the firm's roles everything of the firm, the others their company."""
        companies: Any = ALL if self.role in FIRM_ROLES else frozenset({self.company_id})
        return Scope(firm_id=self.firm_id, user_id=self.user_id, companies=companies, membership_id=self.pk)


class FirmProfile(FirmModel):
    """What a firm says about itself to everybody."""

    legal_name = models.CharField("会社名", max_length=100)
    representative = models.CharField("代表", max_length=60, blank=True)
    location = models.CharField("所在地", max_length=120, blank=True)
    phone = models.CharField(
        "電話番号",
        max_length=20,
        blank=True,
        validators=[RegexValidator(r"^[0-9+\-() ]*$", "数字とハイフンで入力してください。")],
    )
    hours = models.CharField("受付時間", max_length=60, blank=True)
    email = models.EmailField("メールアドレス")
    headline = models.TextField("見出し", max_length=120, blank=True)
    conviction = models.TextField("考え方", max_length=1200, blank=True)

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(name="tenancy_firmprofile_wall", public_read=True),
            models.UniqueConstraint(name="tenancy_firmprofile_once", fields=["firm"]),
        ]

    def __str__(self) -> str:
        return self.legal_name

    @property
    def phone_href(self) -> str:
        """The number as a `tel:` address, or ''."""
        number = "".join(each for each in self.phone if each.isdigit() or each == "+")
        return f"tel:{number}" if number else ""


class PublicPerson(FirmModel):
    """Somebody a visitor may talk to, as the firm presents them, with their interests disclosed."""

    name = models.CharField("お名前", max_length=60)
    title = models.CharField("肩書き", max_length=60, blank=True)
    qualification = models.CharField("資格", max_length=120, blank=True)
    fields_of_work = models.CharField("得意分野", max_length=200, blank=True)
    interests = models.CharField("利害関係", max_length=300, blank=True)
    position = models.PositiveSmallIntegerField("並び順", default=0)

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(name="tenancy_publicperson_wall", public_read=True),
            models.UniqueConstraint(name="tenancy_publicperson_once", fields=["firm", "name"]),
        ]
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.name

    @property
    def family_name(self) -> str:
        return self.name.replace("\u3000", " ").split(" ")[0]


class PrivacyNotice(FirmModel):
    """A version of the firm's 個人情報の取扱い. A version never changes; a change is a new version."""

    version = models.PositiveIntegerField()
    summary = models.TextField("要約", max_length=400)
    text = models.TextField("本文", max_length=20_000)
    published_at = models.DateTimeField(default=clock.now)

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(name="tenancy_privacynotice_wall", public_read=True),
            models.UniqueConstraint(name="tenancy_privacynotice_version", fields=["firm", "version"]),
        ]
        ordering = ["-version"]

    def __str__(self) -> str:
        return f"第{self.version}版"


class CompanyQuerySet(TenantQuerySet["Company"]):
    def as_rows(self) -> "CompanyQuerySet":
        """For lists: what a row shows, with `consultant_name`, None where nobody is in charge. One query."""
        shown = ("name", "kana", "support_status", "location", "created_at", "updated_at")
        return self.only(*shown).annotate(consultant_name=models.F("consultant__user__name"))

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
        return self.alias(given=given).filter(same).order_by("kana", "name", "pk")


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
    search_text = models.TextField(editable=False, default="")
    bare_name = models.CharField(max_length=BARE_AT_MOST, editable=False, default="")
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(auto_now=True)

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
        ]
        indexes = [
            models.Index(name="tenancy_company_list", fields=["firm", "kana", "id"]),
            models.Index(name="tenancy_company_bare", fields=["firm", "bare_name"]),
        ]
        verbose_name = "支援先企業"

    def __str__(self) -> str:
        return self.name

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

    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="sites", db_constraint=False)
    name = models.CharField("事業・拠点", max_length=60)
    position = models.PositiveSmallIntegerField(default=0)

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


class ApiToken(FirmModel):
    """A key to the API with the role of one membership. Only its hash is stored."""

    membership = models.ForeignKey(
        Membership, on_delete=models.CASCADE, related_name="+", db_constraint=False
    )
    name = models.CharField("名前", max_length=60, blank=True)
    hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=clock.now)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

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

    hash = models.CharField(max_length=64)  # of firm, who, route and key
    body = models.CharField(max_length=64)  # the hash of what was sent
    status = models.PositiveSmallIntegerField()
    answer = models.TextField()
    expires_at = models.DateTimeField()

    class Meta(FirmModel.Meta):
        constraints = [
            *FirmModel.Meta.constraints,
            models.UniqueConstraint(name="tenancy_idempotencykey_hash", fields=["firm", "hash"]),
        ]
        indexes = [models.Index(name="tenancy_idempotencykey_end", fields=["firm", "expires_at"])]

    def __str__(self) -> str:
        return self.hash[:8]


class Trail(FirmModel):
    """The audit trail: one row per act. Append-only; names the fields that changed, holds no personal value."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    company_id = models.BigIntegerField(null=True)
    at = models.DateTimeField(default=clock.now)
    user_id = models.BigIntegerField(null=True)
    act = models.CharField(max_length=60)
    subject = models.CharField(max_length=60)
    subject_id = models.CharField(max_length=40)
    details = models.JSONField(default=dict)
    request_id = models.CharField(max_length=40, blank=True)

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(name="tenancy_trail_wall", company="company_id", visitors_add=True),
            AppendOnly(name="tenancy_trail_append_only"),
        ]
        indexes = [
            models.Index(name="tenancy_trail_at", fields=["firm", "-at"]),
            models.Index(name="tenancy_trail_subject", fields=["firm", "subject", "subject_id"]),
        ]

    def __str__(self) -> str:
        return f"{self.act} {self.subject} {self.subject_id}"


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
