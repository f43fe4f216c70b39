"""Does a log that nobody reads block nobody, and say afterwards what it lost?"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from time import monotonic

import pytest

from gateway_project import log_stream
from gateway_project.log_stream import CAPACITY, DetachedStream
from tests.fakes.chaos.process import eventually


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    yield reading, writing
    os.close(reading)


def test_lines_when_read_come_in_order(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    stream = DetachedStream(writing)
    for number in range(20):
        stream.write(f"line {number}\n")
    stream.drain()
    assert os.read(reading, 4096).decode().splitlines() == [f"line {number}" for number in range(20)]


def test_lines_when_nobody_reads_are_dropped_and_counted_and_nobody_waits(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    stream = DetachedStream(writing)
    started = monotonic()
    for number in range(CAPACITY + 1000):
        stream.write(f"line {number}\n".rjust(100))
    assert monotonic() - started < 2.0
    assert 0 < stream.dropped <= 1000
    started = monotonic()
    stream.drain(0.1)
    assert monotonic() - started < 1.0
    read = b""

    def told() -> bool:
        nonlocal read
        read += os.read(reading, 1 << 20)
        return b"log lines dropped" in read

    assert eventually(told, 10, 0)
    assert read.startswith(b" " * 10)


def test_stream_when_its_reader_has_gone_goes_on(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    gone, end = os.pipe()
    os.close(gone)
    stream = DetachedStream(end)
    for _ in range(100):
        stream.write("nobody\n")
    stream.drain(log_stream.LAST_LINES_S)
    assert (stream.dropped, reading != writing) == (0, True)
