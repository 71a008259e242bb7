"""Answers at the door: the same status, body and headers whether a thing is missing or forbidden."""

from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import resolve_url
from django.template.loader import render_to_string
from django.urls import reverse


class Words(NamedTuple):
    """A kind of problem: its name for programs, what it is, and what to do about it."""

    kind: str
    title: str
    detail: str


PROBLEMS = {
    400: Words(
        "bad-request",
        "お読みできない要求",
        "内容をお読みできませんでした。入力をご確認のうえ、もう一度お試しください。",
    ),
    401: Words("unauthorized", "認証が必要", "ログインするか、有効なトークンを付けてください。"),
    403: Words(
        "forbidden", "権限なし", "この操作を行う権限がありません。担当コンサルタントへお問い合わせください。"
    ),
    404: Words("not-found", "該当なし", "お探しのものが見つかりませんでした。"),
    405: Words("method-not-allowed", "使えないメソッド", "この方法ではご利用いただけません。"),
    406: Words("not-acceptable", "お返しできない形式", "Accept には application/json を指定してください。"),
    409: Words("conflict", "競合", "いまの状態では処理できません。内容をご確認ください。"),
    410: Words("gone", "期限切れ", "このリンクはご利用いただけなくなりました。"),
    413: Words("content-too-large", "大きすぎる内容", "内容が大きすぎます。1MBまでにしてお送りください。"),
    415: Words(
        "unsupported-media-type",
        "お読みできない形式",
        "この形式はお読みできません。Content-Type に application/json を指定してください。",
    ),
    422: Words(
        "idempotency-key-reused", "キーの使い回し", "同じ Idempotency-Key が、別の内容で使われています。"
    ),
    429: Words(
        "too-many-requests",
        "多すぎる要求",
        "短い時間に多くのお申し込みがありました。しばらく待ってから、もう一度お試しください。",
    ),
    500: Words("error", "処理の失敗", "処理できませんでした。時間をおいて、もう一度お試しください。"),
    503: Words(
        "unavailable", "休止中", "ただいまご利用いただけません。時間をおいて、もう一度お試しください。"
    ),
}


def is_api(request: HttpRequest) -> bool:
    """Whether a program asks: the answer is JSON then, not a page."""
    return request.path_info.startswith("/api/")


def problem(
    status: int, detail: str = "", *, retry_after: int | None = None, **members: object
) -> JsonResponse:
    """An RFC 9457 problem details answer with a Japanese `detail`. `retry_after`: seconds."""
    kind, title, usual = PROBLEMS.get(status, PROBLEMS[400 if status < 500 else 500])
    body = {
        "type": f"urn:michisuji:problem:{kind}",
        "title": title,
        "status": status,
        "detail": detail or usual,
        **members,
    }
    response = JsonResponse(body, status=status, json_dumps_params={"ensure_ascii": False})
    response.headers["Content-Type"] = "application/problem+json"
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if retry_after:
        response.headers["Retry-After"] = str(retry_after)
    return response


def refusal(
    request: HttpRequest,
    status: int,
    retry_after: int | None = None,
    *,
    site: object = None,
    signs_in: bool = False,
) -> HttpResponse:
    """What a closed door says: to sign-in for pages, a problem for the API, an error page without form, nonce or id.

    `site`: the firm's public face (`tenancy.face`), on pages that a visitor may meet. `signs_in`: whoever came here may
    have an account by now, and is told where it opens.
    """
    if is_api(request):
        response: HttpResponse = problem(status, retry_after=retry_after)
    elif status == 401:
        target = urlencode({"next": _way_back(request)})
        response = HttpResponseRedirect(f"{resolve_url('account_login')}?{target}")
    else:
        words = _words(retry_after, site) | {"signs_in": signs_in}
        response = HttpResponse(render_to_string(f"{status}.html", words), status=status)
    if retry_after:
        response.headers["Retry-After"] = str(retry_after)
    response.headers["Cache-Control"] = "private, no-store"
    return response


LEADS = {
    "account_reauthenticate": "大切な操作の前に、ご本人であることを確かめます。",
    "mfa_activate_totp": "お勤め先の設定により、2段階認証が必要です。設定が済むと、元の画面へ戻ります。",
}


def lead_to(request: HttpRequest, name: str) -> HttpResponse:
    """To the page `name`, with a word why, and from there back to this one; `back`: where the way here began, for
    who would rather not, unless that asks for the same again."""
    messages.warning(request, LEADS[name])
    way = {"next": _way_back(request)}
    if (began := _came_from(request)) and began not in (way["next"], reverse(name)):
        way["back"] = began
    response = HttpResponseRedirect(f"{reverse(name)}?{urlencode(way)}")
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _words(retry_after: int | None, site: object) -> dict[str, object]:
    """Whom to telephone, and how long to wait, as one says it."""
    if retry_after is None:
        return {"site": site}
    minutes = -(-retry_after // 60)
    return {"wait": f"{minutes}分ほど" if minutes < 60 else f"{-(-minutes // 60)}時間ほど", "site": site}


def _way_back(request: HttpRequest) -> str:
    """Where to go after signing in: the page itself; for what was sent from a form, the page with the form."""
    if request.method in ("GET", "HEAD"):
        return request.get_full_path()
    return _came_from(request) or resolve_url("entrance")


def _came_from(request: HttpRequest) -> str:
    """The page of ours that led here; '' where it is none of ours, or the browser does not say."""
    came_from = urlsplit(request.headers.get("Referer", ""))
    return came_from.path if came_from.netloc == request.get_host() else ""
