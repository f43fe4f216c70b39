"""At which host is an entry of LiteLLM's served, where more than a name, an address and a key says so? One reader a provider.

Reference: LiteLLM 1.85, `litellm/llms/{anthropic,azure_ai,bedrock,bedrock_mantle,vertex_ai}`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

from models_catalog.config.litellm import aws, google
from models_catalog.config.litellm.host import Host
from models_catalog.config.table import Table

SERVERLESS = ".models.ai.azure.com"
"""Azure's older endpoints, each with one model and a host of its own."""


def azure_ai(params: Table, upstream: str) -> Host:
    """Azure's resources have OpenAI's formats, but for Anthropic's models; its older serverless endpoints have one host each."""
    if "claude" in upstream.lower():
        return Host("azure_anthropic", upstream)
    host = urlsplit(params.text("api_base")).hostname or ""
    return Host("openai_compatible" if host.endswith(SERVERLESS) else "azure_openai", upstream)


HOSTS: Mapping[str, Callable[[Table, str], Host]] = MappingProxyType(
    {
        "azure_ai": azure_ai,
        "bedrock": aws.bedrock,
        "bedrock_converse": aws.bedrock,
        "bedrock_mantle": aws.mantle,
        "gemini": google.gemini,
        "vertex_ai": google.vertex,
        "vertex_ai_beta": google.vertex,
    }
)
"""By LiteLLM's name of the provider. Each may raise `Unservable`."""
