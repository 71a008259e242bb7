"""Who stands in an archive, and who they are here: an import makes nobody a member.

Whoever writes an archive can name anybody in it. So

- who works for the receiving firm already, with consent, is known by the address;
- for everybody else a stand-in is made: the archive's name, no address, no way to sign in. Whether somebody has an
  account on this installation makes no difference, and so cannot be seen;
- every place that the archive brings has ended. For one that was in force there an open invitation waits, which nobody
  has sent; who accepts it takes the place over with all that hangs on it (`tenancy.people`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError

from tenancy import clock
from tenancy.fields import NameField
from tenancy.models import Invitation, Membership, User


def _those_here() -> Mapping[str, int]:
    members = Membership.objects.own().active().filter(company=None).select_related("user")
    return {member.user.email: member.user_id for member in members}


@dataclass
class People:
    """The people of one import. `ids`: their number in the archive → here. Needs the firm's scope."""

    here: Mapping[str, int] = field(default_factory=_those_here)
    ids: dict[int, int] = field(default_factory=dict)
    stand_ins: dict[int, tuple[str, str]] = field(default_factory=dict)  # → address and name in the archive
    places: list[Membership] = field(default_factory=list)

    def meet(self, old: int, email: str, name: str) -> None:
        """Somebody in the archive. Raises ValidationError for what is no address, and for a name that is too long or a
        link: it stands in mails."""
        name = name or email[:60]
        if NameField.is_link(name):
            raise ValidationError("name")
        User(email=email, name=name).clean_fields(exclude=["password"])
        known = self.here.get(email)
        if known is None:
            known = User.objects.create_stand_in(name).pk
            self.stand_ins[known] = email, name
        self.ids[old] = known

    def end(self, place: Membership) -> None:
        """A place as it may stand here, before it is written."""
        lasts = place.ends_at is None or place.ends_at > clock.now()
        if lasts and place.state == Membership.State.ACTIVE and place.user_id in self.stand_ins:
            self.places.append(place)
        place.state = Membership.State.ENDED

    def keep_places(self) -> dict[str, int]:
        """Invitations to the places that were in force, once all rows stand; how many rows were written of what."""
        waiting = Invitation.objects.filter(state=Invitation.State.OPEN)
        known = {(each.company_id, each.email): each for each in waiting}
        fresh = []
        for place in self.places:
            email, name = self.stand_ins[place.user_id]
            invited = known.get((place.company_id, email))
            if invited is None:
                invited = known[place.company_id, email] = _invitation(place, email, name)
                fresh.append(invited)
            elif invited.membership_id is None:
                Invitation.objects.filter(pk=invited.pk).update(membership=place)
        Invitation.objects.bulk_create(fresh)
        return {"tenancy.user": len(self.stand_ins), "tenancy.invitation": len(fresh)}


def _invitation(place: Membership, email: str, name: str) -> Invitation:
    """Not sent: no link of it exists, which is what one that has expired says too. Sending it again begins it."""
    now = clock.now()
    return Invitation(
        firm_id=place.firm_id,
        email=email,
        name=name,
        role=place.role,
        company_id=place.company_id,
        title=place.title,
        ends_at=place.ends_at,
        membership=place,
        created_at=now,
        expires_at=now,
    )
