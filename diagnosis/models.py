"""One answered questionnaire with its result; the consultant's comment; the short code for going on elsewhere."""

from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar
from uuid import uuid4

from django.core.exceptions import ValidationError
from django.db import models

from diagnosis import codes
from diagnosis.calc import score, validate
from diagnosis.questionnaire import Questionnaire, load
from tenancy import clock
from tenancy.constraints import SameTenantKey, Wall
from tenancy.kana import search_form
from tenancy.keeping import Blanks, Exported, Follows, Keeps, Moves, NotExported, Stays
from tenancy.links import Link
from tenancy.models import Company, Membership
from tenancy.walls import FirmModel, TenantManager, TenantQuerySet

# What stands for a company whose name was not given: lists, the report and a takeover need something to show.
NAMELESS = "(会社名のご記入なし)"
# How long answers wait for being submitted, and the due work that ends them.
KEPT = timedelta(days=30)
EXPIRE = "diagnosis.expire"
UNSEEN = models.Q(seen_at=None) & ~models.Q(origin="on_behalf")


class DiagnosisQuerySet(TenantQuerySet["Diagnosis"]):
    """Diagnoses that the scope sees: in a visitor's, the one that the link opens."""

    def submitted(self) -> "DiagnosisQuerySet":
        """Those with a result, newest first."""
        return self.filter(state=Diagnosis.State.SUBMITTED).order_by("-submitted_at", "-pk")

    def opened_by(self, link: Link | None) -> "Diagnosis | None":
        """The diagnosis that a signed link opens; None if the link was altered, is too old, or was revoked."""
        if link is None:
            return None
        diagnosis = self.filter(pk=link.id).first()
        return diagnosis if diagnosis is not None and link.is_version(diagnosis.link_version) else None

    def given_out(self) -> "DiagnosisQuerySet":
        """Those whose links the firm may end: with a result, or on the way to one by an invitation."""
        ways = models.Q(state=Diagnosis.State.SUBMITTED) | models.Q(origin=Diagnosis.Origin.INVITED)
        return self.filter(ways).select_related("company", "firm")

    def search(self, words: str) -> "DiagnosisQuerySet":
        """Every word in the typed name or in the linked company's texts; width, case, kana type folded."""
        found = self
        for word in search_form(words).split():
            found = found.filter(
                models.Q(search_text__contains=word) | models.Q(company__search_text__contains=word)
            )
        return found

    def under_way(self) -> "DiagnosisQuerySet":
        """Those that are being answered, with who types them, the latest touched first."""
        return (
            self.filter(state=Diagnosis.State.OPEN)
            .select_related("firm", "typed_by__user")
            .order_by("-updated_at", "-pk")
        )

    def unseen(self) -> "DiagnosisQuerySet":
        """Those whose result no consultant has looked at; whoever typed a 代理入力 knows it."""
        return self.filter(UNSEEN)

    def waiting(self) -> "DiagnosisQuerySet":
        """Those that nobody has taken over: no company yet."""
        return self.filter(company=None)

    def to_do(self) -> "DiagnosisQuerySet":
        """Those that wait for a consultant: to be looked at, or to be taken over."""
        return self.filter(UNSEEN | models.Q(company=None))

    def of_clients(self) -> "DiagnosisQuerySet":
        return self.filter(company__support_status=Company.Support.CLIENT)

    def as_rows(self) -> "DiagnosisQuerySet":
        """For lists: with `company`, `signs` (how many 〜の兆候), `has_comment`; without answers and result.

        One query, whatever the number of rows.
        """
        newest = Comment.objects.filter(
            diagnosis=models.OuterRef("pk"), version=models.OuterRef("comment_version")
        )
        return (
            self.select_related("company")
            .defer("answers", "facts", "result")
            .annotate(
                signs=models.Func(
                    models.F("result__detectors"),
                    function="jsonb_array_length",
                    output_field=models.IntegerField(),
                ),
                has_comment=models.Exists(newest.exclude(text="")),
            )
        )


DiagnosisManager = TenantManager.from_queryset(DiagnosisQuerySet)


class Diagnosis(FirmModel):
    """A 簡易診断. While open it holds answers as they are given; once submitted, answers and result never change.

    `answers` and `facts` are dicts by id; None is 該当なし, an absent id is not answered yet.
    `company` is None until a consultant takes the visitor's company over.
    """

    PERSONAL: ClassVar[frozenset[str]] = frozenset({"contact_name", "email", "answers", "facts", "result"})

    class State(models.TextChoices):
        OPEN = "open", "回答中"
        SUBMITTED = "submitted", "回答済み"

    class Origin(models.TextChoices):
        VISITOR = "visitor", "公開ページから"
        INVITED = "invited", "お送りしたリンクから"
        ON_BEHALF = "on_behalf", "代理入力"
        OWN = "own", "ご自分の画面から"
        API = "api", "API"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    company = models.ForeignKey(
        Company,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="diagnoses",
        db_constraint=False,
    )
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.VISITOR)
    questionnaire_version = models.CharField(max_length=20)
    answers = models.JSONField(default=dict)
    facts = models.JSONField(default=dict)
    # Who answered, in the respondent's own words.
    company_name = models.CharField("会社名", max_length=100, blank=True)
    contact_name = models.CharField("お名前", max_length=60, blank=True)
    email = models.EmailField("メールアドレス", blank=True)
    industry = models.CharField("業種", max_length=60, blank=True)
    employees = models.PositiveIntegerField("従業員数", null=True, blank=True)
    # 代理入力: who typed what the respondent said.
    typed_by = models.ForeignKey(
        Membership, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_constraint=False
    )
    privacy_version = models.PositiveIntegerField(null=True, blank=True)
    consented_at = models.DateTimeField(null=True, blank=True)
    # The result as `calc` gave it (`Result.as_dict()`), and what lists need of it.
    result = models.JSONField(null=True, blank=True)
    overall = models.DecimalField(max_digits=4, decimal_places=1, null=True, blank=True)
    grade = models.CharField(max_length=1, blank=True)
    bottleneck = models.CharField(max_length=12, blank=True)
    comment_version = models.PositiveIntegerField(default=0)
    link_version = models.PositiveIntegerField(default=1)
    started_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)
    submitted_at = models.DateTimeField(null=True, blank=True)
    # When a consultant first opened the result.
    seen_at = models.DateTimeField(null=True, blank=True)
    search_text = models.CharField(max_length=200, editable=False, default="")

    on_export = Exported(
        where=models.Q(company=None) | models.Q(company__merged_into=None),
        # Never later than if it had begun now.
        follows=Follows(EXPIRE, {"state": "open"}, at=lambda row: min(row.started_at, clock.now()) + KEPT),
    )
    on_merge = Moves("簡易診断")
    # The answers are the company's; who gave them is the person's.
    on_erase = Blanks("簡易診断の回答者", ("contact_name", "email"), email="email", name=("contact_name",))

    objects = DiagnosisManager()  # type: ignore[misc]

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(name="diagnosis_diagnosis_wall", company="company_id", link="id"),
            models.UniqueConstraint(name="diagnosis_diagnosis_key", fields=["firm", "id"]),
            SameTenantKey(
                name="diagnosis_company_key", to="tenancy_company", columns=("firm_id", "company_id")
            ),
            SameTenantKey(
                name="diagnosis_typed_by_key", to="tenancy_membership", columns=("firm_id", "typed_by_id")
            ),
            models.CheckConstraint(
                name="diagnosis_submitted_whole",
                condition=models.Q(state="open", result=None)
                | models.Q(
                    state="submitted",
                    result__isnull=False,
                    submitted_at__isnull=False,
                    overall__range=(Decimal(0), Decimal(100)),
                ),
            ),
        ]
        indexes = [
            models.Index(name="diagnosis_submitted", fields=["firm", "-submitted_at", "-id"]),
            models.Index(name="diagnosis_of_company", fields=["firm", "company", "-submitted_at"]),
        ]
        verbose_name = "簡易診断"

    def __str__(self) -> str:
        return f"{self.company_name} {self.grade}"

    @property
    def is_nameless(self) -> bool:
        """Whether nobody said which company it is about (through the API)."""
        return self.company_name == NAMELESS

    @property
    def is_unseen(self) -> bool:
        """The same for one row as `unseen()` for many."""
        return self.seen_at is None and self.origin != self.Origin.ON_BEHALF

    def clean(self) -> None:
        """That answers and result are what this version of the questionnaire knows and gives, for a row that comes out
        of an archive (`reports.archive`): forms and API have checked theirs. Raises ValidationError, and ValueError for
        a version that is not here."""
        questionnaire = load(self.questionnaire_version)
        if not (isinstance(self.answers, dict) and isinstance(self.facts, dict)):
            raise ValidationError("answers")
        wrong = validate(questionnaire, self.answers, self.facts)
        if self.state == self.State.OPEN:  # what is not answered yet is not wrong
            wrong = {id: said for id, said in wrong.items() if id in self.answers or id in self.facts}
        if wrong:
            raise ValidationError("answers")
        if self.state == self.State.SUBMITTED and self._told() != self._counted(questionnaire):
            raise ValidationError("result")

    def _told(self) -> tuple[Any, ...]:
        return self.result, self.overall, self.grade, self.bottleneck

    def _counted(self, questionnaire: Questionnaire) -> tuple[Any, ...]:
        """The same as the answers give it."""
        result = score(questionnaire, self.answers, self.facts)
        return result.as_dict(), result.overall, result.grade, result.bottleneck_stage or ""

    def save(self, *args: Any, **kwargs: Any) -> None:
        """As FirmModel's; keeps the folded name for searching."""
        self.search_text = search_form(self.company_name)[:200]
        if "company_name" in (kwargs.get("update_fields") or ()):
            kwargs["update_fields"] = {*kwargs["update_fields"], "search_text"}
        super().save(*args, **kwargs)


class Comment(FirmModel):
    """A version of the consultant's comment on a diagnosis; the newest one stands in the PDF."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset({"text"})

    diagnosis = models.ForeignKey(
        Diagnosis, on_delete=models.CASCADE, related_name="comments", db_constraint=False
    )
    company = models.ForeignKey(
        Company, on_delete=models.CASCADE, null=True, blank=True, related_name="+", db_constraint=False
    )
    version = models.PositiveIntegerField()
    text = models.TextField("コメント", max_length=4000, blank=True)
    author = models.ForeignKey(
        Membership, on_delete=models.SET_NULL, null=True, related_name="+", db_constraint=False
    )
    created_at = models.DateTimeField(default=clock.now)

    on_export = Exported(where=models.Q(company=None) | models.Q(company__merged_into=None))
    on_merge = Moves("診断のコメント", follows=("diagnosis",))
    on_erase = Keeps("the firm's own words about a company")

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(name="diagnosis_comment_wall", company="company_id", link="diagnosis_id"),
            models.UniqueConstraint(
                name="diagnosis_comment_version", fields=["firm", "diagnosis", "version"]
            ),
            SameTenantKey(
                name="diagnosis_comment_diagnosis_key",
                to="diagnosis_diagnosis",
                columns=("firm_id", "diagnosis_id"),
            ),
            SameTenantKey(
                name="diagnosis_comment_company_key", to="tenancy_company", columns=("firm_id", "company_id")
            ),
            SameTenantKey(
                name="diagnosis_comment_author_key", to="tenancy_membership", columns=("firm_id", "author_id")
            ),
        ]
        ordering = ["-version"]

    def __str__(self) -> str:
        return f"第{self.version}版"

    def whose(self) -> str:
        """What is said about a diagnosis is forgotten with it."""
        return f"{Diagnosis._meta.label_lower}:{self.diagnosis_id}"


class ResumeCodeQuerySet(TenantQuerySet["ResumeCode"]):
    """Codes by what a visitor types."""

    def typed(self, firm_id: int, text: str) -> "ResumeCode | None":
        """The code that somebody typed, if it was issued by this firm and is not too old."""
        hash = codes.hash_of(firm_id, codes.typed(text))
        return self.filter(hash=hash, expires_at__gt=clock.now()).first()


class ResumeCode(FirmModel):
    """A short code to type on another device, good for a day. Holds no answers; only a hash of the code."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset()

    diagnosis = models.ForeignKey(Diagnosis, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    hash = models.CharField(max_length=64)
    expires_at = models.DateTimeField()

    on_export = NotExported("opens something, for a day")
    on_merge = Stays("hangs on its diagnosis, wherever that is")
    on_erase = Keeps("a hash, forgotten after a day")

    objects = TenantManager.from_queryset(ResumeCodeQuerySet)()  # type: ignore[misc]

    class Meta(FirmModel.Meta):
        constraints = [
            # public_read: whoever types the code has no link yet.
            Wall(name="diagnosis_resumecode_wall", link="diagnosis_id", public_read=True),
            models.UniqueConstraint(name="diagnosis_resumecode_hash", fields=["firm", "hash"]),
            SameTenantKey(
                name="diagnosis_resumecode_diagnosis_key",
                to="diagnosis_diagnosis",
                columns=("firm_id", "diagnosis_id"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.diagnosis_id}"
