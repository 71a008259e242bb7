"""Addresses: `/<firm>/consultation/…` for visitors, `/<firm>/consultations/…` for the firm."""

from django.urls import path

from consultations.views import company, firm, manage, outside, queue, schedule, settings, sheet, visitor

MANAGE = "consultation/m/<str:token>/"
SENT = "consultation/sent/<str:token>/"
ONE = "consultations/<uuid:consultation>/"
SCHEDULE = "consultations/schedule/"
COMPANY = "companies/<int:company>/consultations/"
SETTINGS = "settings/consultations/"

app_name = "consultations"
urlpatterns = [
    # Visitors.
    path("consultation/", visitor.book, name="book"),
    path("consultation/waitlist/", visitor.waitlist, name="waitlist"),
    path(SENT, visitor.sent, name="sent"),
    path(f"{SENT}again/", visitor.sent_again, name="sent_again"),
    path(MANAGE, manage.manage, name="manage"),
    path(f"{MANAGE}confirm/", manage.confirm, name="confirm"),
    path(f"{MANAGE}change/", manage.change, name="change"),
    path(f"{MANAGE}cancel/", manage.cancel, name="cancel"),
    path(f"{MANAGE}details/", manage.details, name="details"),
    path(f"{MANAGE}answer/", manage.answer, name="answer"),
    path(f"{MANAGE}again/", manage.again, name="again"),
    path(f"{MANAGE}rebook/", manage.rebook, name="rebook"),
    path(f"{MANAGE}soudan.ics", manage.event, name="event"),
    path("consultation/w/<str:token>/", queue.queue, name="queue"),
    path("consultation/w/<str:token>/leave/", queue.leave, name="queue_leave"),
    path("consultation/n/<str:token>/", queue.wish, name="wish"),
    path("consultation/s/<str:token>/", outside.summary, name="summary"),
    path("consultation/feed/<str:token>/", outside.feed, name="feed"),
    # The firm.
    path("consultations/", firm.list_, name="list"),
    path("consultations/csv/", firm.list_csv, name="csv"),
    path("consultations/excel/", firm.list_excel, name="excel"),
    path("consultations/new/", firm.new, name="new"),
    path("consultations/tasks/<uuid:task>/", firm.task_done, name="task_done"),
    path(SCHEDULE, schedule.schedule, name="schedule"),
    path(f"{SCHEDULE}hours/", schedule.hours, name="schedule_hours"),
    path(f"{SCHEDULE}exceptions/", schedule.exception_add, name="exception_add"),
    path(f"{SCHEDULE}exceptions/<int:exception>/remove/", schedule.exception_remove, name="exception_remove"),
    path(f"{SCHEDULE}calendar/", schedule.calendar, name="schedule_calendar"),
    path(f"{SCHEDULE}feed/", schedule.feed_renew, name="feed_renew"),
    path(ONE, sheet.detail, name="detail"),
    path(f"{ONE}note/", sheet.note, name="note"),
    path(f"{ONE}summary/", sheet.summary, name="summary_write"),
    path(f"{ONE}actions/", sheet.action_add, name="action_add"),
    path(f"{ONE}actions/<uuid:action>/", sheet.action_tick, name="action_tick"),
    path(f"{ONE}mark/", sheet.mark, name="mark"),
    path(f"{ONE}where/", sheet.where, name="where"),
    path(f"{ONE}move/", sheet.move, name="move"),
    path(f"{ONE}cancel/", sheet.cancel, name="firm_cancel"),
    path(f"{ONE}company/", sheet.take_over, name="take_over"),
    path(SETTINGS, settings.desk, name="settings"),
    path(f"{SETTINGS}people/", settings.people, name="settings_people"),
    path(f"{SETTINGS}months/", settings.month_cap, name="month_cap"),
    path(f"{SETTINGS}closed/", settings.closed_add, name="closed_add"),
    path(f"{SETTINGS}closed/<int:closed>/remove/", settings.closed_remove, name="closed_remove"),
    path(f"{SETTINGS}blocked/", settings.blocked_add, name="blocked_add"),
    path(f"{SETTINGS}blocked/<int:blocked>/remove/", settings.blocked_remove, name="blocked_remove"),
    # A company's own people, and the firm's page of it.
    path(COMPANY, company.of_company, name="of_company"),
    path(f"{COMPANY}book/", company.book, name="own_book"),
    path(f"{COMPANY}<uuid:consultation>/", company.detail, name="own_detail"),
]
