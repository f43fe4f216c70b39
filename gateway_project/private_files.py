"""How does a secret get into a file that only its owner can read? Whole or not at all, and never over another one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from django.conf import settings

from gateway_project import env


def create(path: Path, content: str) -> bool:
    """Writes the file with mode 0600 unless it exists; True if it was made. Safe when several processes start at once."""
    if path.exists():
        return False
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    made = Path(name)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(content + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(made, path)
    except FileExistsError:
        return False
    finally:
        made.unlink()
    return True


@contextmanager
def appending(path: Path) -> Iterator[TextIO]:
    """The file, opened for appending with mode 0600 before anything is made that is to be written to it. One that stays empty
    is removed again. Raises `OSError`."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "a") as file:
        os.fchmod(descriptor, 0o600)
        yield file
        file.flush()
        os.fsync(descriptor)
        empty = os.fstat(descriptor).st_size == 0
    if empty:
        path.unlink()


def keep_secret_key() -> bool:
    """Keeps the `SECRET_KEY` of this process for the next ones, unless the environment gives it; True if a file was made."""
    return not env.text("SECRET_KEY") and create(settings.SECRET_KEY_PATH, settings.SECRET_KEY)
