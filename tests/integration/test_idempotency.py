"""Is a request that is sent twice with one `Idempotency-Key` served once, over two workers, and only what may be kept?"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.fakes.chaos.process import Chaos, eventually
from tests.integration.test_recording import rows
from tests.live import LiveGateway, body
from tests.live_fixtures import StartGateway

CHAT, MESSAGES, OLLAMA, GEMINI = "/v1/chat/completions", "/v1/messages", "/api/chat", "/v1beta/models/chaos/ok:generateContent"
RESPONSES, AUDIO = "/v1/responses", "/v1/audio/transcriptions"
MARK = "x-gateway-idempotent"
PACED = "chaos/stream-paced-50ms-20"
Json = dict[str, Any]


@pytest.fixture(scope="module")
def site(start_gateway: StartGateway) -> LiveGateway:
    gateway = start_gateway(workers=2)
    behaviours = ("ok", "stream-paced-50ms-20", "status-400", "status-500", "status-429", "stream-cut-after-3", "slow-300ms")
    gateway.define(*behaviours, capabilities=["chat", "responses", "audio_transcription"])
    return gateway


@pytest.fixture
def key() -> str:
    return str(uuid4())


def post(gateway: LiveGateway, key: str, request: Json, path: str = CHAT, **more: Any) -> httpx.Response:
    """Over a new connection, which any worker may take."""
    headers = {**gateway.headers(), "idempotency-key": key}
    with httpx.Client(base_url=gateway.base_url, trust_env=False, timeout=30) as client:
        return client.post(path, json=request, headers=headers, **more)


def user(text: str = "Hi.") -> list[Json]:
    return [{"role": "user", "content": text}]


REQUESTS: dict[str, tuple[str, Json]] = {
    "chat": (CHAT, {"model": "chaos/ok", "messages": user()}),
    "chat-stream": (CHAT, {"model": "chaos/ok", "messages": user(), "stream": True}),
    "messages": (MESSAGES, {"model": "chaos/ok", "max_tokens": 9, "messages": user(), "stream": True}),
    "gemini": (GEMINI, {"contents": [{"role": "user", "parts": [{"text": "Hi."}]}]}),
    "ollama": (OLLAMA, {"model": "chaos/ok", "messages": user()}),
    "responses": (RESPONSES, {"model": "chaos/ok", "input": "Hi.", "stream": True}),
}
every_dialect = pytest.mark.parametrize("dialect", REQUESTS)


@every_dialect
def test_repeat_when_sent_again_then_the_same_bytes_and_one_call(site: LiveGateway, chaos: Chaos, key: str, dialect: str) -> None:
    path, request = REQUESTS[dialect]
    answers = [post(site, key, request, path) for _ in range(4)]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len({answer.headers["content-type"] for answer in answers}) == 1
    assert [answer.headers.get(MARK) for answer in answers] == [None, "replayed", "replayed", "replayed"]
    assert len(chaos.log()) == 1


@every_dialect
def test_repeat_when_another_body_is_sent_then_422_in_the_dialect(
    site: LiveGateway, chaos: Chaos, key: str, dialect: str
) -> None:
    path, request = REQUESTS[dialect]
    post(site, key, request, path)
    answer = post(site, key, {**request, "other": 1}, path)
    assert answer.status_code == 422
    shapes = {"messages": "error", "gemini": "error", "ollama": "error"}
    told = answer.json()[shapes.get(dialect, "error")]
    assert "Idempotency-Key" in (told if isinstance(told, str) else told["message"])
    if path in (CHAT, RESPONSES):
        assert told["code"] == "idempotency_mismatch"
    assert len(chaos.log()) == 1


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_repeat_when_sent_six_times_at_once_over_two_workers_then_one_call_and_equal_bytes(
    site: LiveGateway, chaos: Chaos, key: str, stream: bool
) -> None:
    request = body(PACED if stream else "chaos/slow-300ms", stream=stream)
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: post(site, key, request), range(6)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert sorted(answer.headers.get(MARK, "") for answer in answers) == ["", *["replayed"] * 5]
    assert len(chaos.log()) == 1


def test_repeat_when_the_path_or_the_key_is_another_then_served(site: LiveGateway, chaos: Chaos, key: str) -> None:
    other = site.create_key("another")["key"]
    site.wait_visible(key=other)
    request = body("chaos/ok")
    post(site, key, request)
    assert MARK not in post(site, f"{key}2", request).headers
    assert post(site, key, request, MESSAGES).status_code in (200, 400)
    with httpx.Client(base_url=site.base_url, trust_env=False) as client:
        answer = client.post(CHAT, json=request, headers={**site.headers(other), "idempotency-key": key})
    assert answer.status_code == 200
    assert MARK not in answer.headers


@pytest.mark.parametrize(
    ("model", "stream", "kept"),
    [
        ("chaos/status-400", False, True),
        ("chaos/status-500", False, False),
        ("chaos/status-429", False, False),
        ("chaos/stream-cut-after-3", True, False),
    ],
    ids=["400", "500", "429", "cut"],
)
def test_repeat_when_the_first_has_failed_then_only_what_stays_so_is_kept(
    site: LiveGateway, chaos: Chaos, key: str, model: str, stream: bool, kept: bool
) -> None:
    answers = [post(site, key, body(model, stream=stream)) for _ in range(2)]
    assert answers[0].status_code == answers[1].status_code
    assert answers[1].headers.get(MARK) == ("replayed" if kept else None)
    assert len(chaos.log()) == (1 if kept else 2)


def test_repeat_when_the_request_itself_was_refused_then_it_can_be_put_right(site: LiveGateway, key: str) -> None:
    assert post(site, key, {"model": "chaos/ok"}).status_code == 400
    assert post(site, key, body("chaos/ok")).status_code == 200


@pytest.mark.parametrize("bad", ["", "x" * 256, "é"], ids=["empty", "long", "not ASCII"])
def test_repeat_when_the_key_is_bad_then_400(site: LiveGateway, chaos: Chaos, bad: str) -> None:
    headers = {**site.headers(), "idempotency-key": bad.encode()}
    answer = httpx.post(f"{site.base_url}{CHAT}", json=body("chaos/ok"), headers=headers, trust_env=False)  # type: ignore[arg-type]
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "Idempotency-Key"
    assert not chaos.log()


def test_repeat_when_answered_then_its_row_costs_nothing(site: LiveGateway, key: str) -> None:
    answers = [post(site, key, body("chaos/ok")) for _ in range(2)]
    first, second = (rows(site, answer.headers["x-request-id"])[0] for answer in answers)
    assert (first["tries"], second["tries"]) == (1, 0)
    assert second["input_tokens"] in (None, 0)
    assert float(second["cost_usd"] or 0) == 0


def test_repeat_when_the_first_leaves_and_nobody_waits_then_it_is_cancelled_and_runs_again(
    site: LiveGateway, chaos: Chaos, key: str
) -> None:
    leave_after_first_bytes(site, key)
    assert chaos.wait_state("client_closed", within=3.0)
    answer = post(site, key, body(PACED, stream=True))
    assert MARK not in answer.headers
    assert answer.text.endswith("data: [DONE]\n\n")


def leave_after_first_bytes(site: LiveGateway, key: str) -> None:
    headers = {**site.headers(), "idempotency-key": key}
    with (
        httpx.Client(base_url=site.base_url, trust_env=False) as client,
        client.stream("POST", CHAT, json=body(PACED, stream=True), headers=headers) as first,
    ):
        pieces = first.iter_bytes()
        next(pieces)


def test_repeat_when_the_first_leaves_and_others_wait_then_they_get_all_of_it(site: LiveGateway, chaos: Chaos, key: str) -> None:
    headers = {**site.headers(), "idempotency-key": key}
    with (
        httpx.Client(base_url=site.base_url, trust_env=False) as client,
        ThreadPoolExecutor(4) as threads,
        client.stream("POST", CHAT, json=body(PACED, stream=True), headers=headers) as first,
    ):
        pieces = first.iter_bytes()
        next(pieces)
        others = [threads.submit(post, site, key, body(PACED, stream=True)) for _ in range(4)]
        eventually(lambda: False, 0.4)
        first.close()
        answers = [other.result() for other in others]
    assert {answer.headers.get(MARK) for answer in answers} == {"replayed"}
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].text.endswith("data: [DONE]\n\n")
    assert len(chaos.log()) == 1


def test_repeat_when_the_gateway_restarts_then_still_replayed(site: LiveGateway, chaos: Chaos, key: str) -> None:
    first = post(site, key, body("chaos/ok"))
    site.restart()
    second = post(site, key, body("chaos/ok"))
    assert (second.headers.get(MARK), second.content) == ("replayed", first.content)
    assert len(chaos.log()) == 1
