"""Do the endpoints beside chat keep the fault matrix: mapped failures, fallback, broken streams, clients that leave?

`faults/bad/CAPABILITY/BEHAVIOUR` is served by that behaviour of the chaos upstream, `faults/then/…` falls over from it to a
vendor that answers well, `faults/fallback/CAPABILITY` to another model.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from providers.capabilities import Capability
from tests.contract.examples import EXAMPLES, Example
from tests.contract.upstream import ANSWERS, TYPES
from tests.fakes.chaos.process import eventually
from tests.fakes.vendor import Answer, Said, Vendor, events, vendor
from tests.live import LiveGateway, error_in, error_of
from tests.live import events as events_in

OTHERS = [example for example in EXAMPLES if example.capability is not Capability.CHAT]
STREAMED: dict[Capability, dict[str, Any]] = {
    Capability.COMPLETION: {"stream": True},
    Capability.TEXT_TO_SPEECH: {"stream_format": "sse"},
    Capability.AUDIO_TRANSCRIPTION: {"stream": True},
    Capability.IMAGE_GENERATION: {"stream": True, "partial_images": 1},
    Capability.IMAGE_EDIT: {"stream": True, "partial_images": 1},
}
"""What makes the answer to a request a stream of events."""
STREAMS = [example for example in OTHERS if example.capability in STREAMED]
SOUND = Capability.TEXT_TO_SPEECH
EARLY = {
    "reset-before-head": (502, "upstream_reset"),
    "not-http": (502, "upstream_protocol_error"),
    "status-401": (502, "upstream_auth_failed"),
    "status-429": (429, "upstream_rate_limited"),
    "status-500": (502, "upstream_server_error"),
    "status-503-html": (503, "upstream_overloaded"),
    "redirect": (502, "upstream_redirect_refused"),
    "hang": (504, "ttft_timeout"),
    "html-200": (502, "upstream_invalid_response"),
    "truncated-json": (502, "upstream_invalid_response"),
    "json-list": (502, "upstream_invalid_response"),
}
EARLY_STREAMS = {
    "stream-empty": (502, "upstream_empty_stream"),
    "stream-error-first": (503, "upstream_overloaded"),
    "stream-error-first-429": (429, "upstream_rate_limited"),
    "stream-cut-after-0": (502, None),
    "stream-stall-after-0": (504, "ttft_timeout"),
}
LATE = {
    "stream-cut-after-3": "upstream_stream_truncated",
    "stream-end-after-3": "upstream_stream_truncated",
    "stream-stall-after-3": "upstream_idle_timeout",
    "stream-error-after-3": "upstream_server_error",
}
LIMITS: dict[str, Any] = {"first_byte_timeout_s": 0.4, "idle_timeout_s": 0.4, "total_timeout_s": 3}
FINISH: dict[Capability, list[dict[str, Any]]] = {
    Capability.COMPLETION: [
        {"object": "text_completion", "model": "up", "choices": [{"index": 0, "text": "hi", "finish_reason": "stop"}]}
    ],
    Capability.TEXT_TO_SPEECH: [{"type": "speech.audio.delta", "audio": "AAAA"}, {"type": "speech.audio.done"}],
    Capability.AUDIO_TRANSCRIPTION: [{"type": "transcript.text.done", "text": "hi"}],
    Capability.IMAGE_GENERATION: [{"type": "image_generation.completed", "b64_json": "AAAA"}],
    Capability.IMAGE_EDIT: [{"type": "image_edit.completed", "b64_json": "AAAA"}],
}
every_endpoint = pytest.mark.parametrize("example", OTHERS, ids=lambda example: example.capability.value)
every_stream = pytest.mark.parametrize("example", STREAMS, ids=lambda example: example.capability.value)


def answer_of(example: Example) -> Answer:
    """What a good vendor says: the whole answer, or its stream when that was asked for."""
    whole = ANSWERS[example.capability]

    def answer(seen: Any) -> Said:
        if b"sse" in seen.body or b'"stream":' in seen.body or b'name="stream"' in seen.body:
            return events(*FINISH[example.capability], done=example.capability is Capability.COMPLETION)
        return Said(whole, content_type=TYPES.get(whole[:1], b"text/plain").decode())

    return answer


@pytest.fixture(scope="module", autouse=True)
def good(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({f"/v1{example.path}": answer_of(example) for example in EXAMPLES}) as upstream:  # chat, too, for responses
        models = {f"faults/good/{each.capability}": ("good", [each.capability]) for each in OTHERS}
        shared_gateway.define_at("openai_compatible", f"{upstream.base}/v1", models, name="faults-good")
        for example in OTHERS:
            define(shared_gateway, example)
        yield upstream


def define(gateway: LiveGateway, example: Example) -> None:
    able = example.capability
    behaviours = [*EARLY, *(EARLY_STREAMS | LATE if example in STREAMS else {})]
    second = {"provider": "faults-good", "upstream_model": "good"}
    alone = {f"faults/bad/{able}/{name}": [{"upstream_model": name}] for name in behaviours}
    pairs = {f"faults/then/{able}/{name}": [{"upstream_model": name}, second] for name in behaviours}
    refused = {f"faults/bad/{able}/refused": [{"provider": "dead", "upstream_model": "x"}]}
    chained = {f"faults/fallback/{able}": [{"upstream_model": "status-500"}]}
    fallbacks = {f"faults/fallback/{able}": [f"faults/good/{able}"]}
    models = {**alone, **pairs, **refused, **chained}
    gateway.define_models(models, fallbacks=fallbacks, capabilities=[able], **LIMITS)


def request_of(gateway: LiveGateway, example: Example, model: str, *, stream: bool) -> httpx.Request:
    content_type, body = example.encoded(model, **(STREAMED[example.capability] if stream else {}))
    headers = {"content-type": content_type.decode()}
    return gateway.http.build_request("POST", f"/v1{example.path}", content=body, headers=headers)


def ask(gateway: LiveGateway, example: Example, model: str, *, stream: bool = False) -> httpx.Response:
    return gateway.http.send(request_of(gateway, example, model, stream=stream))


def check_failed(response: httpx.Response, status: int, code: str | None) -> None:
    error = error_of(response)
    assert (response.status_code, error["code"] if code else None) == (status, code), response.text
    assert response.headers["x-gateway-attempts"] == "1"
    assert "canary" not in response.text


@every_endpoint
@pytest.mark.parametrize("behaviour", EARLY)
def test_failure_when_no_route_is_left_is_mapped_as_for_chat(gateway: LiveGateway, example: Example, behaviour: str) -> None:
    check_failed(ask(gateway, example, f"faults/bad/{example.capability}/{behaviour}"), *EARLY[behaviour])


@every_stream
@pytest.mark.parametrize("behaviour", EARLY_STREAMS)
def test_stream_when_it_fails_before_its_first_event_has_a_true_status(
    gateway: LiveGateway, example: Example, behaviour: str
) -> None:
    response = ask(gateway, example, f"faults/bad/{example.capability}/{behaviour}", stream=True)
    check_failed(response, *EARLY_STREAMS[behaviour])


@every_endpoint
def test_connection_when_refused_is_502(gateway: LiveGateway, example: Example) -> None:
    response = ask(gateway, example, f"faults/bad/{example.capability}/refused")
    check_failed(response, 502, "upstream_connect_failed")


@every_endpoint
@pytest.mark.parametrize("behaviour", EARLY)
def test_failure_when_another_route_is_left_is_not_seen(
    gateway: LiveGateway, good: Vendor, example: Example, behaviour: str
) -> None:
    asked = len(good.seen)
    response = ask(gateway, example, f"faults/then/{example.capability}/{behaviour}")
    assert (response.status_code, response.headers["x-gateway-attempts"]) == (200, "2"), response.text
    assert response.headers["x-gateway-provider"] == "faults-good"
    assert len(good.seen) == asked + 1
    if example.files:
        (part,) = [part for part in good.last.form.parts if part.filename is not None]
        assert (part.name, part.filename, part.data(), part.content_type) == example.files[0]
        good.last.form.close()


@every_stream
@pytest.mark.parametrize("behaviour", EARLY_STREAMS)
def test_stream_when_it_fails_before_its_first_event_falls_over(gateway: LiveGateway, example: Example, behaviour: str) -> None:
    response = ask(gateway, example, f"faults/then/{example.capability}/{behaviour}", stream=True)
    assert (response.status_code, response.headers["x-gateway-attempts"]) == (200, "2"), response.text
    assert [event.get("type") for event in events_in(response) if isinstance(event, dict)] == [
        event.get("type") for event in FINISH[example.capability]
    ]


@every_endpoint
def test_fallback_model_when_the_routes_fail_answers(gateway: LiveGateway, example: Example) -> None:
    for stream in (False, True)[: 1 + (example in STREAMS)]:
        response = ask(gateway, example, f"faults/fallback/{example.capability}", stream=stream)
        assert (response.status_code, response.headers["x-gateway-model"]) == (200, f"faults/good/{example.capability}")


@every_stream
@pytest.mark.parametrize("behaviour", LATE)
def test_stream_when_it_breaks_ends_with_an_error_event_and_no_other_route_is_asked(
    gateway: LiveGateway, good: Vendor, example: Example, behaviour: str
) -> None:
    asked = len(good.seen)
    response = ask(gateway, example, f"faults/then/{example.capability}/{behaviour}", stream=True)
    *first, error, done = events_in(response)
    assert (response.status_code, len(first), done) == (200, 3, "[DONE]")
    assert error_in(error)["code"] == LATE[behaviour]
    assert len(good.seen) == asked


@pytest.mark.parametrize("behaviour", ["stream-cut-after-3", "stream-reset-after-3", "stream-stall-after-3"])
def test_sound_when_it_breaks_breaks_the_connection(gateway: LiveGateway, good: Vendor, behaviour: str) -> None:
    (example,) = [example for example in OTHERS if example.capability is SOUND]
    name = f"faults/broken/{behaviour}"
    routes = [{"upstream_model": behaviour}, {"provider": "faults-good", "upstream_model": "good"}]
    gateway.define_models({name: routes}, capabilities=[SOUND], **LIMITS)
    asked = len(good.seen)
    received = b""
    with gateway.http.stream("POST", "/v1/audio/speech", json={"model": name, **example.fields}) as response:
        assert response.status_code == 200
        parts = response.iter_raw()
        while b"word1" not in received:
            received += next(parts)
        with pytest.raises(httpx.RemoteProtocolError):
            list(parts)
    assert len(good.seen) == asked
    (row,) = rows_of(gateway, response.headers["x-request-id"])
    assert (row["status"], row["client_aborted"], bool(row["error"])) == (200, False, True)


def rows_of(gateway: LiveGateway, request_id: str) -> list[dict[str, Any]]:
    """The rows of a request, once there are any."""
    found: list[dict[str, Any]] = []

    def written() -> bool:
        found[:] = gateway.operator.rows("openai_api.UsageRecord", {"request_id": request_id})
        return bool(found)

    assert eventually(written, 6, 0.1)
    return found


def leave(gateway: LiveGateway, request: httpx.Request, seen: bytes) -> float:
    """Sends a request over a socket of its own, reads until `seen` and goes; when that was."""
    url = httpx.URL(gateway.base_url)
    lines = [f"{name}: {value}" for name, value in request.headers.items() if name != "connection"]
    with socket.create_connection((url.host, url.port or 80), timeout=5) as sock:
        sock.sendall("\r\n".join([f"POST {request.url.path} HTTP/1.1", *lines, "", ""]).encode() + request.content)
        assert eventually(lambda: len(gateway.chaos.log()) == 1, 2)
        received = b""
        while seen not in received:
            received += sock.recv(4096)
        return time.monotonic()


def check_closed(gateway: LiveGateway, left: float, request_id: str) -> None:
    """The upstream's connection was closed at once, nothing was tried again, and the row tells who left."""
    record = gateway.chaos.wait_state("client_closed")
    assert record["started"] + record["ms"] / 1000 - left < 0.25
    assert len(gateway.chaos.log()) == 1
    (row,) = rows_of(gateway, request_id)
    assert (row["status"], row["client_aborted"]) == (499, True)


@every_endpoint
def test_client_when_it_leaves_before_the_answer_closes_the_upstream(gateway: LiveGateway, example: Example) -> None:
    request = request_of(gateway, example, f"faults/waiting/{example.capability}", stream=False)
    gateway.define_models(
        {f"faults/waiting/{example.capability}": [{"upstream_model": "hang"}]}, capabilities=[example.capability]
    )
    request.headers["x-request-id"] = f"left-{example.capability}"
    check_closed(gateway, leave(gateway, request, b""), request.headers["x-request-id"])


@every_stream
def test_client_when_it_leaves_a_stream_closes_the_upstream(gateway: LiveGateway, example: Example) -> None:
    name = f"faults/stalled/{example.capability}"
    gateway.define_models({name: [{"upstream_model": "stream-stall-after-3"}]}, capabilities=[example.capability])
    request = request_of(gateway, example, name, stream=True)
    request.headers["x-request-id"] = f"left-stream-{example.capability}"
    check_closed(gateway, leave(gateway, request, b"word1"), request.headers["x-request-id"])
