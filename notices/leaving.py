"""A firm's deletion, with the mails that tell its admins: ordering it, and taking it back."""

from django.conf import settings
from django.urls import reverse

from notices.actions import queue_mail
from tenancy import leaving, trail
from tenancy.models import Firm, FirmDeletion, Membership
from tenancy.permissions import ADMIN
from tenancy.templatetags.michisuji import jdate


def order_deletion(*, firm: Firm, typed: str, actor: Membership | None) -> FirmDeletion:
    """As tenancy.leaving's; every admin hears of it, once for each order. Raises WrongName."""
    order = leaving.order_deletion(firm=firm, typed=typed, actor=actor)
    _tell(firm, order.pk, "firm_deletion_ordered", actor, due_label=jdate(order.due_at))
    return order


def take_deletion_back(*, firm: Firm, actor: Membership | None) -> bool:
    """As tenancy.leaving's; every admin hears of it."""
    order = FirmDeletion.objects.first()
    taken = leaving.take_deletion_back(firm=firm, actor=actor)
    if order is not None and taken:
        _tell(firm, order.pk, "firm_deletion_taken_back", actor)
    return taken


def _tell(firm: Firm, order_id: int, template: str, actor: Membership | None, **more: str) -> None:
    admins = Membership.objects.active().filter(role=ADMIN).select_related("user").order_by("pk")
    mails = [
        queue_mail(
            key=f"{template}:{order_id}:{member.pk}",
            template=template,
            to=member.user.email,
            context={
                "member_name": str(member.user),
                "actor_name": str(actor.user) if actor else firm.name,
                "settings_url": settings.PUBLIC_URL + reverse("notices:firm_delete", args=[firm.slug]),
                **more,
            },
        )
        for member in admins
    ]
    trail.record("tell.firm_deletion", firm, rows=mails)
