"""What consultants do with a diagnosis: look, comment, take the company over, pass the link on, start another.

Each may be clicked twice or by two people at once: the diagnosis' row is locked before it is judged, and what a form
was based on comes along with it.
"""

from uuid import UUID

from django.urls import reverse

from diagnosis.actions.report import (
    again_key,
    correct_address,
    has_the_link,
    mail_result,
    request_report,
    was_sent_a_link,
)
from diagnosis.actions.visitor import start_diagnosis
from diagnosis.addresses import answers_token, answers_url
from diagnosis.models import KEPT, Comment, Diagnosis, ResumeCode
from notices.actions import notify_company, queue_mail
from notices.models import Mail, Notice
from tenancy import clock, trail
from tenancy.actions import create_company, update_company
from tenancy.editing import apply
from tenancy.locks import lock_company
from tenancy.models import Company, Membership, Trail
from tenancy.templatetags.michisuji import jdate

FILLED_IN = ("industry", "employees")


class CommentMoved(Exception):
    """Somebody saved a newer comment meanwhile. `newest` is theirs; nothing was written."""

    def __init__(self, newest: Comment) -> None:
        super().__init__(newest.version)
        self.newest = newest


class PerhapsTheSame(Exception):
    """Some companies may be the one of this diagnosis: a person has to say which, or that none is."""


class NotThisCompany(Exception):
    """The diagnosis has been linked to another company meanwhile; `company` is that one."""

    def __init__(self, company: Company) -> None:
        super().__init__(company.pk)
        self.company = company


def mark_seen(*, diagnosis: Diagnosis, actor: Membership) -> None:
    """Note that a consultant has looked at it; only the first look counts."""
    now = clock.now()
    if diagnosis.seen_at is None and Diagnosis.objects.filter(pk=diagnosis.pk, seen_at=None).update(
        seen_at=now
    ):
        diagnosis.seen_at = now
        trail.record("see.diagnosis", diagnosis, company_id=diagnosis.company_id, before={"seen_at": None})


def write_comment(*, diagnosis: Diagnosis, text: str, based_on: int, actor: Membership) -> Comment | None:
    """Save `text` as the comment's next version; '' takes it out of the report. Raises CommentMoved.

    `based_on` is the version the writer saw (0: none). Unchanged words make no version: two clicks write once.
    With a new version the report is made anew.
    Returns the newest comment; None while there is none and nothing was written.
    """
    locked = _locked(diagnosis)
    newest = Comment.objects.select_related("author__user").filter(diagnosis=locked).first()
    if text == (newest.text if newest else ""):
        return newest
    if newest is not None and newest.version != based_on:
        raise CommentMoved(newest)
    comment = Comment.objects.create(
        diagnosis=locked, company=locked.company, version=locked.comment_version + 1, text=text, author=actor
    )
    locked.comment_version = diagnosis.comment_version = comment.version
    locked.save(update_fields=["comment_version"])
    told = [_tell_company(locked, locked.company, comment)] if text and locked.company else []
    trail.record(
        "write.comment",
        locked,
        company_id=locked.company_id,
        before={"comment_version": comment.version - 1},
        rows=[comment, *told],
        version=comment.version,
        empty=not text,
    )
    request_report(locked, actor)
    return comment


def _tell_company(diagnosis: Diagnosis, company: Company, comment: Comment) -> Notice:
    slug = diagnosis.firm.slug
    return notify_company(
        key=f"comment:{diagnosis.pk}:{comment.version}",
        company=company,
        title="診断の結果に、担当者からのコメントが届きました",
        body=f"{jdate(diagnosis.submitted_at)}の簡易診断です。",
        url=reverse("diagnosis:own_detail", args=[slug, company.pk, diagnosis.pk]),
    )


def take_over_company(
    *,
    diagnosis: Diagnosis,
    actor: Membership,
    company: Company | None = None,
    is_new: bool = False,
    name: str = "",
    support: str = Company.Support.CLIENT,
) -> Company:
    """Make the diagnosis' company a client (支援先企業) and return it; once, whoever clicks how often.

    `support`: which 支援状況 it has from now on, '' for what it has.
    `company` links an existing one; `is_new` says that none of the similar ones is meant; `name` is how the new one is
    called where the diagnosis does not say. What the company lacks (industry, employees) is filled in from the
    diagnosis, nothing is overwritten. Raises PerhapsTheSame when neither was said and similar ones exist or no name is
    known, NotThisCompany when it is linked to another one.
    """
    locked = _locked(diagnosis)
    linked = locked.company
    if linked is not None and _means_another(locked, linked, company, is_new=is_new):
        raise NotThisCompany(linked)
    target = linked or company or _new_company(locked, actor, is_new=is_new, name=name)
    taken, changed = _filled_in(target, locked, support, actor)
    if linked is None:
        _link(locked, taken, new=company is None)
    elif changed:
        trail.record("take_over.company", locked, company_id=taken.pk, new=False)
    diagnosis.company = taken
    return taken


def _link(diagnosis: Diagnosis, company: Company, *, new: bool) -> None:
    diagnosis.company = company
    diagnosis.save(update_fields=["company"])
    comments = Comment.objects.filter(diagnosis=diagnosis)
    comments.update(company=company)
    before = {"company": None}
    trail.record(
        "take_over.company",
        diagnosis,
        company_id=company.pk,
        before=before,
        rows=comments.only("pk"),
        new=new,
    )


def _means_another(diagnosis: Diagnosis, linked: Company, chosen: Company | None, *, is_new: bool) -> bool:
    """Whether the company that was asked for is not the linked one; the new one may be it: a second click."""
    if not is_new:
        return chosen is not None and chosen != linked
    acts = Trail.objects.filter(subject=diagnosis._meta.label_lower, subject_id=str(diagnosis.pk))
    return not acts.filter(act="take_over.company", details__new=True, company_id=linked.pk).exists()


def revoke_link(*, diagnosis: Diagnosis, version: int, actor: Membership) -> bool:
    """End every link of `version` that was given out, and the code for another device.

    False and nothing done where that was done already: by the other of two clicks, or by somebody else, whose new link
    goes on. Raises Diagnosis.DoesNotExist where the answers have expired.
    """
    locked = _locked(diagnosis)
    if locked.link_version != version:
        return False
    ResumeCode.objects.filter(diagnosis=locked).delete()
    locked.link_version = diagnosis.link_version = version + 1
    locked.save(update_fields=["link_version"])
    before = {"link_version": version}
    trail.record("revoke.link", locked, company_id=locked.company_id, before=before, version=version)
    return True


def send_result(*, diagnosis: Diagnosis, email: str, actor: Membership) -> None:
    """Send the respondent the link to result and report, now, to `email`, which is kept as the respondent's address.

    Sent once a minute at most, unless the address, the link or the comment has changed. The link opens at once; a
    report that is not made yet is asked for, and the page behind the link shows how far it is.
    """
    locked = _locked(diagnosis)
    if email != locked.email:
        correct_address(locked, email)
        diagnosis.email = email
    request_report(locked, actor)
    mails = mail_result(locked, again=True, template=_words_of_link(locked))
    trail.record("send.link", locked, company_id=locked.company_id, rows=mails, version=locked.link_version)


def _words_of_link(diagnosis: Diagnosis) -> str:
    """In which mail the firm sends the link: earlier ones were revoked, a comment was added, or neither."""
    if diagnosis.link_version > 1 and was_sent_a_link(diagnosis) and not has_the_link(diagnosis):
        return "diagnosis_link"
    newest = Comment.objects.filter(diagnosis=diagnosis).first()
    return "diagnosis_commented" if newest is not None and newest.text else ""


def start_on_behalf(*, company: Company, request_id: UUID, actor: Membership) -> Diagnosis:
    """A 代理入力 for that company, with what is known of it filled in. Once for each `request_id`.

    Raises Diagnosis.DoesNotExist for an id that stands for something else, CompanyGone.
    """
    lock_company(company.pk)
    started = start_diagnosis(id=request_id, origin=Diagnosis.Origin.ON_BEHALF, company=company, actor=actor)
    return _of(company, started)


def invite(
    *, company: Company, contact_name: str, email: str, request_id: UUID, actor: Membership
) -> Diagnosis:
    """Send a link that answers a diagnosis for `company`; what is known of it need not be typed again.

    Once for each `request_id`: a double click sends one mail. Raises Diagnosis.DoesNotExist as above.
    """
    lock_company(company.pk)
    started = start_diagnosis(id=request_id, origin=Diagnosis.Origin.INVITED, company=company, actor=actor)
    diagnosis = _of(company, started)
    if not diagnosis.email:
        _invite(diagnosis, contact_name, email, actor)
    return diagnosis


def _invite(
    diagnosis: Diagnosis, contact_name: str, email: str, actor: Membership, *, again: bool = False
) -> None:
    """`again`: the link was sent before; once a minute for each address."""
    before = apply(diagnosis, {"contact_name": contact_name, "email": email}, None)
    if before:
        diagnosis.save(update_fields=list(before))
    mail = _mail_invitation(diagnosis, actor, again=f":{again_key(diagnosis)}" if again else "")
    trail.record("invite.diagnosis", diagnosis, company_id=diagnosis.company_id, before=before, rows=[mail])


def send_invitation(*, diagnosis: Diagnosis, contact_name: str, email: str, actor: Membership) -> bool:
    """Send the link of an invitation under way once more, to whom it says now; once a minute for each address.

    False and nothing sent where it was answered meanwhile. Raises Diagnosis.DoesNotExist where it has expired.
    """
    locked = _locked(diagnosis)
    if locked.state != Diagnosis.State.OPEN:
        return False
    _invite(locked, contact_name, email, actor, again=True)
    return True


def _of(company: Company, diagnosis: Diagnosis) -> Diagnosis:
    if diagnosis.company_id != company.pk:
        raise Diagnosis.DoesNotExist
    return diagnosis


def _locked(diagnosis: Diagnosis) -> Diagnosis:
    """The row as it is now, held until the transaction ends.

    Without select_related: after waiting, PostgreSQL re-reads the locked row, but joins what stood beside it before.
    """
    return Diagnosis.objects.select_for_update(of=("self",), no_key=True).get(pk=diagnosis.pk)


def _new_company(diagnosis: Diagnosis, actor: Membership, *, is_new: bool, name: str) -> Company:
    called = name if diagnosis.is_nameless else diagnosis.company_name
    if not called or (not is_new and Company.objects.perhaps_the_same(name=called).exists()):
        raise PerhapsTheSame
    return create_company(values={"name": called}, actor=actor)


def _filled_in(
    company: Company, diagnosis: Diagnosis, support: str, actor: Membership
) -> tuple[Company, bool]:
    """The company, filled in where it was empty and raised to what it is now; and whether anything changed."""
    row = lock_company(company.pk)
    values: dict[str, object] = {
        name: given
        for name in FILLED_IN
        if getattr(row, name) in (None, "") and (given := getattr(diagnosis, name)) not in (None, "")
    }
    if support and row.support_status != support:
        values["support_status"] = support
    if not values:
        return row, False
    return update_company(company=row, values=values, seen=None, actor=actor), True


def _mail_invitation(diagnosis: Diagnosis, actor: Membership, *, again: str = "") -> Mail:
    slug = diagnosis.firm.slug
    context = {
        "company_name": diagnosis.company_name,
        "contact_name": diagnosis.contact_name or "ご担当者",
        "consultant_name": actor.user.name,
        "diagnosis_url": answers_url(slug, answers_token(diagnosis)),
        "expires_label": jdate(diagnosis.started_at + KEPT),
    }
    return queue_mail(
        key=f"diagnosis_invitation:{diagnosis.pk}{again}",
        template="diagnosis_invitation",
        to=diagnosis.email,
        context=context,
        link=diagnosis.pk,
    )
