"""Is what a request cost what its upstream bills? For whole answers, streams, those that are cut off, and all that is no chat."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.fakes.vendor import Said, Vendor, events, said, vendor
from tests.integration.test_recording import rows
from tests.live import LiveGateway

TEXT = {"input": 2.5, "output": 10, "cached": 0.25, "reasoning": 12, "audio_input": 40, "audio_output": 80}
CLAUDE = {"input": 3, "output": 15, "cached": 0.3, "cache_write": 3.75, "cache_write_1h": 6}
FLEX = {"input": 1.25, "output": 5}
USAGE = {
    "prompt_tokens": 1000,
    "completion_tokens": 200,
    "total_tokens": 1200,
    "prompt_tokens_details": {"cached_tokens": 300, "audio_tokens": 100},
    "completion_tokens_details": {"reasoning_tokens": 50},
}
BILLED = Decimal(600) * Decimal("2.5") + 300 * Decimal("0.25") + 100 * 40 + 150 * 10 + 50 * 12
"""Millionths of a dollar, for `USAGE` at `TEXT`."""
WRITTEN = {
    "input_tokens": 10,
    "output_tokens": 1,
    "cache_read_input_tokens": 1000,
    "cache_creation_input_tokens": 300,
    "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
    "service_tier": "standard",
}
READ = 10 * Decimal(3) + 1000 * Decimal("0.3") + 100 * Decimal("3.75") + 200 * Decimal(6)
"""Millionths of a dollar for what a message was sent with, as `WRITTEN` tells it."""
ASKED = {"messages": [{"role": "user", "content": "hi"}]}


def choice(**more: Any) -> dict[str, Any]:
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "up", "choices": [more] if more else []}


def chunks(*last: Mapping[str, Any]) -> list[dict[str, Any]]:
    words = [choice(index=0, delta={"content": word}, finish_reason=None) for word in ("a", "b", "c", "d")]
    return [*words, *({**choice(), **one} for one in last)]


STOP = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
WHOLE = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "up",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
}
BEGUN = {
    "type": "message_start",
    "message": {
        "id": "m1", "type": "message", "role": "assistant", "model": "up", "content": [], "stop_reason": None, "usage": WRITTEN,
    },
}  # fmt: skip
MESSAGE = [
    BEGUN,
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    *[{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}} for word in ("a", "b", "c")],
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 40}},
    {"type": "message_stop"},
]


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        base = f"{upstream.base}/v1"
        able = ["chat", "embedding", "text_to_speech", "audio_transcription", "image_generation"]
        names = ("c/text", "c/image", "c/sound", "c/speech", "c/embed")
        shared_gateway.define_at("openai", base, dict.fromkeys(names, ("up", able)), name="costs openai")
        shared_gateway.define_at("anthropic", upstream.base, {"c/claude": ("up", ["chat"])}, name="costs anthropic")
        ids = {row["name"]: row["id"] for row in shared_gateway.operator.rows("ModelDefinition", {"name__startswith": "c/"})}
        rates: dict[str, dict[str, float]] = {
            "c/text": TEXT,
            "c/claude": CLAUDE,
            "c/image": {"image": 0.04},
            "c/sound": {"audio_second": 0.0001},
            "c/speech": {"character": 15},
            "c/embed": {"input": 0.02},
        }
        for name, given in rates.items():
            shared_gateway.operator.create("models_catalog.Price", model_id=ids[name], rates=given)
        shared_gateway.operator.create("models_catalog.Price", model_id=ids["c/text"], rates=FLEX, service_tier="flex")
        later = {"rates": {"input": 99}, "effective_from": "2999-01-01T00:00:00Z"}
        shared_gateway.operator.create("models_catalog.Price", model_id=ids["c/text"], **later)
        shared_gateway.define_at("openai", base, {"c/later": ("up", ["chat"])}, name="costs openai")
        yield upstream


def cost(gateway: LiveGateway, answer: httpx.Response) -> Decimal | None:
    """Millionths of a dollar in the request's row."""
    (row,) = rows(gateway, answer.headers["x-request-id"])
    return None if row["cost_usd"] is None else Decimal(row["cost_usd"]) * 10**6


def told(answer: httpx.Response) -> Decimal:
    return Decimal(answer.headers["x-gateway-cost-usd"]) * 10**6


def test_cost_when_an_answer_is_whole_then_its_head_and_row_tell_it(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/chat/completions"] = lambda seen: said({**WHOLE, "usage": USAGE})
    answer = gateway.chat("c/text")
    assert cost(gateway, answer) == told(answer) == BILLED
    upstream.answers["/v1/chat/completions"] = lambda seen: said({**WHOLE, "usage": USAGE, "service_tier": "flex"})
    flex = gateway.chat("c/text", service_tier="flex")
    assert cost(gateway, flex) == told(flex) == 1000 * Decimal("1.25") + 200 * 5
    (row,) = rows(gateway, flex.headers["x-request-id"])
    assert (row["service_tier"], row["audio_tokens"]) == ("flex", 100)
    assert "x-gateway-cost-usd" not in gateway.chat("c/later").headers


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_cost_when_an_answer_is_streamed_then_its_row_tells_it(path: str, gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/chat/completions"] = lambda seen: events(*chunks(STOP, {"usage": USAGE}), done=True)
    answer = gateway.http.post(path, json={"model": "c/text", "stream": True, "max_tokens": 50, **ASKED})
    assert cost(gateway, answer) == BILLED
    assert "x-gateway-cost-usd" not in answer.headers


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_cost_of_a_message_when_told_in_any_dialect_then_every_kind_counts(
    path: str, stream: bool, gateway: LiveGateway, upstream: Vendor
) -> None:
    whole: dict[str, Any] = {
        "id": "m1",
        "type": "message",
        "role": "assistant",
        "model": "up",
        "content": [{"type": "text", "text": "x"}],
    }
    whole |= {"stop_reason": "end_turn", "stop_sequence": None, "usage": {**WRITTEN, "output_tokens": 40}}
    upstream.answers["/v1/messages"] = lambda seen: events(*MESSAGE, names=True) if stream else said(whole)
    answer = gateway.http.post(path, json={"model": "c/claude", "stream": stream, "max_tokens": 50, **ASKED})
    assert cost(gateway, answer) == READ + 40 * 15
    (row,) = rows(gateway, answer.headers["x-request-id"])
    assert (row["cache_write_tokens"], row["estimated"]) == (300, False)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_cost_of_a_message_when_cut_off_then_what_was_sent_counts(path: str, gateway: LiveGateway, upstream: Vendor) -> None:
    cut = events(*MESSAGE[:5], names=True)
    upstream.answers["/v1/messages"] = lambda seen: Said(content_type=cut.content_type, chunks=cut.chunks, cut=True)
    answer = gateway.http.post(path, json={"model": "c/claude", "stream": True, "max_tokens": 50, **ASKED})
    (row,) = rows(gateway, answer.headers["x-request-id"])
    assert (row["estimated"], row["output_tokens"] in (3, 4, 5)) == (True, True)
    assert cost(gateway, answer) == READ + row["output_tokens"] * 15


def test_cost_of_a_chat_when_nobody_told_its_tokens_then_what_was_sent_counts(gateway: LiveGateway, upstream: Vendor) -> None:
    cut = events(*chunks())
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 60_000}}
    asked = {"messages": [{"role": "user", "content": [picture]}]}
    upstream.answers["/v1/chat/completions"] = lambda seen: Said(content_type=cut.content_type, chunks=cut.chunks, cut=True)
    answer = gateway.http.post("/v1/chat/completions", json={"model": "c/text", "stream": True, **asked})
    (row,) = rows(gateway, answer.headers["x-request-id"])
    assert (row["estimated"], row["output_tokens"]) == (True, 4)
    assert 2000 <= row["input_tokens"] < 2200  # a picture is no text
    assert cost(gateway, answer) == row["input_tokens"] * Decimal("2.5") + 4 * 10
    upstream.answers["/v1/chat/completions"] = lambda seen: said(WHOLE)
    whole = gateway.chat("c/text")
    (row,) = rows(gateway, whole.headers["x-request-id"])
    assert row["estimated"]
    assert row["output_tokens"] > 0
    assert "x-gateway-cost-usd" not in whole.headers


def test_cost_when_a_fallback_serves_then_it_is_that_model_s(gateway: LiveGateway, upstream: Vendor) -> None:
    gateway.define_models({"c/first": [{"provider": "dead"}]}, fallbacks={"c/first": ["c/text"]}, input_price="99")
    upstream.answers["/v1/chat/completions"] = lambda seen: said({**WHOLE, "usage": USAGE})
    answer = gateway.chat("c/first")
    assert cost(gateway, answer) == told(answer) == BILLED


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_cost_of_a_response_when_made_of_chat_then_it_is_the_same(stream: bool, gateway: LiveGateway, upstream: Vendor) -> None:
    gateway.operator.update("ModelDefinition", {"name": "c/text"}, {"capabilities": ["chat", "responses"]})
    gateway.define_models({"c/marker": [{"upstream_model": "ok"}]})
    whole = said({**WHOLE, "usage": USAGE})
    upstream.answers["/v1/chat/completions"] = lambda seen: (
        events(*chunks(STOP, {"usage": USAGE}), done=True) if b'"stream":true' in seen.body.replace(b" ", b"") else whole
    )
    native = {"input_tokens": 1000, "output_tokens": 200, "total_tokens": 1200}
    native |= {"input_tokens_details": {"cached_tokens": 300}, "output_tokens_details": {"reasoning_tokens": 50}}  # type: ignore[dict-item]
    response = {"id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": "up", "output": []}
    done = {"type": "response.completed", "sequence_number": 2, "response": {**response, "usage": native}}
    made = {"type": "response.created", "sequence_number": 0, "response": response}
    said_ = {"type": "response.output_text.delta", "sequence_number": 1, "delta": "x", "item_id": "i", "output_index": 0}
    upstream.answers["/v1/responses"] = lambda seen: (
        events(made, said_, done, names=True) if stream else said({**response, "usage": native})
    )
    answer = gateway.http.post("/v1/responses", json={"model": "c/text", "input": "hi", "stream": stream})
    assert cost(gateway, answer) == 700 * Decimal("2.5") + 300 * Decimal("0.25") + 150 * 10 + 50 * 12


def test_cost_of_pictures_when_no_tokens_are_told_then_each_counts(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/images/generations"] = lambda seen: said({"created": 1, "data": [{"b64_json": "aGk="}] * 3})
    answer = gateway.http.post("/v1/images/generations", json={"model": "c/image", "prompt": "x", "n": 3})
    assert cost(gateway, answer) == told(answer) == 3 * 40_000
    (row,) = rows(gateway, answer.headers["x-request-id"])
    assert json.loads(row["units"]) == {"image": 3}


def test_cost_of_sound_when_billed_by_its_length_then_seconds_count(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/audio/transcriptions"] = lambda seen: said(
        {"text": "x", "usage": {"type": "duration", "seconds": 12.5}}
    )
    files = {"file": ("a.mp3", b"ID3" + b"\0" * 100, "audio/mpeg")}
    answer = gateway.http.post("/v1/audio/transcriptions", data={"model": "c/sound"}, files=files)
    assert cost(gateway, answer) == told(answer) == Decimal(1250)


def test_cost_of_speech_when_billed_by_character_then_the_text_counts(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/audio/speech"] = lambda seen: Said(b"ID3sound", content_type="audio/mpeg")
    answer = gateway.http.post("/v1/audio/speech", json={"model": "c/speech", "input": "héllo", "voice": "v"})
    assert answer.content == b"ID3sound"
    assert cost(gateway, answer) == 5 * 15


def test_cost_of_embeddings_when_many_are_asked_for_then_it_is_counted_once(gateway: LiveGateway, upstream: Vendor) -> None:
    data = [{"object": "embedding", "index": number, "embedding": [0.5]} for number in range(3)]
    usage = {"prompt_tokens": 50, "total_tokens": 50}
    upstream.answers["/v1/embeddings"] = lambda seen: said({"object": "list", "data": data, "model": "up", "usage": usage})
    asked = {"model": "c/embed", "input": ["a", "b", "c"], "encoding_format": "float"}
    answer = gateway.http.post("/v1/embeddings", json=asked)
    assert cost(gateway, answer) == told(answer) == 1


def test_cost_when_all_is_counted_then_metrics_and_rows_agree(gateway: LiveGateway, upstream: Vendor) -> None:
    page = gateway.http.get("/metrics").text
    lines = [line for line in page.splitlines() if line.startswith("signalbox_cost_usd_total") and 'model="c/' in line]
    counted = sum(Decimal(line.rpartition(" ")[2]) for line in lines)
    kept = gateway.operator.rows("openai_api.UsageRecord", {"served_model__startswith": "c/", "cost_usd__isnull": False})
    assert counted == pytest.approx(sum(Decimal(row["cost_usd"]) for row in kept))
