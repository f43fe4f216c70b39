"""Is a long input made of tokens alone? Told from its brackets and commas, without an object of Python for each number."""

from __future__ import annotations

MAX_TOKENS = 20_000_000
"""Numbers of an input. OpenAI takes 2,048 lists of 8,192 tokens, which are 16,777,216."""
LONG = 1024 * 1024
"""Bytes of an input from which its tokens are not decoded: an integer takes up to 36 bytes where its text takes two."""
PIECE_BYTES = 256 * 1024
_WITHIN = b"0123456789- \t\r\n"


def is_tokens(raw: bytes) -> bool:
    """Whether a valid JSON text is a list of integers, or one of lists of integers."""
    pieces = (raw[at : at + PIECE_BYTES].translate(None, _WITHIN) for at in range(0, len(raw), PIECE_BYTES))
    left = b"".join(pieces)
    lists = left.count(b"[") - 1
    if lists < 0 or left.translate(None, b"[],"):
        return False
    return lists == 0 or (left.startswith(b"[[") and left.endswith(b"]]") and left.count(b"],[") == lists - 1)
