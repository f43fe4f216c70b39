"""How does a target count the tokens of a request, or compact a conversation? By its upstream where that can, else here.

Formats: OpenAI's OpenAPI document of August 2026, `/responses/input_tokens` and `/responses/compact`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import cast

import msgspec

from providers.bytes.halves import decoded
from providers.bytes.patch import fields_of, patch
from providers.convert.calling import Ask, ask
from providers.convert.converted import left_out
from providers.convert.counting import Counted, count, estimate, lacks
from providers.convert.response_history import history
from providers.errors import InvalidResponse, ProviderError
from providers.ids import mint
from providers.offload import offload
from providers.protocols import Responses
from providers.transport import Transport
from providers.types import Action, Answered, Call, Reply, Target, Usage
from providers.wire.openai.usage import usage_of
from providers.wire.openai_responses import compaction
from providers.wire.openai_responses.items import Json, items_of

COUNTED = ("input", "instructions", "tools", "text")


async def create(target: Target, call: Call, transport: Transport) -> Answered:
    """A response, whole or as a stream. Raises `ProviderError`."""
    return await ask(target, await readable(call), transport)


async def readable(call: Call) -> Call:
    """The call with the gateway's compactions as texts, which any upstream can read. Raises as `compaction.opened`."""
    read = call.response.open_summary
    if read is None or compaction.MARK not in call.body:
        return call
    fields = await offload(len(call.body), compaction.opened, call.fields, read)
    return call.with_body(fields.body, fields)


async def count_tokens(target: Target, call: Call, transport: Transport) -> Reply:
    """How many tokens the request has: the upstream's count, or an estimate. Raises `ProviderError`."""
    if target.speaks(call):
        if (reply := await _upstreams(target, call, transport)) is not None:
            return reply
        call = await readable(await _standing_alone(target, call, transport))
        counted = b",".join(call.fields.raw(name) or b"" for name in COUNTED)
        found = Counted(estimate(counted), estimated=True)
    else:
        found = await count(target, await readable(call), transport)
    return _reply(call, {"object": "response.input_tokens", "input_tokens": found.tokens}, estimated=found.estimated)


async def compact(target: Target, call: Call, transport: Transport) -> Reply:
    """The user's messages and what stands for all the rest. Raises `ProviderError`."""
    if target.speaks(call):
        if (reply := await _upstreams(target, call, transport)) is not None:
            return reply
        call = await _standing_alone(target, call, transport)
    asked, items, lossy = await offload(len(call.body), _asking, call)
    answer = await create(target, asked, transport)
    seal = call.response.seal_summary
    if not isinstance(answer, Reply) or seal is None:
        raise InvalidResponse("a stream was not asked for")
    summary = compaction.summary_of(decoded(answer.body))
    told = usage_of(answer.fields) if answer.fields else None
    if told == Usage():  # nobody has counted
        told = None
    usage = told or compaction.guessed_usage(len(asked.body), summary)
    item = {"id": mint("cmp"), "type": "compaction", "encrypted_content": seal(summary)}
    made = compaction.compaction(mint("resp"), int(time.time()), [*compaction.kept(items, mint), item], usage)
    return _reply(call, made, lossy=(*lossy, *answer.lossy), estimated=told is None)


async def ask_stored(method: str, path: str, target: Target, call: Call, transport: Transport) -> Answered:
    """What is done with a response that lies at the target. Raises `ProviderError`."""
    return await cast(Responses, target.adapter).ask_response(call, transport, method, path)


ACTIONS: Mapping[Action, Ask] = MappingProxyType(
    {Action.CREATE: create, Action.INPUT_TOKENS: count_tokens, Action.COMPACT: compact}
)
"""How a target is asked, by what the request to the Responses API asks for."""


async def _upstreams(target: Target, call: Call, transport: Transport) -> Reply | None:
    """The upstream's own answer, None if it has none to give."""
    adapter = cast(Responses, target.adapter)
    try:
        reply = await adapter.ask_response(await readable(call), transport, "POST", f"/{call.response.action.value}")
    except ProviderError as error:
        if lacks(error):
            return None
        raise
    if not isinstance(reply, Reply):
        raise InvalidResponse("a stream was not asked for")
    return reply


async def _standing_alone(target: Target, call: Call, transport: Transport) -> Call:
    """The call with the items of the response before it, if that lies at the upstream."""
    raw = call.fields.raw("previous_response_id")
    if raw in (None, b"null"):
        return call
    said = msgspec.json.decode(call.fields.raw("input") or b"null")
    items = [*await history(call, msgspec.json.decode(raw or b""), transport, target), *items_of(said or [])]
    return call.with_body(patch(call.fields, {"previous_response_id": None, "input": msgspec.json.encode(items)}))


def _asking(call: Call) -> tuple[Call, list[Json], tuple[str, ...]]:
    """The call for a response that sums up, the items that it sums up, and the fields that have no effect.

    Compactions among the items are read like those of any response.
    """
    request: Json = msgspec.json.decode(call.body)
    items = items_of(request.get("input") or [])
    asked = call.with_body(msgspec.json.encode(compaction.asking_summary(request, items)))
    return asked.with_response(action=Action.CREATE, previous_id=None), items, left_out(call, compaction.left_out(request))


def _reply(call: Call, value: Json, *, lossy: tuple[str, ...] = (), estimated: bool = False) -> Reply:
    body = msgspec.json.encode(value)
    return Reply(wire=call.wire, body=body, fields=fields_of(body), lossy=lossy, estimated=estimated)
