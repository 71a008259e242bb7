"""Every write about firms, companies and people, for pages, API and commands alike.

Actions run in the scope and the transaction of their caller, except `create_firm`, before which there is no firm.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email, validate_slug
from django.db import IntegrityError, connection, transaction
from django.db.models import Max

from tenancy import clock, retention, trail
from tenancy.charge import tell_in_charge
from tenancy.door import hash_of, make_token_text
from tenancy.editing import apply
from tenancy.locks import lock_company
from tenancy.models import (
    RESERVED_SLUGS,
    ApiToken,
    Company,
    Firm,
    FirmProfile,
    Membership,
    PrivacyNotice,
    PublicPerson,
    Site,
    User,
)
from tenancy.scope import Scope, change_scope, current_scope, open_scope, whole_firm

_PRIVACY_TEXT = Path(__file__).parent / "content" / "privacy_ja.md"
PRIVACY_SUMMARY = (
    "お預かりした会社名・お名前・メールアドレスと回答は、ご相談と診断のためだけに使います。"
    "ご本人の同意なく、ほかの会社へお渡しすることはありません。"
    "削除をご希望のときは、お電話かメールでお知らせください。"
)


class NumberTaken(ValueError):
    """Another company of the firm has this 法人番号."""


class NameTaken(ValueError):
    """The name stands there already."""


class LocksOneselfOut(ValueError):
    """Nobody may demand a second factor without having one: it would shut out whoever demands it first."""


# ── Firms ──


@dataclass(frozen=True)
class NewFirm:
    """`user_is_new` is False when the person had an account, from another firm, and keeps its password."""

    firm: Firm
    admin: Membership
    user_is_new: bool


def create_firm(*, slug: str, name: str, admin_email: str, admin_name: str = "") -> NewFirm:
    """A firm with its profile, its 個人情報の取扱い (版 1) and its first admin, who has no password yet.

    Raises ValidationError with a message for the operator.
    """
    _check_firm(slug, name, admin_email)
    with transaction.atomic():
        firm = Firm.objects.create(slug=slug, name=name)
        user = User.objects.filter(email=admin_email.lower()).first()
        member = user or User.objects.create_user(admin_email, None, admin_name)
        with open_scope(Scope.of_firm(firm.pk)):
            admin = Membership.objects.create(firm=firm, user=member, role=Membership.Role.ADMIN)
            profile = FirmProfile.objects.create(firm=firm, legal_name=name, email=admin_email.lower())
            retention.start(firm.pk)
            trail.record("create.firm", firm, rows=[admin, profile, *([] if user else [member])])
            publish_privacy_notice(
                summary=PRIVACY_SUMMARY, text=_PRIVACY_TEXT.read_text("utf-8").strip(), after=0, actor=None
            )
    return NewFirm(firm, admin, user is None)


def _check_firm(slug: str, name: str, email: str) -> None:
    validate_slug(slug)
    validate_email(email)
    if slug != slug.lower() or len(slug) > 40:
        raise ValidationError("URLの名前は、半角の英小文字・数字・ハイフンで40文字以内にしてください。")
    if slug in RESERVED_SLUGS:
        raise ValidationError(f"「{slug}」は、ほかの用途で使われているため選べません。")
    if Firm.objects.filter(slug=slug).exists():
        raise ValidationError(f"「{slug}」は、すでに使われています。")
    if not name.strip() or len(name) > 100:
        raise ValidationError("名称は1文字以上100文字以内にしてください。")


def update_profile(
    *, values: Mapping[str, object], seen: Mapping[str, str] | None, actor: Membership | None
) -> FirmProfile:
    """What the firm says about itself to everybody. Raises ChangedMeanwhile."""
    profile = FirmProfile.objects.select_for_update(of=("self",), no_key=True).first() or FirmProfile()
    is_new = profile.pk is None
    before = apply(profile, values, None if is_new else seen)
    if before:
        profile.save(update_fields=None if is_new else list(before))
        trail.record("update.profile", profile, before=None if is_new else before)
    return profile


def update_rules(
    *,
    firm: Firm,
    values: Mapping[str, object],
    seen: Mapping[str, str] | None,
    actor: Membership | None,
    has_second_factor: bool,
) -> Firm:
    """Who sees what, and whether signing in asks for a second factor. Raises ChangedMeanwhile, and LocksOneselfOut
    unless whoever wants a second factor of everybody has shown one."""
    row: Firm = Firm.objects.select_for_update(of=("self",), no_key=True).get(pk=firm.pk)
    before = apply(row, values, seen)
    if "requires_second_factor" in before and row.requires_second_factor and not has_second_factor:
        raise LocksOneselfOut
    if before:
        row.save(update_fields=list(before))
        trail.record("update.rules", row, before=before)
    return row


def publish_privacy_notice(
    *, summary: str, text: str, after: int, actor: Membership | None
) -> PrivacyNotice | None:
    """A new version of the 個人情報の取扱い, following version `after`; earlier ones stay as they are.

    The same words again are no new version. None: somebody else has published one since `after`.
    """
    now = PrivacyNotice.objects.first()
    if now is not None and (now.summary, now.text) == (summary, text):
        return now
    if after != (now.version if now else 0):
        return None
    try:
        with transaction.atomic():
            notice = PrivacyNotice.objects.create(version=after + 1, summary=summary, text=text)
    except IntegrityError:  # at the same moment: by somebody else, or by the other of two clicks
        newest = PrivacyNotice.objects.first()
        same = newest is not None and (newest.summary, newest.text) == (summary, text)
        return newest if same else None
    trail.record("publish.privacy_notice", notice, version=notice.version)
    return notice


# ── People on the public page ──

_TOLD = ("name", "title", "qualification", "fields_of_work", "interests")


def save_person(*, person: PublicPerson, actor: Membership | None) -> PublicPerson:
    """Add or change somebody on the public page; new ones stand last. Raises NameTaken.

    The same person in the same words once more, as by a second click, is the one there is.
    """
    rows = PublicPerson.objects.select_for_update(of=("self",), no_key=True)
    stored = rows.filter(pk=person.pk).first() if person.pk else None
    if stored is None:
        person.position = (PublicPerson.objects.aggregate(last=Max("position"))["last"] or 0) + 1
    before = apply(stored, {name: getattr(person, name) for name in _TOLD}, None) if stored else None
    if before == {}:
        return person
    try:
        with transaction.atomic():
            person.save(update_fields=before and list(before))
    except IntegrityError as error:
        twin = PublicPerson.objects.filter(**{name: getattr(person, name) for name in _TOLD}).first()
        if stored is None and twin is not None:
            return twin
        raise NameTaken from error
    trail.record("add.person" if before is None else "update.person", person, before=before)
    return person


def remove_person(*, person: PublicPerson, actor: Membership | None) -> None:
    """Take somebody off the public page."""
    trail.record_gone("remove.person", person)
    person.delete()


def move_person(*, person: PublicPerson, up: bool, actor: Membership | None) -> None:
    """Exchange places with the neighbour; at the end nothing happens."""
    people = list(
        PublicPerson.objects.select_for_update(of=("self",), no_key=True).order_by("position", "pk")
    )
    at = next(index for index, each in enumerate(people) if each.pk == person.pk)
    other = at - 1 if up else at + 1
    if not 0 <= other < len(people):
        return
    moved = people[at]
    stood = moved.position
    people[at], people[other] = people[other], moved
    elsewhere = [each for position, each in enumerate(people, start=1) if each.position != position]
    for position, each in enumerate(people, start=1):
        each.position = position
    PublicPerson.objects.bulk_update(elsewhere, ["position"])
    trail.record(
        "move.person",
        moved,
        before={"position": stood},
        rows=[each for each in elsewhere if each is not moved],
    )


# ── Companies ──


def create_company(
    *, values: Mapping[str, object], actor: Membership | None, once: UUID | None = None
) -> Company:
    """A new company. `once`: the form's own id; sent twice, also at the same moment, it is one company.

    Of somebody who sees assigned companies only it is theirs, unless they named another consultant; then it is in
    their scope from here on. Raises NumberTaken.
    """
    if once is not None and (made := made_by(once)):
        return made
    company = Company(**values)
    if not current_scope().sees_whole_firm:
        company.consultant = company.consultant or actor
    with whole_firm():
        _save_company(company)
    _see_if_mine(company)
    rows = tell_in_charge([company], actor=actor)
    trail.record("create.company", company, company_id=company.pk, rows=rows, once=once)
    return company


def _see_if_mine(company: Company) -> None:
    """Somebody who sees assigned companies only sees this one too, without knocking again."""
    scope = current_scope()
    if scope.companies != "*" and company.consultant_id == scope.membership_id is not None:
        change_scope(companies=scope.companies | {company.pk})


def made_by(once: UUID) -> Company | None:
    """The company that the same form has made, whoever is in charge of it by now. Waits for the other click, if that is
    still at work."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [str(once)])
    with whole_firm():
        act = trail.done("create.company", once)
        return Company.objects.filter(pk=act.subject_id).first() if act else None


def number_is_taken(number: str, *, by_other_than: int | None) -> bool:
    """Whether a company of the firm has this 法人番号, also one that the person may not see: only yes or no leaves."""
    with whole_firm():
        same = Company.objects.filter(corporate_number=number)
        return (same if by_other_than is None else same.exclude(pk=by_other_than)).exists()


def archive_company(*, company: Company, archived: bool, actor: Membership | None) -> None:
    """Take the company out of lists and choices, or back into them. Twice is once. Raises CompanyGone."""
    lock_company(company.pk)
    now = clock.now() if archived else None
    rows = Company.objects.filter(pk=company.pk, archived_at__isnull=archived)
    if rows.update(archived_at=now):
        act = "archive.company" if archived else "restore.company"
        before, company.archived_at = {"archived_at": company.archived_at}, now
        trail.record(act, company, company_id=company.pk, before=before)


def update_company(
    *,
    company: Company,
    values: Mapping[str, object],
    seen: Mapping[str, str] | None,
    actor: Membership | None,
) -> Company:
    """Change a company. Returns the stored row. Raises NumberTaken, ChangedMeanwhile, CompanyGone."""
    row = lock_company(company.pk)
    before = apply(row, values, seen)
    if before:
        _save_company(row, list(before))
        rows = tell_in_charge([row], actor=actor) if "consultant" in before else []
        trail.record("update.company", row, company_id=row.pk, before=before, rows=rows)
    return row


def _save_company(company: Company, fields: list[str] | None = None) -> None:
    """In a savepoint, so that a lost race for the number leaves the request's transaction whole."""
    try:
        with transaction.atomic():
            company.save(update_fields=fields)
    except IntegrityError as error:
        if "tenancy_company_corporate_number" in str(error):
            raise NumberTaken from error
        raise


# ── Sites ──


def add_site(*, company: Company, name: str, actor: Membership | None) -> Site:
    """A shop, school, area or product line. The same name again is the same site. Raises CompanyGone."""
    lock_company(company.pk)
    last = company.sites.aggregate(last=Max("position"))["last"] or 0
    site: Site
    site, made = Site.objects.get_or_create(
        firm_id=company.firm_id, company=company, name=name, defaults={"position": last + 1}
    )
    if made:
        trail.record("add.site", site, company_id=company.pk)
    return site


def rename_site(*, site: Site, name: str, actor: Membership | None) -> Site:
    """Returns the stored row. Raises NameTaken."""
    row: Site = Site.objects.select_for_update(of=("self",), no_key=True).get(pk=site.pk)
    before = apply(row, {"name": name}, None)
    if not before:
        return row
    try:
        with transaction.atomic():
            row.save(update_fields=["name"])
    except IntegrityError as error:
        raise NameTaken from error
    trail.record("rename.site", row, company_id=row.company_id, before=before)
    return row


def remove_site(*, site: Site, actor: Membership | None) -> None:
    """Delete the site and what hangs on it."""
    trail.record_gone("remove.site", site, company_id=site.company_id)
    site.delete()


# ── API tokens ──


def create_api_token(
    *, membership: Membership, name: str, actor: Membership | None, once: UUID | None = None
) -> tuple[ApiToken, str]:
    """A key with the membership's role, and its text, which is stored nowhere and cannot be shown again.

    `once`: the form's own id; of two clicks both answers show the one token that was made.
    """
    text = make_token_text(membership.firm_id, f"{membership.pk}:{once}" if once else "")
    token, made = ApiToken.objects.get_or_create(
        firm_id=membership.firm_id, hash=hash_of(text), defaults={"membership": membership, "name": name}
    )
    if made:
        trail.record("create.api_token", token, membership=membership.pk)
    return token, text


def revoke_api_token(*, token: ApiToken, actor: Membership | None) -> None:
    """From now on it opens nothing. Twice is once."""
    now = clock.now()
    if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now):
        token.revoked_at = now
        trail.record("revoke.api_token", token, before={"revoked_at": None})
