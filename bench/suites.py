"""Which figures are measured, and how? Each function measures one target once and gives figures by name."""

from __future__ import annotations

import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from statistics import quantiles
from typing import Any

from bench import watch
from bench.gateways import PASSWORD, Target, body_file
from bench.processes import begin_load, cpu_seconds, end_load, memory_mib, run_load
from bench.trend import trend

Figures = Mapping[str, float]
SETTLE_S = 3.0
"""Until records that wait for the database are written, which a saturated gateway does later."""
STREAMS = 1000
EVENTS = 102
"""Events of a stream of 100 chunks: the chunks, the one that says why it stopped, and `[DONE]`."""
ADMIN_PAGE = "/admin/models_catalog/modeldefinition/"


@dataclass(frozen=True, slots=True)
class Bench:
    """What all measurements share. `seconds` is the length of each."""

    upstream: int
    folder: Path
    seconds: float

    @property
    def direct(self) -> Target:
        return Target("direct", self.upstream, plain_names=True)

    def load(self, *arguments: object) -> dict[str, Any]:
        return run_load(["--seconds", self.seconds, *arguments])


def warm_up(bench: Bench, target: Target) -> None:
    """What is loaded, compiled or connected at the first requests is so afterwards."""
    run_load(["--rate", 10, "--requests", 30, "--connections", 16, *target.arguments(body_file(bench.folder, "instant"))])


def failures(report: Mapping[str, Any]) -> int:
    """Requests of a run that did not succeed."""
    return sum(t[kind] for t in report["targets"] for kind in ("failed", "broken", "unfinished", "unsent"))


def under_load(bench: Bench, target: Target, connections: int, arguments: Sequence[str]) -> tuple[Mapping[str, Any], float]:
    """What the load generator found when each connection always wanted the next answer, and the processor time that took."""
    before = cpu_seconds(target.pid)
    report = bench.load("--connections", connections, *arguments)
    return report, cpu_seconds(target.pid) - before


def saturate(bench: Bench, target: Target) -> Figures:
    """Requests a second and processor time of each, 64 connections that always want the next answer."""
    report, used = under_load(bench, target, 64, target.arguments(body_file(bench.folder, "instant")))
    found = report["targets"][0]
    return {
        "requests/s": found["per_s"],
        "CPU µs/request": used * 1e6 / max(found["answered"], 1),
        "saturated p99 ms": found["whole"]["p99"] / 1e3,
        "RSS MiB": memory_mib(target.pid),
        "failed at saturation": failures(report),
    }


def latency(bench: Bench, target: Target, rate: int) -> Figures:
    """What it adds at a constant rate: quantiles of its requests less those of direct ones, in turn in one run."""
    body = body_file(bench.folder, "instant")
    report = bench.load("--rate", rate, *bench.direct.arguments(body), *target.arguments(body))
    direct, through = report["targets"]
    added = {name: (through["whole"][name] - direct["whole"][name]) / 1e3 for name in ("p50", "p99")}
    return {
        f"added p50 at {rate}/s": added["p50"],
        f"added p99 at {rate}/s": added["p99"],
        f"direct p99 at {rate}/s": direct["whole"]["p99"] / 1e3,
        f"failed at {rate}/s": failures(report),
    }


def first_byte(bench: Bench, target: Target) -> Figures:
    """What it adds until the first event of a stream, at 40 streams a second of 20 events 5 ms apart."""
    arguments = [
        part
        for one in (bench.direct, target)
        for part in one.arguments(body_file(bench.folder, one.model("stream"), stream=True))
    ]
    return added_first(bench, arguments, "first byte")


def added_first(bench: Bench, arguments: Sequence[str], name: str) -> Figures:
    """What the second of two targets adds until the first event, at 40 streams a second of each, in turn."""
    report = bench.load("--rate", 40, *arguments)
    direct, through = report["targets"]
    if not through["streams"]:
        return {}
    added = {share: (through["first"][share] - direct["first"][share]) / 1e3 for share in ("p50", "p99")}
    return {f"added {name} p50": added["p50"], f"added {name} p99": added["p99"], "failed streams": failures(report)}


def burst(bench: Bench, target: Target) -> Figures:
    """Processor time of each relayed event when streams of 200 arrive as fast as they are taken."""
    report, used = under_load(bench, target, 16, target.arguments(body_file(bench.folder, target.model("burst"), stream=True)))
    found = report["targets"][0]
    if not found["all_events"] or found["failed"]:
        return {}
    return {"CPU µs/event": used * 1e6 / found["all_events"], "failed bursts": failures(report)}


def many_streams(bench: Bench, target: Target) -> Figures:
    """A thousand streams at once, each of 100 events 100 ms apart; clean is what came whole and in order to `[DONE]`."""
    body = body_file(bench.folder, "patient", stream=True)
    before = cpu_seconds(target.pid)
    report = bench.load("--requests", STREAMS, "--connections", STREAMS, *target.arguments(body))
    found = report["targets"][0]
    clean = found["clean"] if found["fewest"] == found["most"] == EVENTS else 0
    return {
        "clean streams at once": clean,
        "failed at once": failures(report),
        "CPU share of streams": (cpu_seconds(target.pid) - before) / report["seconds"],
        "RSS MiB with streams": memory_mib(target.pid),
    }


def fail_over(bench: Bench, target: Target, kind: str, models: int) -> Figures:
    """What a first route that fails adds, against the same gateway without one, in turn; each model's circuit stays closed."""
    good, bad = body_file(bench.folder, "instant"), body_file(bench.folder, f"{kind}-########")
    report = bench.load("--rate", 100, "--requests", 2 * models, *target.arguments(good), *target.arguments(bad))
    plain, over = report["targets"]
    added = {name: (over["whole"][name] - plain["whole"][name]) / 1e3 for name in ("p50", "p99")}
    name = f"fail-over, {kind}"
    return {f"{name} p50": added["p50"], f"{name} p99": added["p99"], f"{name} failed": failures(report)}


def disconnect(bench: Bench, target: Target, requests: int) -> Figures:
    """From a client's close to that of its upstream connection, streams and whole answers."""
    import json

    spans: list[float] = []
    for model, stream in (("endless", True), ("slow", False)):
        body = body_file(bench.folder, model, stream=stream)
        _closes(bench.upstream)
        report = bench.load("--cancel", 6, "--connections", 1, "--requests", requests, *target.arguments(body))
        time.sleep(0.3)
        closes = dict(json.loads(_closes(bench.upstream)))
        spans += [(closes[number] - left) / 1e6 for number, left in report["cuts"] if number in closes]
    cuts = quantiles(spans, n=100, method="inclusive")
    return {"disconnect p50": cuts[49], "disconnect p99": cuts[98], "disconnects seen": len(spans), "disconnects": 2 * requests}


def _closes(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/closes", timeout=10) as answer:
        text: str = answer.read().decode()
    return text


def memory_growth(bench: Bench, target: Target, requests: int) -> Figures:
    """Memory after 10⁵ requests, and its slope over the `requests` that follow."""
    arguments = target.arguments(body_file(bench.folder, "instant"))
    run_load(["--requests", 100_000, "--connections", 64, *arguments])
    time.sleep(SETTLE_S)
    resident, samples = memory_mib(target.pid), [watch.memory(target)]
    step = requests // 16
    for _ in range(16):
        run_load(["--requests", step, "--connections", 64, *arguments])
        time.sleep(SETTLE_S)
        samples.append(watch.memory(target))
    line = trend([place * step / 1e5 for place in range(17)], samples)
    return {
        "RSS MiB after 10⁵ requests": resident,
        "MiB per 10⁵ requests": line.slope,
        "± MiB per 10⁵ requests": line.margin,
        "records dropped": watch.dropped(target),
    }


def beside_admin(bench: Bench, target: Target, admin: Target | None, name: str) -> Figures:
    """The added time at 500 requests a second while somebody reloads a page of the admin all the time."""
    body = body_file(bench.folder, "instant")
    loads = ["--seconds", bench.seconds, "--rate", 500, *bench.direct.arguments(body), *target.arguments(body)]
    with reloading(admin) as pages:
        report = end_load(begin_load(loads))
    direct, through = report["targets"]
    added = {share: (through["whole"][share] - direct["whole"][share]) / 1e3 for share in ("p50", "p99")}
    rate = len(pages) / (bench.seconds + 1)
    return {f"{name} p50": added["p50"], f"{name} p99": added["p99"], f"{name} pages/s": rate, f"{name} failed": failures(report)}


@contextmanager
def reloading(admin: Target | None) -> Iterator[list[float]]:
    """Signs in and reloads the list of models until the block ends; the times of the pages."""
    times: list[float] = []
    if admin is None:
        yield times
        return
    opener, over = signed_in(admin.port), threading.Event()

    def reload() -> None:
        while not over.is_set():
            began = time.monotonic()
            with opener.open(f"http://127.0.0.1:{admin.port}{ADMIN_PAGE}", timeout=60) as answer:
                answer.read()
            times.append(time.monotonic() - began)

    thread = threading.Thread(target=reload)
    thread.start()
    try:
        yield times
    finally:
        over.set()
        thread.join()


def signed_in(port: int) -> urllib.request.OpenerDirector:
    """A browser's session in the admin."""
    jar = CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    url = f"http://127.0.0.1:{port}/admin/login/"
    opener.open(url, timeout=60).close()
    token = next(cookie.value or "" for cookie in jar if "csrf" in cookie.name)
    form = {"username": "admin", "password": PASSWORD, "csrfmiddlewaretoken": token, "next": ADMIN_PAGE}
    with opener.open(urllib.request.Request(url, urllib.parse.urlencode(form).encode(), {"Referer": url}), timeout=60) as answer:
        if not answer.url.endswith(ADMIN_PAGE):
            raise RuntimeError(f"signing in to the admin ended at {answer.url}")
    return opener
