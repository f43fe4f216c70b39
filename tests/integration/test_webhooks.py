"""Does another program hear of each request, once it takes what it is sent, and can it trust that?"""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.chaos.process import Chaos, eventually
from tests.fakes.webhook_receiver import Receiver, verified
from tests.live import LiveGateway
from tests.live_fixtures import StartGateway

SECRET = "whsec_" + base64.b64encode(b"a webhook's own canary key 0123456789").decode()
TAKEN_WITHIN = 12.0
"""A quarter of a second until it is in the outbox, two until a worker looks there."""


def hooks(*webhooks: dict[str, Any]) -> str:
    return json.dumps([{"hook": "webhook", "options": {"secret": SECRET, "first_pause": 0.1, **options}} for options in webhooks])


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


@pytest.fixture(scope="module", params=["process", "thread"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_request_when_it_has_ended_is_told_with_a_signature_that_holds(
    start_gateway: StartGateway, receiver: Receiver, mode: str
) -> None:
    options = {"url": receiver.url, "headers": {"x-team": "canary-of-a-header"}}
    gateway = start(start_gateway, options, GATEWAY_RECORDER=mode)
    answer = gateway.chat("chaos/ok")
    gateway.chat("chaos/status-503")
    assert eventually(lambda: len(receiver.posts) == 2, TAKEN_WITHIN), gateway.log_text()[-3000:]
    (finished,), (failed,) = receiver.of("request.finished"), receiver.of("request.failed")
    assert verified(finished, SECRET)
    assert not verified(finished._replace(body=finished.body + b" "), SECRET)
    assert (finished.path, finished.headers["content-type"]) == ("/in?team=a", "application/json")
    assert finished.headers["x-team"] == "canary-of-a-header"
    data = finished.told["data"]
    assert data["request_id"] == answer.headers["x-request-id"]
    assert (data["status"], data["model"], data["client"]["name"]) == (200, "chaos/ok", "tests")
    assert failed.told["data"]["status"] == 503
    assert b"content" not in finished.body
    rows = gateway.operator.rows("openai_api.JobRow", {"kind": "webhook"})
    assert not any(text in str(rows) for text in (SECRET[6:], "canary-of-a-header", receiver.url))
    assert eventually(lambda: states(gateway) == ["done", "done"], TAKEN_WITHIN)
    assert "canary" not in gateway.settled_log()


def test_message_when_the_receiver_fails_is_sent_again_with_the_same_id_and_a_new_signature(
    start_gateway: StartGateway, receiver: Receiver
) -> None:
    receiver.answers = [500, 302, 429]
    gateway = start(start_gateway, {"url": receiver.url})
    gateway.chat("chaos/ok")
    assert eventually(lambda: len(receiver.posts) == 4, 2 * TAKEN_WITHIN), gateway.log_text()[-3000:]
    assert len({post.headers["webhook-id"] for post in receiver.posts}) == 1
    assert len({post.body for post in receiver.posts}) == 1
    assert all(verified(post, SECRET) for post in receiver.posts)
    assert eventually(lambda: states(gateway) == ["done"], TAKEN_WITHIN)


def test_message_when_nobody_takes_it_is_given_up_after_so_many_tries_and_told_in_the_log(
    start_gateway: StartGateway, receiver: Receiver
) -> None:
    receiver.answers = [500] * 10
    gateway = start(start_gateway, {"url": receiver.url, "max_tries": 2})
    gateway.chat("chaos/ok")
    gateway.wait_logged("webhook message given up: its receiver does not take it")
    assert len(receiver.posts) == 2
    assert eventually(lambda: states(gateway) == ["failed"], TAKEN_WITHIN)
    gateway.check("webhook message given up: its receiver does not take it")


def test_message_when_the_receiver_is_away_over_a_restart_is_delivered_afterwards(start_gateway: StartGateway) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    gateway = start(start_gateway, {"url": f"http://127.0.0.1:{port}/in", "first_pause": 1.0})
    answer = gateway.chat("chaos/ok")
    assert eventually(lambda: states(gateway) == ["queued"] and tries(gateway) > 0, TAKEN_WITHIN)
    gateway.restart()
    with Receiver(port) as receiver:
        assert eventually(lambda: len(receiver.posts) == 1, 2 * TAKEN_WITHIN), gateway.log_text()[-3000:]
    assert receiver.posts[0].told["data"]["request_id"] == answer.headers["x-request-id"]
    assert verified(receiver.posts[0], SECRET)


def test_bodies_when_asked_for_are_told_of_keys_that_allow_it_only(start_gateway: StartGateway, receiver: Receiver) -> None:
    gateway = start(start_gateway, {"url": receiver.url, "include_bodies": True})
    gateway.chat("chaos/ok")
    assert eventually(lambda: len(receiver.posts) == 1, TAKEN_WITHIN)
    assert "request" not in receiver.posts[0].told["data"]
    gateway.operator.update("ClientKey", {"name": "tests"}, {"record_bodies": True})
    gateway.define("ok")  # waits until the catalog is served
    gateway.chat("chaos/ok")
    assert eventually(lambda: len(receiver.posts) == 2, TAKEN_WITHIN)
    data = receiver.posts[1].told["data"]
    assert data["request"]["messages"] == [{"role": "user", "content": "hi"}]
    assert data["answer"]["choices"]


@pytest.mark.parametrize("url", ["http://metadata.evil.example.com:1/", "http://169.254.169.254/latest"])
def test_address_when_it_must_not_be_reached_is_not(start_gateway: StartGateway, url: str) -> None:
    gateway = start(start_gateway, {"url": url, "max_tries": 1})
    gateway.chat("chaos/ok")
    gateway.wait_logged("webhook message given up: its receiver does not take it")
    gateway.check("webhook message given up: its receiver does not take it")


@pytest.fixture
def start_gateway(shared_chaos: Chaos, data_template: Path, tmp_path: Path) -> Iterator[StartGateway]:
    """Starts a gateway that ends with the test: each has a receiver of its own."""
    with ExitStack() as running:

        def begin(*, workers: int = 1, **variables: str) -> LiveGateway:
            return running.enter_context(
                LiveGateway(tmp_path / "data", shared_chaos, workers=workers, template=data_template, **variables)
            )

        yield begin


def start(start_gateway: StartGateway, *webhooks: dict[str, Any], **variables: str) -> LiveGateway:
    """A gateway whose recorder is there: exchanges are told to it, or to nobody."""
    gateway = start_gateway(GATEWAY_HOOKS=hooks(*webhooks), **variables)
    gateway.define("ok", "status-503")
    assert eventually(
        lambda: httpx.get(f"{gateway.base_url}/status", trust_env=False).json()["recorder"]["state"] == "ok", 20, 0.1
    )
    return gateway


def states(gateway: LiveGateway) -> list[str]:
    return sorted(row["state"] for row in gateway.operator.rows("openai_api.JobRow", {"kind": "webhook"}))


def tries(gateway: LiveGateway) -> int:
    return max(int(row["failures"]) for row in gateway.operator.rows("openai_api.JobRow", {"kind": "webhook"}))
