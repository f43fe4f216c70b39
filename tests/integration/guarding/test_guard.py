"""Are requests and answers guarded, in every format, whole and in streams, with whatever is at fault named in its own words?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.fakes.chaos.process import Chaos
from tests.fakes.speaker import FORMATS, Format, Speaker, speaker, told
from tests.integration.test_large_bodies import others
from tests.integration.test_long_conversions import OTHERS_WITHIN_S
from tests.live import LiveGateway
from tests.live_fixtures import StartGateway

SECRET = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789"
PIECES = ("The key is sk-pro", "j-abcdefghijklmno", "pqrstuvwxyz", "0123456789, mail it to a", "nn@exam", "ple.com now", ".")
GUARDED = "The key is [KEY], mail it to [email] now."
RULES = [
    {"name": "keys", "set": "api_key", "replacement": "[KEY]"},
    {"set": "email", "replacement": "[{name}]"},
    {"name": "launch", "pattern": r"launch code \d{4}", "ignore_case": True, "action": "deny"},
    {"name": "noted", "pattern": "pineapple", "action": "log"},
    {"name": "results", "pattern": "result-only", "parts": ["results"], "replacement": "-"},
]
every_format = pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)


@pytest.fixture(scope="module")
def says() -> Iterator[Speaker]:
    with speaker() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def guarded(start_gateway: StartGateway, says: Speaker) -> LiveGateway:
    hooks = [{"hook": "guard", "options": {"rules": RULES}}]
    gateway = start_gateway(GATEWAY_HOOKS=json.dumps(hooks))
    says.define(gateway)
    return gateway


@pytest.fixture(autouse=True)
def _reset(says: Speaker) -> None:
    says.says, says.calls, says.pause = ("Hello",), (), 0.0


def ask(
    gateway: LiveGateway, form: Format, text: str = "Hi", *, stream: bool = False, system: str = "Be kind."
) -> httpx.Response:
    return gateway.http.post(form.path(stream), json=form.body(system, text, stream))


def text_of(form: Format, answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return "".join(form.piece(event) for event in told(answer.text))


@every_format
def test_request_when_texts_of_it_match_then_the_upstream_hears_the_replacement(
    guarded: LiveGateway, says: Speaker, form: Format
) -> None:
    answer = ask(guarded, form, f"Use {SECRET}.", system="Write to ann@example.com.")
    assert answer.status_code == 200, answer.text
    heard = json.dumps(says.heard)
    assert SECRET not in heard
    assert "ann@example.com" not in heard
    assert "Use [KEY]." in heard
    assert "Write to [email]." in heard


@every_format
@pytest.mark.parametrize("stream", [False, True])
def test_request_when_denied_then_the_upstream_is_not_asked(
    guarded: LiveGateway, says: Speaker, form: Format, stream: bool
) -> None:
    before = len(says.upstream.seen)
    answer = ask(guarded, form, "The Launch Code 1234 is", stream=stream)
    assert answer.status_code == 400
    assert "blocked by a rule of this gateway: launch" in answer.text
    assert len(says.upstream.seen) == before
    error = answer.json()["error"]
    if form.name in ("chat", "responses"):
        assert (error["type"], error["code"]) == ("invalid_request_error", "content_blocked")
    if form.name == "messages":
        assert (answer.json()["type"], error["type"]) == ("error", "invalid_request_error")
    if form.name == "gemini":
        assert error["status"] == "INVALID_ARGUMENT"


@every_format
def test_answer_when_whole_then_the_matches_are_replaced(guarded: LiveGateway, says: Speaker, form: Format) -> None:
    says.says = PIECES
    answer = ask(guarded, form)
    assert form.whole(answer.json()) == GUARDED


@every_format
def test_answer_when_denied_then_an_error_without_a_word_of_it(guarded: LiveGateway, says: Speaker, form: Format) -> None:
    says.says = ("The launch code ", "0000.")
    answer = ask(guarded, form)
    assert answer.status_code == 400
    assert "0000" not in answer.text


@every_format
def test_stream_when_matches_go_over_cuts_then_they_are_replaced(guarded: LiveGateway, says: Speaker, form: Format) -> None:
    says.says = PIECES
    answer = ask(guarded, form, stream=True)
    assert text_of(form, answer) == GUARDED
    assert "abcdefghijklmno" not in answer.text
    assert "exam" not in answer.text


@every_format
def test_stream_when_denied_then_an_error_in_it_and_nothing_of_the_match(
    guarded: LiveGateway, says: Speaker, form: Format
) -> None:
    says.says, says.pause = ("Fine so far. ", "Then the laun", "ch code 12", "34 and more"), 0.02
    answer = ask(guarded, form, stream=True)
    assert "laun" not in answer.text.replace("of this gateway: launch", "")
    assert "12" not in "".join(map(form.piece, told(answer.text)))
    assert "Fine so far. " in answer.text
    assert "blocked by a rule of this gateway: launch" in answer.text
    assert "and more" not in answer.text


@every_format
def test_stream_when_nothing_is_found_then_its_frames_are_those_of_the_upstream(
    guarded: LiveGateway, says: Speaker, form: Format, shared_gateway: LiveGateway
) -> None:
    says.define(shared_gateway)
    says.says = ("Nothing sk-", "isfound in a", "nn@", " this text 😀", " at all sk-proj-", "")
    mine, plain = ask(guarded, form, stream=True), ask(shared_gateway, form, stream=True)
    assert _without_ids(mine.text) == _without_ids(plain.text)
    assert len(told(mine.text)) >= len(says.frames) - 1


def _without_ids(text: str) -> list[str]:
    """The frames, but for ids that the gateway gives."""
    return [line for line in text.split("\n") if "resp_" not in line]


ARGUMENTS = (
    '{"to": "ann@',
    "example.com",
    '", "nested": {"key\\u002d": "s',
    'k-proj-abcdefghijk\\u006cmnopqrstuvwxyz"}, "n": 1}',
)
CHECKED = {"to": "[email]", "nested": {"key-": "[KEY]"}, "n": 1}


@every_format
def test_calls_when_their_arguments_match_then_they_are_replaced_and_stay_json(
    guarded: LiveGateway, says: Speaker, form: Format
) -> None:
    says.calls = ARGUMENTS
    assert form.arguments(ask(guarded, form).json()) == CHECKED
    streamed = ask(guarded, form, stream=True)
    assert json.loads("".join(map(form.piece_of_arguments, told(streamed.text)))) == CHECKED
    assert "example.com" not in streamed.text
    assert "abcdefghijk" not in streamed.text


def test_results_when_a_rule_is_for_them_alone_then_other_texts_stay(guarded: LiveGateway, says: Speaker) -> None:
    messages: list[Any] = [
        {"role": "user", "content": "result-only"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "result-only"},
    ]
    assert guarded.chat("says-chat", messages=messages).status_code == 200
    assert [message["content"] for message in says.heard["messages"]] == ["result-only", None, "-"]
    blocks = [{"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "a result-only"}]}]
    use = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    turns = [{"role": "user", "content": "x"}, {"role": "assistant", "content": [use]}, {"role": "user", "content": blocks}]
    answer = guarded.http.post("/v1/messages", json={"model": "says-messages", "max_tokens": 9, "messages": turns})
    assert answer.status_code == 200, answer.text
    assert says.heard["messages"][2]["content"][0]["content"][0]["text"] == "a -"


def test_embeddings_when_their_inputs_match_then_the_upstream_hears_the_replacement(guarded: LiveGateway, says: Speaker) -> None:
    body = {"model": "says-chat", "input": ["to ann@example.com", "plain"], "x_unknown": 1.50}
    assert guarded.http.post("/v1/embeddings", json=body).status_code == 200
    assert says.heard["input"] == ["to [email]", "plain"]
    denied = guarded.http.post("/v1/embeddings", json={"model": "says-chat", "input": "launch code 1234"})
    assert denied.json()["error"]["code"] == "content_blocked"


def test_request_when_nothing_matches_then_every_byte_reaches_the_upstream(guarded: LiveGateway, says: Speaker) -> None:
    body = b'{"model": "says-chat",  "messages":[ {"role":"user","content":"caf\\u00e9 pineapple"} ], "x": 1.50, "y":[1e2]}'
    answer = guarded.http.post("/v1/chat/completions", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 200
    assert says.upstream.last.body == body.replace(b'"says-chat"', b'"m"')


@pytest.mark.parametrize("stream", [False, True])
def test_texts_when_they_are_long_then_others_are_served_meanwhile(
    guarded: LiveGateway, says: Speaker, chaos: Chaos, stream: bool
) -> None:
    guarded.define("ok")
    text = "to ann@example.com, 4111 1111 1111 1112 sk- " * 25_000
    says.says = (text,)
    with others(guarded, own=True) as waits:
        answer = ask(guarded, FORMATS["chat"], text, stream=stream)
        assert answer.status_code == 200, answer.text[:500]
    changed = text.replace("ann@example.com", "[email]")
    assert says.heard["messages"][1]["content"] == changed
    assert (text_of(FORMATS["chat"], answer) if stream else answer.json()["choices"][0]["message"]["content"]) == changed
    assert max(waits) < OTHERS_WITHIN_S


def test_stream_when_it_comes_in_thousands_of_small_pieces_then_others_are_served_meanwhile(
    guarded: LiveGateway, says: Speaker, chaos: Chaos
) -> None:
    guarded.define("ok")
    says.says, says.calls = ("word ",) * 4000, ('{"a": "', *("arg " for _ in range(4000)), '"}')
    with others(guarded, own=True) as waits:
        answer = ask(guarded, FORMATS["chat"], stream=True)
    assert text_of(FORMATS["chat"], answer) == "word " * 4000
    assert max(waits) < OTHERS_WITHIN_S


def test_answer_when_changed_then_other_fields_keep_their_bytes_and_no_token_tells_the_text_again(
    guarded: LiveGateway, says: Speaker
) -> None:
    says.says = ("to ann@example.com",)
    answer = guarded.chat("says-chat")
    assert b'"x_unknown": [1.5]' in answer.content
    assert answer.json()["choices"][0]["logprobs"] is None
    says.says = ("to nobody",)
    assert guarded.chat("says-chat").json()["choices"][0]["logprobs"] == {"content": [{}]}
