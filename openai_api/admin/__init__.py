"""The operator's pages of what was served: registered when Django looks for `admin`."""

from __future__ import annotations

from openai_api.admin import (
    budgets,
    change_sets,
    erasing,
    explain,
    models_used,
    overview,
    playground,
    provider_traffic,
    requests,
    responses,
    rule_use,
    scopes,
    sessions,
    tokens,
)

__all__ = [
    "budgets",
    "change_sets",
    "erasing",
    "explain",
    "models_used",
    "overview",
    "playground",
    "provider_traffic",
    "requests",
    "responses",
    "rule_use",
    "scopes",
    "sessions",
    "tokens",
]
