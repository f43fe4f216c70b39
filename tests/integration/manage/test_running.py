"""Does a running gateway serve what a program has set up? Within a second, and without the data path taking these paths."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.fakes.chaos.process import eventually
from tests.live import PROVIDER_KEY, LiveGateway

WITHIN_S = 5.0


@pytest.fixture(scope="module")
def token(shared_gateway: LiveGateway) -> str:
    made: str = json.loads(shared_gateway.operator.command("create_management_token", "tests", "--json"))["token"]
    return made


def test_model_and_key_when_made_by_a_program_then_they_are_served(gateway: LiveGateway, token: str) -> None:
    with httpx.Client(base_url=gateway.base_url, headers={"authorization": f"Bearer {token}"}, timeout=30) as program:
        provider = {"type": "openai_compatible", "api_base": gateway.chaos.base_url, "credential": "managed/key"}
        made = [
            program.put("/manage/v1/credentials/managed%2Fkey", json={"source": "stored", "secret": PROVIDER_KEY}),
            program.put("/manage/v1/providers/managed", json=provider),
            program.put("/manage/v1/models/managed/ok*", json={"routes": [{"provider": "managed", "upstream_model": "ok"}]}),
            program.post("/manage/v1/keys", json={"name": "managed", "models": ["managed/ok*"]}),
        ]
        assert [answer.status_code for answer in made] == [201] * 4, [answer.text for answer in made]
        key, path = made[-1].json()["key"], made[-1].headers["location"]
        body = {"model": "managed/ok-1", "messages": [{"role": "user", "content": "hi"}]}

        def asked() -> int:
            return program.post("/v1/chat/completions", json=body, headers={"authorization": f"Bearer {key}"}).status_code

        assert eventually(lambda: asked() == 200, WITHIN_S)
        explained = program.post("/manage/v1/explain", json={"model": "managed/ok-1", "key": "managed"}).json()
        assert (explained["pattern"], explained["refusal"]) == ("managed/ok*", None), explained
        assert program.post(f"{path}/revoke").status_code == 200
        assert eventually(lambda: asked() == 401, WITHIN_S)
        for path in ("models/managed/ok*", "providers/managed", "credentials/managed%2Fkey"):
            assert program.delete(f"/manage/v1/{path}").status_code == 204
        assert program.get("/manage").status_code == 404
        too_large = program.put(
            "/manage/v1/models/x", content=b" " * (5 * 1024 * 1024), headers={"content-type": "application/json"}
        )
        assert (too_large.status_code, too_large.json()["error"]["code"]) == (413, "request_too_large")
