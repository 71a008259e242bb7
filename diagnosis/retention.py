"""How long the 簡易診断 is kept."""

from diagnosis.models import Comment, Diagnosis, ResumeCode
from tenancy.retention import stays

stays(
    "answers that were not submitted",
    [Diagnosis],
    "30 days",
    ends_by="a due job of each, put when it was started or imported",
)
stays(
    "submitted diagnoses and comments",
    [Diagnosis, Comment],
    "as long as the firm keeps them",
    ends_by="people of the firm",
)
stays(
    "codes for another device, as hashes",
    [ResumeCode],
    "24 hours",
    ends_by="the next code, submitting, revoking, or with the answers",
)
