"""How is Fireworks called? As OpenAI is, but for listening, which has addresses of its own, and images.

Reference: Fireworks' API reference of November 2026. It has no speech.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from time import time
from types import MappingProxyType
from typing import Any

import msgspec

from providers.capabilities import Capability
from providers.errors import FailureClass, ProviderError, TotalTimeout, Unsupported, UpstreamFailed
from providers.fireworks import images, workflow
from providers.fireworks.images import Api
from providers.offload import offload
from providers.openai_compatible.adapter import OpenAICompatibleAdapter, register_preset
from providers.openai_compatible.base import FORMS
from providers.openai_compatible.presets import EMBEDDING, IMAGES, LISTENING, NO_SPEAKERS, OLD_LIMIT, TEXT, Preset, paths
from providers.transport import Head, Transport, UpstreamRequest
from providers.types import Call, Reply, ReplyStream, TargetConfig
from providers.wire import openai_image

PRESET = Preset(
    "fireworks",
    "Fireworks",
    "https://api.fireworks.ai/inference/v1",
    "FIREWORKS_API_KEY",
    paths=paths(TEXT, EMBEDDING, LISTENING, IMAGES),
    renames=OLD_LIMIT,
    transcripts=NO_SPEAKERS,
)
AUDIO = MappingProxyType({True: "https://audio-turbo.api.fireworks.ai/v1", False: "https://audio-prod.api.fireworks.ai/v1"})
"""Where a model listens, by whether it is a turbo."""
POLL_S = 0.5
MAX_FAILED_POLLS = 5
"""How often in a row a question may fail while an image is being made, which has been paid for."""
MAX_AT_ONCE = 10
"""Images in one request: each is a call of its own, so the bound is ours."""


class FireworksAdapter(OpenAICompatibleAdapter):
    """One model of Fireworks."""

    def __init__(self, config: TargetConfig) -> None:
        super().__init__(config, PRESET)
        self._api = images.api_of(config.upstream_model)

    def head_for(self, capability: Capability) -> Head:
        if capability in IMAGES:
            return self._image_head("")
        own = self.config.api_base.rstrip("/") not in ("", self.preset.api_base)
        base = AUDIO["turbo" in self.config.upstream_model] if capability in LISTENING and not own else ""
        return self.head(self.preset.paths[capability], json=capability not in FORMS, base=base)

    async def generate_image(self, call: Call, transport: Transport) -> Reply | ReplyStream:
        return await self._images(call, transport, {})

    async def edit_image(self, call: Call, transport: Transport) -> Reply | ReplyStream:
        addresses = await offload(len(call.body), openai_image.sources_of, call)
        if len(addresses) > 1:
            raise Unsupported(400, "Fireworks edits one image per request.", code="array_above_max_length", param="image")
        return await self._images(call, transport, {"input_image": addresses[0]})

    async def _images(self, call: Call, transport: Transport, sources: dict[str, Any]) -> Reply | ReplyStream:
        values = self.asked(call)
        taken, left = images.taken_of(self._api, values)
        lossy = (*self.dropped(call), *self.left_out(call, left))
        number = int(values.get("n", 1))
        if number > MAX_AT_ONCE:
            raise Unsupported(
                400, f"Fireworks generates at most {MAX_AT_ONCE} images per request.", code="invalid_value", param="n"
            )
        wanted = "b64_json" if call.stream else values.get("response_format")
        head = self._image_head("")
        head = replace(head, headers=(*head.headers, ("accept", self._api.accept(values))))
        size = len(call.body)
        different = number if "seed" in taken else 1
        bodies = [await offload(size, self.made_body, {**images.numbered(taken, index), **sources}) for index in range(different)]
        requests = [self.request(call, bodies[index % different], head) for index in range(number)]
        items = await _at_once([self._image(call, request, transport, wanted) for request in requests])
        size = sum(len(item.get("b64_json", "")) for item in items)
        return await self.answered(call, await offload(size, openai_image.answer, items, wanted, int(time())), lossy)

    async def _image(self, call: Call, request: UpstreamRequest, transport: Transport, wanted: str | None) -> dict[str, Any]:
        if self._api is Api.KONTEXT:
            return await self._workflow(call, request, transport, wanted)
        reply = await transport.fetch(request)
        self.good(reply, call.wire)
        return await offload(len(reply.body), images.item_of, reply)

    async def _workflow(self, call: Call, request: UpstreamRequest, transport: Transport, wanted: str | None) -> dict[str, Any]:
        """The image that an asynchronous workflow ends with, within the target's total time."""
        try:
            async with asyncio.timeout(self.config.timeouts.when(streamed=call.stream).total):
                accepted = self.good(await transport.fetch(request), call.wire)
                url = await self._result(call, workflow.text_in(accepted, "request_id"), transport)
                if wanted == "b64_json":
                    return await self._download(call, url, transport)
                return {"url": url}
        except TimeoutError as error:
            raise TotalTimeout from error

    async def _result(self, call: Call, request_id: str, transport: Transport) -> str:
        request = self.request(call, msgspec.json.encode({"id": request_id}), self._image_head("/get_result"))
        failed = 0
        while True:
            await asyncio.sleep(POLL_S)
            try:
                body = self.good(await transport.fetch(request), call.wire)
            except ProviderError as error:
                failed += 1
                if failed > MAX_FAILED_POLLS or not (error.policy.retry or error.failure is FailureClass.RATE_LIMIT):
                    raise
                continue
            sample = workflow.sample_of(body)
            if sample:
                return sample
            failed = failed + 1 if sample is None else 0
            if failed > MAX_FAILED_POLLS:
                raise UpstreamFailed("the workflow is not known")

    async def _download(self, call: Call, url: str, transport: Transport) -> dict[str, Any]:
        own = self._image_head("")
        head = workflow.head_of_sample(url, own)
        keyed = head.origin == own.origin
        request = self.request(call, b"", head) if keyed else UpstreamRequest(head, b"", self.config.timeouts.whole)
        reply = await transport.fetch(request)
        return await offload(len(reply.body), workflow.downloaded, reply)

    def _image_head(self, more: str) -> Head:
        return self.head(self._api.path(self.config.upstream_model) + more)


async def _at_once(calls: list[Coroutine[Any, Any, dict[str, Any]]]) -> list[dict[str, Any]]:
    """All results; the first failure ends the rest."""
    if len(calls) == 1:
        return [await calls[0]]
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(call) for call in calls]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from errors
    return [task.result() for task in tasks]


def lacks(model: str) -> frozenset[Capability]:
    """Its models of FLUX Kontext edit images, the others do not."""
    return frozenset() if images.api_of(model) is Api.KONTEXT else frozenset({Capability.IMAGE_EDIT})


register_preset(PRESET, FireworksAdapter, FireworksAdapter, lacks=lacks)
