"""Does every prompt get the operator's text, in every format, once, and at the place that was asked for?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from openai_api.hooks.specs import HookSpec, HookSpecError, build
from tests.fakes.speaker import FORMATS, Format, Speaker, speaker, told
from tests.live import LiveGateway
from tests.live_fixtures import StartGateway

PREFIX, SUFFIX = "House rules.", "Answer in French."
HOOKS = [
    {"hook": "prompt_decorator", "keys": ["tests"], "options": {"prefix": PREFIX, "suffix": SUFFIX}},
    {"hook": "prompt_decorator", "keys": ["first"], "options": {"prefix": "[first]", "separator": " ", "position": "first_user"}},
    {"hook": "prompt_decorator", "keys": ["last"], "options": {"suffix": "[last]", "separator": " ", "position": "last_user"}},
]
every_format = pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
both = pytest.mark.parametrize("stream", [False, True])


@pytest.fixture(scope="module")
def says() -> Iterator[Speaker]:
    with speaker() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def decorated(start_gateway: StartGateway, says: Speaker) -> LiveGateway:
    gateway = start_gateway(GATEWAY_HOOKS=json.dumps(HOOKS))
    says.define(gateway)
    return gateway


@pytest.fixture(scope="module")
def keys(decorated: LiveGateway) -> dict[str, str]:
    made = {name: decorated.create_key(name)["key"] for name in ("first", "last")}
    for key in made.values():
        decorated.wait_visible("says-chat", key=key)
    return made


def ask(gateway: LiveGateway, path: str, body: Any, key: str | None = None) -> Any:
    answer = gateway.http.post(path, json=body, headers=gateway.headers(key))
    assert answer.status_code == 200, answer.text
    return answer


def system_of(heard: Any) -> str:
    """All texts of the system prompt, as the upstream reads them."""
    value = heard.get("system") or heard.get("instructions") or heard.get("systemInstruction")
    if value is None:
        value = next((message["content"] for message in heard["messages"] if message["role"] == "system"), "")
    blocks = value["parts"] if isinstance(value, dict) else value
    return blocks if isinstance(blocks, str) else "\n\n".join(block["text"] for block in blocks)


@both
@every_format
def test_system_when_there_is_one_then_the_texts_stand_about_it(
    decorated: LiveGateway, says: Speaker, form: Format, stream: bool
) -> None:
    answer = ask(decorated, form.path(stream), form.body("Be kind.", "Hi", stream))
    assert system_of(says.heard) == f"{PREFIX}\n\nBe kind.\n\n{SUFFIX}"
    assert (form.whole(answer.json()) if not stream else "".join(map(form.piece, told(answer.text)))) == "Hello"


@every_format
def test_system_when_there_is_none_then_it_is_made(decorated: LiveGateway, says: Speaker, form: Format) -> None:
    body = form.body("", "Hi", False)
    for name in ("system", "instructions", "systemInstruction"):
        body.pop(name, None)
    if "messages" in body:
        body["messages"] = [message for message in body["messages"] if message["role"] != "system"]
    ask(decorated, form.path(False), body)
    assert system_of(says.heard) == f"{PREFIX}\n\n{SUFFIX}"


@every_format
def test_system_when_the_texts_stand_there_already_then_every_byte_stays(
    decorated: LiveGateway, says: Speaker, form: Format
) -> None:
    body = form.body("Be kind.", "Hi", False)
    ask(decorated, form.path(False), body)
    first = says.heard
    again = form.body(system_of(first), "Hi", False)
    ask(decorated, form.path(False), again)
    assert system_of(says.heard) == system_of(first)


def test_turns_of_a_session_when_decorated_then_each_begins_as_the_one_before(decorated: LiveGateway, says: Speaker) -> None:
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "One"}]
    decorated.chat("says-chat", messages=messages)
    first = says.heard["messages"]
    decorated.chat(
        "says-chat", messages=[*messages, {"role": "assistant", "content": "Hello"}, {"role": "user", "content": "Two"}]
    )
    assert says.heard["messages"][: len(first)] == first


def test_system_when_it_is_blocks_then_their_cache_marks_stay(decorated: LiveGateway, says: Speaker) -> None:
    blocks = [{"type": "text", "text": "Long.", "cache_control": {"type": "ephemeral"}}]
    body = {"model": "says-messages", "max_tokens": 9, "system": blocks, "messages": [{"role": "user", "content": "Hi"}]}
    ask(decorated, "/v1/messages", body)
    assert says.heard["system"] == [{"type": "text", "text": PREFIX}, *blocks, {"type": "text", "text": SUFFIX}]


def test_user_when_first_or_last_is_asked_for_then_only_that_text_is_decorated(
    decorated: LiveGateway, says: Speaker, keys: dict[str, str]
) -> None:
    turns = [{"role": "user", "content": "One"}, {"role": "assistant", "content": "Hello"}, {"role": "user", "content": "Two"}]
    for path, model in (("/v1/chat/completions", "says-chat"), ("/v1/messages", "says-messages"), ("/api/chat", "says-ollama")):
        body = {"model": model, "max_tokens": 9, "messages": turns, "stream": False}
        ask(decorated, path, body, keys["first"])
        assert [turn["content"] for turn in says.heard["messages"]] == ["[first] One", "Hello", "Two"]
        ask(decorated, path, body, keys["last"])
        assert [turn["content"] for turn in says.heard["messages"]] == ["One", "Hello", "Two [last]"]
    ask(decorated, "/v1/responses", {"model": "says-responses", "input": "One"}, keys["first"])
    assert says.heard["input"] == "[first] One"
    contents = [
        {"role": "user", "parts": [{"text": "One"}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {}}}]},
    ]
    ask(decorated, FORMATS["gemini"].path(False), {"contents": contents}, keys["last"])
    assert says.heard["contents"][0]["parts"] == [{"text": "One"}, {"text": "[last]"}]
    assert says.heard["contents"][1] == contents[1]


def test_embeddings_when_prompts_are_decorated_then_they_are_left_alone(decorated: LiveGateway, says: Speaker) -> None:
    ask(decorated, "/v1/embeddings", {"model": "says-chat", "input": "text"})
    assert says.heard["input"] == "text"


@pytest.mark.parametrize("messages", ["text", [], [1], [{"role": "system", "content": {"a": 1}}], [{"role": ["system"]}]])
def test_request_when_its_fields_have_other_types_then_it_fails_as_without_the_hook(
    decorated: LiveGateway, messages: Any
) -> None:
    answer = decorated.http.post("/v1/chat/completions", json={"model": "says-chat", "messages": messages})
    assert answer.status_code in (200, 400)
    assert "hook" not in answer.text


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({}, "give a prefix or a suffix"),
        ({"prefix": "a", "position": "middle"}, "Invalid enum value 'middle'"),
        ({"prefix": 1}, "Expected `str`"),
        ({"prefix": "a" * 100_001}, "length <= 100000"),
        ({"prefixes": "a"}, "has no option 'prefixes'"),
    ],
)
def test_options_when_they_cannot_be_used_then_the_error_says_why(options: dict[str, Any], fault: str) -> None:
    with pytest.raises(HookSpecError, match=fault):
        build(HookSpec(hook="prompt_decorator", options=options))
