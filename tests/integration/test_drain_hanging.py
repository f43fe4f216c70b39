"""Does a process end in time although a thread of it hangs for ever, and is what it recorded kept?"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from tests.live import environment
from tests.live_operator import ROOT

HANGING = """
import threading, time
from gateway_project import asgi, server
from openai_api.recording.events import Record

threading.Thread(target=time.sleep, args=(600,)).start()
asgi.running.gateway.recorder.record(Record("unwritten", "POST", "/v1/chat/completions", client_id="key"))
server.exit_after(0.1)
print("ending", flush=True)
"""
EXIT_WITHIN_S = 10.0


def test_process_when_a_thread_hangs_ends_in_time_and_keeps_its_rows(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HANGING]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ending\n"
        ending = time.monotonic()
        try:
            assert process.wait(EXIT_WITHIN_S) == 0
        finally:
            process.kill()
        assert time.monotonic() - ending < EXIT_WITHIN_S
        assert process.stderr is not None
        assert b"shutdown timed out" in process.stderr.read()
    (kept,) = (tmp_path / "spool").glob("*.jsonl")
    assert b'"unwritten"' in kept.read_bytes()
