"""Is what a conversion would leave out refused when the request says that nothing may be?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes.vendor import Vendor, said, vendor
from tests.integration.test_responses import NATIVE, chat
from tests.live import LiveGateway, body, error_of

STRICT = {"x-gateway-strict": "1"}
ASKED = {"model": "strict/chat", "input": "hi", "tensorzero::credentials": {"A": "b"}}


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    answers: dict[str, Any] = {
        "/v1/responses": lambda seen: said(NATIVE),
        "/v1/chat/completions": lambda seen: said(chat({"content": "Hello."})),
    }
    with vendor(answers) as upstream:
        base = f"{upstream.base}/v1"
        shared_gateway.define_at("deepseek", base, {"strict/chat": ("up-chat", ["responses"])}, name="strict chat")
        shared_gateway.define_at("openai_responses", base, {"strict/responses": ("up", ["chat"])}, name="strict responses")
        yield upstream


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/v1/responses", ASKED),
        ("/v1/responses/compact", ASKED),
        ("/v1/chat/completions", body("strict/responses")),
    ],
)
def test_field_when_it_would_be_left_out_is_named_or_400(
    path: str, fields: dict[str, Any], gateway: LiveGateway, upstream: Vendor
) -> None:
    upstream.seen.clear()
    refused = gateway.http.post(path, json={**fields, "odd": 1}, headers=STRICT)
    assert (refused.status_code, error_of(refused)["param"]) == (400, "odd")
    assert error_of(refused)["code"] == "unsupported_parameter"
    assert upstream.seen == []
    named = gateway.http.post(path, json={**fields, "odd": 1})
    assert (named.status_code, named.headers["x-gateway-lossy"]) == (200, "odd")
    assert gateway.http.post(path, json=fields, headers=STRICT).status_code == 200
