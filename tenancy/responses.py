"""Answers at the door: the same status, body and headers whether a thing is missing or forbidden."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import resolve_url
from django.template.loader import render_to_string

PROBLEMS = {
    400: ("bad-request", "内容をお読みできませんでした。入力をご確認のうえ、もう一度お試しください。"),
    401: ("unauthorized", "サインインするか、有効なトークンを付けてください。"),
    403: ("forbidden", "この操作を行う権限がありません。担当コンサルタントへお問い合わせください。"),
    404: ("not-found", "お探しのものが見つかりませんでした。"),
    405: ("method-not-allowed", "この方法ではご利用いただけません。"),
    409: ("conflict", "同じ要求を処理しています。少し待ってから、もう一度お試しください。"),
    410: ("gone", "このリンクはご利用いただけなくなりました。"),
    422: ("idempotency-key-reused", "同じ Idempotency-Key が、別の内容で使われています。"),
    429: (
        "too-many-requests",
        "短い時間に多くのお申し込みがありました。しばらく待ってから、もう一度お試しください。",
    ),
    500: ("error", "処理できませんでした。時間をおいて、もう一度お試しください。"),
}


def is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/")


def problem(status: int, detail: str = "", **members: object) -> JsonResponse:
    """An RFC 9457 problem details answer with a Japanese `detail`."""
    kind, usual = PROBLEMS.get(status, PROBLEMS[400])
    body = {
        "type": f"about:blank#{kind}",
        "title": kind,
        "status": status,
        "detail": detail or usual,
        **members,
    }
    response = JsonResponse(body, status=status, json_dumps_params={"ensure_ascii": False})
    response.headers["Content-Type"] = "application/problem+json"
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if status == 409:
        response.headers["Retry-After"] = "1"
    return response


def refusal(request: HttpRequest, status: int) -> HttpResponse:
    """What a closed door says: to sign-in for pages, a problem for the API, an error page without form, nonce or id."""
    if is_api(request):
        response: HttpResponse = problem(status)
    elif status == 401:
        target = urlencode({"next": request.get_full_path()})
        response = HttpResponseRedirect(f"{resolve_url('account_login')}?{target}")
    else:
        response = HttpResponse(render_to_string(f"{status}.html"), status=status)
    response.headers["Cache-Control"] = "private, no-store"
    return response
