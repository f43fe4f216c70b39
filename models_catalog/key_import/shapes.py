"""Does a text have the shape of a provider key?"""

from __future__ import annotations

import re
from types import MappingProxyType

MAX_KEY_BYTES = 8 * 1024
VISIBLE_ASCII = re.compile(r"[\x21-\x7e]+")
PKCS1V15_SHAPE = re.compile(r"[\x21-\x7e]{20,512}")
"""Random bytes, which is what a failed PKCS#1 v1.5 decryption gives, have this shape less than once in 10**8 tries."""

PATTERNS_OF_TYPES = MappingProxyType(
    {
        "openai": re.compile(r"sk-[A-Za-z0-9_-]+"),
        "anthropic": re.compile(r"sk-ant-[A-Za-z0-9_-]+"),
        "deepseek": re.compile(r"sk-[A-Za-z0-9_-]+"),
        "openrouter": re.compile(r"sk-or-[A-Za-z0-9_-]+"),
        "groq": re.compile(r"gsk_[A-Za-z0-9]+"),
        "xai": re.compile(r"xai-[A-Za-z0-9_-]+"),
        "perplexity": re.compile(r"pplx-[A-Za-z0-9]+"),
        "cerebras": re.compile(r"csk-[A-Za-z0-9_-]+"),
        "nvidia": re.compile(r"nvapi-[A-Za-z0-9_-]+"),
    }
)
"""Provider type → what the keys of its vendor look like, where the vendor has only one form."""


def fault_of_key(key: str) -> str:
    """What is wrong with a key, "" if nothing."""
    if not key:
        return "the key is empty"
    if len(key.encode(errors="surrogatepass")) > MAX_KEY_BYTES:
        return f"the key is longer than {MAX_KEY_BYTES // 1024} KiB"
    if any(character.isspace() or not character.isprintable() for character in key):
        return "the key contains white space or control characters"
    if not VISIBLE_ASCII.fullmatch(key):
        return "the key contains characters that are not ASCII, which no HTTP header can carry"
    return ""


def looks_like_key(name: str) -> bool:
    """Whether a provider's name is more likely a key: the columns may be swapped."""
    return any(pattern.fullmatch(name) for pattern in PATTERNS_OF_TYPES.values()) and len(name) >= 20
