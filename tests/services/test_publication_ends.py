"""What stays of a publication when its Redis is empty or silent, and when its reader or an operator steps in?"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import needs
from tests.fakes.chaos.process import Chaos, eventually
from tests.integration.key_import.samples import (
    PASSWORD,
    as_base64,
    as_hex,
    encrypted_pem,
    labelled,
    oaep,
    oaep_sha1,
    pkcs1v15,
    rsa_key,
)
from tests.live import LiveGateway
from tests.live_fixtures import StartGateway
from tests.live_operator import OperatorError
from tests.services.conftest import database
from tests.services.own_redis import OwnRedis
from tests.services.published import EVENTS, Published, digest, entry, model_table, new_key

COMPARED_S = "2"
LONG_S = 30.0
"""For whatever needs a comparison, or a lease that runs out, on a busy machine."""
START_S = 90.0
SECRET = "sk-upstream-of-the-model-0123456789"


@pytest.fixture(scope="module")
def published(start_gateway: StartGateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    needs.need("redis", shutil.which("redis-server") is not None, "no redis-server on this machine")
    redis = OwnRedis(tmp_path_factory.mktemp("redis"), EVENTS)
    gateway = start_gateway(
        REDIS_URL=f"redis://127.0.0.1:{redis.port}/0",
        GATEWAY_REDIS_PUBLICATION="1",
        GATEWAY_REDIS_PUBLICATION_S=COMPARED_S,
        TENSORZERO_RSA_PRIVATE_KEY=encrypted_pem(rsa_key()).decode(),
        TENSORZERO_RSA_PRIVATE_KEY_PASSWORD=PASSWORD,
    )
    found = Published(redis, gateway)
    found.model("endpoint-1")
    key = new_key()
    found.key(key, gpt="endpoint-1")
    found.wait(key, "gpt", 200, within=START_S)
    yield found
    gateway.expect_errors()
    assert gateway.stop() == 0
    redis.stop()


def test_values_when_they_are_hashes_of_redis_then_they_are_read_in_both_forms(published: Published) -> None:
    hashed, plain = new_key(), new_key()
    published.redis.cli("HSET", f"api_key:{digest(hashed)}", "gpt", '{"endpoint_id": "endpoint-1"}', "__metadata__", "{}")
    published.redis.cli(
        "HSET", "api_key:hash", plain, '{"gpt": {"endpoint_id": "endpoint-1", "model_id": "m", "project_id": "p"}}'
    )
    for key in (hashed, plain):
        published.wait(key, "gpt", 200, within=LONG_S)
    published.redis.cli("HDEL", f"api_key:{digest(hashed)}", "gpt")
    published.wait(hashed, "gpt", 404, within=LONG_S)
    start = published.gateway.log_path.stat().st_size
    published.redis.cli("HSET", "api_key:hash", plain, "no JSON")
    published.gateway.wait_logged("not taken over from redis", start)
    assert published.serves(plain, "gpt")


def test_models_when_listed_then_by_their_published_names_and_no_other_name_is_served(published: Published) -> None:
    key = new_key()
    published.key(key, gpt="endpoint-1")
    published.wait(key, "gpt", 200, within=LONG_S)
    assert published.gateway.listed(key) == {"gpt"}
    assert published.ask(key, "endpoint-1").status_code == 404


def test_key_and_model_when_an_operator_has_them_then_they_stay_and_the_clash_is_told(published: Published) -> None:
    gateway = published.gateway
    gateway.define_models({"own": [{"upstream_model": "ok"}]})
    own = gateway.create_key("own")["key"]
    start = gateway.log_path.stat().st_size
    published.key(own, gpt="endpoint-1")
    published.set("model_table:own", model_table(gateway, "own", "error-500"))
    assert eventually(lambda: gateway.log_text(start).count("an operator's own") >= 2, LONG_S, 0.1)
    assert published.ask(own, "own").status_code == 200
    published.redis.cli("DEL", f"api_key:{own}", "model_table:own")
    marker = new_key()
    published.key(marker, gpt="endpoint-1")
    published.wait(marker, "gpt", 200, within=LONG_S)
    assert published.ask(own, "own").status_code == 200


def test_key_when_two_values_have_it_then_it_lives_as_long_as_one_of_them(published: Published) -> None:
    key = new_key()
    value = {key: {"gpt": entry("endpoint-1")}}
    published.set("api_key:a", value)
    published.set("api_key:b", {key: {"other": entry("endpoint-1")}})
    published.wait(key, "other", 200, within=LONG_S)
    published.redis.cli("DEL", "api_key:b")
    published.wait(key, "gpt", 200, within=LONG_S)
    published.redis.cli("DEL", "api_key:a")
    published.wait(key, "gpt", 401, within=LONG_S)


WRONG = {
    "SHA-1": as_hex(oaep_sha1(SECRET, rsa_key())),
    "a label": as_hex(labelled(SECRET, rsa_key())),
    "the old padding": as_hex(pkcs1v15(SECRET, rsa_key())),
    "another key": as_hex(oaep(SECRET, rsa_key("another"))),
    "cut off": as_hex(oaep(SECRET, rsa_key())[:-1]),
    "one byte more": as_hex(oaep(SECRET, rsa_key()) + b"\0"),
    "random bytes": as_hex(bytes(range(256))),
    "plain": SECRET,
}


def encrypted(published: Published, name: str, value: str) -> dict[str, Any]:
    table = model_table(published.gateway, name)
    table[name]["providers"]["vllm"]["api_key_location"] = f"dynamic::store_{name}"
    return {name: {**table[name], "api_key": value}}


def test_provider_key_when_encrypted_then_only_oaep_with_sha256_is_taken_over(published: Published) -> None:
    key = new_key()
    forms = {"hex": as_hex(oaep(SECRET, rsa_key())), "base64": as_base64(oaep(SECRET, rsa_key()))}
    published.key(key, hex="hex", base64="base64", **{name.replace(" ", "-"): name.replace(" ", "-") for name in WRONG})
    start = published.gateway.log_path.stat().st_size
    for name, value in WRONG.items():
        name = name.replace(" ", "-")
        published.set(f"model_table:{name}", encrypted(published, name, value))
    for name, value in forms.items():
        published.set(f"model_table:{name}", encrypted(published, name, value))
        published.wait(key, name, 200, within=LONG_S)
    assert published.gateway.listed(key) == {"hex", "base64"}
    assert SECRET not in published.gateway.log_text(start)
    assert published.gateway.operator.rows("Credential", {"name__startswith": "store_"}).__len__() == len(forms)


def test_redis_when_it_tells_of_nothing_then_a_comparison_finds_what_has_changed_and_the_check_says_so(
    published: Published,
) -> None:
    key = new_key()
    published.redis.cli("CONFIG", "SET", "notify-keyspace-events", "")
    with pytest.raises(OperatorError, match=r"catalog\.W008"):
        published.gateway.operator.command("check", "--fail-level", "WARNING")
    published.key(key, gpt="endpoint-1")
    published.wait(key, "gpt", 200, within=LONG_S)
    published.redis.cli("DEL", f"api_key:{key}")
    published.wait(key, "gpt", 401, within=LONG_S)
    published.redis.cli("CONFIG", "SET", "notify-keyspace-events", EVENTS)


def test_redis_when_started_anew_and_empty_then_all_stays_until_something_is_published_and_a_flush_is_believed(
    published: Published,
) -> None:
    key, later = new_key(), new_key()
    published.key(key, gpt="endpoint-1")
    published.wait(key, "gpt", 200, within=LONG_S)
    start = published.gateway.log_path.stat().st_size
    published.redis.stop()
    published.redis.start()
    published.gateway.wait_logged("holds nothing", start)
    assert published.serves(key, "gpt")
    published.model("endpoint-1")
    published.key(later, gpt="endpoint-1")
    published.wait(later, "gpt", 200, within=LONG_S)
    published.wait(key, "gpt", 401, within=LONG_S)
    published.redis.cli("FLUSHALL")
    published.wait(later, "gpt", 401, within=LONG_S)


def test_reader_when_its_node_is_stopped_then_the_other_node_reads(
    chaos: Chaos, postgres_url: str, migrated_postgres: str, tmp_path: Path, published: Published
) -> None:
    variables: dict[str, Any] = {"REDIS_URL": f"redis://127.0.0.1:{published.redis.port}/0", "GATEWAY_REDIS_PUBLICATION": "1"}
    published.model("endpoint-1")
    with database(postgres_url, migrated_postgres) as url:
        directories = [tmp_path / name for name in ("first", "second")]
        for directory in directories:
            directory.mkdir()
        first = LiveGateway(directories[0], chaos, template=None, DATABASE_URL=url, **variables)
        second = LiveGateway(directories[1], chaos, template=None, DATABASE_URL=url, **variables)
        with second, first:
            key = new_key()
            published.key(key, gpt="endpoint-1")
            for gateway in (first, second):
                Published(published.redis, gateway).wait(key, "gpt", 200, within=LONG_S)
            (row,) = second.operator.rows("Publication", {})
            compared = "publication compared" in second.log_text()
            assert compared is not ("publication compared" in first.log_text())
            stays, goes = (first, second) if compared else (second, first)
            goes.stop()
            other = new_key()
            published.key(other, gpt="endpoint-1")
            Published(published.redis, stays).wait(other, "gpt", 200, within=LONG_S)
            assert stays.operator.rows("Publication", {})[0]["holder"] != row["holder"]
