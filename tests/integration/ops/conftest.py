"""How do these tests run commands? As an operator does: each in a process of its own, on a data directory of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.chaos.process import eventually
from tests.live import environment
from tests.live_operator import ROOT


class Machine:
    """A data directory and an environment, on which commands are run."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self._started: list[subprocess.Popen[str]] = []

    def manage(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end."""
        command = [sys.executable, "-W", "error", "manage.py", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self._environment(variables), capture_output=True, text=True, timeout=60, check=False
        )

    def serve(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Starts the server; it is stopped when the test ends."""
        command = [sys.executable, "manage.py", "serve", *arguments]
        with (self.data_dir / "serve.log").open("w") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=self._environment(variables), stdout=log, stderr=log, text=True)
        self._started.append(process)
        return process

    def serving(self, process: subprocess.Popen[str]) -> str:
        """Waits until the server says where it serves; the URL."""
        assert eventually(lambda: "Signalbox serves on" in self.log() or process.poll() is not None, 30)
        assert process.poll() is None, self.log()
        return self.log().partition("Signalbox serves on ")[2].split()[0]

    def log(self) -> str:
        return (self.data_dir / "serve.log").read_text()

    def stop_all(self) -> None:
        """Raises `TimeoutExpired` if one of them does not end when it is asked to; none is left."""
        running = [process for process in self._started if process.poll() is None]
        for process in running:
            process.terminate()
        try:
            for process in running:
                process.wait(15)
        finally:
            for process in running:
                process.kill()
                process.wait()

    def _environment(self, variables: dict[str, str]) -> dict[str, str]:
        return environment(self.data_dir, **{"GATEWAY_ENCRYPTION_KEYS": "", **variables})


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine on which nothing was done yet."""
    made = Machine(tmp_path / "data")
    yield made
    made.stop_all()


@pytest.fixture
def migrated(machine: Machine, data_template: Path) -> Machine:
    """A machine whose database is up to date."""
    shutil.copytree(data_template, machine.data_dir)
    return machine


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Machine, subprocess.CompletedProcess[str]]:
    """A machine after its first `quickstart`, only to be looked at, and what that printed."""
    machine = Machine(tmp_path_factory.mktemp("first") / "data")
    return machine, machine.manage("quickstart")


@pytest.fixture
def prepared(machine: Machine, first_run: tuple[Machine, subprocess.CompletedProcess[str]]) -> Machine:
    """A machine after its first `quickstart`."""
    shutil.copytree(first_run[0].data_dir, machine.data_dir)
    return machine
