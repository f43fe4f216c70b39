"""How does the proxy log? As the gateway does, at the level, in the form and into the file that its configuration says."""

from __future__ import annotations

import os
from logging.handlers import RotatingFileHandler
from typing import Any

from gateway_project.logs import logging_config
from gateway_project.proxy.config import Logging
from gateway_project.proxy.yaml_file import BadFile

STYLES = {"text": "console", "json": "json"}


class PrivateFileHandler(RotatingFileHandler):
    """A log that only its owner may read."""

    def _open(self) -> Any:
        return open(self.baseFilename, self.mode, encoding="utf-8", opener=_private)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def logging_of(wanted: Logging) -> dict[str, Any]:
    """The dictionary for `logging.config`. Raises `BadFile` if the file cannot be written."""
    config = logging_config(wanted.level, STYLES[wanted.format])
    if not wanted.file:
        return config
    try:
        os.close(_private(wanted.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND))
    except OSError as error:
        raise BadFile(f"'logging.file': {error.strerror}") from None
    config["handlers"]["file"] = {
        "()": PrivateFileHandler,
        "filename": wanted.file,
        "maxBytes": wanted.max_bytes(),
        "backupCount": wanted.backup_count,
        "formatter": "line",
        "filters": ["deliberate"],
    }
    config["root"]["handlers"] = [*config["root"]["handlers"], "file"]
    return config
