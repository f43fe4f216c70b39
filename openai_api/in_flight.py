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

log = logging.getLogger("gateway.requests")


async def in_flight(gateway: Gateway, inbound: Inbound, answer: Coroutine[Any, Any, None]) -> None:
    """Awaits the answer as a request in flight, which may be ended by cancelling this task, and records it."""
    record = inbound.record
    active, task = gateway.state.active, asyncio.current_task()
    assert task is not None, "a server calls an application in a task"  # noqa: S101
    active[task] = record
    try:
        await _answered(inbound, answer)
    except ClientGone:
        record.client_aborted = True
    except asyncio.CancelledError:
        await _cancelled(inbound)
    finally:
        del active[task]
        if inbound.form is not None:
            inbound.form.close()
        record.total_s = perf_counter() - record.clock
        gateway.recorder.record(record)


async def _answered(inbound: Inbound, answer: Coroutine[Any, Any, None]) -> None:
    try:
        await answer
    except ApiError as error:
        await send_error(inbound, error)
    except ClientGone:
        raise
    except Exception as error:
        log.error("request failed", exc_info=error, extra={"request_id": inbound.request_id, "path": inbound.path})
        inbound.record.error = "internal_error"
        if inbound.record.status == 0:
            await send_error(inbound, internal_error(inbound.request_id))


async def _cancelled(inbound: Inbound) -> None:
    """The end of a request that was cancelled: silent if the client left, 503 if the server ends, else passed on."""
    record = inbound.record
    if record.draining and record.status == 0:
        await send_error(inbound, server_draining())
    elif not record.client_aborted:
        raise asyncio.CancelledError
