"""Addresses of a firm: `/<firm>/…`."""

from django.urls import path

from tenancy.views import companies, company_home, erasing, home, merging, public, settings

app_name = "tenancy"
_COMPANY = "companies/<int:company>/"
_PERSON = "settings/public/people/<int:person>/"
urlpatterns = [
    path("", public.public_page, name="public"),
    path("privacy/", public.privacy, name="privacy"),
    path("home/", home.home, name="home"),
    path("companies/", companies.companies, name="companies"),
    path("companies/new/", companies.company_new, name="company_new"),
    path(_COMPANY, companies.company, name="company"),
    path(_COMPANY + "home/", company_home.company_home, name="company_home"),
    path(_COMPANY + "edit/", companies.company_edit, name="company_edit"),
    path(_COMPANY + "sites/", companies.site_add, name="site_add"),
    path(_COMPANY + "sites/<int:site>/", companies.site_edit, name="site_edit"),
    path(_COMPANY + "sites/<int:site>/remove/", companies.site_remove, name="site_remove"),
    path(_COMPANY + "merge/", merging.choose, name="merge"),
    path(_COMPANY + "merge/<int:other>/", merging.confirm, name="merge_with"),
    path(_COMPANY + "merge/undo/", merging.undo, name="merge_undo"),
    path("settings/", settings.settings, name="settings"),
    path("settings/public/", settings.public, name="settings_public"),
    path("settings/public/people/new/", settings.person_new, name="person_new"),
    path(_PERSON, settings.person_edit, name="person_edit"),
    path(_PERSON + "move/", settings.person_move, name="person_move"),
    path(_PERSON + "remove/", settings.person_remove, name="person_remove"),
    path("settings/privacy/", settings.privacy, name="settings_privacy"),
    path("settings/privacy/<int:version>/", settings.privacy_version, name="privacy_version"),
    path("settings/members/", settings.members, name="settings_members"),
    path("settings/erase/", erasing.erase, name="erase"),
    path("settings/tokens/", settings.tokens, name="settings_tokens"),
    path("settings/tokens/<int:token>/revoke/", settings.token_revoke, name="token_revoke"),
]
