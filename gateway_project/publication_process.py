"""What runs in the process that reads a publication in Redis? Django with the catalog, and the reader."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_project.settings")

import django
from django.conf import settings

NICE = 4
"""How far it stands back behind the workers, should they share a processor."""
END_S = 1.0


def main() -> None:
    """Reads until standard input, which only the server holds, is closed."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # they reach all processes of a service or terminal
    django.setup()
    from gateway_project import log_stream
    from models_catalog.publication.reader import PublicationReader

    log_stream.detach()
    with suppress(OSError):
        os.nice(NICE)
    reader = PublicationReader(settings.GATEWAY_REDIS_PUBLICATION_URL)
    thread = threading.Thread(target=reader.run, name="publication", daemon=True)
    thread.start()
    while thread.is_alive() and not _closed():
        pass
    reader.stop()
    thread.join(END_S)
    sys.exit(0)


def _closed() -> bool:
    """Whether standard input has ended. Nothing is ever written to it, so that reading waits for its end."""
    return not os.read(sys.stdin.fileno(), 1)


if __name__ == "__main__":
    main()
