"""Is a model that thinks for long waited for, and not taken for one that is gone? With a tenth of a second for each minute."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.fakes.chaos.process import eventually
from tests.live import LiveGateway, error_of, words
from tests.live_fixtures import StartGateway

TOTAL_S = 1.5
FIRST_BYTE_S = 0.3


@pytest.fixture(scope="module")
def patient(start_gateway: StartGateway) -> LiveGateway:
    """A gateway that has a total time-out and leaves the others to their defaults."""
    gateway = start_gateway(GATEWAY_TOTAL_TIMEOUT_S=str(TOTAL_S))
    gateway.define("slow-700ms", "hang", "head-then-hang", capabilities=["chat", "responses"])
    pair = [{"upstream_model": "hang"}, {"upstream_model": "ok"}]
    gateway.define_models({"thinks": pair}, first_byte_timeout_s=FIRST_BYTE_S)
    return gateway


def test_answer_when_it_takes_long_is_waited_for_whole_streamed_and_in_the_background(patient: LiveGateway) -> None:
    assert patient.chat("chaos/slow-700ms").json()["choices"][0]["message"]["content"] == "Hello from chaos."
    assert words(patient.chat("chaos/slow-700ms", stream=True)) == "Hello from chaos."
    request = {"model": "chaos/slow-700ms", "input": "hi", "background": True}
    path = f"/v1/responses/{patient.http.post('/v1/responses', json=request).json()['id']}"
    assert eventually(lambda: patient.http.get(path).json()["status"] == "completed", 5, 0.05)


@pytest.mark.parametrize("behaviour", ["hang", "head-then-hang"])
def test_answer_when_whole_may_be_silent_as_long_as_it_may_last(patient: LiveGateway, behaviour: str) -> None:
    started = time.monotonic()
    response = patient.chat(f"chaos/{behaviour}")
    assert (response.status_code, error_of(response)["code"]) == (504, "total_timeout")
    assert TOTAL_S - 0.1 < time.monotonic() - started < TOTAL_S + 1.0


@pytest.mark.parametrize("fields", [{}, {"stream": True}])
def test_target_when_it_did_not_begin_in_time_is_asked_first_again(patient: LiveGateway, fields: dict[str, Any]) -> None:
    attempts = [patient.chat("thinks", **fields).headers["x-gateway-attempts"] for _ in range(2)]
    assert attempts == ["2", "2"]
    assert "circuit opened" not in patient.settled_log()
