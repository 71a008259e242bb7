"""Telling people: by mail through the outbox, and inside the product.

All of it is one row in the caller's transaction and one row of `tenancy.due`: nothing is said about what was rolled
back, nothing is lost when the broker is away, and the same key says a thing once.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from email.utils import parseaddr
from uuid import UUID

from django.conf import settings
from django.core.validators import validate_email
from django.urls import reverse

from notices.kinds import HANDED_OVER, OWN_NEWS, kinds_for
from notices.models import Mail, Notice, NoticeRead, once, scope_firm_id
from notices.texts import one_line, texts
from tenancy import due, trail
from tenancy.letters import in_short
from tenancy.models import (
    Attachment,
    Company,
    Firm,
    FirmProfile,
    Handing,
    Meeting,
    Membership,
    Trail,
)
from tenancy.scope import Scope, open_scope, scope_or_none
from tenancy.templatetags.michisuji import jdate

MAIL, NOTICE, HANDED = "mail", "notice", "handed"  # kinds of due work, declared in notices.tasks


def queue_mail(
    *,
    key: str,
    template: str,
    to: str,
    context: Mapping[str, object],
    firm_id: int | None = None,
    link: UUID | None = None,
    calendar: str = "",
) -> Mail:
    """Word the mail now and have it sent: once for each firm and key, however often and by whomever it is asked for.

    `template` names a text of `notices.texts`; firm_name, firm_phone and firm_email are added to `context`. Works in
    a visitor's scope; `firm_id` is for callers whose scope has no firm. Raises KeyError for an unknown template,
    MailIncomplete for a hole in the text, ValidationError for an impossible address. Two statements and one query.
    `calendar`: the text of a calendar file (RFC 5545) that goes along.

    Writes nothing into the trail: the mail is part of the act that asks for it, which names it (`rows`).
    """
    with _scope_of(firm_id):
        sender = _sender()
        text = texts()[template]
        subject, body = text.render({**context, **sender})
        reply_to = str(sender["firm_email"])
        return _put_mail(
            key, template, to, subject, body, reply_to, private=text.private, link=link, calendar=calendar
        )


def notify_firm(
    *,
    key: str,
    title: str,
    body: str,
    url: str,
    mail: str = "",
    context: Mapping[str, object] | None = None,
    but: Membership | None = None,
    company_id: int | None = None,
) -> Notice:
    """Tell every admin and consultant of the scope's firm, once for each key, of what is about `company_id` only those
    who see that company; inside the product at once, and with
    `mail` (the name of a text, with its `context`) also by mail to each who has not read it by then. `but` is who knows
    already, because they did it: for them it is read.

    Works in a visitor's scope, which sees neither the notice nor the people: a worker finds the addresses. `url` is an
    address inside the product (`/…`). Raises ValueError otherwise, and what `queue_mail` raises. Like a mail, the
    notice is named in the trail by the act that asks for it.
    """
    notice = _put_notice(key, title, body, url, mail, context or {}, company_id=company_id)
    if but is not None:
        mark_read(notices=[notice], membership=but)
    return notice


def notify_company(
    *, key: str, company: Company, title: str, body: str, url: str, but: Membership | None = None
) -> Notice:
    """Tell the owners and staff of a company, once for each key: inside the product at once, and by mail each who has
    not read it by then and wants such mails. In a scope that sees the company; `url` as for `notify_firm`."""
    words = {
        "company_name": company.name,
        "notice_title": one_line(title),
        "notice_body": body or "画面からご覧いただけます。",
        "notice_url": settings.PUBLIC_URL + url,
    }
    notice = _put_notice(key, title, body, url, OWN_NEWS, words, company_id=company.pk, shared=True)
    if but is not None:
        mark_read(notices=[notice], membership=but)
    return notice


def notify_member(
    *,
    key: str,
    member: Membership,
    company: Company,
    title: str,
    body: str,
    url: str,
    mail: str,
    context: Mapping[str, object],
) -> Notice:
    """Tell one who works for the firm, once for each key, of what is about `company`; as `notify_firm` otherwise.
    `mail` also gets the notice's own title and address."""
    words = {**context, "notice_title": one_line(title), "notice_url": settings.PUBLIC_URL + url}
    return _put_notice(key, title, body, url, mail, words, company_id=company.pk, addressee=member)


def _put_notice(
    key: str,
    title: str,
    body: str,
    url: str,
    mail: str,
    context: Mapping[str, object],
    *,
    company_id: int | None = None,
    shared: bool = False,
    addressee: Membership | None = None,
) -> Notice:
    if not url.startswith("/") or url.startswith("//"):
        raise ValueError("A notice leads to an address inside the product.")
    firm_id = scope_firm_id()
    notice_id, key = once("notice", firm_id, key)
    notice = Notice(id=notice_id, firm_id=firm_id, key=key, title=one_line(title)[:200], body=body, url=url)
    notice.company_id, notice.shared, notice.addressee = company_id, shared, addressee
    if mail:
        sender = _sender()
        notice.mail_template, notice.mail_reply_to = mail, str(sender["firm_email"])
        notice.mail_subject, notice.mail_body = texts()[mail].render({**context, **sender})
    Notice.objects.bulk_create([notice], ignore_conflicts=True)
    if mail:
        due.put(NOTICE, firm_id, notice.pk)
    return notice


def choose_mails(*, membership: Membership, wanted: Iterable[str]) -> None:
    """Which of the mails about notices this member wants; what is not named any more is muted."""
    muted = sorted(set(kinds_for(membership)) - set(wanted))
    if muted != membership.muted:
        before = {"muted": membership.muted}
        membership.muted = muted
        membership.save(update_fields=["muted"])
        trail.record("choose.mails", membership, company_id=membership.company_id, before=before)


def mail_members(*, notice: Notice, members: Iterable[Membership]) -> None:
    """Queue the notice's mail for each of them who wants it, once. In the firm's scope and a transaction."""
    mails = [
        _put_mail(
            f"notice:{notice.pk}:{member.pk}",
            notice.mail_template,
            member.user.email,
            notice.mail_subject,
            notice.mail_body,
            notice.mail_reply_to,
        )
        for member in members
        if notice.mail_template not in member.muted
    ]
    if mails:
        trail.record("mail.notice", notice, company_id=notice.company_id, rows=mails)


def mail_partner_soon(*, handing: Handing) -> None:
    """Have the partner told by mail what was handed over: a worker looks whether it still is."""
    due.put(HANDED, handing.firm_id, UUID(int=handing.pk))


def mail_partner(*, partner: Membership, handings: Sequence[Handing]) -> None:
    """Queue one mail of what one act has handed over, each thing once for each partner, unless the partner does
    without. In the firm's scope and a transaction that has locked the handings."""
    things = [] if HANDED_OVER in partner.muted else _not_told(partner, handings)
    if not things:
        return
    label, address = _what(things, partner.firm.slug)
    mail = queue_mail(
        key=_handed_key(things[0], partner),
        template=HANDED_OVER,
        to=partner.user.email,
        context={
            "member_name": str(partner.user),
            "company_name": things[0].company.name,
            "thing_label": label,
            "thing_url": settings.PUBLIC_URL + address,
            "choose_url": settings.PUBLIC_URL
            + reverse("notices:own_choose", args=[partner.firm.slug, things[0].company_id]),
        },
    )
    for thing in things:
        trail.record("mail.handing", thing, company_id=thing.company_id, rows=[mail], membership=partner.pk)


def _handed_key(thing: Meeting | Attachment, partner: Membership) -> str:
    return f"handed:{thing.pk}:{partner.pk}"


def _not_told(partner: Membership, handings: Sequence[Handing]) -> list[Meeting | Attachment]:
    """The things of which the partner has had no mail. The trail knows also those that another one's mail has named."""
    things = [thing for each in handings if (thing := each.meeting or each.attachment)]
    kinds = {thing._meta.label_lower for thing in things}
    acts = Trail.objects.filter(subject__in=kinds, subject_id__in=[str(thing.pk) for thing in things])
    acts = acts.filter(act="mail.handing", details__membership=partner.pk)
    told = set(acts.values_list("subject_id", flat=True))
    keys = [_handed_key(thing, partner) for thing in things]
    mailed = set(Mail.objects.filter(key__in=keys).values_list("key", flat=True))
    return [
        thing for thing in things if str(thing.pk) not in told and _handed_key(thing, partner) not in mailed
    ]


def _what(things: Sequence[Meeting | Attachment], slug: str) -> tuple[str, str]:
    """What the things of one act are called together, and where they stand."""
    first = things[0]
    if isinstance(first, Meeting):
        address = reverse("tenancy:meeting", args=[slug, first.company_id, first.pk])
        return f"{jdate(first.held_on)}の面談記録", address
    address = reverse("tenancy:files", args=[slug, first.company_id])
    return f"ファイル{in_short([str(each) for each in things])}", address


def send_again(*, mail: Mail, actor: Membership | None) -> bool:
    """Try a mail that could not be sent once more, with all its attempts. False when it is not in that state (any
    more): a second click does nothing."""
    # One whose text is forgotten (tenancy.retention) has nothing left to say.
    failed = Mail.objects.filter(pk=mail.pk, state=Mail.State.FAILED).exclude(body="")
    if not failed.update(state=Mail.State.QUEUED, last_error=""):
        return False
    mail.state, mail.last_error = Mail.State.QUEUED, ""
    due.put(MAIL, mail.firm_id, mail.pk)
    trail.record("send_again.mail", mail, before={"state": Mail.State.FAILED.value})
    return True


def withdraw_mails(*, link: UUID, templates: Iterable[str] = ()) -> list[Mail]:
    """Mails about the thing with the id `link` that still wait are not sent: what they say is not true any more. All of
    them, or those of these `templates`; the rows that are gone, for the trail. In the firm's scope.

    One that a worker is sending at this moment goes out; what it finds afterwards is gone, and it does not mind.
    """
    waiting = Mail.objects.filter(link=link, state=Mail.State.QUEUED)
    if templates:
        waiting = waiting.filter(template__in=templates)
    gone = list(waiting.only("pk", "firm_id"))
    for mail in gone:
        due.drop(MAIL, mail.pk)
    Mail.objects.filter(pk__in=[mail.pk for mail in gone]).delete()
    return gone


def mark_read(*, notices: Iterable[Notice], membership: Membership) -> None:
    """The member has read these. Twice is once."""
    marks = [
        NoticeRead(firm_id=each.firm_id, company_id=each.company_id, notice_id=each.pk, membership=membership)
        for each in notices
    ]
    NoticeRead.objects.bulk_create(marks, ignore_conflicts=True)


def _put_mail(
    key: str,
    template: str,
    to: str,
    subject: str,
    body: str,
    reply_to: str,
    *,
    private: bool = False,
    link: UUID | None = None,
    calendar: str = "",
) -> Mail:
    validate_email(to)
    firm_id = scope_firm_id()
    mail_id, key = once("mail", firm_id, key)
    mail = Mail(
        id=mail_id,
        firm_id=firm_id,
        key=key,
        template=template,
        to=to,
        reply_to=reply_to,
        subject=subject,
        body=body,
        private=private,
        link=link,
        calendar=calendar,
    )
    # Blind: no target and no RETURNING, because either asks for the right to read, which a visitor has not.
    Mail.objects.bulk_create([mail], ignore_conflicts=True)
    due.put(MAIL, firm_id, mail.pk)
    return mail


def _sender() -> dict[str, object]:
    """The scope's firm as its mails sign. Until it has written its profile, answers go to the installation."""
    profile = FirmProfile.objects.select_related("firm").first()
    if profile is None:
        own_address = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
        return {
            "firm_name": Firm.objects.get(pk=scope_firm_id()).name,
            "firm_phone": "",
            "firm_email": own_address,
        }
    return {"firm_name": profile.firm.name, "firm_phone": profile.phone, "firm_email": profile.email}


@contextmanager
def _scope_of(firm_id: int | None) -> Iterator[None]:
    """The scope in force; the whole firm's where there is none, or one without a firm (sign-in, passwords)."""
    scope = scope_or_none()
    if firm_id is None or (scope is not None and scope.firm_id is not None):
        if firm_id is not None and scope is not None and scope.firm_id != firm_id:
            raise PermissionError("This mail belongs to another firm than the one in whose name you act.")
        yield
        return
    with open_scope(Scope.of_firm(firm_id)):
        yield
