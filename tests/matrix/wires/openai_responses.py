"""OpenAI's Responses API (OpenAPI document of August 2026)."""

from __future__ import annotations

import json
from typing import Any

from tests.fakes.vendor import Said, Seen, said
from tests.matrix.situations import Ask, Tell, Tool, ToolCall
from tests.matrix.wires.wire import Asked, Client, Json, Upstream, events, joined, pieces, sse, stream

MODEL = "upstream-responses"
NO_STOP = "a response has no stop sequences"


def ask(model: str, wanted: Ask) -> Asked:
    content: list[Json] = [{"type": "input_text", "text": wanted.text}]
    if wanted.image:
        content.append({"type": "input_image", "detail": "auto", "image_url": f"data:image/png;base64,{wanted.image}"})
    items: list[Json] = [{"type": "message", "role": "user", "content": content}]
    items += [{"type": "function_call", **_call_json(call)} for call, _ in wanted.results]
    items += [{"type": "function_call_output", "call_id": call.id, "output": text} for call, text in wanted.results]
    body: Json = {"model": model, "input": items}
    if wanted.system:
        body["instructions"] = wanted.system
    if wanted.tools:
        body["tools"] = [
            {"type": "function", "name": t.name, "description": t.description, "parameters": dict(t.parameters), "strict": True}
            for t in wanted.tools
        ]
    if wanted.effort:
        body["reasoning"] = {"effort": wanted.effort}
    if wanted.schema:
        body["text"] = {"format": {"type": "json_schema", "name": "forecast", "schema": dict(wanted.schema), "strict": True}}
    if wanted.max_tokens:
        body["max_output_tokens"] = wanted.max_tokens
    return Asked("/v1/responses", body | ({"stream": True} if wanted.stream else {}), {})


def _call_json(call: ToolCall) -> Json:
    return {"call_id": call.id, "name": call.name, "arguments": json.dumps(dict(call.arguments), ensure_ascii=False)}


def _call(item: Json) -> ToolCall:
    return ToolCall(item["name"], json.loads(item["arguments"]), item["call_id"])


def whole(value: Json) -> Tell:
    assert value["object"] == "response"
    text = thoughts = ""
    calls: list[ToolCall] = []
    for item in value["output"]:
        if item["type"] == "message":
            text += joined(item["content"], "output_text")
        elif item["type"] == "reasoning":
            thoughts += joined(item.get("summary") or [], "summary_text") + joined(item.get("content") or [], "reasoning_text")
        else:
            assert item["type"] == "function_call"
            calls.append(_call(item))
    why = "calls" if calls else "end"
    if value["status"] == "incomplete":
        assert value["incomplete_details"] == {"reason": "max_output_tokens"}
        why = "length"
    usage = value["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    cached = usage["input_tokens_details"]["cached_tokens"]
    return Tell(text, thoughts, tuple(calls), why, usage["input_tokens"], cached, usage["output_tokens"])


def streamed(data: bytes) -> Tell:
    told = events(data)
    assert told[-1][1] == "[DONE]"
    values = [json.loads(chunk) for _, chunk in told[:-1]]
    assert [value["sequence_number"] for value in values] == list(range(len(values)))
    assert values[0]["type"] == "response.created"
    assert values[-1]["type"] in ("response.completed", "response.incomplete")
    final = whole(values[-1]["response"])
    assert "".join(v["delta"] for v in values if v["type"] == "response.output_text.delta") == final.text
    said_arguments = "".join(v["delta"] for v in values if v["type"] == "response.function_call_arguments.delta")
    assert said_arguments == "".join(
        item["arguments"] for item in values[-1]["response"]["output"] if item["type"] == "function_call"
    )
    return final


def failed(value: Json) -> str:
    return str(value["error"]["message"])


def broken(data: bytes) -> str | None:
    told = events(data)
    if not told or told[-1][1] != "[DONE]" or len(told) < 2:
        return None
    value = json.loads(told[-2][1])
    return str(value["response"]["error"]["message"]) if value["type"] == "response.failed" else None


CLIENT = Client(
    "responses",
    ask,
    whole,
    streamed,
    failed,
    broken,
    lambda key: ("authorization", f"Bearer {key}"),
    lacks={"stop": NO_STOP},
    silent={},
)


def read(seen: Seen) -> Ask:
    body = seen.json
    assert body["model"] == MODEL
    texts: dict[str, str] = {"system": body.get("instructions") or ""}
    image, made, answers = "", [], {}
    for item in body["input"] if isinstance(body["input"], list) else [{"role": "user", "content": body["input"]}]:
        if item.get("type") == "function_call":
            made.append(_call(item))
        elif item.get("type") == "function_call_output":
            answers[item["call_id"]] = _flat(item["output"])
        else:
            role = "system" if item["role"] == "developer" else item["role"]
            texts[role] = texts.get(role, "") + _flat(item["content"])
            if not isinstance(item["content"], str):
                image += "".join(part["image_url"] for part in item["content"] if part["type"] == "input_image")
    form = (body.get("text") or {}).get("format") or {}
    return Ask(
        texts["user"],
        texts["system"],
        tuple(Tool(tool["name"], tool["description"], tool["parameters"]) for tool in body.get("tools") or ()),
        tuple((call, answers.pop(call.id)) for call in made),
        image.removeprefix("data:image/png;base64,"),
        (body.get("reasoning") or {}).get("effort") or "",
        form.get("schema"),
        (),
        body.get("max_output_tokens") or 0,
        bool(body.get("stream")),
    )


def _flat(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part.get("text") or "" for part in content)


def _output(tell: Tell) -> list[Json]:
    items: list[Json] = []
    if tell.thoughts:
        items.append({"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": tell.thoughts}]})
    if tell.text:
        part = {"type": "output_text", "text": tell.text, "annotations": [], "logprobs": []}
        items.append({"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]})
    items += [
        {"id": f"fc_{n}", "type": "function_call", "status": "completed", **_call_json(call)} for n, call in enumerate(tell.calls)
    ]
    return items


def _response(tell: Tell, status: str, output: list[Json]) -> Json:
    short = status != "in_progress" and tell.why == "length"
    usage = {
        "input_tokens": tell.input,
        "input_tokens_details": {"cached_tokens": tell.cached},
        "output_tokens": tell.output,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": tell.input + tell.output,
    }
    return {
        "id": "resp_up",
        "object": "response",
        "created_at": 1764400000,
        "status": "incomplete" if short else status,
        "incomplete_details": {"reason": "max_output_tokens"} if short else None,
        "model": MODEL,
        "output": output,
        "error": None,
        "usage": None if status == "in_progress" else usage,
    }


def tell_whole(tell: Tell) -> Said:
    return said(_response(tell, "completed", _output(tell)))


def _events(tell: Tell) -> list[Json]:
    begun = _response(tell, "in_progress", [])
    told: list[Json] = [{"type": "response.created", "response": begun}, {"type": "response.in_progress", "response": begun}]
    for index, item in enumerate(_output(tell)):
        told += _item(index, item)
    last = "response.incomplete" if tell.why == "length" else "response.completed"
    told.append({"type": last, "response": _response(tell, "completed", _output(tell))})
    return [{**event, "sequence_number": number} for number, event in enumerate(told)]


def _item(index: int, item: Json) -> list[Json]:
    place = {"item_id": item["id"], "output_index": index}
    added = {"type": "response.output_item.added", "output_index": index}
    done = {"type": "response.output_item.done", "output_index": index, "item": item}
    if item["type"] == "function_call":
        kind = "response.function_call_arguments"
        deltas = [{"type": f"{kind}.delta", **place, "delta": piece} for piece in pieces(item["arguments"])]
        empty = item | {"arguments": "", "status": "in_progress"}
        return [{**added, "item": empty}, *deltas, {"type": f"{kind}.done", **place, "arguments": item["arguments"]}, done]
    if item["type"] == "message":
        (part,) = item["content"]
        where = {**place, "content_index": 0}
        deltas = [{"type": "response.output_text.delta", **where, "delta": p, "logprobs": []} for p in pieces(part["text"])]
        return [
            {**added, "item": item | {"content": [], "status": "in_progress"}},
            {"type": "response.content_part.added", **where, "part": part | {"text": ""}},
            *deltas,
            {"type": "response.output_text.done", **where, "text": part["text"], "logprobs": []},
            {"type": "response.content_part.done", **where, "part": part},
            done,
        ]
    (part,) = item["summary"]
    where = {**place, "summary_index": 0}
    return [
        {**added, "item": item | {"summary": []}},
        {"type": "response.reasoning_summary_part.added", **where, "part": part | {"text": ""}},
        *[{"type": "response.reasoning_summary_text.delta", **where, "delta": piece} for piece in pieces(part["text"])],
        {"type": "response.reasoning_summary_text.done", **where, "text": part["text"]},
        {"type": "response.reasoning_summary_part.done", **where, "part": part},
        done,
    ]


def tell_streamed(tell: Tell) -> Said:
    return stream(sse(*_events(tell), names=True))


def failure(status: int, message: str) -> Said:
    return said({"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}, status)


def midway(tell: Tell, message: str) -> Said:
    error = {"type": "error", "sequence_number": 6, "code": "server_error", "message": message, "param": None}
    return stream(sse(*_events(tell)[:6], error, names=True))


UPSTREAM = Upstream(
    "openai_responses",
    lambda base: {"type": "openai_responses", "api_base": f"{base}/v1"},
    MODEL,
    read,
    tell_whole,
    tell_streamed,
    failure,
    midway,
    lacks={"stop": NO_STOP},
    silent={},
)
