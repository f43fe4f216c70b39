"""Is an equal request answered from the cache, in every dialect, and nothing that is not equal, or may not be kept?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest
from anthropic import Anthropic
from openai import OpenAI

from tests.fakes.chaos.process import Chaos, eventually
from tests.fakes.vendor import Vendor, said, vendor
from tests.integration.test_recording import rows
from tests.live import LiveGateway, body, error_of
from tests.live_admin import Visitor

CACHE = "x-gateway-cache"
PURGED_WITHIN = 3.0
AT_ONCE = 50
CHAT, MESSAGES, OLLAMA, RESPONSES = "/v1/chat/completions", "/v1/messages", "/api/chat", "/v1/responses"
EMBEDDINGS, MODERATIONS, GEMINI = "/v1/embeddings", "/v1/moderations", "/v1beta/models/chaos/ok:{verb}"
Json = dict[str, Any]


@pytest.fixture(scope="module", autouse=True)
def _models(shared_gateway: LiveGateway) -> None:
    chat = {"capabilities": ["chat", "responses"]}
    shared_gateway.define("ok", "echo", "stream-cut-after-3", "status-400", "slow-300ms", cache="on", **chat)
    shared_gateway.define("stream-paced-50ms-12", "slow-1000ms", "status-500", cache="on", cache_joins=True)
    shared_gateway.define_models({"uncached": [{"upstream_model": "ok"}]})
    routes = [{"upstream_model": "status-500"}, {"upstream_model": "ok"}]
    shared_gateway.define_models({"two-routes": routes}, cache="on")


@pytest.fixture
def asked() -> str:
    """A question that nobody has asked before."""
    return f"What is {uuid4()}?"


def user(text: str) -> list[Json]:
    return [{"role": "user", "content": text}]


def ask(gateway: LiveGateway, text: str, model: str = "chaos/ok", **more: Any) -> httpx.Response:
    return gateway.chat(model, **{"messages": user(text), **more})


def requests(text: str, stream: bool) -> dict[str, tuple[str, Json]]:
    """The same question, in each dialect."""
    model = {"model": "chaos/ok", "stream": stream}
    gemini = {"contents": [{"role": "user", "parts": [{"text": text}]}]}
    return {
        "chat": (CHAT, {**model, "messages": user(text)}),
        "messages": (MESSAGES, {**model, "max_tokens": 9, "messages": user(text)}),
        "ollama": (OLLAMA, {**model, "messages": user(text)}),
        "responses": (RESPONSES, {**model, "input": text}),
        "gemini": (GEMINI.format(verb="streamGenerateContent" if stream else "generateContent"), gemini),
    }


DIALECTS = tuple(requests("", False))


def timeless(text: str) -> str:
    """An answer without what is made new: ids, and times."""
    text = re.sub(r'"(?:created|created_at|completed_at)": ?[0-9.]+', "T", text)
    text = re.sub(r'"(?:id|item_id|responseId)": ?"[^"]*"', "I", text)
    return re.sub(
        r'"(?:created_at|total_duration|load_duration|eval_duration|prompt_eval_duration)": ?("[^"]*"|[0-9]+)', "D", text
    )


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_cache_when_the_same_is_asked_again_then_hit_with_the_same_bytes_and_one_call(
    gateway: LiveGateway, chaos: Chaos, asked: str, dialect: str, stream: bool
) -> None:
    path, request = requests(asked, stream)[dialect]
    first, second = (gateway.http.post(path, json=request) for _ in range(2))
    assert [first.status_code, second.status_code] == [200, 200]
    assert [first.headers[CACHE], second.headers[CACHE]] == ["miss", "hit"]
    assert int(second.headers["age"]) <= 5
    assert second.headers["content-type"] == first.headers["content-type"]
    assert timeless(second.text) == timeless(first.text)
    assert len(chaos.log()) == 1


@pytest.mark.parametrize("dialect", ["chat", "messages", "responses", "gemini"])
def test_cache_when_hit_then_ids_are_new(gateway: LiveGateway, asked: str, dialect: str) -> None:
    path, request = requests(asked, True)[dialect]
    texts = [gateway.http.post(path, json=request).text for _ in range(3)]
    ids = [re.findall(r'"(?:id|responseId)": ?"([^"]+)"', text)[0] for text in texts]
    assert len(set(ids)) == 3
    assert all(
        text.count(own) >= 1 and not any(other in text for other in ids if other != own)
        for text, own in zip(texts, ids, strict=True)
    )


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    """One that answers requests for embeddings and moderations."""
    usage = {"prompt_tokens": 3, "total_tokens": 3}
    vectors = {"object": "list", "model": "e", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}], "usage": usage}
    judged = {"id": "modr-1", "model": "e", "results": [{"flagged": False, "categories": {}, "category_scores": {}}]}
    with vendor({EMBEDDINGS: lambda seen: said(vectors), MODERATIONS: lambda seen: said(judged)}) as upstream:
        able = {"cached/vectors": ("e", ["embedding", "moderation"])}
        shared_gateway.define_at("openai_compatible", f"{upstream.base}/v1", able, name="cached vectors")
        yield upstream


@pytest.mark.parametrize(
    ("path", "told"), [(EMBEDDINGS, ["miss", "hit"]), (MODERATIONS, ["bypass", "bypass"])], ids=["kept", "never"]
)
def test_cache_when_something_else_is_asked_again_then_only_embeddings_are_kept(
    gateway: LiveGateway, upstream: Vendor, asked: str, path: str, told: list[str | None]
) -> None:
    request = {"model": "cached/vectors", "input": asked, "cache_options": {"enabled": "on"}}
    answers = [gateway.http.post(path, json=request) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.headers.get(CACHE) for answer in answers] == told


def test_cache_when_members_are_in_another_order_then_hit(gateway: LiveGateway, asked: str) -> None:
    ask(gateway, asked, temperature=0.5, seed=7)
    spaced = f'{{"seed" : 7,"messages":[{{"content":"{asked}",\n"role":"user"}}],  "temperature":0.50, "model":"chaos/ok"}}'
    answer = gateway.http.post(CHAT, content=spaced, headers={"content-type": "application/json"})
    assert answer.headers[CACHE] == "hit"


@pytest.mark.parametrize(
    "changed",
    [{"seed": 2}, {"stream": True}, {"user": "b"}, {"unknown": 1}, {"tools": []}, {"stop": ["a"]}],
    ids=lambda changed: next(iter(changed)),
)
def test_cache_when_anything_differs_then_miss(gateway: LiveGateway, asked: str, changed: Json) -> None:
    ask(gateway, asked, seed=1)
    assert ask(gateway, asked, **{"seed": 1, **changed}).headers[CACHE] == "miss"


def test_cache_when_another_key_asks_then_miss(gateway: LiveGateway, asked: str) -> None:
    other = gateway.create_key("other")["key"]
    gateway.wait_visible(key=other)
    ask(gateway, asked)
    request = body("chaos/ok", messages=user(asked))
    with httpx.Client(base_url=gateway.base_url, trust_env=False) as client:
        answers = [client.post(CHAT, json=request, headers=gateway.headers(other)) for _ in range(2)]
    assert [answer.headers[CACHE] for answer in answers] == ["miss", "hit"]


def test_cache_when_hit_then_its_row_says_so_and_costs_nothing(gateway: LiveGateway, asked: str) -> None:
    ask(gateway, asked)
    answer = ask(gateway, asked)
    row = rows(gateway, answer.headers["x-request-id"])[0]
    assert (row["cache"], row["tries"], row["input_tokens"], row["output_tokens"]) == ("hit", 0, 0, 0)
    assert float(row["cost_usd"] or 0) == 0


@pytest.mark.parametrize(
    ("enabled", "told"),
    [
        ("on", ["miss", "hit"]),
        ("off", ["bypass", "bypass"]),
        ("read_only", ["miss", "miss"]),
        ("write_only", ["write_only", "write_only"]),
    ],
)
@pytest.mark.parametrize("name", ["cache_options", "tensorzero::cache_options"])
def test_cache_when_the_request_says_it_then_so_it_is(
    gateway: LiveGateway, asked: str, name: str, enabled: str, told: list[str | None]
) -> None:
    options = {name: {"enabled": enabled}}
    answers = [ask(gateway, asked, "uncached", **options) for _ in range(2)]
    assert [answer.headers[CACHE] for answer in answers] == told
    reading = ask(gateway, asked, "uncached", cache_options={"enabled": "read_only"})
    assert reading.headers[CACHE] == ("hit" if enabled in ("on", "write_only") else "miss")


def test_cache_when_the_model_says_nothing_then_nothing_is_kept(gateway: LiveGateway, chaos: Chaos, asked: str) -> None:
    answers = [ask(gateway, asked, "uncached") for _ in range(2)]
    assert [CACHE in answer.headers for answer in answers] == [False, False]
    assert len(chaos.log()) == 2


def test_cache_when_too_old_for_the_request_then_miss(gateway: LiveGateway, asked: str) -> None:
    ask(gateway, asked)
    assert ask(gateway, asked, cache_options={"max_age_s": 0}).headers[CACHE] == "miss"
    assert ask(gateway, asked, cache_options={"max_age_s": 60}).headers[CACHE] == "hit"


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ("on", ""),
        ([], ""),
        ({"enabled": True}, ".enabled"),
        ({"enabled": "ON"}, ".enabled"),
        ({"max_age_s": -1}, ".max_age_s"),
        ({"max_age_s": 1.5}, ".max_age_s"),
        ({"max_age_s": True}, ".max_age_s"),
        ({"ttl": 1}, ".ttl"),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["cache_options", "tensorzero::cache_options"])
def test_cache_when_options_are_bad_then_400_names_the_member(
    gateway: LiveGateway, chaos: Chaos, name: str, options: Any, param: str
) -> None:
    answer = gateway.chat("chaos/ok", **{name: options})
    assert answer.status_code == 400
    assert error_of(answer)["param"] == name + param
    assert not chaos.log()


@pytest.mark.parametrize(
    ("dialect", "shape"), [("messages", "type"), ("ollama", "error"), ("gemini", "error"), ("responses", "error")]
)
def test_cache_when_options_are_bad_then_400_in_the_dialect(gateway: LiveGateway, asked: str, dialect: str, shape: str) -> None:
    path, request = requests(asked, False)[dialect]
    answer = gateway.http.post(path, json={**request, "cache_options": {"enabled": 1}})
    assert answer.status_code == 400
    assert shape in answer.json()


def test_cache_when_options_are_sent_then_the_upstream_does_not_see_them(gateway: LiveGateway, chaos: Chaos) -> None:
    gateway.chat("chaos/echo", cache_options={"enabled": "off"}, seed=1)
    assert "cache_options" not in chaos.bodies()[-1]


def test_cache_when_a_stream_breaks_then_it_is_not_kept(gateway: LiveGateway, chaos: Chaos, asked: str) -> None:
    answers = [ask(gateway, asked, "chaos/stream-cut-after-3", stream=True) for _ in range(2)]
    assert [answer.headers[CACHE] for answer in answers] == ["miss", "miss"]
    assert len(chaos.log()) == 2


def test_cache_when_the_upstream_refuses_then_it_is_not_kept(gateway: LiveGateway, chaos: Chaos, asked: str) -> None:
    answers = [ask(gateway, asked, "chaos/status-400") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert len(chaos.log()) == 2


def test_cache_when_a_fallback_has_answered_then_hit_without_a_try(gateway: LiveGateway, chaos: Chaos, asked: str) -> None:
    first, second = (ask(gateway, asked, "two-routes") for _ in range(2))
    assert (first.headers["x-gateway-attempts"], second.headers["x-gateway-attempts"]) == ("2", "0")
    assert second.headers[CACHE] == "hit"
    assert len(chaos.log()) == 2


def test_cache_when_a_response_is_given_again_then_it_is_kept_under_its_own_id(gateway: LiveGateway, asked: str) -> None:
    first, second = (gateway.http.post(RESPONSES, json={"model": "chaos/ok", "input": asked}).json() for _ in range(2))
    for response in (first, second):
        kept = gateway.http.get(f"{RESPONSES}/{response['id']}").json()
        assert kept["id"] == response["id"]
        assert kept["output"] == response["output"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_cache_when_equal_requests_come_together_then_one_call(
    gateway: LiveGateway, chaos: Chaos, asked: str, stream: bool
) -> None:
    model = "chaos/stream-paced-50ms-12" if stream else "chaos/slow-1000ms"
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(lambda _: ask(gateway, asked, model, stream=stream), range(AT_ONCE)))
    told = Counter(answer.headers[CACHE] for answer in answers)
    assert (told["miss"], told["joined"] + told["hit"]) == (1, AT_ONCE - 1)  # who comes late on a busy machine finds it stored
    assert told["joined"]
    assert len({timeless(answer.text) for answer in answers}) == 1
    assert len(chaos.log()) == 1


def test_cache_when_the_first_of_equal_requests_leaves_then_the_others_get_their_stream(
    gateway: LiveGateway, chaos: Chaos, asked: str
) -> None:
    request = body("chaos/stream-paced-50ms-12", messages=user(asked), stream=True)
    before = joined(gateway)
    with (
        httpx.Client(base_url=gateway.base_url, trust_env=False, headers=gateway.headers()) as client,
        client.stream("POST", CHAT, json=request) as first,
        ThreadPoolExecutor(1) as threads,
    ):
        pieces = first.iter_bytes()
        next(pieces)
        later = threads.submit(ask, gateway, asked, "chaos/stream-paced-50ms-12", stream=True)
        assert eventually(lambda: joined(gateway) > before, 2.0)
        first.close()
        answer = later.result()
    assert answer.headers[CACHE] == "joined"
    assert answer.text.endswith("data: [DONE]\n\n")
    assert len(chaos.log()) == 1


def joined(gateway: LiveGateway) -> float:
    told = re.search(r"^signalbox_cache_joined_total ([0-9.]+)", gateway.http.get("/metrics").text, re.MULTILINE)
    return float(told[1]) if told else 0.0


def test_cache_when_the_first_of_equal_requests_fails_then_the_others_ask_for_themselves(
    gateway: LiveGateway, chaos: Chaos, asked: str
) -> None:
    with ThreadPoolExecutor(3) as threads:
        answers = list(threads.map(lambda _: ask(gateway, asked, "chaos/status-500"), range(3)))
    assert [answer.status_code for answer in answers] == [502] * 3
    assert len(chaos.log()) == 3


Purge = Callable[[LiveGateway, Json], object]
PURGES: dict[str, tuple[Purge, tuple[str, ...]]] = {
    "model": (lambda gateway, key: gateway.operator.command("purge_cache", "--model", "chaos/ok"), ("chaos/ok", "bought")),
    "tenant": (lambda gateway, key: gateway.operator.command("purge_cache", "--tenant", "bought"), ("bought",)),
    "key": (lambda gateway, key: gateway.operator.command("purge_cache", "--key", key["id"]), ("bought",)),
    "all": (lambda gateway, key: gateway.operator.command("purge_cache", "--all"), ("chaos/ok", "two-routes", "bought")),
    "admin": (lambda gateway, key: purge_in_admin(gateway, "modeldefinition", "chaos/ok"), ("chaos/ok", "bought")),
    "admin tenant": (lambda gateway, key: purge_in_admin(gateway, "tenant", "bought"), ("bought",)),
}
"""What is purged, and of which questions the answers are then gone."""


@pytest.fixture(scope="module")
def bought(shared_gateway: LiveGateway) -> Json:
    """A key of a tenant of its own."""
    tenant = shared_gateway.operator.create("models_catalog.Tenant", name="bought")
    shared_gateway.operator.create("models_catalog.Project", name="cached", tenant_id=tenant)
    made = shared_gateway.create_key("bought", "--project", "bought/cached")
    shared_gateway.wait_visible(key=made["key"])
    return made


def purge_in_admin(gateway: LiveGateway, table: str, name: str) -> None:
    """The action of a list, as an operator runs it."""
    operator = Visitor(gateway)
    account = f"purger of a {table}", "Correct-horse-battery-staple"
    gateway.operator.create_superuser(*account)
    assert operator.sign_in(*account) == 302
    model = {"modeldefinition": "ModelDefinition", "tenant": "Tenant"}[table]
    (row,) = gateway.operator.rows(model, {"name": name})
    fields = {"action": "purge_cached", "_selected_action": str(row["id"])}
    assert operator.send(f"/admin/models_catalog/{table}/", **fields).status_code == 302


@pytest.mark.parametrize("what", PURGES)
def test_cache_when_purged_then_miss_and_what_is_not_purged_is_a_hit(
    gateway: LiveGateway, bought: Json, asked: str, what: str
) -> None:
    purge, gone = PURGES[what]
    own = gateway.headers(bought["key"])
    read: Json = {"cache_options": {"enabled": "read_only"}, "messages": user(asked)}

    def told() -> dict[str, str]:
        answers = {name: gateway.http.post(CHAT, json=body(name, **read)) for name in ("chaos/ok", "two-routes")}
        answers["bought"] = gateway.http.post(CHAT, json=body("chaos/ok", **read), headers=own)
        return {name: answer.headers[CACHE] for name, answer in answers.items()}

    ask(gateway, asked)
    ask(gateway, asked, "two-routes")
    gateway.http.post(CHAT, json=body("chaos/ok", messages=user(asked)), headers=own)
    assert set(told().values()) == {"hit"}
    purge(gateway, bought)
    assert eventually(lambda: told() == {name: "miss" if name in gone else "hit" for name in told()}, PURGED_WITHIN), told()


def test_cache_when_the_openai_sdk_reads_a_hit_then_it_is_an_answer(gateway: LiveGateway, asked: str) -> None:
    with OpenAI(api_key=gateway.key, base_url=f"{gateway.base_url}/v1", max_retries=0) as client:
        for told in ("miss", "hit"):
            raw = client.chat.completions.with_raw_response.create(
                model="chaos/ok", messages=[{"role": "user", "content": asked}], extra_body={"cache_options": {"enabled": "on"}}
            )
            assert raw.headers[CACHE] == told
            assert raw.parse().choices[0].message.content == "Hello from chaos."
        for _ in range(2):
            stream = client.chat.completions.create(model="chaos/ok", messages=[{"role": "user", "content": asked}], stream=True)
            text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
            assert text == "Hello from chaos."
        response = [client.responses.create(model="chaos/ok", input=asked) for _ in range(2)]
        assert {each.output_text for each in response} == {"Hello from chaos."}


def test_cache_when_the_anthropic_sdk_reads_a_hit_then_it_is_an_answer(gateway: LiveGateway, asked: str) -> None:
    with Anthropic(api_key=gateway.key, base_url=gateway.base_url, max_retries=0) as client:
        for _ in range(2):
            with client.messages.stream(model="chaos/ok", max_tokens=9, messages=[{"role": "user", "content": asked}]) as stream:
                assert stream.get_final_text() == "Hello from chaos."
