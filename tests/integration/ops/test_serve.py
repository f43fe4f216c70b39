"""Does `serve` start, refuse and stop as an operator expects?"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.fakes.chaos.process import eventually
from tests.integration.ops.conftest import Machine


def get(url: str, **headers: str) -> httpx.Response:
    """One request on a connection of its own."""
    return httpx.get(url, headers=headers, trust_env=False, timeout=15)


def workers_of(pid: int) -> list[int]:
    """The processes that serve for a supervisor; Python's own resource tracker is none of them."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in command_of(child)]


def command_of(pid: str) -> bytes:
    """Nothing for a process that is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def test_serve_when_started_then_it_says_where_and_serves_pages_and_static_files(migrated: Machine) -> None:
    url = migrated.serving(migrated.serve("--port", "0"))
    assert get(f"{url}/livez").status_code == 200
    landing = get(f"{url}/", accept="text/html")
    assert landing.status_code == 200
    assert f"{url}/v1" in landing.text
    assert get(f"{url}/ui").headers["location"] == "/admin/"
    assert get(f"{url}/static/admin/css/base.css").status_code == 200
    login = get(f"{url}/admin/login/")
    assert login.status_code == 200
    assert "default-src 'self'" in login.headers["content-security-policy"]
    assert login.headers["x-content-type-options"] == "nosniff"
    assert "server" not in login.headers


@pytest.mark.parametrize(
    ("role", "statuses"),
    [
        ("all", {"/livez": 200, "/readyz": 200, "/v1/models": 401, "/admin/login/": 200, "/metrics": 200}),
        ("data", {"/livez": 200, "/readyz": 200, "/v1/models": 401, "/admin/login/": 404, "/metrics": 200}),
        ("control", {"/livez": 200, "/readyz": 200, "/v1/models": 404, "/admin/login/": 200, "/metrics": 200}),
    ],
)
def test_serve_when_given_a_role_then_it_serves_that_and_nothing_else(
    migrated: Machine, role: str, statuses: dict[str, int]
) -> None:
    url = migrated.serving(migrated.serve("--role", role, "--port", "0"))
    assert eventually(lambda: get(f"{url}/readyz").status_code == 200, 10)
    assert {path: get(f"{url}{path}").status_code for path in statuses} == statuses
    chat = httpx.post(f"{url}/v1/chat/completions", json={"model": "m", "messages": []}, trust_env=False, timeout=15)
    assert (chat.status_code, chat.json()["error"]["code"]) == (
        (404, "not_found") if role == "control" else (401, "invalid_api_key")
    )


def test_serve_when_asked_under_a_foreign_host_name_then_the_admin_is_refused(migrated: Machine) -> None:
    url = migrated.serving(migrated.serve("--port", "0"))
    response = httpx.get(f"{url}/admin/login/", headers={"host": "evil.example"}, trust_env=False, timeout=15)
    assert response.status_code == 400


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_serve_when_stopped_then_it_ends_with_status_0(migrated: Machine, stop: signal.Signals) -> None:
    server = migrated.serve("--port", "0")
    url = migrated.serving(server)
    assert get(f"{url}/livez").status_code == 200
    server.send_signal(stop)
    assert server.wait(30) == 0
    assert "Traceback" not in migrated.log()


def test_serve_when_stopped_while_it_starts_then_it_ends_with_status_0(migrated: Machine) -> None:
    server = migrated.serve("--port", "0")
    migrated.serving(server)
    server.terminate()
    assert server.wait(30) == 0


def test_serve_when_the_port_is_in_use_then_it_says_so_and_fails(migrated: Machine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        run = migrated.manage("serve", "--port", str(port))
    assert run.returncode == 1
    assert f"Port {port} of 127.0.0.1 is in use" in run.stderr
    assert "Traceback" not in run.stderr


def test_serve_when_the_database_is_empty_then_it_says_what_to_run(machine: Machine) -> None:
    run = machine.manage("serve", "--port", "0")
    assert run.returncode == 1
    assert "quickstart" in run.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", ""])
def test_serve_when_open_to_all_without_authentication_then_it_refuses(migrated: Machine, host: str) -> None:
    run = migrated.manage("serve", "--host", host, "--port", "0", GATEWAY_AUTHENTICATION="off")
    assert run.returncode == 1
    assert "GATEWAY_ALLOW_OPEN=1" in run.stderr


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        (["--host", "0.0.0.0"], {"GATEWAY_AUTHENTICATION": "off", "GATEWAY_ALLOW_OPEN": "1"}),
        (["--host", "localhost"], {"GATEWAY_AUTHENTICATION": "off"}),
    ],
)
def test_serve_when_the_address_is_allowed_then_it_starts(
    migrated: Machine, arguments: list[str], variables: dict[str, str]
) -> None:
    url = migrated.serving(migrated.serve(*arguments, "--port", "0", **variables))
    assert get(f"{url}/livez").status_code == 200


@pytest.mark.parametrize(
    "arguments", [["--port", "70000"], ["--port", "http"], ["--workers", "0"], ["--host", "no.such.host.invalid"]]
)
def test_serve_when_an_option_is_wrong_then_it_fails_without_a_traceback(migrated: Machine, arguments: list[str]) -> None:
    run = migrated.manage("serve", *arguments)
    assert run.returncode in (1, 2)
    assert "Traceback" not in run.stderr
    assert run.stderr.strip()


@pytest.mark.parametrize("variables", [{"GATEWAY_AUTHENTICATION": "fo"}, {"PORT": "many"}, {"DATABASE_URL": "mysql://h/db"}])
def test_serve_when_a_setting_is_wrong_then_it_names_the_setting(migrated: Machine, variables: dict[str, str]) -> None:
    run = migrated.manage("serve", "--port", "0", **variables)
    assert run.returncode == 1
    assert next(iter(variables)) in run.stderr
    assert "Traceback" not in run.stderr


def kill_a_worker(server: subprocess.Popen[str]) -> int:
    """One of two; its process id."""
    assert eventually(lambda: len(workers_of(server.pid)) == 2, 10)
    killed = workers_of(server.pid)[0]
    os.kill(killed, signal.SIGKILL)
    return killed


def test_serve_when_two_workers_run_then_a_killed_one_is_replaced_and_both_stop(migrated: Machine) -> None:
    server = migrated.serve("--port", "0", "--workers", "2")
    url = migrated.serving(server)
    assert get(f"{url}/readyz").status_code == 200
    killed = kill_a_worker(server)

    def others() -> list[int]:
        return [pid for pid in workers_of(server.pid) if pid != killed]

    assert eventually(lambda: len(others()) == 2, 15)
    assert get(f"{url}/readyz").status_code == 200
    last = others()
    server.terminate()
    assert server.wait(30) == 0
    assert not [pid for pid in last if Path(f"/proc/{pid}").exists()]


def test_serve_when_stopped_while_a_killed_worker_is_being_replaced_then_it_ends_with_status_0(migrated: Machine) -> None:
    server = migrated.serve("--port", "0", "--workers", "2")
    migrated.serving(server)
    kill_a_worker(server)
    assert eventually(lambda: "worker died: starting another" in migrated.log(), 15)
    server.terminate()
    assert server.wait(30) == 0
    assert "Traceback" not in migrated.log()


def test_serve_when_no_key_file_is_there_then_sessions_outlive_a_restart(migrated: Machine) -> None:
    server = migrated.serve("--port", "0")
    migrated.serving(server)
    kept = (migrated.data_dir / "secret.key").read_text()
    server.terminate()
    assert server.wait(30) == 0
    migrated.serving(migrated.serve("--port", "0"))
    assert (migrated.data_dir / "secret.key").read_text() == kept
    assert len(kept) > 50
