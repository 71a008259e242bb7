"""Addresses of notices and of the mail log."""

from django.urls import path

from notices import views, views_leaving

_COMPANY = "companies/<int:company>/notices/"

app_name = "notices"
urlpatterns = [
    path("notices/", views.notice_list, name="list"),
    path("notices/read/", views.read_all, name="read_all"),
    path("notices/<uuid:notice>/", views.open_notice, name="open"),
    path("settings/delete/", views_leaving.firm_delete, name="firm_delete"),
    path("settings/delete/back/", views_leaving.firm_stays, name="firm_stays"),
    path("notices/settings/", views.choose, name="choose"),
    path(_COMPANY, views.own_list, name="own_list"),
    path(_COMPANY + "read/", views.own_read_all, name="own_read_all"),
    path(_COMPANY + "settings/", views.own_choose, name="own_choose"),
    path(_COMPANY + "<uuid:notice>/", views.own_open, name="own_open"),
    path("settings/mail/", views.mail_log, name="mail_log"),
    path("settings/mail/<uuid:mail>/", views.mail, name="mail"),
    path("settings/mail/<uuid:mail>/again/", views.mail_again, name="mail_again"),
]
