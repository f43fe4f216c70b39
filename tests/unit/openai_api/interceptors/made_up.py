"""Which exchanges and events are made up for these tests?"""

from __future__ import annotations

from typing import Any

import msgspec

from openai_api.observing.session_event import EventName, SessionEvent, trace_id_of
from openai_api.observing.transcript import Transcript
from openai_api.recording.events import Attempt, Record
from providers.types import Usage, Wire

STARTED = 1_790_000_000.25
REQUEST = b'{"model":"m","messages":[{"role":"user","content":"hi"}]}'
ANSWER = b'{"id":"c","object":"chat.completion","model":"m","choices":[]}'


def transcript(record: dict[str, Any] | None = None, **fields: Any) -> Transcript:
    """A chat completion that went well, but for what is given."""
    told = {
        "status": 200,
        "model": "m",
        "client_name": "tests",
        "started": STARTED,
        "total_s": 0.5,
        "first_byte_s": 0.25,
        "usage": Usage(input_tokens=11, output_tokens=3),
        "attempts": [Attempt("chaos/m", "chaos", "m")],
        "body_bytes": len(fields.get("request", REQUEST)),
        **(record or {}),
    }
    made = Transcript(
        record=Record("r-1", "POST", "/v1/chat/completions", **told),
        ended=STARTED + 0.5,
        dialect="openai",
        wire=Wire.OPENAI_CHAT,
        url="http://host/v1/chat/completions",
        request=REQUEST,
        answer_headers=(("content-type", "application/json"),),
        content_type="application/json",
        answer=ANSWER,
    )
    return msgspec.structs.replace(made, **fields)


def event(name: EventName = EventName.CALL_START, session: str = "s-1", client: str = "key-1", **fields: Any) -> SessionEvent:
    """An event of a session."""
    made = SessionEvent(name=name, at=STARTED, session_id=session, trace_id=trace_id_of(session, client), span_id="0" * 16)
    return msgspec.structs.replace(made, client_id=client, **fields)
