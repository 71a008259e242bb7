"""Addresses of a firm: `/<firm>/…`."""

from django.urls import path

from tenancy.views import (
    companies,
    company_home,
    company_members,
    files,
    home,
    invitation,
    meetings,
    members,
    public,
    settings,
    trail,
)

app_name = "tenancy"
_COMPANY = "companies/<int:company>/"
_MEETING = _COMPANY + "meetings/<uuid:meeting>/"
_FILE = _COMPANY + "files/<uuid:file>/"
_MEMBER = "settings/members/<int:colleague>/"
_PERSON = "settings/public/people/<int:person>/"
urlpatterns = [
    path("", public.public_page, name="public"),
    path("privacy/", public.privacy, name="privacy"),
    path("invitation/<str:token>/", invitation.invitation, name="invitation"),
    path("home/", home.home, name="home"),
    path("companies/", companies.companies, name="companies"),
    path("companies/csv/", companies.companies_csv, name="companies_csv"),
    path("companies/excel/", companies.companies_excel, name="companies_excel"),
    path("companies/new/", companies.company_new, name="company_new"),
    path(_COMPANY, companies.company, name="company"),
    path(_COMPANY + "home/", company_home.company_home, name="company_home"),
    path(_COMPANY + "members/", company_members.members, name="company_members"),
    path(_COMPANY + "members/invite/", company_members.invite, name="company_invite"),
    path(_COMPANY + "members/<int:member>/end/", company_members.member_end, name="company_member_end"),
    path(_COMPANY + "members/<int:member>/until/", company_members.member_until, name="company_member_until"),
    path(
        _COMPANY + "invitations/<uuid:invite>/send/",
        company_members.invitation_again,
        name="company_invitation_again",
    ),
    path(
        _COMPANY + "invitations/<uuid:invite>/revoke/",
        company_members.invitation_revoke,
        name="company_invitation_revoke",
    ),
    path(_COMPANY + "edit/", companies.company_edit, name="company_edit"),
    path(_COMPANY + "archive/", companies.company_archive, name="company_archive"),
    path(_COMPANY + "timeline/", companies.timeline, name="timeline"),
    path(_COMPANY + "meetings/", meetings.meetings, name="meetings"),
    path(_COMPANY + "meetings/new/", meetings.meeting_new, name="meeting_new"),
    path(_MEETING, meetings.meeting, name="meeting"),
    path(_MEETING + "edit/", meetings.meeting_edit, name="meeting_edit"),
    path(_MEETING + "remove/", meetings.meeting_remove, name="meeting_remove"),
    path(_COMPANY + "files/", files.files, name="files"),
    path(_COMPANY + "files/new/", files.file_new, name="file_new"),
    path(_FILE, files.file, name="file"),
    path(_FILE + "edit/", files.file_edit, name="file_edit"),
    path(_FILE + "remove/", files.file_remove, name="file_remove"),
    path(_COMPANY + "sites/", companies.site_add, name="site_add"),
    path(_COMPANY + "sites/<int:site>/", companies.site_edit, name="site_edit"),
    path(_COMPANY + "sites/<int:site>/remove/", companies.site_remove, name="site_remove"),
    path("settings/", settings.settings, name="settings"),
    path("settings/public/", settings.public, name="settings_public"),
    path("settings/public/people/new/", settings.person_new, name="person_new"),
    path(_PERSON, settings.person_edit, name="person_edit"),
    path(_PERSON + "move/", settings.person_move, name="person_move"),
    path(_PERSON + "remove/", settings.person_remove, name="person_remove"),
    path("settings/privacy/", settings.privacy, name="settings_privacy"),
    path("settings/privacy/<int:version>/", settings.privacy_version, name="privacy_version"),
    path("settings/rules/", settings.rules, name="settings_rules"),
    path("settings/members/", members.members, name="settings_members"),
    path("settings/members/invite/", members.invite, name="member_invite"),
    path(_MEMBER, members.member, name="member"),
    path(_MEMBER + "hand-over/", members.hand_over, name="member_hand_over"),
    path(_MEMBER + "end/", members.member_end, name="member_end"),
    path("settings/invitations/<uuid:invite>/send/", members.invitation_again, name="invitation_again"),
    path("settings/invitations/<uuid:invite>/revoke/", members.invitation_revoke, name="invitation_revoke"),
    path("settings/trail/", trail.trail_list, name="trail"),
    path("settings/trail/csv/", trail.trail_csv, name="trail_csv"),
    path("settings/trail/excel/", trail.trail_excel, name="trail_excel"),
    path("settings/tokens/", settings.tokens, name="settings_tokens"),
    path("settings/tokens/<int:token>/revoke/", settings.token_revoke, name="token_revoke"),
]
