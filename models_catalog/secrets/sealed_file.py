"""How do processes of one server hand a text with secrets to each other? In an encrypted file that only their user can read."""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path
from typing import NamedTuple

from models_catalog.secrets import encryption
from providers.types import Secret

PLAIN, SEALED = "plain", "sealed"


class CannotSeal(Exception):
    """The encryption keys cannot be used."""


class Sealed(NamedTuple):
    """What is in the file: its version, and the text."""

    version: int
    text: Secret


class SealedFile:
    """One file, replaced as a whole. Where there is no encryption key there are no stored secrets either: then it is plain."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._aad = f"sealed|{path.parent.name}|{path.name}|v1".encode()

    def changed(self) -> tuple[int, int]:
        """Another value after each write; (0, 0) while there is no file."""
        try:
            status = self._path.stat()
        except OSError:
            return 0, 0
        return status.st_mtime_ns, status.st_ino

    def write(self, version: int, text: Secret) -> None:
        """Unless there is a newer one. Raises `OSError` or `CannotSeal`."""
        with (self._path.parent / f".{self._path.name}.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self._version() > version:
                return
            kind, content = self._packed(text)
            descriptor, name = tempfile.mkstemp(prefix=f".{self._path.name}.", dir=self._path.parent)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(f"{version} {kind}\n{content}")
            Path(name).replace(self._path)

    def read(self) -> Sealed | None:
        """None while there is no file. Raises `OSError`, `CannotSeal` or `ValueError`."""
        try:
            head, _, content = self._path.read_text(encoding="utf-8").partition("\n")
        except FileNotFoundError:
            return None
        version, kind = head.split(" ")
        return Sealed(int(version), self._opened(content) if kind == SEALED else Secret(content))

    def _packed(self, text: Secret) -> tuple[str, str]:
        try:
            return SEALED, encryption.key_ring().encrypt(text, self._aad)
        except encryption.NoKeyRing:
            return PLAIN, text.reveal()
        except encryption.EncryptionError as error:
            raise CannotSeal(str(error)) from error

    def _opened(self, content: str) -> Secret:
        try:
            return encryption.key_ring().decrypt(content, self._aad)
        except encryption.EncryptionError as error:
            raise CannotSeal(str(error)) from error

    def _version(self) -> int:
        try:
            with self._path.open(encoding="utf-8") as file:
                return int(file.readline().split(" ")[0])
        except (OSError, ValueError):
            return -1
