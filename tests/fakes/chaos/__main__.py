"""How is the chaos upstream started? `python -m tests.fakes.chaos [--host 127.0.0.1] [--port 0]`, ended by SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys

import uvloop

from tests.fakes.chaos.server import ChaosServer


async def serve(host: str, port: int) -> None:
    chaos = ChaosServer()
    server = await chaos.start(host, port)
    sys.stdout.write(json.dumps({"port": chaos.port}) + "\n")
    sys.stdout.flush()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.chaos", description="An upstream that misbehaves on request.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free port; it is printed as JSON")
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(options.host, options.port))


if __name__ == "__main__":
    main()
