"""Is the gateway found where Ollama's clients look for a server, in every spelling, and never in the way of its own page?"""

from __future__ import annotations

import re

import httpx
import pytest

from tests.live import LiveGateway
from tests.live_fixtures import StartGateway

HI = [{"role": "user", "content": "Hi."}]


@pytest.fixture(scope="module", autouse=True)
def models(shared_gateway: LiveGateway) -> None:
    shared_gateway.define_models({"mini": [{"upstream_model": "ok"}]})


@pytest.mark.parametrize("path", ["/api/tags", "/api/version", "/api/ps", "/"])
def test_path_when_it_may_be_read_has_a_head_too(gateway: LiveGateway, path: str) -> None:
    whole, head = gateway.http.get(path), gateway.http.head(path)
    assert (whole.status_code, head.status_code, head.content) == (200, 200, b"")
    assert head.headers["content-type"] == whole.headers["content-type"]


def test_version_and_loaded_models_when_asked_for_are_there(gateway: LiveGateway) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", gateway.http.get("/api/version").json()["version"])
    assert gateway.http.get("/api/ps").json() == {"models": []}


def test_start_page_when_a_program_asks_says_that_ollama_is_running_and_browsers_see_the_page(gateway: LiveGateway) -> None:
    told = httpx.get(f"{gateway.base_url}/", trust_env=False)
    assert (told.status_code, told.text) == (200, "Ollama is running")
    page = httpx.get(f"{gateway.base_url}/", headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}, trust_env=False)
    assert page.headers["content-type"].startswith("text/html")


def test_paths_when_authentication_is_off_need_no_key(start_gateway: StartGateway) -> None:
    gateway = start_gateway(GATEWAY_AUTHENTICATION="off")
    gateway.define_models({"mini": [{"upstream_model": "ok"}]})
    answer = httpx.post(f"{gateway.base_url}/api/chat", json={"model": "mini", "messages": HI, "stream": False}, trust_env=False)
    assert answer.json()["message"]["content"] == "Hello from chaos."
    assert httpx.get(f"{gateway.base_url}/api/tags", trust_env=False).json()["models"][0]["name"] == "mini:latest"


@pytest.mark.parametrize("path", ["/api/chat", "/v1/api/chat", "/api//chat/", "/api/api/chat"])
def test_path_when_spelled_as_a_base_address_may_make_it_is_found(gateway: LiveGateway, path: str) -> None:
    answer = gateway.http.post(path, json={"model": "mini", "messages": HI, "stream": False})
    assert answer.json()["message"]["content"] == "Hello from chaos."
