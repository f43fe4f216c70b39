"""Which models does Codex find? Its picker wants a catalog of its own form, and takes the whole list or nothing of it.

Codex asks `GET /v1/models?client_version=…` and reads `{"models": [ModelInfo, …]}`; one entry that lacks a field which has no
default fails all of them in silence (openai/codex#37122). The fields are those of `codex-rs/protocol/src/openai_models.rs`. What
the gateway cannot know of a model is told so that every model works with it: no reasoning levels, no verbosity. The object
`codex` in a model's metadata says otherwise, field by field.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from models_catalog.snapshot import ModelEntry
from providers.capabilities import Capability

Json = dict[str, Any]
ASKS = b"client_version="
"""Query parameter that Codex sends when it asks for this list."""
OWN = "codex"
"""The member of a model's metadata whose fields stand for those made here."""
INSTRUCTIONS = """\
You are a coding agent in the Codex CLI, and work with the user in a shared workspace on their machine.

- Read the code and the nearest AGENTS.md before you change anything, and follow what they say. Search with `rg`.
- Change what the task needs and no more, in the style of the code around it. Edit files with `apply_patch`.
- Never undo work that is not yours, and never run destructive commands unless the user asks for them.
- Run the project's own tests and linters on what you changed, and fix what fails because of you.
- Keep going until the task is done. When something is unclear and cannot be found out, ask.
- Answer briefly and plainly: what was done, where, how it was checked, and what is left. Name files as `path:line`.
"""
"""Codex takes an entry's instructions as the system prompt, in place of its own, and refuses an entry without any."""


def asks(query: bytes) -> bool:
    """Whether the query is Codex's."""
    return b"&" + ASKS in b"&" + query


def catalog(entries: Iterable[ModelEntry]) -> bytes:
    """The entries that serve the Responses API, as Codex reads them, and beside them OpenAI's list of all."""
    cards = [(entry, msgspec.json.decode(entry.card)) for entry in entries]
    able = [(entry, card) for entry, card in cards if Capability.RESPONSES in entry.targets]
    models = [_info(place, entry, card) for place, (entry, card) in enumerate(able)]
    return msgspec.json.encode({"models": models, "object": "list", "data": [card for _, card in cards]})


def _info(place: int, entry: ModelEntry, card: Json) -> Json:
    made: Json = {
        "slug": entry.name,
        "display_name": entry.name,
        "description": card.get("description"),
        "default_reasoning_level": None,
        "supported_reasoning_levels": [],
        "shell_type": "shell_command",
        "visibility": "list",
        "supported_in_api": True,
        "priority": place,
        "upgrade": None,
        "base_instructions": INSTRUCTIONS,
        "supports_reasoning_summaries": False,
        "support_verbosity": False,
        "default_verbosity": None,
        "apply_patch_tool_type": "freeform",
        "truncation_policy": {"mode": "tokens", "limit": 10_000},
        "supports_parallel_tool_calls": True,
        "context_window": card.get("context_length"),
        "experimental_supported_tools": [],
        "input_modalities": ["text", "image"],
    }
    own = (card.get("metadata") or {}).get(OWN)
    return made | own if isinstance(own, dict) else made
