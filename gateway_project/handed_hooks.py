"""How do the hooks of the catalog get to the recorder process, which has no catalog? By an encrypted file in the server's folder.

The worker that first sees a newer catalog writes it; the recorder looks at it several times a second, and sooner than it shows
an exchange to observers.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from gateway_project.hook_rows import Observers
from models_catalog.secrets.sealed_file import CannotSeal, SealedFile
from openai_api.hooks.specs import HookSpec
from openai_api.observing.observation import Observation
from providers.types import Secret

log = logging.getLogger("gateway.hooks")
HOOKS, FAULTS = "hooks.sealed", "hooks.faults"
LOOK_S = 0.2
"""Less than an exchange is held for its order."""


def _revealed(value: object) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError


class HandedHooks:
    """The worker's end."""

    def __init__(self, folder: Path) -> None:
        self._file = SealedFile(folder / HOOKS)
        self._faults = folder / FAULTS

    def hand(self, version: int, specs: Sequence[HookSpec]) -> None:
        """Never raises: whoever loads the catalog must go on."""
        try:
            text = msgspec.json.encode(list(specs), enc_hook=_revealed).decode()
            self._file.write(version, Secret(text))
        except (OSError, CannotSeal) as error:
            log.error("hooks cannot be handed to the recorder", extra={"error": type(error).__name__})

    def faults(self) -> Mapping[str, str]:
        """What the recorder could not make, by the names of hooks."""
        try:
            found = json.loads(self._faults.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


class TakenHooks:
    """The recorder's end: a thread that makes the observers of the file in place of those before."""

    def __init__(self, folder: Path, observation: Observation) -> None:
        self._file = SealedFile(folder / HOOKS)
        self._faults = folder / FAULTS
        self._observers = Observers(observation)
        self._seen = (0, 0)

    def start(self) -> None:
        """Looks once, and from then on again and again, as long as the process lives."""
        self._look()
        threading.Thread(target=self._follow, name="handed-hooks", daemon=True).start()

    def _follow(self) -> None:
        while True:
            time.sleep(LOOK_S)
            self._look()

    def _look(self) -> None:
        changed = self._file.changed()
        if changed == self._seen:
            return
        self._seen = changed
        try:
            self._take()
        except Exception:  # what was handed wrongly is replaced with the next edit
            log.exception("hooks that were handed to the recorder cannot be used")

    def _take(self) -> None:
        found = self._file.read()
        if found is not None:
            self._observers.replace(msgspec.json.decode(found.text.reveal(), type=list[HookSpec]))
            self._faults.write_text(json.dumps(dict(self._observers.faults)), encoding="utf-8")
