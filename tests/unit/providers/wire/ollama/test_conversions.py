"""What becomes of a conversation that goes to Ollama, or comes from there, in another wire?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from providers.canonical.codec import Asked
from providers.convert.codecs import codecs
from providers.errors import CallerError
from providers.types import Wire
from providers.wire.ollama import codec

Json = dict[str, Any]
CHAT = codecs()[Wire.OPENAI_CHAT]
RESPONSES = codecs()[Wire.OPENAI_RESPONSES]
HI = {"role": "user", "content": "Hi."}
PNG = "iVBORw0KGgo="
TOOL = {"type": "function", "function": {"name": "look", "description": "", "parameters": {"type": "object", "properties": {}}}}
HEAD = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "up"}


def to_ollama(**fields: Any) -> tuple[Json, tuple[str, ...]]:
    """What a chat request becomes."""
    made = codec.encode_request(CHAT.decode_request({"model": "m", "messages": [HI], **fields}))
    return made.body, made.lossy


def to_chat(**fields: Any) -> tuple[Json, tuple[str, ...]]:
    """What becomes of one of Ollama's."""
    made = CHAT.encode_request(codec.decode_request({"model": "m", "messages": [HI], **fields}))
    return made.body, made.lossy


def asked(*times: float) -> Asked:
    """For whom answers are written, at these times, the last of them for ever."""
    clock: Iterator[float] = iter(times)
    last = times[-1]
    request = codec.decode_request({"model": "m", "messages": []})
    return Asked(request=request, id="x", created=100, model="m", mint=lambda p: p, clock=lambda: next(clock, last))


# Requests to Ollama


def test_request_of_chat_when_it_is_plain_then_ollama_is_told_not_to_stream() -> None:
    assert to_ollama() == ({"model": "m", "messages": [HI], "stream": False}, ())
    assert to_ollama(stream=True)[0]["stream"] is True


@pytest.mark.parametrize(
    ("fields", "made"),
    [
        ({"max_tokens": 5, "temperature": 0.5, "stop": "x"}, {"options": {"num_predict": 5, "temperature": 0.5, "stop": ["x"]}}),
        ({"seed": 7, "top_p": 1}, {"options": {"seed": 7, "top_p": 1}}),
        ({"reasoning_effort": "none"}, {"think": False}),
        ({"reasoning_effort": "medium"}, {"think": "medium"}),
        ({"response_format": {"type": "json_object"}}, {"format": "json"}),
        ({"response_format": {"type": "text"}}, {}),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}},
            {"format": {"type": "object"}},
        ),
        ({"logprobs": True, "top_logprobs": 3}, {"logprobs": True, "top_logprobs": 3}),
        ({"tools": [TOOL]}, {"tools": [TOOL]}),
        ({"tools": [TOOL], "tool_choice": "none"}, {}),
    ],
)
def test_request_of_chat_when_ollama_has_a_word_for_it_then_it_is_told_and_nothing_is_lost(fields: Json, made: Json) -> None:
    assert to_ollama(**fields) == ({"model": "m", "messages": [HI], "stream": False, **made}, ())


def test_request_of_chat_when_a_tool_must_be_called_then_only_that_is_sent_and_the_choice_named() -> None:
    other = {"type": "function", "function": {"name": "other", "strict": True}}
    body, lossy = to_ollama(tools=[other, TOOL], tool_choice={"type": "function", "function": {"name": "look"}})
    assert body["tools"] == [TOOL]
    assert set(lossy) == {"tool_choice", "tools[].function.strict"}


def test_request_of_chat_when_it_tells_a_conversation_with_calls_then_arguments_are_objects_and_results_named() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at":"it"}'}}
    messages: list[Json] = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}, _picture(PNG)]},
        {"role": "assistant", "content": None, "reasoning_content": "Hm.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "A dot."},
        {"role": "system", "content": "Be briefer."},
    ]
    body, lossy = to_ollama(messages=messages)
    assert lossy == ()
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "a\nb", "images": [PNG]},
        {
            "role": "assistant",
            "content": "",
            "thinking": "Hm.",
            "tool_calls": [{"id": "c1", "function": {"index": 0, "name": "look", "arguments": {"at": "it"}}}],
        },
        {"role": "tool", "content": "A dot.", "tool_name": "look", "tool_call_id": "c1"},
        {"role": "system", "content": "Be briefer."},
    ]


def _picture(data: str) -> Json:
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}


@pytest.mark.parametrize("arguments", ["{broken", "[1]", "null"])
def test_request_of_chat_when_arguments_are_no_object_then_they_are_told_within_one_and_named(arguments: str) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": arguments}}
    body, lossy = to_ollama(messages=[HI, {"role": "assistant", "tool_calls": [call]}, HI])
    made = body["messages"][1]["tool_calls"][0]["function"]["arguments"]
    assert list(made) == ["arguments"]
    assert lossy == ("messages[].tool_calls[].arguments",)


@pytest.mark.parametrize(
    ("content", "param"),
    [
        ([{"type": "image_url", "image_url": {"url": "https://a.example/a.png"}}], "messages[0].content[0]"),
        ([{"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}}], "messages[0].content[0]"),
        ([{"type": "file", "file": {"file_id": "f"}}], "messages[0].content[0]"),
    ],
)
def test_request_of_chat_when_ollama_cannot_see_it_then_it_is_refused_with_its_place(content: list[Json], param: str) -> None:
    with pytest.raises(CallerError) as raised:
        to_ollama(messages=[{"role": "user", "content": content}])
    assert (raised.value.upstream_status, raised.value.param) == (400, param)


def test_request_of_responses_when_it_has_custom_and_namespaced_tools_then_calls_of_them_come_back_as_they_are_known() -> None:
    tools = [
        {"type": "custom", "name": "patch", "description": "Patches."},
        {"type": "namespace", "name": "fs", "description": "Files.", "tools": [{"type": "function", "name": "read"}]},
    ]
    sent = codec.encode_request(RESPONSES.decode_request({"model": "m", "input": "Hi.", "tools": tools}))
    assert [tool["function"]["name"] for tool in sent.body["tools"]] == ["patch", "fs__read"]
    called = [
        {"function": {"name": "patch", "arguments": {"input": "a\nb"}}},
        {"function": {"name": "fs__read", "arguments": {"at": 1}}},
    ]
    answer = codec.decode_answer({"message": {"role": "assistant", "content": "", "tool_calls": called}, "done": True}, sent.sent)
    made = RESPONSES.encode_answer(answer, asked(100.0)).body["output"]
    assert [(item["type"], item["name"], item.get("namespace")) for item in made] == [
        ("custom_tool_call", "patch", None),
        ("function_call", "read", "fs"),
    ]
    assert (made[0]["input"], made[1]["arguments"]) == ("a\nb", '{"at":1}')


# Requests of Ollama's clients


def test_request_of_ollama_when_it_says_nothing_of_streams_then_it_asks_for_one() -> None:
    assert to_chat() == ({"model": "m", "messages": [HI], "stream": True}, ())
    assert "stream" not in to_chat(stream=False)[0]


@pytest.mark.parametrize(
    ("fields", "made"),
    [
        ({"options": {"num_predict": 5, "stop": ["x"], "seed": 7}}, {"max_completion_tokens": 5, "stop": ["x"], "seed": 7}),
        ({"options": {"num_predict": -1, "seed": -1}}, {}),
        ({"think": "high"}, {"reasoning_effort": "high"}),
        ({"think": True}, {}),
        ({"format": "json"}, {"response_format": {"type": "json_object"}}),
        ({"format": ""}, {}),
        ({"tools": []}, {}),
    ],
)
def test_request_of_ollama_when_chat_has_a_word_for_it_then_it_is_told_and_nothing_is_lost(fields: Json, made: Json) -> None:
    assert to_chat(stream=False, **fields) == ({"model": "m", "messages": [HI], **made}, ())


def test_request_of_ollama_when_it_tells_a_conversation_with_calls_then_they_have_ids_and_texts() -> None:
    messages: list[Json] = [
        {"role": "system", "content": "Be brief."},
        {"role": "USER", "content": "What is this?", "images": [PNG, "/9j/AAAA"]},
        {"role": "assistant", "tool_calls": [_call("look", at="it"), _call("look", at="that")]},
        {"role": "tool", "content": "A dot.", "tool_name": "look"},
        {"role": "tool", "content": "A line.", "tool_name": "look"},
    ]
    body, lossy = to_chat(messages=messages)
    assert lossy == ()
    system, user, caller, first, second = body["messages"]
    assert system == {"role": "system", "content": "Be brief."}
    assert [part["type"] for part in user["content"]] == ["image_url", "image_url", "text"]
    assert user["content"][0]["image_url"]["url"] == f"data:image/png;base64,{PNG}"
    assert user["content"][1]["image_url"]["url"] == "data:image/jpeg;base64,/9j/AAAA"
    assert [call["function"]["arguments"] for call in caller["tool_calls"]] == ['{"at":"it"}', '{"at":"that"}']
    ids = [call["id"] for call in caller["tool_calls"]]
    assert [first["tool_call_id"], second["tool_call_id"]] == ids
    assert len(set(ids)) == 2


def _call(name: str, **arguments: Any) -> Json:
    return {"function": {"name": name, "arguments": arguments}}


# Answers


def test_answer_of_chat_when_told_in_ollama_then_durations_and_counts_are_whole_numbers() -> None:
    message = {"role": "assistant", "content": "Yes.", "reasoning_content": "Hm."}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    answer = CHAT.decode_answer({"choices": [{"index": 0, "message": message, "finish_reason": "length"}], "usage": usage})
    made = codec.encode_answer(answer, asked(100.25))
    assert made.lossy == ()
    assert made.body == {
        "model": "m",
        "created_at": "1970-01-01T00:01:40.250000000Z",
        "message": {"role": "assistant", "content": "Yes.", "thinking": "Hm."},
        "done": True,
        "done_reason": "length",
        "total_duration": 250_000_000,
        "load_duration": 0,
        "prompt_eval_count": 3,
        "prompt_eval_duration": 1,
        "eval_count": 2,
        "eval_duration": 250_000_000,
    }


@pytest.mark.parametrize(("arguments", "good"), [('{"at":"it"}', True), ("", True), ("{broken", False), ('"x"', False)])
def test_answer_of_chat_when_a_model_writes_bad_arguments_then_clients_get_an_object_all_the_same(
    arguments: str, good: bool
) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": arguments}}
    choice = {"index": 0, "message": {"role": "assistant", "tool_calls": [call]}, "finish_reason": "tool_calls"}
    made = codec.encode_answer(CHAT.decode_answer({"choices": [choice]}), asked(100.0))
    (told,) = made.body["message"]["tool_calls"]
    assert isinstance(told["function"]["arguments"], dict)
    assert (made.lossy == ()) is good
    assert made.body["done_reason"] == "stop"


def test_answer_of_ollama_when_told_in_chat_then_calls_are_texts_and_the_reason_is_theirs() -> None:
    message = {"role": "assistant", "content": "", "thinking": "Hm.", "tool_calls": [_call("look", at="it")]}
    body = {"model": "up", "message": message, "done": True, "done_reason": "stop", "prompt_eval_count": 3, "eval_count": 2}
    made = CHAT.encode_answer(codec.decode_answer(body), asked(100.0))
    assert made.lossy == ()
    (choice,) = made.body["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["reasoning_content"] == "Hm."
    (call,) = choice["message"]["tool_calls"]
    assert call["function"] == {"name": "look", "arguments": '{"at":"it"}'}
    assert call["id"]
    assert made.body["usage"]["total_tokens"] == 5


# Streams


def test_stream_of_chat_when_told_in_ollama_then_a_call_is_one_line_and_the_usage_in_the_last() -> None:
    first = {"index": 0, "id": "c1", "type": "function", "function": {"name": "look", "arguments": ""}}
    deltas: list[Json] = [
        {"role": "assistant", "content": ""},
        {"reasoning_content": "Hm."},
        {"content": "Yes"},
        {"tool_calls": [first]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"at":'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '"it"}'}}]},
    ]
    chunks = [{**HEAD, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append({**HEAD, "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    chunks.append({**HEAD, "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}})
    decoder, encoder = CHAT.stream_decoder(), codec.stream_encoder(asked(100.0, 101.0, 101.0, 102.0))
    lines = [line for chunk in chunks for line in encoder.feed(decoder.feed(chunk))]
    assert [line["message"] for line in lines] == [
        {"role": "assistant", "content": "", "thinking": "Hm."},
        {"role": "assistant", "content": "Yes"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "c1", "function": {"index": 0, "name": "look", "arguments": {"at": "it"}}}],
        },
    ]
    assert all(line["done"] is False and line["model"] == "m" for line in lines)
    (last,) = encoder.feed(decoder.end())
    assert (last["done"], last["done_reason"], last["message"]["content"]) == (True, "stop", "")
    assert (last["prompt_eval_count"], last["eval_count"]) == (3, 2)
    assert (last["total_duration"], last["prompt_eval_duration"], last["eval_duration"]) == (2 * 10**9, 10**9, 10**9)
    assert encoder.lossy == ()


def test_stream_of_ollama_when_told_in_chat_then_it_has_an_end() -> None:
    lines = [
        {"model": "up", "message": {"role": "assistant", "content": "Ye"}, "done": False},
        {"model": "up", "message": {"role": "assistant", "content": "s", "tool_calls": [_call("look")]}, "done": False},
        {"model": "up", "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop", "eval_count": 2},
    ]
    decoder, encoder = codec.stream_decoder(), CHAT.stream_encoder(asked(100.0))
    chunks = [chunk for line in lines for chunk in encoder.feed(decoder.feed(line))]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    assert "".join(delta.get("content") or "" for delta in deltas) == "Yes"
    assert [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"]][-1] == "tool_calls"
    assert chunks[-1]["usage"]["completion_tokens"] == 2
    assert "".join(call["function"].get("arguments", "") for d in deltas for call in d.get("tool_calls", ())) == "{}"
