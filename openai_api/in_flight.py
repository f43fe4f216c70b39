"""How does a request end, whatever brought it? Answered, refused, left or cancelled, it leaves one record."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from time import perf_counter
from typing import Any

from openai_api.context import Gateway, Inbound
from openai_api.errors import ApiError, internal_error, server_draining
from openai_api.http.receive import ClientGone
from openai_api.pipeline.respond import send_error
from openai_api.pipeline.run_hooks import on_error
from openai_api.transcribe import collecting, tell

log = logging.getLogger("gateway.requests")


async def in_flight(gateway: Gateway, inbound: Inbound, answer: Coroutine[Any, Any, None]) -> None:
    """Awaits the answer as a request in flight, which may be ended by cancelling this task, and records it."""
    record = inbound.record
    active, task = gateway.state.active, asyncio.current_task()
    assert task is not None, "a server calls an application in a task"  # noqa: S101
    active[task] = inbound
    said = collecting(gateway, inbound)
    try:
        await _answered(gateway, inbound, answer)
    except ClientGone:
        record.client_aborted = True
    except asyncio.CancelledError:
        await _cancelled(gateway, inbound)
    finally:
        del active[task]
        if inbound.ends_with is not None and task.cancelling():
            task.uncancel()  # the client has been told; over a WebSocket there may be further turns
        record.total_s = perf_counter() - record.clock
        if said is not None:
            tell(gateway, inbound, said)
        if inbound.form is not None:
            inbound.form.close()
        gateway.recorder.record(record)


async def _answered(gateway: Gateway, inbound: Inbound, answer: Coroutine[Any, Any, None]) -> None:
    try:
        await answer
    except ApiError as error:
        await send_error(inbound, await on_error(gateway, inbound, error))
    except ClientGone:
        raise
    except Exception as error:
        log.error("request failed", exc_info=error, extra={"request_id": inbound.request_id, "path": inbound.path})
        inbound.record.error = "internal_error"
        if inbound.record.status == 0:
            await send_error(inbound, await on_error(gateway, inbound, internal_error(inbound.request_id)))


async def _cancelled(gateway: Gateway, inbound: Inbound) -> None:
    """The end of a request that was cancelled: silent if the client left, 503 if the server ends or an operator has stopped it,
    401 if its key does, else passed on."""
    record = inbound.record
    ending = server_draining() if record.draining else inbound.ends_with
    if ending is not None and record.status == 0:
        await send_error(inbound, await on_error(gateway, inbound, ending))
    elif not record.client_aborted:
        raise asyncio.CancelledError
