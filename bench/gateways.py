"""What is measured? A running gateway, ours or another one, in a folder of its own, and how to send it a request."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.processes import GATEWAY_CPU, ROOT, pause, resume, start, stop

CHAT = "/v1/chat/completions"
PASSWORD = "bench-Only-0123456789"
MODELS = {
    "instant": "instant",
    "stream": "chunks-20-every-5",
    "burst": "chunks-200",
    "patient": "chunks-100-every-100",
    "slow": "delay-2000",
    "endless": "chunks-400-every-5",
    "failing": "status-503",
}
"""Public name → name at the mock upstream, whose words say what it does."""
TEXT = (
    "A gateway takes a request, finds out who asks and for which model, and hands it to a provider that has it: “naïve”, fast. "
)


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go, with what headers."""

    name: str
    port: int
    headers: tuple[str, ...] = ()
    pid: int = 0
    plain_names: bool = False
    """Whether it takes the upstream's own model names."""

    def model(self, name: str) -> str:
        """What a model of `MODELS` is called here."""
        return MODELS[name] if self.plain_names else name

    def arguments(self, body: Path, path: str = CHAT) -> list[str]:
        """As the load generator wants it."""
        headers = [part for header in self.headers for part in ("--header", header)]
        return ["--target", self.name, str(self.port), path, str(body), *headers]

    def pause(self) -> None:
        pause(self.pid)

    def resume(self) -> None:
        resume(self.pid)


def body_file(folder: Path, model: str, *, stream: bool = False, size: int = 1000) -> Path:
    """A chat request of about `size` bytes; "########" in it becomes the number of the request."""
    path = folder / f"{model}-{stream}-{size}.json".replace("#", "n")
    body = {"model": model, "messages": [{"role": "system", "content": "Answer briefly."}], "temperature": 0.2, "max_tokens": 200}
    body |= {"user": "id-########" if "#" not in model else "bench"} | ({"stream": True} if stream else {})
    while len(json.dumps(body, ensure_ascii=False).encode()) < size - 100:
        messages = body["messages"]
        assert isinstance(messages, list)
        messages.append({"role": ("user", "assistant")[len(messages) % 2 == 0], "content": TEXT})
    path.write_text(json.dumps(body, ensure_ascii=False))
    return path


class Installation:
    """Our gateway's data directory: made by its own commands, to be served as often as wanted."""

    def __init__(self, folder: Path, catalog: str, **variables: str) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "VIRTUAL_ENV") if name in os.environ}
        own = {"GATEWAY_DATA_DIR": str(folder), "GATEWAY_ADMIN_PASSWORD": PASSWORD, "LOG_LEVEL": "warning"}
        self.env = {**kept, **own, "PYTHONUNBUFFERED": "1", **variables}
        self.command("quickstart")
        self.import_config(catalog)
        self.key: str = json.loads(self.command("create_api_key", "bench", "--json"))["key"]

    def command(self, *arguments: str, text: str = "") -> str:
        """A management command; what it wrote. Ends the run when it fails."""
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.env, input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"manage.py {' '.join(arguments)} failed:\n{done.stderr}")
        return done.stdout

    def import_config(self, catalog: str) -> None:
        self.command("import_config", "-", "--format", "gateway", text=catalog)

    @contextmanager
    def serve(self, *options: str, name: str = "ours", cpu: int | None = GATEWAY_CPU) -> Iterator[Target]:
        """The server with one worker, once it is ready."""
        log = self.folder / f"{name}.log"
        log.write_text("")
        command = [sys.executable, "manage.py", "serve", "--host", "127.0.0.1", "--port", "0", "--workers", "1", *options]
        process = start(command, cpu, log=log, env=self.env)
        try:
            port = _announced(process, log)
            wait_for(port, "/readyz", process, log)
            yield Target(name, port, (f"authorization: Bearer {self.key}",), process.pid)
        finally:
            stop(process)


def _announced(process: subprocess.Popen[str], log: Path) -> int:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(r"serves on http://[^:]+:(\d+)", log.read_text()):
            return int(found[1])
        time.sleep(0.05)
    sys.exit(f"the gateway did not start:\n{log.read_text()[-3000:]}")


def wait_for(port: int, path: str, process: subprocess.Popen[str], log: Path, seconds: float = 120) -> None:
    """Returns when something answers there with success. Ends the run when the process dies or takes too long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(f"{process.args!r} is not ready:\n{log.read_text(errors='replace')[-2000:]}")


def catalog(port: int, models: Mapping[str, str] | None = None) -> str:
    """Models of the mock upstream, in the gateway's own format."""
    provider = f'[providers.mock]\ntype = "openai_compatible"\napi_base = "http://127.0.0.1:{port}/v1"\n'
    return provider + "".join(
        model_block(name, [("mock", upstream)]) for name, upstream in (MODELS if models is None else models).items()
    )


def model_block(name: str, routes: list[tuple[str, str]], extra: str = "") -> str:
    """A model with routes: provider and upstream model each."""
    names = json.dumps([f"r{place}" for place in range(len(routes))])
    blocks = [
        f'[models."{name}".providers.r{place}]\nprovider = "{provider}"\nmodel_name = "{upstream}"\n'
        for place, (provider, upstream) in enumerate(routes)
    ]
    return f'\n[models."{name}"]\nrouting = {names}\n{extra}' + "".join(blocks)


NGINX = """
worker_processes 1; daemon off; pid nginx.pid; error_log stderr error;
events {{ worker_connections 8192; }}
http {{
  access_log off; client_body_temp_path t; proxy_temp_path t; fastcgi_temp_path t; uwsgi_temp_path t; scgi_temp_path t;
  client_body_buffer_size 1m; proxy_buffering off; keepalive_requests 1000000000;
  upstream mock {{ server 127.0.0.1:{upstream}; keepalive 1024; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://mock; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Peer:
    """Another gateway: its command line, and where it shows that it is ready. `$PORT` and `$FOLDER` are replaced."""

    name: str
    command: str
    ready: str
    headers: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    plain_names: bool = False


def nginx(binary: str, upstream: int, port: int) -> Peer:
    """A plain reverse proxy: about the least that anything in between can cost."""
    files = (("nginx.conf", NGINX.format(upstream=upstream, port=port)),)
    return Peer("nginx", f"{binary} -p $FOLDER -c nginx.conf", "/state", files=files, plain_names=True)


def litellm(venv: Path, upstream: int, port: int) -> Peer:
    """LiteLLM's proxy with the same models, one worker."""
    entry = '- {{model_name: {0}, litellm_params: {{model: openai/{1}, api_base: "http://127.0.0.1:{2}/v1", api_key: x}}}}'
    models = "\n".join("  " + entry.format(name, real, upstream) for name, real in MODELS.items())
    config = f"model_list:\n{models}\nlitellm_settings: {{telemetry: false}}\ngeneral_settings: {{master_key: sk-bench}}\n"
    command = f"{venv}/bin/litellm --config $FOLDER/litellm.yaml --host 127.0.0.1 --port {port} --num_workers 1"
    quiet = (("LITELLM_LOG", "ERROR"), ("LITELLM_MODE", "PRODUCTION"), ("LITELLM_LOCAL_MODEL_COST_MAP", "True"))
    path = ("PATH", f"{venv}/bin:{os.environ['PATH']}")
    headers = ("authorization: Bearer sk-bench",)
    return Peer("litellm", command, "/health/liveliness", headers, (("litellm.yaml", config),), (*quiet, path))


def portkey(binary: Path, upstream: int, port: int) -> Peer:
    """Portkey's gateway, which is told the provider by headers."""
    headers = ("x-portkey-provider: openai", f"x-portkey-custom-host: http://127.0.0.1:{upstream}/v1", "authorization: Bearer x")
    variables = (("NODE_ENV", "production"), ("TRUSTED_CUSTOM_HOSTS", "127.0.0.1"))
    return Peer("portkey", f"{binary} --port={port} --headless", "/", headers, (), variables, True)


@contextmanager
def serve_peer(peer: Peer, folder: Path, port: int) -> Iterator[Target]:
    """A peer, once it is ready."""
    folder.mkdir()
    for name, text in peer.files:
        (folder / name).write_text(text)
    command = shlex.split(peer.command.replace("$FOLDER", str(folder)))
    log = folder / "log"
    process = start(command, GATEWAY_CPU, log=log, env={**os.environ, **dict(peer.variables)})
    try:
        wait_for(port, peer.ready, process, log)
        time.sleep(1)
        yield Target(peer.name, port, peer.headers, process.pid, peer.plain_names)
    finally:
        stop(process)
