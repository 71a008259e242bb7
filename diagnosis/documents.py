"""The report of a diagnosis as a document: cover, summary, findings, signs, steps, comment, all answers."""

import re
import unicodedata
from contextlib import suppress
from uuid import UUID

from django.template.loader import render_to_string
from django.utils import timezone

from diagnosis.actions.report import (
    REPORT,
    TEMPLATE_VERSION,
    first_report_is_done,
    has_the_link,
    held,
    mail_first_report,
    tell_of_failure,
)
from diagnosis.models import Comment, Diagnosis
from diagnosis.outcome import answers_of, outcome_of
from diagnosis.questionnaire import load
from reports.models import Job
from reports.registry import Document, register
from tenancy import clock
from tenancy.models import FirmProfile

# What the embedded fonts have, as character sets: JIS X 0213 and Windows' own additions (髙, ㈱).
PRINTED = ("euc_jis_2004", "cp932")
# The common form of a rare letter that is frequent in names; 〓 is what Japanese typesetters put for a missing one.
COMMON_FORM = {"\U00020bb7": "吉"}
MISSING = "〓"


def build(subject: UUID) -> str:
    """The whole HTML of the report on a submitted diagnosis. Raises Diagnosis.DoesNotExist."""
    diagnosis = Diagnosis.objects.submitted().select_related("firm").get(pk=subject)
    questionnaire = load(diagnosis.questionnaire_version)
    comment = Comment.objects.filter(diagnosis=diagnosis).select_related("author__user").first()
    context = {
        "diagnosis": diagnosis,
        "company_name": printable(diagnosis.company_name) or "お客様",
        "contact_name": printable(diagnosis.contact_name),
        "firm_name": _firm_name(diagnosis),
        "title": f"{questionnaire.title} 報告書",
        "title_lines": title_lines(f"{questionnaire.title} 報告書"),
        "outcome": outcome_of(diagnosis),
        "groups": answers_of(diagnosis),
        "comment": comment if comment is not None and comment.text else None,
        "comment_text": printable(comment.text) if comment is not None else "",
        "questions": len(questionnaire.questions),
        "facts": len(questionnaire.facts),
        "made_at": clock.now(),
        "respelled": any(map(_is_respelled, _typed(diagnosis, comment))),
    }
    return render_to_string("diagnosis/report/report.html", context)


def _typed(diagnosis: Diagnosis, comment: Comment | None) -> str:
    return diagnosis.company_name + diagnosis.contact_name + (comment.text if comment else "")


def printable(text: str) -> str:
    """As the embedded fonts can print it: PDF/UA allows no character without a glyph. What is stored does not change.

    Emoji are left out, letters that are missing are replaced.
    """
    return "".join(map(_printed, text)).strip()


def _is_respelled(character: str) -> bool:
    return _printed(character) not in (character, "")


def _printed(character: str) -> str:
    for charset in PRINTED:
        with suppress(UnicodeEncodeError):
            character.encode(charset)
            return character
    is_letter = unicodedata.category(character).startswith("L")
    return COMMON_FORM.get(character, MISSING if is_letter else "")


def title_lines(title: str) -> list[str]:
    """Broken once for the cover, behind its last の: 戦略とプロセスの / 簡易診断 報告書."""
    head, particle, tail = title.rpartition("の")
    return [head + particle, tail] if head else [title]


def _firm_name(diagnosis: Diagnosis) -> str:
    profile = FirmProfile.objects.first()
    return profile.legal_name if profile else diagnosis.firm.name


def filename(subject: UUID) -> str:
    """簡易診断_会社名_2026-11-23.pdf, without what a file system does not take."""
    diagnosis = Diagnosis.objects.get(pk=subject)
    company = re.sub(r'[\\/:*?"<>|\s_]+', "_", printable(diagnosis.company_name)).strip("_")[:60]
    day = timezone.localdate(diagnosis.submitted_at)
    return f"簡易診断_{company}_{day:%Y-%m-%d}.pdf"


def when_done(job: Job) -> None:
    """With the first PDF the respondent gets the link to it and to the result, unless the firm has sent it already."""
    others = Job.objects.filter(name=job.name, subject=job.subject, state=Job.State.DONE).exclude(pk=job.pk)
    diagnosis = held(job.subject)
    if not others.exists() and not has_the_link(diagnosis):
        mail_first_report(diagnosis)


def when_failed(job: Job) -> None:
    """The respondent who waits for the first PDF and the firm hear that it takes longer, once; a later one nobody
    waits for: who asked for it sees it."""
    diagnosis = Diagnosis.objects.select_related("firm").get(pk=job.subject)
    if not first_report_is_done(diagnosis):
        tell_of_failure(diagnosis)


register(
    Document(
        name=REPORT,
        title="簡易診断の報告書",
        template_version=str(TEMPLATE_VERSION),
        build=build,
        filename=filename,
        when_done=when_done,
        when_failed=when_failed,
    )
)
