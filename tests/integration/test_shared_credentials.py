"""Do several credentials of a provider share its requests, and does one that is refused rest while the others go on?"""

from __future__ import annotations

from collections import Counter

import pytest

from tests.live import PROVIDER_KEY, LiveGateway

SECOND = "sk-second-canary-key-of-the-vendor-0002"
REFUSED = "sk-third-canary-key-which-is-refused-0003"
TRIES = 5
"""After so many failures in a row a target rests."""


@pytest.fixture(scope="module")
def provider(shared_gateway: LiveGateway) -> str:
    """A provider with two keys, of which its own has three quarters of the requests, and one that a behaviour can refuse."""
    operator = shared_gateway.operator
    made = {"type": "openai_compatible", "api_base": shared_gateway.chaos.base_url}
    names = {"weighted": PROVIDER_KEY, "weighted second": SECOND, "half": PROVIDER_KEY, "half refused": REFUSED}
    operator.define([{"name": name, **made, "api_key": key} for name, key in names.items()], [])
    share("weighted", "weighted second", shared_gateway, own=3.0)
    share("half", "half refused", shared_gateway)
    shared_gateway.define_models(
        {
            "by weight": [{"upstream_model": "ok-usage-7-401", "provider": "weighted"}],
            "one refused": [{"upstream_model": "refuses-401-0003", "provider": "half"}],
        },
        affinity=False,
    )
    return "weighted"


def share(provider: str, credential: str, gateway: LiveGateway, own: float = 1.0) -> None:
    """Makes another credential one more of the provider's."""
    operator = gateway.operator
    (row,) = operator.rows("Provider", {"name": provider})
    (further,) = operator.rows("Credential", {"name": credential})
    operator.update("Provider", {"name": provider}, {"credential_weight": own})
    operator.create("models_catalog.ProviderCredential", provider_id=row["id"], credential_id=further["id"])


def keys_seen(gateway: LiveGateway, model: str) -> Counter[str]:
    """How often the upstream was asked with each key."""
    heads = (dict(seen["headers"])["authorization"] for seen in gateway.chaos.log(model))
    return Counter(head.removeprefix("Bearer ") for head in heads)


def test_credentials_take_their_parts_by_weight(gateway: LiveGateway, provider: str) -> None:
    for _ in range(200):
        assert gateway.chat("by weight").status_code == 200
    seen = keys_seen(gateway, "ok-usage-7-401")
    assert set(seen) == {PROVIDER_KEY, SECOND}
    assert 125 <= seen[PROVIDER_KEY] <= 175  # 150 are expected, and 25 are four times the standard deviation


def test_credential_when_it_is_refused_then_all_requests_are_served_and_it_rests(gateway: LiveGateway, provider: str) -> None:
    for _ in range(40):
        answer = gateway.chat("one refused")
        assert answer.status_code == 200, answer.text
    seen = keys_seen(gateway, "refuses-401-0003")
    assert (seen[PROVIDER_KEY], seen[REFUSED]) == (40, TRIES)
    assert REFUSED not in gateway.settled_log()
