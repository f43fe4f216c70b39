"""Are sums exact when two nodes, with a recorder each, write the same ones of PostgreSQL at once?"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.fakes.chaos.process import Chaos, eventually
from tests.live import LiveGateway, body

REQUESTS = 150
WRITTEN_WITHIN_S = 20.0
SPANS = (60, 3600, 86400)


def test_sums_when_two_nodes_write_them_at_once_then_each_request_counts_once(
    postgres: str, chaos: Chaos, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with (
        LiveGateway(tmp_path / "one", chaos, template=None, DATABASE_URL=postgres, GATEWAY_RECORDER="process") as one,
        LiveGateway(tmp_path / "two", chaos, template=None, DATABASE_URL=postgres, GATEWAY_RECORDER="thread") as two,
    ):
        one.define_models({"priced": [{"upstream_model": "ok-usage-100-20"}]}, input_price="2.5", output_price="10")
        two.wait_visible("priced", key=one.key)

        def ask(number: int) -> int:
            gateway = (one, two)[number % 2]
            headers = {
                "authorization": f"Bearer {one.key}",
                "x-title": f"app {number % 3}",
                "x-gateway-tags": f"team:{number % 2}",
            }
            return gateway.http.post("/v1/chat/completions", json=body("priced"), headers=headers).status_code

        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(ask, range(REQUESTS))) == {200}

        def rows() -> list[dict[str, Any]]:
            return one.operator.rows("openai_api.UsageRecord", {"model": "priced"})

        assert eventually(lambda: len(rows()) == REQUESTS, WRITTEN_WITHIN_S, 0.3)
        assert sum(Decimal(str(row["cost_usd"])) for row in rows()) == REQUESTS * Decimal("0.00045")
        for span in SPANS:
            sums = one.operator.rows("openai_api.UsageRollUp", {"span": span, "dimension": "model", "name": "priced"})
            assert sum(made["requests"] for made in sums) == REQUESTS
            assert sum(made["input_tokens"] for made in sums) == REQUESTS * 100
            assert sum(Decimal(str(made["cost_usd"])) for made in sums) == REQUESTS * Decimal("0.00045")
            for times in ("total_ms", "first_byte_ms", "gateway_ms"):
                assert sum(sum(json.loads(made[times])[1::2]) for made in sums) == REQUESTS
        apps = one.operator.rows("openai_api.UsageRollUp", {"span": 86400, "dimension": "app"})
        assert sum(made["requests"] for made in apps) == REQUESTS
        assert {made["name"] for made in apps} == {"app 0", "app 1", "app 2"}
        assert len(one.operator.rows("openai_api.UsageTag", {"name": "team", "value": "1"})) == REQUESTS // 2
        for gateway in (one, two):
            gateway.check()
