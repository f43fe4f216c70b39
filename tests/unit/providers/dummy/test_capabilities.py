"""Does the offline provider answer every capability as OpenAI would, the same each time, and fail where the script says?"""

from __future__ import annotations

import io
import json
import struct
import wave
import zlib
from base64 import b64decode
from typing import Any

import pytest

from providers.bytes.patch import Fields, fields_of
from providers.capabilities import Capability
from providers.dummy.adapter import DummyAdapter
from providers.errors import CallerError, Overloaded, UpstreamReset
from providers.protocols import METHODS, wires_of
from providers.transport.slim import SlimTransport
from providers.types import Call, Reply, TargetConfig
from tests.contract.examples import BY_CAPABILITY, EXAMPLES, Example, encoded, form_of

UNUSED = SlimTransport()
STREAMS = (
    Capability.COMPLETION,
    Capability.AUDIO_TRANSCRIPTION,
    Capability.AUDIO_TRANSLATION,
    Capability.TEXT_TO_SPEECH,
    Capability.IMAGE_GENERATION,
    Capability.IMAGE_EDIT,
)
NATIVE = [example for example in EXAMPLES if example.wire in wires_of(DummyAdapter)]
every_example = pytest.mark.parametrize("example", NATIVE, ids=lambda example: example.capability.value)


def call(capability: Capability, *, stream: bool = False, **fields: Any) -> Call:
    example = BY_CAPABILITY[capability]
    content_type, body = encoded({"model": "m", **example.fields, **fields}, example.files)
    form = form_of(content_type, body) if example.files else None
    read = Fields(b"{}", {}) if form else fields_of(body)
    data = b"" if form else body
    return Call(
        capability=capability, wire=example.wire, model="m", body=data, fields=read, form=form, request_id="r", stream=stream
    )


async def answered(made: Call, script: str = "echo") -> Reply | list[bytes]:
    """The answer, or the parts of its stream."""
    adapter = DummyAdapter(TargetConfig(id="t", provider="p", provider_type="dummy", upstream_model=script))
    answer = await getattr(adapter, METHODS[made.wire].whole)(made, UNUSED)
    if isinstance(answer, Reply):
        return answer
    parts = []
    while part := await answer.next():
        parts.append(part)
    answer.close()
    return [answer.content_type, *parts]


async def value(capability: Capability, **fields: Any) -> Any:
    reply = await answered(call(capability, **fields))
    assert isinstance(reply, Reply)
    return json.loads(reply.body)


async def events(capability: Capability, script: str = "echo", **fields: Any) -> list[Any]:
    parts = await answered(call(capability, stream=True, **fields), script)
    assert isinstance(parts, list)
    assert parts[0].startswith(b"text/event-stream")
    texts = [line.removeprefix(b"data: ") for line in b"".join(parts[1:]).split(b"\n\n") if line]
    return [text if text == b"[DONE]" else json.loads(text) for text in texts]


@every_example
async def test_answer_when_asked_twice_is_the_same(example: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1_700_000_000.0)
    first, second = [await answered(call(example.capability)) for _ in range(2)]
    assert getattr(first, "body", first) == getattr(second, "body", second)


@every_example
async def test_script_when_it_says_fail_then_every_capability_fails_so(example: Example) -> None:
    with pytest.raises(Overloaded):
        await answered(call(example.capability), "status-503")


@pytest.mark.parametrize("capability", STREAMS)
async def test_stream_when_scripted_breaks_or_ends_with_an_error(capability: Capability) -> None:
    parts = {"input": "é" * 200} if capability is Capability.TEXT_TO_SPEECH else {"partial_images": 2}
    with pytest.raises(UpstreamReset):
        await events(capability, "break-1", **parts)
    first, error = await events(capability, "error-1", **parts)
    assert "error" not in first
    assert error["error"]["message"] == "The script says so."
    assert len(await events(capability, "cut-1", **parts)) == 1


# Texts and numbers


async def test_embeddings_when_asked_have_the_dimensions_and_length_one_and_differ() -> None:
    data = (await value(Capability.EMBEDDING, input=["a", "b", "a"], dimensions=7))["data"]
    vectors = [item["embedding"] for item in data]
    assert [len(vector) for vector in vectors] == [7, 7, 7]
    assert all(abs(sum(number**2 for number in vector) - 1) < 1e-6 for vector in vectors)
    assert vectors[0] == vectors[2] != vectors[1]
    assert [item["index"] for item in data] == [0, 1, 2]


async def test_embeddings_when_asked_as_base64_are_the_same_numbers() -> None:
    floats = (await value(Capability.EMBEDDING, input="a"))["data"][0]["embedding"]
    packed = (await value(Capability.EMBEDDING, input="a", encoding_format="base64"))["data"][0]["embedding"]
    assert list(struct.unpack(f"<{len(floats)}f", b64decode(packed))) == floats
    assert len(floats) == 1536


@pytest.mark.parametrize(("given", "number"), [("a", 1), (["a", "b"], 2), ([1, 2, 3], 1), ([[1, 2], [3]], 2)])
async def test_embeddings_of_any_input_are_one_for_each(given: Any, number: int) -> None:
    assert len((await value(Capability.EMBEDDING, input=given, dimensions=2))["data"]) == number


@pytest.mark.parametrize("dimensions", [0, -1, 10**6])
async def test_embeddings_of_impossible_dimensions_are_refused(dimensions: int) -> None:
    with pytest.raises(CallerError) as raised:
        await value(Capability.EMBEDDING, dimensions=dimensions)
    assert raised.value.param == "dimensions"


PARTS = [{"type": "text", "text": "violence"}, {"type": "image_url", "image_url": {"url": "data:,"}}]


@pytest.mark.parametrize(
    ("given", "flagged"),
    [("fine", [False]), (["fine", "Violence!"], [False, True]), (PARTS, [True])],
    ids=["one", "two", "parts"],
)
async def test_moderation_is_one_result_for_each_input_and_one_for_parts(given: Any, flagged: list[bool]) -> None:
    results = (await value(Capability.MODERATION, input=given))["results"]
    assert [result["flagged"] for result in results] == flagged
    assert all(len(result["categories"]) == len(result["category_scores"]) == 13 for result in results)
    assert results[0]["category_applied_input_types"]["hate"] == (["image", "text"] if given is PARTS else ["text"])


async def test_rerank_is_by_the_words_that_are_shared() -> None:
    documents = ["nothing", "the capital of France", {"text": "the capital"}]
    asked = {"query": "capital of France", "documents": documents}
    results = (await value(Capability.RERANK, **asked))["results"]
    assert [(result["index"], round(result["relevance_score"], 2)) for result in results] == [(1, 1.0), (2, 0.33), (0, 0.0)]
    shown = (await value(Capability.RERANK, **asked, top_n=1, return_documents=True))["results"]
    assert shown == [{"index": 1, "relevance_score": 1.0, "document": {"text": "the capital of France"}}]


async def test_completion_when_whole_or_streamed_is_the_same_text_for_each_prompt() -> None:
    whole = await value(Capability.COMPLETION, prompt=["one two", "three"])
    assert [choice["text"] for choice in whole["choices"]] == ["You said: one two", "You said: three"]
    *chunks, usage, done = await events(Capability.COMPLETION, prompt=["one two", "three"])
    texts = {0: "", 1: ""}
    for chunk in chunks:
        texts[chunk["choices"][0]["index"]] += chunk["choices"][0]["text"]
    assert list(texts.values()) == [choice["text"] for choice in whole["choices"]]
    assert (usage["usage"], done) == (whole["usage"], b"[DONE]")


# Sound and images


@pytest.mark.parametrize(
    ("response_format", "content_type", "start"),
    [
        ("wav", b"audio/wav", b"RIFF"),
        ("pcm", b"audio/pcm", b"\0\0"),
        ("mp3", b"audio/mpeg", b"\xff\xfb"),
        (None, b"audio/mpeg", b"\xff"),
    ],
)
async def test_speech_has_the_type_and_the_bytes_of_its_format(response_format: str, content_type: bytes, start: bytes) -> None:
    parts = await answered(call(Capability.TEXT_TO_SPEECH, response_format=response_format))
    assert isinstance(parts, list)
    assert parts[0] == content_type
    assert b"".join(parts[1:]).startswith(start)


async def test_speech_as_wav_is_a_sound_as_long_as_its_text() -> None:
    for characters, seconds in ((20, 1.0), (100, 5.0)):
        parts = await answered(call(Capability.TEXT_TO_SPEECH, response_format="wav", input="a" * characters))
        assert isinstance(parts, list)
        with wave.open(io.BytesIO(b"".join(parts[1:]))) as sound:
            assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, 24000)
            assert sound.getnframes() / 24000 == seconds


async def test_speech_when_the_format_is_not_made_is_refused_with_those_that_are() -> None:
    with pytest.raises(CallerError) as raised:
        await answered(call(Capability.TEXT_TO_SPEECH, response_format="opus"))
    assert raised.value.param == "response_format"
    assert "mp3, wav, pcm" in raised.value.message


async def test_speech_as_events_is_the_same_sound() -> None:
    *deltas, done = await events(Capability.TEXT_TO_SPEECH, response_format="wav")
    parts = await answered(call(Capability.TEXT_TO_SPEECH, response_format="wav"))
    assert isinstance(parts, list)
    assert b"".join(b64decode(delta["audio"]) for delta in deltas) == b"".join(parts[1:])
    assert done["type"] == "speech.audio.done"


HEARD = "The file é.wav has 52 bytes."


@pytest.mark.parametrize("capability", [Capability.AUDIO_TRANSCRIPTION, Capability.AUDIO_TRANSLATION])
@pytest.mark.parametrize(
    ("response_format", "start"), [("text", HEARD), ("srt", "1\n00:00:00,000 --> "), ("vtt", "WEBVTT\n\n00:")]
)
async def test_transcription_as_text_is_the_name_and_size_of_the_file(
    capability: Capability, response_format: str, start: str
) -> None:
    reply = await answered(call(capability, response_format=response_format))
    assert isinstance(reply, Reply)
    assert reply.content_type.startswith(b"text/plain")
    assert reply.body.decode().startswith(start)
    assert HEARD in reply.body.decode()


async def test_transcription_as_json_has_what_its_format_has() -> None:
    assert (await value(Capability.AUDIO_TRANSCRIPTION))["text"] == HEARD
    verbose = await value(Capability.AUDIO_TRANSLATION, response_format="verbose_json")
    assert (verbose["task"], verbose["segments"][0]["text"]) == ("translate", HEARD)
    diarized = await value(Capability.AUDIO_TRANSCRIPTION, response_format="diarized_json")
    assert diarized["segments"][0]["speaker"] == "A"
    *deltas, done = await events(Capability.AUDIO_TRANSCRIPTION)
    assert "".join(delta["delta"] for delta in deltas).strip() == done["text"] == HEARD


@pytest.mark.parametrize("capability", [Capability.IMAGE_GENERATION, Capability.IMAGE_EDIT, Capability.IMAGE_VARIATION])
async def test_images_are_as_many_pictures_as_asked_in_the_format_asked(capability: Capability) -> None:
    encoded_ones = [item["b64_json"] for item in (await value(capability, n=3))["data"]]
    assert len(encoded_ones) == 3
    picture = b64decode(encoded_ones[0])
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    size = struct.unpack(">I", picture[33:37])[0]
    assert len(zlib.decompress(picture[41 : 41 + size])) == 4
    (item,) = (await value(capability, response_format="url"))["data"]
    assert item == {"url": f"data:image/png;base64,{encoded_ones[0]}"}


@pytest.mark.parametrize(
    ("capability", "kind"), [(Capability.IMAGE_GENERATION, "image_generation"), (Capability.IMAGE_EDIT, "image_edit")]
)
async def test_images_when_streamed_are_the_partial_ones_and_the_whole(capability: Capability, kind: str) -> None:
    told = await events(capability, partial_images=2)
    assert [event["type"] for event in told] == [f"{kind}.partial_image"] * 2 + [f"{kind}.completed"]
    assert [event.get("partial_image_index") for event in told] == [0, 1, None]
    assert told[-1]["usage"]["total_tokens"] > 0


@pytest.mark.parametrize(("name", "number"), [("n", 0), ("n", 11), ("partial_images", 4), ("partial_images", -1)])
async def test_images_when_too_many_or_too_few_are_refused(name: str, number: int) -> None:
    with pytest.raises(CallerError) as raised:
        await value(Capability.IMAGE_GENERATION, **{name: number})
    assert raised.value.param == name
