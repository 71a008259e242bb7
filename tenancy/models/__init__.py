"""Firms, companies, sites, people, roles; what is kept of the work with a company; what is due; who did what."""

from tenancy.models.company import Company, CompanyMerge, Site, bare_name
from tenancy.models.firm import (
    RESERVED_SLUGS,
    Firm,
    FirmDeletion,
    FirmProfile,
    PrivacyNotice,
    PublicPerson,
)
from tenancy.models.keys import ApiToken, IdempotencyKey
from tenancy.models.people import Invitation, Membership, User
from tenancy.models.records import Attachment, Handing, Meeting
from tenancy.models.sessions import Session
from tenancy.models.trail import PersonKey, Trail
from tenancy.models.work import Due, RateLimit

__all__ = [
    "RESERVED_SLUGS",
    "ApiToken",
    "Attachment",
    "Company",
    "CompanyMerge",
    "Due",
    "Firm",
    "FirmDeletion",
    "FirmProfile",
    "Handing",
    "IdempotencyKey",
    "Invitation",
    "Meeting",
    "Membership",
    "PersonKey",
    "PrivacyNotice",
    "PublicPerson",
    "RateLimit",
    "Session",
    "Site",
    "Trail",
    "User",
    "bare_name",
]
