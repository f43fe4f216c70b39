"""How are the limits of a new key said on the command line? `--rpm`, `--tpm`, `--max-concurrent` and `--max-wait`."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from models_catalog.models import ClientKey, Limit

LIMITS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "rpm": ("requests", "requests a minute that it may make; default: no limit"),
        "tpm": ("tokens", "tokens a minute that it may use; default: no limit"),
        "max_concurrent": ("concurrent", "requests that it may have under way at once; default: no limit"),
    }
)
"""Options, and what each of them counts."""


def add_limits(parser: ArgumentParser) -> None:
    """The options."""
    for name, (_, text) in LIMITS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, metavar="N", help=text)
    parser.add_argument(
        "--max-wait", type=float, metavar="S", help="seconds that a request waits for a limit before it is refused; default: 0"
    )


def make_limits(row: ClientKey, options: Mapping[str, Any]) -> None:
    """The limits that were asked for. Raises `ValidationError`."""
    for name, (counted, _) in LIMITS.items():
        if options[name] is not None:
            limit = Limit(client_key=row, counted=counted, amount=options[name], per=Limit.Per.MINUTE)
            limit.full_clean()
            limit.save()
    if options["max_wait"] is not None:
        row.max_wait_s = options["max_wait"]
        row.full_clean()
        row.save()
