"""What does `gateway` (or `manage.py`) run? Django's command line with this project's settings."""

from __future__ import annotations

import contextlib
import os
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line


def main() -> None:
    """Runs the command in `sys.argv`."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_project.settings")
    os.umask(0o077)  # the database and every export hold what only their owner may read
    try:
        data_dir = settings.GATEWAY_DATA_DIR
    except ImproperlyConfigured as error:
        sys.exit(f"A setting is wrong: {error}.")
    with contextlib.suppress(OSError):  # a command that needs the directory says so itself
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    execute_from_command_line(sys.argv)
