"""What does it cost to know what a request costs? Processor time a request: prices found, tokens noted, the sum, the most.

python -m bench.costs
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import msgspec

from models_catalog.snapshot import ModelEntry
from models_catalog.tariffs import DatedPrice, PriceList, Rates
from openai_api.recording.costs import cost_of
from openai_api.recording.events import Record
from openai_api.spending.cost import most_of
from openai_api.spending.noting import cost_header, note
from providers.bytes.patch import fields_of
from providers.capabilities import Capability
from providers.types import ALONE, Call, Target, Usage, Wire

TIMES = 50_000
ROUNDS = 5


def measured(name: str, work: Callable[[], object]) -> None:
    """The best of some rounds."""
    best = min(_round(work) for _ in range(ROUNDS))
    print(f"{name:34} {best / TIMES * 1e6:6.2f} µs")


def _round(work: Callable[[], object]) -> float:
    began = time.process_time()
    for _ in range(TIMES):
        work()
    return time.process_time() - began


def main() -> None:
    rows = [DatedPrice(Rates(9 * day, 9), float(day)) for day in range(20)]
    prices = PriceList(
        Rates(2_500_000, 10_000_000), [*rows, DatedPrice(Rates(1, 2), route="r"), DatedPrice(Rates(3, 4), tier="flex")]
    )
    body = msgspec.json.encode({"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "word " * 200}]})
    call = Call(capability=Capability.CHAT, wire=Wire.OPENAI_CHAT, model="m", body=body, fields=fields_of(body), request_id="r")
    targets = (cast(Target, SimpleNamespace(id="r", sharing=ALONE)), cast(Target, SimpleNamespace(id="s", sharing=ALONE)))
    entry = ModelEntry("m", frozenset({Capability.CHAT}), {Capability.CHAT: targets}, prices=prices)
    record = Record("r", "POST", "/v1/chat/completions", served_model="m", capability=Capability.CHAT, prices=prices.at(5.0, "s"))
    plain, detailed = Usage(100, 20), Usage(1000, 200, 300, 50, 100, 50, 100, 20, 0, 0, 50, "flex")
    work: dict[str, Any] = {
        "price found": lambda: prices.at(5.0, "r"),
        "noted": lambda: note(record, call, plain),
        "cost of plain tokens": lambda: cost_of(record),
        "header": lambda: cost_header(record),
        "most of 1 kB at two targets": lambda: most_of(call, entry, now=5.0),
    }
    for name, one in work.items():
        measured(name, one)
    note(record, call, detailed)
    measured("cost of eight kinds", lambda: cost_of(record))


if __name__ == "__main__":
    main()
