"""A catalog with something in every column, made through the API itself."""

from __future__ import annotations

from base64 import b64encode
from typing import Any
from urllib.parse import quote

from tests.integration.manage.program import Api

CANARY = "sk-canary-8c1f6e0b7a5d"


NAMED: dict[str, Any] = {
    "credentials/stored key": {"source": "stored", "secret": CANARY},
    "credentials/third": {"source": "none"},
    "credentials/env": {"source": "env", "location": "SOME_KEY"},
    "providers/one": {
        "type": "openai",
        "api_base": "https://one.example/v1",
        "credential": "stored key",
        "extra_headers": {"x-canary": CANARY},
        "extra_body": {"a": [1, 2.5, None, {"b": True}]},
        "credential_weight": 2.5,
        "more_credentials": [{"credential": "env", "weight": 0.5, "enabled": False}, {"credential": "third"}],
        "options": {"allowed_request_fields": ["provider"]},
    },
    "providers/two": {"type": "anthropic", "enabled": False, "credential": "env"},
    "models/plain": {"routes": [{"provider": "one"}]},
    "models/vendor/name:7b*": {"routes": [{"provider": "two", "upstream_model": "x-*"}]},
    "models/off": {"enabled": False},
    "models/ünï ?#%2F": {
        "capabilities": ["embedding", "chat"],
        "num_retries": 5,
        "max_retry_delay_s": 0.25,
        "connect_timeout_s": 1.5,
        "input_price": 2.123456,
        "output_price": "99999999.999999",
        "context_length": 128_000,
        "description": "two\nlines",
        "metadata": {"tags": ["a"], "n": 10**25, "f": 1.0},
        "strategy": "weighted",
        "affinity": False,
        "cache": "on",
        "cache_max_age_s": 60,
        "most_output_tokens": 4096,
        "routes": [
            {"name": "first", "provider": "one", "upstream_model": "m-1", "weight": 2.5, "rpm": 60, "shares": False},
            {"name": "second", "provider": "one", "shares": True, "enabled": False, "max_concurrent": 3},
        ],
        "fallback_models": ["plain", "off"],
        "prices": [
            {"rates": {"input": 1.5, "output": 3}, "source": "list"},
            {"route": "first", "service_tier": "flex", "effective_from": "2027-01-01T00:00:00+01:00", "rates": {"input": 1}},
        ],
    },
    "hooks/plain": {"type": "printer", "enabled": False},
    "hooks/notify": {
        "type": "webhook",
        "position": 3,
        "options": {
            "url": "https://hooks.example/in",
            "secret": "whsec_" + b64encode(CANARY.encode() + b"0123456789").decode(),
            "headers": {"x-canary": CANARY, "x-known": "env::PATH"},
        },
        "model_names": ["plain", "vendor/*"],
        "on_fault": "open",
        "time_limit_s": 2.5,
    },
    "tenants/acme": {},
    "access-groups/small": {"models": ["plain", "off"]},
}
POSTED: list[tuple[str, dict[str, Any]]] = [
    (
        "projects",
        {"tenant": "acme", "name": "web", "models": ["plain"], "access_groups": ["small"], "aliases": {"a": "plain"}},
    ),
    ("projects", {"tenant": "acme", "name": "with/slash"}),
    ("people", {"tenant": "acme", "name": "ann", "email": "ann@acme.example", "projects": ["acme/web"], "most_keys": 9}),
    ("keys", {"name": "all"}),
    (
        "keys",
        {
            "name": "some",
            "models": ["plain"],
            "access_groups": ["small"],
            "project": "acme/web",
            "person": "acme/ann",
            "allowed_networks": ["10.0.0.0/8"],
            "max_wait_s": 2.5,
            "expires_at": "2099-01-01T00:00:00Z",
            "record_bodies": True,
            "aliases": {"gpt": "plain"},
        },
    ),
    ("limits", {"project": "acme/web", "amount": 2**53, "each": "key", "algorithm": "token_bucket", "burst": 7}),
    ("limits", {"model": "plain", "amount": 5, "counted": "tokens", "per": "day", "enabled": False}),
    ("budgets", {"tenant": "acme", "amount": 12.5, "alerts": [50, 100], "hard": False, "alert_url": "https://a.example/"}),
    ("budgets", {"person": "acme/ann", "amount": 1000, "unit": "tokens", "period": "total", "unknown_price": "allow"}),
]


def make_rich_catalog(api: Api) -> list[str]:
    """The paths of its objects."""
    for path, body in NAMED.items():
        kind, _, name = path.partition("/")
        api("PUT", f"{kind}/{escaped(name)}", body, 201)
    made = [f"{kind}/{api('POST', kind, body, 201).json()['id']}" for kind, body in POSTED]
    return [*(f"{path.partition('/')[0]}/{escaped(path.partition('/')[2])}" for path in NAMED), *made]


def escaped(name: str) -> str:
    return quote(name, safe="")
