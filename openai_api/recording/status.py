"""In which state is the recorder? As a worker shows it at `/status`."""

from __future__ import annotations

from typing import Literal

import msgspec

Mode = Literal["thread", "process"]
State = Literal["ok", "stuck", "away"]


class RecorderStatus(msgspec.Struct, frozen=True):
    """`stuck`: it takes nothing; `away`: there is none. `waiting` are the records of this worker that may still be lost with
    it, `dropped` those that were."""

    mode: Mode
    state: State
    waiting: int
    dropped: int
