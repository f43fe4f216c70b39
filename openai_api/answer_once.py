"""How is a request with an `Idempotency-Key` answered? By its handler once, and with what that has said from then on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

from openai_api.context import Gateway, Handler, Inbound
from openai_api.errors import ApiError, Headers
from openai_api.pipeline.respond import begin_stream, send_whole
from openai_api.repeats.key import HEADER, Named, checked_key, named
from openai_api.repeats.outlet import RepeatOutlet
from openai_api.repeats.repeats import Lost, Repeats
from openai_api.repeats.run import Run
from openai_api.repeats.store import Head, State
from providers.offload import offload

REPLAYED: Headers = ((b"x-gateway-idempotent", b"replayed"),)
TRIES = 5
"""How often a request takes the place of one that was lost, before it gives up."""


async def answer_once(gateway: Gateway, inbound: Inbound, handler: Handler, repeats: Repeats) -> None:
    """Serves a request that has the header. Raises `ApiError`."""
    key = checked_key(inbound.headers[HEADER])
    size = inbound.record.body_bytes
    told = inbound.caller.lineage, key, inbound.record.path, inbound.query, inbound.body, inbound.form
    asked = await offload(size, named, repeats.secret, *told)
    for _ in range(TRIES):
        run = await repeats.begin(asked)
        if run is not None:
            await _served(gateway, inbound, handler, repeats, run)
            return
        try:
            await _replayed(inbound, repeats, asked)
        except Lost:
            continue
        else:
            return
    raise ApiError(409, "idempotency_in_progress", "The request with this Idempotency-Key has failed again and again.")


async def _served(gateway: Gateway, inbound: Inbound, handler: Handler, repeats: Repeats, run: Run) -> None:
    inbound.outlet = RepeatOutlet(inbound.outlet, run, inbound.record, inbound.dialect, inbound.request_id)
    run.abandon = partial(_abandon, inbound, asyncio.current_task())
    inbound.stays = run.leave
    try:
        await handler(gateway, inbound)
    except ApiError:
        raise  # the outlet is told of it
    except BaseException:
        await asyncio.shield(run.end(State.FAILED))
        raise
    else:
        await run.end(State.FAILED)  # unless it has ended
    finally:
        repeats.land(run)


def _abandon(inbound: Inbound, serving: asyncio.Task[None] | None) -> None:
    inbound.record.client_aborted = True
    if serving is not None:
        serving.cancel()


async def _replayed(inbound: Inbound, repeats: Repeats, asked: Named) -> None:
    """Raises `Lost` if nothing has been sent."""
    parts = repeats.answer(asked)
    head = await anext(parts, None)
    if not isinstance(head, Head):
        raise Lost
    repeats.replayed += 1
    inbound.record.cache = "repeated"
    headers = (*head.headers, *REPLAYED)
    if head.streamed:
        await _streamed(inbound, headers, parts)
    else:
        await send_whole(inbound, head.status, headers, b"".join([part async for part in parts if isinstance(part, bytes)]))


async def _streamed(inbound: Inbound, headers: Headers, parts: AsyncIterator[Head | bytes]) -> None:
    content_type = dict(headers)[b"content-type"]
    rest = tuple(header for header in headers if header[0] != b"content-type")
    try:
        outlet = await begin_stream(inbound, rest, [], content_type)
        async for part in parts:
            if isinstance(part, bytes):
                await outlet.events([part])
        await outlet.end([])
    except Lost:
        inbound.record.error = "repeat_lost"  # the server breaks the connection: the answer is not complete
    finally:
        inbound.outlet.close()
