"""What does a package look like that offers hooks? A module, and metadata with the entry point group `signalbox.hooks`."""

from __future__ import annotations

from pathlib import Path

MODULE = '''
"""Hooks of another package."""

from typing import Annotated

import msgspec

from openai_api.hooks import Refusal
from providers.types import Secret


class Denier:
    """Refuses every request with a code. Nothing else."""

    class Options(msgspec.Struct, forbid_unknown_fields=True):
        code: Annotated[str, msgspec.Meta(description="What it says")] = "denied"
        token: Secret | None = None

    def __init__(self, options):
        self.code = options.code

    def before_request(self, context, request):
        raise Refusal(451, self.code, "No.")


class Noter:
    """Notes each exchange in a file, with a word."""

    class Options(msgspec.Struct, forbid_unknown_fields=True):
        path: str
        word: str = "seen"
        token: Secret | None = None

    def __init__(self, options):
        self.options = options
        open(options.path, "a").close()

    def observe(self, transcript):
        with open(self.options.path, "a") as file:
            told = "" if self.options.token is None else str(len(self.options.token.reveal()))
            file.write(f"{transcript.record.request_id} {self.options.word} {told}\\n")


class Faulty:
    """Cannot be made."""

    def __init__(self):
        raise RuntimeError("its server is away")

    def before_request(self, context, request):
        pass
'''
ENTRY_POINTS = """[signalbox.hooks]
denier = offered_hooks:Denier
noter = offered_hooks:Noter
faulty = offered_hooks:Faulty
missing = offered_hooks:Missing
"""


def install(folder: Path) -> str:
    """Makes the package in that folder; what `PYTHONPATH` must be for it to be found."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "offered_hooks.py").write_text(MODULE)
    metadata = folder / "offered_hooks-1.0.dist-info"
    metadata.mkdir(exist_ok=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: offered-hooks\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(ENTRY_POINTS)
    return str(folder)
