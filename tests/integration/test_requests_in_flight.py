"""Is a request seen while it runs, and stopped in its dialect, whichever worker has it? And what is kept of a failed try?"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from html import unescape

import httpx
import pytest

from tests.fakes.chaos.process import Chaos, eventually
from tests.live import PROVIDER_KEY, LiveGateway, body
from tests.live_admin import Visitor
from tests.live_fixtures import StartGateway
from tests.socket_client import dial

OPERATOR, PASSWORD = "operator", "correct-horse-battery"
RUNNING = "/admin/openai_api/usagerecord/running/"
ENDLESS = "stream-stall-after-3"
STOPPED = "stopped_by_operator"
STOP = re.compile(r'name="request_id" value="([^"]+)"><input type="hidden" name="started" value="([^"]+)"')


@pytest.fixture(scope="module")
def shared(start_gateway: StartGateway) -> LiveGateway:
    gateway = start_gateway(workers=2)
    gateway.define("hang", ENDLESS, "status-500-leak", "ok")
    both = {f"turns/{name}": [{"upstream_model": name}] for name in ("hang", ENDLESS, "ok")}
    gateway.define_models(both, capabilities=["chat", "responses"])
    gateway.define_models({"falls": [{"upstream_model": "status-500-leak"}, {"upstream_model": "ok"}]})
    gateway.operator.create_superuser(OPERATOR, PASSWORD)
    return gateway


@pytest.fixture
def gateway(chaos: Chaos, shared: LiveGateway) -> Iterator[LiveGateway]:
    yield shared
    shared.check()


@pytest.fixture
def visitor(gateway: LiveGateway) -> Visitor:
    found = Visitor(gateway)
    assert found.sign_in(OPERATOR, PASSWORD) == 302
    return found


class Asking:
    """A request on a thread and a connection of its own."""

    def __init__(self, gateway: LiveGateway, request_id: str, path: str, **sent: object) -> None:
        self.text, self.status = "", 0
        self._url, self._sent = gateway.base_url + path, sent
        self._headers = {**gateway.headers(), "x-request-id": request_id}
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with httpx.stream("POST", self._url, json=self._sent, headers=self._headers, trust_env=False, timeout=30) as answer:
            self.status = answer.status_code
            for text in answer.iter_text():
                self.text += text

    def ended(self) -> bool:
        self._thread.join(10)
        return not self._thread.is_alive()


def stop(visitor: Visitor, request_id: str) -> None:
    """Waits until the request is on the page, and presses its button."""
    found: dict[str, str] = {}

    def there() -> bool:
        found.update(dict(STOP.findall(unescape(visitor.ask("GET", RUNNING).text))))
        return request_id in found

    assert eventually(there, 10, 0.3)
    assert visitor.post(f"{RUNNING}stop/", request_id=request_id, started=found[request_id]).status_code == 302


def running(visitor: Visitor) -> str:
    """The id of the only request in flight."""
    found: list[str] = []

    def there() -> bool:
        found[:] = [request_id for request_id, _ in STOP.findall(unescape(visitor.ask("GET", RUNNING).text))]
        return len(found) == 1

    assert eventually(there, 10, 0.3)
    return found[0]


def row(gateway: LiveGateway, request_id: str) -> dict[str, object]:
    found: list[dict[str, object]] = []

    def there() -> bool:
        found[:] = gateway.operator.rows("openai_api.UsageRecord", {"request_id": request_id})
        return bool(found)

    assert eventually(there, 6, 0.2)
    return found[0]


MESSAGES = [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize(
    ("path", "model", "more", "told", "status"),
    [
        ("/v1/chat/completions", "chaos/hang", {}, '"code":"stopped_by_operator"', 503),
        ("/v1/chat/completions", f"chaos/{ENDLESS}", {"stream": True}, '"code":"stopped_by_operator"', 200),
        ("/v1/messages", f"chaos/{ENDLESS}", {"stream": True, "max_tokens": 9}, "event: error", 200),
    ],
)
def test_request_when_an_operator_stops_it_then_the_client_is_told_and_the_row_says_so(
    gateway: LiveGateway, visitor: Visitor, path: str, model: str, more: dict[str, object], told: str, status: int
) -> None:
    request_id = f"stopped-{path.rsplit('/', 1)[-1]}-{status}"
    asking = Asking(gateway, request_id, path, model=model, messages=MESSAGES, **more)
    stop(visitor, request_id)
    assert asking.ended()
    assert asking.status == status
    assert told in asking.text.replace('": "', '":"')
    kept = row(gateway, request_id)
    assert (kept["status"], kept["error"], kept["client_aborted"]) == (status, "stopped_by_operator", False)
    assert f"{request_id}" in visitor.ask("GET", "/admin/openai_api/usagerecord/?outcome=stopped").text


@pytest.mark.parametrize("stream", [False, True])
def test_response_in_the_background_when_an_operator_stops_it_then_it_has_failed(
    gateway: LiveGateway, visitor: Visitor, stream: bool
) -> None:
    asked = {"model": f"turns/{ENDLESS}" if stream else "turns/hang", "input": "hi", "background": True, "stream": stream}
    asking = Asking(gateway, f"asks-{stream}", "/v1/responses", **asked)
    assert eventually(lambda: "response.output_text.delta" in asking.text if stream else '"queued"' in asking.text, 10, 0.05)
    found = re.search(r'"id": ?"(resp_[^"]+)"', asking.text)
    assert found is not None
    stop(visitor, found[1])
    assert eventually(lambda: gateway.http.get(f"/v1/responses/{found[1]}").json()["status"] == "failed", 10, 0.1)
    assert gateway.http.get(f"/v1/responses/{found[1]}").json()["error"]["code"] == STOPPED
    kept = row(gateway, found[1])
    assert (kept["error"], kept["client_aborted"]) == (STOPPED, False)
    assert asking.ended()
    assert ("event: response.failed" in asking.text) == stream
    assert eventually(lambda: found[1] not in dict(STOP.findall(unescape(visitor.ask("GET", RUNNING).text))), 10, 0.3)


def test_turn_of_a_socket_when_an_operator_stops_it_then_the_next_one_is_answered(gateway: LiveGateway, visitor: Visitor) -> None:
    with dial(gateway) as socket:
        socket.ask(f"turns/{ENDLESS}")
        assert socket.event()["type"] == "response.created"
        turn = running(visitor)
        stop(visitor, turn)
        last = socket.events()[-1]
        assert STOPPED in json.dumps(last)
        assert row(gateway, turn)["error"] == STOPPED
        socket.response("turns/ok")


def test_tries_when_the_upstream_repeats_the_key_then_its_words_are_kept_without_it(
    gateway: LiveGateway, visitor: Visitor
) -> None:
    headers = {**gateway.headers(), "x-request-id": "leaked"}
    assert gateway.http.post("/v1/chat/completions", json=body("falls"), headers=headers).status_code == 200
    kept = row(gateway, "leaked")
    first, last = json.loads(str(kept["attempts"]))
    assert first["message"].startswith("status 500: ")
    assert "message" not in last
    page = visitor.ask("GET", f"/admin/openai_api/usagerecord/{kept['id']}/change/").text
    assert "status 500: " in page
    for text in (str(kept["attempts"]), page):
        assert PROVIDER_KEY not in text
        assert PROVIDER_KEY[3:-4] not in text
        assert gateway.headers()["authorization"].split()[1] not in text


def test_csv_of_a_running_gateway_then_a_file(gateway: LiveGateway, visitor: Visitor) -> None:
    headers = {**gateway.headers(), "x-request-id": "filed"}
    assert gateway.http.post("/v1/chat/completions", json=body("chaos/ok"), headers=headers).status_code == 200
    row(gateway, "filed")
    answer = visitor.ask("GET", "/admin/openai_api/usagerecord/csv/?request_id=filed")
    assert answer.headers["content-type"].startswith("text/csv")
    assert len(answer.text.splitlines()) == 2
