"""The outbox, and the notices inside the product.

Their ids are made from the firm and the key (`once_id`), so that "once" holds without reading: a visitor may add a
mail or a notice, but sees none.
"""

from datetime import datetime, timedelta
from typing import ClassVar
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from django.db import connection, models

from tenancy import clock, guards
from tenancy.constraints import SameTenantKey, Wall
from tenancy.keeping import Deletes, Exported, Keeps, Moves, Stays, Twin
from tenancy.models import Company, Membership
from tenancy.scope import current_scope
from tenancy.walls import FirmModel, TenantManager, TenantQuerySet

NEWS_FOR = timedelta(days=90)

_COUNT_UNREAD = """
    SELECT count(*) FROM notices_notice AS notice
    WHERE notice.firm_id = %s AND notice.created_at >= %s AND NOT notice.shared
    AND (notice.addressee_id IS NULL OR notice.addressee_id = %s) AND NOT EXISTS (
        SELECT FROM notices_noticeread AS seen
        WHERE seen.firm_id = notice.firm_id AND seen.membership_id = %s AND seen.notice_id = notice.id
    )
"""


def once(what: str, firm_id: int, key: str) -> tuple[UUID, str]:
    """The id that this key always has in this firm, and the key; another pair each time while the guard is off."""
    if not guards.stands("outbox.once"):
        key = f"{key[:150]}:{uuid4()}"
    return uuid5(NAMESPACE_URL, f"michisuji:{what}:{firm_id}:{key}"), key


class MailQuerySet(TenantQuerySet["Mail"]):
    """The log of mails of the firm in scope."""

    def search(self, words: str) -> "MailQuerySet":
        """Every word in address or subject. A scan of one firm."""
        found = self
        for word in words.split():
            found = found.filter(models.Q(to__icontains=word) | models.Q(subject__icontains=word))
        return found

    def newest_first(self) -> "MailQuerySet":
        """By when it was queued."""
        return self.order_by("-created_at", "-pk")


class Mail(FirmModel):
    """A mail as it was worded when it was queued. `private`: only for whoever gets it (a link that signs in); the log
    shows its text to nobody else, and text and calendar are forgotten once they have left this installation."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset({"to", "reply_to", "subject", "body", "calendar"})

    class State(models.TextChoices):
        QUEUED = "queued", "送信待ち"
        SENT = "sent", "送信済み"
        FAILED = "failed", "送信できませんでした"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    key = models.CharField(max_length=200)
    template = models.CharField(max_length=40)
    to = models.EmailField("宛先")
    reply_to = models.EmailField("返信先")
    subject = models.CharField("件名", max_length=300)
    body = models.TextField("本文")
    # What stands in the calendar file that goes along (RFC 5545); "": none does.
    calendar = models.TextField("カレンダーのファイル", blank=True, default="")
    private = models.BooleanField(default=False)
    link = models.UUIDField(null=True, blank=True)
    state = models.CharField("状態", max_length=8, choices=State, default=State.QUEUED)
    attempts = models.PositiveIntegerField(default=0)
    # The type of the last error only: its text may quote the address.
    last_error = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    sent_at = models.DateTimeField(null=True, blank=True)

    # What has not left this house does not leave another one by an import, whoever wrote the archive.
    on_export = Exported(where=models.Q(state="sent"), ids=("key", "link"), cut=("body", "calendar"))
    on_merge = Stays("of the firm's log, by address")
    on_erase = Deletes("メールの記録", email="to", shown="subject", made_of="link")

    objects = TenantManager.from_queryset(MailQuerySet)()  # type: ignore[misc]

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(name="notices_mail_wall", visitors_add=True),
            models.UniqueConstraint(name="notices_mail_once", fields=["firm", "key"]),
            models.CheckConstraint(
                name="notices_mail_sent", condition=models.Q(state="sent") ^ models.Q(sent_at=None)
            ),
        ]
        indexes = [
            models.Index(name="notices_mail_log", fields=["firm", "-created_at", "-id"]),
            models.Index(name="notices_mail_link", fields=["firm", "link"]),
        ]
        verbose_name = "メール"

    def __str__(self) -> str:
        return f"{self.template} {self.state}"


class NoticeQuerySet(TenantQuerySet["Notice"]):
    """News of the firm in scope, by who may read it and who has."""

    def of(self, membership: Membership) -> "NoticeQuerySet":
        """What this member was told since joining, newest first: the firm's side what is not a company's own news, nor
        for a colleague alone, owners and staff their company's; external partners are told nothing here: what is
        handed to them comes by mail and stands on their home."""
        if membership.role == Membership.Role.PARTNER:
            return self.none()
        for_me = models.Q(addressee=None) | models.Q(addressee=membership)
        mine = self.filter(for_me, shared=not membership.is_firm_side)
        return mine.filter(created_at__gte=membership.created_at).order_by("-created_at", "-pk")

    def unread(self, membership: Membership) -> "NoticeQuerySet":
        """What the member has not opened yet. What nobody opened in 90 days is no longer news: so the count walks the
        newest entries of one index only."""
        seen = NoticeRead.objects.filter(notice=models.OuterRef("pk"), membership=membership)
        return self.of(membership).filter(~models.Exists(seen), created_at__gte=_news_since(membership))

    def with_read(self, membership: Membership) -> "NoticeQuerySet":
        """Adds `is_read`."""
        seen = NoticeRead.objects.filter(notice=models.OuterRef("pk"), membership=membership)
        return self.annotate(is_read=models.Exists(seen))


def count_unread(membership: Membership) -> int:
    """As `Notice.objects.unread(membership).count()`; in SQL for those who see the whole firm, because every page of
    theirs asks, and Django words it slowly."""
    scope = current_scope()
    if not scope.sees_whole_firm:
        return Notice.objects.unread(membership).count()
    with connection.cursor() as cursor:
        mine = [membership.pk, membership.pk]
        cursor.execute(_COUNT_UNREAD, [scope.firm_id or 0, _news_since(membership), *mine])
        return int(cursor.fetchone()[0])


def _news_since(membership: Membership) -> datetime:
    return max(membership.created_at, clock.now() - NEWS_FOR)


class Notice(FirmModel):
    """Something the firm, or one who works for it, is told inside the product. One row for the firm, because a visitor,
    in whose request it is written, cannot see who works there; who has read it stands in NoticeRead."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset(
        {"title", "body", "mail_subject", "mail_body", "mail_reply_to"}
    )

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    key = models.CharField(max_length=200)
    title = models.CharField(max_length=200)
    body = models.TextField(blank=True)
    url = models.CharField(max_length=300)
    # Of one company, for those who may see it; `shared`: for the company's own people too.
    company = models.ForeignKey(
        Company, on_delete=models.CASCADE, null=True, blank=True, related_name="+", db_constraint=False
    )
    shared = models.BooleanField(default=False)
    # For this member alone; nobody: for all who may see it.
    addressee = models.ForeignKey(
        Membership, on_delete=models.CASCADE, null=True, blank=True, related_name="+", db_constraint=False
    )
    # The same by mail, worded when it was written; the addresses are found later, in the firm's scope. '' : no mail.
    mail_template = models.CharField(max_length=40, blank=True)
    mail_subject = models.CharField(max_length=300, blank=True)
    mail_body = models.TextField(blank=True)
    mail_reply_to = models.EmailField(blank=True)
    created_at = models.DateTimeField(default=clock.now)

    on_export = Exported(
        where=models.Q(company=None) | models.Q(company__merged_into=None),
        ids=("key", "url"),
        needs=("addressee",),  # what is for one must not become everybody's
    )
    on_merge = Moves("お知らせ", shown="title", addresses=("url",))
    on_erase = Deletes("お知らせ", name=("title", "body"), shown="title")

    objects = TenantManager.from_queryset(NoticeQuerySet)()  # type: ignore[misc]

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(
                name="notices_notice_wall",
                company="company_id",
                shared="shared",
                visitors_add=True,
            ),
            SameTenantKey(
                name="notices_notice_company_key", to="tenancy_company", columns=("firm_id", "company_id")
            ),
            SameTenantKey(
                name="notices_notice_addressee_key",
                to="tenancy_membership",
                columns=("firm_id", "addressee_id"),
            ),
            models.UniqueConstraint(name="notices_notice_once", fields=["firm", "key"]),
            models.UniqueConstraint(name="notices_notice_key", fields=["firm", "id"]),
            models.CheckConstraint(
                name="notices_notice_inside",
                condition=models.Q(url__startswith="/") & ~models.Q(url__startswith="//"),
            ),
        ]
        indexes = [models.Index(name="notices_notice_list", fields=["firm", "-created_at", "-id"])]
        verbose_name = "お知らせ"

    def __str__(self) -> str:
        return self.key


class NoticeRead(FirmModel):
    """This member has read that notice."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset()

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    membership = models.ForeignKey(
        Membership, on_delete=models.CASCADE, related_name="+", db_constraint=False
    )
    company = models.ForeignKey(
        Company, on_delete=models.CASCADE, null=True, blank=True, related_name="+", db_constraint=False
    )
    read_at = models.DateTimeField(default=clock.now)

    on_export = Exported(where=models.Q(company=None) | models.Q(company__merged_into=None))
    on_merge = Moves(
        "お知らせの既読",
        shown="notice__title",
        twin=Twin(("membership", "notice")),
        follows=("notice",),
        mark=True,
    )
    on_erase = Keeps("ends with its membership")

    class Meta(FirmModel.Meta):
        constraints = [
            Wall(name="notices_noticeread_wall", company="company_id", firm_side=True),
            SameTenantKey(
                name="notices_noticeread_company_key",
                to="tenancy_company",
                columns=("firm_id", "company_id"),
            ),
            models.UniqueConstraint(name="notices_noticeread_once", fields=["firm", "membership", "notice"]),
            SameTenantKey(
                name="notices_noticeread_notice_key", to="notices_notice", columns=("firm_id", "notice_id")
            ),
            SameTenantKey(
                name="notices_noticeread_membership_key",
                to="tenancy_membership",
                columns=("firm_id", "membership_id"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.membership_id} {self.notice_id}"


def scope_firm_id() -> int:
    """The firm of the scope in force. Raises NoScope, or ValueError in a scope without a firm."""
    firm_id = current_scope().firm_id
    if firm_id is None:
        raise ValueError("A mail or a notice belongs to a firm: open its scope first.")
    return firm_id
