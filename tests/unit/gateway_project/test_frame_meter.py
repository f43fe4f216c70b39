"""Are small frames counted, however they are cut, and large ones let through?"""

from __future__ import annotations

from random import Random

import pytest

from gateway_project.frame_meter import BURST, PER_S, SMALL, FrameMeter


def frame(payload: int, head: int = 0x81, *, masked: bool = True) -> bytes:
    """A frame with a payload of so many bytes."""
    mask = 0x80 if masked else 0
    if payload < 126:
        length = bytes([mask | payload])
    elif payload < 65536:
        length = bytes([mask | 126]) + payload.to_bytes(2, "big")
    else:
        length = bytes([mask | 127]) + payload.to_bytes(8, "big")
    return bytes([head]) + length + b"mask" * masked + b"\x89" * payload


@pytest.mark.parametrize("payload", [0, 1, 125, 126, SMALL - 1])
@pytest.mark.parametrize("masked", [True, False])
def test_meter_when_small_frames_come_at_once_then_allows_a_burst_and_no_more(payload: int, masked: bool) -> None:
    assert FrameMeter(0).allows(frame(payload, masked=masked) * BURST, 0)
    assert not FrameMeter(0).allows(frame(payload, masked=masked) * (BURST + 1), 0)


@pytest.mark.parametrize("payload", [SMALL, 65535, 65536])
def test_meter_when_frames_carry_much_then_allows_any_number(payload: int) -> None:
    meter = FrameMeter(0)
    assert all(meter.allows(frame(payload) * 20, 0) for _ in range(2 * BURST // 20))


def test_meter_when_time_passes_then_allows_more_up_to_a_burst() -> None:
    meter = FrameMeter(0)
    assert meter.allows(frame(0) * BURST, 0)
    assert meter.allows(frame(0) * PER_S, 1)
    assert meter.allows(frame(0) * BURST, 1000)
    assert not meter.allows(frame(0), 1000)


@pytest.mark.parametrize("number", range(50))
def test_meter_when_frames_are_cut_anywhere_then_counts_the_same(number: int) -> None:
    chance = Random(number)
    frames = [frame(chance.choice([0, 5, 126, 300, SMALL, 70_000]), masked=chance.random() < 0.8) for _ in range(30)]
    small = sum(len(each) < SMALL + 4 for each in frames)
    stream = b"".join(frames) + frame(0) * (BURST - small)
    meter = FrameMeter(0)
    at = 0
    while at < len(stream):
        size = chance.choice([1, 2, 3, 10, 1000, 50_000])
        assert meter.allows(stream[at : at + size], 0)
        at += size
    assert not meter.allows(frame(0), 0)
