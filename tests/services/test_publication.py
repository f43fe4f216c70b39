"""Do keys and models that another program publishes in Redis work within a second, and end within a second?"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.integration.key_import.samples import PASSWORD, encrypted_pem, oaep, oaep_sha1, rsa_key
from tests.live_fixtures import StartGateway
from tests.services.own_redis import OwnRedis
from tests.services.proxy import Proxy
from tests.services.published import EVENTS, Published, digest, entry, model_table, new_key

START_S = 90.0
"""For whatever needs a process to start, or a connection to be tried again."""


@pytest.fixture(scope="module")
def published(start_gateway: StartGateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    needs.need("redis", shutil.which("redis-server") is not None, "no redis-server on this machine")
    redis = OwnRedis(tmp_path_factory.mktemp("redis"), EVENTS)
    gateway = start_gateway(workers=2, REDIS_URL=f"redis://127.0.0.1:{redis.port}/0", GATEWAY_REDIS_PUBLICATION="1")
    found = Published(redis, gateway)
    found.model("endpoint-1")
    key = new_key()
    found.key(key, gpt="endpoint-1")
    found.wait(key, "gpt", 200, within=START_S)
    yield found
    assert gateway.stop() == 0
    redis.stop()


def test_key_when_published_by_its_text_then_it_works_and_ends_within_a_second(published: Published) -> None:
    key = new_key()
    published.key(key, gpt="endpoint-1")
    published.wait(key, "gpt", 200)
    assert published.ask(key, "gpt").json()["model"] == "gpt"
    assert published.ask(key, "other").status_code == 404
    published.redis.cli("DEL", f"api_key:{key}")
    published.wait(key, "gpt", 401)


def test_key_when_published_by_its_hash_then_it_works_and_ends_within_a_second(published: Published) -> None:
    key = new_key()
    told = {"api_key_id": "id-7", "user_id": "user-7", "api_key_project_id": "project-7"}
    published.set(f"api_key:{digest(key)}", {"gpt": {"endpoint_id": "endpoint-1"}, "__metadata__": told})
    published.wait(key, "gpt", 200)
    assert published.ask(f"bud-{key}", "gpt").status_code == 401
    published.redis.cli("DEL", f"api_key:{digest(key)}")
    published.wait(key, "gpt", 401)


def test_key_when_it_expires_in_redis_then_it_ends_within_a_second(published: Published) -> None:
    key = new_key()
    published.key(key, "PX", "1500", gpt="endpoint-1")
    published.wait(key, "gpt", 200)
    published.wait(key, "gpt", 401, within=2.5)


def test_key_when_several_are_in_one_value_then_each_follows_it(published: Published) -> None:
    first, second = new_key(), new_key()
    both = {first: {"gpt": entry("endpoint-1")}, second: {"gpt": entry("endpoint-1")}}
    published.set("api_key:several", both)
    published.wait(first, "gpt", 200)
    published.wait(second, "gpt", 200)
    published.set("api_key:several", {second: both[second]})
    published.wait(first, "gpt", 401)
    assert published.serves(second, "gpt")


def test_model_when_it_leaves_a_value_then_it_is_gone(published: Published) -> None:
    key = new_key()
    published.set("model_table:two", {**model_table(published.gateway, "two-a"), **model_table(published.gateway, "two-b")})
    published.key(key, a="two-a", b="two-b")
    published.wait(key, "a", 200)
    published.wait(key, "b", 200)
    published.set("model_table:two", model_table(published.gateway, "two-b"))
    published.wait(key, "a", 404)
    assert published.serves(key, "b")


def test_names_when_shared_then_keys_of_bud_client_have_them(published: Published) -> None:
    of_client, other = new_key("bud_client"), new_key()
    for key in (of_client, other):
        published.key(key, gpt="endpoint-1")
        published.wait(key, "gpt", 200)
    published.set("published_model_info", {"shared": entry("endpoint-1")})
    published.wait(of_client, "shared", 200)
    assert published.ask(other, "shared").status_code == 404
    published.redis.cli("DEL", "published_model_info")
    published.wait(of_client, "shared", 404)


@pytest.mark.parametrize(
    "value",
    ["{", "[]", '{"key": 1}', '{"KEY": {"gpt": {"endpoint_id": "endpoint-1"}}}'],
    ids=["no JSON", "no object", "no models", "no ids"],
)
def test_value_when_it_is_bad_then_the_last_good_one_stays_and_the_key_is_not_told(published: Published, value: str) -> None:
    key = new_key()
    published.key(key, gpt="endpoint-1")
    published.wait(key, "gpt", 200)
    start = published.gateway.log_path.stat().st_size
    published.set(f"api_key:{key}", value.replace("KEY", key))
    published.gateway.wait_logged("not taken over from redis", start)
    assert published.serves(key, "gpt")
    assert key not in published.gateway.log_text(start)
    published.key(key, other="endpoint-1")
    published.wait(key, "other", 200)


def test_redis_when_it_was_cut_off_then_the_last_state_stays_and_all_is_compared_again(
    start_gateway: StartGateway, tmp_path: Path
) -> None:
    needs.need("redis", shutil.which("redis-server") is not None, "no redis-server on this machine")
    redis = OwnRedis(tmp_path, EVENTS)
    with Proxy("127.0.0.1", redis.port) as proxy:
        gateway = start_gateway(TENSORZERO_REDIS_URL=f"redis://127.0.0.1:{proxy.port}/0", GATEWAY_REDIS_PUBLICATION="1")
        published = Published(redis, gateway)
        published.model("endpoint-1")
        stays, goes, comes = new_key(), new_key(), new_key()
        published.key(stays, gpt="endpoint-1")
        published.key(goes, gpt="endpoint-1")
        published.wait(goes, "gpt", 200, within=START_S)
        published.wait(stays, "gpt", 200)
        proxy.cut()
        published.redis.cli("DEL", f"api_key:{goes}")
        published.key(comes, gpt="endpoint-1")
        gateway.wait_logged("publication cannot be read")
        assert published.serves(goes, "gpt")
        proxy.restore()
        published.wait(goes, "gpt", 401, within=START_S)
        published.wait(comes, "gpt", 200)
        assert published.serves(stays, "gpt")
        gateway.expect_errors()
        assert gateway.stop() == 0
    redis.stop()


def test_provider_key_when_encrypted_then_the_model_is_served_with_it_and_a_wrong_one_is_not_taken_over(
    start_gateway: StartGateway, tmp_path: Path
) -> None:
    needs.need("redis", shutil.which("redis-server") is not None, "no redis-server on this machine")
    redis = OwnRedis(tmp_path, EVENTS)
    pem = encrypted_pem(rsa_key()).decode()
    gateway = start_gateway(
        REDIS_URL=f"redis://127.0.0.1:{redis.port}/0",
        GATEWAY_REDIS_PUBLICATION="1",
        TENSORZERO_RSA_PRIVATE_KEY=pem,
        TENSORZERO_RSA_PRIVATE_KEY_PASSWORD=PASSWORD,
    )
    published = Published(redis, gateway)
    key, secret = new_key(), "sk-upstream-of-the-model-0123456789"
    published.key(key, gpt="endpoint-2")
    table = model_table(gateway, "endpoint-2")
    table["endpoint-2"]["providers"]["vllm"]["api_key_location"] = "dynamic::store_endpoint-2"
    good, bad = oaep(secret, rsa_key()).hex(), oaep_sha1(secret, rsa_key()).hex()
    published.set("model_table:endpoint-2", {"endpoint-2": {**table["endpoint-2"], "api_key": good}})
    published.wait(key, "gpt", 200, within=START_S)
    sent = {name.lower(): value for name, value in gateway.chaos.log("ok")[-1]["headers"]}
    assert sent["authorization"] == f"Bearer {secret}"
    published.set("model_table:endpoint-2", {"endpoint-2": {**table["endpoint-2"], "api_key": bad, "endpoints": ["embedding"]}})
    gateway.wait_logged("not taken over from redis")
    assert published.serves(key, "gpt")
    assert secret not in gateway.log_text()
    assert gateway.stop() == 0
    redis.stop()
