"""Where is a publication read if no `serve` has started a process for it? In a thread of the server's process."""

from __future__ import annotations

import threading

from django.conf import settings

from models_catalog.publication.reader import PublicationReader

STOP_S = 2.0


class PublicationThread:
    """Reads between `start` and `stop`."""

    def __init__(self) -> None:
        self._reader = PublicationReader(settings.GATEWAY_REDIS_PUBLICATION_URL)
        self._thread = threading.Thread(target=self._reader.run, name="publication", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Waits for the reader to give back its lease; one that hangs is left behind."""
        self._reader.stop()
        self._thread.join(STOP_S)
