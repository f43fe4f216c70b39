"""What of a request that passes as it came must not go to Anthropic? What another vendor has signed, or nobody.

A client that has talked to models of other vendors sends back the thoughts that it was told, with the signatures under which the
gateway has told them (`providers/canonical/signature.py`). Anthropic refuses a history with a signature that it cannot read. Only
then is a request of its own wire decoded: in all others nothing is looked at but whether those bytes occur.
"""

from __future__ import annotations

import msgspec

from providers.bytes.patch import Fields
from providers.canonical.losses import Losses
from providers.canonical.signature import PREFIX
from providers.wire.anthropic_messages.codec.requests.decode import decode_request
from providers.wire.anthropic_messages.codec.requests.own import own_body
from providers.wire.anthropic_messages.codec.words import OWN, WIRE

MARK = f'"{PREFIX}'.encode()
"""How a signature begins that is not Anthropic's, as a JSON string."""
MESSAGES = "messages"


def own_messages(fields: Fields) -> tuple[bytes | None, tuple[str, ...]]:
    """The field `messages` without what is not Anthropic's, None if it can stay as it is; and the places of what was left out."""
    span = fields.spans.get(MESSAGES)
    if span is None or fields.body.find(MARK, span[1], span[2]) < 0:
        return None, ()
    request = decode_request({MESSAGES: msgspec.json.decode(fields.raw(MESSAGES) or b"")})
    losses = Losses(WIRE, request.words, OWN)
    body = own_body(request, losses)
    return msgspec.json.encode(body.get(MESSAGES, [])), losses.names
