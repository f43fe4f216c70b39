"""Is a recording what docs/recordings.md says: byte for byte what was said, and never a credential?"""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from openai_api.observing.redact import json_body
from tests.integration.interceptors.traffic import KINDS, PATHS, chat, define, hooks, lines, lines_of, modes
from tests.live import LiveGateway
from tests.live_fixtures import StartGateway

KEY = "sk-proj-canary0123456789abcdefGHIJ"
MOST = 64 * 1024


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recordings") / "made"


@pytest.fixture(scope="module")
def recording(start_gateway: StartGateway, folder: Path) -> LiveGateway:
    configured = [
        {"hook": "http_recorder", "options": {"output_dir": str(folder), "max_events_per_file": 6}},
        {
            "hook": "http_recorder",
            "options": {
                "output_dir": str(folder / "bare"),
                "include_headers": False,
                "include_timing": False,
                "max_body_size_mb": 0,
            },
        },
    ]
    gateway = start_gateway(GATEWAY_HOOKS=hooks(*configured), GATEWAY_TRANSCRIPT_BYTES=str(MOST))
    define(gateway)
    return gateway


def recorded(answer: httpx.Response, folder: Path) -> tuple[Any, Any]:
    """The two lines of an exchange."""
    request, ended = lines_of(answer, lambda: lines(*sorted(folder.glob("recording_*.jsonl"))))
    return request, ended


def bytes_of(line: Any, folder: Path) -> bytes:
    """A body as docs/recordings.md says that its bytes are found."""
    body = line["body"]
    if "exact" in body:
        return str(body["exact"]).encode()
    if body["type"] == "json":
        return _raw(line, folder)
    return base64.b64decode(body["content"]) if body["type"] == "binary" else str(body["content"]).encode()


def _raw(line: Any, folder: Path) -> bytes:
    for path in folder.glob("recording_*.jsonl"):
        for text in path.read_bytes().splitlines():
            found = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
            if json.loads(bytes(found["request_id"])) == line["request_id"] and json.loads(bytes(found["type"])) == line["type"]:
                return bytes(msgspec.json.decode(found["body"], type=dict[str, msgspec.Raw])["content"])
    raise AssertionError(line)


@pytest.mark.parametrize("kind", KINDS)
def test_exchange_when_recorded_then_its_bytes_are_those_that_were_said(kind: str, recording: LiveGateway, folder: Path) -> None:
    answer = KINDS[kind](recording)
    request, ended = recorded(answer, folder)
    assert (request["type"], ended["type"]) == ("request", "response")
    assert (request["method"], request["path"]) == ("POST", PATHS[kind])
    assert request["url"] == f"{recording.base_url}{PATHS[kind]}"
    assert bytes_of(request, folder) == answer.request.content
    assert bytes_of(ended, folder) == answer.content
    assert request["body"]["size"] == len(answer.request.content)
    assert ended["body"]["size"] == len(answer.content)
    assert (ended["status_code"], ended["complete"], ended["error"]) == (200, True, None)
    assert request["is_streaming"] is ended["is_streaming"] is ("stream" in kind)
    assert ended["content_type"] == answer.headers["content-type"]
    assert ended["headers"]["x-request-id"] == answer.headers["x-request-id"]
    assert 0 < ended["first_byte_ms"] <= ended["duration_ms"]
    assert ended["end_time"] - request["start_time"] == pytest.approx(ended["duration_ms"] / 1000, abs=0.01)
    if "stream" in kind:
        assert sum(size for _, size in ended["frames"]) == len(answer.content)
        times = [moment for moment, _ in ended["frames"]]
        assert times == sorted(times)
    assert "authorization" not in request["headers"]
    assert recording.key not in json.dumps([request, ended])


@pytest.mark.parametrize("kind", KINDS)
def test_exchange_when_it_has_a_credential_then_only_that_is_replaced(kind: str, recording: LiveGateway, folder: Path) -> None:
    answer = KINDS[kind](recording, f"note {KEY}")
    request, _ = recorded(answer, folder)
    assert bytes_of(request, folder) == json_body(answer.request.content) != answer.request.content
    assert request["body"]["redacted"] is True
    assert request["body"]["size"] == len(answer.request.content)
    assert KEY not in "".join(path.read_text() for path in folder.glob("*.jsonl"))


def test_credentials_when_they_are_anywhere_then_none_is_recorded(recording: LiveGateway, folder: Path) -> None:
    """In the query, in headers, and in an answer that says what was sent."""
    answer = recording.http.post(
        f"/v1/chat/completions?api_key={KEY}&note={KEY}&x=1",
        json={"model": "chaos/echo", "messages": [{"role": "user", "content": KEY}], "metadata": {"password": "hunter2"}},
        headers={"x-note": f"see {KEY}", "cookie": f"session={KEY}", "x-api-key": recording.key},
    )
    request, ended = recorded(answer, folder)
    assert answer.status_code == 200, answer.text
    assert request["query"] == "api_key=[REDACTED]&note=[REDACTED_API_KEY]&x=1"
    assert request["url"].endswith("?api_key=[REDACTED]&note=[REDACTED_API_KEY]&x=1")
    assert request["headers"]["x-note"] == "see [REDACTED_API_KEY]"
    assert not {"cookie", "x-api-key", "authorization"} & set(request["headers"])
    assert request["body"]["content"]["metadata"] == {"password": "[REDACTED]"}
    assert not re.search("hunter2|canary", json.dumps([request, ended]))


def test_files_when_they_are_full_then_the_next_number_follows(recording: LiveGateway, folder: Path) -> None:
    for _ in range(4):
        recorded(chat(recording), folder)
    files = sorted(folder.glob("recording_*.jsonl"))
    assert len(files) > 1
    assert {len(path.read_text().splitlines()) for path in files[:-1]} == {6}
    assert modes(folder) == {"0o700", "0o600"}


def test_server_when_it_starts_again_then_it_continues_the_last_file(recording: LiveGateway, folder: Path) -> None:
    before = {path: path.read_text() for path in folder.glob("recording_*.jsonl")}
    recording.restart()
    define(recording)
    recorded(chat(recording), folder)
    after = {path: path.read_text() for path in folder.glob("recording_*.jsonl")}
    assert all(after[path].startswith(text) for path, text in before.items())
    assert {len(text.splitlines()) for text in list(after.values())} <= {2, 4, 6}
    assert len(after) - len(before) <= 1


def test_line_when_little_is_asked_for_then_it_has_no_more(recording: LiveGateway, folder: Path) -> None:
    request, ended = recorded(chat(recording), folder / "bare")
    assert request["headers"] == ended["headers"] == {}
    assert not {"start_time", "end_time", "first_byte_ms", "frames"} & {*request, *ended}
    assert request["body"]["truncated"] is ended["body"]["truncated"] is True
    assert request["body"]["size"] > 0


def test_body_when_it_is_longer_than_transcripts_may_be_then_it_is_left_out(recording: LiveGateway, folder: Path) -> None:
    answer = chat(recording, "x" * MOST)
    request, ended = recorded(answer, folder)
    assert request["body"] == {
        "size": len(answer.request.content),
        "type": "text",
        "content": "The body is too long, and was left out.",
        "truncated": True,
    }
    assert bytes_of(ended, folder) == answer.content


def test_speech_when_recorded_then_it_is_base64(recording: LiveGateway, folder: Path) -> None:
    body = {"model": "offline/text_to_speech", "input": "a", "voice": "alloy", "response_format": "wav"}
    answer = recording.http.post("/v1/audio/speech", json=body)
    assert answer.status_code == 200, answer.text
    _, ended = recorded(answer, folder)
    if "truncated" not in ended["body"]:
        assert ended["body"]["type"] == "binary"
        assert bytes_of(ended, folder) == answer.content
    else:
        assert len(answer.content) > MOST


def test_form_when_recorded_then_it_is_its_texts(recording: LiveGateway, folder: Path) -> None:
    sound = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(40)
    answer = recording.http.post(
        "/v1/audio/transcriptions",
        data={"model": "offline/audio_transcription", "prompt": f"note {KEY}"},
        files={"file": ("a.wav", sound, "audio/wav")},
    )
    assert answer.status_code == 200, answer.text
    request, ended = recorded(answer, folder)
    assert request["body"]["content"] == {"model": "offline/audio_transcription", "prompt": "note [REDACTED_API_KEY]"}
    assert bytes_of(ended, folder) == answer.content


def test_json_when_it_has_line_breaks_then_its_exact_text_is_kept(recording: LiveGateway, folder: Path) -> None:
    text = '{\n  "model" : "chaos/ok",\r\n "n":1.0, "messages":[{"role":"user","content":"a\\nb"}]}\n'
    answer = recording.http.post("/v1/chat/completions", content=text, headers={"content-type": "application/json"})
    request, _ = recorded(answer, folder)
    assert request["body"]["exact"] == text
    assert request["body"]["content"] == json.loads(text)


def test_request_when_it_is_no_json_then_it_is_a_text(recording: LiveGateway, folder: Path) -> None:
    answer = recording.http.post("/v1/chat/completions", content=f"{{broken {KEY}", headers={"content-type": "application/json"})
    request, ended = recorded(answer, folder)
    assert request["body"]["content"] == "{broken [REDACTED_API_KEY]"
    assert (ended["status_code"], bytes_of(ended, folder)) == (400, answer.content)
    assert ended["error"]["message"] == answer.json()["error"]["message"]


def test_request_when_it_is_nested_without_end_then_the_line_can_be_read(recording: LiveGateway, folder: Path) -> None:
    content = b'{"model":"chaos/ok","messages":' + b"[" * 20_000 + b"]" * 20_000 + b"}"
    answer = recording.http.post("/v1/chat/completions", content=content, headers={"content-type": "application/json"})
    request, ended = recorded(answer, folder)
    assert request["body"]["type"] == "text"
    assert ended["status_code"] == answer.status_code


def test_stream_when_it_is_cut_off_then_the_line_says_so(recording: LiveGateway, folder: Path) -> None:
    answer = chat(recording, model="chaos/stream-cut-after-3", stream=True)
    _, ended = recorded(answer, folder)
    assert bytes_of(ended, folder) == answer.content
    assert ended["error"]["code"] == "upstream_stream_truncated"


def test_client_when_it_leaves_before_an_answer_then_the_line_is_an_error(recording: LiveGateway, folder: Path) -> None:
    asked = {"x-request-id": "left-early"}
    with pytest.raises(httpx.ReadTimeout):
        recording.http.post(
            "/v1/chat/completions",
            json={"model": "chaos/slow-3000ms", "messages": [{"role": "user", "content": "hi"}]},
            headers=asked,
            timeout=0.5,
        )
    _, ended = recorded(httpx.Response(200, headers=asked), folder)
    assert (ended["type"], ended["error_type"], ended["path"]) == ("error", "client_closed_request", "/v1/chat/completions")
