"""Is each model of a configuration file served at its endpoint, in its vendor's own wire and with its vendor's own key?

The vendors are played by one server, each below a path of its own; what they say is what their documents show.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import InternalServerError, OpenAI

from tests.contract.examples import PNG, WAV
from tests.fakes.vendor import Said, Seen, Vendor, said, vendor
from tests.live import LiveGateway, error_of
from tests.live_fixtures import StartGateway

CATALOG = Path(__file__).resolve().parents[1] / "data" / "config" / "every_endpoint.toml"
BASES = {"openai": "/openai/v1", "together": "/together/v1", "fireworks": "/fireworks/inference/v1", "xai": "/xai/v1"}
KEYS = {name: f"sk-{name}-0123456789abcdef" for name in BASES}
MODELS = {
    "nomic-embed",
    "omni-moderation-latest",
    "whisper-1",
    "whisper-v3",
    "listener",
    "tts-1",
    "together-tts",
    "narrator",
    "flux-schnell",
    "stable-diffusion-xl",
    "grok-2-image",
}
FILE = ("é.wav", WAV, "audio/wav")
SOUND = bytes(range(256)) * 20
PICTURE = base64.b64encode(PNG).decode()
HEARD = {"text": "Hello there.", "usage": {"type": "duration", "seconds": 1.0}}
SAID_BY_FIREWORKS = {"text": "Hello there.", "task": "transcribe", "language": "en", "duration": 1.0}
BROKEN = {"error": {"message": "Broken.", "type": "server_error", "param": None, "code": None}}
EMBEDDED: dict[str, Any] = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -0.25]}],
    "model": "nomic-ai/nomic-embed-text-v1.5",
    "usage": {"prompt_tokens": 2, "total_tokens": 2},
}
JUDGED = {"id": "modr-1", "model": "omni-moderation-latest", "results": [{"flagged": False, "categories": {}}]}
MADE_BY_TOGETHER = {
    "id": "o1",
    "model": "black-forest-labs/FLUX.1-schnell",
    "object": "list",
    "data": [{"index": 0, "b64_json": PICTURE, "type": "b64_json"}],
}
MADE_BY_XAI = {"data": [{"url": "https://imgen.x.ai/1.jpeg", "revised_prompt": ""}], "usage": {"cost_in_usd_ticks": 1}}
FLUX = f"{BASES['fireworks']}/workflows/accounts/fireworks/models/flux-1-schnell-fp8/text_to_image"
CLASSIC = f"{BASES['fireworks']}/image_generation/accounts/fireworks/models/stable-diffusion-xl"


def sound(seen: Seen) -> Said:
    return Said(content_type="audio/mpeg", chunks=[SOUND[:1000], SOUND[1000:]])


@pytest.fixture(scope="module")
def running(start_gateway: StartGateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LiveGateway, Vendor]]:
    """A gateway with the vendors' keys in its environment, which has imported the file; and the vendors."""
    with vendor({}) as upstream:
        started = start_gateway(**{f"{name.upper()}_API_KEY": key for name, key in KEYS.items()})
        text = CATALOG.read_text()
        for name, base in BASES.items():
            text = text.replace(f'type = "{name}"', f'type = "{name}"\napi_base = "{upstream.base}{base}"')
        file = tmp_path_factory.mktemp("catalog") / "every_endpoint.toml"
        file.write_text(text)
        started.operator.command("import_config", str(file))
        started.wait_visible(*MODELS)
        yield started, upstream
        started.check_rows()


@pytest.fixture
def upstream(running: tuple[LiveGateway, Vendor]) -> Iterator[Vendor]:
    """The vendors, each of whom must have seen its own key and no other."""
    vendors = running[1]
    vendors.seen.clear()
    vendors.answers.clear()
    yield vendors
    assert vendors.seen
    for seen in vendors.seen:
        name = seen.path.split("/")[1]
        assert seen.headers["authorization"] == f"Bearer {KEYS[name]}"
        assert [key for key in KEYS.values() if key in json.dumps(seen.headers) + seen.body.decode("latin-1")] == [KEYS[name]]


@pytest.fixture
def client(running: tuple[LiveGateway, Vendor]) -> Iterator[OpenAI]:
    gateway = running[0]
    with OpenAI(base_url=f"{gateway.base_url}/v1", api_key=gateway.key, timeout=10, max_retries=0) as made:
        yield made


def test_file_when_imported_serves_all_its_models(running: tuple[LiveGateway, Vendor]) -> None:
    listed = running[0].listed()
    assert listed is not None
    assert listed >= MODELS
    assert all(f'[models."{name}"]' in CATALOG.read_text() or f"[models.{name}]" in CATALOG.read_text() for name in MODELS)


def test_nomic_embed_is_embedded_by_fireworks(client: OpenAI, upstream: Vendor) -> None:
    upstream.answers[f"{BASES['fireworks']}/embeddings"] = lambda seen: said(EMBEDDED)
    answer = client.embeddings.create(model="nomic-embed", input="a", dimensions=2)
    assert answer.data[0].embedding == [0.5, -0.25]
    assert (answer.model, answer.usage.prompt_tokens) == ("nomic-embed", 2)
    assert upstream.last.json["model"] == "nomic-ai/nomic-embed-text-v1.5"
    assert upstream.last.json["dimensions"] == 2


def test_omni_moderation_is_judged_by_openai(client: OpenAI, upstream: Vendor) -> None:
    upstream.answers[f"{BASES['openai']}/moderations"] = lambda seen: said(JUDGED)
    assert client.moderations.create(input="a").to_dict() == JUDGED
    assert upstream.last.json == {"model": "omni-moderation-latest", "input": "a"}


@pytest.mark.parametrize(
    ("model", "base", "answer"), [("whisper-1", "openai", HEARD), ("whisper-v3", "fireworks", SAID_BY_FIREWORKS)]
)
@pytest.mark.parametrize("task", ["transcriptions", "translations"])
@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # the SDK gives translations up
def test_whisper_is_heard_by_its_vendor(
    model: str, base: str, answer: dict[str, Any], task: str, client: OpenAI, upstream: Vendor
) -> None:
    upstream.answers[f"{BASES[base]}/audio/{task}"] = lambda seen: said(answer)
    assert getattr(client.audio, task).create(model=model, file=FILE, prompt="é").text == "Hello there."
    form = upstream.last.form
    (file,) = form.all("file")
    assert (form.text("model"), form.text("prompt")) == (model, "é")
    assert (file.filename, file.data(), file.content_type) == FILE
    form.close()


@pytest.mark.parametrize(
    ("model", "base", "upstream_model", "voice"),
    [("tts-1", "openai", "tts-1", "alloy"), ("together-tts", "together", "cartesia/sonic", "helpful woman")],
)
def test_speech_is_spoken_by_its_vendor_in_its_voice(
    model: str, base: str, upstream_model: str, voice: str, client: OpenAI, upstream: Vendor
) -> None:
    upstream.answers[f"{BASES[base]}/audio/speech"] = sound
    with client.audio.speech.with_streaming_response.create(
        model=model, voice="alloy", input="é", response_format="mp3"
    ) as answer:
        assert answer.headers["content-type"] == "audio/mpeg"
        assert answer.read() == SOUND
    asked = {"model": upstream_model, "voice": voice, "input": "é", "response_format": "mp3"}
    assert upstream.last.json == asked


def test_voice_when_it_is_the_vendors_own_is_left_as_it_is(client: OpenAI, upstream: Vendor) -> None:
    upstream.answers[f"{BASES['together']}/audio/speech"] = sound
    client.audio.speech.create(model="together-tts", voice="french narrator lady", input="Bonjour")
    assert upstream.last.json["voice"] == "french narrator lady"


def test_flux_schnell_is_painted_by_together_in_pixels(client: OpenAI, upstream: Vendor) -> None:
    upstream.answers[f"{BASES['together']}/images/generations"] = lambda seen: said(MADE_BY_TOGETHER)
    answer = client.images.generate(
        model="flux-schnell", prompt="A sunset", n=1, size="1024x768", response_format="b64_json", extra_body={"steps": 4}
    )
    assert [image.to_dict() for image in answer.data or []] == [{"b64_json": PICTURE}]
    asked = upstream.last.json
    assert (asked["width"], asked["height"], asked["steps"], asked["response_format"]) == (1024, 768, 4, "base64")
    assert "size" not in asked


def test_stable_diffusion_is_painted_by_fireworks(client: OpenAI, upstream: Vendor) -> None:
    upstream.answers[CLASSIC] = lambda seen: Said(PNG, content_type="image/png")
    answer = client.images.generate(model="stable-diffusion-xl", prompt="A sunset", size="1024x1024", response_format="b64_json")
    assert [image.to_dict() for image in answer.data or []] == [{"b64_json": PICTURE}]
    assert upstream.last.json == {"prompt": "A sunset", "width": 1024, "height": 1024}


def test_grok_2_image_is_painted_by_xai_with_what_it_takes(client: OpenAI, upstream: Vendor) -> None:
    upstream.answers[f"{BASES['xai']}/images/generations"] = lambda seen: said(MADE_BY_XAI)
    raw = client.images.with_raw_response.generate(
        model="grok-2-image", prompt="A city", n=1, response_format="url", style="vivid", quality="hd"
    )
    assert [image.url for image in raw.parse().data or []] == ["https://imgen.x.ai/1.jpeg"]
    assert set(raw.headers["x-gateway-lossy"].split(", ")) == {"style", "quality"}
    assert upstream.last.json == {"model": "grok-2-image", "prompt": "A city", "n": 1, "response_format": "url"}


# From one vendor to another


def test_speech_when_openai_fails_is_spoken_by_together(client: OpenAI, upstream: Vendor) -> None:
    upstream.answers[f"{BASES['openai']}/audio/speech"] = lambda seen: said(BROKEN, 500)
    upstream.answers[f"{BASES['together']}/audio/speech"] = sound
    raw = client.audio.speech.with_raw_response.create(model="narrator", voice="nova", input="é")
    assert raw.content == SOUND
    assert (raw.headers["x-gateway-attempts"], raw.headers["x-gateway-provider"]) == ("2", "together")
    assert [seen.json["voice"] for seen in upstream.seen] == ["nova", "friendly sidekick"]


def test_format_when_the_vendor_that_is_left_has_it_not_is_not_asked_of_it(client: OpenAI, upstream: Vendor) -> None:
    upstream.answers[f"{BASES['openai']}/audio/speech"] = lambda seen: said(BROKEN, 500)
    with pytest.raises(InternalServerError):
        client.audio.speech.create(model="narrator", voice="nova", input="é", response_format="opus")
    assert [seen.path for seen in upstream.seen] == [f"{BASES['openai']}/audio/speech"]


def test_format_when_no_vendor_has_it_is_400_that_names_those_it_has(running: tuple[LiveGateway, Vendor]) -> None:
    gateway, vendors = running
    asked = len(vendors.seen)
    body = {"model": "together-tts", "voice": "nova", "input": "é", "response_format": "opus"}
    response = gateway.http.post("/v1/audio/speech", json=body)
    error = error_of(response)
    assert (response.status_code, error["param"]) == (400, "response_format")
    assert all(name in error["message"] for name in ("mp3", "wav", "pcm"))
    assert len(vendors.seen) == asked


def test_transcription_when_fireworks_fails_is_heard_by_openai_with_the_whole_file(client: OpenAI, upstream: Vendor) -> None:
    upstream.answers[f"{BASES['fireworks']}/audio/transcriptions"] = lambda seen: said(BROKEN, 503)
    upstream.answers[f"{BASES['openai']}/audio/transcriptions"] = lambda seen: said(HEARD)
    large = WAV + bytes(3 * 1024 * 1024)
    assert client.audio.transcriptions.create(model="listener", file=("a.wav", large, "audio/wav")).text == "Hello there."
    forms = [seen.form for seen in upstream.seen]
    assert [(form.text("model"), [part.data() for part in form.all("file")] == [large]) for form in forms] == [
        ("whisper-v3-turbo", True),
        ("whisper-1", True),
    ]
    for form in forms:
        form.close()


def test_image_when_together_fails_is_painted_by_fireworks(client: OpenAI, upstream: Vendor) -> None:
    upstream.answers[f"{BASES['together']}/images/generations"] = lambda seen: said(BROKEN, 500)
    upstream.answers[FLUX] = lambda seen: said(
        {"id": "1", "base64": [f"data:image/png;base64,{PICTURE}"], "finishReason": "SUCCESS"}
    )
    raw = client.images.with_raw_response.generate(
        model="flux-schnell", prompt="A sunset", size="1024x1024", response_format="b64_json"
    )
    assert [image.to_dict() for image in raw.parse().data or []] == [{"b64_json": PICTURE}]
    assert (raw.headers["x-gateway-attempts"], raw.headers["x-gateway-provider"]) == ("2", "fireworks")
    assert upstream.last.json == {"prompt": "A sunset", "aspect_ratio": "1:1"}
