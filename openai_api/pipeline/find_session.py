"""Which session is the request part of? Said in its record, for the hooks, the answer's head and what is recorded."""

from __future__ import annotations

from openai_api.pipeline.state import Exchange
from openai_api.sessions.sessions import Sessions
from providers.convert.counting import ask_count
from providers.types import Action


async def find_session(exchange: Exchange, sessions: Sessions) -> None:
    """Fills in the session, the agent and the tags. A response in the background has those of the request that asked for it.
    Raises 400 `invalid_headers`."""
    record, call, headers = exchange.record, exchange.call, exchange.inbound.headers
    if record.session:
        return
    generates = exchange.ask is not ask_count and call.response.action is Action.CREATE
    used = is_used(exchange)
    found = await sessions.find(call, headers, exchange.client.id, record.tenant, generates=generates, used=used)
    record.session, record.agent, record.session_new, record.session_seen = found.session, found.agent, found.new, found.seen
    if found.tags:
        record.tags = {**found.tags, **record.tags}


def is_used(exchange: Exchange) -> bool:
    """Whether anybody looks at the session of the request beside its row: a hook, or who observes its key."""
    gateway = exchange.gateway
    return gateway.hooks.chain is not None or gateway.observing.wants(exchange.record.client_name, exchange.record.client_id)
