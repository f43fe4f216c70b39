"""What does the gateway add to a file of 25 MiB that is to be transcribed? Against the same form sent to the upstream itself."""

from __future__ import annotations

from statistics import median
from time import perf_counter

import httpx

from bench.gateways import Target
from bench.suites import Bench, Figures

PATH = "/v1/audio/transcriptions"
SOUND = b"ID3\x04" + bytes(25 * 2**20 - 4)
TIMES = 7


def measure(bench: Bench, target: Target, model: str) -> Figures:
    """The median time of some uploads less that of direct ones, in turn."""
    directly, through = [], []
    for _ in range(TIMES):
        directly.append(_seconds(bench.direct, model))
        through.append(_seconds(target, model))
    return {"upload of 25 MiB: added": (median(through) - median(directly)) * 1000}


def _seconds(target: Target, model: str) -> float:
    headers = dict(header.split(": ", 1) for header in target.headers)
    with httpx.Client(base_url=f"http://127.0.0.1:{target.port}", headers=headers, trust_env=False, timeout=60) as client:
        request = client.build_request("POST", PATH, data={"model": model}, files={"file": ("a.mp3", SOUND, "audio/mpeg")})
        started = perf_counter()
        answer = client.send(request)
        taken = perf_counter() - started
    answer.raise_for_status()
    return taken
