"""How does a test run the real proxy? As `manage.py proxy` in its own process, in a folder of its own, without a database."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from tests.fakes.chaos.process import eventually
from tests.live_operator import ROOT

START_WITHIN = 60.0
STOP_WITHIN = 15.0
PASSES_ON = re.compile(r"passes on (http://\S+) to")


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """Nothing of the environment that the tests were started in but what a process needs to run."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "SYSTEMROOT", "VIRTUAL_ENV") if name in os.environ}
    return {**kept, "GATEWAY_DATA_DIR": str(folder / "data"), **variables}


def run(folder: Path, command: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    whole = [sys.executable, str(ROOT / "manage.py"), command, *arguments]
    env = environment(folder, **variables)
    return subprocess.run(whole, cwd=folder, env=env, text=True, capture_output=True, timeout=120, check=False)


class LiveProxy:
    """A proxy that serves until the `with` block ends; it works in `folder`, with the file `config` if there is one."""

    base_url: str

    def __init__(self, folder: Path, *arguments: str, config: str = "", **variables: str) -> None:
        self.folder = folder
        if config:
            (folder / "proxy.yaml").write_text(config)
            arguments = ("--config", "proxy.yaml", *arguments)
        self._arguments = arguments
        self.env = environment(folder, **variables)
        self.log_path = folder / "proxy.log"

    def __enter__(self) -> Self:
        command = [sys.executable, str(ROOT / "manage.py"), "proxy", "--port", "0", *self._arguments]
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, env=self.env, stdout=log, stderr=subprocess.STDOUT)
        try:
            assert eventually(self._serves, START_WITHIN, 0.02), self.log()
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        self.http = httpx.Client(base_url=self.base_url, trust_env=False, timeout=20)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.http.close()
        code = self.stop()
        if error is None:
            assert code == 0, self.log()[-4000:]
            assert not (self.folder / "data").exists(), "a proxy keeps nothing"
            assert not list(self.folder.rglob("*.sqlite3*"))
            assert "Traceback" not in self.log(), self.log()[-4000:]

    def stop(self) -> int:
        """Ends the proxy, after its observers have seen everything; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def _serves(self) -> bool:
        assert self.process.poll() is None, self.log()
        found = PASSES_ON.search(self.log())
        if found is None:
            return False
        self.base_url = found[1]
        try:
            return httpx.get(f"{self.base_url}/health", trust_env=False, timeout=2).status_code == 200
        except httpx.HTTPError:
            return False
