"""What does recording cost a worker? Processor time a record of the event loop, and of all its threads together.

`python -m bench.recording`: the way to the recorder process, with one that takes and acknowledges everything, and the thread of
the worker, with rows that go to SQLite. Nothing is asserted: figures depend on the machine.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Protocol

from bench.processes import ROOT
from models_catalog.tariffs import Prices, Rates
from openai_api.recording.events import Attempt, Record
from openai_api.recording.in_thread import ThreadRecorder
from openai_api.recording.link import Link
from openai_api.recording.metrics import Counts
from providers.capabilities import Capability
from providers.types import Usage

RECORDS = 100_000
AT_ONCE = 20
"""Records between two turns of the loop."""
PAUSE_S = 0.002
TAKER = """
import socket, struct, sys
listener = socket.socket(socket.AF_UNIX); listener.bind(sys.argv[1]); listener.listen(); print("ready", flush=True)
link, _ = listener.accept(); file = link.makefile("rb"); number = 0
while head := file.read(4):
    file.read(struct.unpack(">I", head)[0]); link.sendall(struct.pack(">Q", number)); number += 1
"""


class Recording(Protocol):
    """A way to record."""

    def record(self, record: Record) -> None: ...

    def start(self) -> None: ...

    async def stop(self) -> None: ...


async def measured(name: str, recording: Recording) -> None:
    """Records at a steady rate, and tells what that took beside making the records."""
    recording.start()
    records = [made(number) for number in range(RECORDS)]
    await asyncio.sleep(1)
    began, own = time.process_time(), time.thread_time()
    for start in range(0, RECORDS, AT_ONCE):
        for record in records[start : start + AT_ONCE]:
            recording.record(record)
        await asyncio.sleep(PAUSE_S)
    await recording.stop()
    loop = (time.thread_time() - own) / RECORDS * 1e6
    whole = (time.process_time() - began) / RECORDS * 1e6
    print(f"{name:22} {loop:6.2f} µs a record in the loop, {whole:6.2f} in all threads")


class Nothing:
    """What the measurement itself takes."""

    def record(self, record: Record) -> None:
        pass

    def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass


def made(number: int) -> Record:
    """The record of an ordinary request."""
    record = Record(f"request-{number:08}", "POST", "/v1/chat/completions", status=200, model="m", served_model="m")
    record.client_id, record.client_name, record.route = "0123456789abcdef" * 2, "bench", record.path
    record.capability, record.prices, record.body_bytes = Capability.CHAT, Prices(Rates(1_000_000, 2_000_000)), 1000
    record.attempts = [Attempt("1", "mock", "instant", "ok", None, 0.0012)]
    record.usage = Usage(input_tokens=100, output_tokens=20)
    record.first_byte_s, record.total_s = 0.0014, 0.0015
    return record


async def run(socket: Path) -> None:
    from gateway_project.recording import backlog, build_recorder  # needs Django to be set up

    await measured("nothing", Nothing())
    await measured("recorder process", Link("bench", socket, backlog()))
    await measured("thread of the worker", ThreadRecorder("bench", build_recorder("bench", Counts())))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"GATEWAY_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "gateway_project.settings"}
        subprocess.run([sys.executable, "manage.py", "migrate", "-v", "0"], cwd=ROOT, check=True)
        import django
        import uvloop

        django.setup()
        socket = Path(folder) / "socket"
        with subprocess.Popen([sys.executable, "-c", TAKER, str(socket)], stdout=subprocess.PIPE) as taker:
            assert taker.stdout is not None
            taker.stdout.readline()
            uvloop.run(run(socket))


if __name__ == "__main__":
    main()
