"""In which region is Bedrock asked, at which address, and which of its models can do what?"""

from __future__ import annotations

from typing import Any

import pytest

from providers.bedrock.address import VARIABLES, base_of, read_address, region_of
from providers.bedrock.models import Form, form_of
from providers.capabilities import Capability
from providers.errors import ConfigurationError
from providers.registry import provider_type
from providers.types import TargetConfig, Wire


@pytest.fixture(autouse=True)
def no_region(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("address", "option", "variable", "expected"),
    [
        ("", "", "", "us-east-1"),
        ("", "", "eu-west-3", "eu-west-3"),
        ("", "eu-central-1", "eu-west-3", "eu-central-1"),
        ("", "us-gov-west-1", "", "us-gov-west-1"),
        ("https://bedrock-runtime.ap-southeast-2.amazonaws.com", "", "eu-west-3", "ap-southeast-2"),
        ("https://bedrock-runtime-fips.us-gov-east-1.amazonaws.com", "", "", "us-gov-east-1"),
        ("https://bedrock-runtime.cn-north-1.amazonaws.com.cn", "", "", "cn-north-1"),
        ("https://vpce-1a2b-3c.bedrock-runtime.eu-west-1.vpce.amazonaws.com", "", "", "eu-west-1"),
        ("https://bedrock-runtime.ap-southeast-2.amazonaws.com", "eu-central-1", "", "eu-central-1"),
        ("https://proxy.example", "", "eu-west-3", "us-east-1"),
        ("https://h:99999", "", "", "us-east-1"),
        ("", "", "nowhere", "us-east-1"),
    ],
)
def test_region_when_told_in_several_places_then_the_nearest_counts(
    address: str, option: str, variable: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variable:
        monkeypatch.setenv("AWS_REGION", variable)
    assert region_of(address, {"region": option}) == expected


@pytest.mark.parametrize("region", ["eu", "eu-central-1.evil.example", "eu-central-1/x", "Frankfurt"])
def test_region_when_it_is_none_then_the_option_is_at_fault(region: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        region_of("", {"region": region})
    assert caught.value.field == "options"


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        ("eu-central-1", "https://bedrock-runtime.eu-central-1.amazonaws.com"),
        ("cn-north-1", "https://bedrock-runtime.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_address_when_only_the_region_is_known_then_its_own(region: str, expected: str) -> None:
    assert base_of(region) == expected
    target = provider_type("bedrock").target(config("amazon.nova-pro-v1:0", options={"region": region}))
    adapter: Any = target.adapter
    assert f"https://{adapter.head_for(Capability.CHAT).origin.host}" == expected


@pytest.mark.parametrize("end", ["", "/", "/model", "/model/a.b%3A0/converse", "/openai/v1", "/openai/v1/chat/completions"])
def test_address_when_copied_with_the_path_of_a_call_then_without_it(end: str) -> None:
    assert read_address(f" https://bedrock-runtime.eu-west-1.amazonaws.com{end} ")[0] == (
        "https://bedrock-runtime.eu-west-1.amazonaws.com"
    )


def config(model: str, **more: Any) -> TargetConfig:
    return TargetConfig(id="t", provider="p", provider_type="bedrock", upstream_model=model, **more)


ARN = "arn:aws:bedrock:us-east-1::foundation-model"


@pytest.mark.parametrize(
    ("model", "wires"),
    [
        ("anthropic.claude-haiku-4-5-20251001-v1:0", (Wire.ANTHROPIC_MESSAGES, Wire.BEDROCK_CONVERSE)),
        ("global.anthropic.claude-opus-4-8", (Wire.ANTHROPIC_MESSAGES, Wire.BEDROCK_CONVERSE)),
        (f"{ARN}/anthropic.claude-3-haiku-20240307-v1:0", (Wire.ANTHROPIC_MESSAGES, Wire.BEDROCK_CONVERSE)),
        ("amazon.nova-pro-v1:0", (Wire.BEDROCK_CONVERSE,)),
        ("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1", (Wire.BEDROCK_CONVERSE,)),
    ],
)
def test_model_when_it_talks_then_its_wires_the_best_first(model: str, wires: tuple[Wire, ...]) -> None:
    found = provider_type("bedrock").wires_of(model)
    assert found == {Capability.CHAT: wires, Capability.RESPONSES: wires}


@pytest.mark.parametrize(
    ("model", "capability", "form"),
    [
        ("amazon.titan-embed-text-v1", Capability.EMBEDDING, Form.TITAN),
        (f"{ARN}/amazon.titan-embed-text-v2:0", Capability.EMBEDDING, Form.TITAN_2),
        ("amazon.titan-embed-image-v1", Capability.EMBEDDING, Form.TITAN_IMAGE),
        ("cohere.embed-english-v3", Capability.EMBEDDING, Form.COHERE),
        ("us.cohere.embed-v4:0", Capability.EMBEDDING, Form.COHERE_4),
        ("cohere.rerank-v3-5:0", Capability.RERANK, None),
        ("amazon.rerank-v1:0", Capability.RERANK, None),
    ],
)
def test_model_when_it_does_not_talk_then_what_it_does(model: str, capability: Capability, form: Form | None) -> None:
    assert set(provider_type("bedrock").wires_of(model)) == {capability}
    assert form_of(model) is form
