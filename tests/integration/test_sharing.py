"""Do routes that share get their parts, is one that is full passed over, and do requests that belong together stay at one?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.fakes.chaos.process import eventually
from tests.live import LiveGateway, body, error_of


def own(number: int, script: str = "ok-usage-7") -> str:
    """An upstream model that no other test uses."""
    return f"{script}-{number}"


def shared(*routes: dict[str, Any]) -> Sequence[dict[str, Any]]:
    """Routes of which each shares with the one above."""
    return [{"shares": bool(place), **route} for place, route in enumerate(routes)]


def route(upstream_model: str, **fields: Any) -> dict[str, Any]:
    return {"upstream_model": upstream_model, **fields}


@pytest.fixture(scope="module", autouse=True)
def models(shared_gateway: LiveGateway) -> None:
    define = shared_gateway.define_models
    define(
        {
            "three to one": shared(route(own(101), weight=3), route(own(102)), route(own(103), weight=0)),
            "spare": shared(route(own(104, "ok-usage-8"), weight=0), route(own(105))),
            "minute": shared(route(own(106), rpm=5), route(own(107))),
            "full": shared(route(own(108), rpm=2), route(own(109), rpm=3)),
            "at once": [route("slow-401ms", max_concurrent=2), route(own(110))],
            "tokens": [route("slow-402ms", tpm=100), route(own(111))],
            "cooled and full": [route(own(112), rpm=1), route(own(113))],
            "alone": [route(own(114), rpm=1)],
            "streams": [route("stream-paced-50ms-200", max_concurrent=1), route(own(115))],
        }
    )
    define({"kept": shared(route(own(121)), route(own(122)), route(own(123)))})
    define({"loose": shared(route(own(124)), route(own(125)))}, affinity=False)
    define({"busy": [route("slow-403ms"), route("slow-404ms")]}, strategy="least_busy")
    define({"fast": [route("slow-151ms"), route(own(126)), route("slow-152ms")]}, strategy="fastest", affinity=False)
    define({"all by weight": [route(own(127), weight=1), route(own(128), weight=1)]}, strategy="weighted")
    failing = [route(f"status-50{number}") for number in (0, 1, 2, 5, 6)]
    define({"failing": shared(*failing)}, num_retries=2)


def asked(gateway: LiveGateway) -> Counter[str]:
    return Counter(seen["model"] for seen in gateway.chaos.log())


def most_at_once(gateway: LiveGateway, model: str) -> int:
    """How many requests of that upstream model, which takes 400 ms, were under way at the same time."""
    began = [seen["started"] for seen in gateway.chaos.log(model)]
    return max((sum(one <= start < one + 0.4 for one in began) for start in began), default=0)


def ask_many(gateway: LiveGateway, model: str, count: int, *, at_once: int = 1, **fields: Any) -> list[httpx.Response]:
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(lambda _: gateway.chat(model, **fields), range(count)))


def test_routes_that_share_get_their_parts_by_weight_and_one_of_no_weight_gets_none(gateway: LiveGateway) -> None:
    assert {answer.status_code for answer in ask_many(gateway, "three to one", 400, at_once=4)} == {200}
    seen = asked(gateway)
    assert 250 <= seen[own(101)] <= 350  # 300 are expected, and 50 are nearly six times the standard deviation
    assert seen[own(102)] == 400 - seen[own(101)]


def test_model_by_weight_shares_among_all_its_routes(gateway: LiveGateway) -> None:
    ask_many(gateway, "all by weight", 100, at_once=4)
    assert all(count > 20 for count in asked(gateway).values())
    assert set(asked(gateway)) == {own(127), own(128)}


def test_route_without_weight_is_asked_when_no_other_can(gateway: LiveGateway) -> None:
    gateway.chaos.script(["status-429-retry-after-2"], own(105))
    assert [gateway.chat("spare").status_code for _ in range(2)] == [200, 200]
    assert asked(gateway) == {own(105): 1, own(104, "ok-usage-8"): 2}


def test_route_at_its_requests_a_minute_is_passed_over_and_not_asked(gateway: LiveGateway) -> None:
    answers = ask_many(gateway, "minute", 40, at_once=8)
    assert {(answer.status_code, answer.headers["x-gateway-attempts"]) for answer in answers} == {(200, "1")}
    assert asked(gateway) == {own(106): 5, own(107): 35}
    label = f'{{model="minute",provider="chaos",upstream_model="{own(106)}"}}'
    told = gateway.http.get("/metrics").text
    assert f"signalbox_route_requests_total{label} 5.0" in told
    assert f"signalbox_route_full{label} 1.0" in told
    assert f"signalbox_route_passed_over_total{label}" in told


def test_routes_when_all_are_full_are_told_as_a_rate_limit(gateway: LiveGateway) -> None:
    answers = ask_many(gateway, "full", 12, at_once=4)
    assert Counter(answer.status_code for answer in answers) == {200: 5, 429: 7}
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert error_of(refused)["code"] == "rate_limit_exceeded"
    assert 1 <= int(refused.headers["retry-after"]) <= 61  # a minute, cut into slices
    assert asked(gateway) == {own(108): 2, own(109): 3}


def test_model_of_one_route_has_its_limit(gateway: LiveGateway) -> None:
    assert [gateway.chat("alone").status_code for _ in range(3)] == [200, 429, 429]
    assert asked(gateway) == {own(114): 1}


def test_full_route_when_the_other_is_cooled_leaves_that_as_the_last_resort(gateway: LiveGateway) -> None:
    assert gateway.chat("cooled and full").status_code == 200
    gateway.chaos.script(["status-429-retry-after-30"], own(113))
    assert gateway.chat("cooled and full").status_code == 429
    assert gateway.chat("cooled and full").status_code == 200
    assert asked(gateway) == {own(112): 1, own(113): 2}


def test_route_at_its_requests_at_once_is_passed_over_until_one_has_ended(gateway: LiveGateway) -> None:
    answers = ask_many(gateway, "at once", 12, at_once=12)
    assert {answer.status_code for answer in answers} == {200}
    assert most_at_once(gateway, "slow-401ms") <= 2
    assert asked(gateway)["slow-401ms"] >= 2
    gateway.chaos.reset()
    gateway.chat("at once")
    assert asked(gateway) == {"slow-401ms": 1}


def test_tokens_are_held_by_what_is_expected_and_settled_by_what_was_used(gateway: LiveGateway) -> None:
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(gateway.chat, "tokens", max_tokens=60)
        assert eventually(lambda: asked(gateway)["slow-402ms"] == 1, 2)
        assert gateway.chat("tokens", max_tokens=60).status_code == 200  # 60 more do not fit beside those
        assert asked(gateway) == {"slow-402ms": 1, own(111): 1}
        assert first.result().status_code == 200
    assert gateway.chat("tokens", max_tokens=60).status_code == 200  # 14 were used
    assert asked(gateway)["slow-402ms"] == 2


def test_place_of_a_stream_is_given_back_when_its_client_leaves(gateway: LiveGateway) -> None:
    model = "stream-paced-50ms-200"
    with gateway.http.stream("POST", "/v1/chat/completions", json=body("streams", stream=True)) as stream:
        pieces = stream.iter_bytes()
        next(pieces)
        assert gateway.chat("streams").status_code == 200
        assert asked(gateway) == {model: 1, own(115): 1}
    gateway.chaos.wait_state("client_closed", model)

    def served_there() -> bool:
        with gateway.http.stream("POST", "/v1/chat/completions", json=body("streams", stream=True)) as stream:
            pieces = stream.iter_bytes()
            next(pieces)
        return asked(gateway)[model] > 1

    assert eventually(served_there, 3, 0.05)


def test_requests_of_one_prompt_cache_key_stay_at_one_route(gateway: LiveGateway) -> None:
    homes: Counter[str] = Counter()
    for number in range(12):
        gateway.chaos.reset()
        ask_many(gateway, "kept", 4, prompt_cache_key=f"cache-{number}")
        (home,) = asked(gateway)
        homes[home] += 1
    assert len(homes) > 1


def test_requests_of_one_session_stay_at_one_route(gateway: LiveGateway) -> None:
    for number in range(6):
        gateway.chaos.reset()
        headers = {"x-gateway-session-id": f"session-{number}"}
        for _ in range(4):
            gateway.http.post("/v1/chat/completions", json=body("kept"), headers=headers).raise_for_status()
        assert len(asked(gateway)) == 1


def test_requests_that_continue_a_response_stay_at_one_route(gateway: LiveGateway) -> None:
    gateway.define_models(
        {"answers": shared(route(own(131)), route(own(132)), route(own(133)))}, capabilities=["chat", "responses"]
    )
    gateway.chaos.reset()
    previous = ""
    for _ in range(6):
        given = {"previous_response_id": previous} if previous else {}
        answer = gateway.http.post("/v1/responses", json={"model": "answers", "input": "hi", "store": True, **given})
        assert answer.status_code == 200, answer.text
        previous = answer.json()["id"]
    assert len(asked(gateway)) == 1


def test_requests_of_one_key_when_their_route_is_cooled_move_and_stay_there(gateway: LiveGateway) -> None:
    gateway.chat("kept", prompt_cache_key="moves")
    (home,) = asked(gateway)
    gateway.chaos.reset()
    gateway.chaos.script(["status-429-retry-after-1"], home)
    ask_many(gateway, "kept", 5, prompt_cache_key="moves")
    seen = asked(gateway)
    assert seen.pop(home) == 1
    ((moved, count),) = seen.items()
    assert count == 5
    assert moved != home


def test_requests_of_a_model_without_affinity_are_spread(gateway: LiveGateway) -> None:
    ask_many(gateway, "loose", 60, at_once=4, prompt_cache_key="one")
    assert len(asked(gateway)) == 2


def test_least_busy_route_takes_the_next_request(gateway: LiveGateway) -> None:
    ask_many(gateway, "busy", 6, at_once=6)
    assert asked(gateway) == {"slow-403ms": 3, "slow-404ms": 3}


def test_fastest_route_takes_all_once_each_is_known(gateway: LiveGateway) -> None:
    ask_many(gateway, "fast", 20)
    seen = asked(gateway)
    assert (seen["slow-151ms"], seen["slow-152ms"]) == (1, 1)
    assert seen[own(126)] == 18


def test_cheapest_route_takes_all_until_it_is_full(gateway: LiveGateway) -> None:
    routes = [route(own(141)), route(own(142), rpm=3), route(own(143))]
    gateway.define_models({"cheap": routes}, strategy="cheapest", input_price="5", output_price="5")
    (model,) = gateway.operator.rows("ModelDefinition", {"name": "cheap"})
    for upstream, rate in ((own(142), 1), (own(143), 2)):
        (row,) = gateway.operator.rows("Route", {"model_id": model["id"], "upstream_model": upstream})
        rates = {"input": rate, "output": rate}
        gateway.operator.create("models_catalog.Price", model_id=model["id"], route_id=row["id"], rates=rates)
    gateway.define_models({"cheap is known": [route("ok")]})
    gateway.chaos.reset()
    ask_many(gateway, "cheap", 8)
    assert asked(gateway) == {own(142): 3, own(143): 5}


def test_routes_that_share_and_all_fail_are_tried_once_each(gateway: LiveGateway) -> None:
    answer = gateway.chat("failing")
    assert answer.status_code >= 500
    assert answer.headers["x-gateway-attempts"] == "5"
    assert all(count == 1 for count in asked(gateway).values())
