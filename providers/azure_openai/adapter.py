"""How is Azure OpenAI called? As OpenAI is, but for where, and for what its content filter adds to streams.

Reference: Azure OpenAI's data plane, inference, 2024-10-21 (GA) and 2025-04-01-preview, and `/openai/v1`.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from urllib.parse import quote

from providers.azure_openai.address import read_address
from providers.azure_openai.repair import ChunkRepair
from providers.capabilities import Capability
from providers.openai_compatible.adapter import OpenAICompatibleAdapter, register_preset
from providers.openai_compatible.address import origin_of
from providers.openai_compatible.presets import EMBEDDING, IMAGES, KEEPS, LISTENING, RESPONSES, SPEECH, TEXT, Auth, Preset, paths
from providers.transport import Transport
from providers.types import Call, Reply, ReplyStream, TargetConfig

GA, PREVIEW = "2024-10-21", "2025-04-01-preview"
NEWER = frozenset(
    {
        Capability.AUDIO_TRANSCRIPTION,
        Capability.TEXT_TO_SPEECH,
        Capability.IMAGE_GENERATION,
        Capability.IMAGE_EDIT,
        Capability.RESPONSES,
    }
)
"""What the GA version lacks, in whole or for newer models."""

PRESET = Preset(
    "azure_openai",
    "Azure OpenAI",
    key_variable="AZURE_OPENAI_API_KEY",
    auth=Auth.API_KEY,
    paths=paths(TEXT, EMBEDDING, LISTENING, SPEECH, IMAGES, RESPONSES),
    quirks=KEEPS,
    options=MappingProxyType({"deployment_id": "", "api_version": ""}),
)


class AzureOpenAIAdapter(OpenAICompatibleAdapter):
    """One deployment: `deployment_id`, or else the upstream model, stands in the path, unless the base ends in `/v1`. A base
    may also end in `/openai`, or be the address of one call."""

    listed_at = ""
    unlisted = (
        "Azure's list is of what may be deployed, not of the deployments, which only its management API knows: add models by"
        " hand, with the name of the deployment as the upstream model"
    )

    def __init__(self, config: TargetConfig) -> None:
        base, found = read_address(config.api_base)
        path = origin_of(base, PRESET.label)[1]
        self._deployed = not path.endswith("/v1")
        self._root = "" if path.endswith("/openai") else "/openai"
        options = {**found, **{name: value for name, value in config.options.items() if value}}
        super().__init__(replace(config, api_base=base, options=options), PRESET)
        if self._deployed:
            self.form_model = None

    def path_for(self, capability: Capability) -> str:
        path = self.preset.paths[capability]
        if not self._deployed:
            return path
        options = self.config.options
        deployment = quote(str(options.get("deployment_id") or self.config.upstream_model), safe="")
        version = quote(str(options.get("api_version") or (PREVIEW if capability in NEWER else GA)), safe="")
        deployed = "" if capability is Capability.RESPONSES else f"/deployments/{deployment}"
        return f"{self._root}{deployed}{path}?api-version={version}"

    async def stream_chat(self, call: Call, transport: Transport) -> ReplyStream:
        stream = await self.text_stream(call, transport)
        return self.rewritten(stream, call, ChunkRepair("delta", b"{}"), stream.lossy)

    async def complete(self, call: Call, transport: Transport) -> Reply | ReplyStream:
        if not call.stream:
            return await super().complete(call, transport)
        stream = await self.text_stream(call, transport)
        return self.rewritten(stream, call, ChunkRepair("text", b'""'), stream.lossy)


register_preset(PRESET, AzureOpenAIAdapter, AzureOpenAIAdapter, read_address=read_address)
