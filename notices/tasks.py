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
            partners = Membership.objects.active().filter(role=PARTNER, user__is_active=True)
            handings = Handing.objects.filter(pk=UUID(object_id).int, membership__in=partners)
            rows = handings.select_related(
                "membership__user", "membership__firm", "company", "meeting", "attachment"
            )
            for handing in rows:
                mail_partner(handing=handing)

    due.run(HANDED, object_id, address)


def _who_should_know(notice: Notice) -> QuerySet[Membership]:
    """Of a shared notice the company's owners and staff; of any other those who work for the firm, where they see
    assigned companies only, those who see this one."""
    knows = NoticeRead.objects.filter(notice=notice).values("membership")
    if notice.shared and notice.company_id is not None:
        members = Membership.objects.of_company(notice.company_id).exclude(role=PARTNER)
    else:
        members = Membership.objects.consulting()
        if notice.firm.consultants_see == Firm.Sees.ASSIGNED:
            in_charge = Company.objects.filter(pk=notice.company_id or 0).values("consultant")
            members = members.filter(Q(role=ADMIN) | Q(pk__in=in_charge))
    return members.filter(user__is_active=True).exclude(pk__in=knows)
