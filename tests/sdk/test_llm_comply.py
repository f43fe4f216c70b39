"""Do the dialects pass a public conformance tester, against the offline model?

`llm-comply` 0.5 checks answers and events against each vendor's OpenAPI document. It takes a model's name as a sign of what it
can do, so that the offline model is served under names with which nothing is left out.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.live import LiveGateway

PLAIN = ("--no-bearer", "--auth-header")
FORMATS = {
    "open-responses": ("gpt-5-comply", "/v1", ()),
    "openai-chat": ("gpt-5-comply", "/v1", ()),
    "anthropic": (
        "claude-sonnet-4-5-comply",
        "/v1",
        ("--auth-header", "x-api-key", "--no-bearer", "-H", "anthropic-version:2023-06-01"),
    ),
    "google-genai": ("gemini-3-comply", "/v1beta", ("--auth-header", "x-goog-api-key", "--no-bearer")),
}
"""Format → model, path of the base address, and how the key is sent."""


@pytest.fixture(scope="module")
def served(shared_gateway: LiveGateway) -> LiveGateway:
    names = sorted({name for name, _, _ in FORMATS.values()})
    routes = [{"provider": "comply", "upstream_model": "echo"}]
    models: list[dict[str, Any]] = [{"name": name, "routes": routes, "capabilities": ["chat", "responses"]} for name in names]
    shared_gateway.operator.define([{"name": "comply", "type": "dummy"}], models)
    shared_gateway.wait_visible(*names)
    return shared_gateway


@pytest.mark.parametrize("name", FORMATS)
def test_dialect_when_put_to_the_conformance_tester_passes_all_of_it(served: LiveGateway, name: str) -> None:
    model, base, options = FORMATS[name]
    arguments = ["-u", f"{served.base_url}{base}", "-k", served.key, "-m", model, "--format", name, "--timeout", "20", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "llm_comply.cli", *arguments, *options], capture_output=True, text=True, timeout=120, check=False
    )
    results = json.loads(done.stdout[done.stdout.index("{") :])["results"]
    assert len(results) >= 9
    assert {result["id"]: (result["status"], result["errors"]) for result in results if result["status"] != "passed"} == {}
