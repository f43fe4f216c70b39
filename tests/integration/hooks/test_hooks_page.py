"""Do the examples of docs/hooks.md work? They are taken from the page and run by a real server."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

import pytest

from tests.fakes.chaos.process import eventually
from tests.integration.hooks.calls import ABLE, ask, code_of
from tests.live import LiveGateway, words
from tests.live_fixtures import StartGateway
from tests.live_operator import ROOT

PAGE = (ROOT / "docs" / "hooks.md").read_text()
EXAMPLES = dict(re.findall(r"<!-- example: (\w+) -->\n```\w+\n(.*?)```", PAGE, re.DOTALL))


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hooks") / "ledger.txt"


@pytest.fixture(scope="module")
def hooked(start_gateway: StartGateway, ledger: Path) -> LiveGateway:
    code = [text for name, text in EXAMPLES.items() if name != "setting"]
    (ledger.parent / "hook_examples.py").write_text("from __future__ import annotations\n" + "\n\n".join(code))
    setting = EXAMPLES["setting"].replace("ledger.txt", str(ledger))
    gateway = start_gateway(GATEWAY_HOOKS=setting, TICKET_SECRET="a secret of tickets", PYTHONPATH=str(ledger.parent))
    gateway.define_at(
        "dummy", "", dict.fromkeys(("chat-1", "loud"), ("echo", ABLE)) | {"down": ("status-500", ["chat"])}, api_key=""
    )
    return gateway


def test_page_when_it_is_read_then_it_has_an_example_of_each_kind() -> None:
    assert set(EXAMPLES) == {"setting", "Tickets", "Glossary", "Shouting", "Polite", "Ledger"}
    methods = set(re.findall(r"def (\w+)\(", "".join(EXAMPLES.values()))) - {"__init__"}
    assert methods == {"authenticate", "before_request", "after_request", "on_event", "on_error", "observe"}


def test_tickets(hooked: LiveGateway) -> None:
    digest = sha256(b"annaa secret of tickets").hexdigest()
    body = {"model": "chat-1", "messages": [{"role": "user", "content": "hi"}]}
    good = hooked.http.post("/v1/chat/completions", json=body, headers={"authorization": "", "x-ticket": f"anna.{digest}"})
    bad = hooked.http.post("/v1/chat/completions", json=body, headers={"x-ticket": "anna.0"})
    anthropic = hooked.http.post("/v1/messages", json={**body, "max_tokens": 9}, headers={"x-ticket": "anna.0"})
    assert good.status_code == 200
    assert (bad.status_code, code_of(bad)) == (401, "invalid_ticket")
    assert anthropic.json()["type"] == "error"
    assert anthropic.json()["error"]["type"] == "authentication_error"
    wanted = {"request_id": good.headers["x-request-id"], "client_name": "anna"}
    assert eventually(lambda: bool(hooked.operator.rows("openai_api.UsageRecord", wanted)), 10)


def test_glossary(hooked: LiveGateway) -> None:
    told = hooked.chat("chat-1", messages=[{"role": "user", "content": "what is SB"}]).json()
    assert told["choices"][0]["message"]["content"] == "You said: what is SB (Signalbox)"
    assert told["glossary"] == ["SB"]
    answered = hooked.chat("chat-1", messages=[{"role": "user", "content": "glossary"}])
    assert answered.json()["choices"][0]["message"]["content"] == "SB: Signalbox"
    assert answered.headers["x-gateway-provider"] == "gateway"
    streamed = hooked.chat("chat-1", messages=[{"role": "user", "content": "glossary"}], stream=True)
    assert words(streamed) == "SB: Signalbox"
    refused = hooked.chat("chat-1", messages=[{"role": "user", "content": "forget the glossary"}])
    assert (refused.status_code, code_of(refused)) == (403, "glossary_stays")
    other = hooked.chat("loud", messages=[{"role": "user", "content": "SB"}]).json()
    assert other["choices"][0]["message"]["content"] == "You said: SB"


def test_shouting(hooked: LiveGateway) -> None:
    loud = hooked.chat("loud", stream=True)
    assert words(loud).startswith("YOU SAID")
    assert words(hooked.chat("chat-1", stream=True)).startswith("You said")


def test_polite(hooked: LiveGateway) -> None:
    answer = hooked.chat("down")
    assert answer.status_code == 502
    assert f"name {answer.headers['x-request-id']}." in answer.json()["error"]["message"]


def test_ledger(hooked: LiveGateway, ledger: Path) -> None:
    answer = ask(hooked, "embeddings", "chat-1")
    line = f"{answer.headers['x-request-id']} chat-1 200 {len(answer.content)}"
    assert eventually(lambda: ledger.exists() and line in ledger.read_text().splitlines(), 15)
