"""What happened in each session? A file for each, with its events, credentials replaced."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from openai_api.hooks import SessionEvent
from openai_api.observing import redact, told
from openai_api.observing.files import Disk, append, held, make_folder, write_all

LONGEST_NAME = 80
UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
HEAD_BYTES = 4096
TAIL_BYTES = 128 * 1024
BEGINNING = b'{"events":[\n'
MIDDLE = b'\n],"metadata":'
"""Stands once in a `json` file: line breaks in events are escaped, or are followed by spaces."""
CLIENT = re.compile(rb'"client_id":"([^"\\]*)"')


class EventRecorder:
    """Writes the events of each session to a file of its own."""

    name = "event_recorder"

    class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        output_dir: Annotated[str, Meta(min_length=1, description="the folder of the files; it is made with mode 0700")] = (
            "./event_logs"
        )
        file_format: Annotated[
            Literal["jsonl", "json"], Meta(description="one event a line, or one object with the list `events`")
        ] = "jsonl"
        pretty_print: Annotated[bool, Meta(description="indents the events of `json`")] = False
        include_metadata: Annotated[
            bool, Meta(description="also whose file it is: the first line of `jsonl`, the rest of `metadata` of `json`")
        ] = True

    def __init__(self, options: Options) -> None:
        self._options = options
        self._folder = Path(options.output_dir)
        self._disk = Disk(self.name)

    @property
    def dropped(self) -> int:
        """Events that could not be written."""
        return self._disk.dropped

    def take_events(self, events: Sequence[SessionEvent]) -> None:
        for _, group in groupby(sorted(events, key=_whose), key=_whose):  # sorting keeps the order within a session
            found = list(group)
            self._disk.attempt(len(found), partial(self._write, found))

    def _write(self, events: Sequence[SessionEvent]) -> None:
        make_folder(self._folder)
        add = self._add_lines if self._options.file_format == "jsonl" else self._add_to_list
        path = self._path(events[0])
        if not (add(path, events) or add(apart := self._path(events[0], apart=True), events)):
            raise OSError(errno.EIO, "The file is damaged", str(apart))

    def _path(self, event: SessionEvent, *, apart: bool = False) -> Path:
        """The session's file. `apart`: the usual one is another client's that calls a session alike, or is damaged."""
        name = UNSAFE.sub("_", event.session_id)[:LONGEST_NAME]
        if name != event.session_id or apart:
            whose = f"{event.client_id if apart else ''}\0{event.session_id}"
            name += "-" + sha256(whose.encode("utf-8", "replace")).hexdigest()[:16]
        return self._folder / f"session_{name}.{self._options.file_format}"

    def _add_lines(self, path: Path, events: Sequence[SessionEvent]) -> bool:
        """Whether it is the session's file, to which the events are added then. Raises `OSError`."""
        lines = [_encoded(event.line()) for event in events]
        with held(path) as file:
            head = os.pread(file, HEAD_BYTES, 0)
            if not _is_of(head.partition(b"\n")[0], events[0]):
                return False
            if not head and self._options.include_metadata:
                lines.insert(0, _encoded({"_metadata": self._metadata(events[0])}))
            append(file, b"".join(line + b"\n" for line in lines))
        return True

    def _add_to_list(self, path: Path, events: Sequence[SessionEvent]) -> bool:
        encoded = [self._indented(_encoded(event.line())) for event in events]
        with held(path) as file:
            size = os.fstat(file).st_size
            tail = os.pread(file, TAIL_BYTES, max(size - TAIL_BYTES, 0))
            place = tail.rfind(MIDDLE)
            if size and (place < 0 or not tail.endswith(b"}\n") or not _is_of(tail[place:], events[0])):
                return False
            before = _metadata_in(tail[place:]) if size else self._metadata(events[0])
            if before is None:
                return False
            counted = {"events_count": before.get("events_count", 0) + len(events), "last_updated": told.iso(events[-1].at)}
            metadata = {**before, **counted} if self._options.include_metadata else counted
            beginning = b",\n" if size else BEGINNING
            data = b"".join((beginning, b",\n".join(encoded), MIDDLE, _encoded(metadata), b"}\n"))
            _replace_end(file, tail[place:] if size else b"", data)
        return True

    def _metadata(self, event: SessionEvent) -> dict[str, Any]:
        return {
            "client_id": event.client_id,
            "format": self._options.file_format,
            "session_id": event.session_id,
            "created_at": told.iso(event.at),
            "interceptor": self.name,
        }

    def _indented(self, event: bytes) -> bytes:
        return bytes(msgspec.json.format(event, indent=2)) if self._options.pretty_print else event


def _whose(event: SessionEvent) -> tuple[str, str]:
    return event.client_id, event.session_id


def _encoded(value: dict[str, Any]) -> bytes:
    return redact.strings(msgspec.json.encode(value))


def _is_of(metadata: bytes, event: SessionEvent) -> bool:
    """Whether what tells whose file it is tells nothing else than the event's client."""
    found = CLIENT.search(metadata)
    return found is None or found[1] == event.client_id.encode()


def _metadata_in(end: bytes) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(end.removeprefix(MIDDLE).removesuffix(b"}\n"), type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return found if isinstance(found.get("events_count", 0), int) else None


def _replace_end(file: int, end: bytes, data: bytes) -> None:
    """Puts the data in the place of the file's end. Raises `OSError`, and has put the end back then."""
    start = os.fstat(file).st_size - len(end)
    os.ftruncate(file, start)
    try:
        write_all(file, data)
    except OSError:
        os.ftruncate(file, start)
        with suppress(OSError):
            write_all(file, end)
        raise
