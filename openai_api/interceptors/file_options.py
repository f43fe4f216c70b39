"""Which options have the interceptors that write files in common?"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

FileName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$")]
"""A file's name without a folder."""


def check_redaction(name: str, value: bool) -> None:
    """Files of cylestio-perimeter have this option; here nothing is kept with its credentials."""
    if not value:
        raise ValueError(f"{name} cannot be false: credentials are never kept")
