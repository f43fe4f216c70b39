"""How does the command behave towards a shell: input, progress, exit codes?"""

from __future__ import annotations

import errno
import fcntl
import io
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from models_catalog.models import Provider
from models_catalog.secrets.encryption import new_key
from tests.integration.key_import.samples import (
    KEYS,
    OPENAI_KEY,
    Importer,
    csv_text,
    encrypted_pem,
    env_text,
    oaep,
    rsa_key,
    stored,
)

NONE: Mapping[str, str] = {}
LONG = "provider,type,api_key\n" + "".join(f"p{number},openai,sk-{number:030}\n" for number in range(300))


@pytest.mark.parametrize("text", [csv_text(KEYS), env_text(KEYS)])
def test_stdin_when_dash_then_read(text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    call_command("import_provider_keys", "-")
    assert stored() == KEYS
    assert "2 created" in capsys.readouterr().out


@pytest.mark.parametrize(("name", "fault"), [("missing.csv", "No such file"), ("", "Is a directory")])
def test_file_when_unreadable_then_said(name: str, fault: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=fault):
        call_command("import_provider_keys", str(tmp_path / name))


class Breaking(io.RawIOBase):
    """A file that gives one line and then an error of the disk."""

    def __init__(self, first: bytes) -> None:
        self._parts = [first]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        if not self._parts:
            raise OSError(errno.EIO, "Input/output error")
        part = self._parts.pop()
        buffer[: len(part)] = part
        return len(part)


def test_stdin_when_it_breaks_off_then_said_and_nothing_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(Breaking(csv_text(KEYS).encode()))))
    with pytest.raises(CommandError, match="cannot be read to its end: Input/output error"):
        call_command("import_provider_keys", "-")
    assert stored() == {}


def test_progress_when_not_a_terminal_then_silent(imported: Importer, capfd: pytest.CaptureFixture[str]) -> None:
    imported(LONG)
    assert Provider.objects.count() == 300
    assert capfd.readouterr().err == ""


def test_progress_when_asked_for_then_shown_even_for_a_short_file(imported: Importer, capfd: pytest.CaptureFixture[str]) -> None:
    imported(csv_text(KEYS), progress=True)
    shown = capfd.readouterr().err
    assert all(phase in shown for phase in ("Reading: 2 keys", "Comparing: 100%", "Credentials: 100%", "Providers: 100%"))


class Shell:
    """Runs the command as its users do, with a database and settings of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.env = {
            "PATH": os.environ["PATH"],
            "GATEWAY_DATA_DIR": str(directory),
            "GATEWAY_ENCRYPTION_KEYS": new_key(),
            "DJANGO_SETTINGS_MODULE": "gateway_project.settings",
        }
        self.run("migrate", "-v0").check_returncode()

    def run(
        self, *arguments: str, text: str = "", stderr: int = subprocess.PIPE, env: Mapping[str, str] = NONE
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            input=text,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env={**self.env, **env},
            encoding="utf-8",
            timeout=60,
            check=False,
        )


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_shell_when_keys_are_piped_then_exit_codes_and_streams_tell(shell: Shell) -> None:
    good = shell.run("import_provider_keys", "-", text=csv_text({"openai": OPENAI_KEY}))
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout.splitlines()[0].split() == ["row", "2", "created", "openai", f"…{OPENAI_KEY[-4:]}"]
    bad = shell.run("import_provider_keys", "-", text=csv_text(KEYS) + "xai,\n")
    assert (bad.returncode, bad.stdout) == (1, "")
    assert "row 4: the key is empty" in bad.stderr
    again = shell.run("import_provider_keys", "-", text=csv_text(KEYS))
    assert again.stdout.splitlines()[-1] == "1 created, 0 updated, 1 unchanged, 0 skipped"


@pytest.mark.parametrize("prefix", ["GATEWAY", "TENSORZERO"])
def test_shell_when_private_key_is_in_the_environment_then_found(prefix: str, shell: Shell) -> None:
    text = csv_text({"openai": oaep(OPENAI_KEY, rsa_key()).hex()})
    pem = encrypted_pem(rsa_key()).decode()
    path = shell.directory / "key.pem"
    path.write_text(pem)
    password = {f"{prefix}_RSA_PRIVATE_KEY_PASSWORD": "a pass phrase"}
    inline = shell.run("import_provider_keys", "-", "--encrypted", text=text, env={f"{prefix}_RSA_PRIVATE_KEY": pem, **password})
    assert (inline.returncode, inline.stderr) == (0, "")
    by_path = {f"{prefix}_RSA_PRIVATE_KEY_PATH": str(path), **password}
    file = shell.run("import_provider_keys", "-", "--encrypted", text=text, env=by_path)
    assert file.stdout.splitlines()[-1] == "0 created, 0 updated, 1 unchanged, 0 skipped"


@pytest.mark.parametrize(("text", "shown"), [(LONG, True), (csv_text(KEYS), False)])
def test_shell_when_stderr_is_a_terminal_then_only_long_files_show_progress(text: str, shown: bool, shell: Shell) -> None:
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    try:
        done = shell.run("import_provider_keys", "-", text=text, stderr=inner)
        os.write(inner, b"end")
        told = b""
        while not told.endswith(b"end"):
            told += os.read(outer, 65536)
    finally:
        os.close(inner)
        os.close(outer)
    assert done.returncode == 0
    assert (b"keys/s" in told) is shown


@pytest.mark.parametrize("arguments", [["--max-rows", "0"], ["--max-rows", "x"], ["--format", "xml"], []])
def test_shell_when_arguments_are_wrong_then_usage(arguments: list[str], shell: Shell) -> None:
    done = shell.run("import_provider_keys", *(["-", *arguments] if arguments else []))
    assert done.returncode == 2
    assert "usage" in done.stderr
