"""What does `POST /api/generate` ask for? A prompt, told as a conversation: its system message and one of the user.

Format: Ollama of August 2026, `api/types.go`, `GenerateRequest` and `GenerateResponse`. An Ollama server is asked by its own
`/api/generate`, with all that the client has said. Other upstreams get the conversation; `template` and `context` are then left
out and named, and `raw` and `suffix`, which a conversation cannot say, are refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import msgspec

from openai_api.context import Inbound
from openai_api.endpoints.call import make_call, secrets_of
from openai_api.endpoints.ollama_call import Asked, OllamaRequest, entry_of, loaded, request_in, serving
from openai_api.errors import invalid
from providers.bytes.event import Event
from providers.bytes.halves import told_fields
from providers.bytes.patch import Fields, InvalidJson, patch
from providers.capabilities import Capability
from providers.convert.calling import ask
from providers.transport import Transport
from providers.types import Answered, Call, Target, Wire

TOLD = frozenset({"prompt", "system", "images"})
"""Fields that become messages."""


class GenerateRequest(OllamaRequest, kw_only=True):
    prompt: str | None = None
    system: str | None = None
    images: list[str] | None = None
    suffix: str | None = None
    template: str | None = None
    context: list[int] | None = None
    raw: bool | None = None
    stream: bool | None = None
    top_logprobs: Annotated[int, msgspec.Meta(ge=0, le=20)] | None = None


_decode = msgspec.json.Decoder(GenerateRequest).decode
_message = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def decode(inbound: Inbound) -> Asked | bytes:
    """The call; without a prompt the answer that the model is loaded. Raises `ApiError`."""
    request, fields = request_in(inbound, _decode)
    stream, secrets = request.stream is not False, secrets_of(request.credentials)
    call = make_call(inbound, Capability.CHAT, Wire.OLLAMA, request.model, stream=stream, credentials=secrets)
    entry = entry_of(inbound, request.model, Capability.CHAT)
    if request.raw and (request.template or request.system or request.context):
        raise invalid("invalid_value", "raw mode does not support template, system, or context", "raw")
    if not request.prompt and not request.images and not request.suffix:
        return loaded(request, inbound, response="")
    call = call.with_body(_as_chat(request, fields))
    return Asked(call, entry, {"ask": _ask, "shape": _generated, "taps": (_Generated(),)})


generate = serving(decode)


def _as_chat(request: GenerateRequest, fields: Fields) -> bytes:
    """The body as that of a chat, with all other fields as they came."""
    user = {"role": "user", "content": request.prompt or ""} | ({"images": request.images} if request.images else {})
    system = [{"role": "system", "content": request.system}] if request.system else []
    rest = {name: msgspec.Raw(fields.raw(name) or b"null") for name in fields.spans if name not in TOLD}
    return msgspec.json.encode({**rest, "messages": [*system, user]})


async def _ask(target: Target, call: Call, transport: Transport) -> Answered:
    """An Ollama server is asked by its own path for prompts."""
    own = getattr(target.adapter, "ollama_generate", None)
    answer: Answered = await (ask(target, call, transport) if own is None else own(call, transport))
    return answer


def _changes(fields: Fields) -> dict[str, bytes | None]:
    """What makes an answer of a prompt of one of a chat; nothing for what is one."""
    raw = fields.raw("message")
    if raw is None:
        return {}
    message = _message(raw)
    changes: dict[str, bytes | None] = {"message": None, "response": bytes(message.get("content", b'""'))}
    return changes | {name: bytes(message[name]) for name in ("thinking", "tool_calls") if name in message}


def _generated(body: bytes) -> bytes:
    fields = told_fields(body)
    return patch(fields, _changes(fields))


class _Generated:
    """The lines of a stream, as those of a prompt's."""

    def event(self, event: Event) -> Iterable[Event]:
        try:
            changes = _changes(event.fields)
        except (msgspec.DecodeError, InvalidJson):
            return (event,)
        return (event.changed(changes),) if changes else (event,)

    def end(self) -> Iterable[Event]:
        return ()
