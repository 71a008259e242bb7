"""How long mails and notices are kept."""

from django.db.models import Q

from notices.models import Mail, Notice, NoticeRead
from tenancy.retention import kept

kept(
    "notices inside the product, and who has read them",
    [Notice, NoticeRead],
    "1 year",
    days=365,
    old=lambda before: Notice.objects.filter(created_at__lt=before),
)
kept(
    "the texts of mails that were sent, or could not be, and their calendar files",
    [Mail],
    "90 days; those with a private link until they are sent",
    days=90,
    old=lambda before: Mail.objects.filter(
        ~Q(state=Mail.State.QUEUED), ~Q(body="", calendar=""), created_at__lt=before
    ),
    blank=("body", "calendar"),
)
kept(
    "the log of mails: address, subject, state",
    [Mail],
    "1 year",
    days=365,
    old=lambda before: Mail.objects.filter(~Q(state=Mail.State.QUEUED), created_at__lt=before),
)
