"""Is a request's row the same on PostgreSQL, which takes rows as JSON, as what was told of it?"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from tests.fakes.chaos.process import Chaos, eventually
from tests.live import LiveGateway

WRITTEN_WITHIN_S = 6.0


def test_row_when_written_to_postgres_has_every_kind_of_value_as_it_was(postgres: str, chaos: Chaos, tmp_path: Path) -> None:
    with LiveGateway(tmp_path, chaos, template=None, DATABASE_URL=postgres) as gateway:
        gateway.define_models(
            {'na"me \\ ü€': [{"provider": "dead"}, {"upstream_model": "ok-usage-100-20"}]}, input_price="2.5", output_price="10"
        )
        before = datetime.now(UTC)
        answers = [gateway.chat('na"me \\ ü€', stream=stream) for stream in (False, True)]
        answers.append(gateway.chat("nope"))
        ids = [answer.headers["x-request-id"] for answer in answers]

        def rows() -> list[dict[str, object]]:
            return gateway.operator.rows("openai_api.UsageRecord", {"request_id__in": ids})

        assert eventually(lambda: len(rows()) == 3, WRITTEN_WITHIN_S, 0.1)
        gateway_rows = gateway.operator.rows("openai_api.UsageRecord", {})
        sums = gateway.operator.rows("openai_api.UsageRollUp", {"span": 86400})
        whole, streamed, refused = sorted(rows(), key=lambda row: ids.index(str(row["request_id"])))
    for row in (whole, streamed):
        assert (row["status"], row["model"], row["client_name"], row["tries"]) == (200, 'na"me \\ ü€', "tests", 2)
        assert Decimal(str(row["cost_usd"])) == Decimal("0.00045")
        assert (row["input_tokens"], row["output_tokens"], row["estimated"], row["error"]) == (100, 20, False, None)
        first, second = json.loads(str(row["attempts"]))
        assert 0 <= first["started_ms"] < second["started_ms"] < float(str(row["total_ms"]))
        assert (first["failure"], second["failure"]) == ("unreachable", None)
        started = datetime.fromisoformat(str(row["started_at"]))
        assert before - timedelta(seconds=1) < started < before + timedelta(seconds=20)
        assert started.microsecond
    assert (whole["stream"], streamed["stream"]) == (False, True)
    assert (refused["status"], refused["provider"], refused["cost_usd"], refused["upstream_model"]) == (404, None, None, None)
    counted = {(one["dimension"], one["name"]): (one["requests"], one["errors"]) for one in sums if one["dimension"] != "key"}
    model = 'na"me \\ ü€'
    assert (counted["model", model], counted["provider", "chaos"]) == ((2, 0), (2, 0))
    assert counted["total", ""][1] == 1
    assert counted["total", ""][0] == len(gateway_rows)
