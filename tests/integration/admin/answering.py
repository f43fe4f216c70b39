"""Who answers in the process of the tests? A gateway of the rows that there are, in an event loop of its own thread."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from models_catalog.compiler.compile import compile_snapshot
from openai_api.explain import here
from tests.unit.openai_api.parts import Site


@contextmanager
def answering() -> Iterator[Site]:
    """The gateway, which is asked by pages while it is there."""
    site = Site()
    site.gateway.catalog.swap(compile_snapshot())
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    here.tell(site.gateway, loop)
    try:
        yield site
    finally:
        here.forget(site.gateway)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
