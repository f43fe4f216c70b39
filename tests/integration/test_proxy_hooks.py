"""Do interceptors of the proxy's file see, edit and refuse what is passed on, and does nothing get past them?"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.vendor import Said, Vendor, events, said, vendor
from tests.live_proxy import LiveProxy

CONFIG = """
llm: {base_url: "${UPSTREAM}", type: openai}
interceptors:
  - type: guard
    config:
      rules:
        - {name: bombs, action: deny, pattern: "bomb", where: request}
        - {name: hidden, action: redact, pattern: "hidden", where: answer}
  - type: prompt_decorator
    config: {prefix: "Be kind."}
  - type: event_recorder
    config: {output_dir: ./events}
"""
TEXT = "It is hidden here."


def chat(streamed: bool) -> Said:
    if streamed:
        parts = [{"id": "c", "choices": [{"index": 0, "delta": {"content": piece}}]} for piece in ("It is hid", "den here.")]
        return events(*parts, {"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, done=True)
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": TEXT}}
    return said({"id": "c", "model": "up", "choices": [choice]}, x_upstream="yes")


@pytest.fixture(scope="module")
def upstream() -> Iterator[Vendor]:
    with vendor({"/v1/chat/completions": lambda seen: chat(bool(seen.json.get("stream")))}) as running:
        yield running


@pytest.fixture(scope="module")
def proxy(upstream: Vendor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveProxy]:
    with LiveProxy(tmp_path_factory.mktemp("hooked"), config=CONFIG, UPSTREAM=upstream.base) as running:
        yield running


def body(text: str, **fields: Any) -> bytes:
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": text}], **fields}).encode()


@pytest.mark.parametrize("streamed", [False, True])
def test_hooks_when_configured_then_they_edit_both_ways(streamed: bool, proxy: LiveProxy, upstream: Vendor) -> None:
    answer = proxy.http.post("/v1/chat/completions", content=body("Hi.", stream=streamed))
    assert answer.status_code == 200, answer.text
    assert "hidden" not in answer.text
    assert "den here" not in answer.text
    assert "here." in answer.text
    assert upstream.last.json["messages"][0] == {"role": "system", "content": "Be kind."}


def test_guard_when_it_denies_then_nothing_goes_upstream(proxy: LiveProxy, upstream: Vendor) -> None:
    before = len(upstream.seen)
    answer = proxy.http.post("/v1/chat/completions", content=body("a bomb"))
    assert 400 <= answer.status_code < 500
    assert answer.json()["error"]["message"]
    assert len(upstream.seen) == before


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b'{"model":"m","messages":[],"messages":[{"role":"user","content":"a bomb"}]}', {}),
        (b"no json: bomb", {}),
        (gzip.compress(body("a bomb")), {"content-encoding": "gzip"}),
    ],
    ids=["a name twice", "no JSON", "compressed"],
)
def test_body_when_hooks_cannot_read_it_then_it_does_not_get_past_them(
    content: bytes, headers: dict[str, str], proxy: LiveProxy, upstream: Vendor
) -> None:
    before = len(upstream.seen)
    answer = proxy.http.post("/v1/chat/completions", content=content, headers=headers)
    assert answer.status_code in (400, 415)
    assert len(upstream.seen) == before


def test_workflow_when_in_the_path_then_on_the_events_of_its_session(proxy: LiveProxy) -> None:
    """Ends the proxy, so it is the last of the file."""
    headers = {"x-cylestio-conversation-id": "talk-1", "x-cylestio-tags": "team:blue"}
    path = "/agent-workflow/flow-7/v1/chat/completions"
    assert proxy.http.post(path, content=body("Hello?"), headers=headers).status_code == 200
    assert proxy.stop() == 0, proxy.log()
    (file,) = Path(proxy.folder / "events").glob("session_talk-1*")
    text = file.read_text()
    assert '"agent_workflow.id":"flow-7"' in text.replace('": "', '":"')
    assert "llm.call.finish" in text
