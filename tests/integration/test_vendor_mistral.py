"""Does Mistral get what it knows, and answer as OpenAI does? Against its recorded shapes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from openai import OpenAI
from openai.types import Moderation

from tests.fakes.vendor import Vendor, events, said, vendor
from tests.integration.test_vendor_rows import NUMBERS, WAVE, completion, embedded
from tests.live import LiveGateway, body, error_of


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        able = ["chat", "embedding", "moderation", "audio_transcription"]
        shared_gateway.define_at("mistral", f"{upstream.base}/mistral/v1", {"rows/mistral": ("up/m", able)}, name="rows-mistral")
        yield upstream


@pytest.fixture
def client(gateway: LiveGateway) -> Iterator[OpenAI]:
    with OpenAI(api_key=gateway.key, base_url=f"{gateway.base_url}/v1", max_retries=0) as client:
        yield client


def test_mistral_when_asked_gets_its_own_names(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/mistral/v1/chat/completions"] = lambda seen: completion()
    fields = {"seed": 7, "max_completion_tokens": 5, "tool_choice": "required", "safe_prompt": True}
    assert gateway.chat("rows/mistral", **fields).status_code == 200
    sent = {"random_seed": 7, "max_tokens": 5, "tool_choice": "required", "safe_prompt": True}
    assert upstream.last.json == body("up/m") | sent


def test_mistral_embedding_when_asked_with_openais_names_has_them_renamed_or_named_as_left_out(
    gateway: LiveGateway, upstream: Vendor
) -> None:
    upstream.answers["/mistral/v1/embeddings"] = lambda seen: embedded()
    fields = {"model": "rows/mistral", "input": ["a"], "dimensions": 2, "user": "u", "encoding_format": "float"}
    answer = gateway.http.post("/v1/embeddings", json=fields)
    assert (answer.headers["x-gateway-lossy"], answer.json()["data"][0]["embedding"]) == ("user", NUMBERS)
    assert upstream.last.json == {"model": "up/m", "input": ["a"], "output_dimension": 2, "encoding_format": "float"}


def test_mistral_moderation_when_it_has_no_verdict_gets_one(client: OpenAI, upstream: Vendor) -> None:
    def judged(**categories: bool) -> dict[str, Any]:
        return {"categories": categories, "category_scores": {"pii": 0.1}}

    answer = {"id": "m1", "model": "mistral-moderation", "results": [judged(pii=False), judged(pii=False, law=True), {}]}
    upstream.answers["/mistral/v1/moderations"] = lambda seen: said(answer)
    made = client.moderations.create(model="rows/mistral", input=["a", "b", "c"])
    assert [result.flagged for result in made.results] == [False, True, False]
    told: Any = [result.to_dict() for result in made.results][1]
    assert (told["categories"]["law"], told["category_scores"]["pii"]) == (True, 0.1)
    assert made.model == "rows/mistral"


def test_mistral_moderation_when_it_judges_has_openais_categories(client: OpenAI, upstream: Vendor) -> None:
    own = {"hate_and_discrimination": True, "selfharm": False, "pii": True}
    scores = {"hate_and_discrimination": 0.75, "selfharm": 0.25, "pii": 0.5}
    result = {"categories": own, "category_scores": scores}
    upstream.answers["/mistral/v1/moderations"] = lambda seen: said({"id": "m1", "model": "m", "results": [result]})
    (judged,) = client.moderations.create(model="rows/mistral", input="a").results
    typed = Moderation.model_validate(judged.to_dict(), strict=True)
    assert (typed.categories.hate, typed.categories.self_harm, typed.categories.violence_graphic) == (True, False, False)
    assert (typed.category_scores.hate, typed.category_scores.self_harm, typed.category_scores.sexual) == (0.75, 0.25, 0.0)
    told: Any = judged.to_dict()
    assert own.items() <= told["categories"].items()


def test_mistral_moderation_when_given_parts_judges_their_text_and_no_picture(
    client: OpenAI, gateway: LiveGateway, upstream: Vendor
) -> None:
    upstream.answers["/mistral/v1/moderations"] = lambda seen: said({"id": "m1", "model": "m", "results": [{}]})
    text, picture = {"type": "text", "text": "é"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    asked: Any = [text, {**text, "text": "b"}]
    assert len(client.moderations.create(model="rows/mistral", input=asked).results) == 1
    assert upstream.last.json == {"model": "up/m", "input": "é\nb"}
    upstream.seen.clear()
    answer = gateway.http.post("/v1/moderations", json={"model": "rows/mistral", "input": [text, picture]})
    assert (answer.status_code, error_of(answer)["param"]) == (400, "input")
    assert upstream.seen == []


def test_mistral_chat_when_its_history_has_ids_of_others_has_them_named_anew(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/mistral/v1/chat/completions"] = lambda seen: completion()

    def history(first: str, second: str) -> list[dict[str, Any]]:
        calls = [{"id": name, "type": "function", "function": {"name": "f", "arguments": "{}"}} for name in (first, second)]
        results = [{"role": "tool", "tool_call_id": name, "content": "1.50"} for name in (first, second)]
        return [{"role": "user", "content": '"tool_call'}, {"role": "assistant", "tool_calls": calls}, *results]

    gateway.chat("rows/mistral", messages=history("call_abcdefghijklmnop", "abcDEF123"))
    asked = upstream.last.json["messages"]
    name = asked[2]["tool_call_id"]
    assert re.fullmatch("[A-Za-z0-9]{9}", name)
    assert asked == history(name, "abcDEF123")
    gateway.chat("rows/mistral", messages=history("abcDEF123", "call_abcdefghijklmnop"))
    assert upstream.last.json["messages"] == history("abcDEF123", name)


SEGMENTS = [{"type": "transcription_segment", "text": " hi", "start": 0.0, "end": 1.5}]
HEARD = {"model": "voxtral", "text": " hi", "segments": SEGMENTS, "language": None, "usage": {"prompt_tokens": 3}}


@pytest.mark.parametrize(
    ("asked", "expected", "segments"),
    [("json", None, None), ("text", " hi", None), ("verbose_json", None, "segment"), ("srt", "00:00:01,500", "segment")],
)
def test_mistral_transcription_when_asked_for_in_a_format_comes_in_it(
    asked: str, expected: str | None, segments: str | None, gateway: LiveGateway, upstream: Vendor
) -> None:
    upstream.answers["/mistral/v1/audio/transcriptions"] = lambda seen: said(HEARD)
    fields = {"model": "rows/mistral", "response_format": asked, "prompt": "names", "language": "en"}
    answer = gateway.http.post("/v1/audio/transcriptions", data=fields, files={"file": ("a.wav", WAVE)})
    assert answer.headers["x-gateway-lossy"] == "prompt"
    assert expected in answer.text if expected else answer.json() | {"model": "voxtral"} == HEARD
    form = upstream.last.form
    assert {part.plain_name for part in form.parts} == {"file", "model", "language"} | (
        {"timestamp_granularities"} if segments else set()
    )
    assert (form.text("model"), form.text("timestamp_granularities")) == ("up/m", segments)


def test_mistral_transcription_when_words_are_asked_for_asks_for_words(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/mistral/v1/audio/transcriptions"] = lambda seen: said(HEARD)
    fields = {"model": "rows/mistral", "response_format": "verbose_json", "timestamp_granularities[]": "word"}
    gateway.http.post("/v1/audio/transcriptions", data=fields, files={"file": ("a.wav", WAVE)})
    assert upstream.last.form.text("timestamp_granularities") == "word"


def test_mistral_transcription_when_streamed_has_openais_events(client: OpenAI, upstream: Vendor) -> None:
    deltas = [{"type": "transcription.text.delta", "text": text} for text in (" h", "i")]
    sent = [{"type": "transcription.language", "audio_language": "en"}, *deltas, {"type": "transcription.done", **HEARD}]
    upstream.answers["/mistral/v1/audio/transcriptions"] = lambda seen: events(*sent, names=True)
    stream = client.audio.transcriptions.create(model="rows/mistral", file=("a.wav", WAVE), stream=True)
    found = list(stream)
    assert [event.type for event in found] == ["transcript.text.delta"] * 2 + ["transcript.text.done"]
    assert [getattr(event, "delta", None) for event in found] == [" h", "i", None]
    assert getattr(found[-1], "text", None) == " hi"
