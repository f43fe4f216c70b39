"""Is an operator told in a sentence what is wrong with the machine, the settings or the database?"""

from __future__ import annotations

import json
import re
import sqlite3
import stat

import httpx
import pytest

from tests.fakes.chaos.process import eventually
from tests.integration.ops.conftest import Machine

SECRET = "hunter2-canary-9d41"
TEXT_LINE = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z \[\w+ *\] .+ \[[\w.]+\].* pid=\d+")
AWAY = ({"DATABASE_URL": f"postgresql://gateway:{SECRET}@127.0.0.1:9/gateway"}, "Connection refused")
NOWHERE = ({"DATABASE_URL": "sqlite:////proc/nowhere/gateway.sqlite3"}, "unable to open database file")
CASES = [
    *((command, *AWAY) for command in ("quickstart", "show_catalog", "create_api_key x", "migrate", "purge_usage")),
    *((command, *NOWHERE) for command in ("quickstart", "serve", "show_catalog", "migrate")),
    ("serve", {"DATABASE_URL": "mysql://127.0.0.1/gateway"}, "DATABASE_URL must begin with"),
    ("serve", {"REDIS_URL": "127.0.0.1:6379"}, "REDIS_URL must begin with"),
    ("check", {"PORT": "http"}, "PORT must be a whole number"),
    ("serve", {"GATEWAY_ACCESS_LOG": "sometimes"}, "GATEWAY_ACCESS_LOG must be on, off or errors"),
    ("quickstart", {"SECRET_KEY_FILE": "/nowhere"}, "SECRET_KEY_FILE cannot be read"),
]


@pytest.mark.parametrize(("command", "variables", "told"), CASES)
def test_command_when_it_cannot_work_says_so_in_a_sentence(
    machine: Machine, command: str, variables: dict[str, str], told: str
) -> None:
    run = machine.manage(*command.split(), **variables)
    assert run.returncode != 0
    assert told in run.stdout + run.stderr
    assert "Traceback" not in run.stdout + run.stderr
    assert SECRET not in run.stdout + run.stderr


@pytest.mark.parametrize("command", ["quickstart", "serve"])
def test_command_when_the_file_is_no_database_names_it(machine: Machine, command: str) -> None:
    machine.data_dir.mkdir()
    (machine.data_dir / "gateway.sqlite3").write_text("no database at all, but long enough to be read as the head of one")
    run = machine.manage(command)
    assert run.returncode == 1
    assert f"The database {machine.data_dir / 'gateway.sqlite3'} cannot be used: file is not a database." in run.stderr


def test_command_when_asked_for_the_traceback_shows_it(machine: Machine) -> None:
    run = machine.manage("quickstart", "--traceback", DATABASE_URL="sqlite:////proc/nowhere/gateway.sqlite3")
    assert "Traceback" in run.stderr


@pytest.mark.parametrize("command", ["quickstart", "serve"])
def test_database_when_a_newer_version_has_changed_it_is_refused_by_name(migrated: Machine, command: str) -> None:
    with sqlite3.connect(migrated.data_dir / "gateway.sqlite3") as database:
        values = "('openai_api', '9999_from_the_future', '2030-01-01')"
        database.execute(f"insert into django_migrations (app, name, applied) values {values}")
    run = migrated.manage(command)
    assert run.returncode == 1
    assert "changed by a newer version of Signalbox (openai_api.9999_from_the_future)" in run.stderr


def test_database_when_an_application_that_is_gone_has_migrated_it_is_served(migrated: Machine) -> None:
    with sqlite3.connect(migrated.data_dir / "gateway.sqlite3") as database:
        database.execute(
            "insert into django_migrations (app, name, applied) values ('some_plugin', '0001_initial', '2026-01-01')"
        )
    assert migrated.manage("quickstart").returncode == 0


def test_secrets_when_they_go_to_a_file_are_in_no_output(machine: Machine) -> None:
    file = machine.data_dir / "first-sign-in.txt"
    run = machine.manage("quickstart", "--secrets-file", str(file))
    assert run.returncode == 0, run.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    password, key = file.read_text().split("password ")[1].split("\nOPENAI_API_KEY=")
    assert len(password) == 20
    assert key.startswith("sk-gw-")
    assert password not in run.stdout + run.stderr
    assert "sk-gw-" not in run.stdout + run.stderr
    assert str(file) in run.stdout
    again = machine.manage("quickstart", "--secrets-file", str(machine.data_dir / "second.txt"))
    assert again.returncode == 0
    assert not (machine.data_dir / "second.txt").exists(), "there was nothing to write"


def test_secrets_when_their_file_cannot_be_made_then_no_account_is(machine: Machine) -> None:
    run = machine.manage("quickstart", "--secrets-file", "/proc/nowhere/first.txt")
    assert run.returncode == 1
    assert "/proc/nowhere" in run.stderr
    assert "Traceback" not in run.stderr
    assert "shown only this once" in machine.manage("quickstart").stdout


def test_deploy_check_when_there_is_no_https_asks_one_question_and_with_it_none(migrated: Machine) -> None:
    migrated.manage("quickstart")
    plain = migrated.manage("check", "--deploy")
    assert re.findall(r"\((\w+\.\w+)\)", plain.stderr) == ["gateway.W001"]
    assert "GATEWAY_HTTPS=on" in plain.stderr
    assert "no issues" in migrated.manage("check", "--deploy", GATEWAY_HTTPS="on").stdout


@pytest.mark.parametrize("style", ["console", "json"])
def test_log_when_read_then_every_line_has_the_same_form_and_a_refusal_has_one(migrated: Machine, style: str) -> None:
    variables = {"LOG_FORMAT": style, "LOG_LEVEL": "info", "GATEWAY_ACCESS_LOG": "errors"}
    url = migrated.serving(migrated.serve("--port", "0", "--workers", "2", **variables))
    with httpx.Client(base_url=url, trust_env=False, timeout=15) as client:
        assert eventually(lambda: client.get("/readyz").status_code == 200, 15)
        client.get("/v1/models", headers={"x-request-id": "refused-by-key"})
        client.get("/v1/models", headers={"host": "evil.example", "x-request-id": "refused-by-nothing"})
        client.get("/admin/login/", headers={"host": "evil.example"})
        client.get("/livez")
    assert eventually(lambda: "refused-by-nothing" in migrated.log(), 5)
    lines = migrated.log().splitlines()
    assert "Signalbox serves on" in lines[0]
    for line in lines:
        if style == "json":
            told = json.loads(line)
            assert told.keys() >= {"timestamp", "level", "logger", "message", "pid"}, line
        else:
            assert TEXT_LINE.match(line), line
    assert sum("refused-by-key" in line for line in lines) == 1
    assert sum("evil.example" in line for line in lines) == 1
    told_by = {re.search(r'pid"?[=:] ?(\d+)', line)[1] for line in lines}  # type: ignore[index]
    assert len(told_by) >= 2, "the supervisor and its workers"
