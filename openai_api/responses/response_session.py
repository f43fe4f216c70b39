"""Which session is a response part of? That of its request: one that goes on from the response is found by its id."""

from __future__ import annotations

import re
from functools import partial

import msgspec

from openai_api.pipeline.find_session import is_used
from openai_api.pipeline.state import Exchange, Keep
from providers.bytes.patch import InvalidJson, fields_of
from providers.types import Target

ID = re.compile(rb'\{\s*"id"\s*:\s*"([A-Za-z0-9_-]{1,256})"')
"""How a response object begins, as nearly all do: to look through all of it takes longer."""


def keeping_session(exchange: Exchange, keep: Keep | None) -> Keep | None:
    """What keeps the session of the response, too, where sessions are remembered and there is something to keep."""
    return keep if keep is None or not _is_remembered(exchange) else partial(_keep, exchange, keep)


async def keep_session(exchange: Exchange, response_id: str) -> None:
    """Notes the session of a response under the id that clients know."""
    sessions, record = exchange.gateway.sessions, exchange.record
    if sessions is not None and response_id and _is_remembered(exchange):
        await sessions.answered(exchange.client.id, record.tenant, record.session, response_id)


def _is_remembered(exchange: Exchange) -> bool:
    sessions = exchange.gateway.sessions
    return sessions is not None and bool(exchange.record.session) and sessions.guesses(used=is_used(exchange))


async def _keep(exchange: Exchange, keep: Keep, target: Target, body: bytes) -> None:
    await keep(target, body)
    await keep_session(exchange, _id_of(body))


def _id_of(body: bytes) -> str:
    if told := ID.match(body):
        return told[1].decode()
    try:
        return msgspec.json.decode(fields_of(body).raw("id") or b'""', type=str)
    except (InvalidJson, msgspec.ValidationError):
        return ""
