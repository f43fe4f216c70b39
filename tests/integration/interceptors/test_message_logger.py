"""Does the message logger write every request and answer, whatever the wire, and nothing that is secret?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.interceptors.traffic import KINDS, PATHS, TEXT, chat, define, hooks, lines, lines_of, modes
from tests.live import LiveGateway
from tests.live_fixtures import StartGateway

KEY = "sk-proj-canary0123456789abcdefGHIJ"
OBJECTS = {
    "chat": "chat.completion",
    "chat stream": "chat.completion",
    "messages stream": "message",
    "responses": "response",
    "embeddings": "list",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs") / "made" / "logs"


@pytest.fixture(scope="module")
def logging_gateway(start_gateway: StartGateway, folder: Path) -> LiveGateway:
    configured = [
        {"hook": "message_logger", "options": {"directory": str(folder)}},
        {
            "hook": "message_logger",
            "options": {
                "directory": str(folder),
                "filename": "bare.jsonl",
                "include_system_prompts": False,
                "include_metadata": False,
            },
            "keys": ["tests"],
        },
        {"hook": "message_logger", "options": {"directory": str(folder), "filename": "none.jsonl"}, "keys": ["somebody else"]},
    ]
    gateway = start_gateway(GATEWAY_HOOKS=hooks(*configured))
    define(gateway)
    return gateway


def logged(gateway: LiveGateway, folder: Path, answer: Any, name: str = "message_log.jsonl") -> list[Any]:
    return lines_of(answer, lambda: lines(folder / name))


@pytest.mark.parametrize("kind", KINDS)
def test_exchange_when_logged_then_its_request_and_its_answer_are_lines(
    kind: str, logging_gateway: LiveGateway, folder: Path
) -> None:
    answer = KINDS[kind](logging_gateway, f"note {KEY}")
    assert answer.status_code == 200, answer.text
    request, response = logged(logging_gateway, folder, answer)
    assert (request["direction"], response["direction"]) == ("request", "response")
    assert request["metadata"] == {"path": PATHS[kind], "method": "POST", "is_streaming": "stream" in kind}
    assert response["metadata"]["status_code"] == 200
    assert 0 < response["metadata"]["duration_ms"] < 10_000
    assert request["model"] == request["request"]["model"]
    assert request["provider"] in ("chaos", "dummy")
    assert "note [REDACTED_API_KEY]" in str(request["request"])
    assert ("Be brief." in str(request["request"])) is (kind != "embeddings")
    response_object = response["response"]
    assert response_object.get("object", response_object.get("type")) == OBJECTS[kind]
    if kind != "embeddings":
        assert TEXT in str(response["response"])
    assert modes(folder) == {"0o700", "0o600"}


@pytest.mark.parametrize("kind", KINDS)
def test_exchange_when_little_is_asked_for_then_the_lines_have_no_more(
    kind: str, logging_gateway: LiveGateway, folder: Path
) -> None:
    request, response = logged(logging_gateway, folder, KINDS[kind](logging_gateway), "bare.jsonl")
    assert "Be brief." not in str(request)
    assert "metadata" not in request
    assert "metadata" not in response


def test_key_when_it_is_not_named_then_nothing_is_logged(logging_gateway: LiveGateway, folder: Path) -> None:
    logged(logging_gateway, folder, chat(logging_gateway))
    assert not (folder / "none.jsonl").exists()


def test_request_when_it_fails_then_the_line_has_what_the_client_was_told(logging_gateway: LiveGateway, folder: Path) -> None:
    answer = chat(logging_gateway, model="chaos/status-400")
    _, response = logged(logging_gateway, folder, answer)
    assert response["response"] == answer.json()
    assert response["error_type"] == answer.json()["error"]["code"]
    assert response["metadata"]["status_code"] == 400


def test_stream_when_it_is_cut_off_then_the_line_has_what_was_sent(logging_gateway: LiveGateway, folder: Path) -> None:
    answer = chat(logging_gateway, model="chaos/stream-cut-after-3", stream=True)
    _, response = logged(logging_gateway, folder, answer)
    assert response["error_type"] == "upstream_stream_truncated"
    assert response["response"]


def test_answer_when_it_is_binary_then_the_line_says_only_that_there_was_one(logging_gateway: LiveGateway, folder: Path) -> None:
    answer = logging_gateway.http.post(
        "/v1/audio/speech", json={"model": "offline/text_to_speech", "input": "a", "voice": "alloy"}
    )
    assert answer.status_code == 200, answer.text
    request, response = logged(logging_gateway, folder, answer)
    assert request["request"]["voice"] == "alloy"
    assert response["response"] is None
