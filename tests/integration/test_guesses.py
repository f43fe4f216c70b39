"""What becomes of somebody who guesses keys, and of those who share his address?"""

from __future__ import annotations

import random
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import openai
import pytest

from tests.integration.test_bad_requests import address, read_message
from tests.live import LiveGateway, error_of
from tests.live_fixtures import StartGateway

GUESSES = 3000
DEFAULT = 60
NAMES = ("authorization", "x-api-key", "api-key")
ANSWERED_WITHIN_S = 1.5
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def guarded(start_gateway: StartGateway) -> LiveGateway:
    """A gateway that counts guesses as it does by default."""
    gateway = counting(start_gateway, "")
    gateway.define("ok")
    return gateway


def counting(start_gateway: StartGateway, limit: str) -> LiveGateway:
    """A gateway with that limit, which has counted nothing yet: its own key was known when it began to count."""
    gateway = start_gateway()
    gateway.restart(GATEWAY_GUESSES_PER_MINUTE=limit)
    return gateway


def guesses() -> Iterator[str]:
    draw = random.Random(3)
    for number in range(GUESSES):
        yield "sk-gw-" + "".join(draw.choices(BASE62, k=57)) if number % 3 else f"guess-{number}"


def reads(gateway: LiveGateway) -> int:
    """How many read system calls the server has made: a query of SQLite takes several."""
    return int(Path(f"/proc/{gateway.process.pid}/io").read_text().split("syscr: ")[1].split()[0])


def ask(gateway: LiveGateway, **headers: str) -> httpx.Response:
    return httpx.get(f"{gateway.base_url}/v1/models", headers=headers, trust_env=False)


def test_keys_when_guessed_by_the_thousand_are_429_ask_no_database_and_leave_valid_keys_alone(guarded: LiveGateway) -> None:
    guess = "GET /v1/models HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n"
    data = "".join(map(guess.format, guesses())).encode()
    io_before = reads(guarded)
    with socket.create_connection(address(guarded), timeout=30) as sock, ThreadPoolExecutor(1) as pool:
        sending = pool.submit(sock.sendall, data)
        waits, statuses = [], []
        with sock.makefile("rb") as file:
            for number in range(GUESSES):
                statuses.append(read_message(file)[0])
                if number % 300 == 0:
                    started = time.monotonic()
                    assert guarded.chat("chaos/ok").status_code == 200
                    waits.append(time.monotonic() - started)
        sending.result()
    counted = Counter(statuses)
    assert set(counted) == {401, 429}
    assert counted[401] <= 2 * DEFAULT, "a minute may have passed"
    assert statuses[: DEFAULT // 2] == [401] * (DEFAULT // 2)
    assert reads(guarded) - io_before < GUESSES * 4
    assert sorted(waits)[len(waits) // 2] < ANSWERED_WITHIN_S
    assert guarded.operator.rows("openai_api.UsageRecord", {"client_name": None, "path": "/v1/models"}) == []


def test_key_when_mistyped_once_is_401_and_without_one_always(guarded: LiveGateway) -> None:
    assert {ask(guarded).status_code for _ in range(2 * DEFAULT)} == {401}
    assert ask(guarded, authorization="Bearer mistyped").status_code == 401


def test_answer_when_too_many_keys_were_tried_says_until_when_and_nothing_else(start_gateway: StartGateway) -> None:
    gateway = counting(start_gateway, "3")
    answers = [ask(gateway, **{name: f"guess-{number}"}) for number in range(2) for name in NAMES]
    assert [answer.status_code for answer in answers] == [401] * 3 + [429] * 3
    error = error_of(answers[-1])
    assert (error["type"], error["code"]) == ("rate_limit_error", "too_many_invalid_keys")
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60
    assert "guess" not in answers[-1].text
    assert [ask(gateway, **{name: gateway.key}).status_code for name in NAMES] == [200] * 3
    started = time.monotonic()
    with openai.OpenAI(base_url=f"{gateway.base_url}/v1", api_key="guess") as client, pytest.raises(openai.RateLimitError):
        client.models.list()
    assert time.monotonic() - started < 5, "it was tried again"
