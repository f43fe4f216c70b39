"""Which Geminis are there? Google AI Studio, and Vertex AI."""

from __future__ import annotations

from typing import Any, NamedTuple

from providers.capabilities import Capability
from providers.errors import ConfigurationError
from providers.gemini import embeddings
from providers.gemini.address import (
    GEMINI_BASE,
    GLOBAL,
    VERTEX_BASE,
    gemini_path,
    read_address,
    read_gemini_address,
    segment,
    vertex_base,
    vertex_path,
)
from providers.gemini.base import GeminiBase
from providers.google_auth.access import access_of
from providers.protocols import METHODS, wires_of
from providers.registry import ProviderType, register
from providers.types import TargetConfig, Wire

VERSION = "api_version"
COUNTED = ("contents", "systemInstruction", "tools", "generationConfig")
"""What Vertex counts of a request; it refuses the rest."""
EMBEDS, DRAWS = frozenset({Capability.EMBEDDING}), frozenset({Capability.IMAGE_GENERATION})


class Row(NamedTuple):
    """A `Vendor`."""

    label: str
    api_base: str


STUDIO, VERTEX = Row("Gemini", GEMINI_BASE), Row("Vertex AI", VERTEX_BASE)


class GeminiAdapter(GeminiBase):
    """One model of Google AI Studio, or of a gateway in front of it. A model is `M`, `models/M` or `tunedModels/M`."""

    def __init__(self, config: TargetConfig) -> None:
        base, found = read_gemini_address(config.api_base)
        version = segment({**found, **_given(config)}, VERSION, "v1beta")
        access = access_of(config.credential)
        super().__init__(config, STUDIO, access, base, gemini_path(version, config.upstream_model))
        self.listed_at = f"/{version}/models?pageSize=1000"
        self._resource = self._path.removeprefix(f"/{version}/")

    def counting(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"generateContentRequest": {**body, "model": self._resource}}

    def embedding(self, wanted: embeddings.Asked) -> embeddings.Way:
        return embeddings.studio(wanted, self._resource)


class VertexAdapter(GeminiBase):
    """One model of Vertex AI: `M` of Google's, `publishers/P/models/M`, `endpoints/E` for one of one's own, or a whole name that
    begins with `projects/`."""

    def __init__(self, config: TargetConfig) -> None:
        base, found = read_address(config.api_base)
        options = {**found, **_given(config)}
        access = access_of(config.credential, str(options.get("token_source", "")), str(options.get("metadata_host", "")))
        project = segment(options, "project", access.project)
        if access.tokens is not None and not project:
            raise ConfigurationError("options", "Vertex AI needs the option 'project': the credential does not tell it")
        location = segment(options, "location", GLOBAL)
        path = vertex_path(segment(options, VERSION, "v1beta1"), config.upstream_model, project, location)
        super().__init__(config, VERTEX, access, base or vertex_base(location if project else GLOBAL), path)

    def counting(self, body: dict[str, Any]) -> dict[str, Any]:
        return {name: body[name] for name in COUNTED if name in body}

    def embedding(self, wanted: embeddings.Asked) -> embeddings.Way:
        return embeddings.vertex(wanted, self.config.upstream_model)


def lacks(model: str) -> frozenset[Capability]:
    """What a model cannot do, as far as its name tells: Google's tell what they make."""
    name = model.rpartition("/")[2]
    if "embedding" in name:
        return frozenset(METHODS[wire].capability for wire in WIRES) - EMBEDS
    if not name.startswith("gemini"):
        return frozenset()
    return EMBEDS if "image" in name else EMBEDS | DRAWS


def _given(config: TargetConfig) -> dict[str, Any]:
    return {name: value for name, value in config.options.items() if value not in (None, "")}


WIRES: frozenset[Wire] = wires_of(GeminiBase)
register(
    ProviderType(
        name="gemini",
        label=STUDIO.label,
        build=GeminiAdapter,
        wires=WIRES,
        lacks=lacks,
        api_base=GEMINI_BASE,
        key_variable="GEMINI_API_KEY",
        options=(VERSION,),
        read_address=read_gemini_address,
    )
)
register(
    ProviderType(
        name="vertex_ai",
        label=VERTEX.label,
        build=VertexAdapter,
        wires=WIRES,
        lacks=lacks,
        api_base=VERTEX_BASE,
        key_variable="VERTEX_API_KEY",
        needs_key=False,
        options=("project", "location", VERSION, "token_source", "metadata_host"),
        read_address=read_address,
    )
)
