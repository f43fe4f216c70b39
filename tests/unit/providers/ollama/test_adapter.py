"""Is an Ollama server asked at its own paths, in its own format, for what clients of any format want?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.bytes.patch import fields_of
from providers.capabilities import Capability
from providers.convert.calling import ask
from providers.errors import CallerError, InvalidResponse, ProviderError, Unsupported
from providers.ollama.address import openai_base, server_of
from providers.registry import provider_type
from providers.transport import UpstreamReply, UpstreamRequest, UpstreamStream
from providers.types import Call, Reply, TargetConfig, Wire
from tests.unit.providers.openai_compatible.test_adapter import Stream, url_of

HI = [{"role": "user", "content": "Hi."}]
ANSWER = {"model": "up", "message": {"role": "assistant", "content": "Yes."}, "done": True, "done_reason": "stop"}
NO_THINKING = {"error": '"up" does not support thinking'}


class Server:
    """A transport that gives these answers in turn, the last of them for ever."""

    def __init__(self, *answers: Any, status: int = 200) -> None:
        self.answers = list(answers)
        self.status = status
        self.requests: list[UpstreamRequest] = []

    async def fetch(self, request: UpstreamRequest) -> UpstreamReply:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        status = 400 if self.status == 200 and "error" in answer and "message" not in answer else self.status
        return UpstreamReply(status, [], json.dumps(answer).encode())

    async def stream(self, request: UpstreamRequest) -> UpstreamStream:
        return Stream(await self.fetch(request))

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(bytes(request.body)) for request in self.requests]

    @property
    def urls(self) -> list[str]:
        return [url_of(request) for request in self.requests]


def call(wire: Wire, body: Any, capability: Capability = Capability.CHAT, **fields: Any) -> Call:
    text = json.dumps(body).encode()
    return Call(capability=capability, wire=wire, model="m", body=text, fields=fields_of(text), request_id="r", **fields)


async def asked(server: Server, made: Call, kind: str = "ollama_native", **fields: Any) -> Any:
    known = provider_type(kind)
    config = TargetConfig(id="t", provider="p", provider_type=kind, upstream_model="up", **fields)
    return await ask(known.target(config), made, server)


def native(**fields: Any) -> Call:
    return call(Wire.OLLAMA, {"model": "m", "messages": HI, "x_request": [1.50], **fields}, stream=fields.get("stream", True))


@pytest.mark.parametrize(
    ("kind", "base", "url"),
    [
        ("ollama", "", "http://127.0.0.1:11434/api/chat"),
        ("ollama", "http://h:1/v1", "http://h:1/api/chat"),
        ("ollama", "http://h:1/sub/v1", "http://h:1/sub/api/chat"),
        ("ollama_native", "", "http://127.0.0.1:11434/api/chat"),
        ("ollama_native", "http://h:1/api/chat", "http://h:1/api/chat"),
        ("ollama_native", "http://h:1/", "http://h:1/api/chat"),
    ],
)
async def test_chat_of_ollamas_clients_then_passed_to_its_own_path_with_the_upstreams_name(
    kind: str, base: str, url: str
) -> None:
    server = Server(ANSWER)
    answer = await asked(server, native(stream=False), kind, api_base=base)
    assert isinstance(answer, Reply)
    assert answer.wire is Wire.OLLAMA
    assert server.urls == [url]
    assert server.bodies == [{"model": "up", "messages": HI, "x_request": [1.5], "stream": False}]


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("", "http://127.0.0.1:11434/v1/chat/completions"),
        ("http://h:1", "http://h:1/v1/chat/completions"),
        ("http://h:1/v1", "http://h:1/v1/chat/completions"),
        ("http://h:1/openai", "http://h:1/openai/chat/completions"),
    ],
)
async def test_chat_of_openais_clients_when_the_type_has_both_then_at_the_path_of_openai(base: str, url: str) -> None:
    server = Server({"choices": [{"index": 0, "message": {"content": "Yes."}}]})
    made = call(Wire.OPENAI_CHAT, {"model": "m", "messages": HI, "max_completion_tokens": 5})
    await asked(server, made, "ollama", api_base=base)
    assert server.urls == [url]
    assert server.bodies == [{"model": "up", "messages": HI, "max_tokens": 5}]


async def test_chat_of_openais_clients_when_only_the_own_api_is_there_then_converted() -> None:
    server = Server(ANSWER)
    made = call(Wire.OPENAI_CHAT, {"model": "m", "messages": HI, "max_tokens": 5})
    answer = await asked(server, made, extra_body={"keep_alive": b'"5m"'})
    assert server.bodies == [{"messages": HI, "options": {"num_predict": 5}, "stream": False, "model": "up", "keep_alive": "5m"}]
    assert json.loads(answer.body)["choices"][0]["message"]["content"] == "Yes."


@pytest.mark.parametrize(("stream", "said"), [(None, None), (True, True), (False, False)])
async def test_chat_when_the_client_says_how_it_is_to_come_then_the_server_is_told_so(
    stream: bool | None, said: bool | None
) -> None:
    server = Server(ANSWER)
    body = {"model": "m", "messages": HI} | ({} if stream is None else {"stream": stream})
    answer = await asked(server, call(Wire.OLLAMA, body, stream=stream is not False))
    assert server.bodies[0].get("stream") is said
    assert isinstance(answer, Reply) is (stream is False)


async def test_chat_when_the_model_cannot_think_then_those_who_asked_in_another_format_are_answered_without() -> None:
    server = Server(NO_THINKING, ANSWER)
    made = call(Wire.OPENAI_CHAT, {"model": "m", "messages": HI, "reasoning_effort": "low"})
    answer = await asked(server, made)
    assert [body.get("think") for body in server.bodies] == ["low", None]
    assert answer.lossy == ("think",)


async def test_chat_when_the_model_cannot_think_then_ollamas_own_clients_are_told() -> None:
    server = Server(NO_THINKING)
    with pytest.raises(CallerError, match="does not support thinking"):
        await asked(server, native(think=True, stream=False))
    assert len(server.requests) == 1


@pytest.mark.parametrize("answer", [{}, {"message": None}, [1], {"done": True}])
async def test_answer_when_it_has_no_message_then_invalid(answer: Any) -> None:
    with pytest.raises(InvalidResponse):
        await asked(Server(answer), native(stream=False))


async def test_answer_when_it_is_an_error_of_a_good_status_then_that() -> None:
    with pytest.raises(ProviderError, match="crashed"):
        await asked(Server({"error": "the runner crashed", "message": ""}), native(stream=False))


# Embeddings


def embedding(**fields: Any) -> Call:
    return call(Wire.OPENAI_EMBEDDING, {"model": "m", "input": ["a", "b"], **fields}, Capability.EMBEDDING)


EMBEDDED = {"model": "up", "embeddings": [[0.5, -0.25], [1, 2]], "prompt_eval_count": 4, "total_duration": 7}


async def test_embeddings_when_asked_for_then_at_the_own_path_and_in_openais_form() -> None:
    server = Server(EMBEDDED)
    answer = await asked(server, embedding(dimensions=2, truncate=False, user="u", encoding_format="float"))
    assert server.urls == ["http://127.0.0.1:11434/api/embed"]
    assert server.bodies == [{"model": "up", "input": ["a", "b"], "dimensions": 2, "truncate": False}]
    assert answer.lossy == ("user",)
    made = json.loads(answer.body)
    assert [(item["index"], item["embedding"]) for item in made["data"]] == [(0, [0.5, -0.25]), (1, [1, 2])]
    assert made["usage"] == {"prompt_tokens": 4, "total_tokens": 4}


async def test_embeddings_when_base64_is_asked_for_then_so_they_are() -> None:
    answer = await asked(Server({"embeddings": [[0.5, -0.25]]}), embedding(input="a", encoding_format="base64"))
    assert json.loads(answer.body)["data"][0]["embedding"] == "AAAAPwAAgL4="


@pytest.mark.parametrize("given", [[1, 2], [[1]], None])
async def test_embeddings_when_the_input_is_tokens_then_refused(given: Any) -> None:
    with pytest.raises(Unsupported) as raised:
        await asked(Server(EMBEDDED), embedding(input=given))
    assert raised.value.param == "input"


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"embeddings": [[1]]},
        {"embeddings": [[], []]},
        {"embeddings": [["a"], ["b"]]},
        {"embeddings": 1},
        [1],
        {"embeddings": [1, 2]},
    ],
)
async def test_embeddings_when_they_cannot_be_read_then_invalid(answer: Any) -> None:
    with pytest.raises(InvalidResponse):
        await asked(Server(answer), embedding())


# Addresses


@pytest.mark.parametrize(
    ("given", "server", "openai"),
    [
        ("", "", ""),
        ("http://h:11434", "http://h:11434", "http://h:11434/v1"),
        ("http://h:11434/", "http://h:11434", "http://h:11434/v1"),
        ("http://h/v1/", "http://h", "http://h/v1"),
        ("http://h/api", "http://h", "http://h/v1"),
        ("http://h/api/generate", "http://h", "http://h/v1"),
        ("http://h/v1/chat/completions", "http://h", "http://h/v1"),
        ("http://h/ollama/v1?a=b", "http://h/ollama?a=b", "http://h/ollama/v1?a=b"),
        ("http://h/openai", "http://h/openai", "http://h/openai"),
        ("https://ollama.com/api", "https://ollama.com", "https://ollama.com/v1"),
    ],
)
def test_address_when_pasted_then_the_server_is_found_in_it(given: str, server: str, openai: str) -> None:
    assert (server_of(given), openai_base(given)) == (server, openai)
