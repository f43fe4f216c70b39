"""Is an edit of the catalog what the next request sees: in the same process at once, in others within a second?"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.live import ENCRYPTION_KEY, LiveGateway, body, error_of
from tests.live_fixtures import StartGateway
from tests.stopwatch import Stopwatch

WITHIN_S = 1.0
POLL_S = 0.01
NAME = "edited/model"


@pytest.fixture(autouse=True)
def edited(gateway: LiveGateway) -> None:
    """The model that these tests change, as it was."""
    gateway.define_models({NAME: [{"upstream_model": "echo"}]})


def within(gateway: LiveGateway, condition: Callable[[], Any]) -> float:
    """Seconds until the condition holds, which must be at most one, but for those without a processor."""
    watch = Stopwatch(gateway)
    while not condition():
        assert watch.read() < WITHIN_S
        time.sleep(POLL_S)
    return watch.read()


def status(gateway: LiveGateway, key: str | None = None) -> int:
    return gateway.http.post("/v1/chat/completions", json=body(NAME), headers=gateway.headers(key)).status_code


def upstream_models(gateway: LiveGateway) -> list[str]:
    return [seen["model"] for seen in gateway.chaos.log()]


def test_model_when_disabled_and_enabled_again_follows(gateway: LiveGateway) -> None:
    gateway.operator.update("ModelDefinition", {"name": NAME}, {"enabled": False})
    within(gateway, lambda: status(gateway) == 404)
    assert NAME not in (gateway.listed() or set())
    gateway.operator.update("ModelDefinition", {"name": NAME}, {"enabled": True})
    within(gateway, lambda: status(gateway) == 200)


def test_model_when_deleted_is_unknown(gateway: LiveGateway) -> None:
    gateway.operator.delete("ModelDefinition", {"name": NAME})
    within(gateway, lambda: status(gateway) == 404)


def test_model_when_renamed_is_served_under_the_new_name_only(gateway: LiveGateway) -> None:
    gateway.operator.update("ModelDefinition", {"name": NAME}, {"name": "edited/renamed"})
    within(gateway, lambda: gateway.chat("edited/renamed").status_code == 200)
    assert status(gateway) == 404
    gateway.operator.delete("ModelDefinition", {"name": "edited/renamed"})


def test_route_when_it_points_elsewhere_sends_requests_there(gateway: LiveGateway) -> None:
    gateway.operator.update("Route", {"model__name": NAME}, {"upstream_model": "slow-1ms"})
    within(gateway, lambda: status(gateway) == 200 and upstream_models(gateway)[-1] == "slow-1ms")


def test_provider_when_disabled_leaves_the_model_without_a_way(gateway: LiveGateway) -> None:
    gateway.define_models({NAME: [{"upstream_model": "ok", "provider": "keyless"}]})
    gateway.operator.update("Provider", {"name": "keyless"}, {"enabled": False})
    within(gateway, lambda: status(gateway) != 200)
    gateway.operator.update("Provider", {"name": "keyless"}, {"enabled": True})
    within(gateway, lambda: status(gateway) == 200)


def test_address_when_broken_takes_out_that_route_only_and_is_told(gateway: LiveGateway) -> None:
    gateway.define_models({NAME: [{"upstream_model": "ok", "provider": "keyless"}, {"upstream_model": "echo"}]})
    before = problems(gateway)
    gateway.operator.update("Provider", {"name": "keyless"}, {"api_base": "ftp://nowhere"})
    within(gateway, lambda: problems(gateway) > before)
    assert status(gateway) == 200
    assert upstream_models(gateway)[-1] == "echo"
    gateway.operator.update("Provider", {"name": "keyless"}, {"api_base": gateway.chaos.base_url})
    within(gateway, lambda: problems(gateway) == before)


def problems(gateway: LiveGateway) -> int:
    return int(gateway.http.get("/status").json()["problems"])


def test_provider_key_when_changed_is_the_one_sent(gateway: LiveGateway) -> None:
    changed = "sk-changed-7d3f9a2c5b81"
    gateway.operator.define(
        [{"name": "chaos", "type": "openai_compatible", "api_base": gateway.chaos.base_url, "api_key": changed}], []
    )
    within(gateway, lambda: changed in gateway.chat(NAME).text)
    gateway.define_models({NAME: [{"upstream_model": "echo"}]})
    within(gateway, lambda: changed not in gateway.chat(NAME).text)
    assert changed not in gateway.settled_log()


def test_key_when_made_restricted_and_revoked_follows(gateway: LiveGateway) -> None:
    made = gateway.create_key("edited")
    within(gateway, lambda: status(gateway, made["key"]) == 200)
    gateway.operator.update("ClientKey", {"pk": made["id"]}, {"all_models": False})
    within(gateway, lambda: status(gateway, made["key"]) == 404)
    gateway.operator.update("ClientKey", {"pk": made["id"]}, {"all_models": True})
    within(gateway, lambda: status(gateway, made["key"]) == 200)
    gateway.operator.command("revoke_api_key", made["id"])
    within(gateway, lambda: status(gateway, made["key"]) == 401)


def test_key_when_revoked_then_every_worker_refuses_it_though_the_routing_stays(start_gateway: StartGateway) -> None:
    both = start_gateway(workers=2)
    both.define("ok")
    before = routing_version(both)
    made = both.create_key("revoked")
    both.wait_visible("chaos/ok", key=made["key"])
    both.operator.command("revoke_api_key", made["id"])
    within(both, lambda: all(both.listed(made["key"]) is None for _ in range(16)))
    assert routing_version(both) == before


def routing_version(gateway: LiveGateway) -> int:
    (row,) = gateway.operator.rows("CatalogVersion", {})
    return int(row["version"] - row["client_keys"])


def test_admin_when_it_deletes_a_model_the_very_next_request_knows(gateway: LiveGateway) -> None:
    with httpx.Client(base_url=gateway.base_url, trust_env=False, timeout=20, headers={"referer": gateway.base_url}) as admin:
        log_in(gateway, admin)
        changelist = admin.get("/admin/models_catalog/modeldefinition/", params={"q": NAME}).text
        found = re.search(r"/admin/models_catalog/modeldefinition/(\d+)/change/", changelist)
        assert found, changelist[:2000]
        assert status(gateway) == 200
        url = f"/admin/models_catalog/modeldefinition/{found[1]}/delete/"
        answer = admin.post(
            url, data={"post": "yes", "csrfmiddlewaretoken": token(admin, url)}, headers={"referer": gateway.base_url}
        )
        assert answer.status_code == 302, answer.text[:2000]
        assert status(gateway) == 404


def log_in(gateway: LiveGateway, admin: httpx.Client) -> None:
    gateway.operator.create_superuser("root", "integration-Pw-1")
    data = {
        "username": "root",
        "password": "integration-Pw-1",
        "csrfmiddlewaretoken": token(admin, "/admin/login/"),
        "next": "/admin/",
    }
    answer = admin.post("/admin/login/", data=data)
    assert answer.status_code == 302, answer.text[:2000]


def token(admin: httpx.Client, url: str) -> str:
    page = admin.get(url).text
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert found, page[:2000]
    return found[1]


def test_requests_when_the_catalog_changes_all_the_time_never_fail(gateway: LiveGateway) -> None:
    stop = time.monotonic() + 1.5
    count = 0
    while time.monotonic() < stop:
        gateway.operator.update("Route", {"model__name": NAME}, {"upstream_model": ("ok", "slow-1ms")[count % 2]})
        assert {status(gateway) for _ in range(5)} == {200}
        count += 1
    assert count >= 3


def test_secret_when_it_cannot_be_decrypted_takes_out_its_routes_and_no_more(start_gateway: StartGateway) -> None:
    gateway = start_gateway()
    gateway.define_models({"keyed": [{"upstream_model": "ok"}], "free": [{"upstream_model": "ok", "provider": "keyless"}]})
    assert gateway.chat("keyed").status_code == 200
    gateway.restart(GATEWAY_ENCRYPTION_KEYS=ENCRYPTION_KEY[:-2] + "A=")
    gateway.wait_visible("free")
    assert gateway.chat("free").status_code == 200
    assert error_of(gateway.chat("keyed"))
    assert problems(gateway) > 0
    gateway.restart(GATEWAY_ENCRYPTION_KEYS=ENCRYPTION_KEY)
    assert gateway.chat("keyed").status_code == 200
    assert problems(gateway) == 0
