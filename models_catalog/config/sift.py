"""What of a foreign file may the catalog hold? The document without the rest, which is named once, with its reason."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from django.core.exceptions import ValidationError

from models_catalog import keys
from models_catalog.changes.rows import fill_provider, fill_route
from models_catalog.changes.state import ProviderState, RouteState
from models_catalog.changes.values import ProviderContent
from models_catalog.config.check import errors_of
from models_catalog.config.document import Document, KeySpec, ModelSpec, RouteSpec
from models_catalog.config.findings import Findings
from models_catalog.config.table import nearest, step
from models_catalog.models import ModelDefinition, Provider, Route
from models_catalog.models.columns import columns_of, fill


def sift(document: Document, catalog: Collection[str], findings: Findings) -> Document:
    """The document with what is sound. `catalog` are the names of the models that the database has and keeps."""
    models = [sound for spec in _once(document.models, findings) if (sound := _model(document, spec, findings))]
    names = {spec.name for spec in models}
    known = names | set(catalog)
    return replace(
        document,
        models=tuple(replace(spec, fallbacks=tuple(_fallbacks(spec, known, findings))) for spec in models),
        client_keys=tuple(key for spec in document.client_keys if (key := _key(spec, known, findings))),
        unread=(document.unread | {spec.name for spec in document.models}) - names,
    )


def _once(specs: Iterable[ModelSpec], findings: Findings) -> Iterator[ModelSpec]:
    seen: set[str] = set()
    for spec in specs:
        if spec.name in seen:
            findings.leave_out(spec.place, spec.name, "duplicate model")
        else:
            yield spec
        seen.add(spec.name)


def _model(document: Document, spec: ModelSpec, findings: Findings) -> ModelSpec | None:
    """The model with its sound settings and routes; None when it has no sound name or no route is left."""
    row = ModelDefinition(name=spec.name)
    fill(row, spec.settings)
    wrong = errors_of(row)
    if "name" in wrong:
        findings.leave_out(spec.place, spec.name, " ".join(wrong["name"]))
        return None
    for column, messages in wrong.items():
        findings.ignore(document.place(spec.place, column), " ".join(messages))
    defaults = {column.name: column.absent for column in columns_of(ModelDefinition) if column.name in wrong}
    settings = spec.settings.replaced(**defaults)
    routes = tuple(route for route in spec.routes if _is_sound(spec, route, findings))
    return replace(spec, settings=settings, routes=routes) if routes else None


def _is_sound(spec: ModelSpec, route: RouteSpec, findings: Findings) -> bool:
    wrong = list(_faults(route))
    if wrong:
        findings.leave_out(route.place, spec.name, " ".join(wrong))
    return not wrong


def _faults(route: RouteSpec) -> Iterator[str]:
    row = Route()
    fill_route(row, RouteState(route.name, "", route.settings), 0)
    found = {name: messages for name, messages in errors_of(row).items() if name not in ("model", "provider")}
    if isinstance(route.provider, ProviderContent):
        provider = Provider(name=route.name)
        fill_provider(provider, ProviderState(route.provider, None))
        found |= errors_of(provider)
    for column, messages in found.items():
        yield from (message if column == "api_base" else f"{column}: {message}" for message in messages)


def _fallbacks(spec: ModelSpec, known: Collection[str], findings: Findings) -> Iterator[str]:
    for name in spec.fallbacks:
        if name not in known:
            findings.ignore(
                spec.fallbacks_place, f"{name!r} is not a valid fallback: no such model is imported{nearest(name, known)}"
            )
        elif name.endswith("*"):
            findings.ignore(spec.fallbacks_place, f"{name!r} is not a valid fallback: it is a wildcard")
        elif name != spec.name:
            yield name


def _key(spec: KeySpec, known: Collection[str], findings: Findings) -> KeySpec | None:
    """The key with those of its models that are known; None when it cannot be a key, or none of its models is known."""
    try:
        keys.check_foreign_key(spec.key.reveal())
    except ValidationError as error:
        findings.leave_out(spec.place, "client key", " ".join(error.messages))
        return None
    models = None if spec.models is None else tuple(name for name in spec.models if name in known)
    for name in spec.models or ():
        if name not in known:
            findings.ignore(step(spec.place, name), f"no model {name!r} is imported")
    if models == ():
        findings.leave_out(spec.place, "client key", "none of its models is imported")
        return None
    return replace(spec, models=models)
