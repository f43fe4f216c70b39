"""Are requests held to their limits, and told of them, as their clients understand it?"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.fakes.chaos.process import eventually
from tests.live import LiveGateway, body

RATELIMIT = "x-ratelimit-{}-{}"


class Caller:
    """A client with a key of its own, made with these options of `create_api_key`."""

    def __init__(self, gateway: LiveGateway, *options: str) -> None:
        self.name = f"limited-{uuid4().hex[:8]}"
        made = gateway.create_key(self.name, *options)
        self.id, self.key = made["id"], made["key"]
        self.http = httpx.Client(base_url=gateway.base_url, headers=gateway.headers(self.key), trust_env=False, timeout=30)
        assert eventually(lambda: self.http.get("/v1/models").status_code == 200, 10, 0.02)

    def chat(self, model: str = "chaos/ok", **fields: Any) -> httpx.Response:
        return self.http.post("/v1/chat/completions", json=body(model, **fields))


@pytest.fixture(scope="module", autouse=True)
def models(shared_gateway: LiveGateway) -> None:
    shared_gateway.define("ok", "ok-usage-400-100", "slow-400ms", "hang", "stream-stall-after-2", "status-500", "stream-ok-5")


Make = Callable[..., Caller]


@pytest.fixture
def caller_with(gateway: LiveGateway) -> Iterator[Make]:
    """Makes clients with these options of `create_api_key`."""
    made: list[Caller] = []

    def make(*options: str) -> Caller:
        made.append(Caller(gateway, *options))
        return made[-1]

    yield make
    for caller in made:
        caller.http.close()


@pytest.fixture
def limit(gateway: LiveGateway) -> Iterator[Any]:
    """Makes rows of limits, which end with the test."""
    made: list[str] = []

    def make(model: str = "", **values: Any) -> None:
        if model:
            values["model_id"] = gateway.operator.rows("ModelDefinition", {"name": model})[0]["id"]
        row = {"per": "minute", "algorithm": "sliding_window", **values}
        made.append(gateway.operator.create("models_catalog.Limit", **row))

    yield make
    for row in made:
        gateway.operator.delete("Limit", {"pk": row})


def error(answer: httpx.Response) -> dict[str, Any]:
    found: dict[str, Any] = answer.json()["error"]
    return found


def test_requests_when_the_limit_is_reached_then_429_says_whose_and_when(caller_with: Make) -> None:
    caller = caller_with("--rpm", "3")
    answers = [caller.chat() for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert [answer.headers[RATELIMIT.format("remaining", "requests")] for answer in answers] == ["2", "1", "0", "0", "0"]
    assert {answer.headers[RATELIMIT.format("limit", "requests")] for answer in answers} == {"3"}
    refused = answers[-1]
    assert (error(refused)["code"], error(refused)["type"]) == ("rate_limit_exceeded", "rate_limit_error")
    assert "this key on requests per minute: limit 3" in error(refused)["message"]
    assert 50 < int(refused.headers["retry-after"]) <= 61
    assert 50_000 < int(refused.headers["retry-after-ms"]) <= 60_200
    assert re.fullmatch(r"\d+s|1m\d+s", refused.headers[RATELIMIT.format("reset", "requests")])


def test_tokens_when_the_usage_is_known_then_it_counts_in_place_of_the_estimate(caller_with: Make) -> None:
    caller = caller_with("--tpm", "10000")
    first = caller.chat("chaos/ok-usage-400-100", max_tokens=3000)
    assert int(first.headers[RATELIMIT.format("remaining", "tokens")]) in range(6900, 7000)
    second = caller.chat("chaos/ok-usage-400-100", max_tokens=1)
    assert int(second.headers[RATELIMIT.format("remaining", "tokens")]) in range(9400, 9500)


def test_tokens_when_the_upstream_fails_then_none_are_used(gateway: LiveGateway, caller_with: Make) -> None:
    caller = caller_with("--tpm", "10000")
    assert caller.chat("chaos/status-500", max_tokens=5000).status_code >= 500
    assert int(caller.chat(max_tokens=1).headers[RATELIMIT.format("remaining", "tokens")]) > 9900
    gateway.expect_errors()


def test_tokens_when_a_request_can_never_fit_then_it_is_told_not_to_try_again(caller_with: Make) -> None:
    caller = caller_with("--tpm", "1000", "--rpm", "100")
    refused = caller.chat(max_tokens=5000)
    assert refused.status_code == 429
    assert refused.headers["x-should-retry"] == "false"
    assert "retry-after" not in refused.headers
    assert "too large" in error(refused)["message"]
    assert caller.chat(max_tokens=1).headers[RATELIMIT.format("remaining", "requests")] == "99"


def test_messages_when_limited_then_the_headers_are_anthropics(caller_with: Make) -> None:
    caller = caller_with("--rpm", "1", "--tpm", "100000")
    asked = {"model": "chaos/ok", "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]}
    first, second = [caller.http.post("/v1/messages", json=asked) for _ in range(2)]
    assert (first.status_code, second.status_code) == (200, 429)
    for answer in (first, second):
        assert answer.headers["anthropic-ratelimit-requests-limit"] == "1"
        assert answer.headers["anthropic-ratelimit-requests-remaining"] == "0"
        reset = datetime.fromisoformat(answer.headers["anthropic-ratelimit-requests-reset"])
        assert 50 < (reset - datetime.now(UTC)).total_seconds() < 62
        assert {f"anthropic-ratelimit-{kind}-limit" for kind in ("tokens", "input-tokens", "output-tokens")} <= set(
            answer.headers
        )
        assert "x-ratelimit-limit-requests" not in answer.headers
    assert second.json()["error"]["type"] == "rate_limit_error"
    assert "retry-after" in second.headers


def test_fallback_when_its_own_limit_is_reached_then_it_is_passed_over(
    gateway: LiveGateway, caller_with: Make, limit: Any
) -> None:
    models = {"falls": [{"upstream_model": "status-500"}], "spare": [{"upstream_model": "ok"}]}
    gateway.define_models(models, fallbacks={"falls": ["spare"]})
    limit("spare", counted="requests", amount=1)
    caller = caller_with()  # whose key comes into force after the limit
    first, second = caller.chat("falls"), caller.chat("falls")
    assert (first.status_code, first.headers["x-gateway-model"]) == (200, "spare")
    assert (second.status_code, second.headers["x-gateway-attempts"]) == (429, "1")
    assert "fallback model" in error(second)["message"]
    assert caller.chat("spare").status_code == 429, "what was passed over has counted nothing, and what was served once"
    gateway.expect_errors()


def test_concurrent_when_clients_leave_then_their_places_are_given_back(gateway: LiveGateway, caller_with: Make) -> None:
    caller = caller_with("--max-concurrent", "2")
    gateway.chaos.reset()
    with ThreadPoolExecutor(3) as threads:
        waiting = [threads.submit(caller.http.post, "/v1/chat/completions", json=body("chaos/hang"), timeout=6) for _ in range(2)]
        assert eventually(lambda: len(gateway.chaos.log()) == 2, 5, 0.02), "both places are taken"
        refused = caller.chat()
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert "concurrent requests: limit 2" in error(refused)["message"]
        assert all(isinstance(one.exception(), httpx.TimeoutException) for one in waiting)
    assert eventually(lambda: caller.chat().status_code == 200, 5, 0.05)


def test_concurrent_when_a_stream_is_left_then_its_place_is_given_back(caller_with: Make) -> None:
    caller = caller_with("--max-concurrent", "1")
    with caller.http.stream("POST", "/v1/chat/completions", json=body("chaos/stream-stall-after-2", stream=True)) as stream:
        assert stream.status_code == 200
        assert caller.chat().status_code == 429
    assert eventually(lambda: caller.chat().status_code == 200, 5, 0.05)


def test_waiting_when_a_key_allows_it_then_its_requests_are_served_in_turn(caller_with: Make) -> None:
    caller = caller_with("--max-concurrent", "1", "--max-wait", "20")
    ended: list[int] = []

    def ask(number: int) -> int:
        status = caller.chat("chaos/slow-400ms").status_code
        ended.append(number)
        return status

    with ThreadPoolExecutor(4) as threads:
        asked = []
        for number in range(4):
            asked.append(threads.submit(ask, number))
            time.sleep(0.1)  # they shall come in this order
        assert [one.result() for one in asked] == [200] * 4
    assert ended == sorted(ended)


def test_waiting_when_it_would_be_too_long_then_429_at_once(caller_with: Make) -> None:
    caller = caller_with("--rpm", "1", "--max-wait", "2")
    assert caller.chat().status_code == 200
    began = time.monotonic()
    assert caller.chat().status_code == 429
    assert time.monotonic() - began < 1.5


def test_waiting_when_the_client_leaves_then_it_leaves_the_line(gateway: LiveGateway, caller_with: Make) -> None:
    caller = caller_with("--max-concurrent", "1", "--max-wait", "20")
    with caller.http.stream("POST", "/v1/chat/completions", json=body("chaos/stream-stall-after-2", stream=True)):
        with pytest.raises(httpx.TimeoutException):
            caller.http.post("/v1/chat/completions", json=body("chaos/ok"), timeout=0.5)
        assert eventually(lambda: "signalbox_limits_waiting 0" in gateway.http.get("/metrics").text, 5, 0.05)
    assert caller.chat().status_code == 200


def test_waiting_when_one_key_asks_much_then_another_is_not_starved(gateway: LiveGateway, caller_with: Make, limit: Any) -> None:
    limit("chaos/slow-400ms", counted="concurrent", amount=1)
    much, little = caller_with("--max-wait", "25"), caller_with("--max-wait", "25")
    order: list[str] = []

    def ask(caller: Caller, name: str) -> None:
        if caller.chat("chaos/slow-400ms").status_code == 200:
            order.append(name)

    threads = [threading.Thread(target=ask, args=(much, "much")) for _ in range(6)]
    for thread in threads:
        thread.start()
    assert eventually(lambda: re.search(r"signalbox_limits_waiting [345]", gateway.http.get("/metrics").text), 5, 0.02)
    threads.append(threading.Thread(target=ask, args=(little, "little")))
    threads[-1].start()
    for thread in threads:
        thread.join(30)
    assert len(order) == 7
    assert order.index("little") < 5


def test_limits_when_several_are_for_a_request_then_a_refusal_of_one_costs_nothing_of_the_others(
    gateway: LiveGateway, caller_with: Make, limit: Any
) -> None:
    caller = caller_with("--rpm", "900")
    limit(client_key_id=caller.id, counted="requests", amount=2, per="hour", algorithm="fixed_window")
    asked = [0]

    def chat() -> httpx.Response:
        asked[0] += 1
        return caller.chat()

    assert eventually(lambda: chat().headers.get(RATELIMIT.format("limit", "requests")) == "2", 10, 0.02)
    answers = [caller.chat() for _ in range(10)]
    assert answers[-1].status_code == 429
    assert "requests per hour" in error(answers[-1])["message"]
    gateway.operator.delete("Limit", {"client_key_id": caller.id, "per": "hour"})
    assert eventually(lambda: chat().status_code == 200, 10, 0.05)
    assert int(chat().headers[RATELIMIT.format("remaining", "requests")]) > 900 - 10 - asked[0]


def test_answers_when_there_are_no_limits_then_nothing_tells_of_any(caller_with: Make) -> None:
    assert not [name for name in caller_with().chat().headers if "ratelimit" in name or name == "x-gateway-limits"]


@pytest.mark.parametrize("options", [("--rpm", "0"), ("--tpm", "-5"), ("--max-concurrent", "9" * 30), ("--max-wait", "-1")])
def test_create_api_key_when_a_limit_is_out_of_bounds_then_no_key_is_made(gateway: LiveGateway, options: tuple[str, str]) -> None:
    name = f"refused-{uuid4().hex[:8]}"
    with pytest.raises(Exception, match=r"(greater|less) than or equal|valid integer|between"):
        gateway.create_key(name, *options)
    assert gateway.operator.rows("ClientKey", {"name": name}) == []
