"""The tenant, and what it says about itself to everybody."""

from typing import ClassVar

from django.core.validators import RegexValidator
from django.db import models

from tenancy import clock
from tenancy.constraints import WaitsBefore, Wall
from tenancy.keeping import Deletes, Exported, Keeps, NotExported, Stays
from tenancy.walls import FirmModel

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
        "operator",
        "theme",
    }
)


class Firm(models.Model):
    """The tenant, a consulting firm. Only what every address shows and what the door must know before it opens; the
    rest is in FirmProfile, behind the walls."""

    class State(models.TextChoices):
        ACTIVE = "active", "利用中"
        CLOSED = "closed", "終了"

    class Sees(models.TextChoices):
        ALL = "all", "すべての企業"
        ASSIGNED = "assigned", "担当する企業だけ"

    slug = models.SlugField("URLの名前", max_length=40, unique=True)
    name = models.CharField("名称", max_length=100)
    state = models.CharField(max_length=10, choices=State, default=State.ACTIVE)
    consultants_see = models.CharField(
        "コンサルタントが見られる企業", max_length=10, choices=Sees, default=Sees.ALL
    )
    requires_second_factor = models.BooleanField("2段階認証を必須にする", default=False)
    # When the ordered deletion is due, for the banner on every page: FirmDeletion is not everybody's to see.
    closes_at = models.DateTimeField("削除の予定", null=True, blank=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="tenancy_firm_slug_free", condition=~models.Q(slug__in=sorted(RESERVED_SLUGS))
            )
        ]

    def __str__(self) -> str:
        return self.name


class FirmProfile(FirmModel):
    """What a firm says about itself to everybody."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset({"representative", "phone", "email"})

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

    on_export = Exported(replaces=True)
    on_merge = Stays("of the firm, not of a company")
    on_erase = Keeps("what the firm itself publishes, as it must; its admin changes it")

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

    PERSONAL: ClassVar[frozenset[str]] = frozenset(
        {"name", "title", "qualification", "fields_of_work", "interests"}
    )

    name = models.CharField("お名前", max_length=60)
    title = models.CharField("肩書き", max_length=60, blank=True)
    qualification = models.CharField("資格", max_length=120, blank=True)
    fields_of_work = models.CharField("得意分野", max_length=200, blank=True)
    interests = models.CharField("利害関係", max_length=300, blank=True)
    position = models.PositiveSmallIntegerField("並び順", default=0)

    on_export = Exported(replaces=True)
    on_merge = Stays("of the firm, not of a company")
    on_erase = Deletes("公開ページの人", name=("name",))

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

    PERSONAL: ClassVar[frozenset[str]] = frozenset()

    version = models.PositiveIntegerField()
    summary = models.TextField("要約", max_length=400)
    text = models.TextField("本文", max_length=20_000)
    published_at = models.DateTimeField(default=clock.now)

    on_export = Exported(replaces=True)
    on_merge = Stays("of the firm, not of a company")
    on_erase = Keeps("what people have consented to, in the firm's words")

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(name="tenancy_privacynotice_wall", public_read=True),
            models.UniqueConstraint(name="tenancy_privacynotice_version", fields=["firm", "version"]),
        ]
        ordering = ["-version"]

    def __str__(self) -> str:
        return f"第{self.version}版"


class FirmDeletion(FirmModel):
    """The order to delete the firm with all it has, once `due_at` has come. The trail's triggers yield to it."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset()

    ordered_by = models.BigIntegerField(null=True)
    ordered_at = models.DateTimeField(default=clock.now)
    due_at = models.DateTimeField()

    on_export = NotExported("an order about this firm on this installation")
    on_merge = Stays("of the firm, not of a company")
    on_erase = Keeps("an id, for 14 days")

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(name="tenancy_firmdeletion_wall", firm_side=True),
            models.UniqueConstraint(name="tenancy_firmdeletion_once", fields=["firm"]),
            WaitsBefore(name="tenancy_firmdeletion_waits", days=13),
        ]

    def __str__(self) -> str:
        return f"{self.firm_id} {self.due_at:%Y-%m-%d}"
