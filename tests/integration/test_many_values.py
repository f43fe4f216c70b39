"""What does a body cost that is nothing but values, in memory and for others? Little more than its bytes, or a refusal."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.fakes.vendor import Answer, Said, Seen, Vendor, said, vendor
from tests.integration.test_large_bodies import memory_mib, others
from tests.integration.test_responses import chat
from tests.live import LiveGateway, error_of
from tests.live_fixtures import StartGateway

pytestmark = pytest.mark.alone  # it measures time

MIB = 2**20
SIZE = 60 * MIB
MEMORY_RATIO = 6
OTHERS_WITHIN_S = 0.3
ABLE = ["chat", "completion", "embedding", "responses", "moderation", "rerank"]
EMBEDDED = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}], "model": "up"}


@pytest.fixture(scope="module")
def upstream() -> Iterator[Vendor]:
    """It keeps nothing of what it is sent: the bodies are large."""

    def forgetting(answer: object) -> Answer:
        def answered(seen: Seen) -> Said:
            seen.body = b"%d" % len(seen.body)
            return said(answer)

        return answered

    with vendor({}) as upstream:
        upstream.answers |= {
            "/v1/embeddings": forgetting(EMBEDDED),
            "/v1/completions": forgetting({"id": "c", "object": "text_completion", "choices": [{"index": 0, "text": "x"}]}),
            "/v1/chat/completions": forgetting(chat({"content": "x"})),
        }
        yield upstream


@pytest.fixture
def fresh(start_gateway: StartGateway, upstream: Vendor) -> LiveGateway:
    """A gateway whose memory has never been larger."""
    gateway = start_gateway()
    gateway.define("ok")
    gateway.define_at("openai_compatible", f"{upstream.base}/v1", {"many": ("up", ABLE)}, name="many")
    gateway.define_at("deepseek", f"{upstream.base}/v1", {"by chat": ("up", ["responses"])}, name="many by chat")
    for _ in range(20):
        gateway.chat("chaos/ok")
    return gateway


def full(head: bytes, piece: bytes, tail: bytes = b"]}", size: int = SIZE) -> bytes:
    """A body of that piece again and again."""
    count = (size - len(head) - len(tail)) // (len(piece) + 1)
    return head + b",".join([piece] * count) + tail


DEEP = b"[" * 90 + b"]" * 90
CHAT, MESSAGES, INPUT = "/v1/chat/completions", b'{"model":"many","messages":[', b'{"model":"many","input":['
RESPONSES, BY_CHAT = "/v1/responses", b'{"model":"by chat","input":['
REFUSED = {
    "messages of zeros": (CHAT, MESSAGES, b"0"),
    "messages of objects": (CHAT, MESSAGES, b"{}"),
    "deep arrays": (CHAT, MESSAGES, DEEP),
    "another field": (CHAT, b'{"model":"many","messages":[{"role":"user","content":"x"}],"metadata":[', b'"a"'),
    "many keys, deep": (CHAT, MESSAGES, b'{"a":' * 90 + b"1" + b"}" * 90),
    "input of zeros": (RESPONSES, b'{"model":"many","input":[', b"0"),
    "converted input": (RESPONSES, BY_CHAT, b'{"a":1}'),
    "lists of one token": ("/v1/embeddings", INPUT, b"[1]"),
    "tokens": ("/v1/embeddings", INPUT, b"1"),
    "texts": ("/v1/embeddings", INPUT, b'"ab"'),
    "prompts": ("/v1/completions", b'{"model":"many","prompt":[', b"[1]"),
    "moderated": ("/v1/moderations", INPUT, b"{}"),
    "documents": ("/v1/rerank", b'{"model":"many","query":"q","documents":[', b'""'),
}


def post(gateway: LiveGateway, path: str, data: bytes) -> httpx.Response:
    return httpx.post(f"{gateway.base_url}{path}", content=data, headers=gateway.headers(), trust_env=False, timeout=120)


def cost(gateway: LiveGateway, path: str, data: bytes) -> httpx.Response:
    """The answer; it must not have cost too much."""
    before = memory_mib(gateway, "VmRSS")
    with others(gateway, own=True) as waits:
        answer = post(gateway, path, data)
    grown = memory_mib(gateway, "VmHWM") - before
    assert grown <= MEMORY_RATIO * len(data) / MIB, grown
    assert max(waits) < OTHERS_WITHIN_S
    return answer


def test_body_when_it_has_millions_of_values_is_400_and_costs_little(fresh: LiveGateway, upstream: Vendor) -> None:
    for name, (path, head, piece) in REFUSED.items():
        answer = cost(fresh, path, full(head, piece))
        assert (answer.status_code, error_of(answer)["code"]) == (400, "too_many_values"), name
    assert upstream.seen == []


TOKENS = b"[" + b",".join([b"7"] * 8192) + b"]"
LONG_TEXT = b'word and \\u00fc \\" ' * (50 * MIB // 17)


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/v1/embeddings", full(INPUT, TOKENS, size=2048 * 2 * 8193)),
        ("/v1/completions", full(b'{"model":"many","prompt":[', b"12", size=30 * MIB)),
        (CHAT, b'{"model":"many","messages":[{"role":"user","content":"%b"}]}' % LONG_TEXT),
        (CHAT, full(MESSAGES, b'{"role":"user","content":"%b"}' % (b"x" * 450), size=SIZE)),
        (RESPONSES, full(BY_CHAT, b'{"role":"user","content":"%b"}' % (b"x" * 450), size=SIZE)),
        (RESPONSES, full(BY_CHAT, b'{"role":"user","content":"%b"}' % (b"x" * 300), size=SIZE)),
    ],
    ids=[
        "2,048 lists of 8,192 tokens",
        "a prompt of ten million tokens",
        "a text",
        "messages",
        "converted",
        "converted, as many as may be",
    ],
)
def test_body_when_large_and_sound_is_served_and_costs_little(
    path: str, data: bytes, fresh: LiveGateway, upstream: Vendor
) -> None:
    answer = cost(fresh, path, data)
    assert answer.status_code == 200, answer.text[:300]
    assert int(upstream.last.body) > len(data) * 0.9


@pytest.mark.parametrize("items", ["1.5", "[1,[2]]", "[1],2", "null", "true", "[[1]]"])
def test_input_when_long_and_not_of_tokens_is_400_that_names_it(items: str, gateway: LiveGateway) -> None:
    gateway.define_at("openai_compatible", "http://127.0.0.1:9/v1", {"never": ("up", ABLE)}, name="never")
    for path, name in (("/v1/embeddings", "input"), ("/v1/completions", "prompt")):
        listed = ",".join(["[1234]" if "]" in items else "123456"] * 200_000)
        answer = post(gateway, path, f'{{"model":"never","{name}":[{listed},{items}]}}'.encode())
        assert (answer.status_code, error_of(answer)["code"], error_of(answer)["param"]) == (400, "invalid_type", name)


def test_values_when_as_many_as_may_be_are_taken(gateway: LiveGateway) -> None:
    fields = {"model": "chaos/ok", "messages": [{"role": "user", "content": "hi"}], "extra": [0] * 999_000}
    gateway.define("ok")
    assert post(gateway, CHAT, json.dumps(fields).encode()).status_code == 200
    fields["extra"] = [0] * 1_000_001
    assert error_of(post(gateway, CHAT, json.dumps(fields).encode()))["code"] == "too_many_values"
