"""Which errors of an upstream say that it has no such path?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.convert.counting import lacks
from providers.wire.openai.errors import failure_of


def error(message: str, **fields: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None, **fields}}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, error("Invalid URL (POST /v1/responses/compact)")),
        (404, {"detail": "Not Found"}),
        (404, "404 page not found"),
        (404, error("Unknown path: POST /v1/responses/compact.", code="not_found")),
        (405, {"detail": "Method Not Allowed"}),
        (501, error("not implemented", code=501)),
    ],
)
def test_path_when_not_there_is_seen(status: int, body: Any) -> None:
    assert lacks(failure_of(status, [], json.dumps(body).encode(), named_by_client=True))


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, error("The model does not exist", code="model_not_found")),
        (404, error("The model does not exist", param="model", code=404)),
        (404, error("Previous response not found", code="previous_response_not_found")),
        (400, error("bad")),
        (401, error("who are you?")),
        (429, error("slow down")),
        (500, error("oops")),
        (503, error("busy")),
    ],
)
def test_error_when_of_another_kind_is_none_of_the_path(status: int, body: Any) -> None:
    assert not lacks(failure_of(status, [], json.dumps(body).encode(), named_by_client=True))
