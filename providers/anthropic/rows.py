"""Who serves Anthropic's models by the Messages API, and in what do these hosts differ? One frozen row each.

References: Anthropic's API; Azure AI Foundry (Claude); Bedrock's Mantle endpoint; Vertex AI. Addresses as in
Anthropic's SDK 2.14.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import urlsplit, urlunsplit

from providers.anthropic import vertex
from providers.anthropic.betas import FOUNDRY, MANTLE, VERTEX, Betas
from providers.anthropic.rules import Asked, betas_header, in_headers, vertex_fields
from providers.anthropic.signers import Proof, for_mantle, for_vertex, in_x_api_key
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


def _betas_alone(asked: Asked) -> tuple[RequestHeader, ...]:
    return betas_header(asked.betas)


def _no_fields(asked: Asked) -> dict[str, bytes | None]:
    return {}


def _vertex_paths(config: TargetConfig) -> Paths:
    model, path_of = config.upstream_model, vertex.path_of
    counted = path_of(config, "count-tokens", "rawPredict")
    return Paths(path_of(config, model, "rawPredict"), path_of(config, model, "streamRawPredict"), counted)


def _no_base(config: TargetConfig) -> str:
    return ""


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


def _usual_address(address: str) -> tuple[str, dict[str, str]]:
    return bare(address), {}


def _foundry_address(address: str) -> tuple[str, dict[str, str]]:
    return bare(address, foundry=True), {}


@dataclass(frozen=True, slots=True)
class Row:
    """One host. `api_base` "" must be given by the operator. `proof` makes what proves who sends the requests of a target;
    `known` are the betas that the host knows, None if it takes all; `fields` and `headers` are what says the version and the
    betas. `base` is the address of a target where its options name it; `address` reads one as it was copied."""

    name: str
    label: str
    api_base: str = ""
    key_variable: str = ""
    proof: Callable[[TargetConfig], Proof] = in_x_api_key
    known: Betas | None = None
    paths: Callable[[TargetConfig], Paths] = _usual_paths
    fields: Callable[[Asked], Mapping[str, bytes | None]] = _no_fields
    headers: Callable[[Asked], tuple[RequestHeader, ...]] = in_headers
    base: Callable[[TargetConfig], str] = _no_base
    address: Callable[[str], tuple[str, dict[str, str]]] = _usual_address
    options: Mapping[str, str | None] = field(default_factory=lambda: VERSIONED)
    """The settings of this type with their defaults (None: required)."""


ROWS = (
    Row("anthropic", "Anthropic", "https://api.anthropic.com", "ANTHROPIC_API_KEY"),
    Row(
        "azure_anthropic",
        "Anthropic on Azure AI Foundry",
        key_variable="ANTHROPIC_FOUNDRY_API_KEY",
        known=FOUNDRY,
        address=_foundry_address,
    ),
    Row(
        "bedrock_mantle",
        "Anthropic on Bedrock Mantle",
        key_variable="ANTHROPIC_AWS_API_KEY",
        proof=for_mantle,
        known=MANTLE,
        options=MappingProxyType({**VERSIONED, "region": "", "profile": ""}),
    ),
    Row(
        "vertex_anthropic",
        "Anthropic on Vertex AI",
        vertex.BASE,
        "ANTHROPIC_VERTEX_API_KEY",
        proof=for_vertex,
        known=VERTEX,
        paths=_vertex_paths,
        fields=vertex_fields,
        headers=_betas_alone,
        base=vertex.base_of,
        address=vertex.read_address,
        options=MappingProxyType({**VERSIONED, "project": None, "location": "", "token_source": "", "metadata_host": ""}),
    ),
)
