"""Does `quickstart` get from nothing to a first answer, and leave alone what is there?"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import socket
import sqlite3
import stat
import subprocess
from typing import Any

import httpx

from tests.integration.ops.conftest import Machine

First = tuple[Machine, subprocess.CompletedProcess[str]]
KEY = re.compile(r"sk-gw-[0-9A-Za-z]{57}")
CREDENTIALS_OF_PROVIDERS = """
    select p.name, c.source, c.location, c.secret
    from models_catalog_provider p join models_catalog_credential c on c.id = p.credential_id
"""
PASSWORD = re.compile(r"password (\w{20}) \(shown only this once\)")


def rows(machine: Machine, query: str) -> list[Any]:
    """What a query finds in the machine's database."""
    connection = sqlite3.connect(machine.data_dir / "gateway.sqlite3")
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def contents(machine: Machine) -> dict[str, str]:
    """The digests of all files, and of the database's rows, which do not change with SQLite's housekeeping."""
    files = {path.name: path.read_bytes() for path in machine.data_dir.iterdir() if "sqlite3" not in path.name}
    connection = sqlite3.connect(machine.data_dir / "gateway.sqlite3")
    files["rows"] = "\n".join(connection.iterdump()).encode()
    connection.close()
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def test_quickstart_when_the_machine_is_bare_then_everything_is_there_and_secrets_are_printed_once(first_run: First) -> None:
    machine, run = first_run
    assert (run.returncode, run.stderr) == (0, "")
    password = PASSWORD.search(run.stdout)
    assert password
    assert "OPENAI_BASE_URL=http://127.0.0.1:3000/v1" in run.stdout.splitlines()
    (key,) = set(KEY.findall(run.stdout))
    assert f"OPENAI_API_KEY={key}" in run.stdout.splitlines()
    assert rows(machine, "select name, last_four from models_catalog_clientkey") == [("quickstart", key[-4:])]
    assert rows(machine, "select username, is_superuser from auth_user") == [("admin", 1)]
    assert rows(machine, "select name from models_catalog_modeldefinition order by name") == [("demo",), ("demo-fallback",)]
    stored = b"".join(path.read_bytes() for path in machine.data_dir.iterdir())
    assert key.encode() not in stored
    assert password[1].encode() not in stored


def test_quickstart_when_it_makes_files_then_only_their_owner_may_read_them(first_run: First) -> None:
    machine, _ = first_run
    modes = {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in machine.data_dir.iterdir()}
    assert {"secret.key", "encryption.key", "gateway.sqlite3"} <= set(modes)
    assert set(modes.values()) == {"0o600"}
    assert stat.S_IMODE(machine.data_dir.stat().st_mode) == 0o700


def test_quickstart_when_run_again_then_nothing_changes_and_no_secret_is_shown(prepared: Machine) -> None:
    before = contents(prepared)
    run = prepared.manage("quickstart")
    assert run.returncode == 0
    assert "nothing was changed" in run.stdout
    assert not KEY.search(run.stdout)
    assert "password" not in run.stdout
    assert "create_api_key" in run.stdout
    assert contents(prepared) == before


def test_quickstart_when_the_demo_was_removed_then_it_does_not_come_back(prepared: Machine) -> None:
    delete = "from models_catalog.models import *; ModelDefinition.objects.all().delete(); Provider.objects.all().delete()"
    assert prepared.manage("shell", "--no-imports", "-c", delete).returncode == 0
    prepared.manage("quickstart")
    assert rows(prepared, "select name from models_catalog_modeldefinition") == []


def test_quickstart_when_vendor_variables_are_set_then_their_providers_are_added_once(machine: Machine) -> None:
    first = machine.manage("quickstart", OPENAI_API_KEY="sk-secret-of-openai", GROQ_API_KEY="gsk_secret-of-groq", XAI_API_KEY="")
    assert "provider openai, its key read from OPENAI_API_KEY" in first.stdout
    assert "provider groq, its key read from GROQ_API_KEY" in first.stdout
    assert "xai" not in first.stdout
    assert "secret-of" not in first.stdout + first.stderr
    assert sorted(rows(machine, CREDENTIALS_OF_PROVIDERS)) == [
        ("groq", "env", "GROQ_API_KEY", ""),
        ("openai", "env", "OPENAI_API_KEY", ""),
    ]
    again = machine.manage("quickstart", OPENAI_API_KEY="sk-secret-of-openai", GROQ_API_KEY="gsk_secret-of-groq")
    assert "nothing was changed" in again.stdout
    later = machine.manage("quickstart", XAI_API_KEY="xai-secret")
    assert "provider xai, its key read from XAI_API_KEY" in later.stdout


def test_quickstart_when_a_variable_holds_a_placeholder_then_it_says_so_and_goes_on(machine: Machine) -> None:
    run = machine.manage("quickstart", GROQ_API_KEY="your-key-here", XAI_API_KEY=" ")
    assert run.returncode == 0
    assert "GROQ_API_KEY is set, but groq was not added: it holds a placeholder, not a key." in run.stderr
    assert "XAI" not in run.stdout + run.stderr
    assert rows(machine, "select name from models_catalog_credential") == []


def test_quickstart_when_a_vendor_needs_more_than_its_key_then_it_says_so_and_goes_on(machine: Machine) -> None:
    run = machine.manage("quickstart", AZURE_OPENAI_API_KEY="azure-secret")
    assert run.returncode == 0
    assert "AZURE_OPENAI_API_KEY is set, but azure_openai was not added" in run.stderr
    assert rows(machine, "select name from models_catalog_credential") == []


def test_quickstart_when_a_password_is_given_then_it_is_taken_and_not_printed(machine: Machine) -> None:
    run = machine.manage("quickstart", GATEWAY_ADMIN_PASSWORD="correct horse battery staple")
    assert "password from GATEWAY_ADMIN_PASSWORD" in run.stdout
    assert "battery" not in run.stdout
    credentials = "username='admin', password='correct horse battery staple'"
    check = f"from django.contrib.auth import authenticate; print(authenticate({credentials}))"
    assert machine.manage("shell", "--no-imports", "-c", check).stdout.strip() == "admin"


def test_quickstart_when_the_given_password_is_weak_then_no_account_is_made_and_the_next_run_goes_on(machine: Machine) -> None:
    run = machine.manage("quickstart", GATEWAY_ADMIN_PASSWORD="admin")
    assert run.returncode == 1
    assert "GATEWAY_ADMIN_PASSWORD was refused" in run.stderr
    assert rows(machine, "select count(*) from auth_user") == [(0,)]
    assert PASSWORD.search(machine.manage("quickstart").stdout)


def test_quickstart_when_secrets_come_from_the_environment_then_no_key_file_is_made(machine: Machine) -> None:
    run = machine.manage("quickstart", SECRET_KEY="s" * 60, GATEWAY_ENCRYPTION_KEYS="A" * 43 + "=")
    assert run.returncode == 0, run.stderr
    assert not list(machine.data_dir.glob("*.key"))


def test_quickstart_when_its_curl_is_pasted_then_the_demo_model_answers(machine: Machine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    printed = machine.manage("quickstart", PORT=port).stdout
    machine.serving(machine.serve(PORT=port))
    command = shlex.split(printed[printed.index("curl http") :].replace("\\\n", " "))
    answer = subprocess.run([*command, "-s", "--noproxy", "*"], capture_output=True, text=True, timeout=20, check=True).stdout
    assert json.loads(answer)["model"] == "demo"
    assert json.loads(answer)["choices"][0]["message"]["content"]


def test_demo_when_asked_for_responses_then_every_call_of_theirs_is_answered_offline(machine: Machine) -> None:
    (key,) = set(KEY.findall(machine.manage("quickstart").stdout))
    base = machine.serving(machine.serve(PORT="0"))
    with httpx.Client(base_url=f"{base}/v1", headers={"authorization": f"Bearer {key}"}, trust_env=False) as client:
        first = client.post("/responses", json={"model": "demo", "input": "Hello!"}).json()
        more = {"model": "demo-fallback", "input": "Bye!", "previous_response_id": first["id"]}
        assert first["output"][0]["content"][0]["text"] == "You said: Hello!"
        assert client.post("/responses", json=more).json()["status"] == "completed"
        counted = client.post("/responses/input_tokens", json=more)
        assert (counted.headers["x-gateway-estimated"], counted.json()["object"]) == ("1", "response.input_tokens")
        window = client.post("/responses/compact", json=more).json()["output"]
        assert [item["type"] for item in window] == ["message", "message", "compaction"]
        assert client.post("/responses", json={"model": "demo", "input": window}).status_code == 200
