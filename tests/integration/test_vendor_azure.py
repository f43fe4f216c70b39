"""Do clients that look at every chunk's first choice live with Azure OpenAI? And is a deployment asked where it is?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from openai import BadRequestError, OpenAI

from tests.fakes.vendor import Said, Vendor, events, said, vendor
from tests.live import LiveGateway, body, error_of
from tests.live import events as events_in

SAFE = {"hate": {"filtered": False, "severity": "safe"}}
PROMPT = [{"prompt_index": 0, "content_filter_results": SAFE}]
FIRST = {"choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": PROMPT}
NAMED = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 7, "model": "gpt-4o-2024-11-20"}
OFFSETS = {"check_offset": 4, "start_offset": 4, "end_offset": 9}
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
ABILITIES = ["chat", "completion", "embedding", "audio_transcription", "text_to_speech", "image_generation", "image_edit"]


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None, **more}
    return {**NAMED, "choices": [choice], "usage": None}


def annotation(finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": finish, "content_filter_results": SAFE, "content_filter_offsets": OFFSETS}
    return {"id": "", "object": "", "created": 0, "model": "", "choices": [choice], "usage": None}


USUAL = [
    chunk({"role": "assistant", "content": ""}),
    chunk({"content": "Hi"}, content_filter_results=SAFE),
    chunk({"content": " there"}, content_filter_results={}),
]
LAST = {**NAMED, "choices": [], "usage": USAGE}
STREAM = [FIRST, *USUAL, annotation(), chunk({}, "stop"), annotation(), LAST]
"""What Azure sends with its asynchronous filter."""


@pytest.fixture(scope="module")
def azure(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        for form, base, options in (
            ("v1", f"{upstream.base}/openai/v1", {}),
            ("deployed", upstream.base, {}),
            ("named", f"{upstream.base}/", {"deployment_id": "eu/4o", "api_version": "2025-01-01-preview"}),
        ):
            models = {f"azure/{form}": ("gpt-4o", ABILITIES)}
            shared_gateway.define_at("azure_openai", base, models, name=f"azure-{form}", options=options)
        yield upstream


TARGETS = {
    "uri": "/openai/deployments/uri-4o/chat/completions?api-version=2025-01-01-preview",
    "bare": "/openai/deployments/uri-4o?api-version=2025-01-01-preview",
    "path": "/team/openai/deployments/uri-4o/chat/completions?api-version=2025-01-01-preview",
    "v1": "/openai/v1/chat/completions",
    "v1-version": "/openai/v1/responses?api-version=preview",
    "responses": "/openai/responses?api-version=2025-04-01-preview",
}
"""What Azure's portals show as the address of a call, and its like."""

CALLED = {
    "uri": "/openai/deployments/uri-4o/chat/completions?api-version=2025-01-01-preview",
    "bare": "/openai/deployments/uri-4o/chat/completions?api-version=2025-01-01-preview",
    "path": "/team/openai/deployments/uri-4o/chat/completions?api-version=2025-01-01-preview",
    "v1": "/openai/v1/chat/completions",
    "v1-version": "/openai/v1/chat/completions?api-version=preview",
    "responses": "/openai/deployments/gpt-4o/chat/completions?api-version=2025-04-01-preview",
}


@pytest.mark.parametrize("form", TARGETS)
def test_target_uri_when_pasted_as_the_base_is_taken_apart(form: str, gateway: LiveGateway) -> None:
    with vendor({}) as upstream:
        base = f"{upstream.base}{TARGETS[form]}"
        gateway.define_at("azure_openai", base, {f"target/{form}": ("gpt-4o", ["chat"])}, name=f"target-{form}")
        gateway.chat(f"target/{form}")
        assert upstream.last.path == CALLED[form]


@pytest.fixture
def client(gateway: LiveGateway) -> Iterator[OpenAI]:
    with OpenAI(api_key=gateway.key, base_url=f"{gateway.base_url}/v1", max_retries=0) as client:
        yield client


GA, PREVIEW = "api-version=2024-10-21", "api-version=2025-04-01-preview"
ASKED = {
    "chat/completions": (body("m"), GA),
    "completions": ({"model": "m", "prompt": "a"}, GA),
    "embeddings": ({"model": "m", "input": "a"}, GA),
    "audio/speech": ({"model": "m", "input": "a", "voice": "alloy"}, PREVIEW),
    "images/generations": ({"model": "m", "prompt": "a"}, PREVIEW),
    "images/edits": ({"model": "m", "prompt": "a", "image": [{"image_url": "data:image/png;base64,AA=="}]}, PREVIEW),
}


@pytest.mark.parametrize("path", ASKED)
def test_deployment_when_asked_stands_in_the_path_unless_the_base_is_v1(path: str, gateway: LiveGateway, azure: Vendor) -> None:
    asked, version = ASKED[path]
    for form, expected in (
        ("v1", f"/openai/v1/{path}"),
        ("deployed", f"/openai/deployments/gpt-4o/{path}?{version}"),
        ("named", f"/openai/deployments/eu%2F4o/{path}?api-version=2025-01-01-preview"),
    ):
        gateway.http.post(f"/v1/{path}", json={**asked, "model": f"azure/{form}"})
        assert azure.last.path == expected
        assert azure.last.headers["api-key"].startswith("sk-upstream")
        assert "authorization" not in azure.last.headers


def test_transcription_when_asked_for_names_the_deployment(client: OpenAI, azure: Vendor) -> None:
    path = "/openai/deployments/gpt-4o/audio/transcriptions"
    azure.answers[path] = lambda seen: said({"text": "hi"})
    wave = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(40)
    assert client.audio.transcriptions.create(model="azure/deployed", file=("a.wav", wave)).text == "hi"
    assert azure.last.path == f"{path}?{PREVIEW}"
    (file,) = azure.last.form.all("file")
    assert (file.filename, file.data()) == ("a.wav", wave)


@pytest.mark.parametrize("form", ["v1", "deployed"])
@pytest.mark.parametrize("cut", [0, 7], ids=["whole events", "cut anywhere"])
def test_stream_when_the_filter_speaks_alone_has_a_delta_in_every_chunk(
    form: str, cut: int, client: OpenAI, azure: Vendor
) -> None:
    sent = events(*STREAM, done=True)
    if cut:
        joined = b"".join(sent.chunks or ())
        sent.chunks = [joined[at : at + cut] for at in range(0, len(joined), cut)]
    azure.answers["/openai/v1/chat/completions"] = azure.answers["/openai/deployments/gpt-4o/chat/completions"] = lambda seen: (
        sent
    )
    stream = client.chat.completions.create(model=f"azure/{form}", messages=[{"role": "user", "content": "hi"}], stream=True)
    chunks = list(stream)
    assert "".join(found.choices[0].delta.content or "" for found in chunks) == "Hi there"
    assert {(found.id, found.object, found.created, found.model) for found in chunks} == {
        ("chatcmpl-1", "chat.completion.chunk", 7, f"azure/{form}")
    }
    assert (chunks[0].model_extra or {})["prompt_filter_results"] == PROMPT
    told = [(found.choices[0].model_extra or {}).get("content_filter_offsets") for found in chunks]
    assert told == [None, None, None, OFFSETS, None, OFFSETS]
    assert [found.choices[0].finish_reason for found in chunks] == [None, None, None, None, "stop", None]


def test_stream_when_usage_is_asked_for_has_it_and_all_other_chunks_are_azures_bytes(gateway: LiveGateway, azure: Vendor) -> None:
    azure.answers["/openai/v1/chat/completions"] = lambda seen: events(*USUAL, chunk({}, "stop"), LAST, done=True)
    answer = gateway.chat("azure/v1", stream=True, stream_options={"include_usage": True})
    expected = b"".join(events(*USUAL, chunk({}, "stop"), LAST, done=True).chunks or ())
    assert answer.content == expected.replace(b'"gpt-4o-2024-11-20"', b'"azure/v1"')


def test_stream_when_the_filter_ends_it_says_so(gateway: LiveGateway, azure: Vendor) -> None:
    azure.answers["/openai/v1/chat/completions"] = lambda seen: events(FIRST, *USUAL, annotation("content_filter"), done=True)
    *_, last, end = events_in(gateway.chat("azure/v1", stream=True))
    assert (last["choices"][0]["finish_reason"], last["choices"][0]["delta"], end) == ("content_filter", {}, "[DONE]")


def test_older_stream_when_the_filter_speaks_alone_has_a_text_in_every_chunk(client: OpenAI, azure: Vendor) -> None:
    named = {**NAMED, "id": "cmpl-1", "object": "text_completion"}
    texts = [
        {**named, "choices": [{"index": 0, "text": text, "finish_reason": end}]} for text, end in (("a", None), ("b", "stop"))
    ]
    azure.answers["/openai/v1/completions"] = lambda seen: events(FIRST, texts[0], annotation(), texts[1], done=True)
    chunks = list(client.completions.create(model="azure/v1", prompt="p", stream=True))
    assert [found.choices[0].text for found in chunks] == ["a", "", "b"]


def test_stream_when_nothing_but_the_filter_speaks_is_empty(gateway: LiveGateway, azure: Vendor) -> None:
    azure.answers["/openai/v1/chat/completions"] = lambda seen: events(FIRST)
    answer = gateway.chat("azure/v1", stream=True)
    assert (answer.status_code, error_of(answer)["code"]) == (502, "upstream_empty_stream")


def test_prompt_when_the_filter_refuses_it_is_openais_error(client: OpenAI, gateway: LiveGateway, azure: Vendor) -> None:
    inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": SAFE}
    message = "The response was filtered due to the prompt triggering Azure OpenAI's content management policy."
    refusal = {"message": message, "type": None, "param": "prompt", "code": "content_filter", "status": 400, "innererror": inner}
    answer: Said = said({"error": refusal}, 400)
    azure.answers["/openai/v1/chat/completions"] = lambda seen: answer
    for stream in (False, True):
        failed = gateway.chat("azure/v1", stream=stream)
        assert failed.status_code == 400
        assert error_of(failed, "status", "innererror") == {**refusal, "type": "invalid_request_error"}
    with pytest.raises(BadRequestError) as raised:
        client.chat.completions.create(model="azure/v1", messages=[{"role": "user", "content": "hi"}])
    assert raised.value.code == "content_filter"


def test_stream_when_its_last_event_lacks_the_blank_line_is_whole(gateway: LiveGateway, azure: Vendor) -> None:
    *whole, last = events(FIRST, *USUAL, chunk({}, "stop"), annotation()).chunks or ()
    azure.answers["/openai/v1/chat/completions"] = lambda seen: Said(
        content_type="text/event-stream", chunks=[*whole, last.rstrip(b"\n")]
    )
    *_, told, end = events_in(gateway.chat("azure/v1", stream=True))
    assert (told["choices"][0]["delta"], told["choices"][0]["content_filter_offsets"], end) == ({}, OFFSETS, "[DONE]")
