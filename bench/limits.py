"""What does it cost to hold a request to its limits in memory? Admission and settling, in µs, by the number of rules.

`python -m bench.limits` prints a table. All rules are of one key, and none of them refuses.
"""

from __future__ import annotations

import asyncio
from functools import partial

from bench.sharing import BODY, CHAT, MANY, measured, model
from models_catalog.bounds import Algorithm, Bounds, Counted, LimitRule
from models_catalog.snapshot import CatalogSnapshot, Client, Strategy
from openai_api.limits.admission import Asking
from openai_api.limits.bounded import Bounded
from openai_api.limits.lines import Lines
from openai_api.limits.memory import MemoryStore
from openai_api.limits.rules import LimitRules
from openai_api.recording.events import Record
from providers.bytes.patch import fields_of
from providers.types import Call, Usage, Wire

RULES = ((Counted.REQUESTS, 60), (Counted.TOKENS, 60), (Counted.CONCURRENT, 0), (Counted.TOKENS, 86400))


def rules(count: int, algorithm: Algorithm) -> tuple[LimitRule, ...]:
    return tuple(
        LimitRule(f"0000-{number}", "key", "c", counted, MANY, window_s, algorithm, MANY)
        for number, (counted, window_s) in enumerate(RULES[:count])
    )


async def once(bounded: Bounded, asking: Asking, ended: Record) -> None:
    lease = await bounded.admit(asking)
    assert lease is not None, "nothing refuses"
    lease.settle(ended)


async def cost(count: int, algorithm: Algorithm) -> float:
    entry = model(1, None, Strategy.ORDERED)
    call = Call(capability=CHAT, wire=Wire.OPENAI_CHAT, model="m", body=BODY, fields=fields_of(BODY), request_id="r")
    client = Client("c", "c", bounds=Bounds(rules(count, algorithm)))
    record = Record("r", "POST", "/v1/chat/completions")
    asking = Asking(call, client, entry, CatalogSnapshot(models={"m": entry}), record, {})
    record.usage = Usage(9, 5)
    return await measured(partial(once, Bounded(MemoryStore(), (LimitRules(),), Lines()), asking, record))


def main() -> None:
    print(f"{'µs a request':20}" + "".join(f"{count:8}" for count in range(1, 5)) + "  rules")
    for algorithm in Algorithm:
        print(f"{algorithm:20}" + "".join(f"{asyncio.run(cost(count, algorithm)):8.1f}" for count in range(1, 5)))


if __name__ == "__main__":
    main()
