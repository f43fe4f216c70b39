"""What of an address that people paste is the base?"""

from __future__ import annotations

import pytest

from providers.azure_openai.address import Address, taken_apart
from providers.openai_compatible.address import bare

HOST = "https://h.example"


@pytest.mark.parametrize(
    ("pasted", "base"),
    [
        (f"{HOST}/v1/chat/completions", f"{HOST}/v1"),
        (f"{HOST}/v1/chat/completions/", f"{HOST}/v1"),
        (f"{HOST}/v1/chat/completions?x=1", f"{HOST}/v1?x=1"),
        (f"{HOST}/v1/chat/completions/?x=1", f"{HOST}/v1?x=1"),
        (f"{HOST}/v1/embeddings?", f"{HOST}/v1"),
        (f"  {HOST}/v1/responses \n", f"{HOST}/v1"),
        (f"{HOST}/v1/models", f"{HOST}/v1"),
        (f"{HOST}/v1/audio/transcriptions?a=b", f"{HOST}/v1?a=b"),
        (f"{HOST}/v1/images/generations", f"{HOST}/v1"),
        (f"{HOST}/completions", HOST),
        (f"{HOST}/models", f"{HOST}/models"),
        (f"{HOST}/team/responses", f"{HOST}/team/responses"),
        (f"{HOST}/v1?key=/v1/chat/completions", f"{HOST}/v1?key=/v1/chat/completions"),
        (f"{HOST}/v1", f"{HOST}/v1"),
        ("", ""),
    ],
)
def test_address_when_pasted_keeps_its_base_and_its_query(pasted: str, base: str) -> None:
    assert bare(pasted) == base


AZURE = "https://res.openai.azure.com"
FOUNDRY = "https://res.services.ai.azure.com"


@pytest.mark.parametrize(
    ("pasted", "found"),
    [
        (f"{AZURE}/openai/deployments/d/chat/completions?api-version=V", Address(f"{AZURE}/openai", "d", "V")),
        (f"{AZURE}/openai/deployments/d%20x/embeddings?API-Version=V&a=b", Address(f"{AZURE}/openai?a=b", "d x", "V")),
        (f" {AZURE}/openai/deployments/d/ ", Address(f"{AZURE}/openai", "d", "")),
        (f"{AZURE}/openai/deployments", Address(f"{AZURE}/openai")),
        (f"{AZURE}/openai/v1/", Address(f"{AZURE}/openai/v1")),
        (f"{AZURE}/openai/v1/responses?api-version=preview", Address(f"{AZURE}/openai/v1?api-version=preview")),
        (f"{AZURE}/openai/responses?api-version=V", Address(f"{AZURE}/openai", "", "V")),
        (f"{AZURE}/openai/models?api-version=V", Address(f"{AZURE}/openai", "", "V")),
        (f"{AZURE}/?api-version=V", Address(AZURE, "", "V")),
        (
            "https://res.cognitiveservices.azure.com/openai/deployments/d/audio/speech?api-version=V",
            Address("https://res.cognitiveservices.azure.com/openai", "d", "V"),
        ),
        (f"{FOUNDRY}/openai/deployments/d/chat/completions?api-version=V", Address(f"{FOUNDRY}/openai", "d", "V")),
        (f"{FOUNDRY}/models/chat/completions?api-version=V", Address(f"{FOUNDRY}/openai/v1")),
        (f"{FOUNDRY}/models", Address(f"{FOUNDRY}/openai/v1")),
        (f"{FOUNDRY}/api/projects/p", Address(FOUNDRY)),
        (f"{FOUNDRY}/api/projects/p/openai/v1", Address(f"{FOUNDRY}/api/projects/p/openai/v1")),
        ("https://apim.example/a/deployments/d/chat/completions?api-version=V", Address("https://apim.example/a", "d", "V")),
        ("https://[bad/openai", Address("https://[bad/openai")),
        (AZURE, Address(AZURE)),
    ],
)
def test_azure_address_when_pasted_is_taken_apart(pasted: str, found: Address) -> None:
    assert taken_apart(pasted) == found
