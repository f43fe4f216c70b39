"""What do a response and its events look like at OpenAI, and what does its SDK make of the chat chunks?"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from typing import Any

from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from tests.unit.providers.convert.composed import ChatWriter, to_completion

Json = dict[str, Any]
USAGE = {
    "input_tokens": 3,
    "input_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 2},
    "output_tokens": 4,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 7,
}


# Responses, and the events of which OpenAI makes them


def message(*parts: Json, number: int = 0) -> Json:
    return {"id": f"msg_{number}", "type": "message", "role": "assistant", "status": "completed", "content": list(parts)}


def text(said: str, **fields: Any) -> Json:
    return {"type": "output_text", "text": said, "annotations": [], "logprobs": [], **fields}


def refusal(said: str) -> Json:
    return {"type": "refusal", "refusal": said}


def reasoning(*summary: str, thoughts: tuple[str, ...] = ()) -> Json:
    item = {"id": "rs_0", "type": "reasoning", "summary": [{"type": "summary_text", "text": said} for said in summary]}
    return item | ({"content": [{"type": "reasoning_text", "text": said} for said in thoughts]} if thoughts else {})


def call(number: int = 1, arguments: str = '{"a":1}', **fields: Any) -> Json:
    named = {"id": f"fc_{number}", "call_id": f"call_{number}", "name": "f"}
    return {"type": "function_call", **named, "arguments": arguments, "status": "completed", **fields}


def custom(said: str = "a\nb") -> Json:
    named = {"id": "ctc_1", "call_id": "call_c", "name": "patch"}
    return {"type": "custom_tool_call", **named, "input": said, "status": "completed"}


def response(*output: Json, status: str = "completed", **fields: Any) -> Json:
    return {
        "id": "resp_1",
        "object": "response",
        "status": status,
        "output": list(output),
        "usage": USAGE,
        "error": None,
        **fields,
    }


def pieces(said: str) -> list[str]:
    return [said[at : at + 3] for at in range(0, len(said), 3)]


def part_events(place: Json, part: Json) -> list[Json]:
    name = "refusal" if part["type"] == "refusal" else "text"
    logprobs = {"logprobs": part["logprobs"]} if name == "text" else {}
    kind = f"response.{part['type']}"
    return [
        {"type": "response.content_part.added", **place, "part": {**part, name: ""}},
        *(
            {"type": f"{kind}.delta", **place, "delta": piece} | ({"logprobs": []} if logprobs else {})
            for piece in pieces(part[name])[:-1]
        ),
        {"type": f"{kind}.delta", **place, "delta": pieces(part[name])[-1], **logprobs},
        *(
            {"type": "response.output_text.annotation.added", **place, "annotation_index": at, "annotation": one}
            for at, one in enumerate(part.get("annotations", ()))
        ),
        {"type": f"{kind}.done", **place, name: part[name], **logprobs},
        {"type": "response.content_part.done", **place, "part": part},
    ]


def thought_events(place: Json, item: Json) -> list[Json]:
    made: list[Json] = []
    for at, part in enumerate(item["summary"]):
        where = {**place, "summary_index": at}
        made.append({"type": "response.reasoning_summary_part.added", **where, "part": {**part, "text": ""}})
        made += [{"type": "response.reasoning_summary_text.delta", **where, "delta": piece} for piece in pieces(part["text"])]
        made.append({"type": "response.reasoning_summary_text.done", **where, "text": part["text"]})
        made.append({"type": "response.reasoning_summary_part.done", **where, "part": part})
    for at, part in enumerate(item.get("content", ())):
        where = {**place, "content_index": at}
        made += [{"type": "response.reasoning_text.delta", **where, "delta": piece} for piece in pieces(part["text"])]
        made.append({"type": "response.reasoning_text.done", **where, "text": part["text"]})
    return made


def item_events(index: int, item: Json) -> list[Json]:
    """The order that was captured from OpenAI."""
    place = {"item_id": item["id"], "output_index": index}
    begun, made = {**item, "status": "in_progress"}, []
    if item["type"] == "message":
        begun["content"] = []
        for at, part in enumerate(item["content"]):
            made += part_events({**place, "content_index": at}, part)
    elif item["type"] == "reasoning":
        begun |= {"summary": []}
        made = thought_events(place, item)
    elif item["type"] in ("function_call", "custom_tool_call"):
        name = "arguments" if item["type"] == "function_call" else "input"
        kind = "response.function_call_arguments" if name == "arguments" else "response.custom_tool_call_input"
        begun[name] = ""
        made = [{"type": f"{kind}.delta", **place, "delta": piece} for piece in pieces(item[name])]
        made.append({"type": f"{kind}.done", **place, name: item[name]})
    added = {"type": "response.output_item.added", "output_index": index, "item": begun}
    return [added, *made, {"type": "response.output_item.done", "output_index": index, "item": item}]


def events_of(final: Json) -> list[Json]:
    early = {**final, "status": "in_progress", "output": [], "usage": None}
    made = [{"type": "response.created", "response": early}, {"type": "response.in_progress", "response": early}]
    made += itertools.chain.from_iterable(itertools.starmap(item_events, enumerate(final["output"])))
    made.append({"type": f"response.{final['status']}", "response": final})
    return [{**event, "sequence_number": number} for number, event in enumerate(made)]


# The chat side


def chunks_of(events: Iterable[Json], *, include_usage: bool = False) -> list[Json]:
    """The chunks of a stream, each of them valid."""
    writer = ChatWriter("chatcmpl-1", 5, "m", include_usage=include_usage)
    chunks = [chunk for event in events for chunk in writer.event(event)]
    for chunk in chunks:
        assert (chunk["id"], chunk["created"], chunk["model"]) == ("chatcmpl-1", 5, "m")
        if '"custom"' not in json.dumps(chunk):  # the SDK knows none in chunks
            ChatCompletionChunk.model_validate(chunk, strict=True)
    return chunks


def deltas_of(chunks: Iterable[Json]) -> list[Json]:
    return [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]


def message_of(chunks: Iterable[Json]) -> Json:
    """The message that the SDK's own accumulator makes of the chunks."""
    state = ChatCompletionStreamState()
    for chunk in chunks:
        state.handle_chunk(ChatCompletionChunk.construct(**chunk))
    completion = state.current_completion_snapshot.to_dict()
    choice: Json = completion["choices"][0]  # type: ignore[index]
    return choice


def whole(final: Json) -> Json:
    completion = to_completion(final, "chatcmpl-1", 5, "m")
    ChatCompletion.model_validate(completion, strict=True)
    return completion


def calls_of(said: Json) -> list[Json]:
    """Without what the SDK's accumulator adds."""
    made = []
    for one in said.get("tool_calls") or ():
        kind = one["type"]
        called = {name: value for name, value in one[kind].items() if name != "parsed_arguments"}
        made.append({"id": one["id"], "type": kind, kind: called})
    return made
