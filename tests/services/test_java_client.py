"""Is a request of Java's own HTTP client served, which LangChain4j, Spring AI and IDEs use? It offers HTTP/2 with each."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests import needs
from tests.architecture.sources import ROOT
from tests.live import LiveGateway, body

PROGRAM = ROOT / "tests" / "data" / "ChatByHttpClient.java"


@pytest.mark.parametrize("size", [2, 100_000])
def test_chat_when_asked_by_javas_client_is_served_and_its_body_read(gateway: LiveGateway, size: int) -> None:
    gateway.define("ok")
    asked = json.dumps(body("chaos/ok", user="u" * size))
    command = [needs.program("java"), str(PROGRAM), f"{gateway.base_url}/v1/chat/completions", gateway.key, asked]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout.splitlines()
    for line in told:
        status, version, answer = line.split(" ", 2)
        assert (status, version) == ("200", "HTTP_1_1")
        assert json.loads(answer)["model"] == "chaos/ok"
    assert len(told) == len(gateway.chaos.log()) == 2
