"""Every write about who belongs where: invitations, roles, ends, and handing over.

All of it runs in the scope and the transaction of the caller, except `accept`, whose caller is a visitor: it opens the
firm's scope itself.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import Model
from django.urls import reverse

from tenancy import actions, clock, letters, limits, sessions, trail
from tenancy.charge import tell_in_charge
from tenancy.links import make_token
from tenancy.locks import CompanyGone, lock_company
from tenancy.models import ApiToken, Company, Handing, Invitation, Membership, Session, User
from tenancy.models.company import CompanyQuerySet
from tenancy.permissions import ADMIN, CONSULTANT, OWNER, PARTNER, PERMISSIONS, STAFF, Limit
from tenancy.scope import Scope, open_scope
from tenancy.templatetags.michisuji import jdate

LINK = "tenancy.invitation"  # the purpose of the signed link
# In a day: to one address, and to all, out of a firm or of one of its companies. Each is counted for itself: from a
# refusal nobody may learn whom others have invited, and no owner uses up what the firm may send.
TO_ADDRESS = Limit("invited", 5, 86_400)
OUT_OF_FIRM, OUT_OF_COMPANY = Limit("inviting", 300, 86_400), Limit("inviting_company", 50, 86_400)
LASTS = timedelta(days=7)  # and the rest of the last day

# Permission → roles that whoever has it may invite to and end.
MANAGES: dict[str, frozenset[str]] = {
    "firm.members": frozenset({ADMIN, CONSULTANT}),
    "members.invite": frozenset({OWNER, STAFF, PARTNER}),
    "staff.invite": frozenset({STAFF}),
}


class AlreadyThere(ValueError):
    """The person has this place, or an open invitation to it, already."""


class Closed(ValueError):
    """The invitation was used, taken back, sent anew or has expired."""


class OtherAddress(ValueError):
    """Whoever is signed in is not whom the invitation is for."""


class Ended(ValueError):
    """The membership has ended: it can begin again by a new invitation only."""


class TooMany(ValueError):
    """So many invitations went from this firm to this address, or to all, that no more go today: mails in our name must
    not become a nuisance."""


class LastAdmin(ValueError):
    """The firm would be left without an admin."""


# ── Invitations ──


def invite(
    *,
    email: str,
    name: str,
    role: str,
    company: Company | None,
    title: str = "",
    ends_on: date | None = None,
    actor: Membership,
) -> Invitation:
    """Invite an address to a place, and mail it the link; an earlier invitation to it that has expired makes way.
    Raises AlreadyThere, CompanyGone and TooMany."""
    if company is not None:
        lock_company(company.pk)
    _make_way(email, company)
    _count(email, actor)
    invitation = Invitation(
        email=email,
        name=name,
        role=role,
        company=company,
        title=title,
        ends_at=clock.end_of(ends_on) if ends_on else None,
        invited_by=actor,
        expires_at=_expiry(),
    )
    _insert(invitation)
    rows = [_mail(invitation, actor)]
    trail.record("create.invitation", invitation, company_id=invitation.company_id, rows=rows, role=role)
    return invitation


def _count(email: str, actor: Membership) -> None:
    sender = f"{actor.firm_id}:{actor.company_id or ''}"
    out = OUT_OF_COMPANY if actor.company_id else OUT_OF_FIRM
    if not (limits.within(TO_ADDRESS, f"{sender}:{email}") and limits.within(out, sender)):
        raise TooMany


def _expiry() -> datetime:
    return clock.end_of(clock.today() + LASTS)


def _insert(invitation: Invitation) -> None:
    try:
        with transaction.atomic():
            invitation.save(force_insert=True)
    except IntegrityError as error:  # an open one, perhaps made at this moment by the other of two clicks
        raise AlreadyThere from error


def _make_way(email: str, company: Company | None) -> None:
    """Close invitations to this place that have expired. Raises AlreadyThere for a member."""
    if Membership.objects.own().active().filter(company=company, user__email=email).exists():
        raise AlreadyThere
    waiting = Invitation.objects.filter(email=email, company=company, state=Invitation.State.OPEN)
    for invitation in waiting:
        if invitation.is_expired:
            revoke(invitation=invitation, actor=None)


def send_again(*, invitation: Invitation, actor: Membership) -> bool:
    """A new link for another seven days, for which `actor` stands now; the former one opens nothing any more. False
    when it is no longer open, or the place itself has ended. Raises TooMany."""
    row = _locked(invitation)
    if row is None or row.state != Invitation.State.OPEN or row.has_ended:
        return False
    _count(row.email, actor)
    before = {"version": row.version, "expires_at": row.expires_at, "invited_by": row.invited_by_id}
    row.version, row.expires_at, row.invited_by = row.version + 1, _expiry(), actor
    row.save(update_fields=list(before))
    mail = _mail(row, actor)
    trail.record("send_again.invitation", row, company_id=row.company_id, before=before, rows=[mail])
    return True


def revoke(*, invitation: Invitation, actor: Membership | None) -> bool:
    """Take the invitation back. False when it is no longer open."""
    row = _locked(invitation)
    if row is None or row.state != Invitation.State.OPEN:
        return False
    row.state = Invitation.State.REVOKED
    row.save(update_fields=["state"])
    trail.record(
        "revoke.invitation", row, company_id=row.company_id, before={"state": Invitation.State.OPEN.value}
    )
    return True


def accept(*, invitation: Invitation, user: User | None, name: str = "", password: str = "") -> Membership:
    """Take the place: `user` who is signed in, or, with None, a new person with `name` and perhaps a password.

    Called twice at once it makes one membership. Raises Closed, and OtherAddress when `user` has another address or,
    with None, when the address has an account (by now): its owner must sign in. Somebody of the firm's side gets no
    place in a company: their own one is returned, and the invitation is answered.
    """
    firm_scope = Scope.of_firm(invitation.firm_id)
    with open_scope(replace(firm_scope, user_id=user.pk if user else None)):
        _lock_company_of(invitation)
        row = _locked(invitation)
        if row is None or not row.is_open or row.version != invitation.version or not _may_still_invite(row):
            raise Closed
        person = user or _new_person(row.email, name or row.name, password)
        if person.email != row.email:
            raise OtherAddress
    with open_scope(replace(firm_scope, user_id=person.pk, role=row.role)):
        return _join(row, person, is_new=user is None)


def _lock_company_of(invitation: Invitation) -> None:
    """First the company, then the invitation: the order in which a merge takes them. Raises Closed; the link opens the
    place in the kept company a moment later."""
    place = Invitation.objects.filter(pk=invitation.pk).values_list("company_id", flat=True).first()
    try:
        if place is not None:
            lock_company(place)
    except CompanyGone as gone:
        raise Closed from gone


def _new_person(email: str, name: str, password: str) -> User:
    try:
        with transaction.atomic():
            return User.objects.create_user(email, password or None, name)
    except IntegrityError as error:
        raise OtherAddress from error


def _join(invitation: Invitation, person: User, *, is_new: bool) -> Membership:
    """The membership, made or made anew; a place of the firm's side that the person has by now is never lowered."""
    if invitation.company_id and (own := _place_in_the_firm(person)):
        _answered(invitation, own, rows=[])
        return own
    is_kept = _take_over(invitation, person)
    place = {"firm_id": invitation.firm_id, "user": person, "company_id": invitation.company_id}
    fresh = {"role": invitation.role, "title": invitation.title, "ends_at": invitation.ends_at}
    member, made = Membership.objects.own().get_or_create(**place, defaults=fresh)
    if not made and not member.is_in_force:
        if not is_kept:
            _take_away(member)
        _begin_again(member, {**fresh, "state": Membership.State.ACTIVE.value})
    _answered(invitation, member, rows=[member, person] if is_new else [member])
    return member


def _answered(invitation: Invitation, member: Membership, *, rows: Sequence[Model]) -> None:
    before = {"state": invitation.state, "membership": invitation.membership_id}
    invitation.state, invitation.membership = Invitation.State.ACCEPTED, member
    invitation.save(update_fields=["state", "membership"])
    trail.record("accept.invitation", invitation, company_id=invitation.company_id, before=before, rows=rows)


def _take_over(invitation: Invitation, person: User) -> bool:
    """Give who accepts the place that an import has kept (`reports.archive.people`), and so what hangs on it. Under
    the stand-in, whose acts are in the trail, a place stays that has ended: from there the trail has the name."""
    there: dict[str, object] = {"company_id": invitation.company_id}
    ended = Membership.objects.filter(pk=invitation.membership_id or 0, state=Membership.State.ENDED, **there)
    locked = ended.select_for_update(of=("self",), no_key=True).select_related("user")
    kept: Membership | None = locked.first()
    if kept is None or not kept.user.is_stand_in or Membership.objects.filter(user=person, **there).exists():
        return False
    stand_in, kept.user = kept.user, person
    kept.save(update_fields=["user"])
    left = Membership.objects.create(
        firm_id=kept.firm_id, user=stand_in, role=kept.role, company_id=kept.company_id, state=kept.state
    )
    trail.record("take_over.membership", kept, company_id=kept.company_id, rows=[left])
    return True


def _begin_again(member: Membership, fresh: dict[str, object]) -> None:
    before = {name: getattr(member, name) for name in fresh}
    for name, value in fresh.items():
        setattr(member, name, value)
    member.save(update_fields=list(fresh))
    trail.record("begin_again.membership", member, company_id=member.company_id, before=before)


def _place_in_the_firm(person: User) -> Membership | None:
    found: Membership | None = Membership.objects.own().active().filter(user=person, company=None).first()
    return found


def _locked(invitation: Invitation) -> Invitation | None:
    rows = Invitation.objects.select_for_update(of=("self",), no_key=True)
    found: Invitation | None = rows.filter(pk=invitation.pk).first()
    return found


def _mail(invitation: Invitation, actor: Membership) -> Model:
    """In the words of who sends it: an owner works for the company, not for the firm that signs the mail."""
    firm, company = invitation.firm, invitation.company
    return letters.send(
        key=f"invitation:{invitation.pk}:{invitation.version}",
        template="invitation" if actor.is_firm_side else "own_invitation",
        to=invitation.email,
        context={
            "invitee_name": invitation.name,
            "inviter_name": str(actor.user),
            "place_name": str(company or firm),
            "role_label": invitation.get_role_display(),
            "expires_label": jdate(invitation.answer_by),
            "invitation_url": settings.PUBLIC_URL + address_of(invitation),
        },
    )


def address_of(invitation: Invitation) -> str:
    """The page that the present link opens."""
    token = make_token(LINK, invitation.pk, invitation.version)
    return reverse("tenancy:invitation", args=[invitation.firm.slug, token])


# ── Roles and ends ──


def change_member(*, member: Membership, role: str, title: str, actor: Membership) -> None:
    """Another role or title on the firm's side. Raises LastAdmin, Ended, and PermissionDenied for who is no admin any
    more."""
    admins = _locked_admins(actor)
    row = Membership.objects.select_for_update(of=("self",), no_key=True).get(pk=member.pk)
    if not row.is_in_force:
        raise Ended
    if role != ADMIN and admins == [row.pk]:
        raise LastAdmin
    if (row.role, row.title) == (role, title):
        return
    before = {"role": row.role, "title": row.title}
    row.role, row.title = role, title
    row.save(update_fields=["role", "title"])
    trail.record("update.membership", row, before=before)


def end_membership(*, member: Membership, actor: Membership) -> bool:
    """The person's place ends with the next request. False when it had ended. Raises LastAdmin and PermissionDenied."""
    if member.is_firm_side and _locked_admins(actor) == [member.pk]:
        raise LastAdmin
    ended = Membership.objects.filter(pk=member.pk, state=Membership.State.ACTIVE).update(
        state=Membership.State.ENDED
    )
    if ended:
        before, member.state = {"state": member.state}, Membership.State.ENDED
        trail.record("end.membership", member, company_id=member.company_id, before=before)
        _take_away(member)
    return bool(ended)


def _take_away(member: Membership) -> None:
    """What would let somebody in after the person has left, or be open to them should they come back: their API tokens,
    what was handed to them, and the invitations they have sent."""
    for token in ApiToken.objects.filter(membership=member, revoked_at=None):
        actions.revoke_api_token(token=token, actor=None)
    for handing in Handing.objects.filter(membership=member):
        trail.record_gone("take_away.handing", handing, company_id=member.company_id)
        handing.delete()
    for invitation in Invitation.objects.filter(invited_by=member, state=Invitation.State.OPEN):
        revoke(invitation=invitation, actor=None)


def _may_still_invite(invitation: Invitation) -> bool:
    """Whether whoever has invited is in force and may still invite to this role; nobody stands behind it: yes."""
    inviter = invitation.invited_by
    if inviter is None:
        return True
    words = [word for word, roles in MANAGES.items() if invitation.role in roles]
    return inviter.is_in_force and any(inviter.role in PERMISSIONS[word].roles for word in words)


def sign_out(*, member: Membership, but: str | None, actor: Membership) -> int:
    """End the sessions of a colleague that were used in this firm, except the one with the key `but`: a lost device.
    In how many places."""
    used = sessions.sessions_in(member.firm_id, member.user)
    ended = [row.session_key for row in used if row.session_key != but]
    Session.objects.filter(session_key__in=ended).delete()
    if ended:
        trail.record("sign_out.membership", member, sessions=len(ended))
    return len(ended)


def set_end(*, member: Membership, ends_on: date, actor: Membership) -> None:
    """An external partner's last day."""
    row = Membership.objects.select_for_update(of=("self",), no_key=True).get(pk=member.pk)
    if row.ends_at == clock.end_of(ends_on):
        return
    before, row.ends_at = {"ends_at": row.ends_at}, clock.end_of(ends_on)
    row.save(update_fields=["ends_at"])
    trail.record("set_end.membership", row, company_id=row.company_id, before=before)


def _locked_admins(actor: Membership) -> list[int]:
    """The firm's active admins, locked in the order of their ids, so that two who demote each other meet here: the
    second one sees what the first one did. Raises PermissionDenied unless `actor` is one of them."""
    admins = Membership.objects.active().filter(role=ADMIN).order_by("pk")
    locked = list(admins.select_for_update(of=("self",), no_key=True).values_list("pk", flat=True))
    if actor.pk not in locked:
        raise PermissionDenied
    return locked


# ── Handing over ──


Move = Callable[[Membership, Membership, Membership], Sequence[Model]]


@dataclass(frozen=True)
class Burden:
    """Something that a consultant is in charge of and that another one can take: how many, and how it moves. `move`
    is told from whom, to whom and by whom, and answers the rows that it moved."""

    label: str
    count: Callable[[Membership], int]
    move: Move


_burdens: dict[str, Burden] = {}


def burden(name: str, label: str, *, count: Callable[[Membership], int], move: Move) -> None:
    """Let apps register what is handed over together: sessions, tasks. The same name again replaces it."""
    _burdens[name] = Burden(label, count, move)


def burdens_of(member: Membership) -> list[tuple[str, int]]:
    """What the member is in charge of, as (label, number). A query each."""
    return [(each.label, each.count(member)) for each in _burdens.values()]


def hand_over(*, leaving: Membership, to: Membership, actor: Membership) -> dict[str, int]:
    """Everything of `leaving` becomes `to`'s, in one act; how many, by label. Twice is once."""
    moved = {each.label: each.move(leaving, to, actor) for each in _burdens.values()}
    if rows := [row for rows in moved.values() for row in rows]:
        trail.record("hand_over.membership", leaving, rows=rows, to=to.pk)
    return {label: len(rows) for label, rows in moved.items()}


def _companies_of(member: Membership) -> int:
    return Company.objects.listed().filter(consultant=member).count()


def _move_companies(leaving: Membership, to: Membership, actor: Membership) -> Sequence[Model]:
    """What became part of another company goes along, in case it comes back, but is no company that anybody counts."""
    moved = _put_in_charge(to, Company.objects.filter(consultant=leaving), actor)
    return [row for row in moved if not row.merged_into_id]


def assign(*, companies: Iterable[int], to: Membership | None, actor: Membership) -> int:
    """These companies (ids) become `to`'s, or nobody's; how many were somebody else's before. Twice is once."""
    others = Company.objects.filter(pk__in=companies).exclude(consultant=to)
    return len(_put_in_charge(to, others, actor))


def _put_in_charge(member: Membership | None, companies: CompanyQuerySet, actor: Membership) -> list[Company]:
    """Locked in the order of their ids, so that the trail names what was moved and nothing else; each company's own
    trail says who is in charge now. Whoever is, is told in one notice, which the first company's trail names."""
    rows = companies.order_by("pk").select_for_update(of=("self",), no_key=True)
    locked = list(rows.only("pk", "firm_id", "name", "consultant", "merged_into"))
    Company.objects.filter(pk__in=[row.pk for row in locked]).update(
        consultant=member, updated_at=clock.now()
    )
    befores = [(row, row.consultant_id) for row in locked]
    for row in locked:
        row.consultant = member
    listed = [row for row in locked if not row.merged_into_id]
    told = tell_in_charge(listed, actor=actor)
    for row, before in befores:
        rows_too = told if row in listed[:1] else []
        trail.record("update.company", row, company_id=row.pk, before={"consultant": before}, rows=rows_too)
    return locked


burden("companies", "担当する企業", count=_companies_of, move=_move_companies)
