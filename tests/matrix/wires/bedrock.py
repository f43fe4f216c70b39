"""Bedrock's Converse and ConverseStream (botocore 1.44); event-stream frames are made here by its documents, not by ours."""

from __future__ import annotations

import json
import struct
from binascii import crc32
from typing import Any
from urllib.parse import unquote

from tests.fakes.vendor import Said, Seen, said
from tests.matrix.situations import Ask, Tell, Tool, ToolCall
from tests.matrix.wires.wire import Json, Upstream, pieces, stream

MODEL = "vendor.model-1:0"
STOPS = {"end": "end_turn", "stop": "stop_sequence", "length": "max_tokens", "calls": "tool_use"}


def read(seen: Seen) -> Ask:
    body = seen.json
    model, verb = seen.path.split("/")[-2:]
    assert unquote(model) == MODEL
    assert not {"model", "stream", "modelId"} & set(body)
    roles = [message["role"] for message in body["messages"]]
    assert roles == [("user", "assistant")[place % 2] for place in range(len(roles))], "roles take turns"
    text, image, made, answers = "", "", [], {}
    for message in body["messages"]:
        for block in message["content"]:
            if "text" in block and message["role"] == "user":
                text += block["text"]
            elif "image" in block:
                assert block["image"]["format"] == "png"
                image += block["image"]["source"]["bytes"]
            elif "toolUse" in block:
                use = block["toolUse"]
                made.append(ToolCall(use["name"], use["input"], use["toolUseId"]))
            elif "toolResult" in block:
                answers[block["toolResult"]["toolUseId"]] = _flat(block["toolResult"]["content"])
    config = body.get("inferenceConfig") or {}
    output = body.get("outputConfig") or {}
    form = ((output.get("textFormat") or {}).get("structure") or {}).get("jsonSchema") or {}
    return Ask(
        text,
        _flat(body.get("system") or []),
        tuple(_tool(tool["toolSpec"]) for tool in (body.get("toolConfig") or {}).get("tools") or ()),
        tuple((call, answers.pop(call.id)) for call in made),
        image,
        output.get("effort") or "",
        json.loads(form["schema"]) if form else None,
        tuple(config.get("stopSequences") or ()),
        config.get("maxTokens") or 0,
        verb == "converse-stream",
    )


def _flat(blocks: list[Json]) -> str:
    return "\n".join(block["text"] for block in blocks)


def _tool(spec: Json) -> Tool:
    return Tool(spec["name"], spec["description"], spec["inputSchema"]["json"])


def _usage(tell: Tell) -> Json:
    fresh = tell.input - tell.cached
    return {
        "inputTokens": fresh,
        "outputTokens": tell.output,
        "totalTokens": tell.input + tell.output,
        "cacheReadInputTokens": tell.cached,
        "cacheWriteInputTokens": 0,
    }


def tell_whole(tell: Tell) -> Said:
    blocks: list[Json] = []
    if tell.thoughts:
        blocks.append({"reasoningContent": {"reasoningText": {"text": tell.thoughts, "signature": "c2lnbmVk"}}})
    if tell.text:
        blocks.append({"text": tell.text})
    blocks += [{"toolUse": {"toolUseId": c.id, "name": c.name, "input": dict(c.arguments)}} for c in tell.calls]
    message = {"role": "assistant", "content": blocks}
    metrics = {"latencyMs": 5}
    return said({"output": {"message": message}, "stopReason": STOPS[tell.why], "usage": _usage(tell), "metrics": metrics})


def frame(kind: str, value: Json, message: str = "event") -> bytes:
    """One frame of `application/vnd.amazon.eventstream`."""
    named = {":message-type": message, ":content-type": "application/json", f":{message}-type": kind}
    headers = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(text)) + text.encode()
        for name, text in named.items()
    )
    payload = json.dumps(value).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    prelude += struct.pack(">I", crc32(prelude))
    whole = prelude + headers + payload
    return whole + struct.pack(">I", crc32(whole))


def _blocks(tell: Tell) -> list[tuple[Json | None, list[Json]]]:
    """The start of each block, if it has one, and its deltas."""
    blocks: list[tuple[Json | None, list[Json]]] = []
    if tell.thoughts:
        thoughts: list[Json] = [{"reasoningContent": {"text": piece}} for piece in pieces(tell.thoughts)]
        blocks.append((None, [*thoughts, {"reasoningContent": {"signature": "c2lnbmVk"}}]))
    if tell.text:
        blocks.append((None, [{"text": piece} for piece in pieces(tell.text)]))
    for call in tell.calls:
        arguments: list[Json] = [{"toolUse": {"input": piece}} for piece in pieces(json.dumps(dict(call.arguments)))]
        blocks.append(({"toolUse": {"toolUseId": call.id, "name": call.name}}, arguments))
    return blocks


def _frames(tell: Tell) -> list[bytes]:
    frames = [frame("messageStart", {"role": "assistant"})]
    for index, (start, deltas) in enumerate(_blocks(tell)):
        place: dict[str, Any] = {"contentBlockIndex": index}
        if start is not None:
            frames.append(frame("contentBlockStart", {**place, "start": start}))
        frames += [frame("contentBlockDelta", {**place, "delta": delta}) for delta in deltas]
        frames.append(frame("contentBlockStop", place))
    frames.append(frame("messageStop", {"stopReason": STOPS[tell.why]}))
    return [*frames, frame("metadata", {"usage": _usage(tell), "metrics": {"latencyMs": 5}})]


def _stream(frames: list[bytes]) -> Said:
    return stream(frames, "application/vnd.amazon.eventstream")


def tell_streamed(tell: Tell) -> Said:
    return _stream(_frames(tell))


KINDS = {400: "ValidationException", 503: "ServiceUnavailableException"}


def failure(status: int, message: str) -> Said:
    return said({"message": message}, status, x_amzn_ErrorType=f"{KINDS[status]}:http://internal.amazon.com/")


def midway(tell: Tell, message: str) -> Said:
    error = frame("modelStreamErrorException", {"message": message, "originalStatusCode": 500}, "exception")
    return _stream([*_frames(tell)[:3], error])


UPSTREAM = Upstream(
    "bedrock_converse",
    lambda base: {"type": "bedrock", "api_base": base, "options": {"region": "eu-central-1"}},
    MODEL,
    read,
    tell_whole,
    tell_streamed,
    failure,
    midway,
    lacks={},
    silent={},
)
