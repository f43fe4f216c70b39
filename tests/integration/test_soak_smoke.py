"""Does mixed traffic with failures, cancels and edits of the catalog succeed, and leave nothing behind?"""

from __future__ import annotations

import shutil

import pytest

from bench import soak

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="the load generator needs a C compiler")
SECONDS = 12
STRENGTH = 0.05
"""Of the rates: this test runs beside others, and asserts nothing about time."""


def test_traffic_when_everything_happens_at_once_then_each_request_ends_as_it_must() -> None:
    with soak.measured(pinned=False) as (target, installation, upstream, folder, cpu):
        found = soak.soak(target, installation, upstream, folder, SECONDS, cpu, strength=STRENGTH)
    assert found.faults() == []
    assert found.requests > 500
    assert len(found.samples) >= 3
