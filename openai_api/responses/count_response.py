"""Where are the tokens of a response counted that an upstream makes in the background? In a row of its own, once.

Nobody knows which call will tell its end: the stream it was asked for with, or any of those that ask for it afterwards. So the
row has an id that is made of the response's, and the database keeps the first of them.
"""

from __future__ import annotations

import hashlib

import msgspec

from openai_api.context import Gateway, Inbound
from openai_api.recording.events import Record
from openai_api.responses.background_run import PATH, RUN
from openai_api.spending.noting import tier_of
from providers.bytes.patch import InvalidJson, fields_of
from providers.capabilities import Capability
from providers.types import Target, Usage
from providers.wire.openai.usage import usage_of

MAX_COUNTED = 10_000
"""Responses of which a worker remembers that it has counted them."""


async def count_response(gateway: Gateway, inbound: Inbound, target: Target, body: bytes) -> None:
    """Counts the response in `body`, under its outside names, if it was made in the background and has ended."""
    try:
        fields = fields_of(body)
    except InvalidJson:
        return
    usage = usage_of(fields)
    if usage is None or fields.raw("background") != b"true":
        return
    response_id = msgspec.json.decode(fields.raw("id") or b'""', type=str)
    counted = gateway.state.counted
    if response_id in counted:
        return
    counted[response_id] = None
    while len(counted) > MAX_COUNTED:
        del counted[next(iter(counted))]
    record = _record(inbound.record, response_id, usage)
    gateway.recorder.record(record)
    if gateway.charge is not None:
        gateway.charge(record, inbound.caller, inbound.catalog)


def _record(of: Record, response_id: str, usage: Usage) -> Record:
    """What a worker of the gateway would have recorded, had it made the response."""
    record = Record(response_id[:128], "POST", RUN, route=PATH, status=200, capability=Capability.RESPONSES)
    record.client_id, record.client_name = of.client_id, of.client_name
    record.provider, record.upstream_model = of.attempts[-1].provider, of.attempts[-1].upstream_model
    record.model, record.served_model, record.prices = of.model, of.served_model, of.prices
    record.pattern = of.pattern
    record.session, record.agent, record.tenant, record.tags = of.session, of.agent, of.tenant, of.tags
    record.project, record.person, record.app = of.project, of.person, of.app
    record.usage, record.service_tier = usage, tier_of(usage)
    record.row_id = hashlib.sha256(response_id.encode()).hexdigest()[:32]
    return record
