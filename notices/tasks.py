"""The outbox's workers. See `tenancy.due` for claims and retries."""

from functools import partial
from uuid import UUID

from celery import shared_task
from django.db.models import Q, QuerySet

from notices.actions import HANDED, MAIL, NOTICE, mail_members, mail_partner
from notices.delivery import deliver
from notices.models import Notice, NoticeRead
from tenancy import due
from tenancy.models import Company, Firm, Handing, Membership
from tenancy.permissions import ADMIN, PARTNER
from tenancy.scope import Scope, open_scope

due.kind(MAIL, task="notices.send_mail", queue="mail")
due.kind(NOTICE, task="notices.mail_members", queue="mail")
due.kind(HANDED, task="notices.mail_partner", queue="mail")


@shared_task(name="notices.send_mail")
def send_mail(firm_id: int, object_id: str) -> None:
    """Send a mail of the outbox."""
    due.run(MAIL, object_id, partial(deliver, firm_id, UUID(object_id)))


@shared_task(name="notices.mail_members")
def mail_notice(firm_id: int, object_id: str) -> None:
    """Put a notice's mail into the outbox for each member who works for the firm and has not read it."""

    def address(claim: due.Claim) -> None:
        with open_scope(Scope.of_firm(firm_id)):
            claim.finish()
            notice = Notice.objects.filter(pk=object_id).first()
            if notice is not None:
                mail_members(notice=notice, members=_who_should_know(notice))

    due.run(NOTICE, object_id, address)


@shared_task(name="notices.mail_partner")
def mail_handing(firm_id: int, object_id: str) -> None:
    """Put the mail about what was handed over into the outbox, if it still is and the partner still comes in."""

    def address(claim: due.Claim) -> None:
        with open_scope(Scope.of_firm(firm_id)):
            claim.finish()
            handing = Handing.objects.filter(pk=UUID(object_id).int).first()
            if handing is None:
                return
            partners = Membership.objects.active().filter(role=PARTNER, user__is_active=True)
            partner = partners.select_related("user", "firm").filter(pk=handing.membership_id).first()
            if partner is not None:
                mail_partner(partner=partner, handings=_of_the_same_act(handing))

    due.run(HANDED, object_id, address)


def _of_the_same_act(handing: Handing) -> list[Handing]:
    """A meeting alone; of files all that came to the same partner at the same moment. Locked in the order of their
    ids: of several workers, each rung for one of the files, the second one finds what the first one has told."""
    same = {"membership": handing.membership_id, "created_at": handing.created_at}
    rows = Handing.objects.filter(**same) if handing.attachment_id else Handing.objects.filter(pk=handing.pk)
    rows = rows.filter(meeting=handing.meeting_id).select_related("meeting__company", "attachment__company")
    return list(rows.order_by("pk").select_for_update(of=("self",), no_key=True))


def _who_should_know(notice: Notice) -> QuerySet[Membership]:
    """Of a shared notice the company's owners and staff; of any other those who work for the firm, or the one among
    them whom it is for, where they see assigned companies only, those who see this one."""
    knows = NoticeRead.objects.filter(notice=notice).values("membership")
    if notice.shared and notice.company_id is not None:
        members = Membership.objects.of_company(notice.company_id).exclude(role=PARTNER)
    else:
        members = Membership.objects.consulting()
        if notice.addressee_id is not None:
            members = members.filter(pk=notice.addressee_id)
        if notice.firm.consultants_see == Firm.Sees.ASSIGNED:
            in_charge = Company.objects.filter(pk=notice.company_id or 0).values("consultant")
            members = members.filter(Q(role=ADMIN) | Q(pk__in=in_charge))
    return members.filter(user__is_active=True).exclude(pk__in=knows)
