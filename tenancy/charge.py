"""Who is in charge of a company, and hears of it: whoever does it is somebody else, most often."""

from collections.abc import Sequence
from uuid import uuid4

from django.db.models import Model
from django.urls import reverse

from tenancy import letters
from tenancy.models import Company, Firm, Membership


def tell_in_charge(companies: Sequence[Company], *, actor: Membership | None) -> list[Model]:
    """Tell the consultant of these companies, whose they have just become, in one notice; its row, for the trail. Call
    it once for each act, with what the act has changed. Nobody is told what they did themselves, or a command did.

    The notice stands at the first company and names no other: somebody who sees assigned companies only reads it, and
    gets its mail, as long as that one is theirs. The mail names more where everybody sees all companies.
    """
    consultant = companies[0].consultant if companies else None
    if consultant is None or actor is None or actor.pk == consultant.pk:
        return []
    first, slug, number = companies[0], actor.firm.slug, len(companies)
    others = f"ほか{number - 1}社" if number > 1 else ""
    in_short, in_full = f"「{first.name}」{others}", letters.in_full([company.name for company in companies])
    everybody_sees_all = actor.firm.consultants_see == Firm.Sees.ALL
    the_list = f"{reverse('tenancy:companies', args=[slug])}?consultant={consultant.pk}"
    notice = letters.tell_member(
        key=f"in_charge:{uuid4()}",
        member=consultant,
        company=first,
        title=f"{in_short}の担当になりました",
        body=f"{actor.user}さんが決めました。",
        url=the_list if others else reverse("tenancy:company", args=[slug, first.pk]),
        mail="in_charge",
        context={
            "member_name": str(consultant.user),
            "actor_name": str(actor.user),
            "companies_label": in_full if everybody_sees_all else in_short,
        },
    )
    return [notice]
