"""How do tests ask in one wire what is sent in Messages, and the other way round?"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

from providers.canonical.codec import ORDINARY, Asked, Encoded, Traits
from providers.canonical.request import Request
from providers.convert.codecs import codecs
from providers.types import Wire
from providers.wire.anthropic_messages import codec

Json = dict[str, Any]
CHAT, RESPONSES, GEMINI, MESSAGES = Wire.OPENAI_CHAT, Wire.OPENAI_RESPONSES, Wire.GEMINI, Wire.ANTHROPIC_MESSAGES
OLD, BUDGET, ADAPTIVE, NEW, NEWEST = (
    Traits(model=model)
    for model in ("claude-3-5-haiku-20241022", "claude-sonnet-4-5", "claude-sonnet-4-6", "claude-opus-4-7", "claude-opus-5")
)
HI: Json = {"role": "user", "content": "hi"}
SCHEMA: Json = {"type": "object", "properties": {}, "additionalProperties": False}
TOOL: Json = {"type": "function", "function": {"name": "f", "parameters": SCHEMA}}


def sent(body: Json, traits: Traits = ORDINARY, wire: Wire = CHAT) -> Encoded:
    """What an upstream of Messages is asked."""
    return codec.encode_request(codecs()[wire].decode_request(body), traits)


def chat(*messages: Json, traits: Traits = ORDINARY, **more: Any) -> Encoded:
    return sent({"model": "m", "messages": list(messages) or [HI], **more}, traits)


def responses(*items: Json, traits: Traits = ORDINARY, **more: Any) -> Encoded:
    return sent({"model": "m", "input": list(items), **more}, traits, RESPONSES)


def asked() -> Asked:
    numbers = itertools.count()
    return Asked(
        request=Request(wire=MESSAGES, words={}),
        id="msg_1",
        created=1,
        model="m",
        mint=lambda prefix: f"{prefix}_{next(numbers)}",
    )


def told(body: Json, wire: Wire = CHAT) -> Encoded:
    """What a client of Messages is answered."""
    return codec.encode_answer(codecs()[wire].decode_answer(body), asked())


def streamed(frames: Sequence[Json], wire: Wire = CHAT) -> list[Json]:
    """The events that a client of Messages gets for the frames of another wire, which has told its end."""
    decoder, encoder = codecs()[wire].stream_decoder(), codec.stream_encoder(asked())
    made = [*encoder.feed(())]
    for frame in frames:
        made += encoder.feed(decoder.feed(frame))
    return [*made, *encoder.feed(decoder.end())]


def chunk(delta: Json, **more: Any) -> Json:
    """A chunk of chat."""
    choice = {"index": 0, "delta": delta, "finish_reason": more.pop("finish", None)}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "u", "choices": [choice], **more}


def piece(index: int, arguments: str, name: str = "", call_id: str = "") -> Json:
    """A piece of a call in a chunk of chat."""
    known = {"id": call_id, "type": "function"} if call_id else {}
    inner = {"name": name, "arguments": arguments} if name else {"arguments": arguments}
    return chunk({"tool_calls": [{"index": index, **known, "function": inner}]})


def blocks_in(events: Sequence[Json]) -> list[Json]:
    """The blocks that a client builds of the events, as Anthropic's SDK does. Fails where it would."""
    blocks: list[Json] = []
    is_open = False
    for event in events:
        kind = event["type"]
        if kind == "content_block_start":
            assert not is_open
            assert event["index"] == len(blocks)
            is_open = True
            blocks.append({**event["content_block"]})
        elif kind == "content_block_delta":
            assert is_open
            assert event["index"] == len(blocks) - 1
            _add(blocks[-1], event["delta"])
        elif kind == "content_block_stop":
            assert is_open
            assert event["index"] == len(blocks) - 1
            is_open = False
            if "partial" in blocks[-1]:
                blocks[-1]["input"] = json.loads(blocks[-1].pop("partial") or "{}")
    assert not is_open
    return blocks


def _add(block: Json, delta: Json) -> None:
    kind = delta["type"]
    of = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "thinking", "input_json_delta": "tool_use"}
    assert block["type"] == of.get(kind, "text"), f"a {kind} on a block of type {block['type']}"
    if kind == "input_json_delta":
        block["partial"] = block.get("partial", "") + delta["partial_json"]
    elif kind == "signature_delta":
        block["signature"] = delta["signature"]
    elif kind == "citations_delta":
        block.setdefault("citations", []).append(delta["citation"])
    else:
        name = of[kind]
        block[name] += delta[name]


WHOLE_USAGE: Json = {
    "input_tokens": 0,
    "output_tokens": 0,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
    "cache_creation": None,
    "inference_geo": None,
    "output_tokens_details": None,
    "server_tool_use": None,
    "service_tier": None,
}
"""The usage that every message has, of an answer whose upstream tells none."""
DIRECT: Json = {"type": "direct"}
"""Who calls a tool, where only the model can."""
