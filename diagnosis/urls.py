"""Addresses of the 簡易診断: `/<firm>/diagnosis/…` for visitors, `/<firm>/diagnoses/…` for the firm."""

from django.urls import path

from diagnosis.views import company, firm, own, result, visitor

ANSWERS = "diagnosis/a/<str:token>/"
RESULT = "diagnosis/r/<str:token>/"
ONE = "diagnoses/<uuid:diagnosis>/"
COMPANY = "companies/<int:company>/diagnoses/"

app_name = "diagnosis"
urlpatterns = [
    path("diagnosis/", visitor.start, name="start"),
    path("diagnosis/code/", visitor.code, name="code"),
    path(ANSWERS, visitor.answers, name="answers"),
    path(f"{ANSWERS}<int:number>/", visitor.page, name="page"),
    path(f"{ANSWERS}<int:number>/save/", visitor.save, name="save"),
    path(f"{ANSWERS}resume/", visitor.resume, name="resume"),
    path(f"{ANSWERS}resume/mail/", visitor.resume_mail, name="resume_mail"),
    path(f"{ANSWERS}resume/code/", visitor.resume_code, name="resume_code"),
    path(f"{ANSWERS}who/", visitor.who, name="who"),
    path(RESULT, result.result, name="result"),
    path(f"{RESULT}report/", result.report, name="report"),
    path(f"{RESULT}report/status/", result.report_status, name="report_status"),
    path(f"{RESULT}mail/", result.mail, name="result_mail"),
    path("diagnoses/", firm.list_, name="list"),
    path(ONE, firm.detail, name="detail"),
    path(f"{ONE}comment/", firm.comment, name="comment"),
    path(f"{ONE}report/", firm.report, name="report_request"),
    path(f"{ONE}company/", firm.take_over, name="take_over"),
    path(f"{ONE}revoke/", firm.revoke, name="revoke"),
    path(f"{ONE}send/", firm.send, name="send"),
    path("diagnoses/<uuid:invitation>/invitation/", company.invitation, name="invitation"),
    path(COMPANY, company.of_company, name="of_company"),
    path(f"{COMPANY}take/", own.take, name="take"),
    path(f"{COMPANY}<uuid:diagnosis>/", own.detail, name="own_detail"),
    path(f"{COMPANY}<uuid:diagnosis>/report/", own.report, name="own_report"),
    path(f"{COMPANY}<uuid:diagnosis>/report/status/", own.report_status, name="own_report_status"),
    path(f"{COMPANY}on-behalf/", company.on_behalf, name="on_behalf"),
    path(f"{COMPANY}invite/", company.invite_company, name="invite"),
    path(f"{COMPANY}compare/", company.compare, name="compare"),
]
