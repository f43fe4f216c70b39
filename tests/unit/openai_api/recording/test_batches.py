"""Do batches arrive as they were sent however the bytes are cut, and has each of their records an id of its own?"""

from __future__ import annotations

import pytest

from models_catalog.tariffs import Prices, Rates
from openai_api.recording.batches import BATCH, Batch, Broken, batch_of, frame_of, whole_frames, worker_name
from openai_api.recording.events import Attempt, Record
from providers.capabilities import Capability
from providers.types import Usage


def batch(number: int, count: int = 3, worker: str = "0123456789") -> Batch:
    records = [Record(f"r{place}", "POST", "/v1/chat/completions", started=1.5e9) for place in range(count)]
    records[0].attempts = [Attempt("t", "p", "u", "upstream_reset", "unreachable", 0.5), Attempt("t", "p", "u")]
    records[0].usage = Usage(input_tokens=2**40, output_tokens=1)
    records[0].prices, records[0].capability = Prices(Rates(input=1_500_000)), Capability.CHAT
    return Batch("run", worker, 4711, number, records)


def test_frames_when_cut_anywhere_give_the_batches_that_were_sent() -> None:
    sent = [batch(number) for number in range(4)]
    data = b"".join(map(frame_of, sent))
    for step in (1, 3, 7, 100, len(data)):
        received, found = bytearray(), []
        for start in range(0, len(data), step):
            received += data[start : start + step]
            found += [batch_of(frame) for frame in whole_frames(received)]
        assert found == sent
        assert received == b""


def test_bytes_that_are_no_frames_are_refused() -> None:
    with pytest.raises(Broken):
        whole_frames(bytearray(b"\xff\xff\xff\xff"))
    with pytest.raises(Broken):
        batch_of(b"\0\0\0\1\xc1")
    with pytest.raises(Broken):
        batch_of(frame_of(batch(0))[:-1])


def test_rows_of_batches_have_ids_of_their_own_that_begin_with_the_time_and_stay() -> None:
    batches = [batch(number, BATCH, worker) for worker in (worker_name(), worker_name()) for number in (0, 1, 2**32 - 1)]
    ids = [one.row_id(place) for one in batches for place in range(BATCH)]
    assert len(set(ids)) == len(ids)
    assert {len(found) for found in ids} == {32}
    assert {found[:12] for found in ids} == {f"{1_500_000_000_000:012x}"}
    assert [batch_of(frame_of(batches[0])).row_id(place) for place in range(BATCH)] == ids[:BATCH]
