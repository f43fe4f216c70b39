"""Does who waits for the database end when he is told to, whatever comes at the same moment?"""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from openai_api.database.threads import DatabaseThreads


async def test_run_when_the_answer_comes_with_the_cancellation_then_it_is_cancelled() -> None:
    """What `stop` waits for would never end otherwise."""
    loop, threads, answered = asyncio.get_running_loop(), DatabaseThreads("test"), threading.Event()

    def work() -> None:
        loop.call_soon_threadsafe(task.cancel)
        answered.set()

    task = asyncio.create_task(threads.run(work))
    await asyncio.sleep(0)
    answered.wait(5)
    time.sleep(0.05)  # noqa: ASYNC251 - both reach the loop in one turn
    with pytest.raises(asyncio.CancelledError):
        await task
    await threads.close()
