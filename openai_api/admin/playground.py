"""How does an operator try models? As a client: the page's script sends its requests to the public path, with a key of a client.

A key never comes here. A key for the session is made here, shown once, and ends by itself.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.contrib.admin.models import ADDITION, LogEntry
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from models_catalog import keys
from models_catalog.admin.extra_pages import add_page, shared
from models_catalog.admin.tenancy import reach_of, visible
from models_catalog.models import Project
from openai_api.models import UsageRecord

MODELS, MAY_MAKE, REQUESTS = "models_catalog.view_modeldefinition", "models_catalog.add_clientkey", "openai_api.view_usagerecord"
LASTS = timedelta(hours=1)
MOST_PROJECTS = 200


def playground_view(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perm(MODELS):
        raise PermissionDenied
    projects = visible(request, Project.objects.filter(enabled=True, tenant__enabled=True)).select_related("tenant")
    may_make = request.user.has_perm(MAY_MAKE)
    context = {
        **shared(request, "Playground"),
        "model": request.GET.get("model", "")[:300],
        "may_make": may_make,
        "projects": list(projects.order_by("name")[:MOST_PROJECTS]) if may_make else [],
        "needs_project": reach_of(request) is not None,
        "may_see_requests": request.user.has_perm(REQUESTS),
        "base_url": request.build_absolute_uri("/v1"),
    }
    answer = TemplateResponse(request, "openai_api/playground.html", context)
    answer["Referrer-Policy"] = "same-origin"
    return answer


@sensitive_variables()
def playground_key_view(request: HttpRequest) -> HttpResponse:
    """Makes a client key that ends within the hour: `{"key", "name", "expires_at"}`. By POST, with `project` (an id, or "")."""
    if not request.user.has_perms([MODELS, MAY_MAKE]):
        raise PermissionDenied
    if request.method != "POST":
        return _told({"error": "Send a POST."}, 405)
    project = _project(request)
    if project is None and (request.POST.get("project") or reach_of(request) is not None):
        return _told({"error": "Choose a project for the key."}, 400)
    ends = timezone.now() + LASTS
    try:
        row, key = keys.create_client_key(f"playground {request.user.get_username()}"[:200], expires_at=ends, project=project)
    except ValidationError as error:
        return _told({"error": " ".join(error.messages)}, 400)
    told = "Made in the playground, for an hour."
    LogEntry.objects.log_actions(request.user.pk, [row], ADDITION, change_message=told)  # type: ignore[arg-type]
    return _told({"key": key, "name": row.name, "expires_at": ends.isoformat()}, 201)


def playground_request_view(request: HttpRequest) -> HttpResponse:
    """What was recorded of a request, by `id`: `{"found", "url", "cost_usd", "attempts"}`."""
    if not request.user.has_perms([MODELS, REQUESTS]):
        raise PermissionDenied
    asked = request.GET.get("id", "")[:200]
    rows = visible(request, UsageRecord.objects.all())
    row = rows.filter(request_id=asked).order_by("-started_at").first() if asked and "\0" not in asked else None
    if row is None:
        return _told({"found": False})
    told = {
        "found": True,
        "url": reverse("admin:openai_api_usagerecord_change", args=[row.pk]),
        "cost_usd": None if row.cost_usd is None else f"{row.cost_usd.normalize():f}",
        "attempts": [
            {
                "provider": one["provider"],
                "upstream_model": one["upstream_model"],
                "outcome": one["outcome"],
                "ms": one["upstream_s"] * 1000,
            }
            for one in json.loads(row.attempts)
        ],
    }
    return _told(told)


def _project(request: HttpRequest) -> Project | None:
    asked = request.POST.get("project", "")
    try:
        return visible(request, Project.objects.filter(enabled=True)).filter(pk=asked).first() if asked else None
    except (ValidationError, ValueError):
        return None


def _told(value: dict[str, Any], status: int = 200) -> JsonResponse:
    return JsonResponse(value, status=status, headers={"Cache-Control": "no-store"})


add_page("playground/", playground_view, "playground")
add_page("playground/key/", playground_key_view, "playground_key")
add_page("playground/request/", playground_request_view, "playground_request")
