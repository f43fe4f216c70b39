"""Are requests put together to sessions, whatever the client speaks, by what they name and by what they say again?"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from hashlib import md5
from uuid import uuid4

import httpx
import pytest

from tests.fakes import claude_code
from tests.fakes.chaos.process import eventually
from tests.fakes.vendor import Said, Seen, Vendor, events, said, vendor
from tests.live import LiveGateway
from tests.live import events as told_in
from tests.live_fixtures import StartGateway
from tests.sessions import SEEN, SYSTEM, WIRES, Json

SESSION = "x-gateway-session-id"
AGENT = f"prompt-{md5(SYSTEM.encode()).hexdigest()[:12]}"
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
every_wire = pytest.mark.parametrize("wire", WIRES)


@pytest.fixture(scope="module")
def site(start_gateway: StartGateway) -> LiveGateway:
    gateway = start_gateway(GATEWAY_SESSIONS="on", GATEWAY_CORS_ORIGINS="https://app.example")
    gateway.define("ok", capabilities=["chat", "responses"])
    return gateway


@pytest.fixture(scope="module")
def upstream(site: LiveGateway) -> Iterator[Vendor]:
    """An upstream that keeps its responses, and has embeddings."""

    def answer(seen: Seen) -> Said:
        text: Json = {"type": "output_text", "text": "Hello.", "annotations": [], "logprobs": []}
        item: Json = {"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": [text]}
        usage = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
        whole: Json = {"id": f"resp_{uuid4().hex}", "object": "response", "status": "completed", "model": "up", "output": [item]}
        whole |= {"usage": usage}
        begun = {**whole, "status": "in_progress", "output": []}
        told = [{"type": "response.created", "response": begun}, {"type": "response.completed", "response": whole}]
        if not seen.json.get("stream"):
            return said(whole)
        return events(*({**event, "sequence_number": number} for number, event in enumerate(told)), names=True)

    def embedded(seen: Seen) -> Said:
        return said({"object": "list", "model": "up", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}]})

    with vendor({"/v1/responses": answer, "/v1/embeddings": embedded}) as upstream:
        site.define_at("openai_compatible", f"{upstream.base}/v1", {"kept/embeddings": ("up", ["embedding"])}, name="embeddings")
        site.define_at("openai_responses", f"{upstream.base}/v1", {"kept/up": ("up", ["responses"])}, name="kept")
        yield upstream


@pytest.mark.parametrize("mode", ["explicit", "auto", "off"])
def test_mode_when_set_then_only_what_it_says_is_found(start_gateway: StartGateway, mode: str) -> None:
    """`auto` is as `explicit`, as nobody looks at sessions."""
    site = start_gateway(GATEWAY_SESSIONS=mode)
    site.define("ok")
    body: Json = {"model": "chaos/ok", "messages": [{"role": "user", "content": "hi"}]}
    assert session_of(ask(site, "/v1/chat/completions", body)) == ""
    named = ask(site, "/v1/chat/completions", body, x_gateway_session_id="s-1", x_gateway_tags="a")
    assert (session_of(named), row_of(site, named)["tags"]) == (("", None) if mode == "off" else ("s-1", '{"a":"true"}'))
    user = json.dumps({"session_id": claude_code.SESSION})
    body = claude_code.body("chaos/ok", [claude_code.ASKED], metadata={"user_id": user}, stream=False)
    assert session_of(ask(site, claude_code.PATH, body)) == ("" if mode == "off" else claude_code.SESSION)
    long = ask(
        site, "/v1/chat/completions", {"model": "chaos/ok", **WIRES["chat"][1]("hi", "chaos/ok")[0]}, x_gateway_agent_id="s" * 300
    )
    assert long.status_code == (200 if mode == "off" else 400)


@pytest.fixture(scope="module")
def hooked(start_gateway: StartGateway) -> LiveGateway:
    hook = {"hook": "tests.fakes.session_hook.TellsItsSession", "models": ["chaos/ok"]}
    gateway = start_gateway(GATEWAY_HOOKS=json.dumps([hook]))
    gateway.define("ok", "slow-1ms", capabilities=["chat", "responses"])
    return gateway


@every_wire
def test_hook_when_there_is_one_then_sessions_are_found_before_it_runs(hooked: LiveGateway, wire: str) -> None:
    path, turns = WIRES[wire]
    told: list[Json] = []
    for body in turns(f"Weather in Oslo, {uuid4()}?", "chaos/ok"):
        answer = ask(hooked, path, body, x_gateway_tags="a:b")
        assert answer.status_code == 418, answer.text
        error = answer.json()["error"]
        told.append(json.loads(error if isinstance(error, str) else error["message"]))
        assert answer.headers[SESSION] == told[-1]["session"]
    assert [(one["new"], one["seen"]) for one in told] == [(at == 0, seen) for at, seen in enumerate(SEEN[wire])]
    assert {(one["session"], one["agent"]) for one in told} == {(told[0]["session"], AGENT)}
    assert [one["tags"] for one in told] == [{"a": "b"}] * 3


@every_wire
def test_session_when_it_is_named_then_what_was_said_in_it_before_is_known(hooked: LiveGateway, wire: str) -> None:
    path, turns = WIRES[wire]
    named, told = f"trip {uuid4()}", []
    for body in turns("Weather in Oslo?", "chaos/ok"):
        error = ask(hooked, path, body, x_gateway_session_id=named).json()["error"]
        told.append(json.loads(error if isinstance(error, str) else error["message"]))
    assert [(one["new"], one["seen"]) for one in told] == [(at == 0, seen) for at, seen in enumerate(SEEN[wire])]
    assert {one["session"] for one in told} == {named}


def ask(site: LiveGateway, path: str, body: Json, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return site.http.post(path.format(model="chaos/ok"), json=body, headers=named)


def session_of(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.headers.get(SESSION, ""))


def rows_of(site: LiveGateway, request: str) -> list[Json]:
    """A server that has just begun may have no recorder yet, on a machine with much to do: its rows come later."""
    eventually(lambda: site.operator.rows("openai_api.UsageRecord", {"request_id": request}), 60, 0.1)
    return site.operator.rows("openai_api.UsageRecord", {"request_id": request})


def row_of(site: LiveGateway, answer: httpx.Response) -> Json:
    (row,) = rows_of(site, answer.headers["x-request-id"])
    return row


def talk(site: LiveGateway, wire: str, asked: str, change: Callable[[Json], Json] = dict) -> list[httpx.Response]:
    path, turns = WIRES[wire]
    return [ask(site, path, change(turn)) for turn in turns(asked, "chaos/ok")]


@every_wire
def test_conversation_when_it_goes_on_then_it_is_one_session_and_its_rows_say_so(site: LiveGateway, wire: str) -> None:
    answers = talk(site, wire, f"Weather in Oslo, {uuid4()}?")
    (session,) = {session_of(answer) for answer in answers}
    assert re.fullmatch(UUID, session)
    found = [row_of(site, answer) for answer in answers]
    assert [(row["session"], row["agent"], row["tags"]) for row in found] == [(session, AGENT, None)] * 3


@every_wire
def test_conversations_when_they_begin_alike_then_they_are_two(site: LiveGateway, wire: str) -> None:
    asked = f"Weather in Oslo, {uuid4()}?"
    first, second = talk(site, wire, asked)[0], talk(site, wire, asked)[0]
    assert session_of(first) != session_of(second)
    assert session_of(talk(site, wire, f"Another {uuid4()}")[0]) not in {session_of(first), session_of(second)}


def streamed(body: Json) -> Json:
    return {**body, "stream": True}


@pytest.mark.parametrize("wire", ["chat", "messages", "responses", "ollama"])
def test_stream_when_it_begins_then_its_head_names_the_session(site: LiveGateway, wire: str) -> None:
    asked = f"Weather, {uuid4()}?"
    whole, told = talk(site, wire, asked), talk(site, wire, f"{asked} Streamed.", streamed)
    (session,) = {session_of(answer) for answer in told}
    assert session
    assert session not in {session_of(answer) for answer in whole}
    assert row_of(site, told[-1])["stream"]


def test_stream_of_gemini_when_it_begins_then_its_head_names_the_session(site: LiveGateway) -> None:
    path, turns = "/v1beta/models/chaos/ok:streamGenerateContent?alt=sse", WIRES["gemini"][1]
    answers = [ask(site, path, turn) for turn in turns(f"Weather, {uuid4()}?", "")]
    assert len({session_of(answer) for answer in answers}) == 1
    assert session_of(answers[0])


def test_conversation_when_two_keys_have_the_same_then_they_are_two_sessions(site: LiveGateway) -> None:
    path, turns = WIRES["chat"]
    first, second, _ = turns(f"Weather, {uuid4()}?", "chaos/ok")
    other = site.create_key("other")["key"]
    site.wait_visible(key=other)
    session = session_of(ask(site, path, first))
    assert session_of(site.http.post(path, json=second, headers=site.headers(other))) != session
    assert session_of(ask(site, path, second)) == session


@every_wire
def test_request_when_it_names_everything_then_that_is_what_its_row_has(site: LiveGateway, wire: str) -> None:
    path, turns = WIRES[wire]
    named = {"x_gateway_session_id": "trip 7", "x_gateway_agent_id": "weather", "x_gateway_tags": "team:blue, urgent,a:b:c"}
    answer = ask(site, path, turns("Oslo?", "chaos/ok")[0], **named)
    row = row_of(site, answer)
    assert session_of(answer) == "trip 7"
    assert (row["session"], row["agent"]) == ("trip 7", "weather")
    assert json.loads(row["tags"]) == {"team": "blue", "urgent": "true", "a": "b:c"}


def test_embeddings_when_asked_for_then_only_a_session_that_is_named_is_theirs(site: LiveGateway, upstream: Vendor) -> None:
    body = {"model": "kept/embeddings", "input": "hi"}
    assert session_of(ask(site, "/v1/embeddings", body)) == ""
    assert session_of(ask(site, "/v1/embeddings", body, x_gateway_session_id="s-1")) == "s-1"


def test_count_when_asked_for_then_it_is_no_part_of_the_conversation(site: LiveGateway) -> None:
    path, turns = WIRES["messages"]
    first, second, _ = turns(f"Weather, {uuid4()}?", "chaos/ok")
    session = session_of(ask(site, path, first))
    assert session_of(ask(site, f"{path}/count_tokens", second)) == ""
    assert session_of(ask(site, path, second)) == session


@pytest.mark.parametrize(
    ("headers", "session", "agent", "tags"),
    [
        (
            {"x-cylestio-conversation-id": "c", "x-cylestio-session-id": "s", "x-cylestio-prompt-id": "p"},
            "c",
            "p",
            {"session": "s"},
        ),
        ({"x-cylestio-session-id": "s", "x-cylestio-agent-id": "a", "x-cylestio-tags": "k:v"}, "s", "a", {"k": "v"}),
        ({"x-claude-code-session-id": "0b1c"}, "0b1c", "default-system", None),
        ({"session-id": "0b1d", "thread-id": "0b1e", "originator": "codex_cli_rs"}, "0b1d", "default-system", None),
        ({"session_id": "0b1f", "conversation_id": "0b1f"}, "0b1f", "default-system", None),
    ],
)
def test_headers_of_others_when_sent_then_they_are_understood_and_go_no_further(
    site: LiveGateway, headers: dict[str, str], session: str, agent: str, tags: Json | None
) -> None:
    body = {"model": "chaos/ok", "messages": [{"role": "user", "content": "hi"}]}
    answer = site.http.post("/v1/chat/completions", json=body, headers=headers)
    row = row_of(site, answer)
    assert (session_of(answer), row["session"], row["agent"]) == (session, session, agent)
    assert (json.loads(row["tags"]) if row["tags"] else None) == tags
    gone_on = {name.lower() for name, _ in site.chaos.log()[-1]["headers"]}
    assert "x-request-id" in gone_on
    assert gone_on.isdisjoint(headers)


def test_claude_code_when_its_first_block_changes_then_the_session_stays(site: LiveGateway) -> None:
    first: Json = {"role": "user", "content": [{"type": "text", "text": f"What is in a.txt, {uuid4()}?"}]}
    replied: Json = {"role": "assistant", "content": [{"type": "text", "text": "Words."}]}
    next_one: Json = {"role": "user", "content": "And in b.txt?"}
    plain = {"metadata": {"user_id": "somebody"}, "stream": False}
    bodies = [
        claude_code.body("chaos/ok", talk, turn, **plain) for turn, talk in enumerate(([first], [first, replied, next_one]))
    ]
    answers = [ask(site, claude_code.PATH, body) for body in bodies]
    assert len({session_of(answer) for answer in answers}) == 1
    assert len({row_of(site, answer)["agent"] for answer in answers}) == 1


@pytest.mark.parametrize(
    ("user", "session"),
    [
        (json.dumps({"device_id": "d" * 64, "account_uuid": "", "session_id": claude_code.SESSION}), claude_code.SESSION),
        (f"user_{'a' * 64}_account_{uuid4()}_session_{claude_code.SESSION}", claude_code.SESSION),
        (f"user_{'a' * 64}_account__session_{claude_code.SESSION}", claude_code.SESSION),
    ],
)
def test_claude_code_when_its_metadata_names_a_session_then_that_is_it(site: LiveGateway, user: str, session: str) -> None:
    body = claude_code.body("chaos/ok", [claude_code.ASKED], metadata={"user_id": user}, stream=False)
    assert session_of(ask(site, claude_code.PATH, body)) == session


@pytest.mark.parametrize(
    "user", ["{", "{}", '{"session_id": 7}', "somebody", "user_x_session_", "{" * 5000, '{"session_id": "a\\u0000b"}']
)
def test_metadata_when_they_name_no_session_then_nobody_minds(site: LiveGateway, user: str) -> None:
    body = claude_code.body("chaos/ok", [claude_code.ASKED], metadata={"user_id": user}, stream=False)
    assert re.fullmatch(UUID, session_of(ask(site, claude_code.PATH, body)))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["chaos/ok", "kept/up"])
def test_response_when_it_goes_on_from_another_then_it_is_of_its_session(
    site: LiveGateway, upstream: Vendor, model: str, stream: bool
) -> None:
    previous: str | None = None
    sessions: list[str] = []
    for text in (f"Weather, {uuid4()}?", "And tomorrow?", "And then?"):
        body = {"model": model, "input": text, "stream": stream, "previous_response_id": previous}
        answer = ask(site, "/v1/responses", body)
        sessions.append(session_of(answer))
        told = [event for event in told_in(answer) if event != "[DONE]"][-1]["response"] if stream else answer.json()
        previous = told["id"]
    assert len(set(sessions)) == 1
    assert sessions[0]


def test_response_when_it_is_of_a_conversation_then_that_is_its_session(site: LiveGateway, upstream: Vendor) -> None:
    for conversation in ("conv_1", {"id": "conv_1"}):
        body = {"model": "kept/up", "input": "hi", "conversation": conversation}
        assert session_of(ask(site, "/v1/responses", body)) == "conv_1"


def test_background_when_it_is_made_then_its_row_is_of_the_session_too(site: LiveGateway) -> None:
    answer = ask(site, "/v1/responses", {"model": "chaos/ok", "input": f"hi {uuid4()}", "background": True}, x_gateway_tags="a")
    session, made = session_of(answer), answer.json()["id"]
    asked, (run,) = row_of(site, answer), rows_of(site, made)
    assert session
    assert {(row["session"], row["tags"]) for row in (asked, run)} == {(session, '{"a":"true"}')}


BAD = {
    "too long": ("x-gateway-session-id", b"s" * 10_000, "has 10000 characters. The limit is 256."),
    "an agent too long": ("x-gateway-agent-id", b"s" * 257, "has 257 characters. The limit is 256."),
    "not UTF-8": ("x-cylestio-conversation-id", b"s\xff\xfe", "is not UTF-8."),
    "control characters": ("x-gateway-session-id", b"a\tb", "has characters that cannot be printed."),
    "a direction": ("x-gateway-tags", "team:\u202ereversed".encode(), "has characters that cannot be printed."),
}


@every_wire
@pytest.mark.parametrize("name", BAD)
def test_header_when_it_cannot_be_taken_then_it_is_a_400_of_the_dialect(site: LiveGateway, wire: str, name: str) -> None:
    header, value, what = BAD[name]
    path, turns = WIRES[wire]
    answer = site.http.post(path.format(model="chaos/ok"), json=turns("Oslo?", "chaos/ok")[0], headers={header.encode(): value})
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert (error if isinstance(error, str) else error["message"]) == f"The header {header} {what}"


def test_tags_when_they_are_too_many_or_too_long_then_they_are_cut(site: LiveGateway) -> None:
    long = ",".join([f"{'k' * 65}:left out", f"cut:{'v' * 600}", *(f"t{number}:{number}" for number in range(80))])
    body = {"model": "chaos/ok", "messages": [{"role": "user", "content": "hi"}]}
    tags = json.loads(row_of(site, ask(site, "/v1/chat/completions", body, x_gateway_tags=long))["tags"])
    assert len(tags) == 50
    assert tags["cut"] == "v" * 512
    assert "k" * 65 not in tags


@pytest.mark.parametrize("header", ["x-claude-code-session-id", "session-id"])
@pytest.mark.parametrize("value", [b"s" * 10_000, b"a b", b"\xff", b"a\tb"])
def test_header_of_a_client_when_it_cannot_be_taken_then_it_is_passed_over(site: LiveGateway, header: str, value: bytes) -> None:
    body = {"model": "chaos/ok", "messages": [{"role": "user", "content": f"hi {uuid4()}"}]}
    answer = site.http.post("/v1/chat/completions", json=body, headers={header.encode(): value})
    assert re.fullmatch(UUID, session_of(answer))


def test_page_of_another_site_when_it_asks_then_it_may_read_the_session(site: LiveGateway) -> None:
    body = {"model": "chaos/ok", "messages": [{"role": "user", "content": "hi"}]}
    answer = ask(site, "/v1/chat/completions", body, origin="https://app.example")
    assert SESSION in answer.headers["access-control-expose-headers"]


def test_error_when_the_upstream_fails_then_its_head_names_the_session(site: LiveGateway) -> None:
    site.define("status-503")
    body = {"model": "chaos/status-503", "messages": [{"role": "user", "content": "hi"}]}
    answer = ask(site, "/v1/chat/completions", body, x_gateway_session_id="s-2")
    assert (answer.status_code, answer.headers[SESSION]) == (503, "s-2")
    assert '"session":"s-2"' in site.settled_log()


def test_large_conversation_when_it_goes_on_then_it_is_one_session(site: LiveGateway) -> None:
    text = f"{uuid4()} " * 20_000
    talk: list[Json] = [{"role": "user", "content": text}]
    first = session_of(ask(site, "/v1/chat/completions", {"model": "chaos/ok", "messages": talk}))
    talk += [{"role": "assistant", "content": "Yes."}, {"role": "user", "content": "Sure?"}]
    assert session_of(ask(site, "/v1/chat/completions", {"model": "chaos/ok", "messages": talk})) == first
