"""Which route is asked, how often, and when is one left alone?"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.fakes.chaos.process import eventually
from tests.live import LiveGateway, error_of


def own(number: int) -> str:
    """An upstream model that no other test uses; it answers well unless a script says otherwise."""
    return f"ok-usage-7-{number}"


@pytest.fixture(scope="module", autouse=True)
def models(shared_gateway: LiveGateway) -> None:
    define = shared_gateway.define_models
    define(
        {"cooled": routes(own(1), "ok"), "alone": routes(own(2)), "limited": routes(own(3), "ok"), "probed": routes(own(4), "ok")}
    )
    define({"retried": routes(own(5)), "pair": routes(own(6), own(7)), "caller": routes(own(8), "ok")}, num_retries=2)
    define({"last resort": routes(own(9)), "second": routes(own(10))})
    chained = {"chained": routes(own(11), own(12))}
    define(chained, fallbacks={"chained": ["second", "last resort"]})
    define({"in order": routes("ok", "echo", "slow-1ms")})


def routes(*upstream_models: str) -> Sequence[dict[str, str]]:
    return [{"upstream_model": name} for name in upstream_models]


def asked(gateway: LiveGateway) -> list[str]:
    return [seen["model"] for seen in gateway.chaos.log()]


def ask(gateway: LiveGateway, model: str) -> tuple[int, int]:
    """Status and number of attempts."""
    response = gateway.chat(model)
    return response.status_code, int(response.headers["x-gateway-attempts"])


def test_routes_when_the_first_is_well_ask_only_that(gateway: LiveGateway) -> None:
    assert [ask(gateway, "in order") for _ in range(3)] == [(200, 1)] * 3
    assert asked(gateway) == ["ok"] * 3


def test_target_when_it_failed_five_times_is_left_alone(gateway: LiveGateway) -> None:
    gateway.chaos.script(["status-500"] * 5, own(1))
    assert [ask(gateway, "cooled") for _ in range(5)] == [(200, 2)] * 5
    gateway.chaos.reset()
    assert [ask(gateway, "cooled") for _ in range(5)] == [(200, 1)] * 5
    assert asked(gateway) == ["ok"] * 5


def test_target_when_its_configuration_is_edited_is_tried_with_the_next_request(gateway: LiveGateway) -> None:
    gateway.operator.define([{"name": "mended", "type": "openai_compatible", "api_base": gateway.dead_url}], [])
    gateway.define_models({"mended": [{"upstream_model": own(13), "provider": "mended"}, {"upstream_model": "ok"}]})
    assert [ask(gateway, "mended") for _ in range(7)] == [(200, 2)] * 5 + [(200, 1)] * 2
    left_alone = f'breaker_open{{model="mended",provider="mended",upstream_model="{own(13)}"}} 1.0'
    assert eventually(lambda: left_alone in gateway.http.get("/metrics").text, 2, 0.05)
    gateway.define_models({"another": routes("ok")})
    assert ask(gateway, "mended") == (200, 1)
    gateway.operator.update("Provider", {"name": "mended"}, {"api_base": gateway.chaos.base_url})
    gateway.chaos.reset()
    assert eventually(lambda: ask(gateway, "mended") == (200, 1) and asked(gateway)[-1] == own(13), 2, 0.05)
    assert eventually(lambda: left_alone not in gateway.http.get("/metrics").text, 2, 0.05)


def test_target_when_it_is_the_only_one_is_never_left_alone(gateway: LiveGateway) -> None:
    gateway.chaos.script(["status-500"] * 8, own(2))
    assert [ask(gateway, "alone") for _ in range(8)] == [(502, 1)] * 8
    assert ask(gateway, "alone") == (200, 1)


def test_target_when_rate_limited_is_left_alone_as_long_as_it_said_and_probed_then(gateway: LiveGateway) -> None:
    gateway.chaos.script(["status-429-retry-after-1"], own(3))
    assert ask(gateway, "limited") == (200, 2)
    gateway.chaos.reset()
    started = time.monotonic()
    assert ask(gateway, "limited") == (200, 1)
    assert asked(gateway) == ["ok"]
    assert eventually(lambda: ask(gateway, "limited") == (200, 1) and asked(gateway)[-1] == own(3), 3, 0.1)
    assert time.monotonic() - started > 0.9
    gateway.chaos.reset()
    assert ask(gateway, "limited") == (200, 1)
    assert asked(gateway) == [own(3)]


def test_target_when_probed_gets_one_request_and_the_others_go_elsewhere(gateway: LiveGateway) -> None:
    gateway.chaos.script(["status-429-retry-after-1"], own(4))
    assert ask(gateway, "probed") == (200, 2)
    gateway.chaos.reset()
    gateway.chaos.script(["slow-500ms"], own(4))
    time.sleep(1.1)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: ask(gateway, "probed"), range(6)))
    assert answers == [(200, 1)] * 6
    assert sorted(asked(gateway)) == ["ok"] * 5 + [own(4)]


def test_failure_when_it_may_pass_is_tried_again(gateway: LiveGateway) -> None:
    gateway.chaos.script(["status-503", "status-500"], own(5))
    assert ask(gateway, "retried") == (200, 3)


def test_outage_when_total_costs_at_most_three_tries(gateway: LiveGateway) -> None:
    gateway.chaos.script(["status-500"] * 10, own(5))
    response = gateway.chat("retried")
    assert (response.status_code, response.headers["x-gateway-attempts"]) == (502, "3")
    assert response.headers["x-should-retry"] == "false"
    assert len(asked(gateway)) == 3


def test_outage_when_of_two_routes_asks_each_before_any_twice(gateway: LiveGateway) -> None:
    gateway.chaos.script(["status-503"] * 10, own(6))
    gateway.chaos.script(["status-500"] * 10, own(7))
    response = gateway.chat("pair")
    assert response.headers["x-gateway-attempts"] == "3"
    assert asked(gateway)[:2] == [own(6), own(7)]


@pytest.mark.parametrize("behaviour", ["status-400", "status-413", "status-422"])
def test_refusal_of_the_request_is_neither_retried_nor_counted(gateway: LiveGateway, behaviour: str) -> None:
    gateway.chaos.script([behaviour] * 7, own(8))
    assert {ask(gateway, "caller") for _ in range(7)} == {(int(behaviour[-3:]), 1)}
    assert ask(gateway, "caller") == (200, 1)
    assert asked(gateway) == [own(8)] * 8


def test_credential_failure_is_not_tried_again_at_the_same_target(gateway: LiveGateway) -> None:
    gateway.chaos.script(["status-401"] * 3, own(6))
    gateway.chaos.script(["status-403"] * 3, own(7))
    response = gateway.chat("pair")
    assert (response.status_code, error_of(response)["code"]) == (502, "upstream_auth_failed")
    assert sorted(asked(gateway)) == [own(6), own(7)]


def test_fallback_models_when_all_routes_failed_follow_in_order(gateway: LiveGateway) -> None:
    for number in (10, 11, 12):
        gateway.chaos.script(["status-500"] * 3, own(number))
    response = gateway.chat("chained")
    assert (response.status_code, response.headers["x-gateway-attempts"]) == (200, "4")
    assert asked(gateway) == [own(11), own(12), own(10), own(9)]
    assert response.json()["model"] == "chained"
    assert response.headers["x-gateway-model"] == "last resort"
