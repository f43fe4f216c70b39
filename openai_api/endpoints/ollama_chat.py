"""What does `POST /api/chat` ask for?

Format: Ollama of August 2026, `api/types.go`, `ChatRequest`. It streams unless told not to.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from openai_api.context import Inbound
from openai_api.endpoints.call import make_call, secrets_of
from openai_api.endpoints.ollama_call import Asked, OllamaRequest, entry_of, loaded, request_in, serving
from providers.capabilities import Capability
from providers.types import Wire


class ChatRequest(OllamaRequest, kw_only=True):
    messages: list[msgspec.Raw] | None = None
    stream: bool | None = None
    top_logprobs: Annotated[int, msgspec.Meta(ge=0, le=20)] | None = None


_decode = msgspec.json.Decoder(ChatRequest).decode


def decode(inbound: Inbound) -> Asked | bytes:
    """The call; without messages the answer that the model is loaded. Raises `ApiError`."""
    request, fields = request_in(inbound, _decode)
    secrets = secrets_of(request.credentials)
    stream = request.stream is not False
    call = make_call(inbound, Capability.CHAT, Wire.OLLAMA, request.model, fields, stream=stream, credentials=secrets)
    entry = entry_of(inbound, request.model, Capability.CHAT)
    if not request.messages:
        return loaded(request, inbound, message={"role": "assistant", "content": ""})
    return Asked(call, entry, {})


chat = serving(decode)
