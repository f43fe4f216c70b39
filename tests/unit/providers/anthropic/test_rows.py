"""Is a host found by what people paste, and signed for as it wants?"""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from providers.anthropic import vertex
from providers.anthropic.rows import bare
from providers.anthropic.signers import for_mantle
from providers.aws.signer import AwsSigner
from providers.errors import ConfigurationError
from providers.signing import KeyHeader
from providers.types import Credential, Secret, TargetConfig

foundry = partial(bare, foundry=True)
ACCESS_KEY = "AKIA0123456789ABCDEF:secret/secret+secret"
MANTLE = "https://bedrock-mantle.eu-west-1.api.aws/anthropic"


@pytest.mark.parametrize(
    ("given", "base"),
    [
        (" https://api.anthropic.com/ ", "https://api.anthropic.com"),
        ("https://api.anthropic.com/v1", "https://api.anthropic.com"),
        ("https://api.anthropic.com/v1/messages", "https://api.anthropic.com"),
        ("https://h.example/anthropic/v1/messages/count_tokens?team=a", "https://h.example/anthropic?team=a"),
        ("https://h.example/messages/", "https://h.example"),
        ("no address", "no address"),
        ("https://[", "https://["),
    ],
)
def test_address_when_it_was_copied_then_the_base_is_found(given: str, base: str) -> None:
    assert bare(given) == base


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ("https://r.services.ai.azure.com", "https://r.services.ai.azure.com/anthropic"),
        ("https://r.services.ai.azure.com/api/projects/p", "https://r.services.ai.azure.com/anthropic"),
        ("https://r.services.ai.azure.com/anthropic/v1/messages", "https://r.services.ai.azure.com/anthropic"),
        ("https://proxy.example", "https://proxy.example"),
    ],
)
def test_address_when_it_is_a_foundry_then_it_leads_to_its_models(given: str, base: str) -> None:
    assert foundry(given) == base


def config(secret: str = "", base: str = MANTLE, **fields: Any) -> TargetConfig:
    credential = Credential(secret=Secret(secret) if secret else None)
    usual: dict[str, Any] = {"api_base": base, "credential": credential}
    return TargetConfig(id="t", provider="p", provider_type="bedrock_mantle", upstream_model="m", **(usual | fields))


def test_mantle_when_it_has_an_api_key_then_that_is_sent_and_else_a_signature() -> None:
    assert isinstance(for_mantle(config("bedrock-api-key-abc")).signer, KeyHeader)
    assert isinstance(for_mantle(config(ACCESS_KEY)).signer, AwsSigner)
    assert isinstance(for_mantle(config(ACCESS_KEY, "https://proxy.example", options={"region": "us-east-1"})).signer, AwsSigner)
    assert isinstance(for_mantle(config(credential=Credential(dynamic="team"))).signer, AwsSigner)


def test_mantle_when_no_region_is_known_for_an_access_key_then_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="region"):
        for_mantle(config(ACCESS_KEY, "https://proxy.example"))


@pytest.mark.parametrize(
    ("given", "base", "options"),
    [
        ("https://aiplatform.googleapis.com/v1/", "https://aiplatform.googleapis.com", {}),
        (
            "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5/publishers/anthropic/models/m:rawPredict",
            "https://us-east5-aiplatform.googleapis.com",
            {"project": "p", "location": "us-east5"},
        ),
        ("https://proxy.example/vertex/", "https://proxy.example/vertex", {}),
    ],
)
def test_vertex_address_when_it_was_copied_then_it_tells_project_and_location(
    given: str, base: str, options: dict[str, str]
) -> None:
    assert vertex.read_address(given) == (base, options)


@pytest.mark.parametrize(
    ("location", "base"),
    [
        ("", "https://aiplatform.googleapis.com"),
        ("global", "https://aiplatform.googleapis.com"),
        ("eu", "https://aiplatform.eu.rep.googleapis.com"),
        ("us-east5", "https://us-east5-aiplatform.googleapis.com"),
    ],
)
def test_vertex_when_it_has_a_location_then_its_address_is_that_of_the_place(location: str, base: str) -> None:
    assert vertex.base_of(config(base="", options={"project": "p", "location": location})) == base


@pytest.mark.parametrize("options", [{}, {"project": "p/q"}, {"project": "p", "location": "a?b"}, {"project": 7}])
def test_vertex_when_an_option_cannot_stand_in_a_path_then_configuration_error(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        vertex.path_of(config(options=options), "claude@1", "rawPredict")
