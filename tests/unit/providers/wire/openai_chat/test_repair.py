"""Are odd tool calls of an upstream put right on their way to a client that joins pieces as OpenAI's SDKs do?"""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from providers.bytes import sse
from providers.bytes.patch import fields_of
from providers.ids import mint
from providers.types import Reply, Wire
from providers.wire.openai_chat.relay import ChatStreamRelay
from providers.wire.openai_chat.repair import CallRepair, whole_repaired

Json = dict[str, Any]
FIRST, SECOND = '{"city": "Zürich"}', '{"city":"Bern"}'
WANTED = [("call_a", "weather", FIRST), ("call_b", "time", SECOND)]


def piece(index: Any = None, call_id: str | None = None, name: str | None = None, arguments: Any = None) -> Json:
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    made: Json = {"index": index, "id": call_id, "type": "function" if call_id else None, "function": function or None}
    return {key: value for key, value in made.items() if value is not None}


def stream(*chunks: list[Json], finish: str = "tool_calls") -> list[bytes]:
    """The frames of a stream with these pieces in each chunk."""
    head = {"id": "c", "object": "chat.completion.chunk", "model": "up"}
    deltas = [{"tool_calls": pieces} if pieces else {"content": "So: "} for pieces in chunks]
    values = [{**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    values.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    return [*(sse.frame_of(msgspec.json.encode(value)) for value in values), sse.frame_of(b"[DONE]")]


def relayed(frames: list[bytes], *, forced: bool = False) -> list[bytes]:
    relay = ChatStreamRelay("public", include_usage=False, repair=CallRepair(mint, forced=forced))
    out = [made for frame in frames for made in relay.feed(frame)]
    assert relay.done
    assert relay.end() == []
    return out


def joined(frames: list[bytes]) -> tuple[list[tuple[str, str, str]], str]:
    """The calls as a client adds them up by their index, and why the choice stopped."""
    calls: dict[int, list[str]] = {}
    finish = ""
    for frame in frames[:-1]:
        (choice,) = json.loads(sse.data_of(frame) or b"")["choices"]
        finish = choice["finish_reason"] or finish
        for part in choice["delta"].get("tool_calls") or ():
            known = calls.setdefault(part["index"], ["", "", ""])
            known[0] += part.get("id") or ""
            known[1] += part.get("function", {}).get("name") or ""
            known[2] += part.get("function", {}).get("arguments") or ""
    assert list(calls) == list(range(len(calls)))
    return [(call[0], call[1], call[2]) for call in calls.values()], finish


A, B = ("call_a", "weather"), ("call_b", "time")
ODD: dict[str, list[bytes]] = {
    "as it should be": stream([], [piece(0, *A, "")], [piece(0, None, None, FIRST)], [piece(1, *B, SECOND)]),
    "id and name in each piece": stream(
        [piece(0, *A, "")], [piece(0, *A, FIRST[:5])], [piece(0, *A, FIRST[5:])], [piece(1, *B, SECOND)]
    ),
    "the name after the id": stream(
        [piece(0, "call_a", None, "")], [piece(0, None, "weather", FIRST)], [piece(1, "call_b")], [piece(1, None, "time", SECOND)]
    ),
    "no index": stream([piece(None, *A, FIRST[:5])], [piece(None, None, None, FIRST[5:])], [piece(None, *B, SECOND)]),
    "counted from one": stream([piece(1, *A, FIRST)], [piece(2, *B, "")], [piece(2, None, None, SECOND)]),
    "one index for all": stream([piece(0, *A, FIRST)], [piece(0, *B, SECOND)]),
    "two indices for one": stream([piece(0, *A, FIRST[:5])], [piece(1, "call_a", None, FIRST[5:])], [piece(2, *B, SECOND)]),
    "the whole again": stream(
        [piece(0, *A, FIRST[:7])], [piece(0, None, None, FIRST[7:])], [piece(0, *A, FIRST)], [piece(1, *B, SECOND)]
    ),
    "arguments as an object": stream([piece(0, *A, json.loads(FIRST))], [piece(1, *B, json.loads(SECOND))]),
    "several in a chunk": stream([piece(1, *A, FIRST), piece(2, *B, SECOND)]),
    "ends with stop": stream([piece(0, *A, FIRST)], [piece(1, *B, SECOND)], finish="stop"),
}


@pytest.mark.parametrize("name", ODD)
def test_calls_when_told_oddly_are_told_as_clients_join_them(name: str) -> None:
    calls, finish = joined(relayed(ODD[name]))
    assert [(call_id, called, json.loads(arguments)) for call_id, called, arguments in calls] == [
        (call_id, called, json.loads(arguments)) for call_id, called, arguments in WANTED
    ]
    assert finish == "tool_calls"


def test_calls_when_nothing_is_wrong_keep_their_bytes() -> None:
    frames = ODD["as it should be"]
    assert relayed(frames) == [frame.replace(b'"up"', b'"public"') for frame in frames]
    odd = [frame.replace(b'"arguments":"', b'"arguments" :  "') for frame in frames]
    assert relayed(odd) == [frame.replace(b'"up"', b'"public"') for frame in odd]


def test_calls_when_they_have_no_ids_get_ids_that_differ_and_stay() -> None:
    frames = stream([piece(0, "", "weather", FIRST[:5])], [piece(0, None, None, FIRST[5:])], [piece(1, None, "time", SECOND)])
    calls, _ = joined(relayed(frames))
    assert [call[1] for call in calls] == ["weather", "time"]
    assert len({call[0] for call in calls} - {""}) == 2


@pytest.mark.parametrize("calls", ['"tool_calls":null', '"tool_calls":[]', '"tool_calls":{"a":1}', '"tool_calls":[null,3]'])
def test_chunk_when_its_calls_are_none_stays_as_it_came(calls: str) -> None:
    chunk = f'{{"id":"c","model":"up","choices":[{{"index":0,"delta":{{"content":"x",{calls}}},"finish_reason":null}}]}}'
    frames = [sse.frame_of(chunk.encode()), *stream([], finish="stop")]
    out = relayed(frames)
    assert out[0] == frames[0].replace(b'"up"', b'"public"')
    assert joined(out[1:])[1] == "stop"


def test_reason_when_the_client_named_the_tool_stays_stop_as_openai_has_it() -> None:
    frames = stream([piece(0, *A, FIRST)], finish="stop")
    assert joined(relayed(frames, forced=True))[1] == "stop"


def whole(finish: str, *calls: Json) -> Reply:
    message = {"role": "assistant", "content": None, "tool_calls": list(calls)}
    body = msgspec.json.encode({"model": "up", "choices": [{"index": 0, "message": message, "finish_reason": finish}]})
    return Reply(wire=Wire.OPENAI_CHAT, body=body, fields=fields_of(body))


def test_whole_answer_when_it_ends_with_stop_or_lacks_ids_is_put_right() -> None:
    reply = whole_repaired(whole("stop", piece(None, "", "weather", FIRST), piece(None, *B, SECOND)), mint, forced=False)
    (choice,) = json.loads(reply.body)["choices"]
    assert choice["finish_reason"] == "tool_calls"
    first, second = (call["id"] for call in choice["message"]["tool_calls"])
    assert first.startswith("call_")
    assert second == "call_b"
    assert reply.fields is not None
    assert reply.fields.body == reply.body


def test_whole_answer_when_nothing_is_wrong_is_the_same() -> None:
    reply = whole("tool_calls", piece(None, *A, FIRST))
    assert whole_repaired(reply, mint, forced=False) is reply
    named = whole("stop", piece(None, *A, FIRST))
    assert whole_repaired(named, mint, forced=True) is named
    assert whole_repaired(named, mint, forced=False) is not named
