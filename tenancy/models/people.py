"""People, and their places in firms and companies."""

from datetime import date, datetime
from typing import ClassVar
from uuid import uuid4

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower

from tenancy import clock
from tenancy.constraints import SameTenantKey, Wall
from tenancy.keeping import Deletes, Exported, Moves, Twin
from tenancy.models.firm import Firm
from tenancy.permissions import COMPANY_ROLES, FIRM_ROLES, FIRM_SIDE, OPERATOR
from tenancy.walls import FirmModel, TenantManager, TenantQuerySet

STAND_IN = "@stand-in.invalid"  # RFC 2606: no mail ever arrives there, so nobody can prove to be it


class UserManager(BaseUserManager["User"]):
    """People, found by their address in whatever case it was typed."""

    def create_user(self, email: str, password: str | None = None, name: str = "") -> "User":
        """A person who can sign in once there is a membership. The e-mail is stored in lower case."""
        user = self.model(email=email.lower(), name=name)
        user.set_password(password)
        user.save()
        return user

    def create_stand_in(self, name: str) -> "User":
        """Somebody of whom only the name is known here, and who cannot sign in: see `reports.archive.people`."""
        made = self.create_user(f"{uuid4()}{STAND_IN}", None, name)
        made.is_active = False
        made.save(update_fields=["is_active"])
        return made

    def get_by_natural_key(self, username: str | None) -> "User":
        """As Django asks for who signs in. Raises User.DoesNotExist."""
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser):
    """A person. What the person may do stands in memberships only; there are no superusers."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset({"email", "name"})

    email = models.EmailField("メールアドレス", unique=True)
    name = models.CharField("お名前", max_length=60, blank=True)
    is_active = models.BooleanField(default=True)
    is_operator = models.BooleanField("運用担当", default=False)
    date_joined = models.DateTimeField(default=clock.now)
    # When the other sessions were last ended: what was begun in one of them before, and waits for its link, ends too.
    signed_out_at = models.DateTimeField("ほかの端末をログアウトした日時", null=True, editable=False)

    objects: ClassVar[UserManager] = UserManager()
    USERNAME_FIELD = "email"

    class Meta:
        constraints = [
            models.CheckConstraint(name="tenancy_user_email_lower", condition=models.Q(email=Lower("email")))
        ]

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def is_stand_in(self) -> bool:
        """Whether nobody is behind it: a name that an import has brought along."""
        return self.email.endswith(STAND_IN)

    @property
    def shown_email(self) -> str:
        """The address for people; '' for a stand-in, which has none."""
        return "" if self.is_stand_in else self.email

    def whose(self) -> str:
        """Whose the personal values of this row are, in the trail of each firm: `tenancy.personal`."""
        return f"{self._meta.label_lower}:{self.pk}"


# Alphabetical order would put staff after partners; owners, staff, partners is how a company sees itself.
_ROLE_ORDER = models.Case(
    models.When(role="owner", then=0),
    models.When(role="staff", then=1),
    default=2,
    output_field=models.IntegerField(),
)


class MembershipQuerySet(TenantQuerySet["Membership"]):
    """Who belongs to the firm in scope, and for how long; outside a firm, the person's own places."""

    def active(self) -> "MembershipQuerySet":
        """Those that open a door now: neither ended nor past their end."""
        lasting = models.Q(ends_at=None) | models.Q(ends_at__gt=clock.now())
        return self.filter(lasting, state=Membership.State.ACTIVE, firm__state=Firm.State.ACTIVE)

    def own(self) -> "MembershipQuerySet":
        """Without operators of the installation who looked in."""
        return self.exclude(role=OPERATOR)

    def consulting(self) -> "MembershipQuerySet":
        """Those who work for the firm, with their user, by name."""
        return self.active().filter(role__in=FIRM_ROLES).select_related("user").order_by("user__name", "pk")

    def offered(self, in_charge: models.Q) -> "MembershipQuerySet":
        """As `consulting`, and whoever of the firm `in_charge` finds, also those who have left: a list or a form that
        left them out would lose what they are in charge of."""
        lasting = self.active().values("pk")
        found = self.filter(models.Q(pk__in=lasting) | in_charge, role__in=FIRM_ROLES)
        return found.select_related("user").order_by("state", "user__name", "pk")

    def of_the_firm(self) -> "MembershipQuerySet":
        """Those who work or worked for the firm, with their user; who left stands last."""
        return self.filter(role__in=FIRM_ROLES).select_related("user").order_by("state", "pk")

    def named(self) -> "MembershipQuerySet":
        """By name, who left last, read no further than a choice shows. A tenth of the list's time is reading more."""
        shown = ("state", "ends_at", "user__name", "user__email")
        return self.select_related("user").only(*shown).order_by("state", "user__name", "pk")

    def of_company(self, company_id: int) -> "MembershipQuerySet":
        """The company's own people who are in, with their user: owners, staff, external partners."""
        return self.active().filter(company_id=company_id).select_related("user").order_by(_ROLE_ORDER, "pk")


MembershipManager = TenantManager.from_queryset(MembershipQuerySet)


class Membership(FirmModel):
    """A person's place in a firm. Company roles name the company; firm roles do not."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset({"title"})

    class Role(models.TextChoices):
        ADMIN = "admin", "管理者"
        CONSULTANT = "consultant", "コンサルタント"
        OWNER = "owner", "経営者"
        STAFF = "staff", "社員"
        PARTNER = "partner", "外部人材"
        OPERATOR = "operator", "運用担当"

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
    ends_at = models.DateTimeField("期限", null=True, blank=True)
    muted = models.JSONField(default=list)  # names of mails that this member does not want
    created_at = models.DateTimeField(default=clock.now)

    on_export = Exported(
        # An operator of the installation who looked in is none of the firm's people.
        where=~models.Q(role=OPERATOR) & (models.Q(company=None) | models.Q(company__merged_into=None)),
        twins=("user_id", "company_id"),
    )
    on_merge = Moves("メンバー", shown="user", twin=Twin(("user",), left={"state": "ended"}))
    on_erase = Deletes("メンバー", email="user__email", name=("user__name",), shown="user")

    objects = MembershipManager()  # type: ignore[misc]

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(name="tenancy_membership_wall", company="company_id", own="user_id", firm_side=True),
            models.UniqueConstraint(
                name="tenancy_membership_once",
                fields=["firm", "user", "company"],
                condition=~models.Q(role=OPERATOR),
                nulls_distinct=False,
            ),
            # Somebody who looks in from outside may have worked here before: that place stays what it was.
            models.UniqueConstraint(
                name="tenancy_membership_operator", fields=["firm", "user"], condition=models.Q(role=OPERATOR)
            ),
            models.UniqueConstraint(name="tenancy_membership_key", fields=["firm", "id"]),
            models.UniqueConstraint(name="tenancy_membership_company_id", fields=["firm", "company", "id"]),
            models.CheckConstraint(
                name="tenancy_membership_company_of_role",
                condition=models.Q(role__in=sorted(FIRM_SIDE), company=None)
                | (~models.Q(role__in=sorted(FIRM_SIDE)) & models.Q(company__isnull=False)),
            ),
            SameTenantKey(
                name="tenancy_membership_company_key", to="tenancy_company", columns=("firm_id", "company_id")
            ),
        ]
        indexes = [models.Index(name="tenancy_membership_user", fields=["user"])]

    def __str__(self) -> str:
        return f"{self.user_id}@{self.firm_id} {self.role}"

    def clean(self) -> None:
        """What no form sets: out of an archive it could be anything, and every mail to the member asks it."""
        if not isinstance(self.muted, list) or not all(isinstance(each, str) for each in self.muted):
            raise ValidationError("muted")

    def whose(self) -> str:
        """The values of a membership are the person's, whatever membership they stand in."""
        return f"{User._meta.label_lower}:{self.user_id}"

    @property
    def last_day(self) -> date | None:
        """The last day in Tokyo on which the membership opens a door; None where it does not end by itself."""
        return clock.last_day_before(self.ends_at) if self.ends_at else None

    @property
    def is_in_force(self) -> bool:
        """Whether the membership itself opens a door now, as `active()` asks of its rows."""
        lasts = self.ends_at is None or self.ends_at > clock.now()
        return lasts and self.state == self.State.ACTIVE

    @property
    def is_firm_side(self) -> bool:
        """Whether the member stands on the firm's side of the table, not on a company's."""
        return self.role in FIRM_SIDE


class InvitationQuerySet(TenantQuerySet["Invitation"]):
    """Invitations to the firm in scope and to its companies."""

    def waiting(self) -> "InvitationQuerySet":
        """Those that were neither accepted nor taken back, also expired ones, newest first, with who invited."""
        waiting = self.filter(state=Invitation.State.OPEN).select_related("invited_by__user")
        return waiting.order_by("-created_at", "-pk")


class Invitation(FirmModel):
    """An invitation to a place in the firm or in one of its companies: bound to one address, used once, for 7 days.

    Its signed link carries `version`, which each sending raises: only the latest link opens it.
    """

    PERSONAL: ClassVar[frozenset[str]] = frozenset({"email", "name", "title"})

    class State(models.TextChoices):
        OPEN = "open", "お返事待ち"
        ACCEPTED = "accepted", "参加済み"
        REVOKED = "revoked", "取り消し"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    email = models.EmailField("メールアドレス")
    name = models.CharField("お名前", max_length=60)
    role = models.CharField("役割", max_length=12, choices=Membership.Role)
    company = models.ForeignKey(
        "tenancy.Company",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
    )
    title = models.CharField("肩書き", max_length=60, blank=True)
    ends_at = models.DateTimeField("期限", null=True, blank=True)
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    version = models.PositiveIntegerField(default=1)
    invited_by = models.ForeignKey(
        Membership, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_constraint=False
    )
    membership = models.ForeignKey(
        Membership, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_constraint=False
    )
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()

    on_export = Exported(
        where=models.Q(company=None) | models.Q(company__merged_into=None),
        twins=("company_id", "email"),
        twins_where={"state": "open"},
    )
    on_merge = Moves(
        "ご招待", shown="email", twin=Twin(("email",), where={"state": "open"}, left={"state": "revoked"})
    )
    on_erase = Deletes("ご招待", email="email", name=("name",), shown="email")

    objects = TenantManager.from_queryset(InvitationQuerySet)()  # type: ignore[misc]

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(name="tenancy_invitation_wall", company="company_id", link="id", firm_side=True),
            models.UniqueConstraint(
                name="tenancy_invitation_open",
                fields=["firm", "company", "email"],
                condition=models.Q(state="open"),
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="tenancy_invitation_company_of_role",
                condition=models.Q(role__in=sorted(FIRM_ROLES), company=None)
                | models.Q(role__in=sorted(COMPANY_ROLES), company__isnull=False),
            ),
            SameTenantKey(
                name="tenancy_invitation_company_key", to="tenancy_company", columns=("firm_id", "company_id")
            ),
            SameTenantKey(
                name="tenancy_invitation_invited_by_key",
                to="tenancy_membership",
                columns=("firm_id", "invited_by_id"),
            ),
            SameTenantKey(
                name="tenancy_invitation_membership_key",
                to="tenancy_membership",
                columns=("firm_id", "membership_id"),
            ),
        ]
        indexes = [models.Index(name="tenancy_invitation_list", fields=["firm", "company", "-created_at"])]
        verbose_name = "ご招待"

    def __str__(self) -> str:
        return f"{self.role} {self.state}"

    @property
    def closes_at(self) -> datetime:
        """Until when its link can be used: never longer than the place lasts."""
        return min(self.expires_at, self.ends_at or self.expires_at)

    @property
    def answer_by(self) -> date:
        """The last day in Tokyo on which it can be accepted."""
        return clock.last_day_before(self.closes_at)

    @property
    def is_open(self) -> bool:
        """Whether it can still be accepted."""
        return self.state == self.State.OPEN and self.closes_at > clock.now()

    @property
    def has_ended(self) -> bool:
        """Whether the place itself would be over by now: no new link helps."""
        return self.ends_at is not None and self.ends_at <= clock.now()

    @property
    def last_day(self) -> date | None:
        """The last day of the membership that comes of it."""
        return clock.last_day_before(self.ends_at) if self.ends_at else None

    @property
    def is_unsent(self) -> bool:
        """Whether nobody has had a link to it yet: an import has made it, over from the start."""
        return self.state == self.State.OPEN and self.expires_at <= self.created_at

    @property
    def is_expired(self) -> bool:
        return self.state == self.State.OPEN and self.closes_at <= clock.now()
