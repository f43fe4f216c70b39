"""Gemini's generateContent (google-genai 3.6)."""

from __future__ import annotations

import json
from typing import Any

from tests.fakes.vendor import Said, Seen, said
from tests.matrix.situations import Ask, Tell, Tool, ToolCall
from tests.matrix.wires.wire import Asked, Client, Json, Upstream, events, pieces, sse, stream

MODEL = "gemini-upstream"
STOPS = {"end": "STOP", "stop": "STOP", "length": "MAX_TOKENS", "calls": "STOP"}


def ask(model: str, wanted: Ask) -> Asked:
    parts: list[Json] = [{"text": wanted.text}]
    if wanted.image:
        parts.append({"inlineData": {"mimeType": "image/png", "data": wanted.image}})
    contents: list[Json] = [{"role": "user", "parts": parts}]
    if wanted.results:
        calls = [{"functionCall": {"id": c.id, "name": c.name, "args": dict(c.arguments)}} for c, _ in wanted.results]
        answers = [{"functionResponse": {"id": c.id, "name": c.name, "response": {"result": text}}} for c, text in wanted.results]
        contents += [{"role": "model", "parts": calls}, {"role": "user", "parts": answers}]
    body: Json = {"contents": contents}
    if wanted.system:
        body["systemInstruction"] = {"parts": [{"text": wanted.system}]}
    if wanted.tools:
        declared = [
            {"name": tool.name, "description": tool.description, "parametersJsonSchema": dict(tool.parameters)}
            for tool in wanted.tools
        ]
        body["tools"] = [{"functionDeclarations": declared}]
    config: Json = {}
    if wanted.effort:
        config["thinkingConfig"] = {"thinkingLevel": wanted.effort.upper(), "includeThoughts": True}
    if wanted.schema:
        config |= {"responseMimeType": "application/json", "responseJsonSchema": dict(wanted.schema)}
    if wanted.stop:
        config["stopSequences"] = list(wanted.stop)
    if wanted.max_tokens:
        config["maxOutputTokens"] = wanted.max_tokens
    if config:
        body["generationConfig"] = config
    verb = "streamGenerateContent?alt=sse" if wanted.stream else "generateContent"
    return Asked(f"/v1beta/models/{model}:{verb}", body, {})


def whole(value: Json) -> Tell:
    (candidate,) = value["candidates"]
    return _told(candidate["content"]["parts"], candidate["finishReason"], value["usageMetadata"])


def _told(parts: list[Json], reason: str, usage: Json) -> Tell:
    text = "".join(part["text"] for part in parts if "text" in part and not part.get("thought"))
    thoughts = "".join(part["text"] for part in parts if "text" in part and part.get("thought"))
    called = [part["functionCall"] for part in parts if "functionCall" in part]
    calls = tuple(ToolCall(call["name"], call.get("args") or {}, call.get("id") or "") for call in called)
    why = "length" if reason == "MAX_TOKENS" else "calls" if calls else "end"
    assert reason in ("STOP", "MAX_TOKENS")
    given, cached = usage["promptTokenCount"], usage.get("cachedContentTokenCount") or 0
    made = (usage.get("candidatesTokenCount") or 0) + (usage.get("thoughtsTokenCount") or 0)
    assert usage["totalTokenCount"] == given + made
    return Tell(text, thoughts, calls, why, given, cached, made)


def streamed(data: bytes) -> Tell:
    parts: list[Json] = []
    reason = ""
    usage: Json = {}
    for _, chunk in events(data):
        value = json.loads(chunk)
        usage = value.get("usageMetadata") or usage
        for candidate in value.get("candidates") or ():
            parts += (candidate.get("content") or {}).get("parts") or ()
            reason = candidate.get("finishReason") or reason
    return _told(parts, reason, usage)


def failed(value: Json) -> str:
    error = value["error"]
    assert isinstance(error["code"], int)
    assert error["status"].isupper()
    return str(error["message"])


def broken(data: bytes) -> str | None:
    told = events(data)
    value = json.loads(told[-1][1]) if told else {}
    return failed(value) if "error" in value else None


CLIENT = Client(
    "generateContent",
    ask,
    whole,
    streamed,
    failed,
    broken,
    lambda key: ("x-goog-api-key", key),
    lacks={},
    silent={},
)


def read(seen: Seen) -> Ask:
    body = seen.json
    model, _, verb = seen.path.rpartition("/")[2].partition(":")
    assert model == MODEL
    assert "model" not in body
    assert "stream" not in body
    assert body["contents"][0]["role"] == "user"
    text, image, made, answers = "", "", [], []
    for content in body["contents"]:
        for part in content["parts"]:
            if "text" in part:
                text += part["text"]
            elif "inlineData" in part:
                assert part["inlineData"]["mimeType"] == "image/png"
                image += part["inlineData"]["data"]
            elif "functionCall" in part:
                made.append(
                    ToolCall(part["functionCall"]["name"], part["functionCall"]["args"], part["functionCall"].get("id", ""))
                )
            elif "functionResponse" in part:
                answers.append(part["functionResponse"])
    assert [answer["name"] for answer in answers] == [call.name for call in made]
    config = body.get("generationConfig") or {}
    declared = [d for tool in body.get("tools") or () for d in tool["functionDeclarations"]]
    schema = config.get("responseJsonSchema")
    if schema is not None:
        schema = {name: value for name, value in schema.items() if name != "title"}  # where the format's name stands
    return Ask(
        text,
        "\n".join(part["text"] for part in (body.get("systemInstruction") or {}).get("parts", ())),
        tuple(Tool(tool["name"], tool["description"], tool["parametersJsonSchema"]) for tool in declared),
        tuple((call, _flat(answer["response"])) for call, answer in zip(made, answers, strict=True)),
        image,
        ((config.get("thinkingConfig") or {}).get("thinkingLevel") or "").lower(),
        schema,
        tuple(config.get("stopSequences") or ()),
        config.get("maxOutputTokens") or 0,
        verb.startswith("streamGenerateContent"),
    )


def _flat(response: Json) -> str:
    (text,) = response.values()
    return str(text)


def _parts(tell: Tell) -> list[Json]:
    parts: list[Json] = [{"text": tell.thoughts, "thought": True}] if tell.thoughts else []
    parts += [{"text": tell.text}] if tell.text else []
    calls: list[Json] = [
        {"functionCall": {"id": call.id, "name": call.name, "args": dict(call.arguments)}} for call in tell.calls
    ]
    if calls:
        calls[0]["thoughtSignature"] = "CiQBcsjafA=="
    return parts + calls


def _usage(tell: Tell) -> Json:
    return {
        "promptTokenCount": tell.input,
        "cachedContentTokenCount": tell.cached,
        "candidatesTokenCount": tell.output - 5,
        "thoughtsTokenCount": 5,
        "totalTokenCount": tell.input + tell.output,
    }


HEAD: Json = {"modelVersion": MODEL, "responseId": "up-1"}


def _chunk(tell: Tell, parts: list[Json], reason: str = "") -> Json:
    candidate: dict[str, Any] = {"index": 0, "content": {"role": "model", "parts": parts}}
    if reason:
        candidate["finishReason"] = reason
    return {**HEAD, "candidates": [candidate], "usageMetadata": _usage(tell)}


def tell_whole(tell: Tell) -> Said:
    return said(_chunk(tell, _parts(tell), STOPS[tell.why]))


def _chunks(tell: Tell) -> list[Json]:
    chunks: list[Json] = []
    for part in _parts(tell):
        if "text" in part:
            chunks += [_chunk(tell, [part | {"text": piece}]) for piece in pieces(part["text"])]
        else:
            chunks.append(_chunk(tell, [part]))
    return [*chunks, _chunk(tell, [{"text": ""}], STOPS[tell.why])]


def tell_streamed(tell: Tell) -> Said:
    return stream(sse(*_chunks(tell)))


WORDS = {400: "INVALID_ARGUMENT", 503: "UNAVAILABLE"}


def _error(status: int, message: str) -> Json:
    return {"error": {"code": status, "message": message, "status": WORDS[status]}}


def failure(status: int, message: str) -> Said:
    return said(_error(status, message), status)


def midway(tell: Tell, message: str) -> Said:
    return stream(sse(*_chunks(tell)[:2], _error(503, message)))


UPSTREAM = Upstream(
    "gemini",
    lambda base: {"type": "gemini", "api_base": f"{base}/v1beta"},
    MODEL,
    read,
    tell_whole,
    tell_streamed,
    failure,
    midway,
    lacks={},
    silent={},
)
