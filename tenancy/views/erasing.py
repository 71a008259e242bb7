"""設定: erasing a person."""

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from tenancy import erasing
from tenancy.middleware import visit_of
from tenancy.permissions import access


@access("people.erase", fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def erase(request: HttpRequest, firm: str) -> HttpResponse:
    """Search for a person, choose among what was found, look again, erase."""
    asked = request.POST if request.method == "POST" else request.GET
    words, keys = asked.get("q", "").strip()[:254], set(asked.getlist("pick"))
    found = erasing.find(words)
    chosen = found.chosen(keys)
    if request.method != "POST" or not chosen:
        context = {"words": words, "found": found, "nothing_chosen": request.method == "POST"}
        status = 422 if request.method == "POST" else 200
        return render(request, "tenancy/erase.html", context, status=status)
    if request.POST.get("confirmed") != "yes":
        count = sum(len(each.rows) for each in chosen)
        return render(
            request, "tenancy/erase_confirm.html", {"words": words, "chosen": chosen, "count": count}
        )
    try:
        count = erasing.erase_person(words=words, keys=keys, actor=visit_of(request).membership)
        messages.success(request, f"{count}件を消しました。")
    except erasing.NotErasable as problem:
        messages.error(request, str(problem))
    # Back to the same search: it shows what is left.
    return redirect(f"{reverse('tenancy:erase', args=[firm])}?{urlencode({'q': words})}")
