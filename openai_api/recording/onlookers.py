"""Who looks at exchanges where records are kept? What the recorder must know of them: to whom it hands what workers tell."""

from __future__ import annotations

from typing import Any, Protocol


class Onlookers(Protocol):
    """Takes transcripts, as they are or as MessagePack, from any thread; never fails, never waits. `lost` are those that somebody
    has not seen."""

    @property
    def lost(self) -> int: ...

    def start(self) -> None: ...

    def put(self, transcript: Any) -> None: ...

    def put_encoded(self, transcript: bytes) -> None: ...

    def stop(self) -> None:
        """Ends, after what was told has been shown. Blocks."""
        ...


class Nobody:
    """Stands where nobody looks."""

    lost = 0

    def start(self) -> None:
        pass

    def put(self, transcript: Any) -> None:
        pass

    def put_encoded(self, transcript: bytes) -> None:
        pass

    def stop(self) -> None:
        pass
