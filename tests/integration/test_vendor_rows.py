"""Do the vendors of `presets.py` get what they know and answer as OpenAI does? Against their recorded shapes."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from openai import OpenAI

from tests.fakes.chaos.process import eventually
from tests.fakes.vendor import Said, Vendor, events, said, vendor
from tests.live import PROVIDER_KEY, LiveGateway, body, error_of
from tests.live import events as events_in

WAVE = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(40)
NUMBERS = [0.5, -0.25]
PACKED = base64.b64encode(struct.pack("<2f", *NUMBERS)).decode()
KINDS: dict[str, tuple[str, list[str]]] = {
    "groq": ("/openai/v1", ["chat", "audio_transcription", "audio_translation", "text_to_speech"]),
    "deepseek": ("/v1", ["chat", "completion"]),
    "openrouter": ("/api/v1", ["chat", "embedding", "rerank", "text_to_speech"]),
    "cohere": ("/compatibility/v1", ["chat", "embedding", "rerank"]),
    "jina": ("/v1", ["embedding", "rerank"]),
    "voyage": ("/v1", ["embedding", "rerank"]),
    "vllm": ("/v1", ["chat", "completion", "embedding", "rerank"]),
    "sglang": ("/v1", ["chat", "completion", "embedding"]),
    "tgi": ("/v1", ["chat", "completion"]),
}


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    """Every vendor at once, each below its own name; a public model `rows/X` of each."""
    with vendor({}) as upstream:
        for kind, (path, able) in KINDS.items():
            base = f"{upstream.base}/{kind}{path}"
            shared_gateway.define_at(kind, base, {f"rows/{kind}": ("up/m", able)}, name=f"rows-{kind}")
        yield upstream


@pytest.fixture
def client(gateway: LiveGateway) -> Iterator[OpenAI]:
    with OpenAI(api_key=gateway.key, base_url=f"{gateway.base_url}/v1", max_retries=0) as client:
        yield client


def embedded(**more: Any) -> Said:
    data = [{"object": "embedding", "index": 0, "embedding": NUMBERS}]
    return said({"object": "list", "model": "m", "data": data, "usage": {"total_tokens": 4}, **more})


def completion(**message: Any) -> Said:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "a", **message}}
    return said({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]})


# Groq


def test_groq_stream_when_its_last_chunk_alone_tells_the_usage_has_it_recorded(gateway: LiveGateway, upstream: Vendor) -> None:
    named = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "llama"}
    usage = {"queue_time": 0.1, "prompt_tokens": 11, "completion_tokens": 2, "total_tokens": 13, "total_time": 0.2}
    first = {**named, "choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": None}], "x_groq": {"id": "r"}}
    last = {**named, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "x_groq": {"id": "r", "usage": usage}}
    upstream.answers["/groq/openai/v1/chat/completions"] = lambda seen: events(first, last, done=True)
    answer = gateway.chat("rows/groq", stream=True)
    assert events_in(answer)[:2] == [{**chunk, "model": "rows/groq"} for chunk in (first, last)]
    asked = {"request_id": answer.headers["x-request-id"]}
    assert eventually(lambda: bool(gateway.operator.rows("openai_api.UsageRecord", asked)), 6, 0.1)
    (row,) = gateway.operator.rows("openai_api.UsageRecord", asked)
    assert (row["input_tokens"], row["output_tokens"]) == (11, 2)


@pytest.mark.parametrize("done", [True, False])
def test_groq_stream_when_the_client_asked_for_the_usage_has_it_in_openais_place(
    done: bool, client: OpenAI, upstream: Vendor
) -> None:
    named = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "llama"}
    usage = {"queue_time": 0.1, "prompt_tokens": 11, "completion_tokens": 2, "total_tokens": 13}
    last = {**named, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "x_groq": {"id": "r", "usage": usage}}
    told = {**named, "choices": [], "usage": usage}
    for sent in ([last], [last, told]):
        streamed = events(*sent, done=done)
        upstream.answers["/groq/openai/v1/chat/completions"] = lambda seen: streamed  # noqa: B023 - asked within this turn
        stream = client.chat.completions.create(
            model="rows/groq", messages=[{"role": "user", "content": "hi"}], stream=True, stream_options={"include_usage": True}
        )
        first, second = stream
        assert first.usage is None
        assert second.to_dict() == {**told, "model": "rows/groq"}


def test_groq_when_it_refuses_a_field_the_client_is_told(gateway: LiveGateway, upstream: Vendor) -> None:
    refusal = {"error": {"message": "property 'logprobs' is unsupported", "type": "invalid_request_error"}}
    upstream.answers["/groq/openai/v1/chat/completions"] = lambda seen: said(refusal, 400)
    answer = gateway.chat("rows/groq", logprobs=True, n=2)
    assert (answer.status_code, error_of(answer)["message"]) == (400, "property 'logprobs' is unsupported")
    assert (upstream.last.json["logprobs"], upstream.last.json["n"]) == (True, 2)


def test_groq_sound_when_asked_for_is_heard_and_spoken(client: OpenAI, gateway: LiveGateway, upstream: Vendor) -> None:
    heard = {"text": "hi", "x_groq": {"id": "r"}}
    segments = {**heard, "task": "transcribe", "segments": [{"id": 0, "start": 0.0, "end": 1.0, "text": " hi"}]}
    for path in ("transcriptions", "translations"):
        upstream.answers[f"/groq/openai/v1/audio/{path}"] = lambda seen: said(
            segments if seen.form.text("response_format") == "verbose_json" else heard
        )
    upstream.answers["/groq/openai/v1/audio/speech"] = lambda seen: Said(content_type="audio/wav", chunks=[WAVE])
    assert client.audio.transcriptions.create(model="rows/groq", file=("a.wav", WAVE)).text == "hi"
    translated = gateway.http.post("/v1/audio/translations", data={"model": "rows/groq"}, files={"file": ("a.wav", WAVE)})
    assert translated.json() == heard
    made = client.audio.transcriptions.create(model="rows/groq", file=("a.wav", WAVE), response_format="vtt")
    assert str(made).startswith("WEBVTT")
    spoken = client.audio.speech.create(model="rows/groq", voice="autumn", input="hi", response_format="wav")
    assert spoken.read() == WAVE
    assert upstream.last.json == {"model": "up/m", "voice": "autumn", "input": "hi", "response_format": "wav"}


# OpenRouter


def test_openrouter_when_it_speaks_or_thinks_passes_with_its_comments(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/openrouter/api/v1/audio/speech"] = lambda seen: Said(
        content_type="audio/pcm;rate=24000;channels=1", chunks=[WAVE], headers={"x-generation-id": "gen-1"}
    )
    asked = {"model": "rows/openrouter", "voice": "alloy", "input": "hi", "response_format": "pcm"}
    answer = gateway.http.post("/v1/audio/speech", json={**asked, "provider": {"sort": "price"}})
    assert (answer.content, answer.headers["content-type"]) == (WAVE, "audio/pcm")
    assert answer.headers["x-gateway-lossy"] == "provider"
    assert upstream.last.json == asked | {"model": "up/m"}
    delta = {"content": "", "reasoning": "r", "reasoning_details": [{"type": "reasoning.text", "text": "r"}]}
    named = {"id": "gen-2", "model": "m", "provider": "P", "object": "chat.completion.chunk", "created": 1}
    sent = events(
        {**named, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
        {**named, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "native_finish_reason": "STOP"}]},
        done=True,
    )
    sent.chunks = [b": OPENROUTER PROCESSING\n\n", *(sent.chunks or ())]
    upstream.answers["/openrouter/api/v1/chat/completions"] = lambda seen: sent
    assert gateway.chat("rows/openrouter", stream=True).content == b"".join(sent.chunks).replace(b'"m"', b'"rows/openrouter"')


# DeepSeek


def test_deepseek_reasoning_when_it_comes_or_goes_back_passes(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/deepseek/v1/chat/completions"] = lambda seen: completion(reasoning_content="because")
    thought: dict[str, Any] = {"role": "assistant", "content": None, "reasoning_content": "why", "tool_calls": []}
    answer = gateway.http.post("/v1/chat/completions", json={"model": "rows/deepseek", "messages": [thought]})
    assert answer.json()["choices"][0]["message"]["reasoning_content"] == "because"
    assert upstream.last.json["messages"] == [thought]


def test_deepseek_completion_when_asked_for_goes_to_the_beta(client: OpenAI, upstream: Vendor) -> None:
    made = {"id": "c", "object": "text_completion", "created": 1, "model": "m", "choices": [{"text": "b", "index": 0}]}
    upstream.answers["/deepseek/beta/completions"] = lambda seen: said(made)
    assert client.completions.create(model="rows/deepseek", prompt="a", suffix="c").choices[0].text == "b"
    assert upstream.last.json == {"model": "up/m", "prompt": "a", "suffix": "c"}


# Those that one runs oneself


@pytest.mark.parametrize("kind", ["vllm", "sglang", "tgi"])
def test_extra_fields_when_sent_to_an_own_server_pass_untouched_both_ways(
    kind: str, gateway: LiveGateway, upstream: Vendor
) -> None:
    extras = {"guided_json": {"type": "object"}, "min_p": 0.05, "chat_template_kwargs": {"enable_thinking": False}, "top_k": 1}
    upstream.answers[f"/{kind}/v1/chat/completions"] = lambda seen: completion(reasoning_content="r", matched_stop=2)
    answer = gateway.chat(f"rows/{kind}", **extras)
    assert answer.json()["choices"][0]["message"]["matched_stop"] == 2
    assert upstream.last.json == body("up/m") | extras
    text = {"id": "c", "model": "m", "choices": [{"index": 0, "text": "a", "stop_reason": 3}], "kv_transfer_params": None}
    upstream.answers[f"/{kind}/v1/completions"] = lambda seen: said(text)
    asked = {"model": f"rows/{kind}", "prompt": [1, 2], "ignore_eos": True}
    assert gateway.http.post("/v1/completions", json=asked).json() == text | {"model": f"rows/{kind}"}
    assert upstream.last.json == asked | {"model": "up/m"}


def test_vllm_rerank_when_asked_for_passes_as_it_is(gateway: LiveGateway, upstream: Vendor) -> None:
    ranked = {"id": "r", "model": "m", "usage": {"total_tokens": 9}, "results": [{"index": 0, "relevance_score": 1.0}]}
    upstream.answers["/vllm/v1/rerank"] = lambda seen: said(ranked)
    asked = {"model": "rows/vllm", "query": "q", "documents": ["a"], "truncate_prompt_tokens": 5}
    assert gateway.http.post("/v1/rerank", json=asked).json() == ranked | {"model": "rows/vllm"}
    assert upstream.last.json == asked | {"model": "up/m"}


# Embeddings and rerank


@pytest.mark.parametrize("kind", ["cohere", "jina", "voyage"])
def test_embedding_when_the_vendor_knows_no_base64_is_made_here(kind: str, client: OpenAI, upstream: Vendor) -> None:
    path = f"/{kind}{KINDS[kind][0]}/embeddings"
    upstream.answers[path] = lambda seen: embedded()
    made = client.embeddings.create(model=f"rows/{kind}", input=["a"], extra_body={"input_type": "query", "task": "x"})
    assert made.data[0].embedding == NUMBERS
    assert upstream.last.json == {"model": "up/m", "input": ["a"], "input_type": "query", "task": "x"}
    raw = client.embeddings.with_raw_response.create(model=f"rows/{kind}", input="a", encoding_format="base64")
    assert json.loads(raw.content)["data"][0]["embedding"] == PACKED


def test_voyage_embedding_when_dimensions_are_asked_for_has_its_name(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/voyage/v1/embeddings"] = lambda seen: embedded()
    asked = {"model": "rows/voyage", "input": "a", "dimensions": 256}
    answer = gateway.http.post("/v1/embeddings", json=asked)
    assert "x-gateway-lossy" not in answer.headers
    assert upstream.last.json == {"model": "up/m", "input": "a", "output_dimension": 256}
    strict = gateway.http.post("/v1/embeddings", json={**asked, "user": "u"}, headers={"x-gateway-strict": "1"})
    assert error_of(strict)["param"] == "user"


RANKS = [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.10}]
RANKED = {
    "cohere": ("/cohere/v2/rerank", {"results": RANKS, "id": "r", "meta": {"billed_units": {"search_units": 1}}}),
    "jina": ("/jina/v1/rerank", {"model": "m", "usage": {"total_tokens": 9}, "results": RANKS}),
    "voyage": ("/voyage/v1/rerank", {"object": "list", "data": RANKS, "model": "m", "usage": {"total_tokens": 9}}),
}


@pytest.mark.parametrize("kind", RANKED)
def test_rerank_when_asked_of_a_vendor_has_the_common_form(kind: str, gateway: LiveGateway, upstream: Vendor) -> None:
    path, answer = RANKED[kind]
    upstream.answers[path] = lambda seen: said(answer)
    asked = {"model": f"rows/{kind}", "query": "q", "documents": ["a", "b"], "top_n": 2, "return_documents": False}
    found = gateway.http.post("/v1/rerank", json=asked).json()
    assert (found["results"], found["model"], "data" in found) == (RANKS, f"rows/{kind}", False)
    assert upstream.last.path == path
    top = {"top_k" if kind == "voyage" else "top_n": 2}
    rest = {name: asked[name] for name in ("query", "documents", "return_documents")}
    assert upstream.last.json == {"model": "up/m", **rest, **top}


def test_voyage_documents_when_they_come_back_have_the_common_form(gateway: LiveGateway, upstream: Vendor) -> None:
    data = [{"index": 0, "relevance_score": 0.5, "document": "a"}]
    upstream.answers["/voyage/v1/rerank"] = lambda seen: said({"object": "list", "data": data})
    asked = {"model": "rows/voyage", "query": "q", "documents": ["a"]}
    assert gateway.http.post("/v1/rerank", json=asked).json()["results"] == [{**data[0], "document": {"text": "a"}}]
    upstream.answers["/voyage/v1/rerank"] = lambda seen: said({"object": "list", "data": "?"})
    assert error_of(gateway.http.post("/v1/rerank", json=asked))["code"] == "upstream_invalid_response"


# From one vendor to another


def test_speech_when_together_fails_is_spoken_by_openai_in_its_own_words(gateway: LiveGateway, upstream: Vendor) -> None:
    kinds = ("together", "openai")
    providers = [
        {"name": f"rows-fallback-{kind}", "type": kind, "api_base": f"{upstream.base}/{kind}/v1", "api_key": PROVIDER_KEY}
        for kind in kinds
    ]
    routes = [
        {"provider": "rows-fallback-together", "upstream_model": "cartesia/sonic"},
        {"provider": "rows-fallback-openai", "upstream_model": "tts-1"},
    ]
    row = {"name": "rows/speech", "num_retries": 0, "capabilities": ["text_to_speech"], "routes": routes}
    gateway.operator.define(providers, [row])
    gateway.wait_visible("rows/speech")
    upstream.answers["/together/v1/audio/speech"] = lambda seen: said({"error": {"message": "down"}}, 503)
    upstream.answers["/openai/v1/audio/speech"] = lambda seen: Said(content_type="audio/mpeg", chunks=[WAVE])
    asked = {"model": "rows/speech", "input": "hi", "voice": "alloy", "speed": 1.5}
    answer = gateway.http.post("/v1/audio/speech", json=asked)
    assert (answer.content, answer.headers["x-gateway-attempts"]) == (WAVE, "2")
    assert "x-gateway-lossy" not in answer.headers
    first, second = upstream.seen[-2:]
    assert first.json == {"model": "cartesia/sonic", "input": "hi", "voice": "helpful woman", "response_format": "mp3"}
    assert second.json == asked | {"model": "tts-1"}


def test_rerank_when_cohere_fails_is_done_by_voyage(gateway: LiveGateway, upstream: Vendor) -> None:
    routes = [{"provider": f"rows-{kind}", "upstream_model": kind} for kind in ("cohere", "voyage")]
    row = {"name": "rows/rerank", "num_retries": 0, "capabilities": ["rerank"], "routes": routes}
    gateway.operator.define([], [row])
    gateway.wait_visible("rows/rerank")
    upstream.answers["/cohere/v2/rerank"] = lambda seen: said({"message": "too many"}, 429)
    upstream.answers["/voyage/v1/rerank"] = lambda seen: said(RANKED["voyage"][1])
    asked = {"model": "rows/rerank", "query": "q", "documents": ["a", "b"], "top_n": 2}
    answer = gateway.http.post("/v1/rerank", json=asked)
    assert (answer.json()["results"], answer.headers["x-gateway-provider"]) == (RANKS, "rows-voyage")
    first, second = upstream.seen[-2:]
    assert first.json == asked | {"model": "cohere"}
    assert second.json["top_k"] == 2
