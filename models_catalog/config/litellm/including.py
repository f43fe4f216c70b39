"""Which file does an `include` mean? One in the folder of the first file or below it, and no other."""

from __future__ import annotations

from pathlib import Path

MOST_BYTES = 16 * 1024 * 1024


class CannotInclude(Exception):
    """The text says why, and holds nothing of the file."""


def included(name: str, by: Path | None, top: Path | None) -> Path:
    """The file that the file `by` names; `top` is the one that was given to be read. Raises `CannotInclude`."""
    if by is None or top is None:
        raise CannotInclude("standard input has no folder; use a file")
    try:
        path = (by.parent / name).resolve()
    except (OSError, ValueError, RuntimeError):
        raise CannotInclude("not a valid file name") from None
    if not path.is_relative_to(top.parent):
        raise CannotInclude(f"only files in the folder of {top.name} and below it are included")
    return path


def text_of(path: Path) -> str:
    """The text of an included file. Raises `CannotInclude`."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise CannotInclude(f"it cannot be read: {error.strerror}") from None
    if len(content) > MOST_BYTES:
        raise CannotInclude(f"it is larger than {MOST_BYTES // 1024 // 1024} MiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CannotInclude("it is not UTF-8 text") from None
