"""How does a secret get into a file that only its owner can read? Whole or not at all, and never over another one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

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


def keep_secret_key() -> bool:
    """Keeps the `SECRET_KEY` of this process for the next ones, unless the environment gives it; True if a file was made."""
    return not env.text("SECRET_KEY") and create(settings.SECRET_KEY_PATH, settings.SECRET_KEY)
