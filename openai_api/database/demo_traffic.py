"""What would two weeks of traffic look like? Made-up requests of a small company, with a rhythm of days and an outage."""

from __future__ import annotations

import json
import math
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from uuid import NAMESPACE_DNS, uuid5

from openai_api.recording.rows import UsageRow

PREFIX = "demo-"
"""How the ids of made-up requests begin."""
MARK = "signalbox-demo-data"
"""Their user agent."""
DAYS = 14
"""Two weeks, so that one can be compared with the other."""
HOUR = 3600
DAY = 24 * HOUR
OUTAGE = (10 * HOUR, 13 * HOUR)
"""From when to when (UTC) a provider failed on the last weekday before today."""
BY_HOUR = (2, 1, 1, 1, 1, 2, 4, 9, 16, 22, 24, 23, 18, 21, 24, 23, 20, 14, 9, 7, 6, 5, 4, 3)
WEEKEND = 0.3


@dataclass(frozen=True, slots=True)
class Served:
    """A model: dollars a million tokens in and out, usual tokens, milliseconds to the first byte and a token."""

    name: str
    provider: str
    upstream: str
    weight: float
    price: tuple[float, float]
    tokens: tuple[int, int]
    first_ms: float
    token_ms: float
    path: str = "/v1/chat/completions"


MODELS = (
    Served("assistant", "openai", "gpt-4o", 30, (2.5, 10), (1200, 350), 420, 11),
    Served("assistant-fast", "together", "llama-3.3-70b", 34, (0.6, 0.6), (800, 180), 180, 6),
    Served("writer", "anthropic", "claude-sonnet", 16, (3, 15), (2600, 700), 650, 14, "/v1/messages"),
    Served("extract", "gemini", "gemini-flash", 12, (0.15, 0.6), (3800, 120), 310, 5),
    Served("search-embed", "openai", "text-embedding-3-small", 22, (0.02, 0), (600, 0), 90, 0, "/v1/embeddings"),
    Served("local-chat", "ollama", "qwen2.5", 4, (0, 0), (500, 200), 900, 28, "/api/chat"),
)
FALLBACK = {"assistant": MODELS[1], "assistant-fast": MODELS[0], "writer": MODELS[0]}


@dataclass(frozen=True, slots=True)
class Caller:
    key: str
    person: str | None
    project: str
    app: str | None
    weight: float

    @property
    def id(self) -> str:
        return str(uuid5(NAMESPACE_DNS, f"{self.key}.{MARK}"))


CALLERS = (
    Caller("support bot", None, "Customer support", "Helpdesk", 34),
    Caller("search index", None, "Website", "Indexer", 22),
    Caller("invoice reader", None, "Back office", "Invoices", 14),
    Caller("Ada laptop", "Ada Lovelace", "Engineering", "claude-cli", 12),
    Caller("Grace laptop", "Grace Hopper", "Engineering", "Codex", 9),
    Caller("Alan notebook", "Alan Turing", "Research", None, 6),
    Caller("Katherine office", "Katherine Johnson", "Marketing", "Open WebUI", 8),
    Caller("Edsger office", "Edsger Dijkstra", "Marketing", "Open WebUI", 4),
)
FAILURES = (
    (0.35, 429, "rate_limit_exceeded", "rate_limited"),
    (0.25, 502, "upstream_error", "upstream_error"),
    (0.20, 504, "upstream_timeout", "upstream_timeout"),
    (0.20, 400, "invalid_request_error", "bad_request"),
)
FAILING = 0.012
ABORTED = 0.01
CACHED = 0.06


def demo_rows(count: int, now: float, seed: int = 7) -> Iterator[UsageRow]:
    """So many requests of the last two weeks, oldest first; the same ones for the same seed and time."""
    random = Random(seed)  # noqa: S311 - nothing secret
    down = outage(now)
    for number, at in enumerate(sorted(moments(random, count, now))):
        yield _row(random, number, at, down)


def moments(random: Random, count: int, now: float) -> Iterator[float]:
    """Times with a rhythm: few at night and on weekends."""
    first = int(now) // HOUR * HOUR - DAYS * 24 * HOUR
    hours = [first + place * HOUR for place in range(DAYS * 24 + 1)]
    weights = [BY_HOUR[at // HOUR % 24] * (WEEKEND if weekday(at) >= 5 else 1.0) for at in hours]
    weights[-1] *= (now - hours[-1]) / HOUR
    return (min(at + random.random() * HOUR, now - 1) for at in random.choices(hours, weights, k=count))


def weekday(at: float) -> int:
    """0 for Monday."""
    return (int(at) // DAY + 3) % 7


def outage(now: float) -> tuple[int, int]:
    """When a provider failed."""
    day = int(now) // DAY * DAY - DAY
    while weekday(day) >= 5:
        day -= DAY
    return day + OUTAGE[0], day + OUTAGE[1]


MODEL_ENDS, CALLER_ENDS = list(accumulate(one.weight for one in MODELS)), list(accumulate(one.weight for one in CALLERS))


def _row(random: Random, number: int, at: float, down: tuple[int, int]) -> UsageRow:
    model = MODELS[bisect(MODEL_ENDS, random.random() * MODEL_ENDS[-1] * 0.999)]
    caller = CALLERS[bisect(CALLER_ENDS, random.random() * CALLER_ENDS[-1] * 0.999)]
    row = _asked(random, number, at, model, caller)
    if random.random() < CACHED and model.price[1]:
        return _from_cache(random, row)
    served, tries = model, []
    if model.provider == "anthropic" and down[0] < at < down[1] and random.random() < 0.8:
        wasted = random.uniform(200, 900)
        tries.append(_try(model, "upstream_error", 0.4, wasted))
        if random.random() < 0.45:
            return _failed(row, model, tries, 502, "upstream_error", wasted)
        served = FALLBACK[model.name]
    if random.random() < FAILING:
        _, status, error, outcome = random.choices(FAILURES, [one[0] for one in FAILURES])[0]
        spent = random.uniform(20, 200) if status < 500 else random.uniform(500, 30_000)
        return _failed(row, served, [*tries, _try(served, outcome, 0.4, spent)], status, error, spent)
    return _answered(random, row, served, tries)


def _asked(random: Random, number: int, at: float, model: Served, caller: Caller) -> UsageRow:
    return UsageRow(
        id=f"{int(at * 1000):012x}{random.getrandbits(80):020x}",
        started_at=at,
        request_id=f"{PREFIX}{number:06d}-{random.getrandbits(32):08x}",
        method="POST",
        path=model.path,
        status=200,
        client_id=caller.id,
        client_name=caller.key,
        model=model.name,
        served_model=None,
        provider=None,
        upstream_model=None,
        attempts="[]",
        tries=0,
        error=None,
        stream=bool(model.price[1]) and random.random() < 0.7,
        client_aborted=False,
        input_tokens=None,
        output_tokens=None,
        cached_tokens=None,
        reasoning_tokens=None,
        estimated=False,
        cost_usd=None,
        first_byte_ms=None,
        upstream_ms=0.0,
        gateway_ms=None,
        total_ms=1.0,
        project=caller.project,
        person=caller.person,
        app=caller.app,
        user_agent=MARK,
    )


def _from_cache(random: Random, row: UsageRow) -> UsageRow:
    row.cache, row.served_model, row.cost_usd = "hit", row.model, 0.0
    row.total_ms = row.first_byte_ms = row.gateway_ms = random.uniform(0.6, 2.5)
    row.input_tokens, row.output_tokens, row.cached_tokens = 0, 0, 0
    return row


def _failed(row: UsageRow, model: Served, tries: list[dict[str, object]], status: int, error: str, spent_ms: float) -> UsageRow:
    row.status, row.error, row.provider, row.upstream_model = status, error, model.provider, model.upstream
    row.attempts, row.tries, row.upstream_ms, row.total_ms = json.dumps(tries), len(tries), spent_ms, spent_ms + 1.2
    row.gateway_ms, row.first_byte_ms = 1.2, spent_ms + 1.2
    return row


def _answered(random: Random, row: UsageRow, model: Served, tries: list[dict[str, object]]) -> UsageRow:
    tokens_in = max(5, int(model.tokens[0] * random.lognormvariate(0, 0.8)))
    tokens_out = int(model.tokens[1] * random.lognormvariate(0, 0.7))
    busy = 1 + 0.5 * BY_HOUR[int(row.started_at) // HOUR % 24] / max(BY_HOUR)
    wasted = sum(float(str(one["upstream_s"])) * 1000 for one in tries)
    first = model.first_ms * busy * random.lognormvariate(0, 0.35) + wasted
    whole = first + model.token_ms * busy * tokens_out
    gateway = 0.4 + random.expovariate(1 / 0.5)
    tries.append(_try(model, "ok", wasted, first - wasted))
    row.attempts, row.tries = json.dumps(tries), len(tries)
    row.served_model, row.provider, row.upstream_model = model.name, model.provider, model.upstream
    row.input_tokens, row.output_tokens, row.reasoning_tokens = tokens_in, tokens_out, 0
    row.cached_tokens = int(tokens_in * 0.6) if random.random() < 0.25 else 0
    row.cost_usd = round((tokens_in * model.price[0] + tokens_out * model.price[1]) / 1e6, 9)
    row.upstream_ms, row.gateway_ms = first, gateway
    row.first_byte_ms = first + gateway if row.stream else whole + gateway
    row.total_ms = whole + gateway
    if random.random() < ABORTED:
        row.status, row.client_aborted = 499, True
        row.total_ms = math.fsum((first, gateway, (whole - first) * random.random()))
    return row


def _try(model: Served, outcome: str, started_ms: float, spent_ms: float) -> dict[str, object]:
    told = {"target": f"{model.provider}/{model.upstream}", "provider": model.provider, "upstream_model": model.upstream}
    failure = None if outcome == "ok" else outcome
    return {
        **told,
        "outcome": outcome,
        "failure": failure,
        "upstream_s": round(spent_ms / 1000, 4),
        "started_ms": round(started_ms, 2),
    }
