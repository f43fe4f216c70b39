"""Does every call of the openai SDK beside chat give the typed answer that OpenAI's own would, and leave its row?"""

from __future__ import annotations

import inspect
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, NamedTuple

import httpx
import pytest
from openai import AsyncOpenAI, OpenAI

from providers.wire.openai_speech import CONTENT_TYPES
from tests.contract.examples import PNG, WAV
from tests.fakes.chaos.process import eventually
from tests.fakes.vendor import Said, Vendor, said, vendor
from tests.live import LiveGateway
from tests.sdk import recorded as r

CAPABILITIES = (
    "embedding",
    "moderation",
    "completion",
    "rerank",
    "text_to_speech",
    "audio_transcription",
    "audio_translation",
    "image_generation",
    "image_edit",
    "image_variation",
)
SOUND = bytes(range(256)) * 40
FILE = ("a.wav", WAV, "audio/wav")
IMAGE = ("a.png", PNG, "image/png")
PARTS = [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": "https://images.example/1.png"}}]
Tokens = tuple[int | None, int | None]
HEARD: Tokens = (14, 101)
SHOWN: Tokens = (50, 50)
NONE: Tokens = (None, None)


class Ask(NamedTuple):
    """A call of the SDK: the capability, the method, where it goes upstream, what is answered there, its tokens, and its
    arguments."""

    capability: str
    method: str
    path: str
    answer: Any
    tokens: Tokens
    arguments: Mapping[str, Any]

    @property
    def model(self) -> str:
        return f"sdk/{self.capability}"


def ask(capability: str, method: str, path: str, answer: Any, tokens: Tokens, **arguments: Any) -> Ask:
    return Ask(capability, method, path, answer, tokens, arguments)


EMBED = ("embedding", "embeddings.create", "/embeddings")
MODERATE = ("moderation", "moderations.create", "/moderations")
COMPLETE = ("completion", "completions.create", "/completions")
SPEAK = ("text_to_speech", "audio.speech.create", "/audio/speech")
LISTEN = ("audio_transcription", "audio.transcriptions.create", "/audio/transcriptions")
TRANSLATE = ("audio_translation", "audio.translations.create", "/audio/translations")
IMAGINE = ("image_generation", "images.generate", "/images/generations")
EDIT = ("image_edit", "images.edit", "/images/edits")
VARY = ("image_variation", "images.create_variation", "/images/variations")
WHOLE = {
    "embeddings": ask(*EMBED, r.EMBEDDING, (8, 0), input=["a", "b"], encoding_format="float", dimensions=3),
    "embeddings by default": ask(*EMBED, r.EMBEDDING, (8, 0), input="a"),
    "embeddings of tokens": ask(*EMBED, r.EMBEDDING, (8, 0), input=[[1, 2], [3]]),
    "moderation": ask(*MODERATE, r.MODERATION, NONE, input="x"),
    "moderation of texts": ask(*MODERATE, r.MODERATIONS, NONE, input=["x", "y"]),
    "moderation of parts": ask(*MODERATE, r.MODERATION, NONE, input=PARTS),
    "completion": ask(*COMPLETE, r.COMPLETION, (5, 7), prompt="Say", max_tokens=7),
    "transcription": ask(*LISTEN, r.TRANSCRIPTION, HEARD, file=FILE, language="en", temperature=0.0),
    "transcription verbose": ask(
        *LISTEN, r.VERBOSE, NONE, file=FILE, response_format="verbose_json", timestamp_granularities=["word", "segment"]
    ),
    "transcription by speaker": ask(
        *LISTEN, r.DIARIZED, NONE, file=FILE, response_format="diarized_json", chunking_strategy="auto", known_speaker_names=["A"]
    ),
    "transcription text": ask(*LISTEN, "The beach.\n", NONE, file=FILE, response_format="text"),
    "transcription srt": ask(*LISTEN, r.SRT, NONE, file=FILE, response_format="srt"),
    "transcription vtt": ask(*LISTEN, r.VTT, NONE, file=FILE, response_format="vtt"),
    "translation": ask(*TRANSLATE, r.TRANSLATION, NONE, file=FILE, prompt="é"),
    "translation verbose": ask(*TRANSLATE, r.VERBOSE, NONE, file=FILE, response_format="verbose_json"),
    "translation srt": ask(*TRANSLATE, r.SRT, NONE, file=FILE, response_format="srt"),
    "images": ask(*IMAGINE, r.IMAGES, SHOWN, prompt="A cat", n=1, size="1024x1024", quality="high", background="transparent"),
    "images by url": ask(*IMAGINE, r.IMAGE_URLS, NONE, prompt="A cat", n=2, response_format="url"),
    "image edit": ask(*EDIT, r.IMAGES, SHOWN, image=IMAGE, prompt="A hat", mask=IMAGE),
    "image edit of many": ask(*EDIT, r.IMAGES, SHOWN, image=[IMAGE, IMAGE], prompt="Join", input_fidelity="high"),
    "image variation": ask(*VARY, r.IMAGE_URLS, NONE, image=IMAGE, n=2, size="256x256"),
}
STREAMS = {
    "completion": ask(
        *COMPLETE,
        [*r.PIECES, r.COUNTED],
        (5, 7),
        prompt="Say",
        stream=True,
        stream_options={"include_usage": True},
    ),
    "completion without usage": ask(*COMPLETE, r.PIECES, (None, 3), prompt="Say", stream=True),
    "transcription": ask(*LISTEN, r.HEARD, HEARD, file=FILE, stream=True, include=["logprobs"]),
    "images": ask(*IMAGINE, r.shown("image_generation"), SHOWN, prompt="A cat", stream=True, partial_images=1),
    "image edit": ask(*EDIT, r.shown("image_edit"), SHOWN, image=IMAGE, prompt="A hat", stream=True, partial_images=1),
}


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        models = {f"sdk/{name}": (f"up-{name}", [name]) for name in CAPABILITIES if name != "rerank"}
        shared_gateway.define_at("openai", f"{upstream.base}/v1", models, name="sdk-openai")
        shared_gateway.define_at(
            "openai_compatible", f"{upstream.base}/v1", {"sdk/rerank": ("up-rerank", ["rerank"])}, name="sdk-rerank"
        )
        yield upstream


@pytest.fixture
def client(gateway: LiveGateway) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{gateway.base_url}/v1", api_key=gateway.key, timeout=10, max_retries=0) as made:
        yield made


@pytest.fixture
async def async_client(gateway: LiveGateway) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{gateway.base_url}/v1", api_key=gateway.key, timeout=10, max_retries=0) as made:
        yield made


def method_of(client: Any, name: str, *, raw: bool = False) -> Callable[..., Any]:
    *path, last = name.split(".")
    for part in [*path, "with_raw_response"] if raw else path:
        client = getattr(client, part)
    return getattr(client, last)  # type: ignore[no-any-return]


def expected(asked: Ask) -> Any:
    """What was recorded, under the model's public name."""
    public = {"model": asked.model}
    return asked.answer | public if isinstance(asked.answer, dict) and "model" in asked.answer else asked.answer


def play(upstream: Vendor, asked: Ask) -> None:
    answer = asked.answer
    if isinstance(answer, dict):
        upstream.answers[f"/v1{asked.path}"] = lambda seen: said(answer)
    else:
        upstream.answers[f"/v1{asked.path}"] = lambda seen: Said(answer.encode(), content_type="text/plain; charset=utf-8")


def check_typed(answer: Any, asked: Ask) -> None:
    """The answer is what was recorded, and of the SDK's type in every field."""
    if isinstance(answer, str):
        assert answer == asked.answer
        return
    assert answer.to_dict() == expected(asked)
    assert type(answer).model_validate_json(json.dumps(expected(asked)), strict=True).to_dict() == expected(asked)


def check_row(gateway: LiveGateway, headers: Mapping[str, str], asked: Ask, *, estimated: bool = False) -> None:
    """One row, with the tokens that the answer told, and none that it did not."""
    found: list[dict[str, Any]] = []

    def written() -> bool:
        found[:] = gateway.operator.rows("openai_api.UsageRecord", {"request_id": headers["x-request-id"]})
        return bool(found)

    assert eventually(written, 6, 0.1)
    (row,) = found
    assert (row["model"], row["status"], row["estimated"]) == (asked.model, 200, estimated)
    if not estimated:
        assert (row["input_tokens"], row["output_tokens"]) == asked.tokens
        assert row["error"] is None


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # the SDK gives translations and variations up
@pytest.mark.parametrize("name", WHOLE)
async def test_call_when_made_sync_or_async_is_the_recorded_answer_and_its_row(
    name: str, client: OpenAI, async_client: AsyncOpenAI, gateway: LiveGateway, upstream: Vendor
) -> None:
    asked = WHOLE[name]
    play(upstream, asked)
    for each in (client, async_client):
        raw = method_of(each, asked.method, raw=True)(model=asked.model, **asked.arguments)
        raw = await raw if inspect.isawaitable(raw) else raw
        check_typed(raw.parse(), asked)
        assert (raw.headers["x-gateway-model"], raw.headers["x-gateway-attempts"]) == (asked.model, "1")
        assert raw.headers.get("x-gateway-lossy") is None
        check_row(gateway, raw.headers, asked)


@pytest.mark.parametrize("name", STREAMS)
async def test_stream_when_read_sync_or_async_is_the_recorded_events_and_its_row(
    name: str, client: OpenAI, async_client: AsyncOpenAI, gateway: LiveGateway, upstream: Vendor
) -> None:
    asked = STREAMS[name]
    upstream.answers[f"/v1{asked.path}"] = lambda seen: r.streamed(asked.answer, done="completion" in name)
    public = {"model": asked.model} if "completion" in name else {}
    wanted = [event | public for event in asked.answer]
    stream = method_of(client, asked.method)(model=asked.model, **asked.arguments)
    assert [event.to_dict() for event in stream] == wanted
    check_row(gateway, stream.response.headers, asked, estimated=name == "completion without usage")
    async_stream = await method_of(async_client, asked.method)(model=asked.model, **asked.arguments)
    events = [event async for event in async_stream]
    assert [event.to_dict() for event in events] == wanted
    if public == {}:  # the SDK has no type of its own for the pieces of a completion
        assert [type(event).model_validate_json(json.dumps(one), strict=True) for event, one in zip(events, wanted, strict=True)]


def test_embedding_when_asked_for_by_default_travels_as_base64_whatever_the_upstream_gives(
    client: OpenAI, upstream: Vendor
) -> None:
    play(upstream, WHOLE["embeddings by default"])
    raw = client.embeddings.with_raw_response.create(model="sdk/embedding", input="a")
    assert [type(item["embedding"]) for item in json.loads(raw.text)["data"]] == [str, str]
    assert raw.parse().data[0].embedding == r.EMBEDDING["data"][0]["embedding"]  # type: ignore[index]
    assert upstream.last.json == {"model": "up-embedding", "input": "a", "encoding_format": "base64"}


def test_moderation_when_no_model_is_named_is_by_the_usual_one(client: OpenAI, gateway: LiveGateway, upstream: Vendor) -> None:
    models = {"omni-moderation-latest": ("omni-moderation-latest", ["moderation"])}
    gateway.define_at("openai", f"{upstream.base}/v1", models, name="sdk-openai")
    play(upstream, WHOLE["moderation"])
    answer = client.moderations.create(input="x")
    assert answer.to_dict() == r.MODERATION
    assert upstream.last.json == {"model": "omni-moderation-latest", "input": "x"}


@pytest.mark.parametrize("response_format", CONTENT_TYPES)
async def test_speech_when_streamed_is_the_sound_in_the_format_asked_for(
    response_format: str, client: OpenAI, async_client: AsyncOpenAI, gateway: LiveGateway, upstream: Vendor
) -> None:
    chunks = [SOUND[at : at + 999] for at in range(0, len(SOUND), 999)]
    said_type = CONTENT_TYPES[response_format].decode()
    upstream.answers["/v1/audio/speech"] = lambda seen: Said(content_type=said_type, chunks=chunks)
    arguments: Any = {"model": "sdk/text_to_speech", "voice": "alloy", "input": "é", "response_format": response_format}
    with client.audio.speech.with_streaming_response.create(**arguments, speed=1.5, instructions="Be kind.") as answer:
        assert answer.headers["content-type"] == said_type
        assert b"".join(answer.iter_bytes()) == SOUND
    assert upstream.last.json == arguments | {"model": "up-text_to_speech", "speed": 1.5, "instructions": "Be kind."}
    check_row(gateway, answer.headers, ask(*SPEAK, SOUND, NONE))
    async with async_client.audio.speech.with_streaming_response.create(**arguments) as async_answer:
        assert await async_answer.read() == SOUND
    assert client.audio.speech.create(**arguments).content == SOUND


def test_speech_when_asked_for_as_events_is_events_with_tokens(client: OpenAI, gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/audio/speech"] = lambda seen: r.streamed(r.SPOKEN)
    arguments: Any = {"model": "sdk/text_to_speech", "voice": "alloy", "input": "é", "stream_format": "sse"}
    with client.audio.speech.with_streaming_response.create(**arguments) as answer:
        data = [line.removeprefix("data: ") for line in answer.iter_lines() if line.startswith("data: ")]
    assert [json.loads(text) for text in data] == r.SPOKEN
    check_row(gateway, answer.headers, ask(*SPEAK, r.SPOKEN, HEARD))


def test_rerank_when_asked_over_http_is_the_recorded_answer_and_its_row(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/rerank"] = lambda seen: said(r.RERANKED | {"model": "rerank-v3.5"})
    body = {"model": "sdk/rerank", "query": "capital", "documents": ["a", "b", "c", "d", "e"], "top_n": 2, "unknown": 1}
    answer: httpx.Response = gateway.http.post("/v1/rerank", json=body)
    assert answer.json() == r.RERANKED | {"model": "sdk/rerank"}
    assert upstream.last.json == body | {"model": "up-rerank"}
    check_row(gateway, answer.headers, ask("rerank", "", "/rerank", r.RERANKED, NONE))
