"""What is an explanation made of? Plain values, with the names of the JSON that `msgspec` makes of them (docs/explain.md)."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec


class Verdict(StrEnum):
    PASSES = "passes"
    REFUSES = "refuses"
    SKIPPED = "skipped"
    """There is nothing to decide."""
    NOT_REACHED = "not_reached"
    """A step before it refuses."""


class Status(StrEnum):
    CANDIDATE = "candidate"
    LAST_RESORT = "last_resort"
    """Its circuit is open; it is tried since nothing else is left."""
    EXCLUDED = "excluded"


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked. `key` is the id of a client key, "" for one that may use every model and has no limits; `path` "" is the
    usual one of the model's first capability; without a `body` it is the smallest that the path takes. `model` takes the place of
    the one in the body. `address` is where the request would come from, "" where that is not known."""

    key: str = ""
    model: str = ""
    path: str = ""
    body: dict[str, Any] | None = None
    address: str = ""


class Reason(msgspec.Struct):
    """Why, as a word for programs and a sentence for people."""

    code: str
    text: str


class Step(msgspec.Struct):
    """`name` is one of path, key, address, body, model, capability, limits, budgets, hooks, cache, routes."""

    name: str
    verdict: Verdict
    text: str
    code: str = ""


class Refusal(msgspec.Struct):
    """The error that the client would get."""

    status: int
    code: str
    type: str
    message: str


class Rule(msgspec.Struct):
    """A limit or a budget (`kind`) as it stands, in its `unit`: requests, tokens, concurrent, usd. `takes` is what the request
    would take of it. `wait_s` is the time until it may; None with `refuses` is never."""

    kind: str
    id: str
    subject: str
    counts: str
    unit: str
    amount: float
    used: float
    takes: float
    left: float
    refuses: bool
    wait_s: float | None = None
    resets_at: float | None = None


class HookSeen(msgspec.Struct):
    """A hook that would see the request, and in which `phases`."""

    name: str
    type: str
    phases: list[str]


class RouteSeen(msgspec.Struct):
    """A route of the model or of a fallback model.

    `order` counts those that are tried from 1, None for one that is not. `share` is its part of the requests by weight among
    those of its `group`, 0 to 1. `running`, `pace_s` (to the first token) and `price_usd` (of a usual request) are what the order
    is made of, as this worker knows them; `circuit` is "closed", "open" or "half-open". `lossy` is what an upstream of another
    format would not be told, as `x-gateway-lossy` names it; `most_usd` is the most that the request is likely to cost there.
    """

    id: str
    model: str
    provider: str
    upstream_model: str
    status: Status
    reasons: list[Reason] = []
    order: int | None = None
    group: int | None = None
    weight: float = 1.0
    share: float | None = None
    running: int = 0
    pace_s: float | None = None
    price_usd: Decimal | None = None
    circuit: str = "closed"
    circuit_s: float = 0.0
    wire: str = ""
    converted: bool = False
    lossy: list[str] = []
    most_usd: Decimal | None = None


class Leg(msgspec.Struct):
    """The model, or a fallback model that follows. `retries` is how often its failed routes are tried again."""

    model: str
    is_fallback: bool
    strategy: str
    retries: int
    routes: list[RouteSeen]


class Cost(msgspec.Struct):
    """US dollars. `input_usd` is what the request itself costs at the first candidate, `most_usd` the most that it is likely to
    cost with its longest answer; None where a price is not known."""

    input_tokens: int
    most_output_tokens: int
    input_usd: Decimal | None = None
    most_usd: Decimal | None = None


class Explanation(msgspec.Struct, kw_only=True):
    """`refusal` is None for a request that would be sent. `key` and `model` are the names that were found, "" for none;
    `most_tries` is how many tries there would be in all. `worker` is the process whose limits and circuits were looked at."""

    key: str = ""
    asked_model: str = ""
    model: str = ""
    pattern: str = ""
    path: str = ""
    capability: str = ""
    wire: str = ""
    stream: bool = False
    catalog_version: int = 0
    worker: int = 0
    refusal: Refusal | None = None
    steps: list[Step] = []
    rules: list[Rule] = []
    hooks: list[HookSeen] = []
    legs: list[Leg] = []
    most_tries: int = 0
    cost: Cost | None = None
    problems: list[Reason] = []
    notes: list[str] = []
