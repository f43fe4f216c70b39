"""Does Together's speech and its images look like OpenAI's to an OpenAI client? Against its recorded shapes."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from time import monotonic
from typing import Any

import httpx
import pytest
from openai import OpenAI

from providers.together.voices import KOKORO, ORPHEUS, SONIC
from tests.fakes.vendor import Said, Seen, Vendor, events, said, vendor
from tests.live import LiveGateway, error_of
from tests.live import events as events_in

SOUND = bytes(range(256)) * 8
PICTURE = base64.b64encode(b"\xff\xd8\xff picture").decode()
MODELS = {"sonic": "cartesia/sonic-2", "kokoro": "hexgrad/Kokoro-82M", "orpheus": "canopylabs/orpheus-3b-0.1-ft"}
ABLE = {
    **{name: (model, ["text_to_speech"]) for name, model in MODELS.items()},
    "minimax": ("minimax/speech-2.6-turbo", ["text_to_speech"]),
    "flux": ("black-forest-labs/FLUX.1-schnell", ["image_generation"]),
    "kontext": ("black-forest-labs/FLUX.1-kontext-pro", ["image_generation", "image_edit"]),
    "schnell": ("black-forest-labs/FLUX.1-schnell", ["image_generation", "image_edit"]),
    "bge": ("BAAI/bge-large-en-v1.5", ["embedding"]),
    "rank": ("Salesforce/Llama-Rank-V1", ["rerank"]),
    "whisper": ("openai/whisper-large-v3", ["audio_transcription", "audio_translation"]),
    "old": ("meta-llama/Llama-2-70b-hf", ["completion", "chat"]),
}


@pytest.fixture(scope="module")
def together(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        models = {f"together/{name}": ability for name, ability in ABLE.items()}
        shared_gateway.define_at("together", f"{upstream.base}/v1", models, name="together-played")
        yield upstream


@pytest.fixture
def client(gateway: LiveGateway) -> Iterator[OpenAI]:
    with OpenAI(api_key=gateway.key, base_url=f"{gateway.base_url}/v1", max_retries=0) as client:
        yield client


def spoken(kind: str = "application/octet-stream") -> Said:
    return Said(content_type=kind, chunks=[SOUND[:500], SOUND[500:]])


def tts(*sounds: bytes, done: bool = True, pause: float = 0.0) -> Said:
    """What Together streams."""
    chunks = [{"object": "audio.tts.chunk", "model": "m", "b64": base64.b64encode(sound).decode()} for sound in sounds]
    answer = events(*chunks, done=done)
    answer.pause = pause
    return answer


def speech(gateway: LiveGateway, model: str = "sonic", headers: Any = None, **fields: Any) -> httpx.Response:
    body = {"model": f"together/{model}", "input": "hi", "voice": "alloy", **fields}
    return gateway.http.post("/v1/audio/speech", json=body, headers=headers)


@pytest.mark.parametrize(("model", "voices"), [("sonic", SONIC), ("kokoro", KOKORO), ("orpheus", ORPHEUS)])
def test_voice_when_it_is_openais_name_is_the_models_own_and_any_other_unchanged(
    model: str, voices: dict[str, str], client: OpenAI, together: Vendor
) -> None:
    together.answers["/v1/audio/speech"] = lambda seen: spoken()
    names = ["alloy", "ash", "ballad", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer", "verse"]
    for name in [*names, "storyteller lady", "af_bella+af_heart", "Alloy"]:
        answer = client.audio.speech.create(model=f"together/{model}", input="hi", voice=name)
        assert answer.read() == SOUND
        assert together.last.json == {
            "model": MODELS[model],
            "input": "hi",
            "voice": voices.get(name, name),
            "response_format": "mp3",
        }
    assert set(voices) == set(names)
    assert not set(voices) & set(voices.values())


def test_voice_when_the_seeds_name_it_is_theirs() -> None:
    assert (SONIC["alloy"], SONIC["nova"], SONIC["sage"]) == ("helpful woman", "friendly sidekick", "pilot over intercom")


def test_voice_when_the_model_has_no_map_or_it_is_an_object_is_passed_on(gateway: LiveGateway, together: Vendor) -> None:
    together.answers["/v1/audio/speech"] = lambda seen: spoken()
    speech(gateway, "minimax")
    assert together.last.json["voice"] == "alloy"
    speech(gateway, voice={"id": "onyx"})
    assert together.last.json["voice"] == "newsman"


PCM = {"response_format": "raw", "response_encoding": "pcm_s16le", "sample_rate": 24000}


@pytest.mark.parametrize(
    ("asked", "sent", "kind"),
    [
        ({}, {"response_format": "mp3"}, "audio/mpeg"),
        ({"response_format": "mp3", "bit_rate": 64000}, {"response_format": "mp3", "bit_rate": 64000}, "audio/mpeg"),
        ({"response_format": "wav", "language": "de"}, {"response_format": "wav", "language": "de"}, "audio/wav"),
        ({"response_format": "pcm"}, PCM, "audio/pcm"),
        ({"response_format": "pcm", "sample_rate": 8000}, PCM | {"sample_rate": 8000}, "audio/pcm"),
    ],
)
def test_format_when_together_has_it_is_asked_for_in_its_words(
    asked: dict[str, Any], sent: dict[str, Any], kind: str, gateway: LiveGateway, together: Vendor
) -> None:
    together.answers["/v1/audio/speech"] = lambda seen: spoken()
    answer = speech(gateway, **asked)
    assert (answer.content, answer.headers["content-type"]) == (SOUND, kind)
    assert together.last.json == {"model": MODELS["sonic"], "input": "hi", "voice": SONIC["alloy"], **sent}


@pytest.mark.parametrize("name", ["opus", "aac", "flac"])
def test_format_when_together_lacks_it_is_400_that_names_the_ones_it_has(
    name: str, gateway: LiveGateway, together: Vendor
) -> None:
    asked = len(together.seen)
    error = error_of(speech(gateway, response_format=name))
    assert (error["param"], error["code"]) == ("response_format", "unsupported_response_format")
    assert "mp3, wav, pcm" in error["message"]
    assert len(together.seen) == asked
    together.answers["/v1/audio/speech"] = lambda seen: spoken(f"audio/{name}")
    assert speech(gateway, "minimax", response_format=name).content == SOUND
    assert together.last.json["response_format"] == name


def test_parameter_when_together_does_not_take_it_is_left_out_and_named_or_refused(
    gateway: LiveGateway, together: Vendor
) -> None:
    together.answers["/v1/audio/speech"] = lambda seen: spoken()
    answer = speech(gateway, speed=1.5, instructions="whisper", language="en")
    assert answer.headers["x-gateway-lossy"] == "speed, instructions"
    assert not {"speed", "instructions"} & together.last.json.keys()
    assert together.last.json["language"] == "en"
    asked = len(together.seen)
    error = error_of(speech(gateway, instructions="whisper", headers={"x-gateway-strict": "1"}))
    assert (error["code"], error["param"]) == ("unsupported_parameter", "instructions")
    assert len(together.seen) == asked
    answer = speech(gateway, speed=None, headers={"x-gateway-strict": "1"})
    assert (answer.status_code, answer.headers.get("x-gateway-lossy")) == (200, None)


def joined(found: list[Any]) -> bytes:
    *deltas, done = found
    assert {event["type"] for event in deltas} == {"speech.audio.delta"}
    assert done["type"] == "speech.audio.done"
    assert set(done["usage"]) == {"input_tokens", "output_tokens", "total_tokens"}
    return b"".join(base64.b64decode(event["audio"], validate=True) for event in deltas)


def test_events_when_together_streams_them_become_openais_as_they_come(gateway: LiveGateway, together: Vendor) -> None:
    pieces = [SOUND[at : at + 256] for at in range(0, len(SOUND), 256)]
    together.answers["/v1/audio/speech"] = lambda seen: tts(*pieces, pause=0.05)
    body = {"model": "together/sonic", "input": "hi", "voice": "nova", "response_format": "pcm", "stream_format": "sse"}
    times = []
    with gateway.http.stream("POST", "/v1/audio/speech", json=body) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = []
        for line in answer.iter_lines():
            times.append(monotonic())
            lines.append(line)
    assert joined([json.loads(line[6:]) for line in lines if line]) == SOUND
    assert times[-1] - times[0] > 0.2
    assert together.last.json == PCM | {
        "model": MODELS["sonic"],
        "input": "hi",
        "voice": SONIC["nova"],
        "stream": True,
    }


@pytest.mark.parametrize("name", ["mp3", "wav"])
def test_events_when_together_streams_no_such_sound_are_made_of_its_pieces(
    name: str, gateway: LiveGateway, together: Vendor
) -> None:
    together.answers["/v1/audio/speech"] = lambda seen: spoken(f"audio/{name}")
    answer = speech(gateway, response_format=name, stream_format="sse", speed=2)
    assert answer.headers["x-gateway-lossy"] == "speed"
    assert joined(events_in(answer)) == SOUND
    assert not {"stream", "stream_format"} & together.last.json.keys()


@pytest.mark.parametrize("answer", [tts(SOUND, done=False), Said(content_type="audio/pcm", chunks=[SOUND], cut=True)])
def test_events_when_together_breaks_end_with_an_error(answer: Said, gateway: LiveGateway, together: Vendor) -> None:
    together.answers["/v1/audio/speech"] = lambda seen: answer
    *deltas, error, end = events_in(speech(gateway, response_format="pcm", stream_format="sse"))
    assert [delta["type"] for delta in deltas] == ["speech.audio.delta"]
    assert error["error"]["type"]
    assert end == "[DONE]"


def test_events_when_together_sends_an_error_are_that_error(gateway: LiveGateway, together: Vendor) -> None:
    together.answers["/v1/audio/speech"] = lambda seen: events({"error": {"message": "no", "type": "invalid_request_error"}})
    assert error_of(speech(gateway, response_format="pcm", stream_format="sse"))["message"] == "no"


# Images


def drawn(seen: Seen) -> Said:
    one: dict[str, Any] = {"type": "url", "url": "https://api.together.ai/imgproxy/1"}
    if seen.json.get("response_format") == "base64":
        one = {"type": "b64_json", "b64_json": PICTURE}
    data = [{"index": number, "timings": {"inference": 0.2}, **one} for number in range(seen.json.get("n", 1))]
    return said({"id": "o1", "model": "m", "object": "list", "data": data})


def test_image_when_made_has_openais_shape_and_together_its_own_request(client: OpenAI, together: Vendor) -> None:
    together.answers["/v1/images/generations"] = drawn
    extras = {"steps": 4, "disable_safety_checker": True, "seed": 7}
    made = client.images.generate(
        model="together/flux", prompt="a cat", size="1024x1536", n=2, response_format="b64_json", extra_body=extras
    )
    assert made.data is not None
    assert [image.to_dict() for image in made.data] == [{"b64_json": PICTURE}] * 2
    assert made.created > 1_700_000_000
    assert together.last.json == {
        "model": ABLE["flux"][0],
        "prompt": "a cat",
        "n": 2,
        "width": 1024,
        "height": 1536,
        "response_format": "base64",
        **extras,
    }


@pytest.mark.parametrize("asked", [{}, {"response_format": "url"}, {"size": "auto"}, {"size": None}])
def test_image_when_no_base64_is_asked_for_is_a_url(asked: dict[str, Any], gateway: LiveGateway, together: Vendor) -> None:
    together.answers["/v1/images/generations"] = drawn
    answer = gateway.http.post("/v1/images/generations", json={"model": "together/flux", "prompt": "a", **asked})
    assert answer.json()["data"] == [{"url": "https://api.together.ai/imgproxy/1"}]
    assert set(answer.json()) == {"created", "data"}
    assert not {"size", "width"} & together.last.json.keys()


def test_image_when_a_parameter_is_openais_alone_is_left_out_and_named(gateway: LiveGateway, together: Vendor) -> None:
    together.answers["/v1/images/generations"] = drawn
    body = {"model": "together/flux", "prompt": "a", "quality": "high", "user": "u", "output_format": "png"}
    answer = gateway.http.post("/v1/images/generations", json=body)
    assert answer.headers["x-gateway-lossy"] == "quality, user"
    assert together.last.json == {"model": ABLE["flux"][0], "prompt": "a", "output_format": "png"}
    strict = gateway.http.post("/v1/images/generations", json=body, headers={"x-gateway-strict": "1"})
    assert error_of(strict)["param"] == "quality"


def test_image_when_asked_for_as_a_stream_is_one_event(gateway: LiveGateway, together: Vendor) -> None:
    together.answers["/v1/images/generations"] = drawn
    body = {"model": "together/flux", "prompt": "a", "stream": True, "response_format": "b64_json"}
    (event,) = events_in(gateway.http.post("/v1/images/generations", json=body))
    assert (event["type"], event["b64_json"]) == ("image_generation.completed", PICTURE)
    assert "stream" not in together.last.json


def test_image_when_its_size_is_none_is_400(gateway: LiveGateway, together: Vendor) -> None:
    asked = len(together.seen)
    answer = gateway.http.post("/v1/images/generations", json={"model": "together/flux", "prompt": "a", "size": "16:9"})
    assert error_of(answer)["param"] == "size"
    assert len(together.seen) == asked


@pytest.mark.parametrize("data", ["x", [1], [None]])
def test_image_when_the_answer_is_none_is_502(data: Any, gateway: LiveGateway, together: Vendor) -> None:
    together.answers["/v1/images/generations"] = lambda seen: said({"data": data})
    answer = gateway.http.post("/v1/images/generations", json={"model": "together/flux", "prompt": "a"})
    assert (answer.status_code, error_of(answer)["code"]) == (502, "upstream_invalid_response")


# The rest is OpenAI's own wire


def test_embedding_when_base64_is_asked_for_is_made_of_the_numbers(client: OpenAI, together: Vendor) -> None:
    data = [{"object": "embedding", "index": 0, "embedding": [0.5, -0.25]}]
    together.answers["/v1/embeddings"] = lambda seen: said({"object": "list", "model": "m", "data": data})
    assert client.embeddings.create(model="together/bge", input="a").data[0].embedding == [0.5, -0.25]
    assert together.last.json == {"model": ABLE["bge"][0], "input": "a"}


def test_rerank_and_completion_when_asked_for_pass_as_they_are(gateway: LiveGateway, together: Vendor) -> None:
    results = [{"index": 1, "relevance_score": 0.9, "document": {"text": "{}"}}]
    usage = {"prompt_tokens": 5, "completion_tokens": 0, "total_tokens": 5}
    ranked = {"id": "r", "object": "rerank", "model": "m", "results": results, "usage": usage}
    together.answers["/v1/rerank"] = lambda seen: said(ranked)
    body = {"model": "together/rank", "query": "q", "documents": [{"title": "a"}], "rank_fields": ["title"], "top_n": 1}
    assert gateway.http.post("/v1/rerank", json=body).json() == ranked | {"model": "together/rank"}
    assert together.last.json == body | {"model": ABLE["rank"][0]}
    whole = {"id": "c", "model": "m", "choices": [{"text": "a", "index": 0, "seed": 1}]}
    together.answers["/v1/completions"] = lambda seen: said(whole)
    body = {"model": "together/old", "prompt": "q", "repetition_penalty": 1.1}
    assert gateway.http.post("/v1/completions", json=body).json() == whole | {"model": "together/old"}
    assert together.last.json == body | {"model": ABLE["old"][0]}


@pytest.mark.parametrize("path", ["transcriptions", "translations"])
def test_sound_when_heard_is_asked_for_in_the_formats_together_has(path: str, gateway: LiveGateway, together: Vendor) -> None:
    segments = [{"id": 0, "start": 0.0, "end": 1.5, "text": " hi"}]
    whole = {"text": "hi", "language": "en", "duration": 1.5, "segments": segments, "speaker_segments": []}
    together.answers[f"/v1/audio/{path}"] = lambda seen: said(whole)
    wave = ("a.wav", b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(40))
    for asked, sent in (("verbose_json", "verbose_json"), ("srt", "verbose_json"), ("text", "json")):
        fields = {"model": "together/whisper", "response_format": asked, "diarize": "true"}
        answer = gateway.http.post(f"/v1/audio/{path}", data=fields, files={"file": wave})
        assert answer.json() == whole if asked == sent else "hi" in answer.text
        form = together.last.form
        assert (form.text("response_format"), form.text("diarize"), form.text("model")) == (sent, "true", ABLE["whisper"][0])


PNG = b"\x89PNG\r\n\x1a\n picture"
PNG_URL = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"


def test_edit_when_a_form_comes_is_a_generation_with_the_image(client: OpenAI, together: Vendor) -> None:
    together.answers["/v1/images/generations"] = drawn
    raw = client.images.with_raw_response.edit(
        model="together/kontext",
        image=("a.png", PNG),
        mask=PNG,
        prompt="a hat",
        size="1024x768",
        quality="high",
        response_format="b64_json",
    )
    assert [picture.b64_json for picture in raw.parse().data or []] == [PICTURE]
    assert raw.headers["x-gateway-lossy"] in ("mask, quality", "quality, mask")
    assert together.last.json == {
        "model": "black-forest-labs/FLUX.1-kontext-pro", "prompt": "a hat", "width": 1024, "height": 768,
        "response_format": "base64", "image_url": PNG_URL,
    }  # fmt: skip


def test_edit_when_json_names_several_images_sends_all_of_them(gateway: LiveGateway, together: Vendor) -> None:
    together.answers["/v1/images/generations"] = drawn
    images = [{"image_url": "https://pictures.example/1.png"}, {"image_url": PNG_URL}]
    body = {"model": "together/kontext", "prompt": "a", "images": images, "seed": 7, "response_format": "b64_json"}
    assert gateway.http.post("/v1/images/edits", json=body).status_code == 200
    assert together.last.json == {
        "model": "black-forest-labs/FLUX.1-kontext-pro", "prompt": "a", "seed": 7, "response_format": "base64",
        "reference_images": ["https://pictures.example/1.png", PNG_URL],
    }  # fmt: skip


def test_edit_when_streamed_is_an_event_with_the_picture(gateway: LiveGateway, together: Vendor) -> None:
    together.answers["/v1/images/generations"] = drawn
    body = {"model": "together/kontext", "prompt": "a", "image": PNG_URL, "stream": True}
    (event,) = events_in(gateway.http.post("/v1/images/edits", json=body))
    assert (event["type"], event["b64_json"]) == ("image_edit.completed", PICTURE)


@pytest.mark.parametrize(
    ("fields", "headers", "error"),
    [
        ({"model": "together/schnell"}, {}, ("capability_not_supported", "model")),
        ({"model": "together/kontext", "size": "large"}, {}, ("invalid_value", "size")),
        ({"model": "together/kontext", "quality": "high"}, {"x-gateway-strict": "1"}, ("unsupported_parameter", "quality")),
    ],
)
def test_edit_when_it_cannot_be_is_400_and_together_is_not_asked(
    fields: dict[str, str], headers: dict[str, str], error: tuple[str, str], gateway: LiveGateway, together: Vendor
) -> None:
    together.seen.clear()
    answer = gateway.http.post("/v1/images/edits", json={"prompt": "a", "image": PNG_URL, **fields}, headers=headers)
    assert (answer.status_code, error_of(answer)["code"], error_of(answer)["param"]) == (400, *error)
    assert "x-gateway-attempts" not in answer.headers
    assert together.seen == []
