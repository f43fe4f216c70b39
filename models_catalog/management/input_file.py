"""Where does a command read from? A file, or standard input."""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import BinaryIO

from django.core.management.base import CommandError

STDIN = "-"


def opened(name: str) -> AbstractContextManager[BinaryIO]:
    """The file of that name, or standard input. Raises `CommandError`."""
    if name == STDIN:
        return nullcontext(sys.stdin.buffer)
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}") from None


def positive(text: str) -> int:
    """A whole number of at least 1, for an option."""
    if not text.isdecimal() or not int(text):
        raise ArgumentTypeError("must be a whole number of at least 1")
    return int(text)
