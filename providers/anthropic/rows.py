"""Who serves Anthropic's models by the Messages API, and in what do these hosts differ? One frozen row each.

References: Anthropic's API; Azure AI Foundry (Claude); Bedrock's Mantle endpoint. Addresses as Anthropic's SDK 2.14 has them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from urllib.parse import urlsplit, urlunsplit

from providers.anthropic.betas import FOUNDRY, MANTLE, Betas
from providers.anthropic.rules import Asked, in_headers
from providers.anthropic.signers import for_mantle, in_x_api_key
from providers.signing import KeyHeader, Signer
from providers.transport import RequestHeader
from providers.types import TargetConfig

ENDINGS = re.compile(r"(/v1)?/messages(/count_tokens)?$|/v1$")
"""What people paste behind a base address."""
VERSIONED: Mapping[str, str | None] = MappingProxyType({"api_version": ""})
FOUNDRY_HOST = ".services.ai.azure.com"
FOUNDRY_PROJECT = re.compile(r"(/api/projects(/[^/]+)?)?")


@dataclass(frozen=True, slots=True)
class Paths:
    """Where requests go, below the base address."""

    whole: str = "/v1/messages"
    streamed: str = "/v1/messages"
    counted: str = "/v1/messages/count_tokens"


def _usual_paths(config: TargetConfig) -> Paths:
    return Paths()


def _no_fields(asked: Asked) -> dict[str, bytes | None]:
    return {}


def bare(address: str, foundry: bool = False) -> str:
    """The address without what stands around it when it is copied: spaces, slashes, the version and the path of one call. The
    resource or the project of a Foundry gets the path at which it serves these models."""
    try:
        url = urlsplit(address.strip())
        host = url.hostname or ""
    except ValueError:
        return address
    path = ENDINGS.sub("", url.path.rstrip("/")).rstrip("/")
    if foundry and host.endswith(FOUNDRY_HOST) and FOUNDRY_PROJECT.fullmatch(path):
        path = "/anthropic"
    return urlunsplit(url._replace(path=path))


@dataclass(frozen=True, slots=True)
class Row:
    """One host. `api_base` "" must be given by the operator. `signer` makes what proves who sends the requests of a target;
    `known` are the betas that the host knows, None if it takes all; `fields` and `headers` are what says the version and the
    betas."""

    name: str
    label: str
    api_base: str = ""
    key_variable: str = ""
    signer: Callable[[TargetConfig], KeyHeader | Signer] = in_x_api_key
    known: Betas | None = None
    paths: Callable[[TargetConfig], Paths] = _usual_paths
    fields: Callable[[Asked], Mapping[str, bytes | None]] = _no_fields
    headers: Callable[[Asked], tuple[RequestHeader, ...]] = in_headers
    address: Callable[[str], str] = bare
    options: Mapping[str, str | None] = field(default_factory=lambda: VERSIONED)
    """The settings of this type with their defaults (None: required)."""


ROWS = (
    Row("anthropic", "Anthropic", "https://api.anthropic.com", "ANTHROPIC_API_KEY"),
    Row(
        "azure_anthropic",
        "Azure AI Foundry, Anthropic's models",
        key_variable="ANTHROPIC_FOUNDRY_API_KEY",
        known=FOUNDRY,
        address=partial(bare, foundry=True),
    ),
    Row(
        "bedrock_mantle",
        "Amazon Bedrock Mantle, Anthropic's models",
        key_variable="ANTHROPIC_AWS_API_KEY",
        signer=for_mantle,
        known=MANTLE,
        options=MappingProxyType({**VERSIONED, "region": ""}),
    ),
)
