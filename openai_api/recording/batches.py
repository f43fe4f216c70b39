"""What does a worker hand to the recorder? Numbered batches of records, which may come twice; in frames on sockets and disk."""

from __future__ import annotations

import os
import struct

import msgspec

from openai_api.recording.events import Record

BATCH = 200
"""Records in a batch, at most; an id has room for 256."""
MOST_BYTES = 64 * 1024 * 1024
"""The longest frame. A larger length means that the data are not frames."""
LENGTH = struct.Struct(">I")
TOLD = 0x80000000
"""This bit of a length says that the frame holds a transcript for observers, which nobody acknowledges or keeps."""
NUMBER = struct.Struct(">Q")
"""A batch that is kept, as the recorder acknowledges it."""
UNENCODABLE = (UnicodeError, OverflowError)
_encoder = msgspec.msgpack.Encoder()


class Batch(msgspec.Struct, frozen=True):
    """Records of a worker in the order in which their requests ended.

    `run` names the server, `worker` (ten hexadecimal digits) the process in it, whose process id `pid` is; `number` counts
    the worker's batches.
    """

    run: str
    worker: str
    pid: int
    number: int
    records: list[Record]

    def row_id(self, place: int) -> str:
        """The id of a record's row: the same whenever the batch comes. It begins with the time, so that rows are appended to
        their index."""
        started_ms = int(self.records[place].started * 1000)
        return f"{started_ms:012x}{self.worker}{self.number:08x}{place:02x}"


_decoder = msgspec.msgpack.Decoder(Batch)


class Broken(Exception):
    """What came are no frames, or a frame holds no batch."""


def encodable(record: Record) -> bool:
    """Whether the record can be in a frame: no half of a character is in it, and no number of more than 64 bits."""
    try:
        _encoder.encode(record)
    except UNENCODABLE:
        return False
    return True


def frame_of(batch: Batch) -> bytes:
    """The batch behind its length. Raises `UNENCODABLE`."""
    encoded = _encoder.encode(batch)
    return LENGTH.pack(len(encoded)) + encoded


def told_frame(encoded: bytes) -> bytes:
    """An encoded transcript behind its length."""
    return LENGTH.pack(len(encoded) | TOLD) + encoded


def told_in(frame: bytes) -> bytes | None:
    """The encoded transcript in a frame; None if it holds a batch."""
    return frame[LENGTH.size :] if frame[0] & 0x80 else None


def batch_of(frame: bytes) -> Batch:
    """The batch in a frame. Raises `Broken`."""
    try:
        return _decoder.decode(memoryview(frame)[LENGTH.size :])
    except msgspec.DecodeError as error:
        raise Broken from error


def whole_frames(received: bytearray) -> list[bytes]:
    """Takes the frames that have arrived as a whole off the beginning. Raises `Broken`."""
    found = []
    start = 0
    while len(received) >= start + LENGTH.size:
        length = LENGTH.unpack_from(received, start)[0] & ~TOLD
        if length > MOST_BYTES:
            raise Broken
        end = start + LENGTH.size + length
        if len(received) < end:
            break
        found.append(bytes(received[start:end]))
        start = end
    del received[:start]
    return found


def worker_name() -> str:
    """A name for this process, in the ten hexadecimal digits that row ids have for it."""
    return os.urandom(5).hex()
