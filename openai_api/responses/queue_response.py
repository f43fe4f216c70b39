"""What is told of a response that the gateway makes in the background? That it is queued, or its events as they come."""

from __future__ import annotations

import asyncio

from models_catalog.snapshot import ModelEntry
from openai_api.context import Gateway, Inbound
from openai_api.errors import ApiError, Headers, StoreUnavailable, server_draining, upstream
from openai_api.pipeline.respond import begin_stream, lossy, send_json
from openai_api.pipeline.state import Exchange
from providers.bytes import sse
from providers.bytes.patch import patch
from providers.bytes.sse import Frames
from providers.convert.calling import wire_for
from providers.convert.converted import left_out_by
from providers.convert.response_actions import readable
from providers.errors import CallerError
from providers.offload import offload
from providers.types import Call, Wire
from providers.wire.openai.framing import DONE


def is_made_here(call: Call, entry: ModelEntry) -> bool:
    """Whether a response in the background is the gateway's own: no upstream of the model keeps responses."""
    return call.response.background and not any(target.keeps_responses for target in entry.targets[call.capability])


async def queue_response(exchange: Exchange) -> None:
    """Answers at once; the response is made whether the client stays or not. Raises `ApiError`, also for what no target of the
    model could make."""
    gateway, inbound, call = exchange.gateway, exchange.inbound, exchange.call
    headers: Headers = ()
    targets = exchange.entry.targets[call.capability]
    if not any(target.speaks(call) for target in targets):
        try:
            asked = await readable(call.with_body(patch(call.fields, {"background": None})))
            names = await offload(len(call.body), left_out_by, asked, wire_for(targets[0], call))
        except CallerError as error:
            raise upstream(error) from error
        headers = (lossy(names),) if names else ()
    stored = await gateway.background.begin(call, inbound.caller, inbound.record)
    if call.stream:
        await follow_response(gateway, inbound, stored.id, -1, headers)
    else:
        await send_json(inbound, stored.current_body(), headers=headers)


async def follow_response(gateway: Gateway, inbound: Inbound, response_id: str, after: int, headers: Headers = ()) -> None:
    """Sends its events with numbers above `after`, until it has ended."""
    try:
        outlet = await begin_stream(inbound, headers, [])
        try:
            async for number, frames in gateway.background.follow(response_id, after):
                after = number
                await outlet.events(frames)
            last: Frames = []
        except StoreUnavailable as error:
            last = _broken(inbound, error, after)
        except asyncio.CancelledError:
            if (ending := server_draining() if inbound.record.draining else inbound.ends_with) is None:
                raise
            last = _broken(inbound, ending, after)
        await outlet.end([*last, sse.frame_of(DONE)])
    finally:
        inbound.outlet.close()


def _broken(inbound: Inbound, error: ApiError, after: int) -> Frames:
    """What ends a stream that cannot go on, while the response does: clients ask again from the last number."""
    inbound.record.error = error.code
    return [inbound.dialect.events[Wire.OPENAI_RESPONSES](error.failure(), after + 1)]
