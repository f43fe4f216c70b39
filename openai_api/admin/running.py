"""Which requests are in flight, and how does an operator stop one? What the workers tell, every two seconds anew."""

from __future__ import annotations

from datetime import UTC, datetime
from math import isfinite
from time import time
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import reverse

from models_catalog.admin.tenancy import reach_of
from models_catalog.audit.chain import Told, append
from openai_api.admin import figures
from openai_api.database.running_requests import Running, ask_to_stop, look, told

KIND = "openai_api.usagerecord"


def context(request: HttpRequest, may_stop: bool) -> dict[str, Any]:
    """What the page, and each look of it at the workers, is made from."""
    look()
    shown = seen(request)
    return {
        "running": [(one, figures.duration((time() - one.started) * 1000), at(one)) for one in shown],
        "may_stop": may_stop,
        "follows": request.GET.get("live") != "off",
        "stop_url": reverse("admin:openai_api_usagerecord_stop"),
        "list_url": reverse("admin:openai_api_usagerecord_changelist"),
    }


def seen(request: HttpRequest) -> list[Running]:
    """Those of the tenants of the account."""
    reach = reach_of(request)
    return told(None if reach is None else reach.names)


def at(one: Running) -> datetime:
    return datetime.fromtimestamp(one.started, UTC)


def stop(request: HttpRequest) -> HttpResponse:
    """Stops one request, by POST."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    request_id, started = request.POST.get("request_id", ""), number(request.POST.get("started", ""))
    found = next((one for one in seen(request) if (one.request_id, one.started) == (request_id, started)), None)
    if found is None:
        messages.warning(request, "The request has ended already.")
    else:
        with transaction.atomic():
            ask_to_stop(found.request_id, found.started)
            append(
                [
                    Told(
                        "changed",
                        KIND,
                        found.request_id,
                        found.request_id[:100],
                        changes={"stopped": [False, True], "key": [None, found.client_name]},
                    )
                ],
                alone=True,
            )
        messages.success(request, f"The request {found.request_id} is being stopped.")
    return HttpResponseRedirect(reverse("admin:openai_api_usagerecord_running"))


def number(text: str) -> float | None:
    """Raises `BadRequest` for what is no time."""
    try:
        value = float(text)
    except ValueError:
        raise BadRequest("Not a request in flight.") from None
    return value if isfinite(value) else None
