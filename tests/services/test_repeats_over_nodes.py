"""Is a request with an `Idempotency-Key` served once over two nodes, whatever is away meanwhile?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.fakes.chaos.process import Chaos, eventually
from tests.live import LiveGateway, body, error_of
from tests.services.conftest import database, replaced
from tests.services.proxy import Proxy

CHAT = "/v1/chat/completions"
MARK = "x-gateway-idempotent"
PACED, LONG = "chaos/stream-paced-50ms-20", "chaos/stream-paced-50ms-100"
LOST_WITHIN_S = 30.0
"""10 seconds in peace, after which nobody waits for a worker that is gone."""


class Nodes:
    """Two gateways on one PostgreSQL; the way of the `first` one, which has two workers, can be disturbed."""

    def __init__(self, first: LiveGateway, second: LiveGateway, proxy: Proxy) -> None:
        self.first, self.second = first, second
        self.proxy = proxy


@pytest.fixture(scope="module")
def nodes(
    postgres_url: str, migrated_postgres: str, shared_chaos: Chaos, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Nodes]:
    parts = httpx.URL(postgres_url)
    with database(postgres_url, migrated_postgres) as url, Proxy(parts.host, parts.port or 5432) as proxy:
        through = replaced(url, host="127.0.0.1", port=proxy.port)
        first = LiveGateway(tmp_path_factory.mktemp("first"), shared_chaos, workers=2, DATABASE_URL=through)
        second = LiveGateway(tmp_path_factory.mktemp("second"), shared_chaos, DATABASE_URL=url)
        with first, second:
            first.define("ok", "slow-300ms", PACED.removeprefix("chaos/"), LONG.removeprefix("chaos/"), input_price="5")
            second.wait_visible(PACED)
            second.key = first.key
            yield Nodes(first, second, proxy)
            first.expect_errors()


@pytest.fixture
def key() -> str:
    return str(uuid4())


def post(gateway: LiveGateway, key: str, model: str = "chaos/ok", **fields: Any) -> httpx.Response:
    """Over a new connection, which any worker may take."""
    headers = {**gateway.headers(), **({"idempotency-key": key} if key else {})}
    with httpx.Client(base_url=gateway.base_url, trust_env=False, timeout=40) as client:
        return client.post(CHAT, json=body(model, **fields), headers=headers)


@contextmanager
def begun(gateway: LiveGateway, key: str, model: str) -> Iterator[Iterator[bytes]]:
    """A stream whose first bytes have come; the rest of it."""
    headers = {**gateway.headers(), "idempotency-key": key}
    with (
        httpx.Client(base_url=gateway.base_url, trust_env=False, timeout=40) as client,
        client.stream("POST", CHAT, json=body(model, stream=True), headers=headers) as answer,
    ):
        assert answer.status_code == 200
        pieces = answer.iter_bytes()
        first = next(pieces)

        def rest() -> Iterator[bytes]:
            yield first
            yield from pieces

        yield rest()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_repeat_when_it_comes_to_the_other_node_then_it_attaches_and_later_ones_are_replayed(
    nodes: Nodes, chaos: Chaos, key: str, stream: bool
) -> None:
    model = PACED if stream else "chaos/slow-300ms"
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(post, nodes.first, key, model, stream=stream)
        assert eventually(chaos.log, 10)
        second = post(nodes.second, key, model, stream=stream)
    later = [post(gateway, key, model, stream=stream) for gateway in (nodes.second, nodes.first)]
    answers = [first.result(), second, *later]
    assert [answer.headers.get(MARK) for answer in answers] == [None, "replayed", "replayed", "replayed"]
    assert len({answer.content for answer in answers}) == 1
    assert len(chaos.log()) == 1
    mismatched = post(nodes.second, key, model, stream=stream, seed=1)
    assert (mismatched.status_code, error_of(mismatched)["code"]) == (422, "idempotency_mismatch")


def test_repeat_when_the_first_leaves_and_one_waits_at_the_other_node_then_that_one_gets_all_of_it(
    nodes: Nodes, chaos: Chaos, key: str
) -> None:
    with ThreadPoolExecutor(1) as threads:
        with begun(nodes.first, key, LONG):
            other = threads.submit(post, nodes.second, key, LONG, stream=True)
            assert eventually(lambda: followed(nodes), 5, 0.05)
        answer = other.result()
    assert answer.text.endswith("data: [DONE]\n\n")
    assert len(chaos.log()) == 1


def followed(nodes: Nodes) -> bool:
    """Whether somebody waits at another worker for what is under way."""
    return bool(nodes.second.operator.rows("openai_api.RepeatRow", {"state": "running", "followed_at__isnull": False}))


@contextmanager
def cut(proxy: Proxy) -> Iterator[None]:
    proxy.cut()
    yield
    proxy.restore()


@contextmanager
def frozen(proxy: Proxy) -> Iterator[None]:
    proxy.freeze()
    yield
    proxy.thaw()


Outage = Callable[[Proxy], AbstractContextManager[None]]
outages = pytest.mark.parametrize("outage", [cut, frozen], ids=["cut", "frozen"])


@outages
def test_repeat_when_the_database_is_away_then_503_and_no_call_and_served_once_it_is_back(
    nodes: Nodes, chaos: Chaos, key: str, outage: Outage
) -> None:
    with outage(nodes.proxy):
        refused = post(nodes.first, key)
        assert (refused.status_code, error_of(refused)["code"]) == (503, "store_unavailable")
        assert int(refused.headers["retry-after"]) >= 1
        assert not chaos.log()
        assert post(nodes.first, "").status_code == 200
    chaos.reset()
    assert eventually(lambda: post(nodes.first, key).status_code == 200, LOST_WITHIN_S, 0.2)
    again = post(nodes.second, key)
    assert again.headers[MARK] == "replayed"
    assert len(chaos.log()) == 1


@outages
def test_stream_when_the_database_goes_away_meanwhile_then_it_ends_well_and_is_replayed_once_that_is_back(
    nodes: Nodes, chaos: Chaos, key: str, outage: Outage
) -> None:
    with begun(nodes.first, key, PACED) as pieces, outage(nodes.proxy):
        heard = b"".join(pieces)
    assert heard.endswith(b"data: [DONE]\n\n")
    answers = [post(gateway, key, PACED, stream=True) for gateway in (nodes.second, nodes.first)]
    assert [(answer.headers.get(MARK), answer.content) for answer in answers] == [("replayed", heard)] * 2
    assert len(chaos.log()) == 1
