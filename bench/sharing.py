"""What does it cost to choose a route? The whole of `route` around a try that does nothing, in µs, by targets and strategy.

`python -m bench.sharing` prints a table; the first line is a model whose routes do not share.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from time import process_time
from typing import Any

import providers.openai_compatible.adapter  # noqa: F401 - registers the provider types
from models_catalog.snapshot import CatalogSnapshot, Client, ModelEntry, Strategy
from openai_api.limits.admission import Asking
from openai_api.limits.memory import MemoryStore
from openai_api.pipeline.route import Leave, route
from openai_api.recording.events import Record
from openai_api.sharing.route_limits import RouteLimits
from openai_api.sharing.sharing import Sharing, Turn
from providers.breaker import Breakers
from providers.bytes.patch import fields_of
from providers.capabilities import Capability
from providers.registry import provider_type
from providers.types import Call, Target, TargetConfig, Wire
from providers.types import Sharing as Shares

CHAT = Capability.CHAT
ROUNDS, CALLS = 9, 2000
MANY = 10**9
BODY = b'{"model":"m","messages":[{"role":"user","content":"hi"}]}'


def model(count: int, group: int | None, strategy: Strategy, **limits: int) -> ModelEntry:
    """A model of so many targets."""
    made = [TargetConfig(id=str(number), provider="p", provider_type="openai", upstream_model="u", model="m",
                         sharing=Shares(group, **limits)) for number in range(count)]  # fmt: skip
    return ModelEntry("m", frozenset({CHAT}), {CHAT: tuple(map(provider_type("openai").target, made))}, strategy=strategy)


class Routing:
    """Routes one request again and again."""

    def __init__(self, entry: ModelEntry, session: str) -> None:
        self._entry = entry
        self._breakers = Breakers()
        self._sharing = Sharing(self._breakers, RouteLimits(MemoryStore()))
        call = Call(capability=CHAT, wire=Wire.OPENAI_CHAT, model="m", body=BODY, fields=fields_of(BODY), request_id="r")
        self._catalog = CatalogSnapshot(models={"m": entry})
        record = Record("r", "POST", "/v1/chat/completions", session=session)
        self._asking = Asking(call, Client("c", "c"), entry, self._catalog, record, {})
        self._left: list[Turn] = []

    async def once(self) -> None:
        more: dict[str, Any] = {}
        if self._entry.watched:
            more["enter"] = self._enter
        if self._entry.groups:
            more["choose"] = partial(self._sharing.order, self._asking)
        await route(self._entry, CHAT, self._catalog, self._breakers, [], _nothing, **more)
        if self._left:
            self._left.pop().settle(self._asking.record)

    async def _enter(self, leg: ModelEntry, target: Target) -> Leave:
        turn = await self._sharing.enter(self._asking, leg, target)
        return partial(self._leave, turn)

    def _leave(self, turn: Turn, served: bool) -> None:
        turn.began()
        self._left.append(turn)


async def _nothing(target: Target) -> bytes:
    return b""


async def measured(once: Callable[[], Any]) -> float:
    """µs of processor time of one, the least of rounds: others are on the machine, too."""
    rounds = []
    for _ in range(ROUNDS):
        began = process_time()
        for _ in range(CALLS):
            await once()
        rounds.append((process_time() - began) / CALLS * 1e6)
    return min(rounds)


async def lines() -> Iterable[tuple[str, list[float]]]:
    found = []
    cases: list[tuple[str, int | None, Strategy, str, dict[str, int]]] = [("nothing shares", None, Strategy.ORDERED, "", {})]
    cases += [(f"{strategy}", 0, strategy, "", {}) for strategy in Strategy if strategy is not Strategy.ORDERED]
    cases += [(f"{strategy}, affinity", 0, strategy, "s", {}) for strategy in Strategy if strategy is not Strategy.ORDERED]
    cases += [("weighted, limits in memory", 0, Strategy.WEIGHTED, "", {"rpm": MANY, "tpm": MANY, "max_concurrent": MANY})]
    for name, group, strategy, session, limits in cases:
        models = [model(count, group, strategy, **limits) for count in (1, 3, 20)]
        found.append((name, [await measured(Routing(entry, session).once) for entry in models]))
    return found


def main() -> None:
    print(f"{'µs a request':30}{'1':>8}{'3':>8}{'20':>8}  targets")
    for name, figures in asyncio.run(lines()):
        print(f"{name:30}" + "".join(f"{figure:8.1f}" for figure in figures))


if __name__ == "__main__":
    main()
