"""Which files may a provider of recordings read? Those below one folder: who may edit providers may not read the whole machine.

A path is looked at as a text when the target is built, and on the disk when it is read: nothing that a link leads to outside of
the folder is opened.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from providers.errors import ConfigurationError
from providers.recordings.reading import NoRecording, files_of

OPTION = "options"
"""The field of a provider that is at fault."""
_allowed: list[Path] = []


def allow(folder: Path) -> None:
    """Recordings lie in this folder, and nowhere else. Told once, when the process starts."""
    _allowed[:] = [folder]


def checked(path: object) -> str:
    """The path below the folder, as a text. Raises `ConfigurationError`."""
    if not isinstance(path, str) or not path.strip() or not path.isprintable():
        raise ConfigurationError(OPTION, "'path' names a file or a folder below GATEWAY_RECORDINGS_DIR")
    parts = PurePosixPath(path).parts
    if ".." in parts or "\\" in path or PurePosixPath(path).is_absolute() or ":" in parts[0]:
        raise ConfigurationError(OPTION, "'path' must stand below GATEWAY_RECORDINGS_DIR: no '..', and not from the root")
    return path


def files(path: str) -> list[Path]:
    """The files that a checked path means. Blocks. Raises `NoRecording`, `OSError`."""
    if not _allowed:
        raise NoRecording("There is no folder for recordings.")
    root = _allowed[0].resolve()
    found = files_of(_within(root, root / path))
    return [_within(root, file) for file in found]


def _within(root: Path, path: Path) -> Path:
    real = path.resolve()
    if not real.is_relative_to(root):
        raise NoRecording("A link leads out of GATEWAY_RECORDINGS_DIR.")
    return real
