"""Do all workers agree on sessions through Redis, and does nobody wait for it while it is stopped, frozen, slow or cut off?"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from uuid import uuid4

import httpx
import pytest

from tests import needs
from tests.fakes.chaos.process import eventually
from tests.live import LiveGateway
from tests.live_fixtures import StartGateway
from tests.services.own_redis import OwnRedis
from tests.services.proxy import Proxy
from tests.services.test_outages_redis import Site, cut, frozen, slow, stopped
from tests.sessions import WIRES, Json

SESSION = "x-gateway-session-id"
TURNS = 12
WORKERS = 4
SLOWEST_S = 3.0
"""The machine's share of it is most: a request may wait 50 ms for Redis, once."""
AGREED_WITHIN_S = 60.0
outages = pytest.mark.parametrize("outage", [stopped, frozen, slow, cut], ids=lambda outage: outage.__name__)


@pytest.fixture(scope="module")
def site(start_gateway: StartGateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    needs.need("redis", shutil.which("redis-server") is not None, "no redis-server on this machine")
    redis = OwnRedis(tmp_path_factory.mktemp("redis"))
    with Proxy("127.0.0.1", redis.port) as proxy:
        url = f"redis://127.0.0.1:{proxy.port}/0"
        gateway = start_gateway(workers=WORKERS, GATEWAY_SESSIONS="on", REDIS_URL=url)
        gateway.define("ok", capabilities=["chat", "responses"])
        yield Site(gateway, redis, proxy)
        assert gateway.stop() == 0
    redis.stop()


def ask(gateway: LiveGateway, path: str, body: Json, client: httpx.Client | None = None) -> httpx.Response:
    """Over a new connection, which any worker may take, unless a client is given."""
    with httpx.Client(trust_env=False) if client is None else nullcontext(client) as used:
        answer = used.post(gateway.base_url + path.format(model="chaos/ok"), json=body, headers=gateway.headers(), timeout=15)
    assert answer.status_code == 200, answer.text
    return answer


def talk(turns: int) -> Iterator[Json]:
    """A conversation of chat, turn after turn."""
    said: list[Json] = [{"role": "user", "content": f"Hello, {uuid4()}."}]
    for number in range(turns):
        yield {"model": "chaos/ok", "messages": list(said)}
        said += [{"role": "assistant", "content": f"Answer {number}."}, {"role": "user", "content": f"And {number}?"}]


def sessions(gateway: LiveGateway, turns: int = TURNS, client: httpx.Client | None = None) -> set[str]:
    return {ask(gateway, "/v1/chat/completions", body, client).headers[SESSION] for body in talk(turns)}


def workers_of(gateway: LiveGateway, session: str) -> set[int]:
    lines = [json.loads(line) for line in gateway.log_text().splitlines() if f'"session":"{session}"' in line]
    return {line["pid"] for line in lines}


def agrees(ask_all: Callable[[], set[str]]) -> bool:
    """Whether it is one session in the end: on a machine with much to do Redis may be too late for a request now and then."""
    return eventually(lambda: len(ask_all()) == 1, AGREED_WITHIN_S, 0.1)


def test_workers_when_a_conversation_goes_over_all_of_them_then_it_is_one_session(site: Site) -> None:
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: sessions(site.gateway), range(8)))
    alone = [of_one for of_one in found if len(of_one) == 1]
    assert len(alone) >= 6
    assert len(set.union(*alone)) == len(alone)
    pids = partial(map, partial(workers_of, site.gateway), (session for of_one in alone for session in of_one))
    assert eventually(lambda: len(set().union(*pids())) > 1, 60, 0.5)


@pytest.mark.parametrize("wire", WIRES)
def test_workers_when_asked_in_any_wire_then_they_agree(site: Site, wire: str) -> None:
    path, turns = WIRES[wire]

    def asked() -> set[str]:
        return {ask(site.gateway, path, body).headers[SESSION] for body in turns(f"Weather, {uuid4()}?", "chaos/ok")}

    assert agrees(asked)


def test_workers_when_a_response_goes_on_from_anothers_then_it_is_of_its_session(site: Site) -> None:
    def asked() -> set[str]:
        previous, found = None, set()
        for _ in range(TURNS):
            answer = ask(site.gateway, "/v1/responses", {"model": "chaos/ok", "input": "hi", "previous_response_id": previous})
            previous = answer.json()["id"]
            found.add(answer.headers[SESSION])
        return found

    assert agrees(asked)


def test_conversations_when_they_begin_alike_at_several_workers_then_they_are_several(site: Site) -> None:
    def in_order() -> bool:
        first, second = list(talk(2))
        begun = [ask(site.gateway, "/v1/chat/completions", first).headers[SESSION] for _ in range(6)]
        gone_on = [ask(site.gateway, "/v1/chat/completions", second).headers[SESSION] for _ in range(6)]
        assert len(set(begun)) == 6
        return gone_on == begun

    assert eventually(in_order, AGREED_WITHIN_S, 0.1)


@outages
def test_redis_when_away_then_every_request_is_answered_at_once_and_workers_agree_afterwards(
    site: Site, outage: Callable[[Site], AbstractContextManager[None]]
) -> None:
    gateway = site.gateway
    assert agrees(lambda: sessions(gateway))
    start = gateway.log_path.stat().st_size
    with httpx.Client(trust_env=False) as client:
        turns = talk(6)
        begun = ask(gateway, "/v1/chat/completions", next(turns), client).headers[SESSION]
        with outage(site):
            slowest, asked = 0.0, time.monotonic() + 4
            for body in turns:  # one connection, so one worker: it goes on by itself
                assert ask(gateway, "/v1/chat/completions", body, client).headers[SESSION] == begun
            while time.monotonic() < asked:
                at = time.monotonic()
                assert sessions(gateway, 1) != {""}
                slowest = max(slowest, time.monotonic() - at)
        assert slowest < SLOWEST_S
    assert agrees(lambda: sessions(gateway))
    assert eventually(lambda: "sessions are not shared" in gateway.log_text(), 60, 0.1)
    assert gateway.log_text(start).count("sessions are not shared") <= 2 * WORKERS
    assert eventually(lambda: lost(gateway) >= 1, 60, 0.1)


def lost(gateway: LiveGateway) -> float:
    """How often Redis was lost, by all workers."""
    told = re.search(r"^signalbox_sessions_redis_failures_total ([0-9.]+)", gateway.http.get("/metrics").text, re.MULTILINE)
    return float(told[1]) if told else 0.0


def test_redis_when_it_was_never_there_then_sessions_are_found_without_it(start_gateway: StartGateway) -> None:
    gateway = start_gateway(GATEWAY_SESSIONS="on", REDIS_URL="redis://127.0.0.1:1/0")
    gateway.define("ok")
    assert len(sessions(gateway)) == 1  # one worker
