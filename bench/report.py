"""What does the page on performance say? docs/performance.md, written from the results of the last runs of each kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

from bench import results
from bench.processes import ROOT

PAGE = ROOT / "docs" / "performance.md"
Rounds = Mapping[str, Sequence[float]]


class Goal(NamedTuple):
    """A figure and what it must reach: at least if `least`, else at most."""

    figure: str
    text: str
    must: float
    unit: str = ""
    least: bool = False


GOALS = (
    Goal("requests/s", "requests a second, saturated", 6000, least=True),
    Goal("CPU µs/request", "processor time of a request", 165, " µs"),
    Goal("added p50 at 500/s", "added at 500 requests/s, p50", 0.40, " ms"),
    Goal("added p99 at 500/s", "added at 500 requests/s, p99", 0.65, " ms"),
    Goal("added p99 at 200/s", "added at 200 requests/s, p99", 1.0, " ms"),
    Goal("added first byte p50", "added until the first streamed byte, p50", 0.65, " ms"),
    Goal("CPU µs/event", "processor time of a relayed event, in bursts", 8, " µs"),
    Goal("clean streams at once", "clean streams at once", 1000, least=True),
    Goal("fail-over, closed p99", "fail-over from a closed port, p99", 15, " ms"),
    Goal("fail-over, 503 p99", "fail-over from a 503, p99", 15, " ms"),
    Goal("disconnect p99", "client closes → upstream closed, p99", 50, " ms"),
    Goal("RSS MiB after 10⁵ requests", "memory of the worker after 10⁵ requests", 120, " MiB"),
    Goal("MiB per 10⁵ requests", "growth for each further 10⁵ requests", 0.1, " MiB"),
)
OF_OTHERS = (
    Goal("responses by chat: CPU µs/event", "processor time of an event of a response made of a chat stream", 40, " µs"),
    Goal("responses by chat: added first event p50", "added until the first event of such a response, p50", 1, " ms"),
    Goal("upload of 25 MiB: added", "added to the transcription of a file of 25 MiB, median", 300, " ms"),
)
COMPARED = (
    ("requests/s", "requests/s"),
    ("CPU µs/request", "CPU µs/request"),
    ("added p50 at 500/s", "added p50 at 500/s, ms"),
    ("added p99 at 500/s", "p99"),
    ("added p50 at 200/s", "added p50 at 200/s, ms"),
    ("added p99 at 200/s", "p99"),
    ("added first byte p50", "first byte p50, ms"),
    ("added first byte p99", "p99"),
    ("CPU µs/event", "CPU µs/event"),
    ("RSS MiB", "RSS MiB"),
)
ENDPOINTS = {
    "chat": "chat completions",
    "responses": "responses",
    "responses by chat": "responses, upstream has only chat",
    "embeddings": "embeddings",
    "speech": "speech",
}
OF_ENDPOINTS = ("requests/s", "CPU µs/request", "CPU µs/event", "added first event p50")
HEAD = """# Performance

What the gateway costs, measured by `bench/` with everything on: authentication, routing, guards, recording, metrics. Written by
`make bench` and `make soak`; the figures change with the machine, so compare ratios of one run, and repeat it on yours.

```console
$ make bench                                                            # this page: half an hour, an idle Linux machine, cc
$ make bench BENCH="--litellm VENV --portkey PROGRAM --nginx PROGRAM"   # beside other gateways
$ make bench BENCH=--quick CANCELS=5000                                 # three minutes, prints only
$ .venv/bin/python -m bench.run --endpoints                             # the endpoints beside chat, four minutes
$ make soak MINUTES=60                                                  # mixed traffic, memory
$ .venv/bin/python -m bench.churn --cancels 1000000                     # clients that leave
$ .venv/bin/python -m bench.profile                                     # the hottest functions; needs py-spy
```

## How

- The gateway has one worker on the first CPU, alone there. Mock upstream and load generator, both C, share the last CPU.
- The request is a chat completion of 1 KB, the answer one of 0.7 KB that the mock gives at once: the worst case for a gateway. A
  model takes seconds.
- **Added** time: direct requests and requests through the gateway take turns at a constant rate in the same run; the figure is
  the quantile of the latter less that of the former. A time begins when the request was due, not when it could be sent.
- **CPU** is the kernel's account of the process in `/proc`, so it does not depend on the generator.
- Rounds of all gateways take turns; those that wait are stopped. Shown are the median of the rounds and, in brackets, the
  range. p99 differences under 30 % are noise.
- A process of the lowest priority keeps both CPUs awake: on a virtual machine, waking one takes longer than what is measured.
- No figure is asserted by a test. [Why a load generator of our own](decisions/005-bench-load-tool.md).
"""


def write() -> None:
    """Writes the page from whatever results there are."""
    parts = [HEAD, *bench_part(), *endpoints_part(), *churn_part(), *soak_part(), *profile_part(), *notes_part()]
    PAGE.write_text("\n".join(part.rstrip("\n") + "\n" for part in parts))


def number(value: float) -> str:
    """Three digits are enough."""
    if value == int(value) and abs(value) < 1e4:
        return f"{value:.0f}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def spread(values: Sequence[float]) -> str:
    """The median, with the range when there was more than one round."""
    text = number(median(values))
    return text if len(values) < 2 else f"{text} ({number(min(values))} to {number(max(values))})"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def machine_line(run: Mapping[str, Any]) -> str:
    return f"`{run['command']}`, {run['date']}. " + ", ".join(f"{name} {value}" for name, value in run["machine"].items()) + "."


def bench_part() -> Iterator[str]:
    run = results.load("bench")
    if run is None:
        return
    figures: Mapping[str, Rounds] = run["figures"]
    ours = figures["ours"]
    yield f"## Goals\n\n{machine_line(run)} {run['rounds']} rounds of {run['seconds']:.0f} s for each figure.\n"
    yield table(["figure", "must", "measured", ""], [goal_row(goal, ours[goal.figure]) for goal in GOALS if goal.figure in ours])
    yield f"The slope's 95 % confidence interval is ± {number(ours['± MiB per 10⁵ requests'][0])} MiB. " + direct_words(figures)
    yield "## Beside other gateways\n\nOne worker and one CPU each, in the same run.\n"
    names = [name for name in figures if name != "direct"]
    yield table(["", *(text for _, text in COMPARED)], [compared_row(name, figures[name]) for name in names])
    yield from ratio_words(figures, names)
    yield "## Failures and clients that leave\n"
    yield table(["", "p50, ms", "p99, ms"], list(failure_rows(ours)))
    yield from failure_words(ours)
    yield "## Somebody reloads the admin\n"
    yield "Added time of 500 requests a second while a session reloads the list of models without a pause.\n"
    yield table(["", "p50, ms", "p99, ms", "pages/s"], list(admin_rows(ours)))
    yield (
        "Both processes of the second case share the one CPU, so what they compete for is time of the kernel, not Python's lock. "
        "On a CPU of its own the admin costs the data path nothing.\n"
    )


def endpoints_part() -> Iterator[str]:
    """Other endpoints, and what they take of the processor as a multiple of chat in the same run."""
    run = results.load("endpoints")
    if run is None:
        return
    ours: Rounds = run["figures"]["ours"]
    rounds = f"{run['rounds']} rounds of {run['seconds']:.0f} s for each figure, in turn."
    yield f"## Other endpoints\n\n{machine_line(run)} {rounds}\n"
    yield (
        "Requests have 1 KB. An embedding has 1,536 numbers in base64, speech is 32 KiB of sound in eight pieces. The first "
        "event is compared with that of the upstream's stream, at 40 streams a second. A response that is made of chat is "
        "also stored.\n"
    )
    head = ["", "requests/s", "CPU µs/request", "times chat", "CPU µs/event", "first event p50 added, ms"]
    yield table(head, [endpoint_row(ours, name) for name in ENDPOINTS])
    yield table(["figure", "must", "measured", ""], [goal_row(goal, ours[goal.figure]) for goal in OF_OTHERS])


def endpoint_row(ours: Rounds, name: str) -> list[str]:
    found = [ours.get(f"{name}: {figure}") for figure in OF_ENDPOINTS]
    cells = [spread(values) if values else "" for values in found]
    times = median(ours[f"{name}: CPU µs/request"]) / median(ours["chat: CPU µs/request"])
    return [ENDPOINTS[name], *cells[:2], number(times), *cells[2:]]


def goal_row(goal: Goal, values: Sequence[float]) -> list[str]:
    found = median(values)
    good = found >= goal.must if goal.least else found <= goal.must
    sign = "≥" if goal.least else "≤"
    return [
        goal.text,
        f"{sign} {number(goal.must)}{goal.unit}",
        f"{spread(values)}{goal.unit}",
        "reached" if good else "**short**",
    ]


def direct_words(figures: Mapping[str, Rounds]) -> str:
    rate = number(median(figures["direct"]["requests/s"]))
    failed = sum(sum(values) for name, values in figures["ours"].items() if "failed" in name)
    words = f"Generator and mock alone reach {rate} requests/s. Of all requests through the gateway {number(failed)} failed."
    if alone := figures["ours"].get("direct p99 at 500/s"):
        words += (
            f" Direct requests, in turn with those through it, had a p99 of {spread(alone)} ms: what the machine itself does."
        )
    return words + "\n"


def compared_row(name: str, rounds: Rounds) -> list[str]:
    missing = {figure: "does not hold it" if "/s" in figure else "fails" for figure, _ in COMPARED}
    return [name, *(spread(rounds[figure]) if figure in rounds else missing[figure] for figure, _ in COMPARED)]


def ratio_words(figures: Mapping[str, Rounds], names: Sequence[str]) -> Iterator[str]:
    ours = figures["ours"]

    def ratio(name: str, figure: str) -> float:
        return median(ours[figure]) / max(median(figures[name][figure]), 1e-9)

    rows = [
        [name, f"{number(ratio(name, 'requests/s'))} times", f"{number(ratio(name, 'CPU µs/request'))} times"]
        for name in names
        if name != "ours"
    ]
    if rows:
        yield table(["ours against", "requests/s", "CPU of a request"], rows)


def failure_rows(ours: Rounds) -> Iterator[list[str]]:
    rows = {
        "a first route whose port is closed adds": "fail-over, closed",
        "a first route that answers 503 adds": "fail-over, 503",
        "client closes → upstream sees the close": "disconnect",
    }
    for text, name in rows.items():
        if f"{name} p50" in ours:
            yield [text, spread(ours[f"{name} p50"]), spread(ours[f"{name} p99"])]


def failure_words(ours: Rounds) -> Iterator[str]:
    if "disconnects seen" in ours:
        seen, made = (number(sum(ours[name])) for name in ("disconnects seen", "disconnects"))
        yield f"Of {made} clients that left within 6 ms, {seen} did so while the upstream was at work, the others before.\n"
    if "CPU share of streams" in ours:
        share, memory = spread(ours["CPU share of streams"]), spread(ours["RSS MiB with streams"])
        yield f"A thousand streams at once, ten events a second each, take {share} of a CPU, and the worker {memory} MiB.\n"


def admin_rows(ours: Rounds) -> Iterator[list[str]]:
    for name in ("no admin", "admin in the same process", "admin in its own process"):
        if f"{name} p50" in ours:
            yield [name, *(spread(ours[f"{name} {figure}"]) for figure in ("p50", "p99", "pages/s"))]


def churn_part() -> Iterator[str]:
    if run := results.load("churn"):
        shown = [name for name in run if name not in ("command", "date", "machine", "samples")]
        yield f"## Clients that leave, by the million\n\n{machine_line(run)}\n"
        yield "Each client closes after 0 to 6 ms, in turn with FIN and RST.\n"
        yield table(["", ""], [[name, said(run[name])] for name in shown])


def said(value: Any) -> str:
    """A result in a cell of a table."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {one}" for name, one in value.items()) or "none"
    return f"{value:,}" if isinstance(value, int) else str(value)


def soak_part() -> Iterator[str]:
    if run := results.load("soak"):
        shown = [name for name in run if name not in ("command", "date", "machine", "samples", "±")]
        run["MiB per 10⁵ requests"] = f"{run['MiB per 10⁵ requests']:.3f} ± {run['±']:.3f}"
        yield (
            f"## Soak\n\n{machine_line(run)}\n\nWhole answers, streams, failing routes, retries, fallbacks, refused keys and "
            "models, clients that leave, and edits of the catalog, all at once. The slope leaves out the first fifth; its "
            "confidence interval is that of 95 %.\n"
        )
        yield table(["", ""], [[name, said(run[name])] for name in shown])
        yield "![Anonymous memory over requests](soak.svg)\n"


def profile_part() -> Iterator[str]:
    if run := results.load("profile"):
        yield f"## Where the time goes\n\n{machine_line(run)}\n"
        yield "Samples of the event loop's thread while saturated; what is native counts for the Python function that calls it.\n"
        rows = [[f"`{name}`", f"{share:.1f} %", f"{below:.1f} %"] for name, share, below in run["functions"]]
        yield table(["function", "itself", "with what it calls"], rows)


def notes_part() -> Iterator[str]:
    path = results.FOLDER / "notes.md"
    if path.exists():
        yield path.read_text()


if __name__ == "__main__":
    write()
