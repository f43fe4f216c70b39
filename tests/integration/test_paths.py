"""Is a public path reached with and without `/v1`, and is what begins like one never answered with a page of Django's?"""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from openai import NotFoundError, OpenAI

from openai_api.dialects.openai import OPENAI
from openai_api.routes import ROUTES
from tests.contract.examples import example_of
from tests.fakes.chaos.process import eventually
from tests.live import LiveGateway, body, error_of
from tests.paths import filled, is_template
from tests.socket_client import dial

OWN = [route for route in ROUTES if route.dialect is OPENAI]
POSTED = [route.path for route in OWN if route.method == "POST" and not is_template(route.path)]
KEYED = sorted({filled(route.path) for route in OWN if route.keyed})
SPELLINGS = ("{}", "{}/", "/v1/v1{}", "//v1/{}", "/{}")
FOREIGN = {"host": "gateway.example"}
"""A host that the admin does not know, and would refuse with a page of its own."""


@pytest.fixture(scope="module", autouse=True)
def models(shared_gateway: LiveGateway) -> None:
    shared_gateway.define("ok", capabilities=["chat", "responses"])


def good(path: str, model: str) -> dict[str, Any]:
    """What httpx sends for a good request to that path."""
    example = example_of(path)
    fields = {"model": model, **example.fields}
    if not example.files:
        return {"json": fields}
    return {"data": fields, "files": [(name, (filename, data, kind)) for name, filename, data, kind in example.files]}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("path", POSTED)
def test_path_when_spelled_without_v1_is_the_same(gateway: LiveGateway, path: str, spelling: str) -> None:
    asked = gateway.http.build_request("POST", "/", headers=FOREIGN, **good(path, "nobody"))
    asked.url = asked.url.copy_with(raw_path=spelling.format(path.removeprefix("/v1")).encode())
    assert error_of(gateway.http.send(asked))["code"] == "model_not_found"


@pytest.mark.parametrize("path", ["/chat/completions", "/chat/completions/", "/v1/v1//chat/completions"])
def test_row_and_metrics_when_a_path_is_spelled_otherwise_tell_the_one_of_the_table(gateway: LiveGateway, path: str) -> None:
    answer = gateway.http.post(path, json=body("chaos/ok"))
    assert answer.status_code == 200
    asked: dict[str, Any] = {"request_id": answer.headers["x-request-id"]}
    assert eventually(lambda: gateway.operator.rows("openai_api.UsageRecord", asked), 5, 0.1)
    (row,) = gateway.operator.rows("openai_api.UsageRecord", asked)
    assert row["path"] == "/v1/chat/completions"
    assert 'path="/chat' not in httpx.get(f"{gateway.base_url}/metrics", trust_env=False).text


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/", "/v1/v1"])
def test_client_when_its_base_address_lacks_v1_or_has_it_twice_works(gateway: LiveGateway, suffix: str) -> None:
    with OpenAI(api_key=gateway.key, base_url=gateway.base_url + suffix, max_retries=0) as client:
        model, said = "chaos/ok", {"role": "user", "content": "hi"}
        assert client.chat.completions.create(model=model, messages=[said]).choices[0].message.content  # type: ignore[list-item]
        made = client.responses.create(model=model, input="hi")
        assert client.responses.retrieve(made.id).id == made.id
        assert client.responses.input_items.list(made.id).data
        assert client.models.retrieve(model).id in {card.id for card in client.models.list()}
        client.responses.delete(made.id)
        with pytest.raises(NotFoundError):
            client.responses.retrieve(made.id)


@pytest.mark.parametrize("path", ["/responses", "/v1/responses/", "//v1//responses"])
def test_websocket_when_its_path_is_spelled_otherwise_is_served(gateway: LiveGateway, path: str) -> None:
    with dial(gateway, path=path) as socket:
        assert socket.response("chaos/ok")["status"] == "completed"


@pytest.mark.parametrize(
    "path", ["/chat", "/completions/x", "/audio/x", "/images/", "/responses/x/y/z", "/embeddings/1", "/rerank/x"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PROPFIND"])
def test_path_when_it_only_begins_like_a_public_one_is_an_error_in_json(gateway: LiveGateway, method: str, path: str) -> None:
    answer = gateway.http.request(method, path, headers=FOREIGN)
    assert answer.status_code in (404, 405)
    assert error_of(answer)["code"] in ("not_found", "method_not_allowed", "response_not_found")


@pytest.mark.parametrize("path", KEYED)
def test_method_when_unknown_is_405_in_json_without_v1_too(gateway: LiveGateway, path: str) -> None:
    answer = gateway.http.request("PATCH", path.removeprefix("/v1"), headers=FOREIGN)
    assert (answer.status_code, error_of(answer)["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"]


@pytest.mark.parametrize("path", ["/", "/admin/", "/chats", "/models_catalog/"])
def test_page_when_it_is_the_admins_stays_so(gateway: LiveGateway, path: str) -> None:
    answer = gateway.http.get(path, headers={"accept": "text/html,*/*;q=0.8"})
    assert answer.headers["content-type"].startswith("text/html")
    with pytest.raises(json.JSONDecodeError):
        answer.json()


def test_row_and_metrics_when_a_response_is_asked_for_tell_it_and_the_template(gateway: LiveGateway) -> None:
    answer = gateway.http.post("/responses//resp_nobody/cancel")
    assert (answer.status_code, error_of(answer)["code"]) == (404, "response_not_found")
    asked: dict[str, Any] = {"request_id": answer.headers["x-request-id"]}
    assert eventually(lambda: gateway.operator.rows("openai_api.UsageRecord", asked), 5, 0.1)
    (row,) = gateway.operator.rows("openai_api.UsageRecord", asked)
    assert row["path"] == "/v1/responses/resp_nobody/cancel"
    counted = httpx.get(f"{gateway.base_url}/metrics", trust_env=False).text
    assert 'path="/v1/responses/{id}/cancel"' in counted
    assert "resp_nobody" not in counted


def test_path_when_a_response_is_posted_to_is_404_for_those_with_a_key(gateway: LiveGateway) -> None:
    for path in ("/v1/responses/resp_x", "/responses/a/b", "/v1/responses/cancel"):
        answer = gateway.http.post(path)
        assert (answer.status_code, error_of(answer)["code"]) == (404, "not_found")
        assert httpx.post(f"{gateway.base_url}{path}", trust_env=False).status_code == 401
    for path in ("/v1/responses/a/b", "/v1/responses/x/cancel"):
        assert error_of(gateway.http.get(path))["code"] == "response_not_found"
