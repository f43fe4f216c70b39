"""What is remembered of the words with which a try failed? The upstream's, short, without keys, and not what the client wrote."""

from __future__ import annotations

import re

from providers.errors import CallerError, ProviderError
from providers.wire.openai.errors import scrub

LONGEST = 400
"""Characters."""
NAME = re.compile(r"[A-Za-z][\w.\[\]-]{0,79}")


def failure_text(error: ProviderError) -> str:
    """The text of an error whose secrets are masked. Of a refused request it is the status and the names of what was wrong: its
    words, which went to the client, may repeat the prompt."""
    if isinstance(error, CallerError):
        names = (error.error_type, error.upstream_code, error.param)
        known = [name for name in names if name and NAME.fullmatch(name)]
        return " ".join([f"status {error.upstream_status}:", *dict.fromkeys(map(scrub, known))]).rstrip(":")
    return scrub(" ".join(error.detail.replace("\0", "").split())[: 2 * LONGEST])[:LONGEST]
