"""Where does Fireworks listen, and where are its images?"""

from __future__ import annotations

import pytest

from providers.capabilities import Capability
from providers.fireworks.adapter import FireworksAdapter
from providers.fireworks.images import Api, api_of
from providers.registry import provider_type
from providers.types import Credential, Secret, TargetConfig

DEFAULT = "https://api.fireworks.ai/inference/v1"
LISTENING = (Capability.AUDIO_TRANSCRIPTION, Capability.AUDIO_TRANSLATION)


def url_of(capability: Capability, model: str, base: str) -> str:
    config = TargetConfig(
        id="t1",
        provider="p",
        provider_type="fireworks",
        upstream_model=model,
        api_base=base,
        credential=Credential(secret=Secret("fw-key")),
    )
    head = FireworksAdapter(config).head_for(capability)
    assert dict(head.headers)["authorization"] == "Bearer fw-key"
    return f"{head.origin.scheme}://{head.origin.host}{head.path}"


@pytest.mark.parametrize("base", ["", DEFAULT, f"{DEFAULT}/"])
@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("whisper-v3", "https://audio-prod.api.fireworks.ai/v1"),
        ("accounts/fireworks/models/whisper-v3", "https://audio-prod.api.fireworks.ai/v1"),
        ("whisper-v3-turbo", "https://audio-turbo.api.fireworks.ai/v1"),
        ("accounts/fireworks/models/whisper-v3-turbo", "https://audio-turbo.api.fireworks.ai/v1"),
    ],
)
def test_listening_when_no_other_address_is_given_then_at_the_models(model: str, expected: str, base: str) -> None:
    assert url_of(Capability.AUDIO_TRANSCRIPTION, model, base) == f"{expected}/audio/transcriptions"
    assert url_of(Capability.AUDIO_TRANSLATION, model, base) == f"{expected}/audio/translations"
    assert url_of(Capability.CHAT, model, base) == f"{DEFAULT}/chat/completions"


@pytest.mark.parametrize("capability", LISTENING)
def test_listening_when_the_operator_gives_an_address_then_there(capability: Capability) -> None:
    assert url_of(capability, "whisper-v3", "https://own.example/v1").startswith("https://own.example/v1/audio/")


@pytest.mark.parametrize(
    ("model", "api"),
    [
        ("accounts/fireworks/models/flux-1-schnell-fp8", Api.FLUX),
        ("flux-1-dev-fp8", Api.FLUX),
        ("accounts/fireworks/models/flux-kontext-pro", Api.KONTEXT),
        ("flux-kontext-max", Api.KONTEXT),
        ("accounts/flux-fans/models/playground-v2-5-1024px-aesthetic", Api.CLASSIC),
        ("stable-diffusion-xl-1024-v1-0", Api.CLASSIC),
    ],
)
def test_way_when_the_model_is_known_then_its_family_s(model: str, api: Api) -> None:
    assert api_of(model) is api


def test_path_when_the_model_has_odd_characters_then_quoted() -> None:
    assert Api.KONTEXT.path("a b?") == "/workflows/accounts/fireworks/models/a%20b%3F"


def test_type_when_registered_then_it_has_no_speech_and_no_variations() -> None:
    known = provider_type("fireworks").capabilities
    assert {Capability.TEXT_TO_SPEECH, Capability.IMAGE_VARIATION}.isdisjoint(known)
    assert {Capability.CHAT, Capability.COMPLETION, Capability.EMBEDDING, *LISTENING} <= known
