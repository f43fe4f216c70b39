"""What does a hook that is at fault do to requests? Each phase with each fault, on calls of each kind, in a real server."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator
from itertools import product
from typing import Any

import httpx
import pytest

from tests.integration.hooks.calls import CALLS, STREAMS, ask, code_of, complete, define
from tests.live import LiveGateway
from tests.live_fixtures import StartGateway

FAULTS = ("raise", "cancel", "exit", "hang", "swallow", "block", "sleep", "junk", "huge", "spoil")
CANARY = "sk-hook-canary-00112233445566778899"
PHASES = ("before_request", "after_request", "on_event")


def hooks(*, fail_open: bool) -> str:
    specs: list[dict[str, Any]] = []
    for phase in (*PHASES, "on_error"):
        for fault in FAULTS:
            for plain in (False, True):
                name = model_of(phase, fault, plain=plain)
                options = {"phase": phase, "fault": fault, "plain": plain}
                specs.append(
                    {
                        "hook": "tests.fakes.hooks.faulty",
                        "name": name,
                        "options": options,
                        "models": [name],
                        "fail_open": fail_open,
                        "time_limit_s": 0.3 if fault != "huge" else 5,
                    }
                )
    return json.dumps(specs)


def model_of(phase: str, fault: str, *, plain: bool) -> str:
    return f"{phase}-{fault}{'-plain' if plain else ''}"


@pytest.fixture(scope="module")
def closed(start_gateway: StartGateway) -> Iterator[LiveGateway]:
    gateway = start_gateway(GATEWAY_HOOKS=hooks(fail_open=False))
    _define(gateway)
    yield gateway
    _forgive(gateway)


@pytest.fixture(scope="module")
def opened(start_gateway: StartGateway) -> Iterator[LiveGateway]:
    gateway = start_gateway(GATEWAY_HOOKS=hooks(fail_open=True))
    _define(gateway)
    yield gateway
    _forgive(gateway)


def _define(gateway: LiveGateway) -> None:
    names = [model_of(phase, fault, plain=plain) for phase in PHASES for fault in FAULTS for plain in (False, True)]
    define(gateway, "good", *names)
    failing = {model_of("on_error", fault, plain=plain): ("status-500", ["chat"]) for fault in FAULTS for plain in (False, True)}
    gateway.define_at("dummy", "", failing, name="dummy", api_key="")


def _forgive(gateway: LiveGateway) -> None:
    """What the log has to say of the faults is expected; that it has no secret is not."""
    log = gateway.settled_log()
    assert "hook failed" in log
    assert CANARY not in log
    gateway.expect_errors()


SLOW = frozenset({"hang", "swallow", "block", "sleep", "huge"})
"""These cost a second each, so they are tried on few calls."""
FEW = ("chat", "messages stream")


def cases(calls: Collection[str]) -> Iterator[Any]:
    for phase, fault, plain, call in product(PHASES, FAULTS, (False, True), CALLS):
        if fault in ("hang", "swallow") and plain:
            continue  # that is to sleep
        if phase == "on_event" and call not in STREAMS:
            continue
        if call in (FEW if fault in SLOW else calls):
            yield pytest.param(phase, fault, plain, call, id=f"{phase}-{fault}-{'plain' if plain else 'async'}-{call}")


@pytest.mark.parametrize(("phase", "fault", "plain", "call"), list(cases(CALLS)))
def test_hook_when_it_is_at_fault_and_closed_then_the_request_fails_and_the_next_one_is_served(
    closed: LiveGateway, phase: str, fault: str, plain: bool, call: str
) -> None:
    began = time.monotonic()
    answer = ask(closed, call, model_of(phase, fault, plain=plain))
    assert time.monotonic() - began < 8
    after_a_stream = phase == "after_request" and CALLS[call].streamed
    if after_a_stream or not_at_fault(phase, fault, call):
        assert complete(call, answer), answer.text
    elif answer.status_code == 200:
        assert CALLS[call].streamed
        assert not complete(call, answer) or b"hook_failed" in answer.content
        assert b"hook_failed" in answer.content or b"hook_unavailable" in answer.content
    else:
        assert answer.status_code in (500, 503), answer.text
        assert answer.headers["content-type"] == "application/json"
        assert "hook" in answer.text
    assert complete("chat", ask(closed, "chat", "good"))


@pytest.mark.parametrize(("phase", "fault", "plain", "call"), list(cases(FEW)))
def test_hook_when_it_is_at_fault_and_open_then_the_request_goes_on_without_it(
    opened: LiveGateway, phase: str, fault: str, plain: bool, call: str
) -> None:
    answer = ask(opened, call, model_of(phase, fault, plain=plain))
    assert complete(call, answer), answer.text
    assert "x" * 100 not in answer.text


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("fault", FAULTS)
def test_error_hook_when_it_is_at_fault_then_the_error_is_told_as_it_was(closed: LiveGateway, fault: str, plain: bool) -> None:
    answer = ask(closed, "chat", model_of("on_error", fault, plain=plain))
    assert (answer.status_code, code_of(answer)) == (502, "upstream_server_error")


def test_hook_when_it_has_failed_often_then_it_is_left_alone_and_the_metrics_tell(closed: LiveGateway) -> None:
    name = model_of("before_request", "junk", plain=False)
    answers = [ask(closed, "chat", name) for _ in range(8)]
    assert answers[-1].status_code == 503
    assert code_of(answers[-1]) == "hook_unavailable"
    assert answers[-1].headers["retry-after"]
    told = httpx.get(f"{closed.base_url}/metrics", trust_env=False, timeout=5).text
    assert f'signalbox_hook_failures_total{{hook="{name}"}}' in told


def not_at_fault(phase: str, fault: str, call: str) -> bool:
    """What such a hook does, and may."""
    return phase == "after_request" and fault in ("huge", "spoil") and CALLS[call].streamed
