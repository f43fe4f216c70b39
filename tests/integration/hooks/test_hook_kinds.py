"""What can hooks of each kind do, on calls of each kind, through a real server?"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import msgspec
import openai
import pytest
import websockets

from openai_api.hooks import Transcript
from tests.fakes.chaos.process import Chaos, eventually
from tests.integration.hooks.calls import CALLS, STREAMS, ask, code_of, complete, define
from tests.live import LiveGateway
from tests.live_fixtures import StartGateway

PATH = "tests.fakes.hooks"
TICKET = "ticket-canary-5512"


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("seen") / "transcripts.jsonl"


@pytest.fixture(scope="module")
def hooked(start_gateway: StartGateway, seen: Path) -> Iterator[LiveGateway]:
    specs: list[dict[str, Any]] = [
        {"hook": f"{PATH}.Grants", "options": {"ticket": TICKET}},
        {"hook": f"{PATH}.Answers"},
        {"hook": f"{PATH}.Edits", "name": "outer", "options": {"word": "outer"}, "models": ["edited", "chaos/*"]},
        {"hook": f"{PATH}.Edits", "name": "inner", "options": {"word": "inner"}, "models": ["edited", "chaos/*"]},
        {"hook": f"{PATH}.Says", "models": ["canonical"]},
        {"hook": f"{PATH}.Streams"},
        {"hook": f"{PATH}.Errors"},
        {"hook": f"{PATH}.Edits", "options": {"word": "disabled"}, "enabled": False},
        {"hook": f"{PATH}.Watches", "options": {"path": str(seen)}},
    ]
    gateway = start_gateway(GATEWAY_HOOKS=json.dumps(specs))
    define(gateway, "plain", "edited", "canonical", "other")
    yield gateway
    assert TICKET not in gateway.settled_log()


def bodies(answer: Any) -> list[Any]:
    data = [line[6:] for line in answer.text.splitlines() if line.startswith("data: ") and line != "data: [DONE]"]
    return [json.loads(text) for text in data]


@pytest.mark.parametrize("call", CALLS)
def test_request_hooks_when_they_edit_then_the_last_one_to_see_the_request_sees_the_answer_first(
    hooked: LiveGateway, call: str
) -> None:
    answer = ask(hooked, call, "edited")
    assert complete(call, answer), answer.text
    if CALLS[call].streamed:
        assert all(body["x_seen"] == ["inner", "outer"] for body in bodies(answer))
    else:
        assert answer.json()["x_seen"] == ["inner", "outer"]


def test_request_hooks_when_they_edit_then_the_upstream_gets_the_edits_and_all_other_bytes(
    hooked: LiveGateway, chaos: Chaos
) -> None:
    hooked.define("ok")
    content = '{"model":"chaos/ok", "messages":[{"role":"user","content":"\\u00e9 1.0"}],  "x_number":1.00}'
    answer = hooked.http.post("/v1/chat/completions", content=content.encode())
    assert answer.status_code == 200, answer.text
    asked = base64.b64decode(chaos.log(bodies=True)[-1]["body_base64"])
    assert json.loads(asked)["x_seen"] == ["outer", "inner"]
    assert b'"messages":[{"role":"user","content":"\\u00e9 1.0"}],  "x_number":1.00' in asked


@pytest.mark.parametrize("call", [name for name in CALLS if name != "embeddings"])
def test_request_hook_when_it_sets_the_canonical_form_then_the_upstream_gets_it(hooked: LiveGateway, call: str) -> None:
    answer = ask(hooked, call, "canonical")
    said = "".join(re.findall(r'"(?:content|text|delta)":"([^"]*)"', answer.text))
    assert "and the canonical word" in said, answer.text


@pytest.mark.parametrize("call", CALLS)
def test_request_hook_when_it_answers_then_it_is_told_on_every_wire(hooked: LiveGateway, call: str) -> None:
    mark = "body" if call == "embeddings" else "answer"
    answer = ask(hooked, call, "plain", **{"x-hook": mark})
    assert complete(call, answer), answer.text
    assert answer.headers["x-gateway-provider"] == "gateway"
    assert ("from the hook" in answer.text) is (mark == "answer")


@pytest.mark.parametrize("call", CALLS)
def test_request_hook_when_it_refuses_then_its_status_is_told_in_the_dialect(hooked: LiveGateway, call: str) -> None:
    answer = ask(hooked, call, "plain", **{"x-hook": "refuse"})
    assert answer.status_code == 451
    assert "Not in this country." in answer.text
    assert answer.json().get("type") == ("error" if "messages" in call else None)


@pytest.mark.parametrize("call", CALLS)
def test_request_hook_when_it_names_another_model_then_that_one_answers(hooked: LiveGateway, call: str) -> None:
    answer = ask(hooked, call, "plain", **{"x-hook": "rename", "x-model": "other"})
    assert answer.headers["x-gateway-model"] == "other"
    nothing = ask(hooked, call, "plain", **{"x-hook": "rename", "x-model": "nothing"})
    assert nothing.status_code == 404


@pytest.mark.parametrize("call", STREAMS)
def test_streaming_hook_when_it_drops_adds_or_waits_then_the_client_sees_that(hooked: LiveGateway, call: str) -> None:
    plain = bodies(ask(hooked, call, "plain"))
    assert bodies(ask(hooked, call, "plain", **{"x-hook": "drop"})) == []
    assert len(bodies(ask(hooked, call, "plain", **{"x-hook": "add"}))) == 2 * len(plain)
    assert len(bodies(ask(hooked, call, "plain", **{"x-hook": "wait"}))) == len(plain)


@pytest.mark.parametrize("call", STREAMS)
def test_streaming_hook_when_it_refuses_then_before_the_first_event_it_is_an_error_and_later_one_in_the_stream(
    hooked: LiveGateway, call: str
) -> None:
    first = ask(hooked, call, "plain", **{"x-hook": "refuse-first"})
    assert first.status_code == 403
    assert "Nothing is said." in first.text
    late = ask(hooked, call, "plain", **{"x-hook": "refuse-late"})
    assert late.status_code == 403 or "Enough was said." in late.text
    assert not complete(call, late) or call == "chat stream"


async def test_streaming_hook_when_it_refuses_late_then_the_sdks_raise_their_own_errors(hooked: LiveGateway) -> None:
    headers = {"x-hook": "refuse-late"}
    async with openai.AsyncOpenAI(base_url=f"{hooked.base_url}/v1", api_key=hooked.key, max_retries=0) as client:
        with pytest.raises(openai.APIError, match=r"Enough was said\."):
            async for _ in await client.chat.completions.create(
                model="plain", messages=[{"role": "user", "content": "hi"}], stream=True, extra_headers=headers
            ):
                pass
    async with anthropic.AsyncAnthropic(base_url=hooked.base_url, api_key=hooked.key, max_retries=0) as claude:
        with pytest.raises(anthropic.APIStatusError, match=r"Enough was said\."):
            async for _ in await claude.messages.create(
                model="plain",
                max_tokens=9,
                messages=[{"role": "user", "content": "hi"}],
                stream=True,
                extra_headers=headers,
            ):
                pass


def test_error_hook_when_it_rewords_then_the_client_is_told_so_whoever_made_the_error(hooked: LiveGateway) -> None:
    marked = {"x-hook": "reword"}
    for answer, status in (
        (ask(hooked, "chat", "nothing", **marked), 404),
        (hooked.http.post("/v1/chat/completions", content=b"{", headers=marked), 400),
        (hooked.http.post("/v1/chat/completions", json={}, headers={**marked, "authorization": "Bearer no"}), 401),
    ):
        assert (answer.status_code, code_of(answer)) == (418, "reworded"), answer.text
        assert f"It was {status}." in answer.text


def test_authentication_hook_when_it_grants_or_refuses_then_it_counts_more_than_the_key(hooked: LiveGateway) -> None:
    granted = ask(hooked, "chat", "plain", **{"x-ticket": TICKET, "authorization": ""})
    assert granted.status_code == 200
    refused = ask(hooked, "messages stream", "plain", **{"x-ticket": "another"})
    assert (refused.status_code, refused.json()["error"]["type"]) == (403, "permission_error")
    nobody = ask(hooked, "chat", "plain", authorization="")
    assert nobody.status_code == 401
    request = {"request_id": granted.headers["x-request-id"]}
    assert eventually(lambda: bool(hooked.operator.rows("openai_api.UsageRecord", request)), 10)
    [row] = hooked.operator.rows("openai_api.UsageRecord", request)
    assert (row["client_name"], row["client_id"]) == ("ticket holder", "ticket")


async def test_hooks_when_a_turn_comes_over_a_websocket_then_they_run_for_it(hooked: LiveGateway) -> None:
    address = hooked.base_url.replace("http", "ws") + "/v1/responses"
    async with websockets.connect(address, additional_headers=hooked.headers()) as socket:
        await socket.send(json.dumps({"type": "response.create", "model": "edited", "input": "hi"}))
        told: list[dict[str, Any]] = []
        while not told or told[-1]["type"] not in ("response.completed", "error"):
            told.append(json.loads(await asyncio.wait_for(socket.recv(), 10)))
    assert all(event["x_seen"] == ["inner", "outer"] for event in told)


def test_hooks_when_a_response_is_made_in_the_background_then_they_run_once(hooked: LiveGateway) -> None:
    begun = hooked.http.post("/v1/responses", json={"model": "canonical", "input": "hi", "background": True}).json()
    ended: dict[str, Any] = {}

    def over() -> bool:
        ended.update(hooked.http.get(f"/v1/responses/{begun['id']}").json())
        return bool(ended["status"] == "completed")

    assert eventually(over, 15), ended
    assert json.dumps(ended["output"]).count("and the canonical word") == 1


@pytest.mark.parametrize("call", CALLS)
def test_observer_when_a_call_has_ended_then_it_is_shown_what_was_said(hooked: LiveGateway, seen: Path, call: str) -> None:
    answer = ask(hooked, call, "edited")
    found: list[Transcript] = []

    def shown() -> bool:
        lines = seen.read_bytes().splitlines() if seen.exists() else []
        told = (msgspec.json.decode(line, type=Transcript) for line in lines)
        found[:] = [item for item in told if item.record.request_id == answer.headers["x-request-id"]]
        return bool(found)

    assert eventually(shown, 15)
    [transcript] = found
    assert transcript.answer == answer.content
    assert json.loads(transcript.request) == {**CALLS[call].body, "model": "edited"}
    assert (transcript.streamed, transcript.complete, transcript.error) == (CALLS[call].streamed, True, None)
    assert sum(size for _, size in transcript.pieces) == (len(answer.content) if transcript.streamed else 0)
    assert transcript.record.tags == {"outer": "before", "inner": "before"}
    assert hooked.key not in seen.read_text()
