"""How does a planned value become a database row?"""

from __future__ import annotations

from models_catalog.changes.state import CredentialState, HookState, ProviderState, RouteState
from models_catalog.models import Credential, Hook, Provider, Route
from models_catalog.models.columns import fill


def fill_credential(row: Credential, state: CredentialState) -> None:
    if state.source != "stored":
        row.source, row.location = state.source, state.location
    elif state.secret is not None:
        row.set_secret(state.secret)


def fill_provider(row: Provider, state: ProviderState) -> None:
    """All columns but the credential."""
    fill(row, state.content.settings)
    row.enabled = state.enabled


def fill_hook(row: Hook, state: HookState) -> None:
    """All columns but the client keys."""
    fill(row, state.settings)
    row.all_client_keys = state.keys is None


def fill_route(row: Route, state: RouteState, position: int) -> None:
    """All columns but the model and the provider."""
    fill(row, state.settings)
    row.name, row.position = state.name, position
