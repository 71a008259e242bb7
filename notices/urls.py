"""Addresses of notices and of the mail log."""

from django.urls import path

from notices import views, views_leaving

app_name = "notices"
urlpatterns = [
    path("notices/", views.notice_list, name="list"),
    path("notices/read/", views.read_all, name="read_all"),
    path("notices/<uuid:notice>/", views.open_notice, name="open"),
    path("settings/delete/", views_leaving.firm_delete, name="firm_delete"),
    path("settings/delete/back/", views_leaving.firm_stays, name="firm_stays"),
    path("settings/mail/", views.mail_log, name="mail_log"),
    path("settings/mail/<uuid:mail>/", views.mail, name="mail"),
    path("settings/mail/<uuid:mail>/again/", views.mail_again, name="mail_again"),
]
