"""What do the tests of configuration files share? A key ring, and commands run as an operator runs them."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import Settings

from models_catalog.secrets import encryption

DATA = Path(__file__).parents[2] / "data" / "config"


@dataclass(frozen=True)
class Output:
    """What a command printed."""

    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


Manage = Callable[..., Output]
Write = Callable[..., str]


@pytest.fixture(autouse=True)
def key_ring(settings: Settings) -> None:
    settings.GATEWAY_ENCRYPTION_KEYS = [encryption.new_key()]


@pytest.fixture
def manage(db: None) -> Manage:
    """Runs a management command; its errors are raised."""

    def run(*arguments: str) -> Output:
        out, err = io.StringIO(), io.StringIO()
        call_command(*arguments, stdout=out, stderr=err)
        return Output(out.getvalue(), err.getvalue())

    return run


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file and gives its path."""

    def make(text: str, name: str = "config.toml") -> str:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    return make
