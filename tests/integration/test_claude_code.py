"""Does Claude Code do a loop of tools through the gateway, whatever the upstream speaks? Requests in its shape, three turns."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.fakes.claude_code import ASKED, BETAS, HEADERS, PATH, REMINDED, body, results
from tests.fakes.messages import HELLO, THOUGHT, call, read, stream
from tests.fakes.vendor import Said, Seen, Vendor, events, vendor
from tests.integration.test_responses import chunks
from tests.live import LiveGateway

Json = dict[str, Any]
CALLS = (("Read", {"file_path": "a.txt"}), ("Read", {"file_path": "b.txt"}), ("Bash", {"command": "wc a.txt"}))
"""The first answer makes the first two, the second answer the last."""


def messages_turn(turn: int) -> Said:
    if turn == 0:
        return stream(THOUGHT, call(0, CALLS[0][0], **CALLS[0][1]), call(1, CALLS[1][0], **CALLS[1][1]))
    return stream(call(2, CALLS[2][0], **CALLS[2][1])) if turn == 1 else stream(HELLO)


def _chat_call(number: int, index: int) -> Json:
    name, arguments = CALLS[number]
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"tool_calls": [{"index": index, "id": f"call_{number}", "type": "function", "function": function}]}


def chat_turn(turn: int) -> Said:
    if turn == 0:
        made = chunks({"reasoning_content": "Hm."}, _chat_call(0, 0), _chat_call(1, 1), finish="tool_calls")
    else:
        made = chunks(_chat_call(2, 0), finish="tool_calls") if turn == 1 else chunks({"content": "Hel"}, {"content": "lo."})
    return events(*made, done=True)


def responses_turn(turn: int) -> Said:
    numbers = ((0, 1), (2,), ())[turn]
    output: list[Json] = [
        {
            "type": "function_call",
            "id": f"fc_{number}",
            "call_id": f"call_{number}",
            "name": CALLS[number][0],
            "arguments": json.dumps(CALLS[number][1]),
            "status": "completed",
        }
        for number in numbers
    ]
    if not numbers:
        text = {"type": "output_text", "text": "Hello.", "annotations": [], "logprobs": []}
        output = [{"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": [text]}]
    whole: Json = {"id": "resp_1", "object": "response", "status": "completed", "model": "up", "output": output}
    whole["usage"] = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    made: list[Json] = [{"type": "response.created", "response": begun}]
    for index, item in enumerate(output):
        made.append({"type": "response.output_item.added", "output_index": index, "item": {**item, **_empty(item)}})
        made += _deltas(item, index)
        made.append({"type": "response.output_item.done", "output_index": index, "item": item})
    made.append({"type": "response.completed", "response": whole})
    return events(*({**event, "sequence_number": number} for number, event in enumerate(made)), names=True)


def _empty(item: Json) -> Json:
    return {"status": "in_progress", **({"arguments": ""} if item["type"] == "function_call" else {"content": []})}


def _deltas(item: Json, index: int) -> list[Json]:
    place = {"item_id": item["id"], "output_index": index}
    if item["type"] == "function_call":
        kind, text = "response.function_call_arguments", item["arguments"]
        return [
            {"type": f"{kind}.delta", **place, "delta": text[:4]},
            {"type": f"{kind}.delta", **place, "delta": text[4:]},
            {"type": f"{kind}.done", **place, "arguments": text},
        ]
    place, part = {**place, "content_index": 0}, item["content"][0]
    return [
        {"type": "response.content_part.added", **place, "part": {**part, "text": ""}},
        {"type": "response.output_text.delta", **place, "delta": part["text"], "logprobs": []},
        {"type": "response.output_text.done", **place, "text": part["text"], "logprobs": []},
        {"type": "response.content_part.done", **place, "part": part},
    ]


def gemini_turn(turn: int) -> Said:
    numbers = ((0, 1), (2,), ())[turn]
    thought = [{"text": "Hm.", "thought": True}] if turn == 0 else []
    calls = [
        {"functionCall": {"name": CALLS[number][0], "args": CALLS[number][1]}, "thoughtSignature": f"c2ln{number}"}
        for number in numbers
    ]
    parts: list[list[Json]] = [thought, calls] if calls else [[{"text": "Hel"}], [{"text": "lo."}]]
    usage = {"promptTokenCount": 3, "candidatesTokenCount": 4, "totalTokenCount": 7}
    chunks = [{"candidates": [{"content": {"role": "model", "parts": some}, "index": 0}]} for some in parts if some]
    ended = {"candidates": [{"content": {"parts": []}, "finishReason": "STOP", "index": 0}], "usageMetadata": usage}
    return events(*chunks, ended)


def ollama_turn(turn: int) -> Said:
    numbers = ((0, 1), (2,), ())[turn]
    calls = [{"function": {"name": CALLS[number][0], "arguments": CALLS[number][1]}} for number in numbers]
    said: list[Json] = [{"content": "", "tool_calls": calls}] if calls else [{"content": "Hel"}, {"content": "lo."}]
    lines: list[Json] = [{"model": "up", "message": {"role": "assistant", **one}, "done": False} for one in said]
    ended = {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}
    lines.append({"model": "up", **ended, "prompt_eval_count": 3, "eval_count": 4})
    return Said(content_type="application/x-ndjson", chunks=[json.dumps(line).encode() + b"\n" for line in lines])


GEMINI_PATH = "/v1beta/models/claude-opus-4-8:streamGenerateContent"
UPSTREAMS: dict[str, tuple[str, str, Callable[[int], Said]]] = {
    "anthropic": ("", "/v1/messages", messages_turn),
    "gemini": ("", GEMINI_PATH, gemini_turn),
    "ollama_native": ("", "/api/chat", ollama_turn),
    "openai_compatible": ("/v1", "/v1/chat/completions", chat_turn),
    "openai_responses": ("/v1", "/v1/responses", responses_turn),
}
"""By the type of the provider: its base, the path that is asked, and what is said there in each turn."""
every_upstream = pytest.mark.parametrize("kind", sorted(UPSTREAMS))


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        for kind, (base, _, _) in UPSTREAMS.items():
            models = {f"claude-code/{kind}": ("claude-opus-4-8", ["chat"])}
            shared_gateway.define_at(kind, upstream.base + base, models, name=f"claude code {kind}")
        yield upstream


def loop(gateway: LiveGateway, upstream: Vendor, kind: str) -> tuple[list[Json], list[Seen], list[str]]:
    """The messages of the conversation, what the upstream was asked, and what each answer names as left out."""
    _, path, say = UPSTREAMS[kind]
    talk: list[Json] = [ASKED, REMINDED]
    seen: list[Seen] = []
    lossy: list[str] = []
    for turn, texts in enumerate((("A", "B"), ("1 1 1 a.txt",), ())):
        upstream.answers[path] = lambda _, turn=turn: say(turn)  # type: ignore[misc]
        answer = gateway.http.post(PATH, json=body(f"claude-code/{kind}", talk, turn), headers=HEADERS)
        assert answer.status_code == 200, answer.text
        said = read(answer.text)
        assert said["model"] == f"claude-code/{kind}"
        assert said["stop_reason"] == ("tool_use" if texts else "end_turn")
        seen.append(upstream.last)
        lossy.append(answer.headers.get("x-gateway-lossy", ""))
        talk.append({"role": "assistant", "content": said["content"]})
        if texts:
            talk.append(results(said["content"], *texts, cache_control={"type": "ephemeral"}))
    return talk, seen, lossy


@every_upstream
def test_loop_when_claude_code_does_it_then_its_calls_and_its_answer_come(
    kind: str, gateway: LiveGateway, upstream: Vendor
) -> None:
    talk, _, _ = loop(gateway, upstream, kind)
    calls = [(block["name"], block["input"]) for message in talk for block in message["content"] if block["type"] == "tool_use"]
    assert calls == list(CALLS)
    ids = [block["id"] for message in talk for block in message["content"] if block["type"] == "tool_use"]
    assert len(set(ids)) == len(ids)
    assert talk[-1]["content"] == [HELLO] or talk[-1]["content"][-1]["text"] == "Hello."


def test_request_when_the_upstream_is_anthropic_then_it_is_claude_codes_own(gateway: LiveGateway, upstream: Vendor) -> None:
    talk, seen, lossy = loop(gateway, upstream, "anthropic")
    assert lossy == ["", "", ""]
    for turn, asked in enumerate(seen):
        own = body("claude-opus-4-8", talk[: 2 + 2 * turn], turn)
        assert asked.json == own
        assert asked.headers["anthropic-beta"] == ",".join(BETAS)
        assert asked.headers["anthropic-version"] == "2023-06-01"
        assert "x-claude-code-session-id" not in asked.headers
    assert talk[2]["content"][0] == THOUGHT


def test_request_when_the_upstream_is_a_chat_then_everything_has_its_place(gateway: LiveGateway, upstream: Vendor) -> None:
    _, seen, lossy = loop(gateway, upstream, "openai_compatible")
    last = seen[-1].json
    roles = [message["role"] for message in last["messages"]]
    assert roles == ["system", "user", "user", "assistant", "tool", "tool", "assistant", "tool"]
    assert "The user opened c.txt." in json.dumps(last["messages"][2])  # chat upstreams take one message of the system
    assert [asked.json["messages"][:3] for asked in seen] == [last["messages"][:3]] * 3  # so that it can be cached
    assert "system[0] (x-anthropic-billing-header)" in lossy[0]
    assert {tool["function"]["name"] for tool in last["tools"]} >= {"Read", "Bash", "mcp__issues__list"}
    assert [message["tool_call_id"] for message in last["messages"] if message["role"] == "tool"] == [
        "call_0",
        "call_1",
        "call_2",
    ]
    assert last["stream"] is True
    assert "context_management" in lossy[0]
    assert not [name for name in seen[-1].headers if name.startswith(("anthropic-", "x-stainless", "x-claude"))]


def test_request_when_the_upstream_has_responses_then_everything_has_its_place(gateway: LiveGateway, upstream: Vendor) -> None:
    _, seen, lossy = loop(gateway, upstream, "openai_responses")
    last = seen[-1].json
    kinds = [item.get("type", "message") for item in last["input"]]
    assert [kind for kind in kinds if kind != "message"] == [
        "function_call",
        "function_call",
        "function_call_output",
        "function_call_output",
        "function_call",
        "function_call_output",
    ]
    outputs = [item["call_id"] for item in last["input"] if item.get("type") == "function_call_output"]
    assert outputs == ["call_0", "call_1", "call_2"]
    assert "The user opened c.txt." in json.dumps(last["input"])
    assert last.get("store") is False or "store" not in last
    assert "context_management" in lossy[0]


def test_request_when_the_upstream_is_gemini_then_everything_has_its_place(gateway: LiveGateway, upstream: Vendor) -> None:
    _, seen, lossy = loop(gateway, upstream, "gemini")
    last = seen[-1].json
    names = [next(iter(part)) for content in last["contents"] for part in content["parts"]]
    assert [name for name in names if name.startswith("function")] == [
        "functionCall",
        "functionCall",
        "functionResponse",
        "functionResponse",
        "functionCall",
        "functionResponse",
    ]
    made = [part for content in last["contents"] for part in content["parts"] if "functionCall" in part]
    assert [part["thoughtSignature"] for part in made] == ["c2ln0", "c2ln1", "c2ln2"]
    assert "The user opened c.txt." in json.dumps(last["contents"])
    assert "context_management" in lossy[0]
