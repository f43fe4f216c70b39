"""How does a test run the real gateway? As `manage.py serve` in its own process, with its own data and a chaos upstream.

`LiveGateway` is one running gateway; `tests/live_fixtures.py` gives the fixtures. A public model `chaos/X` of `define`
is served by the upstream's behaviour X, so that what a test asks for is also what goes wrong.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import httpx

from openai_api.routes import ROUTES
from tests.fakes.chaos.process import Chaos, eventually
from tests.invariants import Held, check_files
from tests.live_operator import ROOT, Operator

START_WITHIN = 60.0
STOP_WITHIN = 10.0
VISIBLE_WITHIN = 5.0
ROWS_WITHIN = 6.0
LOGGED_WITHIN = 10.0
PROVIDER_KEY = "sk-upstream-canary-2f9c1b7e40d8"
"""The key that the gateway sends upstream; it must be seen nowhere else."""
SERVES_ON = re.compile(r"serves on (http://\S+)")
ENCRYPTION_KEY = base64.b64encode(b"the integration tests' own key..").decode()
ROUTE = Mapping[str, Any]
INFERENCE = frozenset(route.path for route in ROUTES if route.method == "POST")


def environment(data_dir: Path, **variables: str) -> dict[str, str]:
    """A clean environment: nothing of the one that the tests were started in but what a process needs to run."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "SYSTEMROOT", "VIRTUAL_ENV") if name in os.environ}
    return {
        **kept,
        "DJANGO_SETTINGS_MODULE": "gateway_project.settings",
        "GATEWAY_ACCESS_LOG": "on",
        "GATEWAY_DATA_DIR": str(data_dir),
        "GATEWAY_ENCRYPTION_KEYS": ENCRYPTION_KEY,
        "GATEWAY_GUESSES_PER_MINUTE": "0",  # all tests come from one address, and try more bad keys than anybody
        "LOG_FORMAT": "json",
        "LOG_LEVEL": "debug",
        **variables,
    }


def make_template(directory: Path) -> Path:
    """A data directory with a migrated SQLite database, to be copied for each gateway."""
    directory.mkdir()
    migrate(environment(directory))
    return directory


def migrate(env: Mapping[str, str]) -> None:
    """Brings the database of that environment up to date."""
    subprocess.run([sys.executable, "manage.py", "migrate", "-v", "0"], cwd=ROOT, env=env, check=True, timeout=120)


class LiveGateway:
    """A gateway that serves until the `with` block ends. `key` is a client key that may use every model."""

    KEY_VARIABLE = "CHAOS_UPSTREAM_KEY"
    """The environment variable in which the gateway finds `PROVIDER_KEY`."""
    base_url: str
    key: str

    def __init__(self, data_dir: Path, chaos: Chaos, *, workers: int = 1, template: Path | None = None, **variables: str) -> None:
        if template is not None:
            shutil.copytree(template, data_dir)
        self.chaos = chaos
        self._dead = socket.socket()
        self._dead.bind(("127.0.0.1", 0))
        self.log_path = data_dir / "serve.log"
        self.env = environment(data_dir, **{self.KEY_VARIABLE: PROVIDER_KEY, **variables})
        self._workers = workers
        self._checked = 0
        self._answered: Counter[str] = Counter()

    def __enter__(self) -> Self:
        self.operator = Operator(self.env)
        try:
            self._launch()
            self.key = self.create_key("tests")["key"]
            self._wait_ready()
            self.wait_visible()
        except BaseException:
            self.operator.close()
            self._dead.close()
            self.process.kill()
            self.process.wait()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self.operator.close()
        finally:
            self._dead.close()
            code = self.stop()
        if error is None:
            assert code == 0, self.log_text()[-4000:]
            self.check()

    def restart(self, **variables: str) -> None:
        """Ends the server and starts it again on the same data, with other environment variables."""
        assert self.stop() == 0, self.log_text()[-4000:]
        self.start(**variables)
        self._wait_ready()

    def start(self, **variables: str) -> None:
        """Starts the server again after it was stopped; returns when it has an address, which it may not serve yet."""
        self.env.update(variables)
        self._launch()
        assert eventually(self._announced, START_WITHIN, 0.02), self.log_text()

    def stop(self) -> int:
        """Ends the server as an operator does; its exit code."""
        self.http.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired as error:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the server did not end in {STOP_WITHIN} s\n{self.log_text()[-4000:]}") from error

    def _launch(self) -> None:
        command = [sys.executable, "manage.py", "serve", "--host", "127.0.0.1", "--port", "0", "--workers", str(self._workers)]
        self._log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=self.env, stdout=log, stderr=subprocess.STDOUT)

    @property
    def dead_url(self) -> str:
        """An OpenAI address that refuses every connection."""
        return f"http://127.0.0.1:{self._dead.getsockname()[1]}/v1"

    # Requests

    def headers(self, key: str | None = None) -> dict[str, str]:
        return {"authorization": f"Bearer {key or self.key}"}

    def chat(self, model: str, **fields: Any) -> httpx.Response:
        """A chat completion, or with `stream=True` its whole stream at once."""
        return self.http.post("/v1/chat/completions", json=body(model, **fields))

    def chaos_answer(self, behaviour: str, **fields: Any) -> httpx.Response:
        """What the upstream itself says, without the gateway."""
        return httpx.post(f"{self.chaos.base_url}/chat/completions", json=body(behaviour, **fields), trust_env=False, timeout=5)

    # The catalog

    def create_key(self, name: str, *arguments: str) -> dict[str, Any]:
        """A new client key: `id`, `name`, `key`."""
        made: dict[str, Any] = json.loads(self.operator.command("create_api_key", name, "--json", *arguments))
        return made

    def define(self, *behaviours: str, **fields: Any) -> None:
        """One public model `chaos/X` for each behaviour X, with no retries unless `fields` say so."""
        self.define_models({f"chaos/{name}": [{"upstream_model": name}] for name in behaviours}, **fields)

    def define_models(
        self, models: Mapping[str, Sequence[ROUTE]], *, fallbacks: Mapping[str, Sequence[str]] | None = None, **fields: Any
    ) -> None:
        """Public models with their routes (`provider` is "chaos", "dead" or "keyless"); returns when they are served."""
        rows = [
            {
                "name": name,
                "num_retries": 0,
                "routes": [{"provider": "chaos", **route} for route in routes],
                "fallbacks": (fallbacks or {}).get(name, ()),
                **fields,
            }
            for name, routes in models.items()
        ]
        self.operator.define(self._providers(), rows)
        self._wait_served(*models)

    def define_at(
        self, kind: str, base: str, models: Mapping[str, tuple[str, Sequence[str]]], *, name: str = "", **provider: Any
    ) -> None:
        """Public models of a provider of that type at `base`: each with its upstream model and its capabilities."""
        name = name or kind
        row = {"name": name, "type": kind, "api_base": base, "api_key": PROVIDER_KEY, **provider}
        rows = [
            {
                "name": public,
                "num_retries": 0,
                "capabilities": list(able),
                "routes": [{"provider": name, "upstream_model": model}],
            }
            for public, (model, able) in models.items()
        ]
        self.operator.define([row], rows)
        self._wait_served(*models)

    def wait_visible(self, *models: str, key: str | None = None) -> None:
        """Waits until these models are listed in every worker, as far as repeated asking can tell."""
        wanted = set(models)
        served = eventually(lambda: self._listed_by_all(wanted, key), VISIBLE_WITHIN, 0.05)
        assert served, f"{models} are not served; the log ends with\n{self.log_text()[-4000:]}"

    def _wait_served(self, *models: str) -> None:
        """Waits until the catalog as it is now is served: models of these names may have been there before."""
        (row,) = self.operator.rows("CatalogVersion", {})
        self.wait_version(row["version"])
        self.wait_visible(*models)

    def wait_version(self, version: int) -> None:
        """Waits until every worker, as far as repeated asking can tell, serves that version of the catalog."""
        assert eventually(lambda: self._served_by_all(version), VISIBLE_WITHIN, 0.05), self.log_text()[-4000:]

    def listed(self, key: str | None = None) -> set[str] | None:
        """The names of the models that a key sees, None for a key that is refused. A new connection, so any worker may answer."""
        answer = httpx.get(f"{self.base_url}/v1/models", headers=self.headers(key), trust_env=False, timeout=5)
        return {card["id"] for card in answer.json()["data"]} if answer.status_code == 200 else None

    def _listed_by_all(self, wanted: set[str], key: str | None) -> bool:
        seen = (self.listed(key) for _ in range(self._probes))
        return all(found is not None and wanted <= found for found in seen)

    def _served_by_all(self, version: int) -> bool:
        answers = (httpx.get(f"{self.base_url}/status", trust_env=False, timeout=5) for _ in range(self._probes))
        return all(answer.status_code == 200 and answer.json()["catalog_version"] >= version for answer in answers)

    @property
    def _probes(self) -> int:
        """How many connections reach every worker, most likely."""
        return 1 if self._workers == 1 else 8 * self._workers

    def _providers(self) -> list[dict[str, Any]]:
        common = {"type": "openai_compatible", "api_base": self.chaos.base_url}
        return [
            {"name": "chaos", **common, "api_key": PROVIDER_KEY},
            {"name": "keyless", **common},
            {"name": "dead", "type": "openai_compatible", "api_base": self.dead_url, "api_key": PROVIDER_KEY},
        ]

    # The process

    def log_text(self, start: int = 0) -> str:
        """What the server wrote, from a byte on."""
        return self.log_path.read_bytes()[start:].decode(errors="replace")

    def settled_log(self, start: int = 0) -> str:
        """What the server wrote, from a byte on, with all that it had to tell until now: threads write its lines and those
        about requests, which may be after the answers. They come in order, so what is told of these requests is the last."""
        marks = [f"settled-{uuid4().hex}" for _ in range(2 * self._probes)]
        for refused, asked in zip(marks[::2], marks[1::2], strict=True):
            for path, headers in (("/admin/login/", {"host": refused}), ("/v1/models", {"x-request-id": asked})):
                httpx.get(f"{self.base_url}{path}", headers={**self.headers(), **headers}, trust_env=False, timeout=5)
        for mark in marks:
            self.wait_logged(mark, start)
        return self.log_text(start)

    def wait_logged(self, text: str, start: int = 0) -> None:
        """Waits until the server wrote that text, from a byte on: it may tell of something after it has been seen."""
        told = eventually(lambda: text in self.log_text(start), LOGGED_WITHIN)
        assert told, f"{text!r} is not told; the log ends with\n{self.log_text(start)[-4000:]}"

    def check(self, expected: str = "") -> None:
        """What must hold after every test: the upstream is idle, nothing is left under way, no secret was written, and no error
        but the `expected` one, which must have been told."""
        assert self.chaos.wait_idle(), f"upstream requests are still open: {self.chaos.log()[-3:]}"
        if expected:
            self.wait_logged(expected, self._checked)
        size = self.log_path.stat().st_size
        fresh, self._checked = self.log_text(self._checked), size
        assert "Traceback" not in fresh, fresh[-4000:]
        assert not (
            failures := [line for line in fresh.splitlines() if _is_error(line) and (not expected or expected not in line)]
        ), failures
        secrets = (PROVIDER_KEY, ENCRYPTION_KEY, self.key)
        assert not any(secret in fresh for secret in secrets), "a secret is in the log"
        check_files(self.log_path.parent, secrets)
        if self.process.poll() is None:
            self._held.check(secrets)

    def expect_errors(self) -> None:
        """What the log has told until now was looked at by the test itself, which had asked for it."""
        self.settled_log()
        self._checked = self.log_path.stat().st_size

    def check_rows(self) -> None:
        """Every answer that `http` has got with a known key, of whatever status, is one row, and exactly one."""
        answered, self._answered = self._answered, Counter()
        eventually(lambda: self._rows_of(answered) >= answered, ROWS_WITHIN, 0.1)
        found = self._rows_of(answered)
        assert found == answered, {"missing": answered - found, "too many": found - answered}

    def _rows_of(self, ids: Mapping[str, int]) -> Counter[str]:
        rows = self.operator.rows("openai_api.UsageRecord", {"request_id__in": list(ids)})
        return Counter(row["request_id"] for row in rows)

    def _note(self, answer: httpx.Response) -> None:
        known = answer.status_code != httpx.codes.UNAUTHORIZED  # nobody's requests leave no row
        if known and answer.url.path in INFERENCE and answer.request.method == "POST":
            self._answered[answer.headers["x-request-id"]] += 1

    def _wait_ready(self) -> None:
        assert eventually(self._announced, START_WITHIN, 0.02), self.log_text()
        assert eventually(self._ready, START_WITHIN, 0.02), self.log_text()
        self._held = Held(self.base_url, self.process.pid)
        hooks = {"response": [self._note]}
        self.http = httpx.Client(base_url=self.base_url, headers=self.headers(), trust_env=False, timeout=15, event_hooks=hooks)

    def _announced(self) -> bool:
        assert self.process.poll() is None, self.log_text()
        found = SERVES_ON.search(self.log_text(self._log_start))
        if found:
            self.base_url = found[1]
        return found is not None

    def _ready(self) -> bool:
        assert self.process.poll() is None, self.log_text()
        try:
            return httpx.get(f"{self.base_url}/readyz", trust_env=False, timeout=2).status_code == 200
        except httpx.HTTPError:
            return False


def body(model: str, **fields: Any) -> dict[str, Any]:
    """A small chat completion request."""
    return {"model": model, "messages": [{"role": "user", "content": "hi"}], **fields}


def events(response: httpx.Response) -> list[Any]:
    """The data of an event stream, read as the specification says: objects, and "[DONE]"."""
    blocks = re.split(r"\n{2,}", re.sub(r"\r\n|\r", "\n", response.text.removeprefix("\ufeff")))
    lines = [[line[5:].removeprefix(" ") for line in block.split("\n") if line.startswith("data:")] for block in blocks]
    data = ["\n".join(of_block) for of_block in lines if of_block]
    return [text if text == "[DONE]" else json.loads(text) for text in data]


def words(response: httpx.Response) -> str:
    """The text that a stream of chat completion chunks adds up to."""
    chunks = [event for event in events(response) if isinstance(event, dict)]
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk.get("choices", []))


def error_of(response: httpx.Response, *more: str) -> dict[str, Any]:
    """The error object of a failed answer, which must be OpenAI's and, but for `more` fields of an upstream's, nothing else."""
    assert response.status_code >= 400, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-request-id"]
    return error_in(response.json(), *more)


def error_in(value: Any, *more: str) -> dict[str, Any]:
    """The error of `{"error": {...}}`, which must have OpenAI's four members, those of `more`, and no others."""
    assert list(value) == ["error"]
    error: dict[str, Any] = value["error"]
    assert set(error) == {"message", "type", "param", "code", *more}
    assert error["message"]
    assert error["type"]
    return error


def _is_error(line: str) -> bool:
    try:
        return json.loads(line).get("level") in ("error", "critical")
    except (ValueError, AttributeError):
        return False
