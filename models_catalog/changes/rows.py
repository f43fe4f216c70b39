"""How does a planned value become a database row? One place for the names of the columns."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from models_catalog.changes.state import CredentialState, ProviderState, RouteState
from models_catalog.changes.values import ModelSettings, thaw
from models_catalog.models import Credential, ModelDefinition, Provider, Route


def fill_credential(row: Credential, state: CredentialState) -> None:
    if state.source != "stored":
        row.source, row.location = state.source, state.location
    elif state.secret is not None:
        row.set_secret(state.secret)


def fill_provider(row: Provider, state: ProviderState) -> None:
    """All columns but the credential."""
    row.type = state.content.type
    row.enabled = state.enabled
    row.api_base = state.content.api_base
    row.extra_headers = thaw(state.content.extra_headers)
    row.extra_body = thaw(state.content.extra_body)
    row.options = thaw(state.content.options)


def fill_model(row: ModelDefinition, settings: ModelSettings) -> None:
    for name, value in columns(settings).items():
        setattr(row, name, value)


def columns(settings: ModelSettings) -> dict[str, Any]:
    """The settings by column, in the form of the columns."""
    values = {entry.name: getattr(settings, entry.name) for entry in fields(settings)}
    values["capabilities"] = list(settings.capabilities)
    values["metadata"] = thaw(settings.metadata)
    return values


def fill_route(row: Route, state: RouteState, position: int) -> None:
    """All columns but the model and the provider."""
    row.name, row.upstream_model, row.enabled, row.position = state.name, state.upstream_model, state.enabled, position
