"""What would become of a request? A form for a key, a model and a body, and what the worker of this process says to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.debug import sensitive_post_parameters

from models_catalog.admin import ui
from models_catalog.admin.extra_pages import add_page, shared
from models_catalog.admin.tenancy import visible
from models_catalog.models import ClientKey, ModelDefinition
from openai_api.explain.here import NobodyAnswers
from openai_api.explain.paths import SMALLEST
from openai_api.explain.result import Explanation, Question
from openai_api.explain.rows import NoSuchKey, explain_request, key_of
from openai_api.models import UsageRecord

MOST_BYTES = 1024 * 1024
MOST_NAMED = 200
MODELS, KEYS, REQUESTS = "models_catalog.view_modeldefinition", "models_catalog.view_clientkey", "openai_api.view_usagerecord"
KINDS = {"passes": "good", "refuses": "bad", "skipped": "", "not_reached": ""}
WORDS = {"passes": "Passes", "refuses": "Refuses", "skipped": "Nothing to decide", "not_reached": "Not reached"}
ROUTES = {"candidate": ("Candidate", "good"), "last_resort": ("Last resort", "warn"), "excluded": ("Left out", "bad")}


class ExplainForm(forms.Form):
    """`keys` are those that may be asked about, None for nobody's."""

    key = forms.CharField(
        required=False,
        max_length=200,
        widget=ui.TextInput(attrs={"list": "known-keys", "autocomplete": "off"}),
        help_text="A client key, by its name or id. Empty: a key that may use every model and has no limits.",
    )
    model = forms.CharField(
        max_length=300,
        widget=ui.TextInput(attrs={"list": "known-models", "autocomplete": "off"}),
        help_text="The name that a client would send.",
    )
    path = forms.ChoiceField(
        required=False,
        choices=[("", "The usual one of the model"), *((path, path) for path in SMALLEST)],
        widget=ui.Select(),
    )
    body = forms.CharField(
        required=False,
        widget=ui.JSONEditor(),
        help_text="The request, a JSON object. Empty: the smallest that the path takes. It is not sent and not kept.",
    )
    address = forms.GenericIPAddressField(
        required=False,
        widget=ui.TextInput(),
        help_text="Where the request would come from, for keys that may be used from some networks only.",
    )

    def __init__(self, *args: Any, keys: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.keys = keys
        for name in ("key", "model", "path", "body", "address"):
            self.fields[name].widget.attrs["aria-describedby"] = f"help_{name}"
        if keys is None:
            del self.fields["key"]

    def clean_key(self) -> str:
        asked: str = self.cleaned_data["key"]
        if not asked:
            return ""
        try:
            return str(key_of(asked, self.keys).pk)
        except NoSuchKey as error:
            raise forms.ValidationError(str(error), code="key") from error

    def clean_body(self) -> dict[str, Any] | None:
        text: str = self.cleaned_data["body"].strip()
        if not text:
            return None
        if len(text.encode()) > MOST_BYTES:
            raise forms.ValidationError("The body is larger than 1 MiB.", code="size")
        try:
            body = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(f"This is not JSON: {error}.", code="json") from error
        if not isinstance(body, dict):
            raise forms.ValidationError("The body must be a JSON object.", code="json")
        return body

    def question(self) -> Question:
        told = self.cleaned_data
        return Question(
            key=told.get("key", ""), model=told["model"], path=told["path"], body=told["body"], address=told["address"] or ""
        )


@sensitive_post_parameters("body")
def explain_view(request: HttpRequest) -> HttpResponse:
    """Asked by GET with `model`, `key` and `path`, or `request` (the id of a recorded one), and by POST with a body, too."""
    if not request.user.has_perm(MODELS):
        raise PermissionDenied
    keys = visible(request, ClientKey.objects.all()) if request.user.has_perm(KEYS) else None
    recorded = _recorded(request)
    if request.method == "POST":
        form = ExplainForm(request.POST, keys=keys)
    else:
        asked = {**_asked_before(recorded, keys), **{name: request.GET[name] for name in request.GET if name != "request"}}
        form = ExplainForm(asked, keys=keys) if "model" in asked else ExplainForm(keys=keys)
    context = {**shared(request, "Explain"), "form": form, "recorded": recorded, "attempts": _attempts(recorded)}
    context["missing"] = "request" in request.GET and recorded is None
    context["models"] = ModelDefinition.objects.order_by("name").values_list("name", flat=True)[:MOST_NAMED]
    context["keys"] = [] if keys is None else keys.order_by("name").values_list("name", flat=True).distinct()[:MOST_NAMED]
    if form.is_bound and form.is_valid():
        context |= _answer(form, keys)
    return TemplateResponse(request, "openai_api/explain.html", context)


def _answer(form: ExplainForm, keys: Any) -> dict[str, Any]:
    try:
        told = explain_request(form.question(), keys)
    except (NobodyAnswers, NoSuchKey) as error:
        return {"fault": str(error)}
    return {"told": told, **_shown(told)}


def _shown(told: Explanation) -> dict[str, Any]:
    steps = [(step.name.capitalize(), WORDS[step.verdict], KINDS[step.verdict], step.text, step.code) for step in told.steps]
    legs = [(leg, [(route, *ROUTES[route.status]) for route in leg.routes]) for leg in told.legs]
    return {"steps": steps, "legs": legs, "problems": told.problems}


def _recorded(request: HttpRequest) -> UsageRecord | None:
    """The request that is asked about, as far as the account may see requests."""
    asked = request.GET.get("request", "")
    if not asked or "\0" in asked or not request.user.has_perm(REQUESTS):
        return None
    rows = visible(request, UsageRecord.objects.all())
    return rows.filter(_named(asked[:200])).order_by("-started_at").first()


def _named(asked: str) -> Q:
    """By its row or by the id that its client was told."""
    try:
        return Q(request_id=asked) | Q(pk=UUID(asked))
    except ValueError:
        return Q(request_id=asked)


def _asked_before(recorded: UsageRecord | None, keys: Any) -> Mapping[str, str]:
    if recorded is None:
        return {}
    asked = {"model": recorded.model or "", "path": recorded.path if recorded.path in SMALLEST else ""}
    if keys is not None and recorded.client_id and recorded.client_id != "anonymous":
        asked["key"] = recorded.client_id
    return asked


def _attempts(recorded: UsageRecord | None) -> list[tuple[str, str, str, str, float]]:
    if recorded is None:
        return []
    return [
        (one["provider"], one["upstream_model"], one["outcome"], one.get("failure") or "", round(one["upstream_s"] * 1000, 1))
        for one in json.loads(recorded.attempts)
    ]


add_page("explain/", explain_view, "explain")
