"""Which upstream says what a test wants, in any format of conversations? Its texts come whole, or cut as the test cuts them.

with speaker() as upstream:
    upstream.says = ["one ", "two"]      # the pieces of a stream; together a whole answer
    upstream.calls = ['{"a":', "1}"]     # the arguments of a tool call, if there are any
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.fakes.vendor import Said, Seen, Vendor, events, said, vendor

Json = dict[str, Any]
GEMINI = "gemini-3.6-flash"
USAGE = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
TOOLS = ["chat", "responses", "embedding"]


@dataclass(frozen=True)
class Format:
    """One format: how a request with a system prompt and a text of the user's looks, and how answers of it are read."""

    name: str
    path: Callable[[bool], str]
    body: Callable[[str, str, bool], Json]
    whole: Callable[[Json], str]
    piece: Callable[[Json], str]
    arguments: Callable[[Json], Any]
    piece_of_arguments: Callable[[Json], str]

    @property
    def model(self) -> str:
        return f"says-{self.name}"


def _items(body: Json, kind: str) -> list[Json]:
    return [item for item in body["output"] if item["type"] == kind]


def _delta(event: Json) -> Json:
    return event["choices"][0]["delta"] if event.get("choices") else {}


def _call_in(delta: Json) -> str:
    return "".join(call["function"].get("arguments", "") for call in delta.get("tool_calls", ()))


def _parts(event: Json) -> list[Json]:
    return event["candidates"][0]["content"].get("parts", []) if event.get("candidates") else []


FORMATS: Mapping[str, Format] = {
    one.name: one
    for one in (
        Format(
            "chat",
            lambda stream: "/v1/chat/completions",
            lambda system, text, stream: {
                "model": "says-chat",
                "messages": [{"role": "system", "content": system}, {"role": "user", "content": text}],
                "stream": stream,
            },
            lambda body: body["choices"][0]["message"]["content"],
            lambda event: _delta(event).get("content") or "",
            lambda body: json.loads(body["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]),
            lambda event: _call_in(_delta(event)),
        ),
        Format(
            "responses",
            lambda stream: "/v1/responses",
            lambda system, text, stream: {"model": "says-responses", "instructions": system, "input": text, "stream": stream},
            lambda body: _items(body, "message")[0]["content"][0]["text"],
            lambda event: event["delta"] if event["type"] == "response.output_text.delta" else "",
            lambda body: json.loads(_items(body, "function_call")[0]["arguments"]),
            lambda event: event["delta"] if event["type"] == "response.function_call_arguments.delta" else "",
        ),
        Format(
            "messages",
            lambda stream: "/v1/messages",
            lambda system, text, stream: {
                "model": "says-messages",
                "max_tokens": 100,
                "system": system,
                "messages": [{"role": "user", "content": text}],
                "stream": stream,
            },
            lambda body: body["content"][0]["text"],
            lambda event: event.get("delta", {}).get("text", ""),
            lambda body: body["content"][-1]["input"],
            lambda event: event.get("delta", {}).get("partial_json", ""),
        ),
        Format(
            "gemini",
            lambda stream: f"/v1beta/models/says-gemini:{'streamGenerateContent?alt=sse' if stream else 'generateContent'}",
            lambda system, text, stream: {
                "systemInstruction": {"parts": [{"text": system}]},
                "contents": [{"role": "user", "parts": [{"text": text}]}],
            },
            lambda body: body["candidates"][0]["content"]["parts"][0]["text"],
            lambda event: "".join(part.get("text", "") for part in _parts(event)),
            lambda body: body["candidates"][0]["content"]["parts"][-1]["functionCall"]["args"],
            lambda event: "".join(json.dumps(part["functionCall"]["args"]) for part in _parts(event) if "functionCall" in part),
        ),
        Format(
            "ollama",
            lambda stream: "/api/chat",
            lambda system, text, stream: {
                "model": "says-ollama",
                "messages": [{"role": "system", "content": system}, {"role": "user", "content": text}],
                "stream": stream,
            },
            lambda body: body["message"]["content"],
            lambda event: event.get("message", {}).get("content", ""),
            lambda body: body["message"]["tool_calls"][0]["function"]["arguments"],
            lambda event: "".join(
                json.dumps(call["function"]["arguments"]) for call in event.get("message", {}).get("tool_calls", ())
            ),
        ),
    )
}


class Speaker:
    """What the upstream says. `heard` is the last request's body; `frames` the frames of the last stream."""

    def __init__(self, upstream: Vendor) -> None:
        self.upstream = upstream
        self.says: Sequence[str] = ("Hello",)
        self.calls: Sequence[str] = ()
        self.pause = 0.0
        self.thinks = 0.0
        self.fails = False
        self.moderated: list[str] = []
        self.frames: Sequence[bytes] = ()
        gemini = f"/v1beta/models/{GEMINI}"
        upstream.answers = {
            "/v1/chat/completions": self._asked(self._chat, self._chat_events),
            "/v1/responses": self._asked(self._response, self._response_events),
            "/v1/messages": self._asked(self._message, self._message_events),
            f"{gemini}:generateContent": lambda seen: said(self._gemini()),
            f"{gemini}:streamGenerateContent": lambda seen: self._stream(events(*self._gemini_events())),
            "/api/chat": self._asked(self._ollama, self._ollama_events, lines=True),
            "/v1/moderations": self._moderation,
            "/v1/embeddings": lambda seen: said(
                {"object": "list", "model": "m", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}], "usage": {}}
            ),
        }

    @property
    def heard(self) -> Any:
        return self.upstream.last.json

    def define(self, gateway: Any) -> None:
        """A model `says-<format>` for each format."""
        base = self.upstream.base
        gateway.define_at(
            "openai_compatible",
            f"{base}/v1",
            {"says-chat": ("m", TOOLS), "says-moderation": ("m", ["moderation"])},
            name="says chat",
        )
        gateway.define_at("openai", f"{base}/v1", {"says-responses": ("m", ["responses"])}, name="says responses")
        gateway.define_at("anthropic", base, {"says-messages": ("claude-opus-4-6", ["chat"])}, name="says messages")
        gateway.define_at("gemini", base, {"says-gemini": (GEMINI, ["chat"])}, name="says gemini")
        gateway.define_at("ollama_native", base, {"says-ollama": ("m", ["chat"])}, name="says ollama")

    def _asked(self, whole: Callable[[], Json], told: Callable[[], Said], *, lines: bool = False) -> Callable[[Seen], Said]:
        def answer(seen: Seen) -> Said:
            return self._stream(told()) if seen.json.get("stream", lines) else said(whole())

        return answer

    def _stream(self, answer: Said) -> Said:
        self.frames, answer.pause = answer.chunks or (), self.pause
        return answer

    def _moderation(self, seen: Seen) -> Said:
        """Flags what is `violent`; all else has a score of 0.2. Takes `thinks` seconds."""
        time.sleep(self.thinks)
        if self.fails:
            return said({"error": {"message": "broken", "type": "server_error"}}, 500)
        self.moderated.append(seen.json["input"])
        met = "violent" in seen.json["input"]
        scores = {"categories": {"violence": met}, "category_scores": {"violence": 0.9 if met else 0.2}}
        return said({"id": "modr", "model": "m", "results": [{"flagged": met, **scores}]})

    @property
    def _arguments(self) -> str:
        return "".join(self.calls)

    def _chat(self) -> Json:
        message: Json = {"role": "assistant", "content": "".join(self.says)}
        if self.calls:
            message["tool_calls"] = [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": self._arguments}}]
        choice = {
            "index": 0,
            "message": message,
            "finish_reason": "tool_calls" if self.calls else "stop",
            "logprobs": {"content": [{}]},
        }
        return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "x_unknown": [1.50]}

    def _chat_events(self) -> Said:
        def chunk(delta: Json, finish: str | None = None) -> Json:
            choice = {"index": 0, "delta": delta, "finish_reason": finish}
            return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}

        made = [chunk({"role": "assistant", "content": ""}), *(chunk({"content": text}) for text in self.says)]
        for number, text in enumerate(self.calls):
            head = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": text}}
            made.append(chunk({"tool_calls": [{"index": 0, **(head if not number else {"function": {"arguments": text}})}]}))
        return events(*made, chunk({}, "tool_calls" if self.calls else "stop"), done=True)

    def _response(self) -> Json:
        text = {"type": "output_text", "text": "".join(self.says), "annotations": [], "logprobs": []}
        output: list[Json] = [{"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": [text]}]
        if self.calls:
            call = {"id": "fc_1", "type": "function_call", "status": "completed", "call_id": "c1", "name": "f"}
            output.append({**call, "arguments": self._arguments})
        head = {"id": "resp_up", "object": "response", "created_at": 1, "model": "m", "previous_response_id": None}
        return {
            **head,
            "status": "completed",
            "output": output,
            "usage": {**USAGE, "output_tokens_details": {"reasoning_tokens": 0}},
        }

    def _response_events(self) -> Said:
        whole = self._response()
        begun = {**whole, "status": "in_progress", "output": [], "usage": None}
        place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
        text = "".join(self.says)
        made: list[Json] = [{"type": "response.created", "response": begun}]
        made += [{"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []} for piece in self.says]
        made.append({"type": "response.output_text.done", **place, "text": text, "logprobs": []})
        if self.calls:
            of_call = {"item_id": "fc_1", "output_index": 1}
            made += [{"type": "response.function_call_arguments.delta", **of_call, "delta": piece} for piece in self.calls]
            made.append({"type": "response.function_call_arguments.done", **of_call, "arguments": self._arguments})
        made += [
            {"type": "response.output_item.done", "output_index": number, "item": item}
            for number, item in enumerate(whole["output"])
        ]
        made.append({"type": "response.completed", "response": whole})
        return events(*({**event, "sequence_number": number} for number, event in enumerate(made)), names=True)

    def _blocks(self) -> list[Json]:
        blocks: list[Json] = [{"type": "text", "text": "".join(self.says)}]
        if self.calls:
            blocks.append({"type": "tool_use", "id": "toolu_1", "name": "f", "input": json.loads(self._arguments)})
        return blocks

    def _message(self) -> Json:
        head = {"id": "msg_up", "type": "message", "role": "assistant", "model": "claude", "stop_sequence": None}
        stop = "tool_use" if self.calls else "end_turn"
        return {**head, "content": self._blocks(), "stop_reason": stop, "usage": {"input_tokens": 3, "output_tokens": 4}}

    def _message_events(self) -> Said:
        whole = self._message()
        made: list[Json] = [{"type": "message_start", "message": {**whole, "content": [], "stop_reason": None}}, {"type": "ping"}]
        made.append({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
        made += [{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}} for text in self.says]
        made.append({"type": "content_block_stop", "index": 0})
        if self.calls:
            made.append({"type": "content_block_start", "index": 1, "content_block": {**whole["content"][1], "input": {}}})
            made += [
                {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": text}}
                for text in self.calls
            ]
            made.append({"type": "content_block_stop", "index": 1})
        stop = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
        made.append({"type": "message_delta", "delta": stop, "usage": {"output_tokens": 4}})
        return events(*made, {"type": "message_stop"}, names=True)

    def _gemini(self, texts: Sequence[str] | None = None, *, last: bool = True) -> Json:
        parts: list[Json] = [{"text": "".join(self.says if texts is None else texts)}]
        if self.calls and last:
            parts.append({"functionCall": {"name": "f", "args": json.loads(self._arguments)}})
        candidate: Json = {"content": {"role": "model", "parts": parts}, "index": 0}
        if last:
            candidate["finishReason"] = "STOP"
        usage = {"promptTokenCount": 3, "candidatesTokenCount": 4, "totalTokenCount": 7}
        return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": GEMINI, "responseId": "r"}

    def _gemini_events(self) -> list[Json]:
        last = len(self.says) - 1
        return [self._gemini([text], last=number == last) for number, text in enumerate(self.says)]

    def _ollama(self) -> Json:
        return {**self._line("".join(self.says)), "message": self._ollama_message(), "done": True, "done_reason": "stop"}

    def _ollama_message(self) -> Json:
        message: Json = {"role": "assistant", "content": "".join(self.says)}
        if self.calls:
            message["tool_calls"] = [{"function": {"name": "f", "arguments": json.loads(self._arguments)}}]
        return message

    def _line(self, text: str) -> Json:
        return {
            "model": "m",
            "created_at": "2026-08-21T18:48:22.1Z",
            "message": {"role": "assistant", "content": text},
            "done": False,
        }

    def _ollama_events(self) -> Said:
        lines = [self._line(text) for text in self.says]
        if self.calls:
            lines.append({**self._line(""), "message": {**self._ollama_message(), "content": ""}})
        lines.append({**self._line(""), "done": True, "done_reason": "stop"})
        return Said(content_type="application/x-ndjson", chunks=[json.dumps(line).encode() + b"\n" for line in lines])


@contextmanager
def speaker() -> Iterator[Speaker]:
    """A running speaker."""
    with vendor({}) as upstream:
        yield Speaker(upstream)


def told(text: str) -> list[Json]:
    """The JSON events of a stream, of either framing."""
    lines = (line.removeprefix("data:").strip() for line in text.splitlines() if line.startswith(("data:", "{")))
    return [json.loads(line) for line in lines if line and line != "[DONE]"]
