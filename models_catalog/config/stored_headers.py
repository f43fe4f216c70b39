"""How does a file refer to the value of a header that the catalog keeps? As `stored::PROVIDER`: its values are secrets.

    extra_headers = { "x-team" = "stored::openai" }     the value that the provider openai has for x-team

`export_config` writes this, so that importing the file again changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from models_catalog.changes.state import CatalogState
from models_catalog.changes.values import ProviderContent
from models_catalog.config.document import Document, ModelSpec
from models_catalog.config.findings import Findings
from models_catalog.models.frozen import freeze

STORED = "stored::"


def with_stored_headers(document: Document, before: CatalogState, findings: Findings) -> Document:
    """The document with the values in place of what refers to them. What refers to nothing is an error."""

    def resolved(content: ProviderContent, place: str) -> ProviderContent:
        return _resolved(content, document.place(place, "extra_headers"), before, findings)

    def of_model(model: ModelSpec) -> ModelSpec:
        routes = (
            replace(route, provider=resolved(route.provider, route.place))
            if isinstance(route.provider, ProviderContent)
            else route
            for route in model.routes
        )
        return replace(model, routes=tuple(routes))

    providers = (
        replace(spec, content=resolved(spec.content, spec.place)) if spec.content is not None else spec
        for spec in document.providers
    )
    return replace(document, providers=tuple(providers), models=tuple(map(of_model, document.models)))


def _resolved(content: ProviderContent, place: str, before: CatalogState, findings: Findings) -> ProviderContent:
    if STORED not in content.settings.text("extra_headers"):
        return content
    return content.with_setting(extra_headers=freeze(dict(_values(content, place, before, findings))))


def _values(content: ProviderContent, place: str, before: CatalogState, findings: Findings) -> Iterator[tuple[str, str]]:
    for name, value in content.json("extra_headers").items():
        if not value.startswith(STORED):
            yield name, value
            continue
        provider = value.removeprefix(STORED)
        known = before.providers.get(provider)
        kept = known.content.json("extra_headers") if known else {}
        if name in kept:
            yield name, kept[name]
        else:
            message = f"the catalog has no value for {name} for the provider {provider!r}; write the value itself"
            findings.error(place, message)
