"""What runs in the recorder's own process? Django with the tables of requests and nothing else, and the recorder."""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_project.settings")

import django
import structlog
from django.conf import settings

log = structlog.stdlib.get_logger("gateway.recording")
NICE = 4
"""How far it stands back behind the workers, should they share a processor."""
BACKLOG = 128
NOT_STARTED = 3
"""Status of a process that could not start."""
AGAIN = "--again"
"""Given to the process that replaces one which could not start: the reason is logged once, not again."""


def main() -> None:
    """Serves the workers until standard input, which only the server holds, is closed. A restarted one finds the sums of the
    one before and the same socket."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # they reach all processes of a service or terminal; this one ends last
    settings.INSTALLED_APPS = ["openai_api"]
    django.setup()
    from gateway_project import log_stream
    from gateway_project.handed_hooks import TakenHooks
    from gateway_project.recording import COUNTS, RUN_DIR, SOCKET, build_recorder, shown
    from openai_api.recording.metrics import Counts
    from openai_api.recording.receiver import Receiver

    log_stream.detach()
    folder = Path(os.environ[RUN_DIR])
    try:
        listener = listen(folder / SOCKET)
    except OSError as error:
        if AGAIN not in sys.argv:
            log.error("the recorder cannot start", error=str(error))
        sys.exit(NOT_STARTED)
    observation = shown()
    receiver = Receiver(listener, build_recorder(folder.name, Counts(folder / COUNTS), observation))
    TakenHooks(folder, observation).start()
    gc.collect()
    gc.freeze()
    with suppress(OSError):
        os.nice(NICE)
    receiver.run(sys.stdin.fileno())


def listen(path: Path) -> socket.socket:
    """The socket at that path, in place of one that a killed recorder has left."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(BACKLOG)
    return listener


if __name__ == "__main__":
    main()
