"""Are the tokens of a response counted once, whoever asks for it again, and guessed only where nobody tells them?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.fakes.chaos.process import eventually
from tests.fakes.vendor import Vendor, events, said, vendor
from tests.integration.test_recording import rows
from tests.integration.test_responses import NATIVE, ask, at, define, native_events
from tests.integration.test_websocket_ends import metric
from tests.live import LiveGateway
from tests.live import events as events_of

QUEUED = {**NATIVE, "status": "queued", "output": [], "usage": None, "background": True}
DONE = {**NATIVE, "background": True}


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        define(shared_gateway, upstream)
        yield upstream


def counted(gateway: LiveGateway, answer: httpx.Response) -> tuple[Any, Any, bool]:
    (row,) = rows(gateway, answer.headers["x-request-id"])
    return row["input_tokens"], row["output_tokens"], row["estimated"]


def test_response_when_asked_for_again_is_counted_once(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/responses"] = upstream.answers[at("")] = lambda seen: said(NATIVE)
    answer = ask(gateway, "r/native")
    assert counted(gateway, answer) == (5, 2, False)
    again = gateway.http.get(f"/v1/responses/{answer.json()['id']}")
    assert counted(gateway, again) == (None, None, False)


def test_response_in_the_background_of_its_upstream_is_counted_when_its_end_is_told_and_once(
    gateway: LiveGateway, upstream: Vendor
) -> None:
    upstream.answers["/v1/responses"] = lambda seen: said({**QUEUED, "id": "resp_counted_0"})
    answer = ask(gateway, "r/native", background=True)
    made = answer.json()["id"]
    assert counted(gateway, answer) == (None, None, False)
    place = "/v1/responses/resp_counted_0"
    upstream.answers[place] = lambda seen: said({**QUEUED, "id": "resp_counted_0"})
    assert counted(gateway, gateway.http.get(f"/v1/responses/{made}")) == (None, None, False)
    before = metric(gateway, "tokens_total")
    upstream.answers[place] = lambda seen: said({**DONE, "id": "resp_counted_0"})
    for _ in range(3):
        assert counted(gateway, gateway.http.get(f"/v1/responses/{made}")) == (None, None, False)
    (row,) = rows(gateway, made[:128])
    assert (row["input_tokens"], row["output_tokens"], row["provider"], row["model"]) == (5, 2, "native", "r/native")
    assert eventually(lambda: metric(gateway, "tokens_total") == before + 7, 3, 0.1)


def test_response_in_the_background_when_streamed_is_counted_once(gateway: LiveGateway, upstream: Vendor) -> None:
    told = [*native_events()[:-1], {**native_events()[-1], "response": {**DONE, "id": "resp_counted_1"}}]
    upstream.answers["/v1/responses"] = lambda seen: events(*told, names=True)
    answer = ask(gateway, "r/native", background=True, stream=True)
    made = events_of(answer)[-2]["response"]["id"]
    assert counted(gateway, answer) == (None, None, False)
    (row,) = rows(gateway, made[:128])
    assert (row["input_tokens"], row["output_tokens"]) == (5, 2)


def test_stream_when_its_tokens_are_not_told_counts_a_token_for_a_delta(gateway: LiveGateway, upstream: Vendor) -> None:
    created, begun, delta, odd, completed = native_events()
    untold = {**completed, "response": {**NATIVE, "usage": None}}
    added = {"type": "response.output_item.added", "output_index": 0, "item": {}}
    upstream.answers["/v1/responses"] = lambda seen: events(created, begun, added, *[delta] * 3, odd, untold, names=True)
    sent, received, estimated = counted(gateway, ask(gateway, "r/native", stream=True))
    assert sent > 0
    assert (received, estimated) == (3, True)
