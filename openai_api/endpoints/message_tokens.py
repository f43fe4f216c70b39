"""What does `POST /v1/messages/count_tokens` ask for? How many tokens a request for a message has."""

from __future__ import annotations

from openai_api.context import Gateway, Inbound
from openai_api.endpoints.call import make_call, secrets_of
from openai_api.endpoints.json_body import check_place, json_object, typed
from openai_api.errors import invalid
from openai_api.pipeline.exchange import exchange_of, generate
from providers.capabilities import Capability
from providers.convert.counting import ask_count
from providers.offload import offload
from providers.types import Call, Wire
from providers.wire.anthropic_messages.request import decode_count_request


def decode(inbound: Inbound) -> Call:
    """The call. Raises 400 `ApiError`s that name the field at fault."""
    fields = json_object(inbound.body)
    check_place(fields, "messages")
    request = typed(decode_count_request, inbound.body)
    if not request.messages:
        raise invalid("invalid_value", "The field 'messages' is empty.", "messages")
    return make_call(
        inbound,
        Capability.CHAT,
        Wire.ANTHROPIC_MESSAGES,
        request.model,
        fields,
        credentials=secrets_of(request.credentials),
    )


async def count(gateway: Gateway, inbound: Inbound) -> None:
    """Answers with the upstream's count, or with an estimate where it has none, which a header says. Raises `ApiError`."""
    call = await offload(len(inbound.body), decode, inbound)
    exchange = exchange_of(gateway, inbound, call, ask=ask_count)
    inbound.record.capability = None  # nothing is generated
    await generate(exchange)
