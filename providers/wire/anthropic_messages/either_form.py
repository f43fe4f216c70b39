"""Which events does a whole message amount to, and which message do events add up to? For upstreams that answer in the other form
than the one that was asked for.

Format: Anthropic's reference of October 2026, "Streaming messages". A block begins with what it is and without what its deltas
say; blocks that have no deltas come whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from providers.bytes import sse
from providers.bytes.halves import Halves, decoded
from providers.errors import InvalidResponse, StreamTruncated
from providers.wire.openai.good_answer import answer_of, failure_in_event
from providers.wire.openai.whole_stream import data_in

Json = dict[str, Any]
MISFITS = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What comes of a value that has not the type that the format gives it."""
ENDING = ("stop_reason", "stop_sequence", "stop_details", "container")
"""Fields of a message that a stream tells at its end."""
TEXTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "text_delta": ("text", "text"),
        "thinking_delta": ("thinking", "thinking"),
        "signature_delta": ("signature", "signature"),
        "compaction_delta": ("content", "content"),
        "input_json_delta": ("partial_json", "input"),
    }
)
"""The field of a delta that goes on, and the field of its block."""
CITATIONS = "citations_delta"


def message_events(body: bytes) -> bytes:
    """The events of a whole message. Raises the error that it carries instead, or `InvalidResponse`."""
    answer_of(body, "content")
    try:
        whole = decoded(body)
        told = list(_told(whole))
    except MISFITS as error:
        raise InvalidResponse("the message cannot be read") from error
    return b"".join(b"event: %b\n%b" % (event["type"].encode(), sse.frame_of(msgspec.json.encode(event))) for event in told)


def message_of(body: bytes) -> bytes:
    """The message that a stream adds up to. Raises the error that an event tells, `StreamTruncated`, or `InvalidResponse`."""
    try:
        return msgspec.json.encode(_added_up(body))
    except MISFITS as error:
        raise InvalidResponse("an event cannot be read") from error


def _told(whole: Json) -> Iterator[Json]:
    ending = {name: whole[name] for name in ENDING if name in whole}
    usage = whole.get("usage") or {}
    begun = {name: value for name, value in whole.items() if name not in ("container", "stop_details")}
    yield {"type": "message_start", "message": {**begun, "content": [], "stop_reason": None, "stop_sequence": None}}
    for index, block in enumerate(whole["content"]):
        empty, deltas = _opened(block)
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": ending, "usage": usage}
    yield {"type": "message_stop"}


def _opened(block: Json) -> tuple[Json, list[Json]]:
    """A block as it begins, and the deltas that complete it."""
    kind = block["type"]
    if kind == "text":
        cited = [{"type": CITATIONS, "citation": citation} for citation in block.get("citations") or ()]
        return {**block, "text": "", **({"citations": []} if cited else {})}, [
            {"type": "text_delta", "text": block["text"]},
            *cited,
        ]
    if kind == "thinking":
        deltas = [{"type": "thinking_delta", "thinking": block["thinking"]}] if block["thinking"] else []
        signed = {"type": "signature_delta", "signature": block.get("signature") or ""}
        return {**block, "thinking": "", "signature": ""}, [*deltas, signed]
    if isinstance(block.get("input"), dict):
        written = msgspec.json.encode(block["input"]).decode()
        return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": written}]
    return block, []


def _added_up(body: bytes) -> Json:
    whole: Json = {}
    pieces: list[dict[str, list[str]]] = []
    ended = False
    halves = Halves()
    for data in data_in(body):
        event = halves.decoded(data)
        kind = event["type"]
        if kind == "error":
            raise failure_in_event(data)
        if kind == "message_stop":
            ended = True
            break
        if kind == "message_start":
            whole = {**event["message"], "content": []}
        elif kind == "content_block_start":
            whole["content"].append(event["content_block"])
            pieces.append({})
        elif kind == "content_block_delta":
            _add(whole["content"][event["index"]], pieces[event["index"]], event["delta"])
        elif kind == "message_delta":
            counted = {name: value for name, value in (event.get("usage") or {}).items() if value is not None}
            whole |= {**event["delta"], "usage": {**(whole.get("usage") or {}), **counted}}
            ended = True  # all has been said
    if not ended:
        raise StreamTruncated("a stream, which was not asked for, has no end")
    for block, texts in zip(whole["content"], pieces, strict=True):
        _finish(block, texts)
    return whole


def _add(block: Json, texts: dict[str, list[str]], delta: Json) -> None:
    kind = delta["type"]
    if kind == CITATIONS:
        block["citations"] = [*(block.get("citations") or ()), delta["citation"]]
    elif kind in TEXTS:
        said, field = TEXTS[kind]
        texts.setdefault(field, []).append(delta[said])


def _finish(block: Json, texts: Mapping[str, list[str]]) -> None:
    for field, parts in texts.items():
        text = "".join(parts)
        if field == "input":
            if text.strip():
                block[field] = msgspec.json.decode(text)
        else:
            block[field] = (block.get(field) or "") + text
