"""What does the recorder hear of an exchange, in each wire? Transcripts, made of what clients and upstreams of the matrix say."""

from __future__ import annotations

import json
from typing import Any

from openai_api.observing.transcript import Transcript
from openai_api.recording.events import Attempt, Record
from providers.capabilities import Capability
from providers.types import Usage, Wire
from tests.matrix.situations import Ask, Tell
from tests.matrix.wires import anthropic, gemini, ollama, openai_chat, openai_responses

SIDES: dict[Wire, tuple[Any, Any]] = {
    Wire.OPENAI_CHAT: (openai_chat.CLIENT, openai_chat.UPSTREAM),
    Wire.OPENAI_RESPONSES: (openai_responses.CLIENT, openai_responses.UPSTREAM),
    Wire.ANTHROPIC_MESSAGES: (anthropic.CLIENT, anthropic.UPSTREAM),
    Wire.GEMINI: (gemini.CLIENT, gemini.UPSTREAM),
    Wire.OLLAMA: (ollama.CLIENT, ollama.UPSTREAM),
}
DIALECTS = {
    Wire.OPENAI_CHAT: "openai",
    Wire.OPENAI_RESPONSES: "openai",
    Wire.ANTHROPIC_MESSAGES: "anthropic",
    Wire.GEMINI: "gemini",
    Wire.OLLAMA: "ollama",
}
START = 1_790_000_000.0


def record(**fields: Any) -> Record:
    """One of a request that was answered."""
    at = fields.pop("at", 0.0)
    given = {"session": "s-1", "agent": "a-1", "client_id": "k-1", "model": "m", "status": 200, "total_s": 0.5} | fields
    made = Record("req-1", "POST", "/v1/x", started=START + at, clock=0.0)
    made.capability = Capability.CHAT
    made.attempts = [Attempt("t", "p", "up", "ok", None, 0.4, 0.0, "anthropic", "api.example")]
    for name, value in given.items():
        setattr(made, name, value)
    return made


def transcript(wire: Wire, asked: Ask, tell: Tell, *, stream: bool = False, bodies: bool = True, **fields: Any) -> Transcript:
    """An exchange of that wire. `at` is when it began, in seconds after `START`."""
    client, upstream = SIDES[wire]
    told = upstream.streamed(tell) if stream else upstream.whole(tell)
    made = record(**{"usage": Usage(31, 17, 8), "stream": stream} | fields)
    return Transcript(
        record=made,
        ended=made.started + made.total_s,
        dialect=DIALECTS[wire],
        wire=wire,
        request=json.dumps(client.ask("m", asked).body).encode(),
        content_type=told.content_type,
        answer=b"".join(told.chunks) if told.chunks is not None else told.body,
        streamed=stream,
        bodies=bodies,
    )
