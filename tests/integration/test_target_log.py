"""What is the operator told of providers that fail? One line for each change, with the reason, and no secret in it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.live import LiveGateway
from tests.live_fixtures import StartGateway


@pytest.fixture(scope="module")
def quiet(start_gateway: StartGateway) -> LiveGateway:
    """A gateway with the log level of production."""
    gateway = start_gateway(LOG_LEVEL="info")
    gateway.define("ok", "status-500", "status-401", "status-429", "status-400")
    return gateway


def lines(gateway: LiveGateway, start: int) -> list[dict[str, Any]]:
    """What is told of targets since then."""
    told = [json.loads(line) for line in gateway.settled_log(start).splitlines() if line.startswith("{")]
    return [line for line in told if line.get("logger") == "gateway.targets"]


def after(gateway: LiveGateway, *models: str) -> list[dict[str, Any]]:
    """What is told because of these requests."""
    start = gateway.log_path.stat().st_size
    for model in models:
        gateway.chat(model)
    return lines(gateway, start)


def test_target_when_it_fails_too_often_is_told_once_with_the_reason(quiet: LiveGateway) -> None:
    told = after(quiet, *["chaos/status-500"] * 8)
    assert [(line["level"], line["message"]) for line in told] == [("warning", "circuit opened after failures")]
    assert (told[0]["provider"], told[0]["upstream_model"], told[0]["code"]) == ("chaos", "status-500", "upstream_server_error")
    assert told[0]["seconds"] == 30
    assert told[0]["detail"].startswith("status 500: ")


def test_target_when_its_key_is_refused_is_told_until_it_answers_again(quiet: LiveGateway) -> None:
    told = after(quiet, *["chaos/status-401"] * 3)
    assert [(line["level"], line["message"], line["code"]) for line in told] == [
        ("warning", "provider needs attention", "upstream_auth_failed")
    ]
    quiet.chaos.script(["status-401", "ok", "status-401"])
    assert len(after(quiet, *["chaos/ok"] * 3)) == 2


def test_target_when_it_asks_to_be_left_alone_is_told_once(quiet: LiveGateway) -> None:
    told = after(quiet, *["chaos/status-429"] * 3)
    assert [(line["level"], line["message"]) for line in told] == [("info", "circuit opened by a rate limit")] * len(told)
    assert len(told) >= 1


def test_request_when_the_provider_refuses_it_is_told_by_nobody(quiet: LiveGateway) -> None:
    assert after(quiet, *["chaos/status-400"] * 7) == []


def test_try_when_it_fails_is_told_at_level_debug(gateway: LiveGateway) -> None:
    gateway.define("status-503")
    told = after(gateway, "chaos/status-503")
    assert [(line["level"], line["message"], line["status"]) for line in told] == [("debug", "attempt failed", 503)]
