"""Does a recording answer as an upstream, byte for byte, what was asked when it was recorded, and say what it lacks?"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.claude_code import ASKED, HEADERS, body
from tests.fakes.messages import HELLO, THOUGHT, call, message, told
from tests.live import LiveGateway

Json = dict[str, Any]
numbers = count(1)
CHAT: Json = {"model": "any", "messages": [{"role": "user", "content": "Hi."}]}


@pytest.fixture(scope="module")
def folder(shared_gateway: LiveGateway) -> Path:
    made = Path(shared_gateway.env["GATEWAY_DATA_DIR"]) / "recordings"
    made.mkdir(exist_ok=True)
    return made


@pytest.fixture
def client(gateway: LiveGateway) -> LiveGateway:
    return gateway


def recorded_body(data: bytes | None, **fields: Any) -> str:
    """A body as the recorder writes it: JSON byte for byte."""
    if not data:
        return '{"size": 0, "content": null}'
    head = json.dumps({"size": len(data), **fields})[:-1]
    try:
        json.loads(data)
        return f'{head}, "type": "json", "content": {data.decode()}}}'
    except UnicodeDecodeError:
        return f'{head}, "type": "binary", "content": {json.dumps(base64.b64encode(data).decode())}}}'
    except ValueError:
        return f'{head}, "type": "text", "content": {json.dumps(data.decode())}}}'


def line(data: bytes | None, fields: Mapping[str, Any], **of_body: Any) -> str:
    return f'{json.dumps(fields)[:-1]}, "body": {recorded_body(data, **of_body)}}}\n'


def exchange(asked: bytes, answer: bytes, *, wire: str = "openai_chat", path: str = "/v1/chat/completions", **more: Any) -> str:
    """The two lines of an exchange. `more` are fields of the answer; `redacted` is the request's."""
    number = f"r{next(numbers)}"
    said = json.loads(asked)
    redacted = {"redacted": True} if more.pop("redacted", False) else {}
    request = {
        "type": "request",
        "request_id": number,
        "method": "POST",
        "path": path,
        "wire": wire,
        "model": said["model"],
        "is_streaming": bool(said.get("stream")),
    }
    kind = "text/event-stream" if said.get("stream") else "application/json"
    response = {"type": "response", "request_id": number, "status_code": 200, "content_type": kind, "headers": {}, **more}
    response.setdefault("is_streaming", bool(said.get("stream")))
    return line(asked, request, **redacted) + line(answer, response)


def write(folder: Path, *lines: str) -> str:
    name = f"case{next(numbers)}"
    (folder / name).mkdir()
    (folder / name / "recording_001.jsonl").write_text("".join(lines))
    return name


def served(gateway: LiveGateway, path: str, *models: str, **options: Any) -> None:
    """These models are served by the recording at `path`."""
    gateway.operator.define(
        [{"name": path, "type": "replay", "api_base": "", "options": {"path": path, **options}}],
        [
            {
                "name": model,
                "num_retries": 0,
                "capabilities": ["chat", "responses", "embedding"],
                "routes": [{"provider": path, "upstream_model": "recorded-upstream"}],
            }
            for model in models
        ],
    )
    gateway._wait_served(*models)


def asked(model: str, text: str, **fields: Any) -> bytes:
    return json.dumps({"model": model, "messages": [{"role": "user", "content": text}], **fields}).encode()


def answered(text: str, model: str = "dated-2026") -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return json.dumps({"id": "c", "object": "chat.completion", "model": model, "choices": [choice], "n": 1.0}).encode()


def post(gateway: LiveGateway, data: bytes, path: str = "/v1/chat/completions") -> Any:
    return gateway.http.post(path, content=data, headers={**gateway.headers(), "content-type": "application/json"})


def agents_turns(model: str, *, streamed: bool) -> Sequence[tuple[bytes, bytes]]:
    """A tool conversation of a coding agent: what it sends and what it is told, turn by turn."""
    messages: list[Json] = [ASKED]
    turns = []
    for turn, content in enumerate([(THOUGHT, call(1, "Read", file_path="a.txt")), (call(2, "Bash", command="ls"),), (HELLO,)]):
        sent = json.dumps({**body(model, messages, turn), "stream": streamed}).encode()
        frames = [f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in told(*content)]
        turns.append((sent, "".join(frames).encode() if streamed else json.dumps(message(*content)).encode()))
        result = {"type": "tool_result", "tool_use_id": f"toolu_{turn + 1}", "content": "text"}
        messages += [{"role": "assistant", "content": list(content)}, {"role": "user", "content": [result]}]
    return turns


@pytest.mark.parametrize("streamed", [False, True])
def test_agents_tool_conversation_when_replayed_then_byte_for_byte(streamed: bool, client: LiveGateway, folder: Path) -> None:
    model = f"replayed/agent-{streamed}"
    turns = agents_turns(model, streamed=streamed)
    path = write(folder, *(exchange(sent, said, wire="anthropic_messages", path="/v1/messages") for sent, said in turns))
    served(client, path, model)
    for sent, said in turns:
        answer = client.http.post("/v1/messages?beta=true", content=sent, headers={**HEADERS, **client.headers()})
        assert answer.status_code == 200
        assert answer.content == said


def test_answer_when_it_names_another_model_then_it_keeps_every_byte(client: LiveGateway, folder: Path) -> None:
    path = write(folder, exchange(asked("replayed/one", "Hi."), answered("Hello.")))
    served(client, path, "replayed/one")
    assert post(client, b' {"messages": [{"content":"Hi.","role":"user"}], "model":"replayed/one"} ').content == answered(
        "Hello."
    )


def test_answers_when_several_are_to_one_request_then_in_order_and_the_last_again(client: LiveGateway, folder: Path) -> None:
    lines = [exchange(asked("replayed/again", "Hi."), answered(text)) for text in ("one", "two")]
    served(client, write(folder, *lines), "replayed/again")
    told = [post(client, asked("replayed/again", "Hi.")).json()["choices"][0]["message"]["content"] for _ in range(3)]
    assert told == ["one", "two", "two"]


def test_answers_when_exhausted_means_miss_then_404(client: LiveGateway, folder: Path) -> None:
    served(client, write(folder, exchange(asked("replayed/miss", "Hi."), answered("one"))), "replayed/miss", exhausted="miss")
    statuses = [post(client, asked("replayed/miss", "Hi.")).status_code for _ in range(2)]
    assert statuses == [200, 404]


def test_request_when_none_is_like_it_then_404_says_what_is_nearest_and_no_text(client: LiveGateway, folder: Path) -> None:
    served(client, write(folder, exchange(asked("replayed/near", "Hi."), answered("one"))), "replayed/near")
    answer = post(client, asked("replayed/near", "my secret words"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_recorded")
    assert "messages[0].content" in answer.json()["error"]["message"]
    assert "recording_001.jsonl, line 1" in answer.json()["error"]["message"]
    assert "secret words" not in answer.text
    assert post(client, asked("replayed/near", "Hi.", stream=True)).status_code == 404


def test_model_when_it_is_the_routes_own_then_found(client: LiveGateway, folder: Path) -> None:
    served(client, write(folder, exchange(asked("recorded-upstream", "Hi."), answered("one"))), "replayed/renamed")
    assert post(client, asked("replayed/renamed", "Hi.")).content == answered("one")


def test_match_when_by_wire_then_any_request_gets_the_next_answer(client: LiveGateway, folder: Path) -> None:
    lines = [exchange(asked("replayed/wire", text), answered(text)) for text in ("one", "two")]
    served(client, write(folder, *lines), "replayed/wire", match="wire")
    told = [post(client, asked("replayed/wire", "else")).json()["choices"][0]["message"]["content"] for _ in range(2)]
    assert told == ["one", "two"]


def test_request_when_the_recorded_one_lost_a_credential_then_found(client: LiveGateway, folder: Path) -> None:
    recorded = asked("replayed/redacted", "use [REDACTED_API_KEY] and [REDACTED] now")
    served(client, write(folder, exchange(recorded, answered("one"), redacted=True)), "replayed/redacted")
    assert post(client, asked("replayed/redacted", "use sk-abc and hunter2 now")).content == answered("one")
    assert post(client, asked("replayed/redacted", "use sk-abc or hunter2 now")).status_code == 404


def test_stream_when_timing_is_recorded_then_pieces_come_when_they_came(client: LiveGateway, folder: Path) -> None:
    pieces = [b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"%d"}}]}\n\n' % number for number in range(3)]
    pieces.append(b"data: [DONE]\n\n")
    frames = [[100 + 200 * number, len(piece)] for number, piece in enumerate(pieces)]
    sent = asked("replayed/timed", "Hi.", stream=True)
    served(client, write(folder, exchange(sent, b"".join(pieces), frames=frames)), "replayed/timed", timing="recorded")
    began = time.monotonic()
    with client.http.stream("POST", "/v1/chat/completions", content=sent, headers=client.headers()) as answer:
        came = [(part, time.monotonic() - began) for part in answer.iter_raw()]
    assert [part for part, _ in came] == pieces
    assert came[0][1] < 0.5 < 0.65 < came[-1][1]


def test_stream_when_it_was_cut_off_then_it_breaks_there(client: LiveGateway, folder: Path) -> None:
    import httpx

    piece = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
    sent = asked("replayed/cut", "Hi.", stream=True)
    served(client, write(folder, exchange(sent, piece, complete=False)), "replayed/cut")
    with pytest.raises(httpx.RemoteProtocolError):
        post(client, sent)


def test_error_when_recorded_then_told_as_an_upstreams(client: LiveGateway, folder: Path) -> None:
    body = b'{"error":{"message":"too long","type":"invalid_request_error","code":"context_length_exceeded","param":"messages"}}'
    served(client, write(folder, exchange(asked("replayed/error", "Hi."), body, status_code=400)), "replayed/error")
    answer = post(client, asked("replayed/error", "Hi."))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "context_length_exceeded")


def test_recording_when_damaged_or_of_the_origin_then_the_rest_is_served(client: LiveGateway, folder: Path) -> None:
    """Lines without ids, as cylestio-perimeter writes them, of two exchanges at once; and lines that are none."""
    origins = []
    for number, (began, took) in enumerate([(100.0, 5000.0), (101.0, 1000.0)]):
        sent = asked("replayed/origin", f"number {number}")
        head = {"type": "request", "method": "POST", "path": "/v1/chat/completions", "url": "http://x", "headers": {}}
        ended = {"type": "response", "status_code": 200, "headers": {"content-type": "application/json"}, "duration_ms": took}
        origins.append((began, line(sent, {**head, "is_streaming": False, "model": "replayed/origin", "start_time": began})))
        origins.append((began + took / 1000, line(answered(f"answer {number}"), {**ended, "end_time": began + took / 1000})))
    lines = ["not json\n", '{"type":"nobody"}\n', *(text for _, text in sorted(origins)), '{"type":"request","me', "\n\0\n"]
    served(client, write(folder, *lines), "replayed/origin")
    for number in range(2):
        assert post(client, asked("replayed/origin", f"number {number}")).content == answered(f"answer {number}")


def test_recording_when_it_grows_then_served_at_once(client: LiveGateway, folder: Path) -> None:
    path = write(folder, exchange(asked("replayed/grows", "a"), answered("a")))
    served(client, path, "replayed/grows")
    assert post(client, asked("replayed/grows", "b")).status_code == 404
    with (folder / path / "recording_001.jsonl").open("a") as file:
        file.write(exchange(asked("replayed/grows", "b"), answered("b")))
    assert post(client, asked("replayed/grows", "b")).content == answered("b")


@pytest.mark.parametrize("path", ["../outside", "/etc/passwd", "a/../../b", "a\nb", "..", "C:\\x"])
def test_path_when_it_leads_out_of_the_folder_then_the_provider_is_refused(path: str, client: LiveGateway) -> None:
    client.operator.define(
        [{"name": "out", "type": "replay", "api_base": "", "options": {"path": path}}],
        [{"name": "replayed/out", "num_retries": 0, "capabilities": ["chat"], "routes": [{"provider": "out"}]}],
    )
    assert "GATEWAY_RECORDINGS_DIR" in client.operator.command("show_catalog")


def test_link_when_it_leads_out_of_the_folder_then_nothing_is_read(client: LiveGateway, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "recording_001.jsonl").write_text(exchange(asked("replayed/link", "Hi."), answered("leaked")))
    for number, target in enumerate((tmp_path, tmp_path / "recording_001.jsonl")):
        (folder / f"link{number}").symlink_to(target)
        served(client, f"link{number}", "replayed/link")
        answer = post(client, asked("replayed/link", "Hi."))
        assert answer.status_code == 404
        assert "leads out" in answer.json()["error"]["message"]
    (folder / "within").mkdir()
    (folder / "within" / "recording_001.jsonl").symlink_to(tmp_path / "recording_001.jsonl")
    served(client, "within", "replayed/link")
    assert post(client, asked("replayed/link", "Hi.")).status_code == 404
