"""Where is a model of Google's asked for, by its options, by its name and by an address that was copied?"""

from __future__ import annotations

from typing import Any

import pytest

from providers.capabilities import Capability
from providers.errors import ConfigurationError
from providers.gemini.adapter import GeminiAdapter, VertexAdapter, lacks
from providers.gemini.address import read_address, read_gemini_address
from providers.gemini.base import WHOLE
from providers.types import Credential, Secret, TargetConfig
from tests.fakes.google import GoogleTokens

FILE = Credential(Secret(GoogleTokens().file("https://oauth2.googleapis.com/token")))
KEY = Credential(Secret("AIzaSy-1"))


def config(kind: str, model: str = "gemini-3.6-flash", **fields: Any) -> TargetConfig:
    return TargetConfig(id="t", provider="p", provider_type=kind, upstream_model=model, **{"credential": KEY, **fields})


def asked(adapter: GeminiAdapter | VertexAdapter) -> str:
    head = adapter._head_of(WHOLE)
    return f"{head.origin.scheme}://{head.origin.host}{head.path}".removesuffix(f":{WHOLE}")


@pytest.mark.parametrize(
    ("base", "model", "options", "place"),
    [
        ("", "gemini-3.6-flash", {}, "https://generativelanguage.googleapis.com/v1beta/models/gemini-3.6-flash"),
        ("", "models/gemini-3.6-flash", {}, "https://generativelanguage.googleapis.com/v1beta/models/gemini-3.6-flash"),
        ("", "tunedModels/own", {"api_version": "v1"}, "https://generativelanguage.googleapis.com/v1/tunedModels/own"),
        ("", "a/b?c#d", {}, "https://generativelanguage.googleapis.com/v1beta/models/a%2Fb%3Fc%23d"),
        ("https://proxy.example/google", "m", {}, "https://proxy.example/google/v1beta/models/m"),
        ("https://proxy.example/google/v1", "m", {}, "https://proxy.example/google/v1/models/m"),
        ("https://proxy.example/v1", "m", {"api_version": "v1alpha"}, "https://proxy.example/v1alpha/models/m"),
        ("https://proxy.example/v1beta/openai/", "m", {}, "https://proxy.example/v1beta/models/m"),
    ],
)
def test_studio_when_asked_then_at_its_address(base: str, model: str, options: dict[str, str], place: str) -> None:
    assert asked(GeminiAdapter(config("gemini", model, api_base=base, options=options))) == place


HERE = {"project": "example.com:p-1", "location": "europe-west4"}
PLACE = "/v1beta1/projects/example.com:p-1/locations"
MODELS = "publishers/google/models"


@pytest.mark.parametrize(
    ("options", "model", "credential", "place"),
    [
        (HERE, "m", KEY, f"https://europe-west4-aiplatform.googleapis.com{PLACE}/europe-west4/{MODELS}/m"),
        ({**HERE, "location": "global"}, "m", FILE, f"https://aiplatform.googleapis.com{PLACE}/global/{MODELS}/m"),
        ({**HERE, "location": "eu"}, "m", FILE, f"https://aiplatform.eu.rep.googleapis.com{PLACE}/eu/{MODELS}/m"),
        ({}, "m", FILE, f"https://aiplatform.googleapis.com/v1beta1/projects/project-1/locations/global/{MODELS}/m"),
        ({"location": "us"}, "m", KEY, f"https://aiplatform.googleapis.com/v1beta1/{MODELS}/m"),
        (
            {**HERE, "api_version": "v1"},
            "publishers/meta/models/llama",
            FILE,
            "https://europe-west4-aiplatform.googleapis.com/v1/projects/example.com:p-1/locations/europe-west4/publishers/meta/models/llama",
        ),
        (HERE, "endpoints/7", FILE, f"https://europe-west4-aiplatform.googleapis.com{PLACE}/europe-west4/endpoints/7"),
        (
            HERE,
            "projects/x/locations/y/endpoints/7",
            FILE,
            "https://europe-west4-aiplatform.googleapis.com/v1beta1/projects/x/locations/y/endpoints/7",
        ),
    ],
)
def test_vertex_when_asked_then_at_its_address(options: dict[str, str], model: str, credential: Credential, place: str) -> None:
    assert asked(VertexAdapter(config("vertex_ai", model, credential=credential, options=options))) == place


@pytest.mark.parametrize(
    "options",
    [{"project": "a/b"}, {"project": "a?b"}, {"location": "../x"}, {"api_version": "v1/x"}, {"location": 1}, {"location": "-a"}],
)
def test_option_when_it_cannot_be_part_of_an_address_then_configuration_error(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as raised:
        VertexAdapter(config("vertex_ai", options={**HERE, **options}))
    assert raised.value.field == "options"


def test_vertex_when_tokens_have_no_project_then_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="'project'"):
        VertexAdapter(config("vertex_ai", credential=Credential(), options={"token_source": "metadata"}))


@pytest.mark.parametrize(
    ("copied", "base", "options"),
    [
        ("https://h.example", "https://h.example", {}),
        (" https://h.example/a/ ", "https://h.example/a", {}),
        ("https://h.example/v1beta", "https://h.example", {"api_version": "v1beta"}),
        ("https://h.example/a/v1alpha2/models/m:generateContent?x=1", "https://h.example/a?x=1", {"api_version": "v1alpha2"}),
        (
            "https://l-aiplatform.googleapis.com/v1/projects/p/locations/l/publishers/google/models/m:streamGenerateContent",
            "https://l-aiplatform.googleapis.com",
            {"api_version": "v1", "project": "p", "location": "l"},
        ),
        ("https://[bad", "https://[bad", {}),
    ],
)
def test_address_when_copied_then_taken_apart(copied: str, base: str, options: dict[str, str]) -> None:
    assert read_address(copied) == (base, options)
    version = {name: value for name, value in options.items() if name == "api_version"}
    assert read_gemini_address(copied) == (base, version)


def test_models_when_named_then_what_they_make_is_known() -> None:
    talks, embeds, draws = Capability.CHAT, Capability.EMBEDDING, Capability.IMAGE_GENERATION
    assert lacks("gemini-3.6-flash") == {embeds, draws}
    assert lacks("models/gemini-3.1-flash-image") == {embeds}
    assert lacks("text-embedding-005") == lacks("gemini-embedding-001") == {talks, draws}
    assert lacks("tunedModels/own") == lacks("endpoints/7") == frozenset()
