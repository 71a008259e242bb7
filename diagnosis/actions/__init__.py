"""Every write of the 簡易診断: what a visitor does, and what a consultant does."""

from diagnosis.actions.firm import (
    CommentMoved,
    NotThisCompany,
    PerhapsTheSame,
    invite,
    mark_seen,
    revoke_link,
    send_result,
    start_on_behalf,
    take_over_company,
    write_comment,
)
from diagnosis.actions.report import (
    mail_result,
    report_version,
    request_report,
    resend_result,
    tell_of_failure,
)
from diagnosis.actions.visitor import (
    AlreadySubmitted,
    Incomplete,
    Respondent,
    expire_diagnosis,
    mail_resume_link,
    make_resume_code,
    save_answers,
    start_diagnosis,
    submit_diagnosis,
)

__all__ = [
    "AlreadySubmitted",
    "CommentMoved",
    "Incomplete",
    "NotThisCompany",
    "PerhapsTheSame",
    "Respondent",
    "expire_diagnosis",
    "invite",
    "mail_result",
    "mail_resume_link",
    "make_resume_code",
    "mark_seen",
    "report_version",
    "request_report",
    "resend_result",
    "revoke_link",
    "save_answers",
    "send_result",
    "start_diagnosis",
    "start_on_behalf",
    "submit_diagnosis",
    "take_over_company",
    "tell_of_failure",
    "write_comment",
]
