"""What did an exchange say, as values: its request, and its answer, also one that was streamed?"""

from __future__ import annotations

from typing import Any

import msgspec

from openai_api.observing.json_text import NotJson, json_value
from openai_api.observing.redact_stream import frames_of, framing_of
from openai_api.observing.transcript import Transcript
from providers.canonical.codec import Asked
from providers.canonical.request import Request
from providers.convert.codecs import codecs
from providers.convert.reading import streamed_answer
from providers.errors import ProviderError
from providers.ids import item_ids
from providers.types import Wire

DONE = ("response.completed", "response.incomplete", "response.failed")
"""Events of Responses that hold the whole response."""
HEADS: dict[Wire, dict[str, Any]] = {Wire.ANTHROPIC_MESSAGES: {"type": "message"}}
"""What no event of a stream says, but the whole answer does."""
UNREADABLE = (ProviderError, msgspec.MsgspecError, ValueError, LookupError, TypeError, AttributeError, RecursionError)


def value_of(body: bytes) -> Any:
    """The JSON value of a body, else its text; None if it is empty or neither."""
    if not body:
        return None
    try:
        return json_value(body)
    except NotJson:
        pass
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def answer_value(transcript: Transcript) -> Any:
    """The value of the answer. Of a stream it is the whole answer that its frames amount to, in its own wire, where they tell
    one, else the list of the frames' values."""
    framing = framing_of(transcript.content_type)
    if framing is None:
        return value_of(transcript.answer)
    frames = frames_of(transcript.answer, framing)
    values = [value_of(data) for frame in frames if (data := framing.data_of(frame))]
    told = _response(values) if transcript.wire is Wire.OPENAI_RESPONSES else _folded(transcript, frames)
    return values if told is None else told


def _response(values: list[Any]) -> Any:
    found = (value.get("response") for value in reversed(values) if isinstance(value, dict) and value.get("type") in DONE)
    return next(found, None)


def _folded(transcript: Transcript, frames: list[bytes]) -> Any:
    if (wire := transcript.wire) is None or wire not in codecs():
        return None
    try:
        if (answer := streamed_answer(wire, frames)) is None:
            return None
        asked = Asked(
            request=Request(wire=wire, words=answer.words),
            id=answer.id or "",
            created=answer.created or int(transcript.record.started),
            model=answer.model or transcript.record.model or "",
            mint=item_ids(answer.id or "", "o"),
        )
        return {**HEADS.get(wire, {}), **codecs()[wire].encode_answer(answer, asked).body}
    except UNREADABLE:
        return None  # it was cut off, or is nothing that its wire knows
