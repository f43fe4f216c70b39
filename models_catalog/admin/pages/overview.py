"""What does the first page show? The catalog in numbers, what is wrong with it, and the first steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.urls import resolve, reverse

from models_catalog import demo
from models_catalog.admin import key_source
from models_catalog.admin.pages.client_keys import StatusFilter
from models_catalog.admin.problems import problems_of, snapshot
from models_catalog.admin.tenancy import SCOPES, may_see, reach_of, visible
from models_catalog.models import ClientKey, ModelDefinition, Provider
from models_catalog.snapshot import CatalogSnapshot, Problem

admin.site.index_template = "models_catalog/overview.html"
admin.site.index_title = "Overview"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of rows of `model`; `note` says what is behind it, `bad` that it should be higher."""

    model: str
    label: str
    icon: str
    number: int
    note: str
    bad: bool = False

    @property
    def url(self) -> str:
        return page(self.model, "changelist")


@dataclass(frozen=True, slots=True)
class Step:
    """One of the first steps; `model` is what its button adds."""

    title: str
    text: str
    done: bool
    model: str
    button: str

    @property
    def url(self) -> str:
        return page(self.model, "add")


def page(model: str, kind: str) -> str:
    return reverse(f"admin:models_catalog_{model}_{kind}")


def overview(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Adds what the template shows; staff who may not see a list are not told its numbers."""
    if not request.user.has_module_perms("models_catalog"):
        return context
    catalog = snapshot()
    enabled = Provider.objects.filter(enabled=True).select_related("credential")
    working = [provider for provider in enabled if not key_source.of_provider(provider).fault]
    steps = first_steps(working, catalog)
    problems = [linked(request, problem) for problem in within_reach(request, problems_of(catalog))]
    may_add = {step.model for step in steps if request.user.has_perm(f"models_catalog.add_{step.model}")}
    return {
        **context,
        "catalog": catalog,
        "problems": problems,
        "pristine": not (served(catalog) or problems),
        "figures": [
            figure
            for figure in figures(request, len(working), len(enabled), catalog)
            if request.user.has_perm(f"models_catalog.view_{figure.model}")
        ],
        "may_add": may_add,
        "steps": steps if not all(step.done for step in steps) else (),
        "base_url": request.build_absolute_uri("/v1"),
        "open_to_all": not settings.GATEWAY_AUTHENTICATION,
    }


def within_reach(request: HttpRequest, problems: Sequence[Problem]) -> list[Problem]:
    """Those that are not of other tenants' rows."""
    return list(problems) if reach_of(request) is None else [one for one in problems if not is_anothers(request, one.path)]


def linked(request: HttpRequest, problem: Problem) -> Problem:
    """The problem, without the address of a page that the account may not open."""
    if not problem.path:
        return problem
    app, model, _ = (resolve(problem.path).url_name or "").rsplit("_", 2)
    return problem if request.user.has_perm(f"{app}.view_{model}") else replace(problem, path="")


def is_anothers(request: HttpRequest, path: str) -> bool:
    """Whether a page of the admin is that of a row out of reach."""
    for model in SCOPES:
        before = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        if path.startswith(before):
            row = path.removeprefix(before).split("/")[0]
            return not may_see(request, model(pk=row))
    return False


def figures(request: HttpRequest, working: int, providers: int, catalog: CatalogSnapshot) -> tuple[Figure, ...]:
    in_service, models = served(catalog), ModelDefinition.objects.filter(enabled=True).count()
    off = ModelDefinition.objects.filter(enabled=False).count()
    all_keys = visible(request, ClientKey.objects.all())
    keys = all_keys.count()
    active = all_keys.filter(StatusFilter.conditions()["active"]).count()
    enabled = out_of(models, "enabled") + (f", {off} disabled" if off else "")
    return (
        Figure("modeldefinition", "Models in service", "hub", in_service, enabled, in_service < models),
        Figure("provider", "Providers with a key", "dns", working, out_of(providers, "enabled"), working < providers),
        Figure("clientkey", "Active client keys", "key", active, out_of(keys, "made")),
    )


def served(catalog: CatalogSnapshot) -> int:
    """How many models are in service, patterns included."""
    return sum(1 for _ in catalog.entries())


def out_of(total: int, what: str) -> str:
    return f"of {total} {what}" if total else "none yet"


def first_steps(working: Sequence[Provider], catalog: CatalogSnapshot) -> tuple[Step, ...]:
    """What the operator has done so far; the demo, which `quickstart` made, is none of it."""
    targets = (target for entry in catalog.entries() for targets in entry.targets.values() for target in targets)
    own_keys = ClientKey.objects.filter(StatusFilter.conditions()["active"]).exclude(name=demo.KEY)
    return (
        Step(
            "Connect a provider",
            "Its type, and a key: pasted and stored encrypted, or taken from an environment variable.",
            any(provider.name != demo.PROVIDER for provider in working),
            "provider",
            "Add a provider",
        ),
        Step(
            "Name a model",
            "The name that clients request, and the providers that serve it, in order.",
            any(target.provider != demo.PROVIDER for target in targets),
            "modeldefinition",
            "Add a model",
        ),
        Step(
            "Create a client key",
            "Programs call the gateway with it, as they would call OpenAI.",
            not settings.GATEWAY_AUTHENTICATION or own_keys.exists(),
            "clientkey",
            "Create a key",
        ),
    )
