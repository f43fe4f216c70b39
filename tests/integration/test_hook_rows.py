"""Does an edit in the admin change what running workers and the recorder do, and does a bad row cost nothing but itself?"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
import pytest

from tests.fakes.chaos.process import Chaos, eventually
from tests.fakes.hook_package import install
from tests.live import LiveGateway, body, environment, migrate
from tests.live_admin import Visitor

ADD = "/admin/models_catalog/hook/add/?type="
CANARY = "row-canary-5Tz8WqN3yL6k"
SOON = 15.0
CANNOT = "a hook of the catalog cannot be made: it is left out"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> str:
    return install(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="module")
def database_url(postgres_url: str, worker_id: str) -> Iterator[str]:
    """A database on PostgreSQL."""
    name = f"hook_rows_{worker_id}"
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        server.execute(f'CREATE DATABASE "{name}"')
        yield urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="module")
def of_module(
    database_url: str, package: str, shared_chaos: Chaos, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveGateway]:
    """Two workers and a recorder process on PostgreSQL, with a package of hooks."""
    directory = tmp_path_factory.mktemp("gateway") / "data"
    directory.mkdir()
    variables = {"DATABASE_URL": database_url, "PYTHONPATH": package, "GATEWAY_RECORDER": "process"}
    migrate(environment(directory, **variables))
    with LiveGateway(directory, shared_chaos, workers=2, template=None, **variables) as gateway:
        gateway.operator.create_superuser("operator", "a-password-0123")
        gateway.define("ok", "slow-start")
        yield gateway


@pytest.fixture
def gateway(of_module: LiveGateway) -> Iterator[LiveGateway]:
    """Without hooks."""
    yield of_module
    of_module.operator.delete("Hook", {})
    assert eventually(lambda: codes(of_module) == {"": 8}, SOON, 0.1)


@pytest.fixture
def admin(gateway: LiveGateway) -> Visitor:
    visitor = Visitor(gateway)
    assert visitor.sign_in("operator", "a-password-0123") == 302
    return visitor


def codes(gateway: LiveGateway, model: str = "chaos/ok", key: str | None = None) -> Counter[str]:
    """The codes of errors that the workers tell, "" for answers; each time over a new connection."""
    found: Counter[str] = Counter()
    for _ in range(8):
        url, headers = f"{gateway.base_url}/v1/chat/completions", gateway.headers(key)
        answer = httpx.post(url, headers=headers, json=body(model), trust_env=False, timeout=15)
        found["" if answer.status_code == 200 else str(answer.json()["error"]["code"])] += 1
    return found


def page(gateway: LiveGateway, name: str) -> str:
    (row,) = gateway.operator.rows("Hook", {"name": name})
    return f"/admin/models_catalog/hook/{row['id']}/change/"


COMMON = {"enabled": "on", "position": "0", "all_client_keys": "on", "on_fault": ""}


def test_hook_when_added_edited_narrowed_and_removed_then_all_workers_follow(gateway: LiveGateway, admin: Visitor) -> None:
    form = {**COMMON, "name": "deny", "option_code": "first", "option_token": CANARY}
    assert admin.send(f"{ADD}denier", **form).status_code == 302
    assert eventually(lambda: codes(gateway) == {"first": 8}, SOON, 0.1), codes(gateway)
    url = page(gateway, "deny")
    assert admin.send(url, **{**form, "option_code": "second", "option_token": ""}).status_code == 302
    assert eventually(lambda: codes(gateway) == {"second": 8}, SOON, 0.1), codes(gateway)
    assert admin.send(url, **{**form, "model_names": "other-*"}).status_code == 302
    assert eventually(lambda: codes(gateway) == {"": 8}, SOON, 0.1), codes(gateway)
    listed = {"form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "form-0-position": "0", "_save": "Save"}
    assert admin.send(url, **{**form, "model_names": "chaos/*"}).status_code == 302
    assert eventually(lambda: codes(gateway) == {"first": 8}, SOON, 0.1), codes(gateway)
    row_id = url.split("/")[-3]
    assert admin.send("/admin/models_catalog/hook/", **listed, **{"form-0-id": row_id}).status_code == 302
    assert eventually(lambda: codes(gateway) == {"": 8}, SOON, 0.1), codes(gateway)
    pages = [admin.ask("GET", address).text for address in (url, url.replace("change", "history"), "/admin/models_catalog/hook/")]
    assert not any(CANARY in text for text in pages)
    assert CANARY not in gateway.settled_log()
    assert CANARY not in gateway.operator.command("export_config") + gateway.operator.command("show_hooks", "--json")


def test_hook_when_for_one_key_then_others_do_not_meet_it_though_they_have_its_name(gateway: LiveGateway, admin: Visitor) -> None:
    chosen, namesake = gateway.create_key("team"), gateway.create_key("team")
    form = {name: value for name, value in COMMON.items() if name != "all_client_keys"}
    assert admin.send(f"{ADD}denier", **form, name="deny", option_code="it", client_keys=chosen["id"]).status_code == 302
    assert eventually(lambda: codes(gateway, key=chosen["key"]) == {"it": 8}, SOON, 0.1)
    assert codes(gateway, key=namesake["key"]) == {"": 8}
    gateway.operator.delete("ClientKey", {"id": chosen["id"]})
    assert eventually(lambda: gateway.listed(chosen["key"]) is None, SOON)
    assert codes(gateway, key=namesake["key"]) == {"": 8}


def test_observer_when_added_and_edited_then_the_recorder_follows_and_misses_nothing(
    gateway: LiveGateway, admin: Visitor, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    form = {**COMMON, "name": "note", "option_path": str(notes), "option_word": "one", "option_token": CANARY}
    assert admin.send(f"{ADD}noter", **form).status_code == 302
    assert eventually(lambda: seen(gateway, notes, "one"), SOON, 0.1), gateway.log_text()[-2000:]
    assert notes.read_text().split()[2] == str(len(CANARY))
    url = page(gateway, "note")
    assert admin.send(url, **{**form, "option_word": "two", "option_token": ""}).status_code == 302
    assert eventually(lambda: seen(gateway, notes, "two"), SOON, 0.1)
    lines = [line.split() for line in notes.read_text().splitlines()]
    assert len(lines) == len({request_id for request_id, *_ in lines})
    assert CANARY not in gateway.settled_log()


def seen(gateway: LiveGateway, notes: Path, word: str) -> bool:
    """Whether a request that is made now is noted with that word."""
    request_id = gateway.chat("chaos/ok").headers["x-request-id"]
    return eventually(lambda: notes.exists() and f"{request_id} {word} " in notes.read_text(), 2.0, 0.05)


def test_row_when_it_cannot_be_made_then_the_rest_is_served_and_the_pages_say_why(of_module: LiveGateway, admin: Visitor) -> None:
    assert admin.send(f"{ADD}faulty", **COMMON, name="broken").status_code == 302
    of_module.wait_logged(CANNOT)
    assert codes(of_module) == {"": 8}
    told = admin.ask("GET", "/admin/").text
    assert "hook broken" in told
    assert "its server is away" in told
    assert "does not run" in admin.ask("GET", page(of_module, "broken")).text
    of_module.restart()
    assert codes(of_module) == {"": 8}
    of_module.check(CANNOT)


def test_hooks_when_the_setting_has_some_too_then_these_run_first_and_the_command_shows_all(
    of_module: LiveGateway, admin: Visitor
) -> None:
    assert admin.send(f"{ADD}denier", **COMMON, name="row", option_code="row").status_code == 302
    assert admin.send(f"{ADD}missing", **COMMON, name="gone").status_code == 200
    of_module.restart(GATEWAY_HOOKS='[{"hook": "offered_hooks.Denier", "options": {"code": "setting"}}]')
    try:
        assert eventually(lambda: codes(of_module) == {"setting": 8}, SOON, 0.1), codes(of_module)
        shown = json.loads(of_module.operator.command("show_hooks", "--json"))
        assert [(hook["name"], hook["from"], hook["phases"]) for hook in shown] == [("row", "catalog", ["before_request"])]
    finally:
        of_module.restart(GATEWAY_HOOKS="[]")
