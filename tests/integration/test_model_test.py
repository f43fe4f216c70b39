"""Does `manage.py test_model` call each route for real, tell the truth, and leave everything else as it was?"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from providers.registry import provider_type
from tests.fakes.vendor import Said, Seen, Vendor, said, vendor
from tests.live import PROVIDER_KEY, LiveGateway
from tests.live_operator import ROOT, OperatorError

CHOICES = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "h"}, "text": "h", "finish_reason": "length"}]}
IMAGES = {"created": 1, "data": [{"b64_json": "AAAA"}]}
RESULTS = {"results": [{"index": 0, "relevance_score": 0.5, "flagged": False}]}
ANSWERS: dict[str, tuple[str, Callable[[Seen], Said]]] = {
    "chat": ("/v1/chat/completions", lambda seen: said(CHOICES)),
    "completion": ("/v1/completions", lambda seen: said(CHOICES)),
    "embedding": ("/v1/embeddings", lambda seen: said({"data": [{"index": 0, "embedding": [0.5]}]})),
    "responses": ("/v1/responses", lambda seen: said({"id": "resp_1", "object": "response", "output": [], "model": "up"})),
    "rerank": ("/v1/rerank", lambda seen: said(RESULTS)),
    "moderation": ("/v1/moderations", lambda seen: said(RESULTS)),
    "audio_transcription": ("/v1/audio/transcriptions", lambda seen: said({"text": ""})),
    "audio_translation": ("/v1/audio/translations", lambda seen: said({"text": ""})),
    "text_to_speech": ("/v1/audio/speech", lambda seen: Said(content_type="audio/mpeg", chunks=[b"\xff\xfb"] * 3)),
    "image_generation": ("/v1/images/generations", lambda seen: said(IMAGES)),
    "image_edit": ("/v1/images/edits", lambda seen: said(IMAGES)),
    "image_variation": ("/v1/images/variations", lambda seen: said(IMAGES)),
}
COSTLY = ("image_generation", "image_edit", "image_variation")
CHAT = "/v1/chat/completions"


def run(gateway: LiveGateway, *arguments: str, status: int = 0) -> tuple[str, str]:
    """The command in a process of its own; what it wrote and what it complained of."""
    done = subprocess.run(
        [sys.executable, "manage.py", "test_model", *arguments],
        cwd=ROOT,
        env=gateway.env,
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert PROVIDER_KEY not in done.stdout + done.stderr
    return done.stdout, done.stderr


def checks(gateway: LiveGateway, model: str) -> dict[tuple[str, str], dict[str, Any]]:
    """What is stored for a model, by route and capability."""
    names = {row["id"]: row["name"] for row in gateway.operator.rows("Route", {"model__name": model})}
    rows = gateway.operator.rows("RouteCheck", {"route__model__name": model})
    assert PROVIDER_KEY not in json.dumps(rows)
    return {(names[row["route_id"]], row["capability"]): row for row in rows}


def define(gateway: LiveGateway, upstream: Vendor, model: str, routes: Sequence[dict[str, Any]], **fields: Any) -> None:
    """A model at the vendor, at an address that refuses, and at one whose key each request brings."""
    at = {"type": "openai_compatible", "api_base": f"{upstream.base}/v1"}
    providers = [
        {"name": "tm-vendor", **at, "api_key": PROVIDER_KEY},
        {"name": "tm-dead", "type": "openai_compatible", "api_base": gateway.dead_url, "api_key": PROVIDER_KEY},
        {"name": "tm-dynamic", **at, "dynamic": "mine"},
    ]
    gateway.operator.define(providers, [{"name": model, "num_retries": 2, "routes": routes, **fields}])


@pytest.fixture(scope="module")
def upstream() -> Iterator[Vendor]:
    with vendor({}) as upstream:
        yield upstream


@pytest.fixture(autouse=True)
def _fresh(upstream: Vendor) -> None:
    upstream.seen.clear()
    upstream.answers = dict(ANSWERS.values())


def test_model_when_all_is_well_then_each_capability_is_called_once_in_the_smallest_way(
    gateway: LiveGateway, upstream: Vendor
) -> None:
    able = [name for name in ANSWERS if name in provider_type("openai_compatible").own]
    define(gateway, upstream, "tm/all", [{"provider": "tm-vendor", "upstream_model": "up"}], capabilities=able)
    version = gateway.operator.rows("CatalogVersion", {})

    out, _ = run(gateway, "tm/all")
    cheap = [name for name in able if name not in COSTLY]
    assert sorted(seen.path for seen in upstream.seen) == sorted(ANSWERS[name][0] for name in cheap)
    assert [re.split(r"\s{2,}", line)[:3] for line in out.splitlines()[1:]] == [["route 0", name, "ok"] for name in cheap]
    assert {seen.headers["authorization"] for seen in upstream.seen} == {f"Bearer {PROVIDER_KEY}"}
    chat = next(seen for seen in upstream.seen if seen.path == CHAT)
    assert chat.json == {"model": "up", "messages": [{"role": "user", "content": "hi"}], "max_completion_tokens": 1}

    run(gateway, "tm/all", "--all")
    assert sorted(seen.path for seen in upstream.seen[len(cheap) :]) == sorted(ANSWERS[name][0] for name in able)
    stored = checks(gateway, "tm/all")
    assert set(stored) == {("route 0", name) for name in able}
    assert {(row["outcome"], row["code"], row["message"]) for row in stored.values()} == {("ok", "", "")}
    assert all(row["latency_ms"] >= 0 for row in stored.values())
    assert gateway.operator.rows("CatalogVersion", {}) == version
    assert gateway.operator.rows("openai_api.UsageRecord", {"model__startswith": "tm/"}) == []
    assert gateway.operator.rows("admin.LogEntry", {}) == []


def test_image_capability_when_named_then_it_alone_is_called(gateway: LiveGateway, upstream: Vendor) -> None:
    able = provider_type("openai_compatible").own
    named = next((name for name in COSTLY if name in able), "chat")
    define(gateway, upstream, "tm/one", [{"provider": "tm-vendor"}], capabilities=["chat", named])
    gateway.operator.command("test_model", "tm/one", "--capability", named)
    assert [seen.path for seen in upstream.seen] == [ANSWERS[named][0]]


def test_model_when_routes_are_dead_or_out_of_service_then_each_is_told_and_the_living_is_ok(
    gateway: LiveGateway, upstream: Vendor
) -> None:
    gateway.operator.define([{"name": "tm-nokey", "type": "openai", "api_key": PROVIDER_KEY}], [])
    gateway.operator.update("Credential", {"name": "tm-nokey"}, {"source": "env", "location": "TM_NOT_SET", "secret": ""})
    routes = [{"provider": name} for name in ("tm-dead", "tm-nokey", "tm-dynamic", "tm-vendor")]
    define(gateway, upstream, "tm/mixed", [*routes, {"provider": "tm-dead", "enabled": False}])

    out, complaint = run(gateway, "tm/mixed", status=1)
    lines = out.splitlines()
    assert lines[0] == "Calls route 0 chat, route 1 chat, route 2 chat, route 3 chat"
    assert "failed" in lines[1]
    assert "upstream_connect_failed: The provider could not be reached." in lines[1]
    assert "out_of_service: Skipped: the provider tm-nokey is unusable." in lines[2]
    assert "needs_callers_key" in lines[3]
    assert re.split(r"\s{2,}", lines[4])[:3] == ["route 3", "chat", "ok"]
    assert len(lines) == 5
    assert "2 of 4 failed" in complaint
    assert [seen.path for seen in upstream.seen] == [CHAT]

    stored = checks(gateway, "tm/mixed")
    assert [stored[f"route {number}", "chat"]["outcome"] for number in range(4)] == ["failed", "failed", "skipped", "ok"]
    assert [stored[f"route {number}", "chat"]["latency_ms"] is None for number in range(4)] == [False, True, True, False]


def test_upstream_when_it_repeats_secrets_in_its_error_then_none_is_shown_or_stored(
    gateway: LiveGateway, upstream: Vendor
) -> None:
    echo = {"error": {"message": f"no {PROVIDER_KEY}\n and no team-secret-77", "type": "x", "param": None, "code": "bad_key"}}
    upstream.answers[CHAT] = lambda seen: said(echo, 400)
    define(gateway, upstream, "tm/echo", [{"provider": "tm-vendor"}])
    gateway.operator.update("Provider", {"name": "tm-vendor"}, {"extra_headers": {"x-team": "team-secret-77"}})
    try:
        out, _ = run(gateway, "tm/echo", status=1)
    finally:
        gateway.operator.update("Provider", {"name": "tm-vendor"}, {"extra_headers": {}})
    assert "bad_key: no *** and no ***" in out
    assert checks(gateway, "tm/echo")["route 0", "chat"]["message"] == "no *** and no ***"


@pytest.mark.parametrize("name", ["max_completion_tokens", "max_tokens"])
def test_upstream_when_it_refuses_the_small_limit_then_asked_without_one(
    gateway: LiveGateway, upstream: Vendor, name: str
) -> None:
    refusal = {"error": {"message": f"{name} or model output limit was reached", "type": "invalid_request_error", "code": None}}
    upstream.answers[CHAT] = lambda seen: said(refusal, 400) if "max_completion_tokens" in seen.json else said(CHOICES)
    define(gateway, upstream, "tm/limit", [{"provider": "tm-vendor"}])
    gateway.operator.command("test_model", "tm/limit")
    assert [set(seen.json) for seen in upstream.seen] == [
        {"model", "messages", "max_completion_tokens"},
        {"model", "messages"},
    ]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (lambda seen: said({"error": {"message": "busy"}}, 503), "upstream_overloaded"),
        (lambda seen: said({"error": {"message": "no"}}, 401), "upstream_auth_failed"),
        (lambda seen: said({"hello": 1}), "upstream_invalid_response"),
        (lambda seen: said({}, 404), "upstream_model_not_found"),
        (lambda seen: Said(chunks=[b"{"], cut=True), "upstream_reset"),
    ],
    ids=["busy", "refused", "nonsense", "missing", "broken"],
)
def test_upstream_when_it_fails_then_called_once_and_the_outcome_replaced(
    gateway: LiveGateway, upstream: Vendor, answer: Callable[[Seen], Said], code: str
) -> None:
    define(gateway, upstream, "tm/failing", [{"provider": "tm-vendor"}])
    gateway.operator.command("test_model", "tm/failing")
    upstream.answers[CHAT] = answer
    with pytest.raises(OperatorError, match="CommandError: 1 of 1 failed"):
        gateway.operator.command("test_model", "tm/failing")
    stored = checks(gateway, "tm/failing")
    assert [(row["outcome"], row["code"]) for row in stored.values()] == [("failed", code)]
    assert len(upstream.seen) == 2


def test_speech_when_not_a_byte_comes_then_failing(gateway: LiveGateway, upstream: Vendor) -> None:
    define(gateway, upstream, "tm/silent", [{"provider": "tm-vendor"}], capabilities=["text_to_speech"])
    upstream.answers["/v1/audio/speech"] = lambda seen: Said(content_type="audio/mpeg", chunks=[])
    with pytest.raises(OperatorError, match="CommandError: 1 of 1 failed"):
        gateway.operator.command("test_model", "tm/silent")
    assert [row["code"] for row in checks(gateway, "tm/silent").values()] == ["upstream_empty_stream"]


def test_routes_when_there_are_many_then_four_are_called_at_once(gateway: LiveGateway, upstream: Vendor) -> None:
    lock, counts = threading.Lock(), [0, 0]

    def slow(seen: Seen) -> Said:
        with lock:
            counts[0] += 1
            counts[1] = max(counts)
        time.sleep(0.3)
        with lock:
            counts[0] -= 1
        return said(CHOICES)

    upstream.answers[CHAT] = slow
    define(gateway, upstream, "tm/many", [{"provider": "tm-vendor"}] * 9)
    gateway.operator.command("test_model", "tm/many")
    assert (len(upstream.seen), counts[1]) == (9, 4)


def test_output_when_json_then_an_object_and_nothing_else(gateway: LiveGateway, upstream: Vendor) -> None:
    define(gateway, upstream, "tm/json", [{"provider": "tm-vendor", "upstream_model": "a"}, {"provider": "tm-dead"}])
    out, _ = run(gateway, "tm/json", "--json", "--route", "route 0")
    value = json.loads(out)
    assert value["model"] == "tm/json"
    (check,) = value["checks"]
    assert check.pop("tested_at") > "2026"
    assert check.pop("latency_ms") >= 0
    assert check == {
        "route": "route 0",
        "provider": "tm-vendor",
        "upstream_model": "a",
        "capability": "chat",
        "outcome": "ok",
        "code": None,
        "message": None,
    }


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["tm/wrongg"], "unknown model 'tm/wrongg'; did you mean 'tm/wrong'?"),
        (["tm/off"], "the model 'tm/off' is disabled"),
        (["tm/wrong", "--capability", "flying"], "has no capability 'flying'; it has chat, realtime, image_generation"),
        (["tm/wrong", "--capability", "realtime"], "no route of 'tm/wrong' that is chosen and enabled serves realtime"),
        (["tm/wrong", "--route", "x"], "has no route 'x'; it has route 0, route 1"),
        (["tm/wrong", "--route", "route 1"], "nothing to call at 'tm/wrong' but images: use --all"),
    ],
)
def test_arguments_when_they_name_nothing_to_call_then_it_says_why_and_calls_nothing(
    gateway: LiveGateway, upstream: Vendor, arguments: list[str], complaint: str
) -> None:
    routes: list[dict[str, Any]] = [{"provider": "tm-vendor"}, {"provider": "tm-vendor", "enabled": False}]
    define(gateway, upstream, "tm/wrong", routes, capabilities=["chat", "realtime", "image_generation"])
    define(gateway, upstream, "tm/off", routes, enabled=False)
    with pytest.raises(OperatorError, match=re.escape(complaint)):
        gateway.operator.command("test_model", *arguments)
    assert upstream.seen == []
