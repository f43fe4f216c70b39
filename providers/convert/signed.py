"""What of a call must an upstream not get that otherwise gets it as it came? What another vendor has signed.

A client that was answered by one vendor and then by another sends back the signatures of both. An upstream of the client's own
wire refuses a history with one that it cannot read, so that such a call, which is rare, goes through the codec of its wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from providers.canonical.signature import PREFIX
from providers.convert.codecs import codecs
from providers.convert.converted import left_out
from providers.types import Answered, Call, Reply, Wire
from providers.wire.gemini.codec.requests.own import MARKS

MARK = PREFIX.encode()
SIGNED: Mapping[Wire, tuple[bytes, ...]] = MappingProxyType({Wire.ANTHROPIC_MESSAGES: (MARK,), Wire.GEMINI: MARKS})
"""Wires whose upstreams check signatures → what stands in every body with a foreign one, and perhaps in others."""


def without_foreign(call: Call) -> tuple[Call, tuple[str, ...]]:
    """The call without what another vendor has signed, and the names of that. Raises `Unsupported` if the call is strict."""
    if not any(mark in call.body for mark in SIGNED.get(call.wire, ())):
        return call, ()
    codec = codecs()[call.wire]
    encoded = codec.encode_request(codec.decode_request(msgspec.json.decode(call.body)))
    names = left_out(call, encoded.lossy)
    return (call.with_body(msgspec.json.encode(encoded.body)), names) if names else (call, ())


def with_names(answer: Answered, names: tuple[str, ...]) -> Answered:
    """The answer, which says that this was left out."""
    if isinstance(answer, Reply):
        return msgspec.structs.replace(answer, lossy=(*names, *answer.lossy))
    answer.lossy = (*names, *answer.lossy)
    return answer
