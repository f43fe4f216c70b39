"""What does the proxy answer itself? Whether it is well, what it has counted, and how it is configured, without secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import msgspec

from gateway_project.logs import scrub
from gateway_project.proxy.config import ProxyConfig
from gateway_project.proxy.yaml_file import FromEnvironment, plain
from openai_api.context import Gateway, Handler, Inbound
from openai_api.endpoints.metrics import metrics
from openai_api.pipeline.respond import send_json
from providers.types import Secret

MASK = "***"
HIDDEN = re.compile(r"key$|token|secret|passw|authorization|cookie|credential", re.IGNORECASE)
"""Options whose values may be secrets."""
HEADERS = re.compile(r"headers?$", re.IGNORECASE)
"""Options that hold headers: their values may be credentials."""


def own_paths(config: ProxyConfig) -> Mapping[str, Handler]:
    """The paths and what answers them."""
    shown = msgspec.json.encode(plain(shown_config(config)))

    async def health(gateway: Gateway, inbound: Inbound) -> None:
        body = {"status": "healthy", "service": "llm-proxy", "version": gateway.state.version}
        await send_json(inbound, msgspec.json.encode(body))

    async def configuration(gateway: Gateway, inbound: Inbound) -> None:
        await send_json(inbound, shown)

    return {"/health": health, "/metrics": metrics, "/config": configuration}


def shown_config(config: ProxyConfig) -> dict[str, Any]:
    """The configuration in force. Of a key it is told whether there is one."""
    return {
        "server": {"port": config.server.port, "host": config.server.host},
        "llm": {
            "base_url": without_secrets(config.llm.base_url),
            "type": config.llm.type,
            "timeout": config.llm.timeout,
            "api_key_configured": bool(config.upstream().key),
        },
        "interceptors": [
            {"type": one.type, "enabled": one.enabled, "config": masked(one.config or {}, "")} for one in config.interceptors
        ],
        "logging": msgspec.to_builtins(config.logging),
    }


def masked(value: Any, name: str) -> Any:
    """Options without what has a secret's name or shape, or comes from the environment."""
    if isinstance(value, dict):
        hidden = bool(HEADERS.search(name))
        return {str(key): MASK if hidden else masked(item, str(key)) for key, item in value.items()}
    if isinstance(value, list):
        return [masked(item, name) for item in value]
    if isinstance(value, Secret | FromEnvironment) or (isinstance(value, str) and HIDDEN.search(name)):
        return MASK if value else ""
    if isinstance(value, str):
        return scrub(without_secrets(value) if "://" in value else value)
    return value


def without_secrets(address: str) -> str:
    """An address without user, password and query."""
    try:
        url = urlsplit(address)
    except ValueError:
        return MASK
    return urlunsplit((url.scheme, url.netloc.rpartition("@")[2], url.path, MASK if url.query else "", ""))
