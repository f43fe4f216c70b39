"""How far is it? A bar on stderr for long work, on a terminal or on demand."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import NoReturn, TypeVar

from tqdm import tqdm

SHORT = 200
"""So many rows are done before a bar could be read."""

T = TypeVar("T")


def progress(items: Iterable[T], description: str, *, total: int | None = None, forced: bool = False) -> Iterator[T]:
    """The same items. A bar appears after the first 200 if stderr is a terminal, and at once if `forced`."""
    if not (forced or sys.stderr.isatty()):
        yield from items
        return
    bar: tqdm[NoReturn] | None = None
    try:
        for done, item in enumerate(items):
            if bar is None and (forced or done == SHORT):
                bar = tqdm(desc=description, total=total, initial=done, unit=" keys", file=sys.stderr, dynamic_ncols=True)
            yield item
            if bar is not None:
                bar.update()
    finally:
        if bar is not None:
            bar.close()
