"""What is the base address of a target, of what people paste? And which header carries its key?"""

from __future__ import annotations

import re

from providers import http_vendor
from providers.openai_compatible.presets import Auth
from providers.transport import Origin

ENDINGS = re.compile(
    r"(?<=/v\d)/(audio/(speech|transcriptions|translations)|images/(edits|generations|variations)"
    r"|messages|models|moderations|rerank|responses)"
    r"|/(chat/completions|embeddings|completions)"
)
"""What people paste behind a base address. The first are cut off behind a version only: elsewhere they may be part of it."""


def bare(address: str) -> str:
    """The address without what stands around it when it is copied: spaces, slashes, the path of one endpoint. Its query stays."""
    whole, mark, query = address.strip().partition("?")
    base = whole.rstrip("/")
    while found := re.search(rf"({ENDINGS.pattern})$", base):
        base = base[: found.start()].rstrip("/")
    return f"{base}?{query}" if mark and query else base


def origin_of(address: str, label: str) -> tuple[Origin, str, str]:
    """The origin, the path without its last slash, and the query of an address as it was pasted. Raises `ConfigurationError`."""
    return http_vendor.origin_of(bare(address), label)


def auth_header(auth: Auth, key: str) -> tuple[str, str]:
    """The header, name in lower case, that carries the key."""
    return ("authorization", f"Bearer {key}") if auth is Auth.BEARER else ("api-key", key)
