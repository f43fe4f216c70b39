"""Which provider type does a name in a configuration file mean? Registered names, other systems' names, and hints."""

from __future__ import annotations

from types import MappingProxyType

from models_catalog.changes.values import NOTHING, Lookup
from models_catalog.config.table import nearest
from providers.registry import ProviderType, UnknownProviderType, provider_type, provider_types

ALIASES = MappingProxyType(
    {
        "aws_bedrock": "bedrock",
        "azure": "azure_openai",
        "gcp_vertex_anthropic": "vertex_anthropic",
        "gcp_vertex_gemini": "vertex_ai",
        "google_ai_studio": "gemini",
        "google_ai_studio_gemini": "gemini",
    }
)
"""TensorZero's names for types that are called otherwise here."""

THEIRS = frozenset({"aws_bedrock", "aws_sagemaker", "gcp_vertex_anthropic", "gcp_vertex_gemini", "google_ai_studio_gemini"})
"""TensorZero's types that nobody else calls so; there may be no adapter for them here."""


class NoSuchType(LookupError):
    """The text says what is wrong with the name, with a hint."""


def find_type(name: str) -> ProviderType:
    """The registered type of that name or alias. Raises `NoSuchType`."""
    try:
        return provider_type(ALIASES.get(name, name))
    except UnknownProviderType:
        pass
    if name in THEIRS:
        raise NoSuchType(f"the provider type {name!r} is not available in this gateway")
    known = [known.name for known in provider_types()]
    raise NoSuchType(f"unknown provider type {name!r}{nearest(name, known) or '; known are ' + ', '.join(sorted(known))}")


def usual_location(known: ProviderType) -> Lookup:
    """Where the key of such a provider is when the file does not say: the vendor's usual variable."""
    return Lookup("env", known.key_variable) if known.needs_key and known.key_variable else NOTHING
