"""What is a client told whose request for a response is wrong, or names what is not there or not its own?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.fakes.vendor import Vendor, said, vendor
from tests.integration.test_responses import NATIVE, ask, chat, define
from tests.live import LiveGateway, error_of


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        define(shared_gateway, upstream)
        yield upstream


@pytest.mark.parametrize("previous", ["resp_unknown", "resp_" + "0" * 48, "../files", "x" * 300, "é"])
@pytest.mark.parametrize("model", ["r/native", "r/chat"])
def test_previous_response_when_unknown_is_404_and_nothing_is_asked(
    previous: str, model: str, gateway: LiveGateway, upstream: Vendor
) -> None:
    asked = len(upstream.seen)
    answer = ask(gateway, model, previous_response_id=previous)
    assert (answer.status_code, error_of(answer)["code"]) == (404, "previous_response_not_found")
    assert len(upstream.seen) == asked


@pytest.mark.parametrize("model", ["r/native", "r/chat"])
def test_previous_response_when_anothers_is_like_unknown(model: str, gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/responses"] = lambda seen: said(NATIVE)
    upstream.answers["/v1/chat/completions"] = lambda seen: said(chat({"content": "Hello."}))
    mine = ask(gateway, model).json()["id"]
    key = gateway.create_key(f"other {model}")["key"]
    gateway.wait_visible(model, key=key)
    other = gateway.headers(key)
    body = {"model": model, "input": "hi", "previous_response_id": mine}
    answer = httpx.post(f"{gateway.base_url}/v1/responses", json=body, headers=other, trust_env=False)
    assert (answer.status_code, error_of(answer)["code"]) == (404, "previous_response_not_found")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"previous_response_id": "resp_1", "conversation": "conv_1"}, "previous_response_id"),
        ({"background": True, "store": False}, "background"),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": "1"}]}, "input[0]"),
        ({"input": [{"type": "telepathy"}]}, "input[0]"),
        ({"input": 7}, "input"),
    ],
)
def test_request_when_bad_is_400_that_names_the_field(
    fields: dict[str, Any], param: str, gateway: LiveGateway, upstream: Vendor
) -> None:
    answer = ask(gateway, "r/chat", **fields)
    assert (answer.status_code, error_of(answer)["param"]) == (400, param)


@pytest.mark.parametrize("model", ["r/chat", "r/forgetful"])
@pytest.mark.parametrize(("said_now", "status", "param"), [([1], 400, "input[0]"), (7, 400, "input"), (None, 200, None)])
def test_continuation_when_its_input_is_bad_is_400_that_names_it(
    model: str, said_now: Any, status: int, param: str | None, gateway: LiveGateway, upstream: Vendor
) -> None:
    upstream.answers["/v1/responses"] = lambda seen: said(NATIVE)
    upstream.answers["/v1/chat/completions"] = lambda seen: said(chat({"content": "Hello."}))
    first = ask(gateway, model).json()["id"]
    answer = ask(gateway, model, previous_response_id=first, input=said_now)
    assert answer.status_code == status, answer.text
    if param:
        assert error_of(answer)["param"] == param


@pytest.mark.parametrize("said_now", [[1], None])
def test_forgetful_upstream_when_it_takes_what_cannot_be_kept_is_still_heard(
    said_now: Any, gateway: LiveGateway, upstream: Vendor
) -> None:
    upstream.answers["/v1/responses"] = lambda seen: said(NATIVE)
    assert ask(gateway, "r/forgetful", input=said_now).status_code == 200


def test_request_when_it_names_no_model_is_400(gateway: LiveGateway, upstream: Vendor) -> None:
    answer = gateway.http.post("/v1/responses", content=json.dumps({"input": "hi"}))
    assert (answer.status_code, error_of(answer)["param"]) == (400, "model")
