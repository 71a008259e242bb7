"""What a visitor does: start, answer, go on elsewhere, submit. A consultant who types for somebody does the same."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.urls import reverse

from diagnosis import codes
from diagnosis.actions.report import address_key, request_report
from diagnosis.addresses import answers_url, detail_url
from diagnosis.calc import missing_by_page, score, validate
from diagnosis.models import EXPIRE, KEPT, Diagnosis, ResumeCode
from diagnosis.questionnaire import CURRENT_VERSION, load
from notices.actions import notify_firm, queue_mail
from notices.models import Notice
from tenancy import clock, due, trail
from tenancy.models import Company, Membership
from tenancy.scope import current_scope, open_scope
from tenancy.templatetags.michisuji import jdate


class AlreadySubmitted(Exception):
    """The answers are final; nothing was written."""


class Incomplete(Exception):
    """Answers are missing: `missing` says which, page key → ids. Nothing was written."""

    def __init__(self, missing: Mapping[str, tuple[str, ...]]) -> None:
        super().__init__(missing)
        self.missing = missing


@dataclass(frozen=True)
class Respondent:
    """Who answered. `privacy_version` is the notice that was consented to; None where nobody was asked (API)."""

    company_name: str
    contact_name: str = ""
    email: str = ""
    industry: str = ""
    employees: int | None = None
    privacy_version: int | None = None


def start_diagnosis(
    *,
    id: UUID | None = None,
    origin: Diagnosis.Origin = Diagnosis.Origin.VISITOR,
    company: Company | None = None,
    actor: Membership | None = None,
) -> Diagnosis:
    """An open diagnosis under the present questionnaire; unfinished, it is deleted after 30 days.

    With the `id` of one that exists, that one: a double click starts once. `actor` is who starts it for the
    company; with origin ON_BEHALF also who types.
    """
    typed_by = actor if origin == Diagnosis.Origin.ON_BEHALF else None
    about = {"origin": origin, "company": company, "typed_by": typed_by, **_known_of(company)}
    diagnosis = Diagnosis(id=id or uuid4(), questionnaire_version=CURRENT_VERSION, **about)
    # A visitor sees no diagnosis but the one that a link opens: from now on it is this one.
    scope = replace(current_scope(), link=diagnosis.pk)
    try:
        with open_scope(scope):
            diagnosis.save(force_insert=True)
            due.put(EXPIRE, diagnosis.firm_id, diagnosis.pk, at=diagnosis.started_at + KEPT)
            trail.record("start.diagnosis", diagnosis, company_id=diagnosis.company_id, origin=origin.value)
    except IntegrityError:
        with open_scope(scope):
            diagnosis = Diagnosis.objects.get(pk=diagnosis.pk)
    return diagnosis


def _known_of(company: Company | None) -> dict[str, object]:
    """Nothing is typed twice: what the firm knows of its client stands in the form already."""
    if company is None:
        return {}
    return {"company_name": company.name, "industry": company.industry, "employees": company.employees}


def save_answers(
    *,
    diagnosis: Diagnosis,
    answers: Mapping[str, int | None],
    facts: Mapping[str, int | list[str] | None],
    cleared: Collection[str] = (),
) -> Diagnosis:
    """Keep these answers beside those given before, each by its id: two devices at once lose nothing.

    Not in the trail: it would be a row for each choice; that the answers were begun and submitted stands there.
    `cleared` are facts taken back. The answers must be valid (`diagnosis.calc.validation`). Raises AlreadySubmitted
    and Diagnosis.DoesNotExist.
    """
    with transaction.atomic():
        kept = _locked(diagnosis.pk)
        if kept.state != Diagnosis.State.OPEN:
            raise AlreadySubmitted
        kept.answers = {**kept.answers, **answers}
        kept.facts = {id: value for id, value in {**kept.facts, **facts}.items() if id not in cleared}
        kept.updated_at = clock.now()
        kept.save(update_fields=["answers", "facts", "updated_at"])
    return kept


def _locked(id: UUID) -> Diagnosis:
    return Diagnosis.objects.select_for_update(no_key=True, of=("self",)).get(pk=id)


def submit_diagnosis(
    *, diagnosis: Diagnosis, respondent: Respondent, actor: Membership | None = None
) -> Diagnosis:
    """Score it, keep the result, ask for the PDF and tell the firm; a second time it changes nothing.

    Raises Incomplete, ValueError when a stored answer is not valid, and Diagnosis.DoesNotExist.
    """
    with transaction.atomic():
        submitted = _locked(diagnosis.pk)
        if submitted.state == Diagnosis.State.SUBMITTED:
            return submitted
        _write_result(submitted, respondent)
        due.drop(EXPIRE, submitted.pk)
        ResumeCode.objects.filter(diagnosis=submitted).delete()
        request_report(submitted, actor)
        is_news = submitted.origin != Diagnosis.Origin.ON_BEHALF  # who typed it knows it
        trail.record(
            "submit.diagnosis",
            submitted,
            company_id=submitted.company_id,
            before={"state": Diagnosis.State.OPEN.value},
            rows=[_tell_the_firm(submitted, but=actor)] if is_news else [],
            grade=submitted.grade,
            origin=submitted.origin,
        )
    return submitted


def _write_result(diagnosis: Diagnosis, respondent: Respondent) -> None:
    questionnaire = load(diagnosis.questionnaire_version)
    missing = missing_by_page(questionnaire, diagnosis.answers, diagnosis.facts)
    if any(missing.values()):
        raise Incomplete({key: ids for key, ids in missing.items() if ids})
    if wrong := validate(questionnaire, diagnosis.answers, diagnosis.facts):
        raise ValueError(f"stored answers are not valid: {', '.join(wrong)}")
    result = score(questionnaire, diagnosis.answers, diagnosis.facts)
    now = clock.now()
    for name, value in asdict(respondent).items():
        setattr(diagnosis, name, value)
    diagnosis.consented_at = None if respondent.privacy_version is None else now
    diagnosis.result, diagnosis.overall, diagnosis.grade = result.as_dict(), result.overall, result.grade
    diagnosis.bottleneck = result.bottleneck_stage or ""
    diagnosis.state, diagnosis.submitted_at, diagnosis.updated_at = Diagnosis.State.SUBMITTED, now, now
    diagnosis.save()


def _tell_the_firm(diagnosis: Diagnosis, *, but: Membership | None) -> Notice:
    """A notice and a mail for everybody who consults there but who did it; who they are, only the worker sees."""
    slug = diagnosis.firm.slug
    return notify_firm(
        key=f"diagnosis:{diagnosis.pk}",
        title="新しい簡易診断が届きました",
        body=f"{diagnosis.company_name}(総合評価 {diagnosis.grade} {diagnosis.overall}点)",
        url=reverse("diagnosis:detail", args=[slug, diagnosis.pk]),
        mail="new_diagnosis",
        context={
            "company_name": diagnosis.company_name,
            "grade": f"{diagnosis.grade}({diagnosis.overall}点)",
            "detail_url": detail_url(slug, diagnosis),
        },
        company_id=diagnosis.company_id,
        but=but,
    )


def mail_resume_link(*, diagnosis: Diagnosis, token: str, email: str) -> None:
    """Send the link to go on by mail; once a minute and address, however often it is asked for."""
    deadline = diagnosis.started_at + KEPT
    mail = queue_mail(
        key=f"diagnosis_resume:{diagnosis.pk}:{clock.now():%Y%m%d%H%M}:{address_key(email)}",
        template="diagnosis_resume",
        to=email,
        context={"resume_url": answers_url(diagnosis.firm.slug, token), "expires_label": jdate(deadline)},
        link=diagnosis.pk,
    )
    trail.record("mail.resume", diagnosis, company_id=diagnosis.company_id, rows=[mail])


def make_resume_code(*, diagnosis: Diagnosis) -> str:
    """A short code for another device, good for 24 hours; it replaces an earlier one. Only its hash is stored."""
    code = codes.new_code()
    with transaction.atomic():
        ResumeCode.objects.filter(diagnosis=diagnosis).delete()
        ResumeCode.objects.create(
            diagnosis=diagnosis,
            hash=codes.hash_of(diagnosis.firm_id, code),
            expires_at=clock.now() + codes.LIFETIME,
        )
        trail.record("make.resume_link", diagnosis, company_id=diagnosis.company_id)
    return code


def expire_diagnosis(*, diagnosis: Diagnosis) -> bool:
    """Delete unfinished answers; False and nothing done where they were submitted in the meantime."""
    with transaction.atomic():
        if _locked(diagnosis.pk).state != Diagnosis.State.OPEN:
            return False
        # Not what was answered: it goes because its time is over.
        trail.record("expire.diagnosis", diagnosis, company_id=diagnosis.company_id)
        diagnosis.delete()
    return True
