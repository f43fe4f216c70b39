"""Do requests become events of their sessions, in the database and in files, whatever their dialect and however they end?"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from providers.types import Wire
from tests.fakes.chaos.process import Chaos
from tests.fakes.claude_code import HEADERS, PATH, body, results
from tests.fakes.messages import read
from tests.fakes.vendor import Vendor, vendor
from tests.integration.event_rows import events_of, folder_of, lines_of, names_of, rows_of, session_of
from tests.integration.test_claude_code import CALLS, UPSTREAMS
from tests.live import LiveGateway, environment, migrate
from tests.matrix.situations import Ask
from tests.services.conftest import database
from tests.unit.openai_api.observing.exchanges import DIALECTS, SIDES

Json = dict[str, Any]
CALL = ["llm.call.start", "llm.call.finish"]
CANARY = "canary-of-what-was-said-4711"
WIRES = list(DIALECTS)
CONVERSATION = ("chat", "responses")


@pytest.fixture(scope="module")
def on_postgres(postgres_url: str, shared_chaos: Chaos, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveGateway]:
    """A gateway with four workers and a recorder process, which says the events to both."""
    directory: Path = tmp_path_factory.mktemp("events") / "data"
    directory.mkdir()
    with database(postgres_url) as url:
        variables = {"DATABASE_URL": url, "GATEWAY_EVENTS": "database,jsonl", "GATEWAY_RECORDER": "process"}
        migrate(environment(directory, **variables))
        with LiveGateway(directory, shared_chaos, workers=4, template=None, **variables) as gateway:
            gateway.define("ok", "ok-usage-100-20", "stream-ok-3", "status-429", "stream-cut-after-2", "stream-error-after-2")
            gateway.define_at(
                "openai_compatible",
                shared_chaos.base_url,
                {"talk": ("ok", CONVERSATION), "talk-stream": ("stream-ok-3", CONVERSATION)},
                name="talk",
            )
            gateway.define("stream-paced-200ms-40", input_price="2.5", output_price="10")
            yield gateway


@pytest.fixture
def gateway(on_postgres: LiveGateway, chaos: Chaos) -> Iterator[LiveGateway]:
    yield on_postgres
    on_postgres.check()


@pytest.fixture(scope="module")
def open_key(on_postgres: LiveGateway) -> str:
    """A key that allows what is said to be recorded."""
    key: str = on_postgres.create_key("open", "--record-bodies")["key"]
    on_postgres.wait_visible(key=key)
    return key


def named(**more: str) -> tuple[str, dict[str, str]]:
    """A new session, and the header that names it."""
    session = f"s-{uuid.uuid4()}"
    return session, {"x-gateway-session-id": session, **more}


def said_by(gateway: LiveGateway, wire: Wire, asked: Ask, headers: dict[str, str], key: str = "") -> httpx.Response:
    client, _ = SIDES[wire]
    ask = client.ask("talk-stream" if asked.stream else "talk", asked)
    name, value = client.key_header(key or gateway.key)
    answer = httpx.post(
        f"{gateway.base_url}{ask.path}",
        json=ask.body,
        headers={**ask.headers, name: value, **headers},
        trust_env=False,
        timeout=15,
    )
    assert answer.status_code == 200, answer.text
    return answer


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("wire", WIRES)
def test_request_when_it_is_of_any_dialect_then_its_session_has_three_events(
    wire: Wire, stream: bool, gateway: LiveGateway, open_key: str
) -> None:
    session, headers = named(**{"x-gateway-agent-id": "agent-7", "x-gateway-tags": "team:red,beta"})
    said_by(gateway, wire, Ask(system="Be terse.", stream=stream), headers, open_key)
    rows = events_of(gateway, session, 3)
    assert names_of(rows) == ["session.start", *CALL]
    start, asked, end = (row["attributes"] for row in rows)
    assert start["prompt"] == "Be terse."
    assert start["session.tags"] == {"team": "red", "beta": "true"}
    assert {each["llm.vendor"] for each in (start, asked, end)} == {"openai_compatible"}
    assert {each["gen_ai.agent.id"] for each in (start, asked, end)} == {"agent-7"}
    assert asked["llm.request.stream"] is stream
    assert asked["llm.request.messages.new"] == asked["llm.request.messages"]
    assert end["server.address"] == "127.0.0.1"
    assert end["llm.usage.total_tokens"] == end["llm.usage.input_tokens"] + end["llm.usage.output_tokens"] > 0
    assert "".join(block.get("text", "") for block in end["llm.response.content"])
    assert end["gen_ai.response.finish_reasons"]
    assert 0 < end["llm.response.first_byte_ms"] <= end["llm.response.duration_ms"]
    row = session_of(gateway, session)
    assert row is not None
    assert (row["agent"], row["client_name"], row["calls"], row["errors"], row["bodies"]) == ("agent-7", "open", 1, 0, True)
    lines = lines_of(gateway, session)
    assert [(line["name"], line["attributes"]) for line in lines] == [(each["name"], each["attributes"]) for each in rows]
    assert {line["trace_id"] for line in lines} == {row["trace"]}
    assert [line["span_id"] for line in lines] == [each["span"] for each in rows]


@pytest.fixture(scope="module")
def agents_upstream(on_postgres: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        for kind, (base, _, _) in UPSTREAMS.items():
            on_postgres.define_at(
                kind, upstream.base + base, {f"agent/{kind}": ("claude-opus-4-8", ["chat"])}, name=f"agent {kind}"
            )
        yield upstream


@pytest.mark.parametrize("kind", sorted(UPSTREAMS))
@pytest.mark.parametrize("bodies", [False, True], ids=["bodies off", "bodies on"])
def test_agent_when_it_uses_tools_over_three_turns_then_results_are_paired_with_their_calls(
    kind: str, bodies: bool, gateway: LiveGateway, open_key: str, agents_upstream: Vendor
) -> None:
    session = str(uuid.uuid4())
    headers = {**HEADERS, "x-claude-code-session-id": session, "authorization": f"Bearer {open_key if bodies else gateway.key}"}
    talk: list[Json] = [{"role": "user", "content": [{"type": "text", "text": CANARY}]}]
    for turn, texts in enumerate(((f"A {CANARY}", "B"), ("1 1 1 a.txt",), ())):
        agents_upstream.answers[UPSTREAMS[kind][1]] = lambda _, turn=turn: UPSTREAMS[kind][2](turn)  # type: ignore[misc]
        answer = httpx.post(
            gateway.base_url + PATH, json=body(f"agent/{kind}", talk, turn), headers=headers, trust_env=False, timeout=15
        )
        assert answer.status_code == 200, answer.text
        said = read(answer.text)
        talk.append({"role": "assistant", "content": said["content"]})
        if texts:
            time.sleep(0.12)
            talk.append(results(said["content"], *texts))
    rows = events_of(gateway, session, 13)
    assert names_of(rows) == [
        *("session.start", *CALL, "tool.execution", "tool.execution"),
        *("tool.result", "tool.result", *CALL, "tool.execution"),
        *("tool.result", *CALL),
    ]
    called = [row["attributes"] for row in rows if row["name"] == "tool.execution"]
    returned = [row["attributes"] for row in rows if row["name"] == "tool.result"]
    assert [each["tool.name"] for each in called] == [name for name, _ in CALLS] == [each["tool.name"] for each in returned]
    assert [each["gen_ai.tool.call.id"] for each in called] == [each["gen_ai.tool.call.id"] for each in returned]
    assert all(each["tool.execution_time_ms"] >= 100 for each in returned)
    assert {each["tool.status"] for each in returned} == {"success"}
    told = json.dumps([row["attributes"] for row in rows]) + json.dumps(lines_of(gateway, session))
    if bodies:
        assert [each["tool.params"] for each in called] == [arguments for _, arguments in CALLS]
        assert [each["tool.result"] for each in returned] == [f"A {CANARY}", "B", "1 1 1 a.txt"]
        assert told.count(CANARY) >= 4
    else:
        assert CANARY not in told
        assert "a.txt" not in told
        assert "coding agent" not in told
        assert returned[0]["tool.result.bytes"] == len(f"A {CANARY}")
    row = session_of(gateway, session)
    assert row is not None
    assert (row["calls"], row["tools"], row["events_count"], row["bodies"]) == (3, 3, 13, bodies)


def test_database_when_no_key_allows_bodies_then_nothing_that_was_said_is_in_it(gateway: LiveGateway) -> None:
    session, headers = named()
    answers = [
        gateway.http.post(
            "/v1/chat/completions",
            json={"model": model, "stream": stream, "messages": [{"role": "user", "content": CANARY}], **odd},
            headers=headers,
        )
        for model, stream in (("talk", False), ("chaos/stream-ok-3", True), ("chaos/status-429", False))
        for odd in ({}, {"temperature": CANARY})
    ]
    assert {answer.status_code for answer in answers} >= {200, 429}
    rows = events_of(gateway, session, 1 + 2 * len(answers))
    assert "llm.call.error" in names_of(rows)
    with psycopg.connect(gateway.env["DATABASE_URL"]) as connection:
        for table in ("openai_api_sessionrow", "openai_api_sessioneventrow", "openai_api_sessionlabelrow"):
            where = "WHERE t::text LIKE %s"
            if table == "openai_api_sessioneventrow":
                where += " AND session_id IN (SELECT id FROM openai_api_sessionrow WHERE NOT bodies)"
            found = connection.execute(f"SELECT count(*) FROM {table} t {where}", [f"%{CANARY}%"]).fetchone()
            assert found == (0,), table
    assert CANARY not in json.dumps(lines_of(gateway, session))


@pytest.mark.parametrize(
    ("model", "stream", "kind", "status"),
    [
        ("chaos/status-429", False, "rate_limit_error", 429),
        ("chaos/status-429", True, "rate_limit_error", 429),
        ("chaos/stream-cut-after-2", True, None, 200),
        ("chaos/stream-error-after-2", True, None, 200),
    ],
)
def test_call_when_it_fails_then_its_event_says_why(
    model: str, stream: bool, kind: str | None, status: int, gateway: LiveGateway
) -> None:
    session, headers = named()
    answer = gateway.http.post(
        "/v1/chat/completions",
        json={"model": model, "stream": stream, "messages": [{"role": "user", "content": "hi"}]},
        headers=headers,
    )
    assert answer.status_code == status
    rows = events_of(gateway, session, 3)
    assert names_of(rows) == ["session.start", "llm.call.start", "llm.call.error"]
    failed = rows[-1]["attributes"]
    assert rows[-1]["level"] == "ERROR"
    assert failed["error.type"] == kind or (kind is None and failed["error.type"])
    assert failed["http.status_code"] >= 400
    row = session_of(gateway, session)
    assert row is not None
    assert (row["calls"], row["errors"]) == (1, 1)


def test_client_when_it_leaves_in_midstream_then_the_call_has_failed(gateway: LiveGateway) -> None:
    session, headers = named()
    asked = {"model": "chaos/stream-paced-200ms-40", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    with gateway.http.stream("POST", "/v1/chat/completions", json=asked, headers=headers) as answer:
        next(answer.iter_lines())
    rows = events_of(gateway, session, 3)
    failed = rows[-1]["attributes"]
    assert (rows[-1]["name"], rows[-1]["level"]) == ("llm.call.error", "WARNING")
    assert (failed["error.type"], failed["http.status_code"]) == ("client_closed_request", 499)
    assert "llm.cost_usd" in failed


def test_price_when_it_is_known_then_calls_and_their_session_have_their_cost(gateway: LiveGateway) -> None:
    gateway.define("ok-usage-100-20", input_price="2.5", output_price="10")
    session, headers = named()
    for _ in range(2):
        gateway.http.post(
            "/v1/chat/completions",
            json={"model": "chaos/ok-usage-100-20", "messages": [{"role": "user", "content": "hi"}]},
            headers=headers,
        )
    rows = events_of(gateway, session, 5)
    assert rows[-1]["attributes"]["llm.cost_usd"] == 0.00045
    row = session_of(gateway, session)
    assert row is not None
    assert (float(row["cost_usd"]), row["unpriced"], row["input_tokens"], row["output_tokens"]) == (0.0009, 0, 200, 40)


def test_session_when_four_workers_serve_it_then_its_events_are_in_order(gateway: LiveGateway) -> None:
    session, headers = named()
    ids = []
    for _ in range(40):  # a connection each: any worker may answer
        answer = httpx.post(
            f"{gateway.base_url}/v1/chat/completions",
            json={"model": "talk", "messages": [{"role": "user", "content": "hi"}]},
            headers={**gateway.headers(), **headers},
            trust_env=False,
            timeout=15,
        )
        ids.append(answer.headers["x-request-id"])
    rows = events_of(gateway, session, 81)
    assert [row["request_id"] for row in rows] == [ids[0], *(each for each in ids for _ in range(2))]
    assert names_of(rows) == ["session.start", *CALL * 40]
    assert [line["attributes"]["request.id"] for line in lines_of(gateway, session)] == [row["request_id"] for row in rows]


def test_files_when_events_are_written_then_only_their_owner_reads_them(gateway: LiveGateway) -> None:
    assert folder_of(gateway).stat().st_mode & 0o777 == 0o700
    assert (folder_of(gateway) / "events.jsonl").stat().st_mode & 0o777 == 0o600


def test_conversation_when_it_is_said_again_then_it_is_found_and_told_once(gateway: LiveGateway, open_key: str) -> None:
    """Without a header that names the session."""
    first = f"hello {uuid.uuid4()}"
    talk: list[Json] = [{"role": "user", "content": first}]
    http = httpx.Client(base_url=gateway.base_url, headers=gateway.headers(open_key), trust_env=False, timeout=15)
    ids = []
    for _ in range(3):
        answer = http.post("/v1/chat/completions", json={"model": "talk", "messages": talk})
        ids.append(answer.headers["x-request-id"])
        talk += [answer.json()["choices"][0]["message"], {"role": "user", "content": "and then?"}]
    http.close()
    found: list[Json] = []
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline and not found:
        found = gateway.operator.rows("openai_api.SessionEventRow", {"request_id": ids[-1], "name": "llm.call.finish"})
        time.sleep(0.1)
    (last,) = found
    rows = gateway.operator.rows("openai_api.SessionEventRow", {"session_id": last["session_id"]})
    assert names_of(sorted(rows, key=lambda row: int(row["number"]))) == ["session.start", *CALL * 3]
    asked = json.loads(next(row for row in rows if row["request_id"] == ids[-1] and row["name"] == CALL[0])["attributes"])
    assert (asked["llm.request.messages"], asked["llm.request.messages.new"]) == (5, 2)
    assert first not in json.dumps(asked["llm.request.data"])
    assert rows_of(gateway, "no such session") == []
